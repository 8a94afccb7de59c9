#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attester-agent over private buses, with a stand-in for attesterd that issues real tokens or misbehaves.

usage: test_agent.py ATTESTER_AGENT FAKE_ATTESTERD BASE_ERROR_C
"""

import os
import pathlib
import re
import sys
import unittest

import dbus
import dbus.lowlevel

from agent_fixture import Agent, AgentCase, challenge, send, verify, verify_voprf, wait_for

GOOD, ORIGIN = "good.example", "shop.example"


class Authorize(AgentCase):
    def challenge(self, issuer=GOOD, origin=ORIGIN, context=b""):
        return challenge(issuer, origin, self.agent.key, context)

    def test_first_visit_gets_a_token_and_the_second_one_from_the_cache(self):
        header, digest = self.challenge()
        token, info = self.agent.authorize(header)
        verify(token, digest, self.agent.key)
        self.assertEqual(dict(info), {"issuer": GOOD, "token-type": 2, "from-cache": False, "quote-shared-by": 3})
        self.assertEqual(self.agent.status()["cached-tokens"], 1)
        second, info = self.agent.authorize(header)
        verify(second, digest, self.agent.key)
        self.assertEqual(dict(info), {"issuer": GOOD, "token-type": 2, "from-cache": True})
        self.assertNotEqual(token, second)
        self.assertEqual(self.agent.direct()[0], 1)

    def test_every_token_is_handed_out_once(self):
        header, digest = self.challenge()
        tokens = [self.agent.authorize(header)[0] for _ in range(7)]
        for token in tokens:
            verify(token, digest, self.agent.key)
        self.assertEqual(len(set(tokens)), 7)

    def test_challenge_with_context_is_never_kept(self):
        for _ in range(3):
            header, digest = self.challenge(context=os.urandom(32))
            self.assert_authorizes(header, digest, False)
        header, digest = self.challenge(context=b"c" * 32)
        self.assertNotEqual(self.assert_authorizes(header, digest, False), self.assert_authorizes(header, digest, False))
        self.assertEqual(self.agent.status()["cached-tokens"], 0)
        self.assertEqual(list(self.agent.direct()), [5, 5, 0])

    def test_token_bound_to_one_origin_does_not_serve_another(self):
        here, digest = self.challenge()
        self.assert_authorizes(here, digest, False)
        there, other_digest = self.challenge(origin="bank.example")
        self.assertNotEqual(digest, other_digest)
        self.assert_authorizes(there, other_digest, False, origin="bank.example")
        # The same challenge, sent by another website, is refused, although a token for it is there.
        self.assertEqual(self.agent.status()["cached-tokens"], 2)
        self.assertIn("bank.example", self.assert_error("OriginMismatch", self.agent.authorize, here, "bank.example"))
        self.assertEqual(self.agent.status()["cached-tokens"], 2)

    def test_header_of_several_challenges_takes_the_first_usable(self):
        good, digest = self.challenge()
        unknown, _ = self.challenge("nobody.example")
        foreign, _ = self.challenge(origin="bank.example")
        no_key, _ = challenge("nokeys.example", ORIGIN, None)
        unreachable, _ = self.challenge("unreachable.example")
        self.assert_authorizes(", ".join(('Basic realm="x"', unknown, foreign, no_key, unreachable, good)), digest, False)

    def test_challenge_without_key_takes_the_directory_s(self):
        header, digest = challenge("GOOD.example", "", None)
        self.assert_authorizes(header, digest, False)
        self.assert_authorizes(header, digest, True, origin="elsewhere.example")

    def test_concurrent_equal_requests_share_fetches_and_no_token(self):
        header, digest = self.challenge("held.example")
        bus = self.agent.connect()
        self.addCleanup(bus.close)
        pending = [send(bus, header) for _ in range(10)]
        bus.flush()
        wait_for(lambda: self.agent.direct()[2] == 1, "the first fetch")
        # All ten calls are in: the agent answered one that was sent behind them.
        self.agent.call("GetStatus", bus=bus)
        self.agent.direct("Release")
        wait_for(lambda: self.agent.direct()[2] == 1, "the fetch for the rest")
        calls, requests, _ = self.agent.direct("Release")
        self.assertEqual((calls, requests), (2, 10))
        tokens = [result() for result in pending]
        self.assertEqual(len(set(tokens)), 10)
        for token in tokens:
            verify(token, digest, self.agent.key)
        self.assertEqual(self.agent.status()["cached-tokens"], 0)

    def test_concurrent_requests_with_context_each_get_their_own(self):
        bus = self.agent.connect()
        self.addCleanup(bus.close)
        header, digest = self.challenge("held.example", context=b"x" * 32)
        pending = [send(bus, header) for _ in range(5)]
        bus.flush()
        wait_for(lambda: self.agent.direct()[2] == 5, "five fetches")
        self.assertEqual(list(self.agent.direct("Release")), [5, 5, 0])
        tokens = [result() for result in pending]
        self.assertEqual(len(set(tokens)), 5)
        for token in tokens:
            verify(token, digest, self.agent.key)
        self.assertEqual(self.agent.status()["cached-tokens"], 0)

    def test_slow_issuer_does_not_hold_up_others(self):
        bus = self.agent.connect()
        self.addCleanup(bus.close)
        slow, _ = self.challenge("slow.example")
        slow_directory, _ = self.challenge("slow-directory.example")
        send(bus, slow), send(bus, slow_directory)
        bus.flush()
        good, digest = self.challenge()
        self.assert_authorizes(good, digest, False)
        self.assertIn("300 ms", self.assert_error("Timeout", self.agent.authorize, slow, options={"timeout-ms": dbus.UInt32(300)}))
        self.assert_error("Timeout", self.agent.authorize, slow_directory, options={"timeout-ms": dbus.UInt32(300)})

    def test_caller_with_too_many_calls_is_told_and_others_are_served(self):
        header, _ = self.challenge("slow.example", context=b"y" * 32)
        with_calls = self.agent.connect()
        for _ in range(32):
            send(with_calls, header)
        with_calls.flush()
        good, digest = self.challenge()
        self.assert_error("RateLimited", self.agent.authorize, good, bus=with_calls)
        self.assert_authorizes(good, digest, False)
        # Its calls end when it goes.
        others = [self.agent.connect() for _ in range(2)]
        for bus in others:
            for _ in range(32):
                send(bus, header)
            bus.flush()
            self.assert_error("RateLimited", self.agent.authorize, good, bus=bus)
        self.assert_error("Busy", self.agent.authorize, good)
        with_calls.close()
        for bus in others:
            bus.close()
        wait_for(lambda: self.serves(good), "service after the flood")

    def serves(self, header):
        try:
            return self.agent.authorize(header)
        except dbus.DBusException:
            return None


class Types(AgentCase):
    """Challenges for tokens of type 0x0001."""

    def challenge(self, issuer="both.example", origin=ORIGIN, key=None, context=b""):
        return challenge(issuer, origin, key, context, 1)

    def verify(self, token, digest):
        verify_voprf(token, digest, self.agent.point, self.agent.scalar)

    def test_first_visit_gets_a_token_and_the_second_one_from_the_cache(self):
        header, digest = self.challenge("voprf.example", key=self.agent.point)
        token, info = self.agent.authorize(header)
        self.verify(token, digest)
        self.assertEqual(dict(info), {"issuer": "voprf.example", "token-type": 1, "from-cache": False, "quote-shared-by": 3})
        self.assertEqual(list(self.agent.direct()[:2]), [1, 2])
        second, info = self.agent.authorize(header)
        self.verify(second, digest)
        self.assertEqual(dict(info), {"issuer": "voprf.example", "token-type": 1, "from-cache": True})
        self.assertNotEqual(token, second)
        self.assertEqual(self.agent.direct()[0], 1)

    def test_tokens_of_one_type_do_not_serve_challenges_of_the_other(self):
        voprf, digest = self.challenge()
        rsa, rsa_digest = challenge("both.example", ORIGIN, None)
        self.verify(self.agent.authorize(voprf)[0], digest)
        self.assertEqual(self.agent.status()["cached-tokens"], 1)
        self.assert_authorizes(rsa, rsa_digest, False)
        token, info = self.agent.authorize(voprf)
        self.verify(token, digest)
        self.assertTrue(info["from-cache"])
        self.assert_authorizes(rsa, rsa_digest, True)

    def test_header_of_several_types_takes_the_first_that_can_be_served(self):
        unknown = challenge("both.example", ORIGIN, None, token_type=0xda7a)[0]
        voprf, digest = self.challenge()
        rsa, rsa_digest = challenge("both.example", ORIGIN, None)
        self.verify(self.agent.authorize(f"{unknown}, {voprf}, {rsa}")[0], digest)
        self.assert_authorizes(f"{unknown}, {rsa}, {voprf}", rsa_digest, False)
        # An issuer that has no such key, and one that is not configured.
        lacking = [self.challenge(issuer)[0] for issuer in (GOOD, "nobody.example")]
        self.assert_authorizes(", ".join((*lacking, rsa)), rsa_digest, True)
        self.assert_error("IssuerRejected", self.agent.authorize, lacking[0])

    def test_key_of_the_other_type_is_refused(self):
        self.assert_error("KeyMismatch", self.agent.authorize, self.challenge(key=self.agent.key)[0])
        self.assert_error("KeyMismatch", self.agent.authorize, challenge("both.example", ORIGIN, self.agent.point)[0])

    def test_answers_that_do_not_verify_leave_nothing_behind(self):
        """Those of shuffled.example are good ones, each to another request."""
        for header in (self.challenge("wrong-proof.example")[0], challenge("shuffled.example", ORIGIN, self.agent.key)[0]):
            self.assert_error("TokenInvalid", self.agent.authorize, header)
        self.assertEqual(self.agent.status()["cached-tokens"], 0)
        header, digest = self.challenge()
        self.verify(self.agent.authorize(header)[0], digest)


class Refusals(AgentCase):
    def authorize(self, issuer, **keywords):
        return self.agent.authorize(challenge(issuer, ORIGIN, self.agent.key, b"c" * 32)[0], **keywords)

    def test_attesterd_s_errors_keep_name_and_sentence(self):
        names = re.findall(r'DBUS_PREFIX "(\w+)"', open(ERRORS).read())
        self.assertGreater(len(names), 25)
        for name in names:
            if name == "None":
                continue
            self.assertEqual(self.assert_error(name, self.authorize, f"fail-{name}.example"), "the sentence of the daemon")
        status = self.agent.status()
        self.assertEqual((status["last-refusal"], status["last-refusal-message"]), (names[-1], "the sentence of the daemon"))

    def test_hostile_answers_are_refused(self):
        self.authorize(GOOD)
        for issuer, name in (("wrong-signature", "TokenInvalid"), ("swapped", "TokenInvalid"), ("short", "Malformed"),
                             ("two", "Malformed"), ("badtype", "Malformed"), ("badsignature", "Malformed"), ("incomplete", "Malformed"),
                             ("foreign-error", "Internal"), ("huge", "Malformed"), ("badkey", "KeyMismatch"),
                             ("evilkey", "KeyMismatch"), ("early", "KeyMismatch"), ("nokeys", "KeyMismatch"),
                             ("unreachable", "IssuerUnreachable"), ("nobody", "IssuerUnknown")):
            with self.subTest(issuer):
                self.assert_error(name, self.authorize, f"{issuer}.example")
        for issuer, name in (("badkey", "Crypto"), ("nokeys", "IssuerRejected")):
            self.assert_error(name, self.agent.authorize, challenge(f"{issuer}.example", ORIGIN, None)[0])
        self.assertEqual(self.agent.status()["cached-tokens"], 0)
        # A bad batch leaves nothing in the cache either.
        for issuer in ("wrong-signature", "swapped", "two"):
            with self.assertRaises(dbus.DBusException):
                self.agent.authorize(challenge(f"{issuer}.example", ORIGIN, self.agent.key)[0])
        self.assertEqual(self.agent.status()["cached-tokens"], 0)
        self.authorize(GOOD)

    def test_website_s_own_key_is_refused(self):
        header, _ = challenge(GOOD, ORIGIN, self.agent.other_key)
        self.assertIn("mark the visitor", self.assert_error("KeyMismatch", self.agent.authorize, header))

    def test_malformed_arguments_are_refused(self):
        header, _ = challenge(GOOD, ORIGIN, self.agent.key)
        for origin in ("", "https://shop.example", "a b", "shop.example:0", "user@shop.example"):
            self.assert_error("InvalidArgument", self.agent.authorize, header, origin)
        for bad, name in (('PrivateToken challenge="', "Malformed"), ('PrivateToken challenge="AAI="', "Malformed"),
                          ('PrivateToken challenge="2qoA"', "Unsupported"), ('Basic realm="x"', "Unsupported"), ("", "Unsupported"),
                          ("a" * 16385, "LimitExceeded"), ("a" * 1_000_000, "LimitExceeded")):
            self.assert_error(name, self.agent.authorize, bad)
        self.assert_error("InvalidArgument", self.agent.authorize, header, options={"interactive": "yes"})
        self.assert_error("InvalidArgument", self.agent.authorize, header, options={"timeout-ms": "soon"})
        self.assert_error("InvalidArgument", self.agent.call, "GetAuthorization", "ss", header, ORIGIN)
        self.assert_error("InvalidArgument", self.agent.call, "GetStatus", "s", "x")
        self.assert_error("org.freedesktop.DBus.Error.UnknownMethod", self.agent.call, "Surprise")
        self.agent.authorize(header, options={"interactive": True, "timeout-ms": dbus.UInt32(0), "newer": "skipped"})

    def test_other_objects_and_interfaces_are_not_there(self):
        bus = self.agent.connect()
        self.addCleanup(bus.close)
        for path, interface, name in (("/", "org.attesterd.Client1", "UnknownObject"),
                                      ("/org/attesterd/Client", "org.attesterd.Client2", "UnknownInterface")):
            with self.assertRaises(dbus.DBusException) as caught:
                bus.call_blocking("org.attesterd.Client1", path, interface, "GetStatus", "", (), timeout=10)
            self.assertEqual(caught.exception.get_dbus_name(), f"org.freedesktop.DBus.Error.{name}")
        text = bus.call_blocking("org.attesterd.Client1", "/org/attesterd/Client", "org.freedesktop.DBus.Introspectable",
                                 "Introspect", "", (), timeout=10)
        self.assertIn('<method name="GetAuthorization">', text)

    def test_absent_daemon_is_named_and_found_when_it_is_there(self):
        self.agent.end("fake")
        header, _ = challenge(GOOD, ORIGIN, self.agent.key)
        self.assertIn("not running", self.assert_error("DaemonUnreachable", self.agent.authorize, header))
        self.assertIn("not running", self.agent.status()["daemon"])
        self.agent.start_fake()
        header, digest = challenge(GOOD, ORIGIN, self.agent.key)
        verify(self.agent.authorize(header)[0], digest, self.agent.key)
        self.assertEqual(self.agent.status()["daemon"], "ready")

    def test_dying_daemon_is_named(self):
        self.assert_error("DaemonUnreachable", self.authorize, "dies.example")

    def test_system_bus_that_restarts_is_found_again(self):
        self.agent.authorize(challenge(GOOD, ORIGIN, self.agent.key)[0])
        self.agent.end("system-bus"), self.agent.end("fake")
        self.assert_error("DaemonUnreachable", self.agent.authorize, challenge(GOOD, ORIGIN, self.agent.key)[0])
        self.agent.start_bus("system")
        self.agent.start_fake()
        header, digest = challenge(GOOD, ORIGIN, self.agent.key)

        def authorized():
            try:
                return self.agent.authorize(header)
            except dbus.DBusException:
                return None

        token, info = wait_for(authorized, "the system bus")
        verify(token, digest, self.agent.key)
        self.assertFalse(info["from-cache"])


class ThrownAway(AgentCase):
    """What ends a kept token's life."""

    def setUp(self):
        super().setUp()
        self.header, self.digest = challenge(GOOD, ORIGIN, self.agent.key)
        self.assert_authorizes(self.header, self.digest, False)
        self.assertEqual(self.agent.status()["cached-tokens"], 1)

    def signal(self, bus_name, name, path, interface, member, *arguments, destination=None):
        bus = self.agent.connect(bus_name)
        if name is not None:
            bus.request_name(name)
        message = dbus.lowlevel.SignalMessage(path, interface, member)
        if destination is not None:
            message.set_destination(destination)
        message.append(*arguments)
        bus.send_message(message)
        bus.flush()
        bus.close()

    def assert_gone(self, what):
        wait_for(lambda: self.agent.status()["cached-tokens"] == 0, what)
        self.assert_authorizes(self.header, self.digest, False)

    def test_clear_cache(self):
        self.agent.call("ClearCache")
        self.assertEqual(self.agent.status()["cached-tokens"], 0)
        self.assert_authorizes(self.header, self.digest, False)

    def test_lock_of_the_login_session(self):
        self.signal("system", "org.freedesktop.login1", "/org/freedesktop/login1/session/_31", "org.freedesktop.login1.Session", "Lock")
        self.assert_gone("the lock")

    def session_changes(self, **properties):
        """As logind tells it."""
        changed = dbus.Dictionary({name: dbus.Boolean(value, variant_level=1) for name, value in properties.items()}, signature="sv")
        self.signal("system", "org.freedesktop.login1", "/org/freedesktop/login1/session/_31", "org.freedesktop.DBus.Properties",
                    "PropertiesChanged", "org.freedesktop.login1.Session", changed, dbus.Array([], signature="s"))

    def test_login_session_that_is_said_to_be_locked(self):
        self.session_changes(IdleHint=True, LockedHint=False)
        # Broadcast by another than logind.
        self.signal("system", None, "/org/freedesktop/login1/session/_31", "org.freedesktop.DBus.Properties", "PropertiesChanged",
                    "org.freedesktop.login1.Session", dbus.Dictionary({"LockedHint": dbus.Boolean(True, variant_level=1)}, signature="sv"),
                    dbus.Array([], signature="s"))
        self.assert_authorizes(*challenge(GOOD, "a.example", self.agent.key), False, origin="a.example")
        self.assertEqual(self.agent.status()["cached-tokens"], 2)
        self.session_changes(LockedHint=True)
        self.assert_gone("the lock")

    def test_screen_saver(self):
        for desktop in ("freedesktop", "gnome", "cinnamon", "mate", "xfce"):
            interface = f"org.{desktop}.ScreenSaver"
            self.signal("session", None, "/ScreenSaver", interface, "ActiveChanged", True)
            self.assert_gone(interface)

    def test_screen_saver_that_ends_changes_nothing(self):
        self.signal("session", None, "/ScreenSaver", "org.freedesktop.ScreenSaver", "ActiveChanged", False)
        # Something that the agent handles behind it.
        self.signal("session", None, "/ScreenSaver", "org.freedesktop.ScreenSaver", "ActiveChanged", "no boolean")
        self.assertEqual(self.agent.status()["cached-tokens"], 1)

    def test_lock_by_somebody_else_changes_nothing(self):
        bus = self.agent.connect("system")
        self.addCleanup(bus.close)
        # Broadcast by another than logind, and straight to each connection, which no rule holds back.
        self.signal("system", None, "/org/freedesktop/login1/session/_31", "org.freedesktop.login1.Session", "Lock")
        for name in bus.list_names():
            if name.startswith(":"):
                self.signal("system", None, "/org/attesterd", "org.freedesktop.login1.Session", "Lock", destination=name)
        self.assert_authorizes(challenge(GOOD, "a.example", self.agent.key)[0], challenge(GOOD, "a.example", self.agent.key)[1], False,
                               origin="a.example")
        self.assertEqual(self.agent.status()["cached-tokens"], 2)

    def test_change_of_policy(self):
        self.agent.direct("ChangePolicy")
        self.assert_gone("the policy")

    def test_daemon_that_restarts(self):
        self.agent.end("fake")
        self.agent.start_fake()
        wait_for(lambda: self.agent.status()["cached-tokens"] == 0, "the daemon")

    def test_rotated_key(self):
        self.agent.direct("Rotate")
        header, digest = challenge(GOOD, ORIGIN, self.agent.other_key)
        self.assert_authorizes(header, digest, False, key=self.agent.other_key)
        self.assertEqual(self.agent.status()["cached-tokens"], 1)
        # The old key is not in the directory any more: neither a kept token nor a new one.
        self.assert_error("KeyMismatch", self.agent.authorize, self.header)
        self.assert_authorizes(header, digest, True, key=self.agent.other_key)

    def test_what_is_fetched_while_the_screen_locks_is_not_kept(self):
        bus = self.agent.connect()
        self.addCleanup(bus.close)
        header, _ = challenge("held.example", ORIGIN, self.agent.key)
        pending = send(bus, header)
        bus.flush()
        wait_for(lambda: self.agent.direct()[2] == 1, "the fetch")
        self.signal("session", None, "/ScreenSaver", "org.freedesktop.ScreenSaver", "ActiveChanged", True)
        wait_for(lambda: self.agent.status()["cached-tokens"] == 0, "the lock")
        self.agent.direct("Release")
        self.assertEqual(len(pending()), 354)
        self.assertEqual(self.agent.status()["cached-tokens"], 0)


