#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attester-issuer over TLS as a hostile network meets it. Usage: test_http.py PROGRAM [unittest arguments]."""

import hashlib
import json
import os
import pathlib
import signal
import socket
import sqlite3
import ssl
import stat
import struct
import subprocess
import sys
import time
import unittest

import cbor2

from device import AK_ATTRIBUTES, Authority, Device
from event_log import EventLog
from running_issuer import DIRECTORY_PATH, ENROLLMENT_MEDIA_TYPE, REQUEST_MEDIA_TYPE, RESPONSE_MEDIA_TYPE, RunningIssuer, server_certificate

PROGRAM = None
EVENT_LOGS = pathlib.Path(__file__).resolve().parents[1] / "data" / "eventlogs"
POLICY = """[Policy]
Version=3
[Rule os-current]
Require=os.id in {debian ubuntu} and os.version >= 12.5
Remedy=Run Software Updates, then restart.
[Rule quoted-boot]
Require=pcr.sha256.7 == "%s"
""" % ("77" * 32)

SECURE_BOOT_POLICY = """[Policy]
Version=1
[Rule secure-boot]
Require=boot.secure_boot@hardware
[Rule whole-log]
Require=boot.event_log_ok@hardware
[Rule revocations]
Require=boot.dbx_entries@hardware >= 1 and not boot.setup_mode@hardware
"""

# rhel8-uefi.bin: shim, GRUB, and no parameter but those of its own boot.
LOADER_POLICY = """[Policy]
Version=1
[Rule loader]
Require=boot.loader@hardware in {\
    "40d6cae02973789080cf4c3a9ad11b5a0a4d8bba4438ab96e276cc784454dee7" \
    "d8811e9c0811916800000000000000000000000000000000000000000000000000"} and boot.application.2@hardware == \
    "e8a268c431da72caaae407f729f602b9dbf5d1d43492d4a51cc2b688a08586e3"
[Rule parameters]
Require=boot.parameters@hardware in {"biosdevname console crashkernel net.ifnames ro root scsi_mod.use_blk_mq"}
[Rule no-shell]
Require=known(boot.parameters@hardware) and unreadable(boot.parameter.init) and boot.parameter.console != ttyS1
"""


class IssuerCase(unittest.TestCase):
    """One issuer and one enrolled device for all cases of a class."""

    options = {}

    @classmethod
    def setUpClass(cls):
        cls.issuer = RunningIssuer(PROGRAM, **cls.options)
        cls.addClassCleanup(cls.issuer.close)
        cls.key = cls.issuer.token_key()
        cls.device = Device(cls.options.get("authority"))
        enrolled = cls.issuer.enroll(cls.device)
        assert enrolled.status == 200, enrolled.body
        cls.device_id = cbor2.loads(enrolled.body)[2]

    def ask(self, who=None, nonce=None, **options):
        """A token request with fresh evidence: (response, whether the token verifies)."""
        request, state = self.key.blind()
        evidence = (who or self.device).evidence(request, nonce or self.issuer.nonce(), **options)
        response = self.issuer.token_request(request, evidence)
        return response, response.status == 200 and self.key.finalize(state, response.body)

    def assert_refused(self, response, status, reason):
        self.assertEqual((response.status, response.reason), (status, reason), response.body)
        self.assertEqual(len(response.nonce), 32)
        self.assertEqual(response.headers["Cache-Control"], "no-store")

    def assert_issued(self, who=None, **options):
        response, valid = self.ask(who, **options)
        self.assertEqual(response.status, 200, response.body)
        self.assertTrue(valid)
        return response


class Directory(IssuerCase):
    def test_get_returns_keys_and_attestation(self):
        response = self.issuer.request("GET", DIRECTORY_PATH)
        directory = json.loads(response.body)
        self.assertEqual(response.headers["Content-Type"], "application/private-token-issuer-directory")
        self.assertIn("max-age=", response.headers["Cache-Control"])
        self.assertEqual(directory["issuer-request-uri"], "/token-request")
        self.assertEqual([key["token-type"] for key in directory["token-keys"]], [2])
        self.assertLessEqual(directory["token-keys"][0]["not-before"], time.time())
        self.assertEqual(directory["attestation"]["nonce-uri"], "/nonce")
        self.assertEqual(directory["attestation"]["enroll-uri"], "/enroll")
        self.assertEqual(directory["attestation"]["event-log-uri"], "/event-log")

    def test_get_with_known_etag_returns_304(self):
        tag = self.issuer.request("GET", DIRECTORY_PATH).headers["ETag"]
        self.assertEqual(self.issuer.request("GET", DIRECTORY_PATH, headers={"If-None-Match": tag}).status, 304)
        self.assertEqual(self.issuer.request("GET", DIRECTORY_PATH, headers={"If-None-Match": '"other"'}).status, 200)

    def test_head_has_no_body(self):
        response = self.issuer.request("HEAD", DIRECTORY_PATH)
        self.assertEqual((response.status, response.body), (200, b""))

    def test_other_paths_are_404(self):
        for path in ("/", "/metrics", "/token-request/", "/..%2fetc/passwd", "/nonce%00", "/" + "a" * 2000):
            self.assertEqual(self.issuer.request("GET", path).status, 404 if "%00" not in path else 204, path)

    def test_metrics_are_on_their_own_listener(self):
        self.assert_issued()
        metrics = self.issuer.metrics()
        self.assertEqual(metrics['attester_issuer_devices{status="active"}'], "1")
        self.assertGreaterEqual(int(metrics['attester_issuer_tokens_issued_total{type="0x0002"}']), 1)
        self.assertFalse([name for name in metrics if self.device_id in name])


