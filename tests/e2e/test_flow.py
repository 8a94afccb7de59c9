#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The whole path with real parts, and what each fault of it tells the user. Usage: test_flow.py BUILD-DIRECTORY"""

import pathlib
import re
import signal
import sys
import unittest

from stack import ISSUER_NAME, Stack, wait_for

DENYING_POLICY = "[Policy]\nVersion=2\n[Rule never]\nRequire=os.id == nowhere\nRemedy=Move to nowhere.\n"

# Exit statuses of attestctl, as documented in docs/attestctl.md.
NOT_AUTHORIZED, SEALED, NOT_ENROLLED, POLICY_DENIED = 13, 19, 20, 22
TPM_UNAVAILABLE, ISSUER_UNKNOWN, ISSUER_UNREACHABLE, DAEMON_UNREACHABLE = 17, 30, 31, 50
NOBODY = 65534


class Flow(unittest.TestCase):
    """One system for each test: the tests break it."""

    def setUp(self):
        self.stack = stack = Stack(BUILD)
        self.addCleanup(stack.stop)
        stack.start_ground()
        stack.start_website()
        stack.start_site()
        stack.start_daemon()

    def enroll(self):
        return self.stack.attestctl_json("enroll", ISSUER_NAME)["device"]

    def fetch(self):
        return self.stack.attestctl("fetch", "--cacert", self.stack.path("ca.pem"), self.stack.site_url, check=False)

    def assert_gets_in(self):
        result = self.fetch()
        self.assertEqual(result.returncode, 0, result.stderr + self.stack.log("attesterd") + self.stack.log("issuer"))
        self.assertIn("Members' area", result.stdout)

    def assert_refused(self, status, *words):
        result = self.fetch()
        self.assertEqual(result.returncode, status, result.stdout + result.stderr + self.stack.log("attesterd"))
        for word in words:
            self.assertIn(word, result.stderr)

    def test_enrolled_device_gets_in_again_and_again(self):
        self.enroll()
        for _ in range(5):
            self.assert_gets_in()

    def test_device_that_is_not_enrolled_is_told_so(self):
        self.assert_refused(NOT_ENROLLED, "enroll")

    def test_enrolment_and_key_survive_a_restart_and_a_reboot(self):
        device = self.enroll()
        self.assertEqual(self.stack.end("attesterd"), 0)
        self.stack.end("swtpm")
        self.stack.start_tpm()
        self.stack.start_daemon()
        self.assert_gets_in()
        self.assertEqual(self.enroll(), device)

    def test_killed_daemon_starts_again_with_its_key(self):
        self.enroll()
        self.stack.end("attesterd", signal.SIGKILL)
        self.stack.start_daemon()
        self.assert_gets_in()

    def test_changed_pcr_is_sealed_and_reseal_with_enrolment_mends_it(self):
        self.enroll()
        self.stack.extend_pcr(7, "another boot chain")
        self.assert_refused(SEALED, "PCR 7")
        self.assertIn("PCR 7", str(self.stack.attestctl_json("status")))
        self.stack.attestctl("reseal")
        self.enroll()
        self.assert_gets_in()

    def test_failed_rule_is_refused_with_reason_and_remedy(self):
        self.enroll()
        self.stack.write("etc/policy.d/10-test.conf", DENYING_POLICY)
        self.stack.attestctl("reload")
        self.assert_refused(POLICY_DENIED, "never", "Move to nowhere.")

    def test_broken_policy_leaves_the_last_good_one_in_force(self):
        self.enroll()
        self.stack.write("etc/policy.d/10-test.conf", "[Policy]\nVersion=2\n[Rule x]\nRequire=os.id ==\n")
        self.stack.attestctl("reload", check=False)
        self.assert_gets_in()
        self.assertIn("10-test.conf:4:", str(self.stack.attestctl_json("status")))

    def test_issuers_own_policy_refuses_with_its_reason(self):
        self.enroll()
        self.stack.end("issuer")
        self.stack.start_issuer(policy=DENYING_POLICY)
        self.stack.configure_issuer()
        self.stack.attestctl("reload")
        self.assert_refused(POLICY_DENIED, "policy of the issuer", "Move to nowhere.")

    def test_issuer_that_is_down_is_unreachable_and_back_again(self):
        self.enroll()
        self.assert_gets_in()
        self.stack.end("issuer")
        self.assert_refused(ISSUER_UNREACHABLE)
        self.stack.start_issuer()
        self.stack.configure_issuer()
        self.stack.attestctl("reload")
        self.assert_gets_in()

    def test_tpm_that_is_lost_is_named_and_recovers(self):
        self.enroll()
        self.stack.end("swtpm")
        self.assert_refused(TPM_UNAVAILABLE)
        self.stack.start_tpm()
        wait_for(lambda: self.fetch().returncode == 0, "the daemon to find the TPM again")

    def test_attester_net_that_dies_is_replaced(self):
        self.enroll()
        daemon = self.stack.processes["attesterd"].pid
        child = int(pathlib.Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()[0])
        self.stack.run("kill", "-KILL", child)
        wait_for(lambda: self.fetch().returncode == 0, "another attester-net")

    def test_no_daemon_is_named(self):
        self.stack.end("attesterd")
        self.assert_refused(DAEMON_UNREACHABLE)

    def test_unknown_issuer_is_named(self):
        self.enroll()
        self.stack.path("etc/issuers.d", f"{ISSUER_NAME}.conf").unlink()
        self.stack.attestctl("reload")
        self.assert_refused(ISSUER_UNKNOWN, ISSUER_NAME)

    def test_admin_calls_of_another_user_are_refused(self):
        result = self.stack.attestctl_as(NOBODY, "enroll", ISSUER_NAME)
        self.assertEqual(result.returncode, NOT_AUTHORIZED, result.stderr)

    def test_any_user_gets_a_token(self):
        self.enroll()
        answer = self.stack.run("curl", "--silent", "--include", "--max-time", "10", "--cacert", self.stack.path("ca.pem"),
                                self.stack.site_url).stdout
        challenge = re.search(r"(?im)^www-authenticate: *(.+?)\r?$", answer).group(1)
        result = self.stack.attestctl_as(NOBODY, "token", "--challenge", challenge, "--origin", self.stack.origin)
        self.assertTrue(result.stdout.startswith("PrivateToken token="), result.stderr)

    def test_issuer_restart_makes_old_nonces_stale_and_one_retry_gets_in(self):
        self.enroll()
        self.assert_gets_in()
        port = self.stack.issuer_port
        self.stack.end("issuer")
        self.stack.start_issuer(port=port)
        self.assert_gets_in()


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main(verbosity=2)
