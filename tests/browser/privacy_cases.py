# SPDX-License-Identifier: BSD-2-Clause
"""Who learns what while a browser visits websites: what each party got is recorded, and searched for what it must never see."""

import hashlib
import itertools
import json
import os
import re

from agent_fixture import challenge, token_of
from sites import ISSUER_NAME, USER_NAME, wait_for
from test_privacy import child_of, memory_of, spellings
from user_session import USER

SHARED_BYTES = 8  # as long a string in two random values is there by chance once in 10^14 comparisons of a token's length


def token_requests(sent):
    """(headers without evidence, body) of each token request in a client's plaintext."""
    found = []
    for match in re.finditer(rb"POST [^\r]* HTTP/1\.1\r\n(.*?)\r\n\r\n", sent, re.DOTALL):
        headers = match[1].split(b"\r\n")
        length = int(next(line for line in headers if line.lower().startswith(b"content-length:")).split(b":")[1])
        if b"application/private-token-request" in match[1]:
            kept = sorted(line for line in headers if not line.lower().startswith(b"attestation-evidence:"))
            found.append((kept, sent[match.end():match.end() + length]))
    return found


def pieces(value):
    return {value[i:i + SHARED_BYTES] for i in range(len(value) - SHARED_BYTES + 1)}


class PrivacyCases:
    """Mixed into the cases of test_browser.py."""

    def tokens_of_visits(self, visits):
        """Visits pages one after another; returns for each website its tokens, and by visit what the issuer was sent in it."""
        tokens, sent = {}, []
        for origin, path, title in visits:
            self.sites.clear()
            before = len(self.sites.recorder.sent)
            self.visit(f"https://{origin}{path}", title)
            seen = [line[4] for line in self.sites.requests(path)] + [value for _, value in self.sites.kept_site.requests]
            tokens.setdefault(origin, []).extend(token_of(value) for value in seen if value)
            sent.append((origin, bytes(self.sites.recorder.sent[before:])))
        return tokens, sent

    def assert_holds_none(self, where, content, secrets):
        for name, secret in secrets.items():
            for form in spellings(secret):
                self.assertNotIn(form, content, f"{name} is in {where}")

    def origin_secrets(self, tokens):
        """What nobody between the browser and the websites may see of these visits."""
        secrets = {"the host": b"shop.example", "another host": b"blog.example", "the third host": b"kept.example"}
        for number, token in enumerate(itertools.chain(*tokens.values())):
            secrets |= {f"nonce {number}": token[2:34], f"challenge digest {number}": token[34:66], f"signature {number}": token[98:],
                        f"part of signature {number}": token[198:230]}
        for origin in tokens:
            secrets |= {f"hash of {origin}": hashlib.sha256(origin.encode()).digest(),
                        f"hash of {origin}'s host": hashlib.sha256(origin.split(":")[0].encode()).digest()}
        return secrets

    def person_secrets(self):
        """What neither issuer nor website may see: who sits there."""
        return {"the user's name": USER_NAME.encode(), "the home directory": str(self.sites.home).encode(), "the uid": str(USER).encode(),
                "the user's account": b"nobody"}

    def device_secrets(self):
        """What no website may see: which device it is, and how it is kept."""
        record = self.sites.path("state", "issuers", ISSUER_NAME).read_text()
        key_name = re.search(r"KeyName=([0-9a-f]{60,})", record)[1]
        return {"the device": self.sites.device.encode(), "its key's name": bytes.fromhex(key_name), "the kernel": os.uname().release.encode(),
                "evidence": b"attestation", "PCRs": b"sha256:", "Secure Boot": b"secure_boot"}

    def test_a_visit_shows_each_party_its_own_part_and_no_more(self):
        sites = self.sites
        visits = [(sites.shop, "/one.html", "one"), (sites.blog, "/two.html", "two"), (sites.kept, "/page", "in"), (sites.kept, "/page", "in")]
        sites.kept_site.headers.clear()
        tokens, _ = self.tokens_of_visits(visits)
        self.assertEqual({origin: len(them) for origin, them in tokens.items()}, {sites.shop: 1, sites.blog: 1, sites.kept: 2})
        self.assertEqual(challenge(ISSUER_NAME, sites.kept, sites.kept_site.issuer_key)[1], tokens[sites.kept][0][34:66])
        secrets, person = self.origin_secrets(tokens), self.person_secrets()
        self.assert_daemon_s_bus_holds_none(secrets)
        self.assert_issuer_holds_none({**secrets, **person})
        received = b"".join(sites.kept_site.headers) + sites.path("requests.log").read_bytes() + sites.path("gate.log").read_bytes()
        self.assertIn(b"PrivateToken", received)
        self.assert_holds_none("a website", received, {**person, **self.device_secrets()})

    def assert_daemon_s_bus_holds_none(self, secrets):
        monitor = self.sites.path("bus-monitor.log")
        wait_for(lambda: b"quote-shared-by" in monitor.read_bytes(), "the answer, at dbus-monitor")
        content = monitor.read_bytes()
        self.assertIn(ISSUER_NAME.encode(), content)
        self.assertIn(b"RequestTokens", content)
        self.assert_holds_none("a message of the daemon's bus", content, secrets)
        daemon = self.sites.processes["attesterd"].pid
        for where, process in (("attesterd's memory", daemon), ("attester-net's memory", child_of(daemon))):
            self.assert_holds_none(where, memory_of(process), secrets)
        self.assert_holds_none("attesterd's log", self.sites.path("attesterd.log").read_bytes(), secrets)

    def assert_issuer_holds_none(self, secrets):
        sent = bytes(self.sites.recorder.sent)
        self.assertTrue(token_requests(sent))
        self.assertIn(b"attestation-evidence", sent.lower())
        self.assert_holds_none("what the issuer got", sent + bytes(self.sites.recorder.received), secrets)
        self.assert_holds_none("the issuer's log", self.sites.path("issuer.log").read_bytes(), secrets)
        self.assert_holds_none("the issuer's memory", memory_of(self.sites.processes["issuer"].pid), secrets)

    def test_two_websites_cannot_be_joined_through_the_issuer(self):
        sites = self.sites
        tokens, sent = self.tokens_of_visits([(sites.shop, "/one.html", "one"), (sites.blog, "/one.html", "one")] * 3)
        requests = [(origin, *request) for origin, part in sent for request in token_requests(part)]
        self.assertEqual([origin for origin, _, _ in requests], [sites.shop, sites.blog] * 3)
        # To the issuer, a request for one website is like a request for the other: all but what is random in each.
        self.assertEqual(len({tuple(headers) for _, headers, _ in requests}), 1, requests)
        self.assertEqual({(len(body), body[:3]) for _, _, body in requests}, {(259, requests[0][2][:3])})
        for one, other in itertools.combinations([body[3:] for _, _, body in requests], 2):
            self.assertFalse(pieces(one) & pieces(other), "two blinded messages share something")
        self.assert_holds_none("a token request", b"".join(part for _, part in sent), self.origin_secrets(tokens))
        # To the websites, one's tokens have the issuer's key in common with the other's, and nothing else.
        for one, other in itertools.product(tokens[sites.shop], tokens[sites.blog]):
            self.assertEqual((one[:2], one[66:98]), (other[:2], other[66:98]))
            self.assertFalse(pieces(one[2:66] + one[98:]) & pieces(other[2:66] + other[98:]), "two tokens share something")
        # Nor do they share anything with what the issuer saw.
        seen = set().union(*(pieces(body[3:]) for _, _, body in requests))
        for token in itertools.chain(*tokens.values()):
            self.assertFalse(pieces(token[2:66] + token[98:]) & seen, "the issuer saw a part of a token")

    def test_users_of_a_machine_have_one_directory(self):
        own = self.sites.attestctl_json("issuers")
        other = self.sites.attestctl_as(str(USER), "issuers", "--json")
        self.assertEqual(other.returncode, 0, other.stderr)
        self.assertEqual(own, json.loads(other.stdout))