class TokenRequests(IssuerCase):
    def test_good_evidence_gets_a_valid_token(self):
        response = self.assert_issued()
        self.assertEqual(response.headers["Content-Type"], RESPONSE_MEDIA_TYPE)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertEqual(len(response.nonce), 32)
        event = self.issuer.events()[-1]
        self.assertEqual((event["event"], event["outcome"], event["device"]), ("token-request", "issued", self.device_id))

    def test_a_nonce_serves_several_requests(self):
        nonce = self.issuer.nonce()
        for _ in range(3):
            self.assert_issued(nonce=nonce)

    def test_requests_that_share_a_quote_are_all_answered(self):
        pairs = [self.key.blind() for _ in range(5)]
        headers = self.device.batch([request for request, _ in pairs], self.issuer.nonce())
        for (request, state), header in zip(pairs, headers):
            response = self.issuer.token_request(request, header)
            self.assertEqual(response.status, 200, response.body)
            self.assertTrue(self.key.finalize(state, response.body))

    def test_replayed_evidence_is_401_and_new_evidence_passes(self):
        request, _ = self.key.blind()
        evidence = self.device.evidence(request, self.issuer.nonce())
        self.assertEqual(self.issuer.token_request(request, evidence).status, 200)
        replayed = self.issuer.token_request(request, evidence)
        self.assert_refused(replayed, 401, "EvidenceStale")
        self.assert_issued(nonce=replayed.nonce)

    def test_no_evidence_is_401_and_its_nonce_serves(self):
        request, _ = self.key.blind()
        response = self.issuer.token_request(request)
        self.assert_refused(response, 401, "EvidenceStale")
        self.assert_issued(nonce=response.nonce)

    def test_foreign_altered_or_missing_nonce_is_401(self):
        request, _ = self.key.blind()
        good = self.issuer.nonce()
        later = struct.pack(">Q", struct.unpack(">Q", good[:8])[0] + 1) + good[8:]
        for nonce in (bytes(32), later, good[:-1] + bytes([good[-1] ^ 1]), good[:16], None):
            evidence = self.device.evidence(request, nonce)
            self.assert_refused(self.issuer.token_request(request, evidence), 401, "EvidenceStale")

    def test_evidence_of_another_request_is_403(self):
        request, _ = self.key.blind()
        other, _ = self.key.blind()
        evidence = self.device.evidence(other, self.issuer.nonce())
        self.assert_refused(self.issuer.token_request(request, evidence), 403, "EvidenceInvalid")

    def test_another_keys_signature_is_403(self):
        response, _ = self.ask(signing_key=Device().ak)
        self.assert_refused(response, 403, "EvidenceInvalid")

    def test_pcr_values_that_were_not_quoted_are_403(self):
        def change(message):
            message[3] = [message[3][0], message[3][1], {11: {0: b"\x11" * 32, 7: b"\x78" * 32}}]

        response, _ = self.ask(change=change)
        self.assert_refused(response, 403, "EvidenceInvalid")

    def test_claims_changed_after_the_quote_are_403(self):
        def change(message):
            message[1] = message[1].replace(b"12.5", b"13.5")

        response, _ = self.ask(change=change)
        self.assert_refused(response, 403, "EvidenceInvalid")

    def test_claims_from_another_time_are_403(self):
        for iat in (0, int(time.time()) - 7200, int(time.time()) + 7200):
            response, _ = self.ask(iat=iat)
            self.assert_refused(response, 403, "EvidenceInvalid")

    def test_unknown_device_is_403_not_enrolled(self):
        response, _ = self.ask(who=Device())
        self.assert_refused(response, 403, "NotEnrolled")

    def test_evidence_that_does_not_parse_is_400(self):
        request, _ = self.key.blind()
        good = self.device.evidence(request, self.issuer.nonce())
        for evidence in ("", "x", ":", "::", ":AAAA:", good[:-5] + ":", good + ";a", good[1:-1], ":" + "A" * 6200 + ":", good * 2):
            response = self.issuer.token_request(request, evidence)
            self.assert_refused(response, 400, "EvidenceInvalid")

    def test_two_evidence_fields_are_400(self):
        request, _ = self.key.blind()
        connection = self.issuer.connect()
        connection.putrequest("POST", "/token-request")
        for name, value in (("Content-Type", REQUEST_MEDIA_TYPE), ("Content-Length", str(len(request)))):
            connection.putheader(name, value)
        for _ in range(2):
            connection.putheader("Attestation-Evidence", self.device.evidence(request, self.issuer.nonce()))
        connection.endheaders(request)
        self.assertEqual(connection.getresponse().status, 400)
        connection.close()

    def test_body_without_type_and_key_id_is_400(self):
        for body in (b"", b"\0", b"\0\2"):
            self.assert_refused(self.issuer.token_request(body), 400, "Malformed")

    def test_unknown_type_key_or_size_is_422(self):
        request, _ = self.key.blind()
        wrong_key = request[:2] + bytes([request[2] ^ 1]) + request[3:]
        cases = [(b"\x42\x42" + request[2:], "Unsupported"), (b"\xff\xff", "Unsupported"), (wrong_key, "NotFound"),
                 (b"\0\1" + request[2:], "Malformed"), (request[:-1], "Malformed")]
        for body, reason in cases:
            response = self.issuer.token_request(body, self.device.evidence(body, self.issuer.nonce()))
            self.assert_refused(response, 422, reason)

    def test_blinded_message_out_of_range_is_422(self):
        request, _ = self.key.blind()
        for number in (self.key.n, 2**2048 - 1):
            body = request[:3] + number.to_bytes(256, "big")
            response = self.issuer.token_request(body, self.device.evidence(body, self.issuer.nonce()))
            self.assert_refused(response, 422, "Malformed")

    def test_other_media_type_is_415(self):
        request, _ = self.key.blind()
        for media_type in ("application/octet-stream", REQUEST_MEDIA_TYPE + "x", "", "text/plain; " + REQUEST_MEDIA_TYPE):
            self.assert_refused(self.issuer.token_request(request, media_type=media_type), 415, "Unsupported")
        evidence = self.device.evidence(request, self.issuer.nonce())
        self.assertEqual(self.issuer.token_request(request, evidence, REQUEST_MEDIA_TYPE + "; x=y").status, 200)

    def test_other_methods_are_405(self):
        for path, allowed in (("/token-request", "POST"), ("/enroll", "POST"), ("/nonce", "GET")):
            for method in ("PUT", "DELETE", "PATCH", "GET" if allowed == "POST" else "POST"):
                response = self.issuer.request(method, path)
                self.assert_refused(response, 405, "InvalidArgument")
                self.assertEqual(response.headers["Allow"], allowed)

    def test_superseded_key_is_403_and_the_new_one_serves(self):
        who = Device()
        first = cbor2.loads(self.issuer.enroll(who).body)[2]
        self.assert_issued(who)
        old = (who.ak, who.ak_public, who.key_id)
        who.new_attestation_key()
        self.assertEqual(cbor2.loads(self.issuer.enroll(who).body)[2], first)
        self.assert_issued(who)
        who.ak, who.ak_public, who.key_id = old
        response, _ = self.ask(who)
        self.assert_refused(response, 403, "NotEnrolled")

    def test_revoked_device_is_403_also_with_a_new_key(self):
        who = Device()
        identifier = cbor2.loads(self.issuer.enroll(who).body)[2]
        self.assert_issued(who)
        subprocess.run(self.issuer.command("devices", "revoke", identifier), check=True, timeout=20)
        response, _ = self.ask(who)
        self.assert_refused(response, 403, "NotAuthorized")
        who.new_attestation_key()
        self.assert_refused(self.issuer.enroll(who), 403, "NotAuthorized")
        subprocess.run(self.issuer.command("devices", "restore", identifier), check=True, timeout=20)
        self.assertEqual(self.issuer.enroll(who).status, 200)
        self.assert_issued(who)

    def test_the_journal_holds_no_request_and_no_evidence(self):
        request, _ = self.key.blind()
        evidence = self.device.evidence(request, self.issuer.nonce())
        self.issuer.token_request(request, evidence)
        journal = (self.issuer.directory / "events.jsonl").read_text()
        self.assertNotIn(evidence[1:60], journal)
        self.assertNotIn(request[3:].hex()[:32], journal)
        self.assertNotIn("127.0.0.1\"", journal)


