#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Authorities that approve boot states, as attester-issuer is told of them. Usage: test_approvers.py PROGRAM [unittest arguments]."""

import subprocess
import unittest

from device import Approver, Device
from issuer_case import IssuerCase

POLICY = """[Policy]
Version=1
[Rule sealed]
Require=quote.sealed@hardware
[Rule approver]
Require=quote.approver@hardware == fleet
[Rule covered]
Require=quote.sealed.sha256.7@hardware
[Rule no-more]
Require=not quote.sealed.sha256.0
"""
ALL = ["sealed", "approver", "covered"]


class Approvers(IssuerCase):
    options = {"policy": POLICY}

    def setUp(self):
        self.fleet, self.vendor = Approver(), Approver()
        (self.issuer.directory / "fleet.pem").write_bytes(self.fleet.pem())
        (self.issuer.directory / "vendor.pem").write_bytes(self.vendor.pem())
        if not hasattr(type(self), "plain"):
            type(self).plain = self.issuer.config.read_text()
        self.addCleanup(lambda: (self.issuer.config.write_text(self.plain), self.issuer.reload()))
        self.configure(f"[Approver vendor]\nPublicKey={self.issuer.directory}/vendor.pem\n" + self.section())

    def section(self, reference="fleet-1", pcrs="Pcrs=sha256:7", key="fleet", name="fleet"):
        return f"[Approver {name}]\nPublicKey={self.issuer.directory}/{key}.pem\nPolicyRef={reference}\n{pcrs}\n"

    def configure(self, sections, expect="ok"):
        self.issuer.config.write_text(self.plain + sections)
        return self.issuer.reload(expect)

    def sealed(self, auth_policy):
        device = Device()
        device.new_attestation_key(auth_policy=auth_policy)
        self.assertEqual(self.issuer.enroll(device).status, 200)
        return device

    def rules(self, device, **options):
        response, _ = self.ask(device, **options)
        return [] if response.status == 200 else [rule["rule"] for rule in response.problem["rules"]]

    def test_key_sealed_to_an_approver_is_sealed_and_names_it(self):
        device = self.sealed(self.fleet.auth_policy(b"fleet-1"))
        self.assertEqual(self.rules(device), [])
        self.assertIn("the key is sealed to what fleet approves", self.issuer.events()[-1]["detail"])

    def test_key_of_another_approver_is_sealed_and_names_that(self):
        device = self.sealed(self.vendor.auth_policy())
        self.assertEqual(self.rules(device), ["approver", "covered"])

    def test_key_sealed_to_an_unknown_authority_or_reference_is_not_sealed(self):
        for policy in (Approver().auth_policy(b"fleet-1"), self.fleet.auth_policy(), self.fleet.auth_policy(b"fleet-2"),
                       self.vendor.auth_policy(b"fleet-1"), b"\xaa" * 32):
            self.assertEqual(self.rules(self.sealed(policy)), ALL)

    def test_lying_claim_of_an_approver_does_not_count(self):
        claims = {"quote.approver": [2, "fleet"], "quote.sealed": [0, True], "quote.sealed.sha256.7": [0, True]}
        self.assertEqual(self.rules(self.sealed(b"\xaa" * 32), facts=claims), ALL)

    def test_registers_that_the_operator_did_not_name_are_not_covered(self):
        device = self.sealed(self.fleet.auth_policy(b"fleet-1"))
        for pcrs in ("", "Pcrs=sha256:11", "Pcrs=sha384:7"):
            self.configure(self.section(pcrs=pcrs))
            self.assertEqual(self.rules(device), ["covered"])
        self.configure(self.section(pcrs="Pcrs=sha256:0,7"))
        self.assertEqual(self.rules(device), ["no-more"])

    def test_new_reference_takes_all_approvals_of_the_old_one_back(self):
        old = self.sealed(self.fleet.auth_policy(b"fleet-1"))
        self.assertEqual(self.rules(old), [])
        self.configure(self.section("fleet-2"))
        self.assertEqual(self.rules(old), ALL)
        self.assertEqual(self.rules(self.sealed(self.fleet.auth_policy(b"fleet-2"))), [])

    def test_broken_sections_are_named_and_change_nothing(self):
        device = self.sealed(self.fleet.auth_policy(b"fleet-1"))
        (self.issuer.directory / "none.pem").write_text("nonsense")
        cases = {
            self.section(key="none"): "none.pem: It is not a public key",
            self.section(key="missing"): "missing.pem",
            self.section() + self.section(): "two sections [Approver fleet]",
            self.section() + self.section(name="again"): "[Approver again] has the key and the policy reference of [Approver fleet]",
            self.section(reference="x" * 33): "PolicyRef: the value is too long",
            self.section(pcrs="Pcrs=sha256:24"): "Pcrs: A PCR number from 0 to 23",
            self.section(name="a b"): "a name has at most 64",
            "[Approver fleet]\n": "[Approver fleet] needs PublicKey=",
            self.section() + "Colour=blue\n": "section [Approver fleet] has no key Colour",
        }
        for sections, mention in cases.items():
            self.assertIn(mention, self.configure(sections, "failed"))
            check = subprocess.run(self.issuer.command("--check-config"), timeout=20, capture_output=True, text=True)
            self.assertNotEqual(check.returncode, 0)
            self.assertIn(mention, check.stderr)
            self.assertEqual(self.rules(device), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
