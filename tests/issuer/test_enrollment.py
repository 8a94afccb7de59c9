#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Who may enrol with attester-issuer, and whom it revokes. Usage: test_enrollment.py PROGRAM [unittest arguments]."""

import hashlib
import os
import signal
import subprocess
import time
import unittest

import cbor2

from device import AK_ATTRIBUTES, EK_ATTRIBUTES, EK_HIGH_ATTRIBUTES, POLICY_A, POLICY_B, Authority, Device
from issuer_case import IssuerCase, PROGRAM
from running_issuer import RunningIssuer


class Enrollment(IssuerCase):
    authority = Authority()
    options = {"verifier": "RequireEkCertificate=yes", "authority": authority}

    def test_certified_device_gets_tokens_and_is_listed(self):
        self.assert_issued()
        listing = subprocess.run(self.issuer.command("devices", "list"), check=True, timeout=20, capture_output=True, text=True)
        self.assertIn(self.device_id, listing.stdout)

    def test_same_keys_again_are_the_same_device(self):
        self.assertEqual(cbor2.loads(self.issuer.enroll(self.device).body)[2], self.device_id)
        self.assert_issued()

    def test_certificate_of_another_authority_is_403(self):
        self.assert_refused(self.issuer.enroll_step(Device(Authority()).enrollment_request()), 403, "EvidenceInvalid")

    def test_no_certificate_is_403(self):
        self.assert_refused(self.issuer.enroll_step(Device().enrollment_request()), 403, "EvidenceInvalid")

    def test_certificate_of_another_key_is_403(self):
        who = Device(self.authority)
        who.ek_certificate = self.device.ek_certificate
        self.assert_refused(self.issuer.enroll_step(who.enrollment_request()), 403, "EvidenceInvalid")

    def test_skipping_to_the_second_step_is_403(self):
        who = Device(self.authority)
        activation = (int(time.time()) + 60, bytes(32))
        self.assert_refused(self.issuer.enroll_step(who.enrollment_request(activation)), 403, "EvidenceInvalid")

    def test_wrong_secret_and_moved_expiry_are_403(self):
        who = Device(self.authority)
        expires, secret = who.activate(self.issuer.enroll_step(who.enrollment_request()).body)
        for activation in ((expires, bytes([secret[0] ^ 1]) + secret[1:]), (expires + 1, secret), (0, secret)):
            self.assertEqual(self.issuer.enroll_step(who.enrollment_request(activation)).status, 403)
        self.assertEqual(self.issuer.enroll_step(who.enrollment_request((expires, secret))).status, 200)

    def test_secret_of_one_attestation_key_does_not_enrol_another(self):
        who = Device(self.authority)
        activation = who.activate(self.issuer.enroll_step(who.enrollment_request()).body)
        who.new_attestation_key()
        self.assert_refused(self.issuer.enroll_step(who.enrollment_request(activation)), 403, "EvidenceInvalid")

    def test_attestation_key_that_is_not_bound_is_403(self):
        for bit in (1 << 16, 1 << 1, 1 << 4, 1 << 5, 1 << 18):  # restricted fixedTPM fixedParent sensitiveDataOrigin sign
            who = Device(self.authority, AK_ATTRIBUTES & ~bit)
            self.assert_refused(self.issuer.enroll_step(who.enrollment_request()), 403, "EvidenceInvalid")
        who = Device(self.authority, AK_ATTRIBUTES | 1 << 6)  # userWithAuth
        self.assert_refused(self.issuer.enroll_step(who.enrollment_request()), 403, "EvidenceInvalid")

    def test_malformed_messages_are_400(self):
        good = self.device.enrollment_request()
        bodies = [b"", b"\0", b"\xa0", good[:-1], good + b"\0", bytes(1000), os.urandom(200), cbor2.dumps({1: 2})]
        bodies += [cbor2.dumps({1: 1, 3: b"\0\1\2", 4: self.device.ak_public}, canonical=True)]
        for body in bodies:
            self.assert_refused(self.issuer.enroll_step(body), 400, "Malformed")

    def test_other_media_type_is_415(self):
        response = self.issuer.request("POST", "/enroll", self.device.enrollment_request(), {"Content-Type": "application/cbor"})
        self.assert_refused(response, 415, "Unsupported")

    def test_an_attestation_key_cannot_stand_for_two_devices(self):
        who = Device(self.authority)
        who.ak, who.ak_public, who.key_id = self.device.ak, self.device.ak_public, self.device.key_id
        self.assert_refused(self.issuer.enroll_step(who.enrollment_request()), 403, "NotAuthorized")
        self.assertIn(f"the key of device {self.device_id}", self.issuer.events()[-1]["detail"])
        self.assert_issued()

    def test_one_endorsement_key_cannot_stand_for_two_devices(self):
        """A certificate is for the key's numbers, and the TPM opens a credential whatever the rest of the public area says."""
        who = Device(self.authority)
        identifier = cbor2.loads(self.issuer.enroll(who).body)[2]
        for odd in (
            {"policy": os.urandom(32)},
            {"policy": b""},
            {"exponent": 65537},
            {"attributes": EK_ATTRIBUTES | 0x400},  # noDA
            {"attributes": EK_ATTRIBUTES | 1},  # a reserved bit
            {"attributes": EK_HIGH_ATTRIBUTES},
            {"attributes": EK_ATTRIBUTES, "policy": POLICY_B},
        ):
            who.show_endorsement_key(**odd)
            who.new_attestation_key()
            self.assert_refused(self.issuer.enroll_step(who.enrollment_request()), 403, "EvidenceInvalid")
        # Templates L-1 and H-1: which of them made the key, nobody can prove.
        for template in ((EK_HIGH_ATTRIBUTES, POLICY_B), (EK_ATTRIBUTES, POLICY_A)):
            who.show_endorsement_key(*template)
            who.new_attestation_key()
            self.assertEqual(cbor2.loads(self.issuer.enroll(who).body)[2], identifier)
        self.assert_issued(who)

    def test_foreign_key_cannot_take_an_identity_over(self):
        """Everything that is public of the device, and a key of one's own: the credential opens in its TPM alone."""
        key = (self.device.ak, self.device.ak_public, self.device.key_id)
        self.device.new_attestation_key()
        expires = cbor2.loads(self.issuer.enroll_step(self.device.enrollment_request()).body)[2]
        for secret in (bytes(32), os.urandom(32)):
            self.assert_refused(self.issuer.enroll_step(self.device.enrollment_request((expires, secret))), 403, "EvidenceInvalid")
        self.assert_refused(self.ask()[0], 403, "NotEnrolled")
        self.device.ak, self.device.ak_public, self.device.key_id = key
        self.assert_issued()

    def test_superseded_key_cannot_be_enrolled_again(self):
        who = Device(self.authority)
        self.assertEqual(self.issuer.enroll(who).status, 200)
        old = (who.ak, who.ak_public, who.key_id)
        who.new_attestation_key()
        self.assertEqual(self.issuer.enroll(who).status, 200)
        self.assertEqual(self.issuer.enroll(who).status, 200)
        who.ak, who.ak_public, who.key_id = old
        self.assert_refused(self.issuer.enroll_step(who.enrollment_request()), 403, "NotAuthorized")

    def test_two_machines_with_one_tpm_are_noticed_and_named(self):
        """Two copies of a virtual machine, its TPM's state included: one of them was started once more."""
        who = Device(self.authority)
        identifier = cbor2.loads(self.issuer.enroll(who).body)[2]

        def noticed():
            return [event for event in self.issuer.events() if event["event"] == "clone"]

        before = len(noticed())
        for who.reset_count in (4, 4, 5, 6):
            self.assert_issued(who)
        self.assertEqual(len(noticed()), before)
        who.reset_count = 5
        self.assert_issued(who)
        event = noticed()[-1]
        self.assertEqual((len(noticed()), event["outcome"], event["device"]), (before + 1, "noticed", identifier))
        self.assertIn("started 5 times, and 6 times before", event["detail"])
        who.new_attestation_key()
        self.assertEqual(self.issuer.enroll(who).status, 200)
        self.assert_issued(who)
        self.assertEqual(len(noticed()), before + 1)


