# SPDX-License-Identifier: BSD-2-Clause
"""What happens when things go wrong around the daemon: floods, a bus or TPM that goes, broken files, signals at any time."""

import json
import os
import pathlib
import re
import signal
import time

import bus_fixture
import dbus
import dbus.lowlevel
from bus_fixture import ATTESTER, DAEMON_UID, NOBODY, REQUEST_TOKENS, Background, BusCase
from stack import ISSUER_NAME, wait_for

DAY = 24 * 60 * 60
POLICY = """[Policy]
Version={version}
[Rule never]
Require={require}
Remedy=Turn it on.
"""


class Floods(BusCase):
    options = {"issuers": ("plain", "slow"), "limits": "[Limits]\nRequestsPerSecond=5\nRequestsBurst=60\nInFlightPerUser=20\n"}

    def test_a_flood_is_rate_limited_and_others_go_on(self):
        flood = Background(self.stack.as_user, NOBODY, 100, ATTESTER, "RequestTokens", REQUEST_TOKENS, "slow.example", "token", "options")
        wait_for(lambda: self.stack.fake.counts["slow", "request"], "the flood at the issuer")
        for _ in range(5):
            self.stack.request("plain.example")
        self.assertTrue(flood.is_alive())
        self.stack.fake.stopping.set()
        outcomes = json.loads(flood.result().stdout)["outcomes"]
        self.assertEqual(outcomes.get("org.attesterd.Error.RateLimited"), 80)

    def test_a_fast_flood_says_when_to_retry(self):
        answer = json.loads(self.stack.as_user(DAEMON_UID, 100, ATTESTER, "GetFacts").stdout)
        limited = answer["outcomes"].get("org.attesterd.Error.RateLimited", 0)
        self.assertGreater(limited, 0)
        self.assertGreater(answer["outcomes"]["ok"], 0)
        self.assertRegex(answer["sentence"], r"retry (in \d+\.\d+ seconds|when)")
        self.stack.call(ATTESTER, "GetFacts")

    def test_each_token_request_counts(self):
        self.assert_error("RateLimited", self.burst)

    def burst(self):
        for _ in range(6):
            self.stack.request("plain.example", [b"x"] * 16)


