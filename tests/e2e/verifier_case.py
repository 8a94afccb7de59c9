# SPDX-License-Identifier: BSD-2-Clause
"""A device with a TPM simulator, an issuer and a website; for scripts whose first argument is the build directory."""

import json
import sys
import unittest

from stack import ISSUER_NAME, Stack

BUILD = sys.argv.pop(1)


class VerifierCase(unittest.TestCase):
    def setUp(self):
        self.stack = stack = Stack(BUILD)
        self.addCleanup(stack.stop)
        stack.start_ground()

    def start(self, policy, **daemon):
        self.stack.start_website(policy=policy)
        self.stack.start_site()
        self.stack.start_daemon(**daemon)
        return self.stack.attestctl_json("enroll", ISSUER_NAME)["device"]

    def fetch(self):
        return self.stack.attestctl("fetch", "--cacert", self.stack.path("ca.pem"), self.stack.site_url, check=False)

    def assert_gets_in(self):
        result = self.fetch()
        self.assertEqual(result.returncode, 0, result.stderr + self.stack.log("attesterd") + self.stack.log("issuer"))

    def assert_fails(self, status):
        """The request ends with this exit status of attestctl."""
        result = self.fetch()
        self.assertEqual(result.returncode, status, result.stdout + result.stderr + self.stack.log("attesterd"))
        return result.stderr

    def events(self, kind="token-request"):
        lines = [json.loads(line) for line in self.stack.log("issuer").splitlines() if line.startswith("{")]
        return [event for event in lines if event["event"] == kind]
