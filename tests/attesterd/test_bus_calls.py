# SPDX-License-Identifier: BSD-2-Clause
"""What a caller gets from the methods of Attester1: answers, and every documented error by its name."""

import base64
import hashlib
import time

import bus_fixture
import dbus
import dbus.lowlevel
from bus_fixture import ADMIN, ATTESTER, PATH, PROPERTIES, REQUEST_TOKENS, Background, BusCase

FAKES = ("plain", "broken", "busy", "refusing", "impersonating", "text", "empty", "large", "not-json", "control", "redirect",
         "unknown-key", "partly", "slow", "late", "no-json", "no-type", "gone")
ATTESTED_FAKES = ("attest", "attest-not-enrolled", "attest-denied", "attest-stale", "attest-stale-once")


class Arguments(BusCase):
    """None of these reaches an issuer."""

    options = {"issuers": ("plain",)}

    def test_request_tokens_other_signature_is_invalid_argument(self):
        sentence = self.assert_error("InvalidArgument", self.stack.call, ATTESTER, "RequestTokens", "s", "plain.example")
        self.assertIn(REQUEST_TOKENS, sentence)

    def test_request_tokens_no_request_is_invalid_argument(self):
        self.assert_error("InvalidArgument", self.stack.request, "plain.example", [])

    def test_request_tokens_17_requests_is_invalid_argument(self):
        self.assert_error("InvalidArgument", self.stack.request, "plain.example", [b"x"] * 17)

    def test_request_tokens_empty_request_is_invalid_argument(self):
        self.assert_error("InvalidArgument", self.stack.request, "plain.example", [b"x", b""])

    def test_request_tokens_4097_bytes_is_invalid_argument(self):
        self.assert_error("InvalidArgument", self.stack.request, "plain.example", [b"x" * 4097])

    def test_request_tokens_option_of_other_type_is_invalid_argument(self):
        for options in ({"interactive": dbus.UInt32(1)}, {"timeout-ms": "5"}, {"timeout-ms": dbus.Int32(5)}):
            sentence = self.assert_error("InvalidArgument", self.stack.request, "plain.example", options=options)
            self.assertIn(next(iter(options)), sentence)

    def test_request_tokens_unknown_option_is_invalid_argument(self):
        sentence = self.assert_error("InvalidArgument", self.stack.request, "plain.example", options={"origin": "a.example"})
        self.assertIn("origin", sentence)

    def test_request_tokens_timeout_out_of_bounds_is_invalid_argument(self):
        for milliseconds in (0, 60001):
            self.assert_error("InvalidArgument", self.stack.request, "plain.example",
                              options={"timeout-ms": dbus.UInt32(milliseconds)})

    def test_request_tokens_unknown_option_that_is_cut_within_a_character_is_answered(self):
        self.assert_error("InvalidArgument", self.stack.request, "plain.example", options={"x" * 63 + "é" * 50: True})

    def test_unknown_issuer_is_issuer_unknown(self):
        self.assert_error("IssuerUnknown", self.stack.request, "other.example")
        self.assert_error("IssuerUnknown", self.stack.call, ATTESTER, "GetIssuer", "s", "other.example")
        self.assert_error("IssuerUnknown", self.stack.call, ATTESTER, "Evaluate", "sa{sv}", "é" * 2000, {})
        self.assert_error("IssuerUnknown", self.stack.call, ADMIN, "Enroll", "s", "")

    def test_what_is_not_there_has_the_standard_errors(self):
        call = self.stack.call
        self.assert_error("org.freedesktop.DBus.Error.UnknownMethod", call, ATTESTER, "Nothing")
        self.assert_error("org.freedesktop.DBus.Error.UnknownMethod", call, ATTESTER, "Enroll", "s", "plain.example")
        self.assert_error("org.freedesktop.DBus.Error.UnknownMethod", call, PROPERTIES, "Get", "s", ATTESTER)
        self.assert_error("org.freedesktop.DBus.Error.UnknownProperty", call, PROPERTIES, "Get", "ss", ATTESTER, "Nothing")
        self.assert_error("org.freedesktop.DBus.Error.UnknownInterface", call, PROPERTIES, "GetAll", "s", "a.b")
        self.assert_error("org.freedesktop.DBus.Error.PropertyReadOnly", call, PROPERTIES, "Set", "ssv", ATTESTER, "Version", "2")
        connection = self.stack.bus()
        self.assert_error("org.freedesktop.DBus.Error.UnknownObject", connection.call_blocking, bus_fixture.NAME, "/elsewhere",
                          ATTESTER, "GetFacts", "", ())
        connection.close()

    def test_introspection_leads_to_the_object_and_names_its_interfaces(self):
        introspectable = "org.freedesktop.DBus.Introspectable"
        connection = self.stack.bus()
        texts = [connection.call_blocking(bus_fixture.NAME, path, introspectable, "Introspect", "", ()) for path in ("/", "/org", PATH)]
        connection.close()
        self.assertIn('name="org"', texts[0])
        self.assertIn('name="attesterd"', texts[1])
        for name in (ATTESTER, ADMIN, PROPERTIES, "RequestTokens", "PolicyError"):
            self.assertIn(f'name="{name}"', texts[2])

    def test_other_methods_refuse_a_large_message_without_falling(self):
        self.assert_error("InvalidArgument", self.stack.call, ATTESTER, "GetFacts", "ay", b"x" * 8000000)
        self.assertEqual(str(self.stack.property("Version"))[:2], "0.")