class Nonces(IssuerCase):
    options = {"verifier": "RequireEkCertificate=no\nNonceLifetime=1"}

    def test_expired_nonce_is_401_and_its_own_nonce_serves(self):
        nonce = self.issuer.nonce()
        time.sleep(2.2)
        response, _ = self.ask(nonce=nonce)
        self.assert_refused(response, 401, "EvidenceStale")
        self.assert_issued(nonce=response.nonce)


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
        seen = len(self.issuer.events())
        self.issuer.process.send_signal(signal.SIGHUP)
        self.issuer.wait_for_event(lambda event: event["event"] == "reload" and event in self.issuer.events()[seen:])
        self.assertEqual(self.issuer.events()[-1]["outcome"], expect)

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


class Groups(IssuerCase):
    """Devices of a group fall under the group's own policy, and approved boot states are a group's."""

    options = {"policy": "[Policy]\nVersion=1\n[Rule common]\nRequire=os.id == nowhere\n"}

    def devices(self, *words, status=0):
        result = subprocess.run(self.issuer.command("devices", *words), timeout=20, capture_output=True, text=True)
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stdout

    def rules(self, who):
        response, _ = self.ask(who)
        return [] if response.status == 200 else [rule["rule"] for rule in response.problem["rules"]]

    def member(self, group, pcr4=b"\x44" * 32):
        device = Device()
        device.pcrs = {11: {0: b"\x11" * 32, 1: os.urandom(32), 2: b"\x22" * 32, 4: pcr4, 7: b"\x77" * 32}}
        identifier = cbor2.loads(self.issuer.enroll(device).body)[2]
        self.devices("group", identifier, group)
        return device, identifier

    def setUp(self):
        policies = self.issuer.directory / "groups"
        for group, rule in (("kiosk", "os.id == debian"), ("office", "pcr.approved@hardware")):
            (policies / group).mkdir(parents=True, exist_ok=True)
            (policies / group / "10.conf").write_text(f"[Policy]\nVersion=1\n[Rule {group}]\nRequire={rule}\n")
        if "GroupPolicies" not in self.issuer.config.read_text():
            self.issuer.config.write_text(self.issuer.config.read_text().replace("\nPolicy=", f"\nGroupPolicies={policies}\nPolicy="))
            self.issuer.stop()
            self.issuer.start()

    def test_policy_is_that_of_the_group(self):
        self.assertEqual(self.rules(self.device), ["common"])
        kiosk, identifier = self.member("kiosk")
        self.assertEqual(self.rules(kiosk), [])
        self.devices("group", identifier, "another")
        self.assertEqual(self.rules(kiosk), ["common"])

    def test_group_without_rules_keeps_the_issuer_from_starting(self):
        (self.issuer.directory / "groups" / "empty").mkdir()
        self.addCleanup((self.issuer.directory / "groups" / "empty").rmdir)
        check = subprocess.run(self.issuer.command("--check-config"), timeout=20, capture_output=True, text=True)
        self.assertIn("groups/empty", check.stderr)
        self.assertNotEqual(check.returncode, 0)

    def test_approved_state_counts_for_the_whole_group_and_no_other(self):
        first, identifier = self.member("office")
        second, _ = self.member("office")
        changed, _ = self.member("office", pcr4=b"\x45" * 32)
        for device in (first, second, changed):
            self.assertEqual(self.rules(device), ["office"])
        self.devices("approve", identifier)
        self.assertEqual([self.rules(device) for device in (first, second, changed)], [[], [], ["office"]])
        state = self.devices("approved").splitlines()[1].split()
        self.assertEqual(state[2], "office")
        self.devices("group", identifier, "kiosk")
        self.devices("disapprove", state[0], status=8)
        self.devices("disapprove", state[0], "office")
        self.assertEqual(self.rules(second), ["office"])

    def test_lying_claim_of_approval_does_not_count(self):
        device, _ = self.member("office", pcr4=b"\x46" * 32)
        response, _ = self.ask(device, facts={"pcr.approved": [0, True]})
        self.assert_refused(response, 403, "PolicyDenied")

    def test_approve_of_what_was_never_verified_is_refused(self):
        _, identifier = self.member("office")
        self.assertEqual(self.devices("approve", identifier, status=8), "")
        self.devices("approve", "00" * 16, status=8)
        self.devices("disapprove", "zz", status=2)


