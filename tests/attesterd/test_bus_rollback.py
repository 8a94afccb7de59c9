# SPDX-License-Identifier: BSD-2-Clause
"""Old policy bundles with an old state directory, a TPM that does not count, and keys that change."""

import shutil

import bus_fixture
from bundle_fixture import COUNTER, FLEET, BundleCase
from bus_fixture import ADMIN
from stack import wait_for

ATTRIBUTES = "nt=counter|authread|authwrite|ownerread|ownerwrite|no_da"


class RollbackCase(BundleCase):
    def setUp(self):
        self.n = self.next_base()
        self.install(self.bundles.sign(self.n))
        self.record = self.stack.path("state/bundle")

    def tpm2(self, *arguments, check=True):
        return self.stack.run(*arguments, environment={"TPM2TOOLS_TCTI": self.stack.tcti}, check=check)

    def restarted_error(self):
        """PolicyError after a restart at which a bundle is not in force."""
        self.restart()
        wait_for(lambda: self.stack.property("PolicyError") not in ("", self.pending()), "the TPM's word")
        self.assertEqual(self.stack.property("PolicyVersion"), 0)
        return self.stack.property("PolicyError")

    @staticmethod
    def pending():
        return "the policy bundle is being compared with the TPM's counter; retry in a moment"

    def assert_newest_mends_it(self, version):
        self.assertEqual(self.install(self.bundles.sign(version)), version)
        self.assert_in_force(version)
        self.restart()
        self.wait_for_version(version)
        self.assert_in_force(version)


class Counter(RollbackCase):
    def test_each_installation_counts_once_and_a_restart_does_not(self):
        before = self.counter()
        self.install(self.bundles.sign(self.n + 1))
        self.assertEqual(self.counter(), before + 1)
        self.restart()
        self.wait_for_version(self.n + 1)
        self.assertEqual(self.counter(), before + 1)

    def test_state_directory_of_an_earlier_time_is_refused_until_the_newest_is_installed(self):
        backup = self.stack.path("backup")
        shutil.copytree(self.stack.path("state"), backup)
        self.addCleanup(shutil.rmtree, backup)
        self.install(self.bundles.sign(self.n + 1))
        self.stack.end("attesterd")
        shutil.rmtree(self.stack.path("state"))
        shutil.copytree(backup, self.stack.path("state"))
        self.assertIn(f"(version {self.n})", self.restarted_error())
        self.assertIn("attestctl policy install", self.assert_error("PolicyRolledBack", self.stack.request, "plain.example"))
        self.assertIn("no policy is in force", self.stack.log("attesterd"))
        self.assertIn("attestctl policy install BUNDLE", self.stack.attestctl("doctor", check=False).stdout)
        for old in (self.n - 1, self.n):
            self.assertIn(f"has had {self.n + 1}" if old == self.n else "is installed",
                          self.assert_error("PolicyRolledBack", self.install, self.bundles.sign(old)))
        self.assert_newest_mends_it(self.n + 1)

    def test_under_a_running_daemon_what_was_in_force_stays_so(self):
        old = self.record.read_bytes()
        self.install(self.bundles.sign(self.n + 1))
        self.record.write_bytes(old)
        self.stack.call(ADMIN, "Reload")
        wait_for(lambda: "counted last" in self.stack.property("PolicyError"), "the TPM's word")
        self.assertEqual(self.stack.property("PolicyVersion"), self.n + 1)
        self.stack.request("plain.example")
        self.install(self.bundles.sign(self.n + 2))
        self.assert_in_force(self.n + 2)

    def test_counter_that_was_removed_or_made_again_is_noticed(self):
        self.tpm2("tpm2_nvundefine", "-C", "o", COUNTER)
        self.assertIn("counter removed", self.restarted_error())
        self.assert_newest_mends_it(self.n)
        self.tpm2("tpm2_nvundefine", "-C", "o", COUNTER)
        self.tpm2("tpm2_nvdefine", "-C", "o", "-s", "8", "-a", ATTRIBUTES, COUNTER)
        self.tpm2("tpm2_nvincrement", "-C", COUNTER, COUNTER)
        self.assertIn("earlier time", self.restarted_error())
        self.assert_newest_mends_it(self.n + 1)

    def test_state_directory_that_is_gone_or_damaged_has_no_bundle(self):
        self.record.unlink()
        self.assertIn("attestctl policy install", self.restarted_error())
        self.assert_error("NotFound", self.stack.request, "plain.example")
        self.assertIn(f"has had {self.n}", self.assert_error("PolicyRolledBack", self.install, self.bundles.sign(self.n - 1)))
        self.assert_newest_mends_it(self.n)
        whole = self.record.read_bytes()
        self.record.write_bytes(whole[:20])
        self.assertIn("damaged", self.restarted_error())
        self.record.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        self.assertIn("altered", self.restarted_error())
        self.record.write_bytes(whole.replace(b"bundle 1\n", b"bundle 2\n", 1))
        self.assertIn("newer attesterd", self.restarted_error())
        self.assert_newest_mends_it(self.n + 1)

    def test_end_in_the_middle_of_an_installation_leaves_the_old_or_the_new_bundle(self):
        following = self.stack.path("state/bundle.next")
        old = self.record.read_bytes()
        self.install(self.bundles.sign(self.n + 1))
        new = self.record.read_bytes()
        following.write_bytes(new)
        self.record.write_bytes(old)
        self.restart()
        self.wait_for_version(self.n + 1)
        self.assert_in_force(self.n + 1)
        self.assertEqual(self.record.read_bytes(), new)
        self.assertFalse(following.exists())
        self.install(self.bundles.sign(self.n + 2))
        ahead = self.record.read_bytes()  # as a bundle that the TPM has not counted
        at = len(b"attesterd\x20installed bundle 1\n") + 1
        following.write_bytes(ahead[:at] + (self.counter() + 1).to_bytes(8, "big") + ahead[at + 8:])
        self.restart()
        self.wait_for_version(self.n + 2)
        self.assertEqual(self.record.read_bytes(), ahead)