class EnrollmentQuota(IssuerCase):
    options = {"verifier": "RequireEkCertificate=no\nEnrollmentsPerHour=2"}

    def test_more_than_the_hours_enrolments_are_429(self):
        while time.time() % 3600 > 3580:  # not across the hour
            time.sleep(1)
        who = Device()
        for _ in range(2):
            self.assertEqual(self.issuer.enroll(who).status, 200)
        who.new_attestation_key()
        response = self.issuer.enroll_step(who.enrollment_request())
        self.assert_refused(response, 429, "RateLimited")
        self.assertTrue(0 < int(response.headers["Retry-After"]) <= 3600)
        self.assertEqual(self.issuer.enroll(Device()).status, 200)


class AllowList(unittest.TestCase):
    def test_only_listed_devices_enrol(self):
        issuer = RunningIssuer(PROGRAM)
        self.addCleanup(issuer.close)
        listed, other = Device(), Device()
        allowed = issuer.directory / "allowed"
        allowed.write_text(f"# fleet\n{'00' * 34}\n{listed.ek_name.hex()}\n")
        text = issuer.config.read_text().replace("RequireEkCertificate=no", f"RequireEkCertificate=allow-list\nEkAllowList={allowed}")
        issuer.config.write_text(text)
        self.assertEqual(issuer.stop(), 0)
        issuer.start()
        self.assertEqual(issuer.enroll(listed).status, 200)
        self.assertEqual(issuer.enroll(other).status, 403)


