#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What attester-agent tells a person of refusals, through a notification service that python-dbusmock stands in for.

usage: test_agent_notices.py ATTESTER_AGENT FAKE_ATTESTERD
"""

import signal
import sys
import time
import unittest

from agent_fixture import Agent, BusErrors, challenge, send, wait_for

SERVICE, PATH, MOCK = "org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.DBus.Mock"
ORIGIN = "shop.example"
INTERACTIVE = {"interactive": True}
BOTH = "Unlock &lt;b&gt;it&lt;/b&gt; &amp; wait.\ndisk: the disk is &lt;open&gt;"


class Notices(BusErrors):
    environment = {}
    options = ()

    def setUp(self):
        self.agent = Agent(PROGRAM, FAKE)
        self.addCleanup(self.agent.stop)
        self.state = self.agent.top / "home" / "state"
        self.agent.environment.update({"XDG_STATE_HOME": str(self.state), **self.environment})
        self.agent.start(*self.options)

    def start_service(self):
        self.agent.environment["DBUS_SESSION_BUS_ADDRESS"] = self.agent.addresses["session"]
        self.agent.spawn("notifications", sys.executable, "-m", "dbusmock", "--session", "--template", "notification_daemon")
        del self.agent.environment["DBUS_SESSION_BUS_ADDRESS"]
        wait_for(lambda: self.ask("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", "s", SERVICE), "the service")

    def ask(self, name, path, interface, member, signature="", *arguments):
        bus = self.agent.connect()
        try:
            return bus.call_blocking(name, path, interface, member, signature, arguments, timeout=20)
        finally:
            bus.close()

    def shown(self):
        """The arguments of every Notify so far."""
        return [call[1] for call in self.ask(SERVICE, PATH, MOCK, "GetMethodCalls", "s", "Notify")]

    def refuse(self, issuer="denied.example", options=None, bus=None, context=b"c" * 32):
        header, _ = challenge(issuer, ORIGIN, self.agent.key, context)
        return self.assert_error("PolicyDenied", self.agent.authorize, header, options=INTERACTIVE if options is None else options, bus=bus)

    def one(self):
        wait_for(self.shown, "a notice")
        return self.shown()[-1]

    def assert_no_more_than(self, count):
        """What was sent to the service before this has arrived, since the service and the agent have answered."""
        self.agent.status()
        self.assertEqual(len(self.shown()), count)

    def restart_agent(self):
        self.assertEqual(self.agent.end("agent"), 0)
        self.agent.start_agent(*self.options)


class Person(Notices):
    environment = {"LANG": "en_GB.UTF-8"}

    def setUp(self):
        super().setUp()
        self.start_service()

    def test_person_who_waits_is_told_once_what_to_do_and_nothing_of_the_website(self):
        self.refuse()
        application, replaces, icon, summary, body, actions, hints, expires = self.one()
        self.assertEqual((str(application), int(replaces), list(actions), dict(hints), int(expires)),
                         ("attester-agent", 0, [], {"urgency": 1}, -1))
        self.assertEqual(str(summary), "This device does not meet the requirements")
        self.assertEqual(str(body), BOTH)
        self.assertNotIn("example", f"{application}{icon}{summary}{body}")
        self.refuse(context=b"d" * 32)
        self.refuse("denied-disk.example")
        self.assert_no_more_than(1)
        # The file knows neither website nor issuer nor rule.
        (kept,) = self.state.rglob("notices")
        self.assertEqual(kept.stat().st_mode & 0o777, 0o600)
        self.assertRegex(kept.read_text(), r"\A([0-9a-f]{64} [0-9]+\n){2}\Z")

    def test_program_s_refusals_are_not_told(self):
        self.refuse(options={})
        header, _ = challenge("fail-PolicyDenied.example", ORIGIN, self.agent.key, b"c" * 32)
        self.assert_error("PolicyDenied", self.agent.authorize, header, options=INTERACTIVE)
        header, _ = challenge("fail-Sealed.example", ORIGIN, self.agent.key, b"c" * 32)
        self.assert_error("Sealed", self.agent.authorize, header, options=INTERACTIVE)
        self.assert_no_more_than(0)

    def test_flood_by_a_local_program_makes_one_notice(self):
        buses = [self.agent.connect() for _ in range(3)]
        pending = []
        for round_number in range(3):
            for number, bus in enumerate(buses):
                for i in range(30):
                    header, _ = challenge("denied.example", ORIGIN, self.agent.key, bytes([round_number, number, i]) + b"x" * 29)
                    pending.append(send(bus, header, options=INTERACTIVE))
                bus.flush()
            for bus in buses:
                self.agent.call("GetStatus", bus=bus)
        for bus in buses:
            bus.close()
        self.one()
        self.assert_no_more_than(1)
        # Nor does a restart of the agent, which idleness would bring.
        for _ in range(2):
            self.restart_agent()
            self.refuse()
        self.assert_no_more_than(1)

    def test_a_new_cause_is_told_by_itself_and_all_again_after_a_day(self):
        self.refuse("denied-disk.example")
        self.one()
        self.refuse()
        wait_for(lambda: len(self.shown()) == 2, "the second cause")
        self.assertEqual(str(self.one()[4]), "Unlock &lt;b&gt;it&lt;/b&gt; &amp; wait.")
        self.assertEqual(self.agent.end("agent"), 0)
        (kept,) = self.state.rglob("notices")
        kept.write_text("".join(f"{line.split()[0]} {int(time.time()) - 86401}\n" for line in kept.read_text().splitlines()))
        self.agent.start_agent()
        self.refuse()
        wait_for(lambda: len(self.shown()) == 3, "the notice of the next day")
        self.assertEqual(str(self.one()[4]), BOTH)

    def test_many_rules_make_one_short_notice(self):
        self.refuse("denied-often.example")
        self.assertEqual(str(self.one()[4]), "disk: the disk is &lt;open&gt;\nrule-0\nrule-1\nrule-2\n“attestctl policy explain” says more.")
        self.refuse("denied-often.example", context=b"d" * 32)
        self.assert_no_more_than(1)

    def test_slow_service_holds_nothing_up_and_is_told_once(self):
        service = self.agent.processes["notifications"]
        service.send_signal(signal.SIGSTOP)
        self.addCleanup(service.send_signal, signal.SIGCONT)
        for i in range(20):
            self.refuse(context=bytes([i]) * 32)
        self.assertEqual(self.agent.status()["last-refusal"], "PolicyDenied")
        service.send_signal(signal.SIGCONT)
        self.one()
        self.assert_no_more_than(1)

    def test_damaged_memory_is_as_none(self):
        self.refuse()
        self.one()
        self.assertEqual(self.agent.end("agent"), 0)
        (kept,) = self.state.rglob("notices")
        kept.write_bytes(b"\xff" * 100000)
        self.agent.start_agent()
        self.refuse()
        wait_for(lambda: len(self.shown()) == 2, "a notice")


class German(Notices):
    environment = {"LC_MESSAGES": "de_AT.UTF-8", "LANG": "en_GB.UTF-8"}

    def test_notice_is_in_the_person_s_language(self):
        self.start_service()
        self.refuse()
        self.assertEqual([str(text) for text in self.one()[3:5]],
                         ["Dieses Gerät erfüllt die Anforderungen nicht",
                          "Entsperren &lt;b&gt;Sie&lt;/b&gt; &amp; warten.\ndisk: the disk is &lt;open&gt;"])


class Absent(Notices):
    def test_absent_service_holds_nothing_up_and_it_is_said_when_it_is_there(self):
        for _ in range(5):
            self.refuse()
        wait_for(lambda: [kept.read_text() for kept in self.state.rglob("notices")] == [""], "it to be taken back")
        self.start_service()
        # It is not tried again within a minute, by this process.
        self.refuse()
        self.assert_no_more_than(0)
        self.restart_agent()
        self.refuse()
        self.assertEqual(str(self.one()[4]), BOTH)


class ReadOnly(Notices):
    environment = {"XDG_STATE_HOME": "/proc/nothing"}

    def test_without_a_place_for_the_file_it_is_told_once_as_long_as_the_agent_runs(self):
        self.start_service()
        self.refuse()
        self.refuse(context=b"d" * 32)
        self.one()
        self.assert_no_more_than(1)


class Off(Notices):
    options = ("--notices", "never")

    def test_notices_that_are_off_are_off(self):
        self.start_service()
        self.refuse()
        self.assert_no_more_than(0)
        self.assertFalse(self.state.exists())


if __name__ == "__main__":
    PROGRAM, FAKE = sys.argv[1:3]
    del sys.argv[1:3]
    unittest.main(verbosity=2)
