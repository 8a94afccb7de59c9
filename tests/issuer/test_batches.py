#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Batches of token requests. Usage: test_batches.py PROGRAM [unittest arguments]."""

import http.client
import unittest

from device import Device
from issuer_case import IssuerCase
from running_issuer import BATCH_REQUEST_MEDIA_TYPE, BATCH_RESPONSE_MEDIA_TYPE, REQUEST_MEDIA_TYPE
from voprf import answers, batch, varint

BATCH_MAX, BATCH_BYTES_MAX = 64, 4 + 64 * 259


class BatchCase(IssuerCase):
    def send(self, body, evidence=None, who=None, nonce=None, media_type=BATCH_REQUEST_MEDIA_TYPE):
        """A batch with fresh evidence, or this one."""
        evidence = evidence or (who or self.device).evidence(body, nonce or self.issuer.nonce())
        return self.issuer.token_request(body, evidence, media_type)

    def blind(self, count):
        return [self.key.blind() for _ in range(count)]

    def tokens_issued(self, token_type="0x0002"):
        return int(self.issuer.metrics()[f'attester_issuer_tokens_issued_total{{type="{token_type}"}}'])

    def assert_answered(self, response, pairs, status=200, absent=()):
        self.assertEqual((response.status, response.headers["Content-Type"]), (status, BATCH_RESPONSE_MEDIA_TYPE), response.body)
        self.assertEqual((len(response.nonce), response.headers["Cache-Control"]), (32, "no-store"))
        found = answers(response.body)
        self.assertEqual([i for i, answer in enumerate(found) if answer is None], list(absent))
        self.assertEqual(len(found), len(pairs))
        for (_, state), answer in zip(pairs, found):
            if answer is not None:
                self.assertTrue(self.finalize(state, answer))

    def finalize(self, state, answer):
        return self.key.finalize(state, answer)