class FingerprintList(IssuerCase):
    """An allow-list of certificates; nobody asks who issued them."""

    def setUp(self):
        self.owner = Device(Authority())
        allowed = self.issuer.directory / "allowed"
        allowed.write_text(f"{'11' * 32}\n{hashlib.sha256(self.owner.ek_certificate).hexdigest()}\n")
        text = self.issuer.config.read_text()
        self.issuer.config.write_text(text.replace("RequireEkCertificate=no", f"RequireEkCertificate=allow-list\nEkAllowList={allowed}"))
        self.issuer.reload()

    def test_listed_certificate_enrols_without_its_chain_and_is_not_certified(self):
        identifier = cbor2.loads(self.issuer.enroll(self.owner).body)[2]
        self.assert_issued(self.owner)
        listing = subprocess.run(self.issuer.command("devices", "list"), check=True, timeout=20, capture_output=True, text=True).stdout
        line = next(line for line in listing.splitlines() if line.startswith(identifier))
        self.assertEqual(line.split()[5], "no")
        # Its certificate is known all the same: it can be revoked by its fingerprint.
        revoked = self.issuer.directory / "revoked"
        revoked.write_text(hashlib.sha256(self.owner.ek_certificate).hexdigest() + "\n")
        text = self.issuer.config.read_text()
        self.issuer.config.write_text(text.replace("EkAllowList=", f"EkRevocationList={revoked}\nEkAllowList="))
        self.issuer.reload()
        self.assert_refused(self.ask(self.owner)[0], 403, "NotAuthorized")
        self.issuer.config.write_text(text)
        self.issuer.reload()

    def test_other_or_no_certificate_is_403(self):
        for who in (Device(), Device(Authority())):
            self.assert_refused(self.issuer.enroll_step(who.enrollment_request()), 403, "EvidenceInvalid")

    def test_listed_certificate_with_another_key_is_403(self):
        thief = Device()
        thief.ek_certificate = self.owner.ek_certificate
        response = self.issuer.enroll_step(thief.enrollment_request())
        self.assert_refused(response, 403, "EvidenceInvalid")
        self.assertIn("for another key", response.problem["detail"])


