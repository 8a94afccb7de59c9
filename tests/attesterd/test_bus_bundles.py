# SPDX-License-Identifier: BSD-2-Clause
"""Signed policy bundles in the daemon: who signed what is in force, what is refused, and that there is no way back."""

import base64
import base64
import hashlib
import time

import bus_fixture
import dbus
from bundle_fixture import AUTHORITY, SIGNER, BundleCase
from bus_fixture import ADMIN
from stack import wait_for

ONE_SIGNATURE = b"\x01\x00\x2c\x30\x2a"  # their number, and the SubjectPublicKeyInfo of an Ed25519 key


def day(offset):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + offset * 24 * 3600))


class Evidence(BundleCase):
    options = {"issuers": ("plain", "attest"), "real_issuer": True}

    def test_evidence_names_the_digest_of_the_policy_that_was_signed(self):
        bundle = self.bundles.sign(3)
        self.install(bundle)
        self.stack.enroll_with_fakes(["attest"])
        self.wait_for_version(3)
        self.stack.request("attest.example")
        headers = {name.lower(): value for name, value in self.stack.fake.requests["attest"][-1][0].items()}
        evidence = base64.b64decode(headers["attestation-evidence"].strip(":"))
        self.assertIn(bytes.fromhex(self.bundles.show(bundle)["policy_digest"]), evidence)
        other = self.bundles.show(self.bundles.sign(4))["policy_digest"]
        self.assertNotIn(bytes.fromhex(other), evidence)


