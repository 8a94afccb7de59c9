# SPDX-License-Identifier: BSD-2-Clause
"""An issuer and a device for the tests of attester-issuer; imported by scripts whose first argument is the program."""

import sys
import unittest

import cbor2

from device import Device
from running_issuer import RunningIssuer

PROGRAM = sys.argv.pop(1)


class IssuerCase(unittest.TestCase):
    """One issuer and one enrolled device for all cases of a class."""

    options = {}

    @classmethod
    def setUpClass(cls):
        cls.issuer = RunningIssuer(PROGRAM, **cls.options)
        cls.addClassCleanup(cls.issuer.close)
        cls.key = cls.issuer.token_key()
        cls.device = Device(cls.options.get("authority"))
        enrolled = cls.issuer.enroll(cls.device)
        assert enrolled.status == 200, enrolled.body
        cls.device_id = cbor2.loads(enrolled.body)[2]

    def ask(self, who=None, nonce=None, **options):
        """A token request with fresh evidence: (response, whether the token verifies)."""
        request, state = self.key.blind()
        evidence = (who or self.device).evidence(request, nonce or self.issuer.nonce(), **options)
        response = self.issuer.token_request(request, evidence)
        return response, response.status == 200 and self.key.finalize(state, response.body)

    def assert_refused(self, response, status, reason):
        self.assertEqual((response.status, response.reason), (status, reason), response.body)
        self.assertEqual(len(response.nonce), 32)
        self.assertEqual(response.headers["Cache-Control"], "no-store")

    def assert_issued(self, who=None, **options):
        response, valid = self.ask(who, **options)
        self.assertEqual(response.status, 200, response.body)
        self.assertTrue(valid)
        return response
