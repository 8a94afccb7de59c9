# SPDX-License-Identifier: BSD-2-Clause
"""Admin1: who may, and what each method does and refuses."""

import json
import subprocess
import sys
import time

import bus_fixture
from bus_fixture import ADMIN, ATTESTER, DAEMON_UID, HERE, PROPERTIES, Background, BusCase
from stack import ISSUER_NAME, wait_for

METHODS = {
    "Enroll": ("s", ISSUER_NAME),
    "Reload": ("",),
    "Reseal": ("",),
    "RotateKey": ("",),
    "InstallPolicy": ("ss", "50-user.conf", "[Policy]\nVersion=9\n"),
    "InstallPolicyBundle": ("ay", "bytes"),
}
ACTIONS = {
    "Enroll": "org.attesterd.enroll",
    "Reload": "org.attesterd.reload",
    "Reseal": "org.attesterd.reseal",
    "RotateKey": "org.attesterd.rotate-key",
    "InstallPolicy": "org.attesterd.install-policy",
    "InstallPolicyBundle": "org.attesterd.install-policy",
}


class Gate(BusCase):
    options = {"issuers": ("plain",)}

    def outcome(self, member):
        answer = self.stack.as_user(DAEMON_UID, 1, ADMIN, member, *METHODS[member])
        self.assertEqual(answer.returncode, 0, answer.stderr)
        outcomes = json.loads(answer.stdout)["outcomes"]
        self.assertEqual(sum(outcomes.values()), 1)
        return next(iter(outcomes)).rpartition(".")[2]

    def start_polkit(self, *allowed):
        log = self.stack.path("polkit.log")
        log.unlink(missing_ok=True)
        self.stack.spawn("polkit", sys.executable, HERE / "fake_polkit.py", log, *allowed)
        self.addCleanup(self.stack.end, "polkit")
        wait_for(lambda: "true" in self.stack.run(
            "dbus-send", "--system", "--dest=org.freedesktop.DBus", "--print-reply", "/", "org.freedesktop.DBus.NameHasOwner",
            "string:org.freedesktop.PolicyKit1").stdout, "polkit on the bus")
        return log

    def test_without_polkit_only_root_may(self):
        for member in METHODS:
            with self.subTest(member):
                self.assertEqual(self.outcome(member), "NotAuthorized")
        self.assertFalse(self.stack.path("etc/policy.d/50-user.conf").exists())
        self.stack.call(ADMIN, "Reload")

    def test_polkit_is_asked_for_each_methods_own_action(self):
        log = self.start_polkit()
        for member in ("Enroll", "Reload", "Reseal", "InstallPolicy", "InstallPolicyBundle"):
            with self.subTest(member):
                self.assertEqual(self.outcome(member), "NotAuthorized")
                self.assertEqual(log.read_text().splitlines()[-1], f"system-bus-name {ACTIONS[member]} 0")

    def test_whom_polkit_allows_may(self):
        self.start_polkit(ACTIONS["Reload"], ACTIONS["InstallPolicy"])
        self.assertEqual(self.outcome("Reload"), "ok")
        self.assertEqual(self.outcome("InstallPolicy"), "ok")
        self.assertEqual(self.outcome("InstallPolicyBundle"), "Unsupported")
        self.assertEqual(self.outcome("Reseal"), "NotAuthorized")
        self.assertEqual(self.stack.property("PolicyVersion"), 9)
        self.stack.path("etc/policy.d/50-user.conf").unlink()
        self.stack.call(ADMIN, "Reload")

    def test_a_polkit_that_does_not_answer_is_a_refusal_in_bounded_time(self):
        self.start_polkit()
        begin = time.monotonic()
        waiting = Background(self.outcome, "RotateKey")
        self.stack.request("plain.example")
        self.assertEqual(waiting.result(), "NotAuthorized")
        self.assertLess(time.monotonic() - begin, 25)

    def test_another_user_cannot_take_the_name(self):
        answer = subprocess.run(
            ["dbus-send", "--system", "--dest=org.freedesktop.DBus", "--print-reply", "/", "org.freedesktop.DBus.RequestName",
             "string:org.attesterd", "uint32:2"], user=DAEMON_UID, group=DAEMON_UID, extra_groups=[], capture_output=True, text=True,
            timeout=30, check=False, env=self.stack.environment)
        self.assertIn("AccessDenied", answer.stderr)

    def test_anyone_may_read_facts_and_properties(self):
        for interface, member, arguments in ((ATTESTER, "GetFacts", ()), (PROPERTIES, "GetAll", ("s", ATTESTER))):
            answer = self.stack.as_user(DAEMON_UID, 1, interface, member, *arguments)
            self.assertEqual(json.loads(answer.stdout)["outcomes"], {"ok": 1}, answer.stderr)