class Refusals(BundleCase):
    def setUp(self):
        self.n = self.next_base()
        self.assertEqual(self.install(self.bundles.sign(self.n)), self.n)

    def test_a_bundle_is_the_whole_policy_and_survives_a_restart(self):
        self.assert_in_force(self.n)
        self.stack.write("etc/policy.d/50-local.conf", "[Policy]\nVersion=77\n[Rule never]\nRequire=kernel.taint < 0\n")
        self.addCleanup(self.stack.path("etc/policy.d/50-local.conf").unlink)
        self.stack.call(ADMIN, "Reload")
        self.assert_in_force(self.n)
        self.restart()
        self.wait_for_version(self.n)
        self.assert_in_force(self.n)
        self.assert_error("Unsupported", self.stack.call, ADMIN, "InstallPolicy", "ss", "a.conf", "[Policy]\nVersion=9\n")

    def test_newer_bundle_is_in_force_and_its_rules_count(self):
        self.install(self.bundles.sign(self.n + 1, policy=self.bundles.policy(self.n + 1, "kernel.taint < 0")))
        self.assert_error("PolicyDenied", self.stack.request, "plain.example")
        self.install(self.bundles.sign(self.n + 2))
        self.assert_in_force(self.n + 2)

    def test_attestctl_installs_a_bundle_and_says_its_version(self):
        bundle = self.bundles.sign(self.n + 2)
        key = base64.b64decode("".join(self.bundles.path("fleet.pub").read_text().splitlines()[1:-1]))
        self.assertEqual(self.bundles.show(bundle)["signed_by"], f"key {hashlib.sha256(key).hexdigest()}")
        done = self.stack.attestctl("policy", "install", bundle)
        self.assertIn(f"version {self.n + 2}", done.stdout)
        refused = self.stack.attestctl("policy", "install", self.bundles.sign(self.n + 1), check=False)
        self.assertEqual(refused.returncode, 24, refused.stderr)
        self.assertIn("PolicyRolledBack", refused.stderr)

    def test_every_flipped_byte_is_refused(self):
        whole = self.bundles.sign(self.n + 1).read_bytes()
        places = set(range(0, 80)) | set(range(len(whole) - 130, len(whole))) | set(range(80, len(whole), 17))
        for place in sorted(places):
            broken = whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1:]
            with self.subTest(place), self.assertRaises(dbus.DBusException) as caught:
                self.install(broken)
            self.assertIn(caught.exception.get_dbus_name().rpartition(".")[2], ("PolicyInvalid", "PolicyUntrusted"))
        for length in (0, 1, 23, 24, 60, len(whole) - 1):
            with self.subTest(length):
                self.assert_error("PolicyInvalid", self.install, whole[:length])
        self.assert_refused("PolicyInvalid", whole + b"\0", self.n)
        self.install(whole)
        self.assert_in_force(self.n + 1)

    def test_unsigned_is_refused(self):
        whole = self.bundles.sign(self.n + 1).read_bytes()
        content = whole[:whole.rindex(ONE_SIGNATURE)]
        self.assertIn("not signed", self.assert_refused("PolicyUntrusted", content + b"\0", self.n))

    def test_signed_by_a_stranger_is_refused(self):
        sentence = self.assert_refused("PolicyUntrusted", self.bundles.sign(self.n + 1, key="stranger"), self.n)
        self.assertIn("not trusted", sentence)

    def test_signature_of_another_bundle_is_refused(self):
        one, other = (self.bundles.sign(self.n + step).read_bytes() for step in (1, 2))
        at = one.rindex(ONE_SIGNATURE)
        self.assertIn("altered", self.assert_refused("PolicyUntrusted", one[:at] + other[at:], self.n))

    def test_older_version_is_refused_and_the_same_again_is_fine(self):
        self.assertIn(str(self.n), self.assert_refused("PolicyRolledBack", self.bundles.sign(self.n - 1), self.n))
        before = self.counter()
        self.assertEqual(self.install(self.bundles.sign(self.n)), self.n)
        self.assertEqual(self.counter(), before)
        self.assert_in_force(self.n)

    def test_same_version_with_other_content_is_refused(self):
        other = self.bundles.sign(self.n, policy=self.bundles.policy(self.n, "kernel.taint < 0"))
        self.assertIn("another", self.assert_refused("PolicyRolledBack", other, self.n))

    def test_another_fleets_bundle_is_refused(self):
        sentence = self.assert_refused("PolicyOtherFleet", self.bundles.sign(self.n + 1, fleet="other.org"), self.n)
        self.assertIn("other.org", sentence)

    def test_expired_and_not_yet_valid_are_refused(self):
        self.assert_refused("PolicyNotCurrent", self.bundles.sign(self.n + 1, not_after=day(-1)), self.n)
        self.assert_refused("PolicyNotCurrent", self.bundles.sign(self.n + 1, not_before=day(2)), self.n)
        self.install(self.bundles.sign(self.n + 1, not_before=day(-1), not_after=day(2)))
        self.assert_in_force(self.n + 1)

    def test_bundle_that_expires_in_force_stays_so_and_is_said_to_have_expired(self):
        for seconds in (3, 10, 30):  # a machine may be slow
            end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
            bundle = self.bundles.sign(self.n + 1, not_after=end)
            try:
                self.install(bundle)
                break
            except dbus.DBusException as error:
                self.assertEqual(error.get_dbus_name(), "org.attesterd.Error.PolicyNotCurrent")
        self.assertEqual(self.stack.property("PolicyVersion"), self.n + 1)

        def expired():
            self.stack.call(ADMIN, "Reload")
            return "has expired and stays in force" in self.stack.property("PolicyError")

        wait_for(expired, "the end of the bundle", seconds=60)
        self.assertEqual(self.stack.property("PolicyVersion"), self.n + 1)
        self.stack.request("plain.example")

    def test_oversize_is_refused(self):
        self.assert_refused("LimitExceeded", self.bundles.sign(self.n + 1).read_bytes() + bytes(300000), self.n)

    def test_attestctl_verify_says_what_a_device_would(self):
        bundle = self.bundles.sign(self.n + 1)
        trust = self.bundles.path("trust.pem")
        shown = self.bundles.show(bundle, "--trust", trust, "--fleet", self.bundles.fleet)
        self.assertEqual((shown["trusted"], shown["version"], shown["fleet"]), (True, self.n + 1, self.bundles.fleet))
        self.assertFalse(self.bundles.show(bundle)["trusted"])
        for status, arguments in ((25, ("--trust", trust, "--fleet", "other.org")), (2, ("--trust", trust)),
                                  (23, ("--trust", self.bundles.path("stranger.pub"), "--fleet", self.bundles.fleet))):
            with self.subTest(arguments):
                self.assertEqual(self.stack.attestctl("policy", "verify", bundle, *arguments, check=False).returncode, status)

    def test_policy_that_is_broken_or_of_another_version_is_not_signed(self):
        broken = self.bundles.sign(self.n, policy=self.bundles.policy(self.n, "os.idd == debian"), check=False)
        self.assertEqual(broken.returncode, 21)
        self.assertIn("did you mean 'os.id'", broken.stderr)
        other = self.bundles.sign(self.n, check=False, **{"version_": self.n + 1})
        self.assertEqual(other.returncode, 21)
        self.assertIn("--version", other.stderr)


