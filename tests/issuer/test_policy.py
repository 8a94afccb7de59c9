#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The operator's policy: rules, groups, approved states and quotas. Usage: test_policy.py PROGRAM [unittest arguments]."""

import os
import signal
import subprocess
import time
import unittest

import cbor2

from device import Device
from issuer_case import IssuerCase

POLICY = """[Policy]
Version=3
[Rule os-current]
Require=os.id in {debian ubuntu} and os.version >= 12.5
Remedy=Run Software Updates, then restart.
[Rule quoted-boot]
Require=pcr.sha256.7 == "%s"
""" % ("77" * 32)


class Policy(IssuerCase):
    options = {"policy": POLICY}

    def test_device_that_meets_it_gets_a_token(self):
        self.assert_issued()

    def test_device_that_does_not_is_403_with_rules(self):
        response, _ = self.ask(facts={"os.id": [2, "debian"], "os.version": [3, "11.9"]})
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertEqual([rule["rule"] for rule in response.problem["rules"]], ["os-current"])
        self.assertIn("11.9", response.problem["rules"][0]["reason"])
        self.assertEqual(response.problem["rules"][0]["remedy"], "Run Software Updates, then restart.")
        event = self.issuer.events()[-1]
        self.assertEqual((event["outcome"], event["reason"], event["rules"][0]["rule"]), ("refused", "PolicyDenied", "os-current"))

    def test_missing_and_unreadable_facts_are_403(self):
        for facts in ({}, {"os.id": None, "os.version": None}):
            response, _ = self.ask(facts=facts)
            self.assert_refused(response, 403, "PolicyDenied")

    def test_what_the_verifier_derives_is_not_taken_from_claims(self):
        who = Device()
        who.pcrs = {11: {0: b"\x11" * 32, 7: b"\x99" * 32}}
        self.assertEqual(self.issuer.enroll(who).status, 200)
        facts = {"os.id": [2, "debian"], "os.version": [3, "12.5"], "pcr.sha256.7": [2, "77" * 32]}
        response, _ = self.ask(who, facts=facts)
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertEqual([rule["rule"] for rule in response.problem["rules"]], ["quoted-boot"])

    def test_quote_of_sha1_registers_alone_does_not_meet_a_rule_on_sha256(self):
        who = Device()
        who.pcrs = {4: {0: b"\x11" * 20, 7: b"\x77" * 20}}
        self.assertEqual(self.issuer.enroll(who).status, 200)
        for claimed in ({}, {"pcr.sha256.7": [2, "77" * 32]}):
            response, _ = self.ask(who, facts={"os.id": [2, "debian"], "os.version": [3, "12.5"], **claimed})
            self.assert_refused(response, 403, "PolicyDenied")
            self.assertEqual([rule["rule"] for rule in response.problem["rules"]], ["quoted-boot"])

    def test_reload_takes_a_new_policy_and_keeps_the_old_if_it_is_broken(self):
        facts = {"os.id": [2, "debian"], "os.version": [3, "12.4"]}
        self.assertEqual(self.ask(facts=facts)[0].status, 403)
        self.issuer.write_policy(POLICY.replace("12.5", "12.4"))
        self.issuer.process.send_signal(signal.SIGHUP)
        self.issuer.wait_for_event(lambda event: event["event"] == "reload" and event["outcome"] == "ok")
        self.assert_issued(facts=facts)
        self.issuer.write_policy("[Rule x]\nRequire=((\n")
        self.issuer.process.send_signal(signal.SIGHUP)
        self.issuer.wait_for_event(lambda event: event["event"] == "reload" and event["outcome"] == "failed")
        self.assert_issued(facts=facts)