class WithoutCounter(RollbackCase):
    def test_absent_tpm_keeps_what_is_in_force_and_installs_nothing(self):
        self.stack.end("swtpm")
        self.restart()
        wait_for(lambda: "cannot be told" in self.stack.property("PolicyError"), "the TPM's absence")
        self.assertEqual(self.stack.property("PolicyVersion"), self.n)
        self.stack.request("plain.example")
        self.assert_refused("TpmUnavailable", self.bundles.sign(self.n + 1), self.n)
        self.stack.start_tpm()
        wait_for(lambda: self.installs(self.n + 1), "the TPM")
        self.assert_in_force(self.n + 1)

    def installs(self, version):
        try:
            return self.install(self.bundles.sign(version)) == version
        except bus_fixture.dbus.DBusException:
            return False

    def test_tpm_that_takes_no_counter_installs_nothing_unless_it_need_not_count(self):
        self.tpm2("tpm2_nvundefine", "-C", "o", COUNTER)
        self.tpm2("tpm2_changeauth", "-c", "o", "mine")
        self.assertIn("password", self.assert_refused("TpmFailed", self.bundles.sign(self.n + 1), self.n))
        self.restart(extra="RollbackCounter=no\n")
        self.wait_for_version(self.n)
        self.install(self.bundles.sign(self.n + 1))
        self.assert_in_force(self.n + 1)
        self.tpm2("tpm2_changeauth", "-c", "o", "-p", "mine")
        self.install(self.bundles.sign(self.n + 2))
        # What was not counted is not taken for counted later.
        self.assertIn("RollbackCounter=no", self.restarted_error())
        self.assert_newest_mends_it(self.n + 2)


class Keys(RollbackCase):
    def setUp(self):
        """What earlier bundles said of keys is forgotten with the record."""
        self.bundles.key("next")
        self.stack.path("state/bundle").unlink(missing_ok=True)
        self.restart()
        super().setUp()

    def rotate(self, version, **options):
        self.install(self.bundles.sign(version, next_key=self.bundles.path("next.key"), **options))
        self.assert_in_force(version)

    def refused(self, version, key, in_force):
        return self.assert_refused("PolicyUntrusted", self.bundles.sign(version, key=key), in_force)

    def test_next_key_counts_once_a_bundle_has_named_it(self):
        self.refused(self.n + 1, "next", self.n)
        self.rotate(self.n + 1)
        for step, key in ((2, "next"), (3, "fleet"), (4, "next")):
            self.install(self.bundles.sign(self.n + step, key=key))
            self.assert_in_force(self.n + step)
        self.refused(self.n + 5, "stranger", self.n + 4)

    def test_retired_key_does_not_count_any_more_also_after_a_restart(self):
        self.rotate(self.n + 1, retire=True)
        self.refused(self.n + 2, "fleet", self.n + 1)
        self.install(self.bundles.sign(self.n + 2, key="next"))
        self.restart()
        self.wait_for_version(self.n + 2)
        self.refused(self.n + 3, "fleet", self.n + 2)
        self.install(self.bundles.sign(self.n + 3, key="next"))
        self.assert_in_force(self.n + 3)

    def test_key_that_has_not_signed_cannot_be_named(self):
        whole = self.bundles.sign(self.n + 1, next_key=self.bundles.path("next.key")).read_bytes()
        marker = b"\x00\x2c\x30\x2a"
        first, second = whole.index(marker), whole.rindex(marker)
        alone = whole[:first - 1] + b"\x01" + whole[first:second]
        self.assertIn("has not signed it", self.assert_refused("PolicyUntrusted", alone, self.n))
        stripped = whole[:first - 1] + b"\x01" + whole[second:]
        self.assertIn("not trusted", self.assert_refused("PolicyUntrusted", stripped, self.n))

    def test_administrators_new_word_counts_more_than_what_bundles_said(self):
        self.rotate(self.n + 1, retire=True)
        self.restart(trusted=("stranger.pub",))
        wait_for(lambda: "not trusted" in self.stack.property("PolicyError"), "the new configuration")
        self.install(self.bundles.sign(self.n + 2, key="stranger"))
        self.assert_in_force(self.n + 2)
        self.assert_error("PolicyUntrusted", self.install, self.bundles.sign(self.n + 3, key="next"))

    def test_authority_is_succeeded_by_another(self):
        self.bundles.authority("ca2")
        for name, above in (("one", "ca"), ("two", "ca2")):
            self.bundles.certificate(name, above)
        one, two = self.bundles.path("one.chain"), self.bundles.path("two.chain")
        self.install(self.bundles.sign(self.n + 1, key="one", certificate=one, next_key=self.bundles.path("two.key"), next_certificate=two,
                                       retire=True))
        self.assert_in_force(self.n + 1)
        self.assert_refused("PolicyUntrusted", self.bundles.sign(self.n + 2, key="one", certificate=one), self.n + 1)
        self.bundles.certificate("three", "ca2")
        self.install(self.bundles.sign(self.n + 2, key="three", certificate=self.bundles.path("three.chain")))
        self.assert_in_force(self.n + 2)
        shown = self.bundles.show(self.bundles.path("one-%d.bundle" % (self.n + 1)))
        self.assertEqual([anchor["kind"] for anchor in shown["trusts_then"]], ["authority"])
        self.assertEqual((shown["fleet"], shown["version"]), (FLEET, self.n + 1))


if __name__ == "__main__":
    bus_fixture.main()