class Files(BusCase):
    options = {"issuers": ("plain",)}

    def reload(self):
        before = self.stack.log("attesterd").count("in force")
        self.stack.reload_daemon()
        return before

    def tearDown(self):
        for name in ("etc/policy.d/50-test.conf", "etc/issuers.d/broken.conf", "etc/issuers.d/new.example.conf"):
            self.stack.path(name).unlink(missing_ok=True)
        self.stack.call(bus_fixture.ADMIN, "Reload")

    def test_broken_configuration_on_hangup_keeps_the_last_good_one(self):
        self.stack.write("etc/issuers.d/broken.conf", "[Issuer]\nName=broken.example\nColour=red\n")
        self.stack.reload_daemon()
        wait_for(lambda: self.stack.property("ConfigError"), "the error on the bus")
        self.assertRegex(str(self.stack.property("ConfigError")), r"broken\.conf:3:1: unknown key Colour")
        self.assertIn("broken.conf:3", self.stack.log("attesterd"))
        self.stack.request("plain.example")
        self.assert_error("ConfigInvalid", self.stack.call, bus_fixture.ADMIN, "Reload")
        self.stack.path("etc/issuers.d/broken.conf").unlink()
        self.stack.configure_issuer("new.example", self.stack.fake.url("plain"))
        self.stack.reload_daemon()
        wait_for(lambda: not self.stack.property("ConfigError"), "no error on the bus")
        self.stack.request("new.example")

    def configure_mirror(self, mirror):
        self.stack.configure_issuer("new.example", self.stack.fake.url("plain"), mirror=mirror)
        self.stack.call(bus_fixture.ADMIN, "Reload")

    def test_issuer_with_other_keys_than_its_mirror_is_rejected_until_they_agree(self):
        fake = self.stack.fake
        fake.keys["copy"] = "AAAB"
        self.configure_mirror(fake.url("copy"))
        for _ in range(3):
            self.assertIn("other keys", self.assert_error("IssuerRejected", self.stack.request, "new.example"))
        self.assert_error("IssuerRejected", self.stack.call, ATTESTER, "GetIssuer", "s", "new.example")
        self.assertEqual(self.stack.log("attesterd").count("nothing is asked of new.example"), 1)
        self.assertEqual(fake.requests["copy"], [])
        self.stack.request("plain.example")
        del fake.keys["copy"]
        wait_for(lambda: self.succeeds("new.example"), "keys that agree")
        self.assertEqual(str(self.stack.call(ATTESTER, "GetIssuer", "s", "new.example")["mirror"]), "agrees")

    def test_mirror_that_is_out_of_reach_stops_nothing_and_is_named(self):
        self.configure_mirror(self.stack.fake.url("plain").replace(str(self.stack.fake.server.server_port), "1"))
        self.stack.request("new.example")
        self.assertRegex(str(self.stack.call(ATTESTER, "GetIssuer", "s", "new.example")["mirror"]), "^unreachable: .")
        self.assertIn("the directory of new.example cannot be compared", self.stack.log("attesterd"))
        self.assertNotIn("mirror", self.stack.call(ATTESTER, "GetIssuer", "s", "plain.example"))
        issuers = {issuer["name"]: issuer for issuer in self.stack.attestctl_json("issuers")["issuers"]}
        self.assertRegex(issuers["new.example"]["mirror"], "^unreachable: .")

    def test_mirror_that_has_half_a_character_quoted_is_named_and_harms_nobody(self):
        """What it says is cut within a character; libdbus ends a program that hands it such a text."""
        self.stack.fake.request_uris["odd"] = "/" + "é" * 60
        self.addCleanup(self.stack.fake.request_uris.clear)
        for name in ("odd", "plain"):
            self.configure_mirror(self.stack.fake.url(name))
            self.stack.request("new.example")
            mirror = str(self.stack.call(ATTESTER, "GetIssuer", "s", "new.example")["mirror"])
            self.assertRegex(mirror, "^unreachable: .*no usable directory" if name == "odd" else "^agrees$")

    def test_custom_facts_that_do_not_count_are_named_in_the_log_once(self):
        self.stack.write("root/etc/attesterd/facts.d/odd.facts", "room =\n")
        self.addCleanup(self.stack.restart_daemon)
        self.stack.restart_daemon(root=str(self.stack.path("root")))
        for _ in range(2):
            self.stack.call(ATTESTER, "GetFacts")
            time.sleep(1.1)  # what was measured then is too old
        self.assertEqual(self.stack.log("attesterd").count("custom facts that do not count: "), 1)
        self.assertIn("facts.d", self.stack.log("attesterd"))

    def test_policy_that_denies_names_rule_and_remedy(self):
        self.stack.write("etc/policy.d/50-test.conf", POLICY.format(version=3, require="os.id == nothing"))
        self.stack.reload_daemon()
        wait_for(lambda: self.stack.property("PolicyVersion") == 3, "the policy in force")
        sentence = self.assert_error("PolicyDenied", self.stack.request, "plain.example")
        self.assertIn("never", sentence)
        self.assertIn("Turn it on.", sentence)
        passed, rules = self.stack.call(ATTESTER, "Evaluate", "sa{sv}", "", {})
        self.assertFalse(passed)
        self.assertEqual([(str(rule), str(outcome), str(remedy)) for rule, outcome, _, remedy in rules],
                         [("never", "fail", "Turn it on.")])

    def test_policy_denial_carries_the_failed_rules(self):
        self.stack.write("etc/policy.d/50-test.conf", POLICY.format(version=4, require="request.interactive"))
        self.stack.call(bus_fixture.ADMIN, "Reload")
        self.stack.request("plain.example", options={"interactive": True})
        message = dbus.lowlevel.MethodCallMessage(bus_fixture.NAME, bus_fixture.PATH, ATTESTER, "RequestTokens")
        message.append("plain.example", [b"x"], {}, signature=REQUEST_TOKENS)
        connection, replies = self.stack.bus(), []
        connection.send_message_with_reply(message, replies.append, 30).block()
        connection.close()
        self.assertEqual(replies[0].get_error_name(), "org.attesterd.Error.PolicyDenied")
        self.assertEqual(replies[0].get_signature(), "sa(ssss)")
        self.assertEqual([str(text) for text in replies[0].get_args_list()[1][0]][:2], ["never", "fail"])

    # ---- Grace=. The daemon takes what a file says of the past at its start, so that no test has to wait for days.

    def put_rule(self, version, require):
        """With Grace=; in force at the next start or reload."""
        self.stack.write("etc/policy.d/50-test.conf", POLICY.format(version=version, require=require) + "Grace=7d\n")

    def remembered(self):
        """{key: seconds} of the rule, or None."""
        rules = self.stack.path("state", "policy").read_text().split("[Rule never]")
        return dict((key, int(value)) for key, value in re.findall(r"(\w+)=(\d+)", rules[1])) if len(rules) > 1 else None

    def restart_later(self, seconds):
        """As if the machine had been off for so long."""
        self.stack.end("attesterd")
        path = self.stack.path("state", "policy")
        moved = re.sub(r"Since=([1-9]\d*)", lambda match: f"Since={int(match[1]) - seconds}", path.read_text())
        path.write_text(moved)
        self.stack.start_daemon(limits=self.stack.limits)

    def start_anew(self, version):
        self.put_rule(version, "os.id == nothing")
        self.stack.end("attesterd")
        self.stack.path("state", "policy").unlink()
        self.stack.start_daemon(limits=self.stack.limits)

    def outcome(self):
        passed, ((_, outcome, reason, _),) = self.stack.call(ATTESTER, "Evaluate", "sa{sv}", "", {})
        return bool(passed), str(outcome), str(reason)

    def test_grace_counts_from_the_first_refused_request_across_restarts_and_ends(self):
        self.start_anew(8)
        # Asking what would be begins nothing.
        self.assertEqual(self.outcome()[:2], (True, "grace"))
        self.stack.call(ATTESTER, "Explain", "sa{sv}", "plain.example", {})
        self.assertIsNone(self.remembered())
        self.stack.request("plain.example")
        first = self.remembered()["FailingSince"]
        self.assertLess(abs(time.time() - first), 60)
        self.restart_later(3600)
        self.stack.request("plain.example")
        self.assertEqual(self.remembered(), {"FailingSince": first - 3600, "PassingSince": 0})
        self.restart_later(6 * DAY)
        self.stack.request("plain.example")
        passed, outcome, reason = self.outcome()
        self.assertEqual((passed, outcome), (True, "grace"))
        self.assertRegex(reason, r"it is let pass for (22|23)h")
        self.restart_later(DAY)
        self.assertIn("Turn it on.", self.assert_error("PolicyDenied", self.stack.request, "plain.example"))
        self.assertEqual(self.outcome()[:2], (False, "fail"))
        # Asking more often, or another restart, does not bring it back.
        self.restart_later(0)
        self.assert_error("PolicyDenied", self.stack.request, "plain.example")

    def test_grace_is_granted_anew_only_after_the_rule_passed_for_as_long(self):
        self.start_anew(9)
        self.stack.request("plain.example")
        self.restart_later(8 * DAY)
        self.assert_error("PolicyDenied", self.stack.request, "plain.example")
        for days, again in ((0, False), (6, False), (7, True)):
            self.put_rule(10, "os.id != nothing")
            self.stack.call(bus_fixture.ADMIN, "Reload")
            self.stack.request("plain.example")
            self.restart_later(days * DAY)
            self.stack.request("plain.example")
            self.put_rule(11, "os.id == nothing")
            self.stack.call(bus_fixture.ADMIN, "Reload")
            if again:
                self.stack.request("plain.example")
                self.assertEqual(self.outcome()[:2], (True, "grace"))
            else:
                self.assert_error("PolicyDenied", self.stack.request, "plain.example")

    def test_broken_policy_keeps_the_last_good_one(self):
        self.stack.write("etc/policy.d/50-test.conf", POLICY.format(version=5, require="os.id != nothing"))
        self.stack.call(bus_fixture.ADMIN, "Reload")
        self.stack.write("etc/policy.d/50-test.conf", POLICY.format(version=6, require="os.id =="))
        self.stack.reload_daemon()
        wait_for(lambda: self.stack.property("PolicyError"), "the error on the bus")
        self.assertIn("50-test.conf:4:", str(self.stack.property("PolicyError")))
        self.assertEqual(self.stack.property("PolicyVersion"), 5)
        self.stack.request("plain.example")
        self.assert_error("PolicyInvalid", self.stack.call, bus_fixture.ADMIN, "Reload")

    def test_broken_policy_at_start_lets_nothing_pass(self):
        self.stack.write("etc/policy.d/50-test.conf", "[Rule x]\nRequire=(\n")
        self.stack.restart_daemon()
        self.assert_error("PolicyInvalid", self.stack.request, "plain.example")
        self.assert_error("PolicyInvalid", self.stack.call, ATTESTER, "Evaluate", "sa{sv}", "", {})
        self.assert_error("PolicyInvalid", self.stack.call, ATTESTER, "Explain", "sa{sv}", "", {})
        self.stack.write("etc/policy.d/50-test.conf", POLICY.format(version=1, require="os.id != nothing"))
        self.stack.call(bus_fixture.ADMIN, "Reload")
        self.stack.request("plain.example")

    def test_broken_configuration_at_start_ends_the_daemon_with_its_status(self):
        self.stack.write("etc/issuers.d/broken.conf", "Name=broken.example\n")
        self.stack.end("attesterd")
        with self.assertRaises(bus_fixture.stack.StackError):
            self.stack.start_daemon(limits=self.stack.limits)
        self.assertEqual(self.stack.processes.pop("attesterd").returncode, 11)
        self.stack.path("etc/issuers.d/broken.conf").unlink()
        self.stack.start_daemon(limits=self.stack.limits)

    def test_facts_have_names_types_provenance_and_source(self):
        facts = {str(name): (value, str(provenance), str(source))
                 for name, value, provenance, source, _ in self.stack.call(ATTESTER, "GetFacts")}
        self.assertEqual(facts["tpm.simulated"][0], True)
        self.assertIn("os.id", facts)
        self.assertEqual({provenance for _, provenance, _ in facts.values()}, {"reported"})
        unreadable = [value for value, _, _ in facts.values() if isinstance(value, dbus.Struct)]
        self.assertTrue(all(len(value) == 1 and str(value[0]) for value in unreadable))