class Issuers(BusCase):
    """Issuers that take no evidence, most of which misbehave."""

    options = {"issuers": FAKES}

    def refused(self, error, name, **keywords):
        return self.assert_error(error, self.stack.request, f"{name}.example", **keywords)

    def test_request_tokens_plain_issuer_gives_tokens_in_order_without_a_quote(self):
        requests = [b"one", b"two", b"three"]
        responses, info = self.stack.request("plain.example", requests)
        self.assertEqual([bytes(response) for response in responses], [b"token"] * 3)
        self.assertFalse(info["attested"])
        self.assertEqual(info["quote-shared-by"], 0)
        self.assertLess(info["elapsed-ms"], 20000)
        seen = self.stack.fake.requests["plain"][-3:]
        self.assertEqual(sorted(body for _, body in seen), sorted(requests))
        for headers, _ in seen:
            self.assertEqual(headers["Content-Type"], "application/private-token-request")
            self.assertNotIn("Attestation-Evidence", headers)

    def test_request_tokens_issuer_that_errs_is_unreachable(self):
        self.refused("IssuerUnreachable", "broken")
        self.assertIn("17", self.refused("IssuerUnreachable", "busy"))

    def test_request_tokens_issuer_that_refuses_or_answers_nonsense_is_rejected(self):
        self.assertIn("no such thing", self.refused("IssuerRejected", "refusing"))
        for name in ("text", "empty", "large", "not-json", "redirect", "unknown-key"):
            with self.subTest(name):
                self.refused("IssuerRejected", name)

    def test_request_tokens_issuer_that_claims_another_error_is_rejected(self):
        self.refused("IssuerRejected", "impersonating")

    def test_request_tokens_control_characters_of_an_issuer_do_not_reach_the_caller(self):
        self.assertNotIn("\a", self.refused("IssuerRejected", "control"))

    def test_request_tokens_one_of_several_refused_fails_as_a_whole(self):
        self.refused("IssuerRejected", "partly", requests=[b"good", b"bad", b"good"])
        self.assertEqual(len(self.stack.request("partly.example", [b"good"] * 2)[0]), 2)

    def test_request_tokens_slow_issuer_times_out_and_hinders_nobody(self):
        slow = Background(self.stack.request, "slow.example", options={"timeout-ms": dbus.UInt32(1500)})
        time.sleep(0.3)
        self.stack.request("plain.example")
        self.assertTrue(slow.is_alive())
        with self.assertRaises(dbus.DBusException) as caught:
            slow.result()
        self.assertEqual(caught.exception.get_dbus_name(), "org.attesterd.Error.Timeout")

    def test_get_issuer_broken_directory_is_rejected(self):
        for name in ("no-json", "no-type", "gone"):
            with self.subTest(name):
                self.assert_error("IssuerRejected", self.stack.call, ATTESTER, "GetIssuer", "s", f"{name}.example")
                self.refused("IssuerRejected", name)

    def test_get_issuer_failed_fetch_is_not_repeated_at_once(self):
        for _ in range(5):
            self.assert_error("IssuerRejected", self.stack.call, ATTESTER, "GetIssuer", "s", "gone.example")
        self.assertLess(self.stack.fake.counts["gone", "directory"], 5)

    def test_get_issuer_many_callers_share_one_fetch(self):
        calls = [Background(self.stack.call, ATTESTER, "GetIssuer", "s", "late.example") for _ in range(10)]
        for call in calls:
            directory = call.result()
        self.assertEqual(self.stack.fake.counts["late", "directory"], 1)
        self.assertEqual(str(directory["name"]), "late.example")
        self.assertEqual(str(directory["request-uri"]), self.stack.fake.url("late").replace("/directory", "/request"))
        self.assertFalse(directory["attestation"])
        self.assertEqual([(int(t), bytes(key), int(since)) for t, key, since in directory["token-keys"]], [(2, b"\0\0\0", 0)])
        self.assertLess(abs(int(directory["fetched"]) - time.time()), 60)

    def test_a_caller_that_vanishes_frees_its_place(self):
        connections = []
        for _ in range(64):
            connection = self.stack.bus()
            connection.send_message(self.message("slow.example"))
            connections.append(connection)
        self.assert_error("RateLimited", self.until_limited)
        for connection in connections:
            connection.close()
        bus_fixture.stack.wait_for(lambda: self.succeeds("plain.example"), "a place after the callers went")

    @staticmethod
    def message(issuer):
        message = dbus.lowlevel.MethodCallMessage(bus_fixture.NAME, PATH, ATTESTER, "RequestTokens")
        message.append(issuer, [b"x"], {}, signature=REQUEST_TOKENS)
        return message

    def until_limited(self):
        for _ in range(200):
            self.stack.request("plain.example")
            time.sleep(0.02)