class Policy(IssuerCase):
    options = {"policy": POLICY}

    def test_device_that_meets_it_gets_a_token(self):
        self.assert_issued()

    def test_device_that_does_not_is_403_with_rules(self):
        response, _ = self.ask(facts={"os.id": [2, "debian"], "os.version": [3, "11.9"]})
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertEqual([rule["rule"] for rule in response.problem["rules"]], ["os-current"])
        self.assertIn("11.9", response.problem["rules"][0]["reason"])
        self.assertEqual(response.problem["rules"][0]["remedy"], "Run Software Updates, then restart.")
        event = self.issuer.events()[-1]
        self.assertEqual((event["outcome"], event["reason"], event["rules"][0]["rule"]), ("refused", "PolicyDenied", "os-current"))

    def test_missing_and_unreadable_facts_are_403(self):
        for facts in ({}, {"os.id": None, "os.version": None}):
            response, _ = self.ask(facts=facts)
            self.assert_refused(response, 403, "PolicyDenied")

    def test_what_the_verifier_derives_is_not_taken_from_claims(self):
        who = Device()
        who.pcrs = {11: {0: b"\x11" * 32, 7: b"\x99" * 32}}
        self.assertEqual(self.issuer.enroll(who).status, 200)
        facts = {"os.id": [2, "debian"], "os.version": [3, "12.5"], "pcr.sha256.7": [2, "77" * 32]}
        response, _ = self.ask(who, facts=facts)
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertEqual([rule["rule"] for rule in response.problem["rules"]], ["quoted-boot"])

    def test_reload_takes_a_new_policy_and_keeps_the_old_if_it_is_broken(self):
        facts = {"os.id": [2, "debian"], "os.version": [3, "12.4"]}
        self.assertEqual(self.ask(facts=facts)[0].status, 403)
        self.issuer.write_policy(POLICY.replace("12.5", "12.4"))
        self.issuer.process.send_signal(signal.SIGHUP)
        self.issuer.wait_for_event(lambda event: event["event"] == "reload" and event["outcome"] == "ok")
        self.assert_issued(facts=facts)
        self.issuer.write_policy("[Rule x]\nRequire=((\n")
        self.issuer.process.send_signal(signal.SIGHUP)
        self.issuer.wait_for_event(lambda event: event["event"] == "reload" and event["outcome"] == "failed")
        self.assert_issued(facts=facts)


