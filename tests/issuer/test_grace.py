#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Rules that are let pass for a while, hold for some devices, or for one issuer. Usage: test_grace.py PROGRAM [unittest arguments]."""

import hashlib
import signal
import time
import unittest

import cbor2

from device import Device
from issuer_case import IssuerCase


class Grace(IssuerCase):
    """The issuer remembers by itself since when a device fails; who it is for, it decides itself, too."""

    RULE = "[Policy]\nVersion=1\n[Rule patient]\nRequire=os.id == debian\nGrace={grace}\n{more}"
    options = {"policy": RULE.format(grace="1h", more="")}

    def policy(self, grace, more=""):
        self.issuer.write_policy(self.RULE.format(grace=grace, more=more))
        before = len(self.issuer.events())
        self.issuer.process.send_signal(signal.SIGHUP)
        self.issuer.wait_for_event(lambda event: event["event"] == "reload" and event in self.issuer.events()[before:])

    def member(self):
        who = Device()
        self.assertEqual(self.issuer.enroll(who).status, 200)
        return who

    def status(self, who, **facts):
        return self.ask(who, facts={name.replace("_", "."): value for name, value in facts.items()})[0].status

    def test_failure_is_let_pass_until_the_grace_is_over_and_no_reset_renews_it(self):
        who = self.member()
        self.policy("1h")
        self.assertEqual(self.status(who, os_id=[2, "arch"]), 200)
        self.policy("1s")
        end = time.monotonic() + 30
        while self.status(who, os_id=[2, "arch"]) == 200 and time.monotonic() < end:
            time.sleep(0.2)
        self.assertEqual(self.status(who, os_id=[2, "arch"]), 403)
        # To enrol again, or with a new key, does not make the device another one; nor does the issuer forget.
        who.new_attestation_key()
        self.assertEqual(self.issuer.enroll(who).status, 200)
        self.issuer.stop()
        self.issuer.start()
        self.assertEqual(self.status(who, os_id=[2, "arch"]), 403)
        self.assertEqual(self.status(who, os_id=[2, "debian"]), 200)

    def test_rule_of_another_issuer_does_not_apply_and_the_device_cannot_say_who_asks(self):
        who = self.member()
        self.policy("", "Issuer=another.example\n")
        self.assertEqual(self.status(who, os_id=[2, "arch"]), 200)
        self.policy("", f"When=request.issuer == \"issuer.test\"\n")
        self.assertEqual(self.status(who, os_id=[2, "arch"], request_issuer=[2, "another.example"]), 403)

    def test_rollout_is_by_the_registrys_name_of_the_device(self):
        self.policy("", "Rollout=50%\n")
        for _ in range(6):
            who = Device()
            identifier = cbor2.loads(self.issuer.enroll(who).body)[2]
            place = int.from_bytes(hashlib.sha256(b"attesterd rollout 1\0patient\0" + identifier.encode()).digest()[:4], "big")
            self.assertEqual(self.status(who, os_id=[2, "arch"]), 403 if place < 1 << 31 else 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