class Actions(BusCase):
    options = {"issuers": ("plain", "gone"), "real_issuer": True}

    def test_enroll_issuer_that_takes_no_evidence_is_unsupported(self):
        self.assert_error("Unsupported", self.stack.call, ADMIN, "Enroll", "s", "plain.example")

    def test_enroll_issuer_without_directory_is_rejected(self):
        self.assert_error("IssuerRejected", self.stack.call, ADMIN, "Enroll", "s", "gone.example")

    def test_enroll_twice_gives_the_same_device(self):
        first = self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME)
        self.assertEqual(first, self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME))

    def test_enrolment_outlives_a_restart(self):
        self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME)
        self.stack.restart_daemon()
        self.assertIn([ISSUER_NAME, "enrolled"], [list(map(str, row)) for row in self.stack.property("Issuers")])

    def test_damaged_enrolment_is_no_enrolment(self):
        self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME)
        self.stack.write(f"state/issuers/{ISSUER_NAME}", "[Enrolment]\nDevice=x\nKeyName=00\n")
        self.stack.restart_daemon()
        self.assertIn("damaged", self.stack.log("attesterd"))
        self.assert_error("NotEnrolled", self.stack.request, ISSUER_NAME)
        self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME)

    def test_issuer_that_passes_everything_on_to_another_gets_no_tokens_of_it(self):
        """It has the other's directory, nonces and enrolment, and gives them as its own."""
        self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME)
        self.stack.configure_issuer("relay.example")
        self.addCleanup(self.stack.call, ADMIN, "Reload")
        self.addCleanup(self.stack.path("etc/issuers.d/relay.example.conf").unlink)
        self.stack.call(ADMIN, "Reload")
        self.stack.call(ADMIN, "Enroll", "s", "relay.example")
        request = bus_fixture.token_request(self.stack.call(ATTESTER, "GetIssuer", "s", "relay.example"))
        self.assert_error("IssuerRejected", self.stack.request, "relay.example", [request])
        self.assertIn('The evidence is for the issuer \\"relay.example\\"', self.stack.log("issuer"))
        self.assertTrue(self.stack.request(ISSUER_NAME, [request])[1]["attested"])

    def test_rotate_key_ends_every_enrolment(self):
        record = self.stack.path("state/issuers", ISSUER_NAME)
        self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME)
        first = record.read_text()
        self.stack.call(ADMIN, "RotateKey")
        self.assertFalse(record.exists())
        self.assert_error("NotEnrolled", self.stack.request, ISSUER_NAME)
        self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME)
        self.assertNotEqual(first, record.read_text())
        directory = self.stack.call(ATTESTER, "GetIssuer", "s", ISSUER_NAME)
        self.assertTrue(self.stack.request(ISSUER_NAME, [bus_fixture.token_request(directory)])[1]["attested"])

    def test_a_record_of_another_key_is_no_enrolment(self):
        record = self.stack.path("state/issuers", ISSUER_NAME)
        self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME)
        text = record.read_text()
        self.stack.call(ADMIN, "Reseal")
        record.write_text(text)
        self.stack.restart_daemon()
        self.assert_error("NotEnrolled", self.stack.request, ISSUER_NAME)
        self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME)

    def test_install_policy_name_that_is_no_file_name_is_invalid_argument(self):
        for name in ("../x.conf", "x", ".conf", ".x.conf", "a/b.conf", "x" * 65 + ".conf", "é.conf"):
            with self.subTest(name):
                self.assert_error("InvalidArgument", self.stack.call, ADMIN, "InstallPolicy", "ss", name, "[Policy]\nVersion=1\n")

    def test_install_policy_too_large_is_invalid_argument(self):
        self.assert_error("InvalidArgument", self.stack.call, ADMIN, "InstallPolicy", "ss", "a.conf", "#" * 300000)

    def test_install_policy_broken_changes_nothing(self):
        before = self.stack.property("PolicyVersion")
        sentence = self.assert_error("PolicyInvalid", self.stack.call, ADMIN, "InstallPolicy", "ss", "50-a.conf",
                                     "[Policy]\nVersion=77\n[Rule x]\nRequire=(\n")
        self.assertIn("50-a.conf:4:", sentence)
        self.assertFalse(self.stack.path("etc/policy.d/50-a.conf").exists())
        self.assertEqual(self.stack.property("PolicyVersion"), before)
        self.assertEqual(self.stack.property("PolicyError"), "")

    def test_install_policy_sound_is_in_force_and_survives_a_restart(self):
        self.stack.call(ADMIN, "InstallPolicy", "ss", "50-a.conf", "[Policy]\nVersion=41\n")
        self.assertEqual(self.stack.property("PolicyVersion"), 41)
        self.stack.restart_daemon()
        self.assertEqual(self.stack.property("PolicyVersion"), 41)

    def test_attestctl_installs_a_policy_file(self):
        self.stack.write("60-c.conf", "[Policy]\nVersion=43\n")
        self.stack.attestctl("policy", "install", self.stack.path("60-c.conf"))
        self.assertEqual(self.stack.property("PolicyVersion"), 43)
        self.assertTrue(self.stack.path("etc/policy.d/60-c.conf").exists())
        self.stack.path("etc/policy.d/60-c.conf").unlink()
        self.stack.call(ADMIN, "Reload")

    def test_properties_that_change_are_announced(self):
        signals = self.stack.spawn("monitor", "dbus-monitor", "--system", "interface='org.freedesktop.DBus.Properties'")
        self.addCleanup(self.stack.end, "monitor")
        wait_for(lambda: "Acquired" in self.stack.log("monitor"), "the monitor", process=signals)
        self.stack.call(ADMIN, "InstallPolicy", "ss", "50-b.conf", "[Policy]\nVersion=42\n")
        wait_for(lambda: "PropertiesChanged" in self.stack.log("monitor") and "uint64 42" in self.stack.log("monitor"), "a signal")


if __name__ == "__main__":
    bus_fixture.main()