class EventLogs(IssuerCase):
    """Devices whose TPM holds what a real machine's boot left in it."""

    options = {"policy": SECURE_BOOT_POLICY}
    log = EventLog((EVENT_LOGS / "rhel8-uefi.bin").read_bytes())
    insecure = EventLog((EVENT_LOGS / "ubuntu-2104-no-secure-boot.bin").read_bytes())
    quoted = [*range(10), 14]

    def setUp(self):
        self.fresh = self.boot(self.log)

    def boot(self, log):
        device = Device()
        self.assertEqual(self.issuer.enroll(device).status, 200)
        device.pcrs = {11: log.pcrs(self.quoted)}
        return device

    def send(self, device, data, nonce=None, **options):
        return self.issuer.event_log(data, device.evidence(data, nonce or self.issuer.nonce(), facts={}, **options))

    def accept(self, device, log):
        response = self.send(device, log.data)
        self.assertEqual((response.status, response.body), (204, b""))
        self.assertEqual(len(response.nonce), 32)

    def test_honest_boot_meets_a_rule_that_needs_hardware(self):
        response, _ = self.ask(self.fresh)
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertEqual(response.headers["Attestation-Event-Log"], "wanted")
        self.accept(self.fresh, self.log)
        event = self.issuer.events()[-1]
        self.assertEqual((event["event"], event["outcome"]), ("event-log", "accepted"))
        self.assertIn("Secure Boot is on", event["detail"])
        for _ in range(2):
            self.assertNotIn("Attestation-Event-Log", self.assert_issued(self.fresh).headers)
        self.assertGreaterEqual(int(self.issuer.metrics()['attester_issuer_requests_total{endpoint="event-log",status="204"}']), 1)

    def test_what_a_boot_proved_outlives_the_issuer(self):
        self.accept(self.fresh, self.log)
        self.issuer.stop()
        self.issuer.start()
        self.assert_issued(self.fresh)

    def test_boot_without_secure_boot_is_refused_by_policy_and_not_as_a_lie(self):
        device = self.boot(self.insecure)
        self.accept(device, self.insecure)
        response, _ = self.ask(device, facts={"os.id": [2, "ubuntu"], "boot.secure_boot": None})
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertNotIn("Attestation-Event-Log", response.headers)

    def test_claim_that_the_log_contradicts_is_refused_and_named(self):
        device = self.boot(self.insecure)
        self.accept(device, self.insecure)
        response, _ = self.ask(device, facts={"os.id": [2, "ubuntu"], "boot.secure_boot": [0, True]})
        self.assert_refused(response, 403, "EvidenceInvalid")
        event = self.issuer.events()[-1]
        self.assertEqual((event["outcome"], event["reason"]), ("refused", "EvidenceInvalid"))
        self.assertIn("boot.secure_boot is true", event["detail"])
        self.assertEqual(len(event["device"]), 32)

    def test_claim_of_another_type_is_a_lie_too(self):
        self.accept(self.fresh, self.log)
        for value in ([2, "true"], [1, 1], [0, False]):
            response, _ = self.ask(self.fresh, facts={"boot.secure_boot": value})
            self.assert_refused(response, 403, "EvidenceInvalid")

    def test_claims_alone_never_count_as_hardware(self):
        response, _ = self.ask(self.fresh, facts={"boot.secure_boot": [0, True], "boot.event_log_ok": [0, True]})
        self.assert_refused(response, 403, "PolicyDenied")

    def test_log_of_another_boot_is_refused(self):
        device = self.boot(self.insecure)
        response = self.send(device, self.log.data)
        self.assert_refused(response, 403, "EvidenceInvalid")
        self.assertIn("of PCR 1, 4, 5, 7:", response.problem["detail"])

    def test_log_with_an_event_left_out_added_or_changed_is_refused(self):
        data = self.log.data
        cut = self.log.without(lambda pcr, kind, event: pcr == 7 and b"d\0b\0x\0" in event)
        self.assertLess(len(cut), len(data))
        start, end, _, _, digests = next(event for event in self.log.events if event[2] == 7)
        flipped = data[:start] + data[start:end].replace(digests[11], bytes([digests[11][0] ^ 1]) + digests[11][1:]) + data[end:]
        for damaged in (cut, data + data[start:end], flipped):
            response = self.send(self.fresh, damaged)
            self.assert_refused(response, 403, "EvidenceInvalid")
            self.assertIn("of PCR 7:", response.problem["detail"])

    def test_log_that_is_none_is_refused(self):
        for data in (b"", b"\0", b"hello", self.log.data[:-1], self.log.data[: self.log.header_end]):
            self.assert_refused(self.send(self.fresh, data), 403, "EvidenceInvalid")

    def test_log_is_bound_to_its_evidence(self):
        evidence = self.fresh.evidence(self.log.data, self.issuer.nonce(), facts={})
        self.assert_refused(self.issuer.event_log(self.log.data + b"\0", evidence), 403, "EvidenceInvalid")
        self.assertEqual(self.issuer.event_log(self.log.data, evidence).status, 204)
        self.assert_refused(self.issuer.event_log(self.log.data, evidence), 401, "EvidenceStale")
        self.assert_refused(self.issuer.event_log(self.log.data), 401, "EvidenceStale")
        request, _ = self.key.blind()
        self.assert_refused(self.issuer.token_request(request, evidence), 403, "EvidenceInvalid")
        self.assert_refused(self.send(Device(), self.log.data), 403, "NotEnrolled")

    def test_another_boot_of_the_same_device_proves_nothing_yet(self):
        self.accept(self.fresh, self.log)
        self.fresh.reset_count += 1
        response, _ = self.ask(self.fresh)
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertEqual(response.headers["Attestation-Event-Log"], "wanted")

    def test_register_that_changed_since_proves_nothing_any_more(self):
        self.accept(self.fresh, self.log)
        self.fresh.pcrs[11][7] = bytes(32)
        response, _ = self.ask(self.fresh)
        self.assert_refused(response, 403, "PolicyDenied")
        self.assert_refused(self.send(self.fresh, self.log.data), 403, "EvidenceInvalid")

    def test_what_one_key_proved_does_not_count_for_the_next(self):
        self.accept(self.fresh, self.log)
        self.fresh.new_attestation_key()
        self.assertEqual(self.issuer.enroll(self.fresh).status, 200)
        response, _ = self.ask(self.fresh)
        self.assert_refused(response, 403, "PolicyDenied")

    def test_register_that_is_not_quoted_proves_nothing(self):
        del self.fresh.pcrs[11][7]
        self.accept(self.fresh, self.log)
        response, _ = self.ask(self.fresh)
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertEqual([rule["rule"] for rule in response.problem["rules"]], ["secure-boot", "revocations"])

    def announce(self, length):
        """A connection whose request's header is sent, and nothing of its body."""
        connection = self.issuer.connect()
        connection.putrequest("POST", "/event-log")
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        return connection

    def test_large_bodies_at_a_time_are_bounded(self):
        waiting = [self.announce(1000000) for _ in range(64)]
        for connection in waiting:
            self.addCleanup(connection.close)
        deadline = time.monotonic() + 10
        while (response := self.send(self.fresh, self.log.data)).status != 503 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assert_refused(response, 503, "Busy")
        self.assertEqual(response.headers["Retry-After"], "10")
        waiting[0].close()
        while (response := self.send(self.fresh, self.log.data)).status == 503 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(response.status, 204)

    def test_sizes_methods_and_types(self):
        evidence = self.fresh.evidence(self.log.data, self.issuer.nonce(), facts={})
        connection = self.announce(1024 * 1024 + 1)
        self.assertEqual(connection.getresponse().status, 413)
        connection.close()
        self.assertEqual(self.send(self.fresh, bytes(1024 * 1024)).status, 403)
        self.assertEqual(self.issuer.request("GET", "/event-log").status, 405)
        self.assertEqual(self.issuer.event_log(self.log.data, evidence, media_type="text/plain").status, 415)


