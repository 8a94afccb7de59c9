# SPDX-License-Identifier: BSD-2-Clause
"""Users beside each other: who asks much does not make another wait, and none learns of another. Orders and counts, no times."""

import base64
import collections
import hashlib
import os
import threading

import bus_fixture
import dbus
import dbus.lowlevel
from bus_fixture import ATTESTER, NOBODY, REQUEST_TOKENS, Background, BusCase

ISSUER = "attest.example"
CROWD = 60
FLOOD, FLOOD_MAX, WINDOW = 1500, 30000, 100
OTHERS = 50
TRIES = 4


def send(bus, issuer, body, replies):
    return bus_fixture.send(bus, ATTESTER, "RequestTokens", REQUEST_TOKENS, (issuer, [body], {}), replies)


class Users(BusCase):
    def bus_as(self, uid):
        """A connection of another user: the bus asks the socket who made it."""
        os.seteuid(uid)
        try:
            return self.stack.bus()
        finally:
            os.seteuid(0)


class SharedQuotes(Users):
    options = {"issuers": ("attest",), "real_issuer": True, "proxy": ("--delay-ms", "1500", "--only", "Quote")}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stack.enroll_with_fakes(["attest"])
        cls.stack.request(ISSUER)

    def crowd_and_one(self):
        """While the TPM is busy with one request, a crowd of one user asks, and after it one of another: all replies."""
        crowd, one = self.stack.bus(), self.bus_as(NOBODY)
        replies = []
        try:
            self.arrived(one)
            first = send(crowd, ISSUER, b"first", [])
            self.arrived(crowd)
            calls = []
            for _ in range(CROWD):
                calls.append(send(crowd, ISSUER, b"crowd", replies))
            self.arrived(crowd)
            calls.append(send(one, ISSUER, b"one", replies))
            self.arrived(one)
            for call in calls:
                call.block()
            first.block()
        finally:
            crowd.close()
            one.close()
        return [reply.get_args_list()[1] for reply in replies]

    def test_one_beside_a_crowd_shares_its_quote_and_is_posted_among_the_first(self):
        for _ in range(TRIES):  # a machine that is slow may let the quote end before all have asked
            self.stack.fake.requests["attest"].clear()
            infos = self.crowd_and_one()
            self.assertEqual(len(infos), CROWD + 1)
            if all(info["quote-shared-by"] == CROWD + 1 for info in infos):
                break
        else:
            self.fail(f"never shared one quote: {collections.Counter(int(info['quote-shared-by']) for info in infos)}")
        bodies = [body for _, body in self.stack.fake.requests["attest"] if body != b"first"]
        self.assertEqual(collections.Counter(bodies), {b"crowd": CROWD, b"one": 1})
        # It came last and stands second: only the 16 that are under way at once can overtake it.
        self.assertLess(bodies.index(b"one"), 17)
        self.check_siblings([headers for headers, body in self.stack.fake.requests["attest"] if body == b"crowd"])

    def check_siblings(self, headers):
        """
        The requests of the crowd are of one user, device, second and body: claims without a salt would be the same, and whoever has
        one evidence could tell which of its siblings are such.
        """
        leaves = set()
        for header in headers:
            evidence = base64.b64decode(header["Attestation-Evidence"].strip(":"))
            leaves.add(hashlib.sha256(b"\x00" + claims_of(evidence)).digest())
        self.assertEqual(len(leaves), CROWD)


def claims_of(evidence):
    """The claims in encoded evidence: the byte string that begins with the profile's claim."""
    at = evidence.index(bus_fixture.fake_issuer.PROFILE.encode())
    for length_at in range(at):
        if evidence[length_at] == 0x59:  # a byte string with a length of two bytes (RFC 8949, section 3)
            end = length_at + 3 + int.from_bytes(evidence[length_at + 1 : length_at + 3], "big")
            if length_at + 3 <= at < end <= len(evidence):
                return evidence[length_at + 3 : end]
    raise AssertionError("no claims in the evidence")


class Flood(Users):
    options = {"issuers": ("plain",), "limits": "[Limits]\nRequestsPerSecond=20\nRequestsBurst=100\nInFlightPerUser=20\n"}

    def flood(self, bus, enough):
        """FLOOD calls, and more until `enough`, WINDOW of them unanswered at any time; how often each outcome came."""
        replies, calls = [], collections.deque()
        for count in range(FLOOD_MAX):
            if count >= FLOOD and enough.is_set():
                break
            if len(calls) == WINDOW:
                calls.popleft().block()
            calls.append(send(bus, "plain.example", b"flood", replies))
        for call in calls:
            call.block()
        return collections.Counter(reply.get_error_name() if isinstance(reply, dbus.lowlevel.ErrorMessage) else "ok"
                                   for reply in replies)

    def test_flood_is_answered_in_full_and_others_are_served(self):
        flooder = self.bus_as(NOBODY)
        enough = threading.Event()
        flood = Background(self.flood, flooder, enough)
        self.addCleanup(enough.set)
        served = 0
        while flood.is_alive() and served < OTHERS:
            self.assertEqual(bytes(self.stack.request("plain.example", [b"other"])[0][0]), b"token")
            served += 1
        enough.set()
        outcomes = flood.result()
        flooder.close()
        self.assertEqual(served, OTHERS)
        self.assertEqual(set(outcomes), {"ok", "org.attesterd.Error.RateLimited"})
        self.assertGreaterEqual(sum(outcomes.values()), FLOOD)
        self.assertGreater(outcomes["org.attesterd.Error.RateLimited"], FLOOD // 2)
        self.assertEqual([body for _, body in self.stack.fake.requests["plain"]].count(b"other"), OTHERS)


if __name__ == "__main__":
    bus_fixture.main()
