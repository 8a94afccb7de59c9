#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""From seal mode `pcr` to `signed`, updates, and approvals that are taken back. Usage: test_migration.py BUILD-DIRECTORY"""

import hashlib
import json
import shutil
import signal
import sys
import unittest

from stack import ISSUER_NAME, SOURCE, wait_for
from verifier_case import VerifierCase

sys.path.insert(0, str(SOURCE / "tests" / "issuer"))
from device import Approver

SEALED, NOT_ENROLLED, POLICY_DENIED = 19, 20, 22
PCR = 11
POLICY = """[Policy]
Version=1
[Rule sealed]
Require=quote.sealed@hardware and quote.sealed.sha256.11@hardware
"""
SIGNED_POLICY = POLICY + """[Rule approved]
Require=quote.approver@hardware == fleet
"""


def sha256(data):
    return hashlib.sha256(data).digest()


class Migration(VerifierCase):
    """The machine boots systems A, B and C, which differ in PCR 11."""

    def setUp(self):
        super().setUp()
        self.fleet = Approver()
        self.stack.path("fleet.pem").write_bytes(self.fleet.pem())
        self.signatures = []

    def approve(self, system, reference):
        """The fleet signs a system, and the signature comes to the device."""
        entry = self.fleet.approve({PCR: sha256(bytes(32) + sha256(system.encode()))}, reference.encode())
        self.signatures.append(entry)
        self.stack.write("signatures.json", json.dumps({"sha256": self.signatures}))

    def daemon(self, reference=None):
        """Starts it in mode `signed` with this reference, or in mode `pcr`."""
        self.stack.end("attesterd")
        seal = ""
        if reference is not None:
            seal = f"[Seal]\nMode=signed\nPublicKey={self.stack.path('fleet.pem')}\nSignatures={self.stack.path('signatures.json')}\nPolicyRef={reference}\n"
        self.stack.start_daemon(pcrs=f"sha256:{PCR}", limits=seal)

    def boot(self, system, reference=None):
        self.stack.end("attesterd")
        self.stack.end("swtpm")
        self.stack.start_tpm()
        self.stack.extend_pcr(PCR, system)
        self.daemon(reference)

    def trust(self, reference, policy=SIGNED_POLICY):
        """The operator's approver and policy, taken while the issuer runs."""
        config = self.stack.path("issuer.conf")
        plain = config.read_text().split("[Approver")[0]
        config.write_text(f"{plain}[Approver fleet]\nPublicKey={self.stack.path('fleet.pem')}\nPolicyRef={reference}\nPcrs=sha256:{PCR}\n")
        self.stack.write("issuer-policy/50-fleet.conf", policy)
        seen = len(self.events("reload"))
        self.stack.processes["issuer"].send_signal(signal.SIGHUP)
        event = wait_for(lambda: self.events("reload")[seen:], "the issuer's reload")[0]
        self.assertEqual(event["outcome"], "ok", event)

    def start_in_a(self):
        self.stack.start_website(policy=POLICY)
        self.stack.start_site()
        self.boot("A")
        return self.enroll()

    def enroll(self):
        return self.stack.attestctl_json("enroll", ISSUER_NAME)["device"]

    def reseal(self):
        self.stack.attestctl("reseal")
        return self.enroll()

    def devices(self, *words):
        return self.stack.run(self.stack.build / "issuer" / "attester-issuer", "--allow-root", "--config", self.stack.path("issuer.conf"),
                              "devices", *words).stdout

    def keep_key(self, name):
        """A copy of the state directory: the key's blob, and what the daemon knows of its enrolment."""
        shutil.copytree(self.stack.path("state"), self.stack.path(name))

    def use_key(self, name, reference=None):
        self.stack.end("attesterd")
        shutil.rmtree(self.stack.path("state"))
        shutil.copytree(self.stack.path(name), self.stack.path("state"))
        self.daemon(reference)

    def key(self):
        return sha256(self.stack.path("state", "ak.key").read_bytes())

    def assert_refused_by_the_issuer(self, reason):
        seen = len(self.events())
        self.fetch()
        self.assertEqual([event["reason"] for event in self.events()[seen:]][:1], [reason], self.stack.log("attesterd")[-2000:])
        return self.events()[seen]

    def assert_sealed(self):
        """The TPM does not let the key sign; the issuer is not even asked."""
        seen = len(self.events())
        self.assertIn("Sealed", self.stack.attestctl("fetch", "--json", "--cacert", self.stack.path("ca.pem"), self.stack.site_url, check=False).stdout)
        self.assert_fails(SEALED)
        self.assertEqual(self.events()[seen:], [])

    def migrate(self):
        """A in mode `pcr`, then in mode `signed` under the reference fleet-1; the key of before is kept as `state-pcr`."""
        device = self.start_in_a()
        self.devices("group", device, "kiosk")
        self.assert_gets_in()
        self.keep_key("state-pcr")
        self.trust("fleet-1", POLICY)
        self.approve("A", "fleet-1")
        self.daemon("fleet-1")
        self.assert_gets_in()  # with the key that it has
        self.assertEqual(self.reseal(), device)
        self.trust("fleet-1")
        return device

    def test_identity_group_and_quota_stay_and_the_old_key_is_refused(self):
        device = self.migrate()
        self.assert_gets_in()
        self.assertIn("sealed to what fleet approves", self.events()[-1]["detail"])
        lines = self.devices("list").splitlines()[1:]
        self.assertEqual(len(lines), 1)
        fields = lines[0].split()
        self.assertEqual((fields[0], fields[4], fields[-1]), (device, "3", "kiosk"))
        self.keep_key("state-signed")
        self.use_key("state-pcr")
        event = self.assert_refused_by_the_issuer("NotEnrolled")
        self.assertEqual(event["device"], device)
        self.assertIn("newer key", event["detail"])
        self.use_key("state-signed", "fleet-1")
        self.assert_gets_in()

    def test_signed_update_keeps_key_and_identity_and_unsigned_one_is_sealed(self):
        device = self.migrate()
        key = self.key()
        self.approve("B", "fleet-1")
        self.boot("B", "fleet-1")
        self.assert_gets_in()
        self.assertEqual((self.key(), self.events()[-1]["device"]), (key, device))
        self.boot("C", "fleet-1")
        self.assert_sealed()
        self.boot("A", "fleet-1")
        self.assert_gets_in()
        self.assertEqual(len(self.events("enroll")), 4)  # two of two steps each

    def test_signature_by_another_authority_opens_nothing(self):
        self.migrate()
        self.boot("C", "fleet-1")
        foreign = Approver().approve({PCR: sha256(bytes(32) + sha256(b"C"))}, b"fleet-1")
        own = self.signatures[0]
        self.stack.write("signatures.json", json.dumps({"sha256": [foreign, {**foreign, "pkfp": own["pkfp"]}, {**own, "pol": foreign["pol"]}]}))
        self.assert_sealed()

    def test_approval_that_was_taken_back_is_refused_by_tpm_and_issuer(self):
        device = self.migrate()
        self.approve("B", "fleet-1")
        self.boot("B", "fleet-1")
        self.assert_gets_in()
        self.keep_key("state-old-reference")
        # A turns out to be vulnerable: B alone is signed under the next reference, which the issuer asks for from now on.
        self.trust("fleet-2")
        event = self.assert_refused_by_the_issuer("PolicyDenied")
        self.assertEqual([rule["rule"] for rule in event["rules"]], ["sealed", "approved"])
        self.approve("B", "fleet-2")
        self.daemon("fleet-2")
        self.assertEqual(self.reseal(), device)
        self.assert_gets_in()
        # Back in A, whose signature under the old reference is still there.
        self.boot("A", "fleet-2")
        self.assert_sealed()
        self.use_key("state-old-reference", "fleet-1")
        self.assert_refused_by_the_issuer("NotEnrolled")
        # Nor is it enrolled again.
        self.assertNotEqual(self.stack.attestctl("enroll", ISSUER_NAME, check=False).returncode, 0)
        self.assertEqual(self.events("enroll")[-1]["reason"], "NotAuthorized")
        self.assert_refused_by_the_issuer("NotEnrolled")


if __name__ == "__main__":
    unittest.main()