class Groups(IssuerCase):
    """Devices of a group fall under the group's own policy, and approved boot states are a group's."""

    options = {"policy": "[Policy]\nVersion=1\n[Rule common]\nRequire=os.id == nowhere\n"}

    def devices(self, *words, status=0):
        result = subprocess.run(self.issuer.command("devices", *words), timeout=20, capture_output=True, text=True)
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stdout

    def rules(self, who):
        response, _ = self.ask(who)
        return [] if response.status == 200 else [rule["rule"] for rule in response.problem["rules"]]

    def member(self, group, pcr4=b"\x44" * 32):
        device = Device()
        device.pcrs = {11: {0: b"\x11" * 32, 1: os.urandom(32), 2: b"\x22" * 32, 4: pcr4, 7: b"\x77" * 32}}
        identifier = cbor2.loads(self.issuer.enroll(device).body)[2]
        self.devices("group", identifier, group)
        return device, identifier

    def setUp(self):
        policies = self.issuer.directory / "groups"
        for group, rule in (("kiosk", "os.id == debian"), ("office", "pcr.approved@hardware")):
            (policies / group).mkdir(parents=True, exist_ok=True)
            (policies / group / "10.conf").write_text(f"[Policy]\nVersion=1\n[Rule {group}]\nRequire={rule}\n")
        if "GroupPolicies" not in self.issuer.config.read_text():
            self.issuer.config.write_text(self.issuer.config.read_text().replace("\nPolicy=", f"\nGroupPolicies={policies}\nPolicy="))
            self.issuer.stop()
            self.issuer.start()

    def test_policy_is_that_of_the_group(self):
        self.assertEqual(self.rules(self.device), ["common"])
        kiosk, identifier = self.member("kiosk")
        self.assertEqual(self.rules(kiosk), [])
        self.devices("group", identifier, "another")
        self.assertEqual(self.rules(kiosk), ["common"])

    def test_group_without_rules_keeps_the_issuer_from_starting(self):
        (self.issuer.directory / "groups" / "empty").mkdir()
        self.addCleanup((self.issuer.directory / "groups" / "empty").rmdir)
        check = subprocess.run(self.issuer.command("--check-config"), timeout=20, capture_output=True, text=True)
        self.assertIn("groups/empty", check.stderr)
        self.assertNotEqual(check.returncode, 0)

    def test_approved_state_counts_for_the_whole_group_and_no_other(self):
        first, identifier = self.member("office")
        second, _ = self.member("office")
        changed, _ = self.member("office", pcr4=b"\x45" * 32)
        for device in (first, second, changed):
            self.assertEqual(self.rules(device), ["office"])
        self.devices("approve", identifier)
        self.assertEqual([self.rules(device) for device in (first, second, changed)], [[], [], ["office"]])
        state = self.devices("approved").splitlines()[1].split()
        self.assertEqual(state[2], "office")
        self.devices("group", identifier, "kiosk")
        self.devices("disapprove", state[0], status=8)
        self.devices("disapprove", state[0], "office")
        self.assertEqual(self.rules(second), ["office"])

    def test_lying_claim_of_approval_does_not_count(self):
        device, _ = self.member("office", pcr4=b"\x46" * 32)
        response, _ = self.ask(device, facts={"pcr.approved": [0, True]})
        self.assert_refused(response, 403, "PolicyDenied")

    def test_approve_of_what_was_never_verified_is_refused(self):
        _, identifier = self.member("office")
        self.assertEqual(self.devices("approve", identifier, status=8), "")
        self.devices("approve", "00" * 16, status=8)
        self.devices("disapprove", "zz", status=2)


REFERENCE_POLICY = """[Policy]
Version=1
[Rule approved]
Require=pcr.approved@hardware
[Rule new-firmware]
Require=pcr.reference@hardware in {"x1-1.52" "x1-1.53"}
"""