class Certificates(BundleCase):
    def setUp(self):
        self.n = self.next_base()
        self.bundles.certificate("signer", "ca")
        self.install(self.bundles.sign(self.n, key="signer", certificate=self.bundles.path("signer.chain")))

    def refused(self, name, **keywords):
        chain = self.bundles.certificate(name, **keywords)
        return self.assert_refused("PolicyUntrusted", self.bundles.sign(self.n + 1, key=name, certificate=chain), self.n)

    def test_certified_signers_of_every_kind_and_by_an_intermediate_are_believed(self):
        self.assert_in_force(self.n)
        self.bundles.certificate("sub", "ca", AUTHORITY, kind="p384")
        for step, (name, above, kind) in enumerate((("below", "sub", "p384"), ("edwards", "ca", "ed25519")), start=1):
            chain = self.bundles.certificate(name, above, kind=kind)
            self.install(self.bundles.sign(self.n + step, key=name, certificate=chain))
            self.assert_in_force(self.n + step)

    def test_certificate_that_may_not_sign_is_refused(self):
        for name, sentence, extensions in (
                ("no-purpose", "codeSigning", SIGNER.replace("codeSigning", "serverAuth")),
                ("no-eku", "codeSigning", "keyUsage=critical,digitalSignature\n"),
                ("no-usage", "digitalSignature", SIGNER.replace("digitalSignature", "keyAgreement")),
                ("is-ca", "authority", SIGNER.replace("FALSE", "TRUE").replace("digital", "keyCertSign,digital"))):
            with self.subTest(name):
                self.assertIn(sentence, self.refused(name, authority="ca", extensions=extensions))

    def test_certificate_of_a_stranger_or_out_of_date_is_refused(self):
        self.bundles.authority("other")
        self.refused("by-other", authority="other")
        self.assertIn("expired", self.refused("too-old", authority="ca", days=-1))
        self.bundles.certificate("leaf", "ca")
        self.assertIn("CA", self.refused("below-leaf", authority="leaf"))

    def test_authority_with_a_weak_key_is_refused(self):
        self.bundles.authority("weak-ca", "rsa1024")
        self.restart(trusted=("fleet.pub", "ca.pem", "weak-ca.pem"))
        self.addCleanup(self.restart)
        self.wait_for_version(self.n)
        self.assertIn("weak", self.refused("by-weak", authority="weak-ca"))

    def test_keys_of_other_kinds_neither_sign_nor_are_trusted(self):
        config = self.stack.path("etc/attesterd.conf")
        for kind in ("rsa2048", "p224"):
            with self.subTest(kind):
                self.bundles.key(kind, kind)
                self.assertEqual(self.bundles.sign(self.n + 1, key=kind, check=False).returncode, 6)
                text = config.read_text()
                self.config(trusted=(f"{kind}.pub",))
                self.assertIn("Ed25519", self.assert_error("ConfigInvalid", self.stack.call, ADMIN, "Reload"))
                self.config()
                config.write_text(text)
                self.stack.call(ADMIN, "Reload")
                self.assert_in_force(self.n)


if __name__ == "__main__":
    bus_fixture.main()