class Idle(AgentCase):
    options = ("--idle", "1")

    def test_agent_ends_when_nothing_is_kept(self):
        self.agent.authorize(challenge(GOOD, ORIGIN, self.agent.key, b"c" * 32)[0])
        self.assertEqual(self.agent.processes.pop("agent").wait(20), 0)

    def test_agent_stays_while_it_keeps_tokens(self):
        header, digest = challenge(GOOD, ORIGIN, self.agent.key)
        self.assert_authorizes(header, digest, False)
        with self.assertRaises(Exception):
            self.agent.processes["agent"].wait(3)
        self.assert_authorizes(header, digest, True)
        # A fetch ahead is planned now; without it and without tokens the agent ends.
        self.agent.call("ClearCache")
        self.assertEqual(self.agent.processes.pop("agent").wait(20), 0)


class Activation(AgentCase):
    """The bus starts the agent, as in a session."""

    def setUp(self):
        self.agent = Agent(self.program, self.fake)
        self.addCleanup(self.agent.stop)
        self.agent.start_activatable()

    def test_first_call_starts_it_and_it_comes_again_after_its_end(self):
        self.assertIsNone(self.agent.owner())
        header, digest = challenge(GOOD, ORIGIN, self.agent.key, b"c" * 32)
        self.assert_authorizes(header, digest, False)
        first = self.agent.owner()
        wait_for(lambda: self.agent.owner() is None, "the end of the first")
        self.assert_authorizes(header, digest, False)
        self.assertNotEqual(self.agent.owner(), first)

    def test_it_ends_with_the_session(self):
        self.agent.call("GetStatus")
        process = self.agent.owner()
        self.assertEqual(self.agent.end("session-bus"), 0)
        wait_for(lambda: self.has_ended(process), "the end of the agent")

    @staticmethod
    def has_ended(process):
        try:
            return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True


if __name__ == "__main__":
    AgentCase.program, AgentCase.fake, ERRORS = sys.argv[1:4]
    del sys.argv[1:4]
    unittest.main(verbosity=2)