class Chains(unittest.TestCase):
    """EkCaDirectory= with a root, a policy authority below it, and below that the one that certifies endorsement keys."""

    def setUp(self):
        self.root = Authority("Root")
        self.middle = Authority("Middle", parent=self.root)
        self.leaf = Authority("Leaf", parent=self.middle)
        self.issuer = RunningIssuer(PROGRAM)
        self.addCleanup(self.issuer.close)
        self.directory = self.issuer.directory / "ek-ca"
        self.directory.mkdir()

    def trust(self, *authorities):
        for file in self.directory.iterdir():
            file.unlink()
        for number, authority in enumerate(authorities):
            (self.directory / f"{number}.pem").write_bytes(authority.pem())
        (self.directory / "README").write_text("not a certificate\n")
        text = self.issuer.config.read_text()
        self.issuer.config.write_text(text.replace("RequireEkCertificate=no", f"RequireEkCertificate=yes\nEkCaDirectory={self.directory}"))
        self.issuer.reload()

    def assert_trusts(self, *authorities, maker=None):
        self.trust(*authorities)
        self.assertEqual(self.issuer.enroll(Device(maker or self.leaf)).status, 200)

    def assert_refuses(self, *authorities, maker=None, because):
        self.trust(*authorities)
        response = self.issuer.enroll_step(Device(maker or self.leaf).enrollment_request())
        self.assertEqual((response.status, response.reason), (403, "EvidenceInvalid"))
        self.assertIn(because, response.problem["detail"])

    def test_whole_chain_in_any_order_is_trusted(self):
        self.assert_trusts(self.leaf, self.root, self.middle)

    def test_intermediate_without_its_root_is_trusted_as_such(self):
        self.assert_trusts(self.leaf)
        self.assert_trusts(self.middle, self.leaf)

    def test_chain_with_a_gap_is_refused(self):
        self.assert_refuses(self.root, self.middle, because="unable to get local issuer certificate")
        self.assert_refuses(self.root, because="unable to get local issuer certificate")

    def test_expired_intermediate_is_refused_with_and_without_its_root(self):
        expired = Authority("Expired", parent=self.root, days=-1)
        self.assert_refuses(self.root, expired, maker=expired, because="certificate has expired")
        self.assert_refuses(expired, maker=expired, because="certificate has expired")
        self.assert_trusts(self.root, expired, self.middle, self.leaf)

    def test_intermediate_of_another_root_with_the_same_name_is_refused(self):
        false = Authority("Leaf", parent=Authority("Middle", parent=Authority("Root")))
        self.assert_refuses(self.root, self.middle, self.leaf, maker=false, because="is not trusted")


class RevocationList(IssuerCase):
    """An enrolled device, its key or certificate put on the list while the issuer runs."""

    authority = Authority()
    options = {"verifier": "RequireEkCertificate=yes", "authority": authority}

    def revoke(self, *lines, expect="ok"):
        listed = self.issuer.directory / "revoked"
        listed.write_text("".join(f"{line}\n" for line in lines))
        if "EkRevocationList" not in self.issuer.config.read_text():
            text = self.issuer.config.read_text().replace("RequireEkCertificate=yes", f"RequireEkCertificate=yes\nEkRevocationList={listed}")
            self.issuer.config.write_text(text)
            self.issuer.stop()
            self.issuer.start()
            return
        self.issuer.reload(expect)

    def test_listed_key_or_certificate_gets_nothing_and_cannot_enrol(self):
        other = Device(self.authority)
        key = (self.device.ak, self.device.ak_public, self.device.key_id)
        self.assertEqual(self.issuer.enroll(other).status, 200)
        self.revoke("# none yet")
        self.assert_issued()
        for line in (self.device.ek_name.hex(), hashlib.sha256(self.device.ek_certificate).hexdigest()):
            self.revoke("00" * 34, "11" * 32, line)
            response, _ = self.ask()
            self.assert_refused(response, 403, "NotAuthorized")
            self.assert_refused(self.issuer.enroll(self.device), 403, "NotAuthorized")
            self.assert_issued(other)
        # The same key by its other template is no other key.
        self.revoke(self.device.ek_name.hex())
        self.device.show_endorsement_key(EK_HIGH_ATTRIBUTES, POLICY_B)
        self.device.new_attestation_key()
        self.assert_refused(self.issuer.enroll(self.device), 403, "NotAuthorized")
        self.revoke(self.device.ek_name.hex())
        self.assert_refused(self.issuer.enroll(self.device), 403, "NotAuthorized")
        self.device.show_endorsement_key()
        self.device.ak, self.device.ak_public, self.device.key_id = key
        response, _ = self.ask()
        self.assert_refused(response, 403, "NotAuthorized")
        self.revoke("12", expect="failed")
        response, _ = self.ask()
        self.assert_refused(response, 403, "NotAuthorized")
        self.revoke()
        self.assert_issued()


if __name__ == "__main__":
    unittest.main(verbosity=2)