class References(IssuerCase):
    """Boot states that the operator gives."""

    options = {"policy": REFERENCE_POLICY}

    def setUp(self):
        self.directory = self.issuer.directory / "reference-values"
        self.directory.mkdir(exist_ok=True)
        self.give(f"[Reference x1-1.52]\nsha256:0={'11' * 32} {'12' * 32}\nsha256:7={'77' * 32}\n"
                  f"[Reference old]\nsha256:0={'10' * 32}\n[Reference x1-1.53]\nGroup=office\nsha256:0={'13' * 32}\n")

    def give(self, text, expect="ok"):
        (self.directory / "x1.conf").write_text(text)
        config = self.issuer.config.read_text()
        if "ReferenceValues" not in config:
            self.issuer.config.write_text(config.replace("[Verifier]", f"[Verifier]\nReferenceValues={self.directory}"))
        return self.issuer.reload(expect)

    def rules(self, pcrs, group=None, **options):
        device = Device()
        device.pcrs = {11: {pcr: bytes.fromhex(value) * 32 for pcr, value in pcrs.items()}}
        identifier = cbor2.loads(self.issuer.enroll(device).body)[2]
        if group:
            subprocess.run(self.issuer.command("devices", "group", identifier, group), check=True, timeout=20)
        response, _ = self.ask(device, **options)
        return [] if response.status == 200 else [rule["rule"] for rule in response.problem["rules"]]

    def test_given_values_are_approved_and_the_reference_is_named(self):
        for firmware in ("11", "12"):
            self.assertEqual(self.rules({0: firmware, 7: "77"}), [])
        self.assertIn("those of x1-1.52", self.issuer.events()[-1]["detail"])
        self.assertEqual(self.rules({0: "10", 7: "00"}), ["new-firmware"])

    def test_other_missing_or_swapped_values_are_not(self):
        for pcrs in ({0: "14", 7: "77"}, {0: "11", 7: "78"}, {0: "11"}, {7: "77"}, {0: "77", 7: "11"}, {1: "11", 7: "77"}):
            self.assertEqual(self.rules(pcrs), ["approved", "new-firmware"])

    def test_reference_of_a_group_counts_for_that_alone(self):
        self.assertEqual(self.rules({0: "13"}, "office"), [])
        for group in (None, "kiosk"):
            self.assertEqual(self.rules({0: "13"}, group), ["approved", "new-firmware"])

    def test_lying_claim_of_a_reference_does_not_count(self):
        facts = {"pcr.reference": [2, "x1-1.52"], "pcr.approved": [0, True]}
        self.assertEqual(self.rules({0: "14"}, facts=facts), ["approved", "new-firmware"])

    def test_withdrawn_reference_does_not_count_and_a_broken_file_changes_nothing(self):
        self.assertIn("x1.conf:2:1: a key is", self.give("[Reference x1-1.52]\nPcr0=11\n", "failed"))
        self.assertEqual(self.rules({0: "11", 7: "77"}), [])
        check = subprocess.run(self.issuer.command("--check-config"), timeout=20, capture_output=True, text=True)
        self.assertIn("x1.conf:2:1", check.stderr)
        self.give(f"[Reference x1-1.52]\nsha256:0={'12' * 32}\n")
        self.assertEqual(self.rules({0: "11", 7: "77"}), ["approved", "new-firmware"])


class Quota(IssuerCase):
    options = {"verifier": "RequireEkCertificate=no\nTokensPerDay=2"}

    def test_more_than_the_days_tokens_are_429(self):
        while time.time() % 86400 > 86380:  # not across midnight
            time.sleep(1)
        self.assert_issued()
        self.assert_issued()
        response, _ = self.ask()
        self.assert_refused(response, 429, "RateLimited")
        self.assertTrue(0 < int(response.headers["Retry-After"]) <= 86400)
        other = Device()
        self.issuer.enroll(other)
        self.assert_issued(other)

    def test_group_has_its_own_number(self):
        while time.time() % 86400 > 86380:  # not across midnight
            time.sleep(1)
        self.issuer.config.write_text(self.issuer.config.read_text() + "[Group small]\nTokensPerDay=1\n[Group free]\nTokensPerDay=0\n")
        self.issuer.reload()
        for group, tokens in (("small", 1), ("free", 4), ("another", 2)):
            device = Device()
            identifier = cbor2.loads(self.issuer.enroll(device).body)[2]
            subprocess.run(self.issuer.command("devices", "group", identifier, group), check=True, timeout=20)
            for _ in range(tokens):
                self.assert_issued(device)
            if group != "free":
                self.assert_refused(self.ask(device)[0], 429, "RateLimited")


if __name__ == "__main__":
    unittest.main(verbosity=2)
