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

from device import AK_ATTRIBUTES, Authority, Device
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
        self.assert_refused(self.issuer.enroll(who), 403, "NotAuthorized")


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
        self.assertEqual(self.issuer.enroll(other).status, 200)
        self.revoke("# none yet")
        self.assert_issued()
        for line in (self.device.ek_name.hex(), hashlib.sha256(self.device.ek_certificate).hexdigest()):
            self.revoke("00" * 34, "11" * 32, line)
            response, _ = self.ask()
            self.assert_refused(response, 403, "NotAuthorized")
            self.assert_refused(self.issuer.enroll(self.device), 403, "NotAuthorized")
            self.assert_issued(other)
        self.revoke("12", expect="failed")
        response, _ = self.ask()
        self.assert_refused(response, 403, "NotAuthorized")
        self.revoke()
        self.assert_issued()


if __name__ == "__main__":
    unittest.main(verbosity=2)
