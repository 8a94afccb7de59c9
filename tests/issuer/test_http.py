#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attester-issuer over TLS as a hostile network meets it. Usage: test_http.py PROGRAM [unittest arguments]."""

import json
import socket
import ssl
import struct
import subprocess
import time
import unittest

import cbor2

from device import Device
from issuer_case import IssuerCase, PROGRAM
from running_issuer import DIRECTORY_PATH, REQUEST_MEDIA_TYPE, RESPONSE_MEDIA_TYPE, RunningIssuer


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

    def test_evidence_for_another_issuer_is_403(self):
        for name, status in (("ISSUER.test", 200), ("issuer.test", 200), ("other.example", 403), ("", 403), (None, 403)):
            response, _ = self.ask(facts={"request.issuer": None if name is None else [2, name]})
            self.assertEqual(response.status, status, name)
            if status == 403:
                self.assert_refused(response, 403, "EvidenceInvalid")
        self.assert_issued()

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
        for _ in range(20):  # on a busy machine the next one may expire before it comes back
            response, valid = self.ask(nonce=response.nonce)
            if response.status == 200:
                break
            self.assert_refused(response, 401, "EvidenceStale")
        self.assertTrue(valid)


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


if __name__ == "__main__":
    unittest.main(verbosity=2)