class Attested(BusCase):
    """Issuers that take evidence: the real one, and fakes that judge it as they please."""

    options = {"issuers": ATTESTED_FAKES, "real_issuer": True}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.not_enrolled = None
        try:
            cls.stack.request("attest.example")
        except dbus.DBusException as error:
            cls.not_enrolled = error.get_dbus_name()
        cls.stack.enroll_with_fakes(ATTESTED_FAKES)

    def evidence(self, name):
        """The bytes of the last request's evidence."""
        header = self.stack.fake.requests[name][-1][0]["Attestation-Evidence"]
        self.assertTrue(header.startswith(":") and header.endswith(":") and len(header) <= 6144)
        return base64.b64decode(header[1:-1])

    def test_request_tokens_before_the_enrolment_is_not_enrolled(self):
        self.assertEqual(self.not_enrolled, "org.attesterd.Error.NotEnrolled")
        self.assertIn(["issuer.example", "enrolled"], [list(map(str, row)) for row in self.stack.property("Issuers")])

    def test_request_tokens_real_issuer_verifies_and_signs(self):
        directory = self.stack.call(ATTESTER, "GetIssuer", "s", "issuer.example")
        self.assertTrue(directory["attestation"])
        responses, info = self.stack.request("issuer.example", [bus_fixture.token_request(directory) for _ in range(4)])
        self.assertEqual([len(response) for response in responses], [256] * 4)
        self.assertTrue(info["attested"])
        self.assertEqual(info["quote-shared-by"], 1)
        self.assertIn("4 of 4 tokens", self.stack.log("issuer"))

    def test_request_tokens_real_issuer_refuses_nonsense(self):
        self.assert_error("IssuerRejected", self.stack.request, "issuer.example", [b"nonsense"])

    def test_request_tokens_evidence_is_about_this_request_with_the_nonce(self):
        self.stack.request("attest.example", [b"this one"])
        evidence = self.evidence("attest")
        self.assertIn(hashlib.sha256(b"this one").digest(), evidence)
        self.assertIn(base64.b64decode("AAAAAAAA")[:6], evidence)
        self.assertIn(b"tag:attesterd.org,2026:evidence-1", evidence)
        # All facts, though no rule of this device names one: the issuer's policy may.
        for fact in (b"os.id", b"os.updates.security", b"tpm.simulated", b"session.locked", b"session.lid_closed", b"firmware.hsi", b"window.focused"):
            self.assertIn(fact, evidence)

    def test_request_tokens_stale_nonce_is_made_good_once(self):
        responses, _ = self.stack.request("attest-stale-once.example")
        self.assertEqual(bytes(responses[0]), b"token")
        first, second = self.stack.fake.requests["attest-stale-once"]
        self.assertNotEqual(first[0]["Attestation-Evidence"], second[0]["Attestation-Evidence"])

    def test_request_tokens_nonce_that_stays_stale_is_rejected_after_one_retry(self):
        self.assert_error("IssuerRejected", self.stack.request, "attest-stale.example")
        self.assertEqual(self.stack.fake.counts["attest-stale", "request"], 2)

    def test_request_tokens_issuer_that_forgot_the_device_is_not_enrolled(self):
        self.assert_error("NotEnrolled", self.stack.request, "attest-not-enrolled.example")

    def test_request_tokens_issuers_policy_refusal_names_rule_and_remedy(self):
        sentence = self.assert_error("PolicyDenied", self.stack.request, "attest-denied.example")
        for part in ("boot", "Secure Boot is off", "Turn it on."):
            self.assertIn(part, sentence)

    def test_request_tokens_many_callers_share_quotes(self):
        directory = self.stack.call(ATTESTER, "GetIssuer", "s", "issuer.example")
        calls = [Background(self.stack.request, "issuer.example", [bus_fixture.token_request(directory)]) for _ in range(30)]
        shared = [int(call.result()[1]["quote-shared-by"]) for call in calls]
        self.assertGreater(max(shared), 1)


if __name__ == "__main__":
    bus_fixture.main()
