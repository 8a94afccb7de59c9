#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tokens of type 0x0001 and batches of both types, from the device to the gate. Usage: test_types.py BUILD-DIRECTORY"""

import base64
import pathlib
import re
import secrets
import sys
import unittest
import urllib.request

import dbus
import dbus.bus

for folder in ("client", "issuer"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import agent_fixture  # noqa: E402
import device  # noqa: E402
import visitor  # noqa: E402
import voprf  # noqa: E402
from bus_errors import BusErrors  # noqa: E402
from stack import ISSUER_NAME, Stack  # noqa: E402

VOPRF, BLIND_RSA = 1, 2


def challenges_of(header):
    """Of a WWW-Authenticate field: by token type, the challenge alone as a field's value, and its digest."""
    found = {}
    for text in re.findall(r'PrivateToken challenge="?([A-Za-z0-9_=-]+)"?', header):
        encoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        found[int.from_bytes(encoded[:2], "big")] = f'PrivateToken challenge="{text}"', device.sha256(encoded)
    return found


class Types(BusErrors):
    @classmethod
    def setUpClass(cls):
        cls.stack = stack = Stack(BUILD)
        cls.addClassCleanup(stack.stop)
        stack.make_certificates()
        stack.start_tpm()
        stack.slow_tpm()
        stack.start_bus()
        stack.start_issuer(types="blind-rsa voprf")
        stack.start_gate(private_key=next(stack.path("issuer").glob("token-key-1-*.pem")))
        stack.start_site()
        stack.configure_issuer()
        stack.start_daemon()
        stack.start_agent()
        stack.attestctl("enroll", ISSUER_NAME)
        directory = cls.attester("GetIssuer", "s", ISSUER_NAME)
        encoded = {int(token_type): bytes(key) for token_type, key, _ in directory["token-keys"]}
        cls.keys = {VOPRF: voprf.VoprfKey(encoded[VOPRF]), BLIND_RSA: device.TokenKey(encoded[BLIND_RSA])}

    @classmethod
    def attester(cls, member, signature, *arguments):
        bus = dbus.bus.BusConnection(cls.stack.environment["DBUS_SYSTEM_BUS_ADDRESS"])
        try:
            return bus.call_blocking("org.attesterd", "/org/attesterd", "org.attesterd.Attester1", member, signature, arguments, timeout=60)
        finally:
            bus.close()

    def request(self, requests):
        responses, info = self.attester("RequestTokens", "saaya{sv}", ISSUER_NAME, requests, dbus.Dictionary({}, signature="sv"))
        return [bytes(response) for response in responses], info

    def quotes(self):
        """TPM2_Quote commands since this was asked last."""
        return self.stack.plan_tpm()["by_name"].get("Quote", 0)

    def posts(self):
        """Answers to token requests, and tokens issued, of each type, as the issuer counts them."""
        port = self.stack.path("issuer.port").read_text().split()[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            lines = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#")]
        counts = {name: int(float(value)) for name, value in lines}
        return (sum(value for name, value in counts.items() if 'endpoint="token-request"' in name and "requests_total" in name),
                *(counts[f'attester_issuer_tokens_issued_total{{type="0x000{token_type}"}}'] for token_type in (VOPRF, BLIND_RSA)))

    def challenges(self):
        status, header, _ = visitor.ask(self.stack)
        self.assertEqual(status, 401)
        return challenges_of(header)

    def assert_gets_in_once(self, authorization):
        self.assertEqual(visitor.ask(self.stack, authorization)[0], 204)
        self.assertEqual(visitor.ask(self.stack, authorization)[::2], (401, "TokenSpent"))

    def test_a_website_that_takes_both_types_is_given_the_first(self):
        result = self.stack.attestctl("fetch", "--verbose", "--cacert", self.stack.path("ca.pem"), self.stack.site_url)
        self.assertIn("Members' area", result.stdout)
        self.assertIn("issuer key: type 0x0001", result.stderr)

    def test_a_token_of_either_type_gets_in_once(self):
        for token_type, length in ((VOPRF, 98 + 48), (BLIND_RSA, 98 + 256)):
            challenge, digest = self.challenges()[token_type]
            report = self.stack.attestctl_json("token", "--challenge", challenge, "--origin", self.stack.origin)
            self.assertEqual(report["token_type"], token_type)
            token = agent_fixture.token_of(report["authorization"])
            self.assertEqual((len(token), token[34:66]), (length, digest))
            self.assert_gets_in_once(report["authorization"])

    def test_a_token_of_type_1_that_was_altered_does_not_get_in(self):
        challenge, _ = self.challenges()[VOPRF]
        authorization = self.stack.attestctl("token", "--challenge", challenge, "--origin", self.stack.origin).stdout.strip()
        token = bytearray(agent_fixture.token_of(authorization))
        token[-1] ^= 1
        altered = f'PrivateToken token="{base64.urlsafe_b64encode(bytes(token)).decode()}"'
        self.assertEqual(visitor.ask(self.stack, altered)[::2], (401, "TokenInvalid"))
        self.assert_gets_in_once(authorization)

    def test_the_agent_s_tokens_of_type_1_get_in(self):
        challenge, _ = self.challenges()[VOPRF]
        bus = dbus.bus.BusConnection(self.stack.environment["DBUS_SESSION_BUS_ADDRESS"])
        self.addCleanup(bus.close)
        authorization, info = bus.call_blocking(agent_fixture.NAME, agent_fixture.PATH, agent_fixture.INTERFACE, "GetAuthorization", "ssa{sv}",
                                                (challenge, self.stack.origin, dbus.Dictionary({}, signature="sv")), timeout=60)
        self.assertEqual(info["token-type"], VOPRF)
        self.assert_gets_in_once(str(authorization))

    def test_sixteen_requests_of_both_types_are_one_post_and_one_quote(self):
        challenge, digest = self.challenges()[VOPRF]
        pairs = [self.keys[VOPRF].blind(digest if i == 0 else None) if i % 2 == 0 else self.keys[BLIND_RSA].blind() for i in range(16)]
        before = self.posts()
        self.quotes()
        responses, info = self.request([request for request, _ in pairs])
        self.assertEqual(self.quotes(), 1)
        self.assertEqual(self.posts(), (before[0] + 1, before[1] + 8, before[2] + 8))
        self.assertEqual((info["attested"], info["quote-shared-by"]), (True, 1))
        for i, ((_, state), response) in enumerate(zip(pairs, responses)):
            self.assertTrue(self.keys[VOPRF if i % 2 == 0 else BLIND_RSA].finalize(state, response), f"response {i}")
        token = self.keys[VOPRF].token(pairs[0][1], responses[0])
        self.assert_gets_in_once(f'PrivateToken token="{base64.urlsafe_b64encode(token).decode()}"')

    def test_a_request_for_an_unknown_key_fails_the_call_and_is_named(self):
        requests = [self.keys[VOPRF].blind()[0] for _ in range(3)]
        requests[1] = requests[1][:2] + bytes([requests[1][2] ^ 1]) + requests[1][3:]
        self.assertIn("token request 2 of the batch", self.assert_error("IssuerRejected", self.request, requests))

    def test_no_known_key_is_refused_and_batches_go_on(self):
        requests = [b"\0\1" + bytes([self.keys[VOPRF].id[-1] ^ 1]) + secrets.token_bytes(49) for _ in range(2)]
        self.assert_error("IssuerRejected", self.request, requests)
        before = self.posts()
        self.request([self.keys[VOPRF].blind()[0] for _ in range(2)])
        self.assertEqual(self.posts()[0], before[0] + 1)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main(verbosity=2)
