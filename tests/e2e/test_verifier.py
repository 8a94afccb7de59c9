#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the verifier derives by itself, with a real TPM simulator. Usage: test_verifier.py BUILD-DIRECTORY"""

import json
import sys
import unittest

from stack import ISSUER_NAME, Stack

SEALED_POLICY = """[Policy]
Version=1
[Rule sealed]
Require=quote.sealed@hardware and quote.sealed.sha256.7@hardware
[Rule to-no-more]
Require=not quote.sealed.sha256.0
"""


class VerifierCase(unittest.TestCase):
    def setUp(self):
        self.stack = stack = Stack(BUILD)
        self.addCleanup(stack.stop)
        stack.make_certificates()
        stack.start_tpm()
        stack.start_bus()

    def start(self, policy, **daemon):
        self.stack.start_issuer(policy=policy)
        self.stack.start_gate()
        self.stack.start_site()
        self.stack.configure_issuer()
        self.stack.start_daemon(**daemon)
        return self.stack.attestctl_json("enroll", ISSUER_NAME)["device"]

    def fetch(self):
        return self.stack.attestctl("fetch", "--cacert", self.stack.path("ca.pem"), self.stack.site_url, check=False)

    def assert_gets_in(self):
        result = self.fetch()
        self.assertEqual(result.returncode, 0, result.stderr + self.stack.log("attesterd") + self.stack.log("issuer"))

    def events(self, kind="token-request"):
        lines = [json.loads(line) for line in self.stack.log("issuer").splitlines() if line.startswith("{")]
        return [event for event in lines if event["event"] == kind]


class Seal(VerifierCase):
    def test_key_sealed_to_part_of_the_quote_is_seen_as_sealed(self):
        self.start(SEALED_POLICY)
        self.assert_gets_in()
        self.assertIn("sealed to sha256:7;", self.events()[-1]["detail"])

    def test_key_sealed_to_other_registers_does_not_meet_the_rule(self):
        self.start(SEALED_POLICY, pcrs="sha256:16")
        self.assertNotEqual(self.fetch().returncode, 0)
        self.assertEqual([rule["rule"] for rule in self.events()[-1]["rules"]], ["sealed"])


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