class Signals(BusCase):
    options = {"issuers": ("plain", "slow", "attest"), "real_issuer": True}

    def requests_at_the_issuer(self, count):
        """Calls that wait for an issuer, which has got their requests."""
        before = self.stack.fake.counts["slow", "request"]
        calls = [Background(self.stack.request, "slow.example") for _ in range(count)]
        wait_for(lambda: self.stack.fake.counts["slow", "request"] >= before + count, "requests at the issuer")
        return calls

    def test_terminate_while_busy_answers_and_ends_well(self):
        calls = self.requests_at_the_issuer(5)
        begin = time.monotonic()
        self.assertEqual(self.stack.end("attesterd", signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - begin, 9)
        for call in calls:
            self.assert_error("Cancelled", call.result)
        self.stack.start_daemon(limits=self.stack.limits)

    def test_kill_while_busy_leaves_a_state_that_serves(self):
        self.stack.call(bus_fixture.ADMIN, "Enroll", "s", ISSUER_NAME)
        directory = self.stack.call(ATTESTER, "GetIssuer", "s", ISSUER_NAME)
        for _ in range(3):
            calls = [Background(self.stack.request, ISSUER_NAME, [bus_fixture.token_request(directory)]) for _ in range(5)]
            self.stack.end("attesterd", signal.SIGKILL)
            for call in calls:
                call.join(30)
            self.stack.start_daemon(limits=self.stack.limits)
            self.assertTrue(self.stack.request(ISSUER_NAME, [bus_fixture.token_request(directory)])[1]["attested"])

    def test_a_second_daemon_does_not_start(self):
        first = self.stack.processes.pop("attesterd")
        second = self.stack.spawn("attesterd", *first.args)
        self.assertEqual(second.wait(20), 15)
        self.stack.processes["attesterd"] = first
        self.stack.request("plain.example")

    def test_bus_restart_is_survived(self):
        self.stack.request("plain.example")
        waiting, = self.requests_at_the_issuer(1)
        self.stack.end("dbus-daemon")
        waiting.join(20)
        self.stack.path("bus.sock").unlink(missing_ok=True)
        self.stack.start_bus()
        self.stack.wait("attesterd", self.stack.name_is_owned, "org.attesterd on the bus again")
        self.stack.request("plain.example")

    def test_attester_net_that_dies_is_replaced(self):
        self.stack.request("plain.example")
        daemon = self.stack.processes["attesterd"].pid
        with open(f"/proc/{daemon}/task/{daemon}/children", encoding="ascii") as children:
            child = int(children.read().split()[0])
        waiting, = self.requests_at_the_issuer(1)
        os.kill(child, signal.SIGKILL)
        self.assert_error("IssuerUnreachable", waiting.result)
        wait_for(self.plain_works, "a new attester-net")

    def plain_works(self):
        try:
            return self.stack.request("plain.example")
        except dbus.DBusException:
            return None


class SlowTpm(BusCase):
    """A quote takes four seconds, once the device is enrolled."""

    options = {"issuers": ("plain",), "real_issuer": True, "proxy": ("--delay-ms", 0)}
    slow = "--delay-ms 4000 --only Quote"

    def setUp(self):
        self.stack.call(bus_fixture.ADMIN, "Enroll", "s", ISSUER_NAME)
        directory = self.stack.call(ATTESTER, "GetIssuer", "s", ISSUER_NAME)
        self.tokens = [bus_fixture.token_request(directory)]
        self.stack.plan_tpm(self.slow)
        self.addCleanup(self.stack.plan_tpm)

    def begin_quote(self, **options):
        """A request whose quote is under way, until the TPM has been slow over it."""
        waiting = Background(self.stack.request, ISSUER_NAME, self.tokens, options)
        wait_for(lambda: self.stack.plan_tpm(self.slow)["by_name"].get("Quote"), "a quote under way")
        return waiting

    def test_a_caller_waits_no_longer_than_it_said_and_others_not_at_all(self):
        waiting = self.begin_quote(**{"timeout-ms": dbus.UInt32(1500)})
        self.stack.request("plain.example")
        self.stack.call(ATTESTER, "GetFacts")
        self.assertTrue(waiting.is_alive())
        self.assert_error("Timeout", waiting.result)
        self.stack.plan_tpm()
        self.assertTrue(self.stack.request(ISSUER_NAME, self.tokens)[1]["attested"])

    def test_terminate_during_a_quote_ends_well(self):
        waiting = self.begin_quote()
        self.assertEqual(self.stack.end("attesterd", signal.SIGTERM), 0)
        self.assert_error("Cancelled", waiting.result)
        self.restart()

    def test_terminate_during_an_enrolment_and_a_quote_ends_well(self):
        waiting = self.begin_quote()
        bus, replies = self.stack.bus(), []
        self.arrived(bus)
        calls = [bus_fixture.send(bus, bus_fixture.ADMIN, "Enroll", "s", [ISSUER_NAME], replies),
                 bus_fixture.send(bus, bus_fixture.ADMIN, "Reseal", "", [], replies)]
        self.arrived(bus)
        self.assertEqual(self.stack.end("attesterd", signal.SIGTERM), 0)
        for call in calls:
            call.block()
        bus.close()
        self.assertEqual([reply.get_error_name() for reply in replies], ["org.attesterd.Error.Cancelled"] * 2)
        self.assert_error("Cancelled", waiting.result)
        self.restart()

    def restart(self):
        """Without a resource manager the TPM still holds what the stopped daemon had loaded: it is restarted too."""
        tcti = self.stack.tcti
        self.stack.end("swtpm")
        self.stack.start_tpm()
        self.stack.tcti = tcti
        self.stack.start_daemon(limits=self.stack.limits)


class FailingTpm(BusCase):
    """Quotes fail, but for the one that tries a new key: TPM_RC_VALUE, an error that no state of a TPM explains."""

    options = {"real_issuer": True, "proxy": ("--fault", "rc", "--rc", "0x1c4", "--at", 2, "--times", 2, "--only", "Quote")}

    def test_a_quote_that_fails_is_tpm_failed_and_the_next_callers_get_theirs(self):
        self.stack.call(bus_fixture.ADMIN, "Enroll", "s", ISSUER_NAME)
        directory = self.stack.call(ATTESTER, "GetIssuer", "s", ISSUER_NAME)
        sentence = self.assert_error("TpmFailed", self.stack.request, ISSUER_NAME, [bus_fixture.token_request(directory)] * 3)
        self.assertIn("tpm:", sentence)
        wait_for(lambda: self.attested(directory), "a quote that does not fail")

    def attested(self, directory):
        try:
            return self.stack.request(ISSUER_NAME, [bus_fixture.token_request(directory)])[1]["attested"]
        except dbus.DBusException:
            return None


class State(BusCase):
    """State and configuration directories that are damaged or cannot be written to; root needs stronger means than modes."""

    options = {"real_issuer": True}

    def test_damaged_key_file_is_state_invalid_until_resealed(self):
        self.stack.call(bus_fixture.ADMIN, "Enroll", "s", ISSUER_NAME)
        directory = self.stack.call(ATTESTER, "GetIssuer", "s", ISSUER_NAME)
        self.stack.end("attesterd")
        self.stack.path("state", "ak.key").write_bytes(b"damaged")
        self.stack.start_daemon(limits=self.stack.limits)
        self.assert_error("StateInvalid", self.stack.request, ISSUER_NAME, [bus_fixture.token_request(directory)])
        self.stack.call(bus_fixture.ADMIN, "Reseal")
        self.stack.call(bus_fixture.ADMIN, "Enroll", "s", ISSUER_NAME)
        self.stack.request(ISSUER_NAME, [bus_fixture.token_request(directory)])

    def test_state_that_cannot_be_written_is_io_and_the_old_key_serves(self):
        self.stack.call(bus_fixture.ADMIN, "Enroll", "s", ISSUER_NAME)
        directory = self.stack.call(ATTESTER, "GetIssuer", "s", ISSUER_NAME)
        in_the_way = self.stack.path("state", "ak.key.new", "file")
        in_the_way.parent.mkdir()
        in_the_way.write_text("")
        self.assert_error("Io", self.stack.call, bus_fixture.ADMIN, "Reseal")
        self.assertTrue(self.stack.request(ISSUER_NAME, [bus_fixture.token_request(directory)])[1]["attested"])
        in_the_way.unlink()
        in_the_way.parent.rmdir()

    def test_policy_directory_that_is_none_is_io(self):
        self.stack.write("etc/policy.d", "not a directory")
        self.addCleanup(self.stack.path("etc/policy.d").unlink)
        self.assert_error("Io", self.stack.call, bus_fixture.ADMIN, "InstallPolicy", "ss", "a.conf", "[Policy]\nVersion=1\n")


class Crowds(BusCase):
    options = {"issuers": ("slow",), "limits": "[Limits]\nInFlight=3\n"}

    def test_more_calls_than_all_users_may_have_are_busy(self):
        calls = [Background(self.stack.request, "slow.example") for _ in range(3)]
        wait_for(lambda: self.stack.fake.counts["slow", "request"] == 3, "requests at the issuer")
        self.assert_error("Busy", self.stack.call, ATTESTER, "GetFacts")
        self.stack.fake.stopping.set()
        for call in calls:
            call.result()
        self.stack.call(ATTESTER, "GetFacts")


class Memory(BusCase):
    options = {"issuers": ("plain",)}

    def test_resident_set_at_rest_is_small_and_rest_is_rest(self):
        for _ in range(50):
            self.stack.request("plain.example", [b"x" * 4096] * 16)
        # With a sanitizer, which reserves terabytes, the resident set is the sanitizer's.
        bound_kib = 8 * 1024 if self.stack.status_kib("VmSize") < 1 << 30 else 512 * 1024
        wait_for(lambda: self.stack.status_kib("VmRSS") < bound_kib, "memory given back")
        time.sleep(2)
        before = self.switches()
        time.sleep(3)
        self.assertEqual(self.switches(), before)

    def switches(self):
        daemon = self.stack.processes["attesterd"].pid
        texts = [task.joinpath("status").read_text() for task in pathlib.Path(f"/proc/{daemon}/task").iterdir()]
        return sum(int(text.split("\nvoluntary_ctxt_switches:")[1].split()[0]) for text in texts)


class Tpm(BusCase):
    options = {"issuers": ("plain",), "real_issuer": False, "tpm": False}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.early = str(wait_for(lambda: cls.known_state(), "the TPM's state"))
        cls.plain = cls.stack.request("plain.example")
        cls.early_error = None
        try:
            cls.stack.call(bus_fixture.ADMIN, "Reseal")
        except dbus.DBusException as error:
            cls.early_error = error.get_dbus_name()
        cls.stack.start_tpm()
        cls.stack.start_issuer()
        cls.stack.configure_issuer()
        cls.stack.call(bus_fixture.ADMIN, "Reload")

    @classmethod
    def known_state(cls):
        state = cls.stack.property("TpmState")
        return state if state != "connecting" else None

    def enrolled(self):
        try:
            return self.stack.call(bus_fixture.ADMIN, "Enroll", "s", ISSUER_NAME)
        except dbus.DBusException as error:
            self.assertEqual(error.get_dbus_name(), "org.attesterd.Error.TpmUnavailable")
            return None

    def fetch(self):
        directory = self.stack.call(ATTESTER, "GetIssuer", "s", ISSUER_NAME)
        return self.stack.request(ISSUER_NAME, [bus_fixture.token_request(directory)])

    def test_tpm_that_is_absent_at_start_is_used_when_it_appears(self):
        self.assertTrue(self.early.startswith("unavailable: "), self.early)
        self.assertEqual(self.early_error, "org.attesterd.Error.TpmUnavailable")
        self.assertEqual(bytes(self.plain[0][0]), b"token")
        wait_for(self.enrolled, "the TPM used", seconds=40)
        self.assertTrue(self.fetch()[1]["attested"])
        self.assertEqual(self.stack.property("TpmState"), "ready")
        self.assertEqual(self.stack.property("SealState"), "open")

    def test_tpm_that_goes_is_unavailable_and_comes_back(self):
        wait_for(self.enrolled, "the TPM used", seconds=40)
        self.stack.end("swtpm")
        self.assert_error("TpmUnavailable", self.fetch)
        self.stack.start_tpm()
        wait_for(self.fetched, "tokens again", seconds=40)

    def fetched(self):
        try:
            return self.fetch()
        except dbus.DBusException as error:
            self.assertEqual(error.get_dbus_name(), "org.attesterd.Error.TpmUnavailable")
            return None

    def test_z_changed_pcr_is_sealed_until_resealed_and_enrolled_again(self):
        wait_for(self.enrolled, "the TPM used", seconds=40)
        self.stack.extend_pcr(7, "another boot")
        self.assertIn("PCR 7", self.assert_error("Sealed", self.fetch))
        self.assertTrue(str(self.stack.property("SealState")).startswith("sealed: "))
        self.assert_error("Sealed", self.stack.call, bus_fixture.ADMIN, "RotateKey")
        self.stack.call(bus_fixture.ADMIN, "Reseal")
        self.assert_error("NotEnrolled", self.fetch)
        self.stack.call(bus_fixture.ADMIN, "Enroll", "s", ISSUER_NAME)
        self.assertTrue(self.fetch()[1]["attested"])


if __name__ == "__main__":
    bus_fixture.main()
