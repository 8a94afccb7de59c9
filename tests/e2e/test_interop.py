#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each of our roles against @cloudflare/privacypass-ts. Usage: test_interop.py BUILD-DIRECTORY"""

import base64
import json
import re
import shutil
import sys
import unittest

import dbus
import dbus.bus
from stack import SOURCE, Stack

sys.path.insert(0, str(SOURCE / "tests" / "issuer"))

import device  # noqa: E402
import voprf  # noqa: E402

PEER = SOURCE / "tests" / "interop" / "peer.mjs"
GATE_ORIGIN = "localhost"


class Interop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = stack = Stack(BUILD)
        cls.addClassCleanup(stack.stop)
        # Node.js may be newer than Debian's and live elsewhere; nothing else is taken from that directory.
        cls.node = shutil.which("node")
        stack.environment["NODE_EXTRA_CA_CERTS"] = str(stack.path("ca.pem"))
        stack.start_ground()
        # Their client sends no evidence; an issuer that asks for none serves it.
        port = stack.reserve_port()
        cls.our_issuer = f"localhost:{port}"
        stack.start_issuer(require_evidence=False, types="blind-rsa voprf", port=port, name=cls.our_issuer)
        stack.spawn("peer", cls.node, PEER, "issuer", stack.path("tls.pem"), stack.path("tls.key"), stack.path("peer.port"))
        cls.their_issuer = f"localhost:{stack.wait_for_port('peer')}"
        stack.spawn("batches", cls.node, PEER, "batches", stack.path("tls.pem"), stack.path("tls.key"), stack.path("batches.port"))
        cls.their_batches = f"localhost:{stack.wait_for_port('batches')}"
        for name in (cls.our_issuer, cls.their_issuer, cls.their_batches):
            stack.configure_issuer(name, f"https://{name}/.well-known/private-token-issuer-directory")
        stack.start_daemon()
        stack.attestctl("enroll", cls.our_issuer)

    def peer(self, *arguments, check=True):
        return self.stack.run(self.node, PEER, *arguments, check=check)

    def key_of(self, issuer):
        directory = json.loads(self.stack.run("curl", "--silent", "--max-time", "10", "--cacert", self.stack.path("ca.pem"),
                                              f"https://{issuer}/.well-known/private-token-issuer-directory").stdout)
        return directory["token-keys"][0]["token-key"]

    def their_challenge(self, issuer, origin=GATE_ORIGIN):
        return self.peer("challenge", issuer, origin, self.key_of(issuer)).stdout.strip()

    def our_token(self, challenge, origin=GATE_ORIGIN):
        return self.stack.attestctl("token", "--challenge", challenge, "--origin", origin).stdout.strip()

    def gate(self, *headers):
        arguments = [part for header in headers for part in ("--header", header)]
        return self.stack.run("curl", "--silent", "--include", "--max-time", "10", *arguments, "--header",
                              f"X-Forwarded-Host: {GATE_ORIGIN}", f"http://127.0.0.1:{self.stack.gate_port}/auth").stdout

    def start_gate(self, issuer, private_key=None):
        self.stack.end("gate")
        self.stack.start_gate(GATE_ORIGIN, issuer=issuer, private_key=private_key,
                              directory=f"https://{issuer}/.well-known/private-token-issuer-directory")

    def start_gate_for_both_types(self):
        self.start_gate(self.our_issuer, private_key=next(self.stack.path("issuer").glob("token-key-1-*.pem")))

    def challenge(self):
        found = re.search(r"(?im)^www-authenticate: *(.+)$", self.gate())
        self.assertTrue(found, self.gate() + self.stack.log("gate"))
        return found.group(1).strip()

    def assert_gate_takes(self, make_authorization):
        self.assert_passes_once(make_authorization(self.challenge()))

    def assert_passes_once(self, authorization):
        self.assertRegex(self.gate(f"Authorization: {authorization}"), r"^HTTP/1.1 20[04]")
        self.assertRegex(self.gate(f"Authorization: {authorization}"), r"^HTTP/1.1 401")

    def test_their_client_takes_a_token_from_our_issuer_for_our_gate(self):
        self.start_gate(self.our_issuer)
        self.assert_gate_takes(lambda challenge: self.peer("client", challenge).stdout.strip())

    def test_their_client_takes_a_token_of_either_type_for_our_gate(self):
        self.start_gate_for_both_types()
        for token_type, length in (("1", 146), ("2", 354)):
            made = []
            self.assert_gate_takes(lambda challenge: made.append(self.peer("client", challenge, token_type).stdout.strip()) or made[0])
            self.assertEqual(len(base64.urlsafe_b64decode(re.search('token="?([^",]+)', made[0]).group(1))), length)

    def test_their_client_takes_a_batch_of_both_types_for_our_gate(self):
        self.start_gate_for_both_types()
        tokens = self.peer("batch", *(self.challenge() for _ in range(3))).stdout.split("\n")[:-1]
        self.assertEqual((len(tokens), len(set(tokens))), (6, 6))
        for token in tokens:
            self.assert_passes_once(token)

    def test_our_client_takes_a_token_of_the_private_type_for_our_gate(self):
        self.start_gate_for_both_types()
        token = self.our_token(self.challenge())
        self.assertEqual(base64.urlsafe_b64decode(re.search('token="?([^",]+)', token).group(1))[:2], b"\0\1")
        self.assert_passes_once(token)
        self.assertIn('"outcome":"issued"', self.stack.log("issuer").strip().splitlines()[-1])

    def test_our_client_takes_a_token_from_their_issuer_for_our_gate(self):
        self.start_gate(self.their_issuer)
        self.assert_gate_takes(self.our_token)

    def test_their_origin_verifies_a_token_of_our_client_and_our_issuer(self):
        token = self.our_token(self.their_challenge(self.our_issuer))
        self.assertEqual(self.peer("verify", token, self.key_of(self.our_issuer)).stdout.strip(), "valid")

    def test_their_origin_verifies_a_token_of_our_client_and_their_issuer(self):
        token = self.our_token(self.their_challenge(self.their_issuer))
        self.assertEqual(self.peer("verify", token, self.key_of(self.their_issuer)).stdout.strip(), "valid")

    def test_their_origin_refuses_our_token_under_another_issuers_key(self):
        token = self.our_token(self.their_challenge(self.our_issuer))
        self.assertEqual(self.peer("verify", token, self.key_of(self.their_issuer)).stdout.strip(), "invalid")

    def request(self, issuer, token_types):
        """Tokens of these types in one call, made by clients that are neither ours nor theirs; what the daemon's log says of it."""
        bus = dbus.bus.BusConnection(self.stack.environment["DBUS_SYSTEM_BUS_ADDRESS"])
        self.addCleanup(bus.close)
        attester = dbus.Interface(bus.get_object("org.attesterd", "/org/attesterd"), "org.attesterd.Attester1")
        encoded = {int(token_type): bytes(key) for token_type, key, _ in attester.GetIssuer(issuer)["token-keys"]}
        make = {1: voprf.VoprfKey, 2: device.TokenKey}
        keys = [make[token_type](encoded[token_type]) for token_type in token_types]
        pairs = [key.blind() for key in keys]
        before = len(self.stack.log("attesterd"))
        responses, _ = attester.RequestTokens(issuer, [request for request, _ in pairs], dbus.Dictionary({}, signature="sv"))
        for key, (_, state), response in zip(keys, pairs, responses):
            self.assertTrue(key.finalize(state, bytes(response)))
        return self.stack.log("attesterd")[before:]

    def test_our_daemon_takes_a_batch_of_both_types_from_their_issuer(self):
        self.assertIn("as one batch, without evidence", self.request(self.their_batches, [1, 2, 2, 1, 1]))

    def test_our_daemon_asks_their_issuer_without_batches_one_by_one(self):
        log = self.request(self.their_issuer, [2, 2, 2])
        self.assertIn("takes no batches", log)
        self.assertNotIn("as one batch", log)

    def test_our_client_refuses_their_challenge_for_another_origin(self):
        result = self.stack.attestctl("token", "--challenge", self.their_challenge(self.our_issuer, "elsewhere.example"),
                                      "--origin", GATE_ORIGIN, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("elsewhere.example", result.stderr)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main(verbosity=2)
