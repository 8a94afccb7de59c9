# SPDX-License-Identifier: BSD-2-Clause
"""Facts that other services of the system bus have: the caller's session (logind), the firmware's level (fwupd); and remedies
in the caller's language."""

import os
import time

import bus_fixture
import dbus
from bus_fixture import ADMIN, ATTESTER, Background, BusCase
from fake_services import LOGIN_PATH, MANAGER, Fwupd, Login, PackageKit
from stack import wait_for

UID = os.getuid()
SESSION_FACTS = ("session.active", "session.idle", "session.locked", "session.remote", "session.type")
POLICY = """[Policy]
Version=3
[Rule unlocked]
Require=not session.locked
Remedy=Unlock the screen.
Remedy[de]=Entsperren Sie den Bildschirm.
"""


class Services(BusCase):
    options = {"issuers": ("plain",)}

    def setUp(self):
        self.bus = self.stack.bus()
        self.addCleanup(self.bus.close)
        self.login, self.fwupd = Login(self.stack), Fwupd(self.stack)

    def started(self, service, **options):
        self.addCleanup(lambda: service.process in self.stack.processes and service.stop())
        service.start(**options)
        return service

    def facts(self, bus=None):
        """Name to value; of one that could not be read, ("unreadable", its reason)."""
        facts = self.stack.call(ATTESTER, "GetFacts", bus=bus or self.bus)
        values = {str(name): ("unreadable", str(value[0])) if isinstance(value, dbus.Struct) else value for name, value, *_ in facts}
        self.assertEqual({str(source) for name, _, _, source, _ in facts if name in SESSION_FACTS}, {"logind"})
        return values

    def assert_session(self, **wanted):
        facts = self.facts()
        self.assertEqual({name: facts[f"session.{name}"] for name in wanted}, wanted)

    def assert_no_session(self, reason, bus=None):
        facts = self.facts(bus)
        for name in SESSION_FACTS:
            kind, why = facts[name]
            self.assertEqual(kind, "unreadable")
            self.assertIn(reason, why)

    def assert_becomes(self, name, value):
        wait_for(lambda: self.facts()[name] == value, f"{name} {value!r}")

    def test_session_of_the_caller_is_told(self):
        self.started(self.login, uid=UID)
        self.assert_session(active=True, idle=False, locked=False, remote=False, type="wayland")

    def test_changes_are_told_and_logind_is_asked_once(self):
        self.started(self.login, uid=UID)
        before = self.login.calls("GetSessionByPID")
        self.facts()
        for property_name, fact in (("LockedHint", "locked"), ("IdleHint", "idle"), ("Remote", "remote")):
            self.login.set(**{property_name: True})
            self.assert_becomes(f"session.{fact}", True)
        self.login.set(Active=False)
        self.assert_becomes("session.active", False)
        self.assertEqual(self.login.calls("GetSessionByPID") - before, 1)

    def test_session_without_a_seat_is_not_in_front(self):
        self.started(self.login)
        self.login.add_session("c9", UID, seat="", Remote=True, Type="tty")
        self.login.every_process_is_in("c9")
        self.assert_session(active=False, remote=True, type="tty")

    def test_process_of_the_users_service_manager_has_the_display_session(self):
        self.started(self.login, uid=UID, LockedHint=True)
        self.login.every_process_is_in(None)
        self.login.set_display(UID, "c1")
        self.assert_session(locked=True)
        self.login.add_session("c2", UID)
        self.login.set_display(UID, "c2")
        self.assert_becomes("session.locked", False)
        self.login.set_display(UID, None)
        wait_for(lambda: isinstance(self.facts()["session.locked"], tuple), "no display session")
        self.assert_no_session("no session")

    def test_another_users_session_tells_nothing(self):
        self.started(self.login, uid=UID + 1)
        self.assert_no_session("another user's")

    def test_absent_logind_is_a_reason_and_it_may_come_later(self):
        self.assert_no_session("logind is not on the system bus")
        self.started(self.login, uid=UID)
        wait_for(lambda: self.facts()["session.active"] is True or self.facts()["session.active"] == 1, "logind to be noticed")

    def test_restarted_logind_is_asked_anew(self):
        self.started(self.login, uid=UID)
        self.assert_session(locked=False)
        self.login.stop()
        wait_for(lambda: isinstance(self.facts()["session.locked"], tuple), "logind to be missed")
        self.started(self.login, uid=UID, LockedHint=True)
        self.assert_becomes("session.locked", True)

    def test_hanging_logind_holds_up_its_own_request_only_and_for_a_second(self):
        self.started(self.login, uid=UID)
        self.login.hang()
        slow = Background(self.facts)
        started = time.monotonic()
        for _ in range(20):
            self.stack.property("Version")
            self.stack.call(ATTESTER, "GetIssuer", "s", "plain.example")
        self.assertTrue(slow.is_alive() or time.monotonic() - started > 0.9)
        kind, why = slow.result(10)["session.locked"]
        self.assertEqual((kind, why), ("unreadable", "logind did not answer"))
        # It is not asked again at once by the same caller; another one finds out for itself.
        self.login.go_on()
        other = self.stack.bus()
        self.addCleanup(other.close)
        self.assertEqual(self.facts(other)["session.locked"], False)

    def test_request_tokens_in_a_locked_session_is_denied_in_the_callers_language(self):
        self.started(self.login, uid=UID)
        self.stack.call(ADMIN, "InstallPolicy", "ss", "50-session.conf", POLICY)
        self.addCleanup(self.stack.call, ADMIN, "InstallPolicy", "ss", "50-session.conf", "[Policy]\nVersion=3\n")
        self.stack.request("plain.example", bus=self.bus)
        self.login.set(LockedHint=True)
        self.assert_becomes("session.locked", True)
        self.assertIn("Unlock the screen", self.assert_error("PolicyDenied", self.stack.request, "plain.example", bus=self.bus))
        german = {"locale": "de_AT.UTF-8"}
        self.assertIn("Entsperren Sie", self.assert_error("PolicyDenied", self.stack.request, "plain.example", options=german, bus=self.bus))
        passed, rules = self.stack.call(ATTESTER, "Evaluate", "sa{sv}", "", german, bus=self.bus)
        self.assertFalse(passed)
        self.assertEqual(str(rules[0][3]), "Entsperren Sie den Bildschirm.")
        for locale, remedy in (("de_AT.UTF-8", "Entsperren Sie"), ("C.UTF-8", "Unlock the screen"), ("x" * 33, "Unlock the screen")):
            shown = self.stack.run(self.stack.build / "client" / "attestctl", "policy", "explain", check=False, environment={"LC_ALL": locale})
            self.assertIn(remedy, shown.stdout)
        self.login.set(LockedHint=False)
        self.assert_becomes("session.locked", False)
        self.stack.request("plain.example", bus=self.bus)

    def test_explain_tells_expressions_facts_and_their_age_of_one_snapshot(self):
        self.started(self.login, uid=UID)
        self.stack.restart_daemon()
        self.started(self.fwupd)
        policy = ("[Policy]\nVersion=4\n[Rule level]\nWhen=not session.remote\nRequire=firmware.hsi >= 3 and firmware.hsi < 9\n"
                  "Remedy=Update the firmware.\nRemedy[de]=Spielen Sie neue Firmware ein.\n[Rule room]\nRequire=custom.room == x\n"
                  "[Rule here]\nRequire=os.id@hardware == debian or known(os.id)\n[Rule other]\nIssuer=o.example\nRequire=kernel.taint == 0\n")
        self.stack.call(ADMIN, "InstallPolicy", "ss", "50-session.conf", policy)
        self.addCleanup(self.stack.call, ADMIN, "InstallPolicy", "ss", "50-session.conf", "[Policy]\nVersion=3\n")
        self.facts()
        time.sleep(1.1)
        passed, rules, facts = self.stack.call(ATTESTER, "Explain", "sa{sv}", "plain.example", {"locale": "de"}, bus=self.bus)
        self.assertFalse(passed)
        rules = [(*map(str, rule[:6]), [str(name) for name in rule[6]]) for rule in rules]
        self.assertEqual(rules[0], ("level", "not session.remote", "firmware.hsi >= 3 and firmware.hsi < 9", "fail",
                                    "firmware.hsi is 2, needed >= 3", "Spielen Sie neue Firmware ein.", ["session.remote", "firmware.hsi"]))
        self.assertEqual((rules[1][3], rules[1][6], rules[2][3], rules[3][3]), ("fail", ["custom.room"], "pass", "skipped"))
        facts = {str(name): (value, str(source), int(age)) for name, value, _, source, age in facts}
        # Named by a rule, each once; the device has no custom.room.
        self.assertEqual(sorted(facts), ["firmware.hsi", "kernel.taint", "os.id", "session.remote"])
        self.assertEqual(facts["firmware.hsi"][:2], (2, "fwupd"))
        # fwupd said it when it was first asked; the files were read just now.
        self.assertGreaterEqual(facts["firmware.hsi"][2], 1)
        self.assertEqual(facts["os.id"][2], 0)
        self.assertEqual(self.stack.call(ATTESTER, "Evaluate", "sa{sv}", "plain.example", {"locale": "de"}, bus=self.bus)[1],
                         [(rule[0], *rule[3:6]) for rule in rules])
        shown = self.stack.run(self.stack.build / "client" / "attestctl", "policy", "explain", "plain.example", check=False)
        self.assertRegex(shown.stdout, r"firmware.hsi +2 +reported +\d+s +fwupd\n")
        self.assertRegex(shown.stdout, r"custom.room +unreadable: no such fact")
        self.assert_error("IssuerUnknown", self.stack.call, ATTESTER, "Explain", "sa{sv}", "o.example", {})
        self.assert_error("InvalidArgument", self.stack.call, ATTESTER, "Explain", "sa{sv}", "", {"nonsense": True})

    def asked(self):
        """How often each service was asked by what came before this."""
        for service in (self.login, self.fwupd, self.packagekit):
            service.call(service.name, service.path, "org.freedesktop.DBus.Peer", "Ping")
        return (self.login.calls("GetSessionByPID"), self.login.calls(f"GetAll {LOGIN_PATH} {MANAGER}"), self.fwupd.calls("Get"),
                self.packagekit.calls("CreateTransaction"))

    def install(self, *requirements):
        rules = "".join(f"[Rule r{number}]\nSeverity=warn\nRequire={text}\n" for number, text in enumerate(requirements))
        self.stack.call(ADMIN, "InstallPolicy", "ss", "50-session.conf", f"[Policy]\nVersion=5\n{rules}")

    def test_nobody_is_asked_for_facts_that_no_rule_names(self):
        self.packagekit = PackageKit(self.stack)
        self.stack.restart_daemon()
        for service in (self.login, self.fwupd, self.packagekit):
            self.started(service, **({"uid": UID} if service is self.login else {}))
        self.addCleanup(self.install)
        for number, (requirement, which) in enumerate((("os.id == debian", None), ("os.updates.age < 7d", 3), ("firmware.hsi >= 0", 2),
                                                       ("not session.docked", 1), ("not session.locked", 0))):
            self.install(requirement)
            before = self.asked()
            for _ in range(2):
                self.stack.request("plain.example", bus=self.bus)
                self.stack.call(ATTESTER, "Evaluate", "sa{sv}", "plain.example", {}, bus=self.bus)
                rules, facts = self.stack.call(ATTESTER, "Explain", "sa{sv}", "", {}, bus=self.bus)[1:]
                self.assertEqual([str(fact[0]) for fact in facts], [str(name) for name in rules[0][6]])
            after = self.asked()
            with self.subTest(requirement):
                self.assertEqual([place for place in range(4) if after[place] != before[place]], [] if which is None else [which])
        before = self.asked()
        self.install()
        self.stack.restart_daemon()
        self.facts()
        self.assertTrue(all(after > before for after, before in zip(self.asked(), before)))

    def test_locale_of_33_bytes_is_invalid_argument(self):
        for locale in ("x" * 33, dbus.UInt32(1)):
            self.assertIn("locale", self.assert_error("InvalidArgument", self.stack.request, "plain.example", options={"locale": locale}))


    def test_lid_and_dock_are_told_as_they_are_a_second_later(self):
        self.started(self.login, uid=UID)
        wait_for(lambda: self.facts()["session.lid_closed"] == 0, "logind to be asked")
        self.login.set_lid(closed=True, docked=True)
        wait_for(lambda: self.facts()["session.lid_closed"] == 1, "the lid")
        self.assertEqual(self.facts()["session.docked"], 1)
        self.login.stop()
        wait_for(lambda: isinstance(self.facts()["session.lid_closed"], tuple), "logind to be missed")
        self.assertIn("not on the system bus", self.facts()["session.docked"][1])

    def test_packagekit_counts_security_updates_while_it_runs(self):
        packagekit = PackageKit(self.stack)
        self.stack.restart_daemon()
        before = self.facts()["os.updates.security"]
        self.assertEqual(before, self.facts()["os.updates.security"])
        self.started(packagekit)
        self.assert_becomes("os.updates.security", 2)
        self.assertLess(abs(self.facts()["os.updates.age"] - 90), 60)
        facts = {str(name): str(source) for name, _, _, source, _ in self.stack.call(ATTESTER, "GetFacts")}
        self.assertEqual(facts["os.updates.security"], "PackageKit")
        # What is known is not asked again until PackageKit says that it changed.
        asked = packagekit.calls("CreateTransaction")
        packagekit.answer(5)
        self.assertEqual(self.facts()["os.updates.security"], 2)
        self.assertEqual(packagekit.calls("CreateTransaction"), asked)
        packagekit.tell_change()
        self.assert_becomes("os.updates.security", 5)
        packagekit.answer(0, outcome=2)
        packagekit.tell_change()
        wait_for(lambda: self.facts()["os.updates.security"] in (before, ("unreadable", "PackageKit could not look for updates")), "the failure")
        packagekit.stop()
        self.assert_becomes("os.updates.security", before)

    def test_hanging_packagekit_holds_nobody_up(self):
        packagekit = PackageKit(self.stack)
        self.stack.restart_daemon()
        self.started(packagekit)
        packagekit.hang()
        # Asked again or not, these come back while it hangs.
        for _ in range(5):
            self.assertNotEqual(self.facts()["os.updates.security"], 2)
        packagekit.go_on()

    # The level holds when fwupd ends: each of these starts with a daemon that has not asked.

    def test_level_is_read_once_kept_when_fwupd_ends_and_follows_its_changes(self):
        self.stack.restart_daemon()
        self.started(self.fwupd)
        self.assertEqual(self.facts()["firmware.hsi"], 2)
        self.fwupd.set("HSI:3 (v1.8.12)")
        self.assert_becomes("firmware.hsi", 3)
        self.fwupd.stop()
        self.assertEqual(self.facts()["firmware.hsi"], 3)
        self.started(self.fwupd, level="HSI:INVALID:chassis[0x1] (v1.8.12)")
        wait_for(lambda: isinstance(self.facts()["firmware.hsi"], tuple), "a level that is none")
        self.assertIn("no security level", self.facts()["firmware.hsi"][1])
        self.fwupd.set("HSI:1")
        self.assert_becomes("firmware.hsi", 1)


    def test_absent_or_hanging_fwupd_is_a_reason(self):
        self.stack.restart_daemon()
        self.assertEqual(self.facts()["firmware.hsi"], ("unreadable", "fwupd is not on the system bus"))
        self.started(self.fwupd)
        self.fwupd.hang()
        wait_for(lambda: self.facts()["firmware.hsi"] == ("unreadable", "fwupd did not answer"), "fwupd to be asked")
        self.fwupd.stop()
        self.started(self.fwupd, level="HSI:4")
        self.assert_becomes("firmware.hsi", 4)


if __name__ == "__main__":
    bus_fixture.main()