class Batches(BatchCase):
    def test_batches_of_any_size_are_answered_with_one_piece_of_evidence(self):
        for count in (1, 2, 16, BATCH_MAX):
            before, pairs = self.tokens_issued(), self.blind(count)
            self.assert_answered(self.send(batch([request for request, _ in pairs])), pairs)
            self.assertEqual(self.tokens_issued(), before + count)
        event = self.issuer.events()[-1]
        self.assertEqual((event["event"], event["outcome"], event["status"]), ("token-request", "issued", 200))
        self.assertIn("64 of 64 tokens", event["detail"])

    def test_unknown_key_has_no_answer_and_the_others_have(self):
        pairs = self.blind(3)
        requests = [request for request, _ in pairs]
        requests[1] = requests[1][:2] + bytes([requests[1][2] ^ 1]) + requests[1][3:]
        self.assert_answered(self.send(batch(requests)), pairs, status=206, absent=[1])
        self.assertIn("2 of 3 tokens", self.issuer.events()[-1]["detail"])
        self.assertGreaterEqual(int(self.issuer.metrics()['attester_issuer_requests_total{endpoint="token-request",status="206"}']), 1)

    def test_blinded_message_out_of_range_has_no_answer_and_the_others_have(self):
        pairs = self.blind(2)
        requests = [pairs[0][0][:3] + self.key.n.to_bytes(256, "big"), pairs[1][0]]
        self.assert_answered(self.send(batch(requests)), pairs, status=206, absent=[0])

    def test_no_known_key_is_400_before_the_device_is_judged(self):
        request, _ = self.key.blind()
        request = request[:2] + bytes([request[2] ^ 1]) + request[3:]
        for who in (self.device, Device()):
            self.assert_refused(self.send(batch([request] * 2), who=who), 400, "NotFound")

    def test_nothing_that_can_be_answered_is_400(self):
        request = self.key.blind()[0][:3] + b"\xff" * 256
        self.assert_refused(self.send(batch([request])), 400, "Malformed")

    def test_unknown_type_is_422_for_all(self):
        request, _ = self.key.blind()
        for strange in (b"\x42\x42" + request[2:], b"\0\5" + bytes(33), b"\xff\xff"):
            self.assert_refused(self.send(batch([request, strange])), 422, "Unsupported")

    def test_truncated_trailing_and_empty_are_422(self):
        request, _ = self.key.blind()
        good = batch([request, request])
        cases = [good[:-1], good + b"\0", b"", b"\0", varint(len(request)) + good[2:], batch([request[:-1]]), batch([request, b"\0"]),
                 b"\x80\0" + varint(2 * len(request)) + request * 2, request]
        for body in cases:
            self.assert_refused(self.send(body), 422, "Malformed")

    def test_more_than_the_limit_is_refused_unread(self):
        requests = [request for request, _ in self.blind(1)] * (BATCH_MAX + 1)
        self.assert_refused(self.send(batch(requests)), 413, "LimitExceeded")
        self.assert_refused(self.send(bytes(BATCH_BYTES_MAX + 1)), 413, "LimitExceeded")

    def test_a_single_requests_limit_is_its_own(self):
        request, _ = self.key.blind()
        for media_type in (REQUEST_MEDIA_TYPE, REQUEST_MEDIA_TYPE + "; x=" + BATCH_REQUEST_MEDIA_TYPE, "text/plain"):
            self.assert_refused(self.send(batch([request, request]), media_type=media_type), 413, "LimitExceeded")
        self.assert_refused(self.send(batch([request])[:200], media_type=BATCH_REQUEST_MEDIA_TYPE + "x"), 415, "Unsupported")

    def test_batch_as_a_single_request_and_the_other_way_round_are_refused(self):
        request, _ = self.key.blind()
        self.assert_refused(self.send(batch([request])[:259], media_type=REQUEST_MEDIA_TYPE), 422, "Unsupported")
        self.assert_refused(self.send(request), 422, "Malformed")

    def test_without_evidence_is_401_and_its_nonce_serves(self):
        pairs = self.blind(2)
        body = batch([request for request, _ in pairs])
        refused = self.issuer.token_request(body, media_type=BATCH_REQUEST_MEDIA_TYPE)
        self.assert_refused(refused, 401, "EvidenceStale")
        self.assert_answered(self.send(body, nonce=refused.nonce), pairs)

    def test_evidence_is_for_the_whole_batch_and_good_once(self):
        pairs = self.blind(3)
        requests = [request for request, _ in pairs]
        body, nonce = batch(requests), self.issuer.nonce()
        evidence = self.device.evidence(body, nonce)
        for other in (batch(requests[:2]), batch(requests[::-1]), batch(requests + requests[:1]), batch([*requests[:2], self.key.blind()[0]])):
            self.assert_refused(self.send(other, evidence), 403, "EvidenceInvalid")
        for part in (requests[0], b"".join(requests)):
            self.assert_refused(self.send(body, self.device.evidence(part, nonce)), 403, "EvidenceInvalid")
        self.assert_refused(self.send(requests[0], evidence, media_type=REQUEST_MEDIA_TYPE), 403, "EvidenceInvalid")
        self.assert_answered(self.send(body, evidence), pairs)
        self.assert_refused(self.send(body, evidence), 401, "EvidenceStale")

    def test_stranger_is_refused(self):
        self.assert_refused(self.send(batch([self.key.blind()[0]]), who=Device()), 403, "NotEnrolled")

    def test_two_evidence_fields_are_400(self):
        body = batch([self.key.blind()[0]])
        connection = self.issuer.connect()
        connection.putrequest("POST", "/token-request")
        for name, value in (("Content-Type", BATCH_REQUEST_MEDIA_TYPE), ("Content-Length", str(len(body)))):
            connection.putheader(name, value)
        for _ in range(2):
            connection.putheader("Attestation-Evidence", self.device.evidence(body, self.issuer.nonce()))
        connection.endheaders(body)
        self.assertEqual(connection.getresponse().status, 400)
        connection.close()

    def test_batch_that_comes_in_pieces_is_whole(self):
        pairs = self.blind(BATCH_MAX)
        body = batch([request for request, _ in pairs])
        connection = self.issuer.connect()
        connection.request("POST", "/token-request", (body[at : at + 999] for at in range(0, len(body), 999)), encode_chunked=True,
                           headers={"Content-Type": BATCH_REQUEST_MEDIA_TYPE, "Transfer-Encoding": "chunked",
                                    "Attestation-Evidence": self.device.evidence(body, self.issuer.nonce())})
        response = connection.getresponse()
        self.assertEqual((response.status, len(answers(response.read()))), (200, BATCH_MAX))
        connection.close()

    def test_endless_chunked_batch_is_cut_off(self):
        connection = self.issuer.connect()
        with self.assertRaises((OSError, http.client.HTTPException)):
            connection.request("POST", "/token-request", (bytes(4096) for _ in range(2000)), encode_chunked=True,
                               headers={"Content-Type": BATCH_REQUEST_MEDIA_TYPE, "Transfer-Encoding": "chunked"})
            if connection.getresponse().status == 413:
                raise OSError
        connection.close()
        self.assertEqual(self.issuer.request("GET", "/healthz").status, 200)


class BatchQuota(BatchCase):
    options = {"verifier": "RequireEkCertificate=no\nTokensPerDay=10"}

    def ask_for(self, count, who):
        pairs = self.blind(count)
        return self.send(batch([request for request, _ in pairs]), who=who), pairs

    def newcomer(self):
        who = Device()
        self.assertEqual(self.issuer.enroll(who).status, 200)
        return who

    def assert_none_left(self, response):
        self.assert_refused(response, 429, "RateLimited")
        self.assertGreater(int(response.headers["Retry-After"]), 0)

    def test_exactly_what_is_left_is_issued(self):
        who = self.newcomer()
        self.assert_issued(who)
        self.assert_answered(*self.ask_for(9, who))
        self.assert_none_left(self.ask(who)[0])
        self.assert_none_left(self.ask_for(1, who)[0])

    def test_one_more_than_is_left_refuses_all_and_takes_nothing(self):
        who, issued = self.newcomer(), self.tokens_issued()
        self.assert_none_left(self.ask_for(11, who)[0])
        self.assert_answered(*self.ask_for(4, who))
        self.assert_none_left(self.ask_for(7, who)[0])
        self.assert_answered(*self.ask_for(6, who))
        self.assertEqual(self.tokens_issued(), issued + 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
