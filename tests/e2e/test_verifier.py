#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the verifier derives by itself, with a real TPM simulator. Usage: test_verifier.py BUILD-DIRECTORY"""

import shutil
import sys
import unittest

from stack import ISSUER_NAME, LENIENT_POLICY, SOURCE
from verifier_case import VerifierCase

sys.path.insert(0, str(SOURCE / "tests" / "issuer"))
from event_log import EventLog

NOT_ENROLLED, POLICY_DENIED = 20, 22
DATA = SOURCE / "tests" / "data"
INSECURE = EventLog((DATA / "eventlogs" / "ubuntu-2104-no-secure-boot.bin").read_bytes())
SECURE_BOOT_POLICY = "[Policy]\nVersion=1\n[Rule secure-boot]\nRequire=boot.secure_boot@hardware\nRemedy=Turn Secure Boot on.\n"

SEALED_POLICY = """[Policy]
Version=1
[Rule sealed]
Require=quote.sealed@hardware and quote.sealed.sha256.7@hardware
[Rule to-no-more]
Require=not quote.sealed.sha256.0
"""


class Seal(VerifierCase):
    def test_key_sealed_to_part_of_the_quote_is_seen_as_sealed(self):
        self.start(SEALED_POLICY)
        self.assert_gets_in()
        self.assertIn("sealed to sha256:7;", self.events()[-1]["detail"])

    def test_key_sealed_to_other_registers_does_not_meet_the_rule(self):
        self.start(SEALED_POLICY, pcrs="sha256:16")
        self.assertNotEqual(self.fetch().returncode, 0)
        self.assertEqual([rule["rule"] for rule in self.events()[-1]["rules"]], ["sealed"])


class Boot(VerifierCase):
    """A device whose TPM holds what the boot of a real machine left in it, and a root directory with that boot's log."""

    log = EventLog((DATA / "eventlogs" / "rhel8-uefi.bin").read_bytes())

    def boot(self, log, data=None):
        """The machine starts, and its daemon."""
        self.stack.end("attesterd")
        self.stack.end("swtpm")
        self.stack.start_tpm()
        self.stack.replay_log(log)
        root = self.stack.path("root")
        if not root.exists():
            shutil.copytree(DATA / "posture" / "debian-12", root, symlinks=True)
        file = root / "sys/kernel/security/tpm0/binary_bios_measurements"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(log.data if data is None else data)
        self.stack.start_daemon(root=root)

    def start_boot(self, log, data=None):
        self.stack.start_website(policy=SECURE_BOOT_POLICY)
        self.stack.start_site()
        self.boot(log, data)
        return self.stack.attestctl_json("enroll", ISSUER_NAME)["device"]

    def assert_denied(self):
        result = self.fetch()
        self.assertEqual(result.returncode, POLICY_DENIED, result.stdout + result.stderr + self.stack.log("attesterd"))
        self.assertEqual([rule["rule"] for rule in self.events()[-1]["rules"]], ["secure-boot"])

    def test_honest_boot_gets_in_at_the_first_request(self):
        device = self.start_boot(self.log)
        for _ in range(3):
            self.assert_gets_in()
        logs = self.events("event-log")
        self.assertEqual([(event["outcome"], event["device"]) for event in logs], [("accepted", device)])
        self.assertIn("Secure Boot is on", logs[0]["detail"])
        self.stack.end("attesterd")
        self.stack.start_daemon(root=self.stack.path("root"))
        self.assert_gets_in()
        self.assertEqual(len(self.events("event-log")), 1)

    def test_next_boot_sends_its_own_log(self):
        self.start_boot(self.log)
        self.assert_gets_in()
        self.boot(self.log)
        self.assert_gets_in()
        self.assertEqual([event["outcome"] for event in self.events("event-log")], ["accepted", "accepted"])

    def test_log_of_the_last_boot_does_not_stand_for_this_one(self):
        """Secure Boot was on; now it is off, and the device shows the old log and claims what it always did."""
        self.start_boot(self.log)
        self.assert_gets_in()
        self.boot(INSECURE, data=self.log.data)
        self.stack.attestctl("reseal")
        self.stack.attestctl_json("enroll", ISSUER_NAME)
        self.assert_denied()
        self.assertEqual([event["outcome"] for event in self.events("event-log")], ["accepted", "refused"])
        self.assertIn("of PCR 1, 4, 5, 7:", self.events("event-log")[-1]["detail"])

    def test_log_with_an_event_left_out_is_refused(self):
        self.start_boot(self.log, data=self.log.without(lambda pcr, kind, event: pcr == 7 and b"d\0b\0x\0" in event))
        self.assert_denied()
        self.assertIn("of PCR 7:", self.events("event-log")[-1]["detail"])

    def test_lying_claim_is_refused_and_the_device_is_named(self):
        device = self.start_boot(INSECURE)
        self.assertNotEqual(self.fetch().returncode, 0)
        event = self.events()[-1]
        self.assertEqual((event["reason"], event["device"], event["status"]), ("EvidenceInvalid", device, 403))
        self.assertIn("claims that boot.secure_boot is true", event["detail"])

    def test_machine_without_a_log_is_told_the_rule(self):
        self.start_boot(self.log, data=b"")
        self.assert_denied()
        self.assertEqual(self.events("event-log")[-1]["outcome"], "refused")

    def test_log_of_one_mebibyte_reaches_the_issuer(self):
        padding = bytes(1024 * 1024 - len(self.log.data))
        self.start_boot(self.log, data=self.log.data + padding)
        self.assert_denied()
        self.assertIn("cannot be read", self.events("event-log")[-1]["detail"])


