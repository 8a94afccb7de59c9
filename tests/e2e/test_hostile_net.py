#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Somebody has taken over attester-net: what they gain is that there are no tokens. Usage: test_hostile_net.py BUILD-DIRECTORY"""

import base64
import contextlib
import json
import os
import pathlib
import re
import sys
import unittest

from stack import ISSUER_NAME, Stack
from visitor import ask

HERE = pathlib.Path(__file__).resolve().parent
# As docs/attestctl.md numbers them.
NOT_ENROLLED, ISSUER_REJECTED, TOKEN_INVALID, KEY_MISMATCH = 20, 32, 40, 43


class HostileNet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = stack = Stack(BUILD)
        cls.addClassCleanup(stack.stop)
        stack.start_ground()
        stack.start_website()
        cls.net = stack.path("net")
        cls.net.mkdir()
        cls.say("relay")
        cls.program = stack.write("hostile-net", f'#!/bin/sh\nexec {sys.executable} {HERE / "hostile_net.py"} '
                                                 f'{stack.build / "attesterd/net/attester-net"} {cls.net}\n')
        cls.program.chmod(0o755)
        cls.start()
        cls.device = stack.attestctl("enroll", ISSUER_NAME).stdout

    @classmethod
    def start(cls):
        cls.stack.start_daemon(options=("--net-program", cls.program))

    @classmethod
    def say(cls, mode):
        (cls.net / "mode").write_text(mode)

    def token(self, mode):
        """What attestctl says to the gate's challenge while attester-net does that, and the statuses that the attacker got."""
        answers = self.net / "answers"
        answers.write_text("")
        self.say(mode)
        _, challenge, _ = ask(self.stack)
        done = self.stack.attestctl("token", "--challenge", challenge, "--origin", self.stack.origin, "--json", check=False)
        self.say("relay")
        return done, [int(line) for line in answers.read_text().splitlines()]

    def assert_gets_in(self):
        done, _ = self.token("relay")
        self.assertEqual(done.returncode, 0, done.stderr)
        authorization = json.loads(done.stdout)["authorization"]
        self.assertEqual(ask(self.stack, authorization)[0], 204)
        return authorization

    def assert_fails(self, mode, *statuses):
        done, answers = self.token(mode)
        self.assertIn(done.returncode, statuses, done.stdout + done.stderr)
        self.assert_gets_in()
        return answers

    def test_evidence_serves_no_request_but_the_device_s(self):
        answers = self.assert_fails("request", ISSUER_REJECTED)
        self.assertGreater(len(answers), 0)
        self.assertNotIn(200, answers)

    def test_evidence_serves_once(self):
        _, answers = self.token("repeat")
        self.assertGreater(len(answers), 1)
        self.assertEqual(answers.count(200) * 2, len(answers), answers)  # of each and its repetition one
        self.assert_gets_in()

    def test_token_of_theirs_does_not_reach_a_program(self):
        self.assert_fails("token", TOKEN_INVALID)

    def test_key_of_theirs_is_not_what_the_website_asked_for(self):
        document = json.loads(self.stack.run("curl", "--silent", "--cacert", self.stack.path("ca.pem"), self.stack.issuer_url).stdout)
        key = bytearray(base64.urlsafe_b64decode(document["token-keys"][0]["token-key"] + "=="))
        key[len(key) // 2] ^= 1
        (self.net / "key").write_text(base64.urlsafe_b64encode(key).decode())
        self.say("directory")
        self.stack.end("attesterd")
        self.start()
        done, _ = self.token("directory")
        self.assertEqual(done.returncode, KEY_MISMATCH, done.stdout + done.stderr)
        self.stack.end("attesterd")
        self.start()
        self.assert_gets_in()

    def test_lie_about_the_enrolment_is_mended_by_another(self):
        done, _ = self.token("fault")
        self.assertEqual(done.returncode, NOT_ENROLLED, done.stdout + done.stderr)
        self.assertEqual(self.stack.attestctl("enroll", ISSUER_NAME).stdout, self.device)
        self.assert_gets_in()

    def test_attesterd_has_no_socket_of_the_network_and_attester_net_has(self):
        self.assert_gets_in()
        daemon = self.stack.processes["attesterd"].pid
        child = int(pathlib.Path(f"/proc/{daemon}/task/{daemon}/children").read_text())
        net = int(pathlib.Path(f"/proc/{child}/task/{child}/children").read_text())
        of_network = {line.split()[9] for name in ("tcp", "tcp6", "udp", "udp6") for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]}
        self.assertEqual(self.sockets(daemon) & of_network, set())
        self.assertNotEqual(self.sockets(net) & of_network, set())

    @staticmethod
    def sockets(process):
        """The inodes of its sockets."""
        links = []
        for file in pathlib.Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed by now
                links.append(os.readlink(file))
        return {link[len("socket:["):-1] for link in links if link.startswith("socket:[")}

    def test_neither_website_nor_token_goes_by(self):
        (self.net / "seen").write_bytes(b"")
        token = base64.urlsafe_b64decode(re.search('token="?([A-Za-z0-9_=-]+)', self.assert_gets_in())[1])
        seen = (self.net / "seen").read_bytes()
        self.assertIn(b"Attestation-Evidence", seen)
        # RFC 9577, section 2.2; between challenge and signature is the issuer's key, which everybody knows.
        secrets = {"origin": self.stack.origin.encode(), "nonce": token[2:34], "challenge": token[34:66], "signature": token[98:130]}
        for name, secret in secrets.items():
            for form in (secret, base64.b64encode(secret)[:-4], secret.hex().encode()):
                self.assertNotIn(form, seen, name)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main(verbosity=2)