class BootLoaders(IssuerCase):
    """An allow-list of loaders and kernel parameters."""

    options = {"policy": LOADER_POLICY}
    log = EventLog((EVENT_LOGS / "rhel8-uefi.bin").read_bytes())
    other = EventLog((EVENT_LOGS / "ubuntu-2104-no-dbx.bin").read_bytes())
    quoted = [*range(10), 12, 14]

    def boot(self, log, data=None):
        device = Device()
        self.assertEqual(self.issuer.enroll(device).status, 200)
        device.pcrs = {11: log.pcrs(self.quoted)}
        data = data or log.data
        return device, self.issuer.event_log(data, device.evidence(data, self.issuer.nonce(), facts={})).status

    def rules(self, device, facts):
        response, _ = self.ask(device, facts=facts)
        return [rule["rule"] for rule in response.problem["rules"]] if response.status == 403 else response.status

    def test_listed_loader_and_parameters_meet_the_rules_also_after_a_restart(self):
        device, status = self.boot(self.log)
        self.assertEqual(status, 204)
        self.assert_issued(device, facts={})
        self.issuer.stop()
        self.issuer.start()
        self.assert_issued(device, facts={})

    def test_other_loader_and_parameters_do_not(self):
        device, status = self.boot(self.other)
        self.assertEqual(status, 204)
        self.assertEqual(self.rules(device, {}), ["loader", "parameters"])

    def test_claims_of_loader_and_parameters_do_not_count(self):
        claims = {
            "boot.loader": [2, "40d6cae02973789080cf4c3a9ad11b5a0a4d8bba4438ab96e276cc784454dee7"],
            "boot.application.2": [2, "e8a268c431da72caaae407f729f602b9dbf5d1d43492d4a51cc2b688a08586e3"],
            "boot.parameters": [2, "biosdevname console crashkernel net.ifnames ro root scsi_mod.use_blk_mq"],
            "boot.parameter.console": [2, "tty0"],
            "boot.command_lines": [1, 1],
        }
        device = Device()
        self.assertEqual(self.issuer.enroll(device).status, 200)
        self.assertEqual(self.rules(device, claims), ["loader", "parameters", "no-shell"])
        device, _ = self.boot(self.other)
        response, _ = self.ask(device, facts=claims)
        self.assert_refused(response, 403, "EvidenceInvalid")

    def test_added_parameter_does_not_meet_the_rules(self):
        line, shell = b"scsi_mod.use_blk_mq=Y", b"init=/bin/sh scsi_mod"
        log = self.log.with_measured_text(8, lambda text: text.replace(line, shell))
        device, status = self.boot(log)
        self.assertEqual(status, 204)
        self.assertEqual(self.rules(device, {}), ["parameters", "no-shell"])
        # The same machine with the log of the boot that it should have had: PCR 8 is not believed.
        device, status = self.boot(log, self.log.data)
        self.assertEqual(status, 204)
        self.assertEqual(self.rules(device, {}), ["parameters", "no-shell"])