class Identity(VerifierCase):
    """The key is the TPM's, whoever has the files."""

    def assert_not_enrolled(self):
        result = self.fetch()
        self.assertEqual(result.returncode, NOT_ENROLLED, result.stdout + result.stderr + self.stack.log("attesterd"))

    def swap_tpm(self, away, back=None):
        self.stack.end("attesterd")
        self.stack.end("swtpm")
        self.stack.path("tpm").rename(self.stack.path(away))
        if back:
            self.stack.path(back).rename(self.stack.path("tpm"))
        self.stack.start_tpm()
        self.stack.start_daemon()

    def test_state_directory_cloned_to_another_tpm_is_not_enrolled(self):
        first = self.start(LENIENT_POLICY)
        self.assert_gets_in()
        self.swap_tpm("tpm-first")
        self.assert_not_enrolled()
        self.assertIn("made by another TPM", self.stack.log("attesterd"))
        self.swap_tpm("tpm-second", "tpm-first")
        self.assert_gets_in()
        self.swap_tpm("tpm-first", "tpm-second")
        self.stack.attestctl("reseal")
        self.assertNotEqual(self.stack.attestctl_json("enroll", ISSUER_NAME)["device"], first)
        self.assert_gets_in()

    def test_copy_of_a_virtual_machine_with_its_tpm_is_noticed(self):
        device = self.start(LENIENT_POLICY)
        self.assert_gets_in()
        self.stack.end("attesterd")
        self.stack.end("swtpm")
        shutil.copytree(self.stack.path("tpm"), self.stack.path("tpm-copy"))
        for _ in range(2):  # the first machine is started twice, then its copy once
            self.stack.end("attesterd")
            self.stack.end("swtpm")
            self.stack.start_tpm()
            self.stack.start_daemon()
            self.assert_gets_in()
        self.assertEqual(self.events("clone"), [])
        self.swap_tpm("tpm-first", "tpm-copy")
        self.assert_gets_in()
        self.assertEqual([(event["outcome"], event["device"]) for event in self.events("clone")], [("noticed", device)])

    def test_cleared_tpm_enrols_again_as_the_same_device(self):
        device = self.start(LENIENT_POLICY)
        self.assert_gets_in()
        self.stack.run("tpm2_clear", "-T", self.stack.tcti)
        self.assert_not_enrolled()
        self.stack.attestctl("reseal")
        self.assertEqual(self.stack.attestctl_json("enroll", ISSUER_NAME)["device"], device)
        self.assert_gets_in()

    def test_tpm_of_another_maker_cannot_enrol(self):
        self.start(LENIENT_POLICY)
        self.stack.path("tpm-ca").rename(self.stack.path("trusted-ca"))
        self.swap_tpm("tpm-first")
        self.stack.attestctl("reseal")
        self.assertNotEqual(self.stack.attestctl("enroll", ISSUER_NAME, check=False).returncode, 0)
        self.assertEqual((self.events("enroll")[-1]["outcome"], self.events("enroll")[-1]["reason"]), ("refused", "EvidenceInvalid"))

    def test_intermediate_alone_is_trusted(self):
        chain = self.stack.path("tpm-ca/chain.pem")
        chain.write_text(chain.read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
        self.start(LENIENT_POLICY)
        self.assert_gets_in()


if __name__ == "__main__":
    unittest.main()