class Quota(IssuerCase):
    options = {"verifier": "RequireEkCertificate=no\nTokensPerDay=2"}

    def test_more_than_the_days_tokens_are_429(self):
        while time.time() % 86400 > 86380:  # not across midnight
            time.sleep(1)
        self.assert_issued()
        self.assert_issued()
        response, _ = self.ask()
        self.assert_refused(response, 429, "RateLimited")
        self.assertTrue(0 < int(response.headers["Retry-After"]) <= 86400)
        other = Device()
        self.issuer.enroll(other)
        self.assert_issued(other)


class WithoutEvidence(unittest.TestCase):
    def test_plain_issuer_serves_plain_clients(self):
        issuer = RunningIssuer(PROGRAM, verifier="RequireEkCertificate=no\nRequireEvidence=no", tls=False)
        self.addCleanup(issuer.close)
        key = issuer.token_key()
        request, state = key.blind()
        response = issuer.token_request(request)
        self.assertEqual(response.status, 200)
        self.assertTrue(key.finalize(state, response.body))


class Limits(IssuerCase):
    options = {"issuer": "RequestTimeout=2\nIdleTimeout=2\nConnectionsMax=16"}

    def raw(self):
        plain = socket.create_connection(("127.0.0.1", self.issuer.port), timeout=20)
        return self.issuer.context().wrap_socket(plain, server_hostname="127.0.0.1")

    def assert_serves(self):
        self.assertEqual(self.issuer.request("GET", "/healthz").status, 200)

    def test_large_bodies_are_413(self):
        for path, size in (("/token-request", 260), ("/token-request", 100_000), ("/enroll", 8193), ("/enroll", 200_000), ("/nonce", 1)):
            method = "GET" if path == "/nonce" else "POST"
            response = self.issuer.request(method, path, bytes(size))
            self.assert_refused(response, 413, "LimitExceeded")

    def test_huge_announced_body_is_413_at_once(self):
        with self.raw() as connection:
            connection.sendall(b"POST /enroll HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
            self.assertIn(b" 413 ", connection.recv(4096).split(b"\r\n")[0])

    def test_endless_chunked_body_is_cut_off(self):
        with self.raw() as connection:
            connection.sendall(b"POST /enroll HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            with self.assertRaises(OSError):
                for _ in range(2000):
                    connection.sendall(b"1000\r\n" + bytes(0x1000) + b"\r\n")
        self.assert_serves()

    def test_large_header_is_refused(self):
        with self.raw() as connection:
            connection.sendall(b"GET /nonce HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 60_000)
            answer = connection.recv(4096)
            self.assertTrue(answer == b"" or answer.split()[1] in (b"431", b"413"), answer)
        self.assert_serves()

    def test_malformed_http_is_survived(self):
        for data in (b"\0" * 100, b"GET\r\n\r\n", b"GET /nonce HTTP/9.9\r\n\r\n", b"\r\n" * 50, b"POST /enroll HTTP/1.1\r\nContent-Length: -5\r\n\r\n"):
            with self.raw() as connection:
                connection.sendall(data)
                connection.settimeout(10)
                try:
                    connection.recv(4096)
                except (ConnectionError, ssl.SSLError):
                    pass
            self.assert_serves()

    def test_slow_sender_is_cut_off(self):
        with self.raw() as connection:
            connection.sendall(b"GET /nonce HTTP/1.1\r\n")
            started = time.monotonic()
            with self.assertRaises(OSError):
                while time.monotonic() < started + 30:
                    connection.sendall(b"X")
                    time.sleep(0.2)

    def test_slow_handshake_is_cut_off(self):
        connection = socket.create_connection(("127.0.0.1", self.issuer.port), timeout=30)
        connection.sendall(b"\x16\x03")
        try:
            while connection.recv(64):  # an alert may come first
                pass
        except ConnectionError:
            pass
        connection.close()

    def test_connections_are_bounded_and_come_back(self):
        held = [socket.create_connection(("127.0.0.1", self.issuer.port), timeout=20) for _ in range(40)]
        deadline = time.monotonic() + 30
        while True:
            try:
                self.assert_serves()
                break
            except OSError:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.2)
        for connection in held:
            connection.close()


class State(unittest.TestCase):
    def setUp(self):
        self.issuer = RunningIssuer(PROGRAM)
        self.addCleanup(self.issuer.close)
        self.state = self.issuer.directory / "state"

    def key_file(self):
        return next(self.state.glob("token-key-2-*.pem"))

    def test_restart_keeps_keys_devices_and_enrolments_under_way_but_no_nonce(self):
        key, device, slow = self.issuer.token_key(), Device(), Device()
        self.assertEqual(self.issuer.enroll(device).status, 200)
        challenge = self.issuer.enroll_step(slow.enrollment_request())
        request, _ = key.blind()
        evidence = device.evidence(request, self.issuer.nonce())
        self.assertEqual(self.issuer.token_request(request, evidence).status, 200)
        self.assertEqual(self.issuer.stop(), 0)
        self.issuer.start()
        self.assertEqual(self.issuer.token_key().id, key.id)
        self.assertEqual(self.issuer.enroll_step(slow.enrollment_request(slow.activate(challenge.body))).status, 200)
        replayed = self.issuer.token_request(request, evidence)
        self.assertEqual((replayed.status, replayed.reason), (401, "EvidenceStale"))
        self.assertEqual(self.issuer.token_request(request, device.evidence(request, replayed.nonce)).status, 200)

    def test_killed_at_once_it_starts_again(self):
        device = Device()
        self.assertEqual(self.issuer.enroll(device).status, 200)
        self.issuer.stop(signal.SIGKILL)
        (self.state / "token-key-2-99.pem.new").write_bytes(b"half a k")
        self.issuer.start()
        key = self.issuer.token_key()
        request, _ = key.blind()
        self.assertEqual(self.issuer.token_request(request, device.evidence(request, self.issuer.nonce())).status, 200)

    def test_registry_that_does_not_answer_is_503_and_nobodys_end(self):
        device = Device()
        self.assertEqual(self.issuer.enroll(device).status, 200)
        key = self.issuer.token_key()
        request, _ = key.blind()
        evidence = device.evidence(request, self.issuer.nonce())
        blocker = sqlite3.connect(self.state / "registry.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        response = self.issuer.token_request(request, evidence)
        self.assertEqual((response.status, response.reason), (503, "Io"), response.body)
        self.assertGreater(int(response.headers["Retry-After"]), 0)
        self.assertNotIn("SQLite", response.problem["detail"])
        self.assertIn("SQLite", self.issuer.events()[-1]["detail"])
        blocker.execute("ROLLBACK")
        blocker.close()
        evidence = device.evidence(request, response.nonce)
        self.assertEqual(self.issuer.token_request(request, evidence).status, 200)

    def test_secrets_are_private(self):
        for path in self.state.iterdir():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0, path)

    def assert_does_not_start(self, *mentions):
        process = subprocess.run(self.issuer.command(), timeout=20, capture_output=True, text=True)
        self.assertNotEqual(process.returncode, 0)
        for mention in mentions:
            self.assertIn(str(mention), process.stderr)

    def test_damaged_key_is_named(self):
        self.issuer.stop()
        path = self.key_file()
        good = path.read_text()
        for text in ("", good[:700], good.replace("A", "B", 40)):
            path.write_text(text)
            self.assert_does_not_start(path)

    def test_key_that_others_may_read_is_named(self):
        self.issuer.stop()
        self.key_file().chmod(0o644)
        self.assert_does_not_start(self.key_file(), "0644")

    def test_damaged_enrollment_secret_and_registry_are_named(self):
        self.issuer.stop()
        (self.state / "enrollment-secret").write_bytes(b"short")
        self.assert_does_not_start(self.state / "enrollment-secret")
        (self.state / "enrollment-secret").unlink()
        (self.state / "registry.db").write_bytes(b"not a database, by far not a database" * 100)
        self.assert_does_not_start(self.state / "registry.db")

    def test_world_readable_tls_key_is_refused(self):
        self.issuer.stop()
        (self.issuer.directory / "server.key").chmod(0o644)
        self.assert_does_not_start("server.key", "0644")

    def test_reload_serves_a_new_certificate_and_survives_a_broken_one(self):
        before = ssl.get_server_certificate(("127.0.0.1", self.issuer.port))
        certificate, _ = server_certificate(self.issuer.directory)
        self.issuer.process.send_signal(signal.SIGHUP)
        self.issuer.wait_for_event(lambda event: event["event"] == "reload" and event["outcome"] == "ok")
        after = ssl.get_server_certificate(("127.0.0.1", self.issuer.port))
        self.assertNotEqual(before, after)
        self.assertEqual(self.issuer.request("GET", "/healthz").status, 200)
        certificate.write_text("nonsense")
        self.issuer.process.send_signal(signal.SIGHUP)
        self.issuer.wait_for_event(lambda event: event["event"] == "reload" and event["outcome"] == "failed")
        self.assertEqual(ssl.get_server_certificate(("127.0.0.1", self.issuer.port)), after)

    def test_stop_ends_idle_connections_and_exits_0(self):
        connection = self.issuer.connect()
        connection.request("GET", "/nonce")
        connection.getresponse().read()
        started = time.monotonic()
        self.assertEqual(self.issuer.stop(), 0)
        self.assertLess(time.monotonic() - started, 15)
        connection.close()

    def test_check_config_names_what_is_wrong(self):
        good = self.issuer.config.read_text()
        check = self.issuer.command("--check-config")
        self.assertEqual(subprocess.run(check, timeout=20).returncode, 0)
        self.issuer.config.write_text(good.replace("[Verifier]", "[Verifier]\nColour=blue"))
        result = subprocess.run(check, timeout=20, capture_output=True, text=True)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("Colour", result.stderr)
        (self.issuer.directory / "empty").mkdir()
        self.issuer.config.write_text(good.replace("[Verifier]", f"[Verifier]\nPolicy={self.issuer.directory}/empty"))
        self.assertIn("no rule", subprocess.run(check, timeout=20, capture_output=True, text=True).stderr)

    def test_plain_http_for_others_is_refused(self):
        self.issuer.stop()
        text = self.issuer.config.read_text()
        self.issuer.config.write_text(text.replace("Listen=127.0.0.1:0\nM", "Listen=0.0.0.0:0\nTls=no\nM"))
        self.assert_does_not_start("Tls=no")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
