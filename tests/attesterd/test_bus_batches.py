# SPDX-License-Identifier: BSD-2-Clause
"""Several token requests in one call: one post and one evidence if the issuer takes batches, one by one if it does not."""

import base64
import hashlib

import bus_fixture
import dbus
from bus_fixture import Background, BusCase
from fake_batches import BATCH_REQUEST, BATCH_RESPONSE, REQUEST, split, token_request, token_response

SINGLE = [f"single-{status}" for status in (400, 404, 413, 415, 422)]
WRONG = ("plain", *(f"batch-{word}" for word in ("short", "extra", "types", "partly", "absent", "cut", "trailing", "nothing", "large", "noise")))
MIXED = [token_request(1 + number % 2, number) for number in range(16)]


class Batches(BusCase):
    options = {"issuers": ("batch", "batch-swapped", "batch-none", "batch-down", "slow", "single-415-slow", "attest-batch", "attest-batch-stale-once",
                           "attest-single-415", "attest-denied", *SINGLE, *WRONG), "real_issuer": True}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stack.enroll_with_fakes([name for name in cls.options["issuers"] if name.startswith("attest")])

    def request(self, name, requests, **keywords):
        """The TokenResponses, what the daemon says of them, and the posts that it took: content type and body of each."""
        before = len(self.stack.fake.requests[name])
        responses, info = self.stack.request(f"{name}.example", requests, **keywords)
        posts = [(headers["Content-Type"], body) for headers, body in self.stack.fake.requests[name][before:]]
        return [bytes(response) for response in responses], info, posts

    def posts(self, name):
        return self.stack.fake.counts[name, "request"]

    def test_sixteen_requests_are_one_post_and_their_answers_come_in_order(self):
        responses, info, posts = self.request("batch", MIXED)
        self.assertEqual(responses, [token_response(request) for request in MIXED])
        self.assertEqual([content_type for content_type, _ in posts], [BATCH_REQUEST])
        self.assertEqual(split(posts[0][1]), MIXED)
        self.assertEqual(self.stack.fake.requests["batch"][-1][0]["Accept"], BATCH_RESPONSE)
        self.assertFalse(info["attested"])

    def test_sixteen_requests_have_one_evidence_which_is_about_all_of_them(self):
        responses, info, posts = self.request("attest-batch", MIXED)
        self.assertEqual(responses, [token_response(request) for request in MIXED])
        self.assertEqual(len(posts), 1)
        self.assertTrue(info["attested"])
        self.assertEqual(info["quote-shared-by"], 1)
        evidence = base64.b64decode(self.stack.fake.requests["attest-batch"][-1][0]["Attestation-Evidence"].strip(":"))
        self.assertIn(hashlib.sha256(posts[0][1]).digest(), evidence)

    def test_what_is_no_batch_goes_as_it_did(self):
        for requests in ([MIXED[0]], [MIXED[0], b"of another length"], [MIXED[0], b"\0\3" + bytes(50)]):
            _, _, posts = self.request("plain", requests)
            self.assertEqual(sorted(posts), sorted((REQUEST, request) for request in requests))

    def test_a_stale_nonce_is_made_good_with_another_evidence(self):
        responses, _, posts = self.request("attest-batch-stale-once", MIXED[:3])
        self.assertEqual(responses, [token_response(request) for request in MIXED[:3]])
        self.assertEqual(posts, [(BATCH_REQUEST, posts[0][1])] * 2)
        first, second = (headers["Attestation-Evidence"] for headers, _ in self.stack.fake.requests["attest-batch-stale-once"])
        self.assertNotEqual(first, second)

    def test_an_issuer_that_takes_no_batches_gets_them_one_by_one_from_then_on(self):
        for name in (*SINGLE, "attest-single-415"):
            with self.subTest(name):
                responses, _, posts = self.request(name, MIXED[:4])
                self.assertEqual(responses, [token_response(request) for request in MIXED[:4]])
                self.assertEqual([content_type for content_type, _ in posts], [BATCH_REQUEST] + [REQUEST] * 4)
                self.assertEqual(sorted(body for _, body in posts[1:]), sorted(MIXED[:4]))
                self.assertEqual([content_type for content_type, _ in self.request(name, MIXED[:4])[2]], [REQUEST] * 4)
        evidence = [headers["Attestation-Evidence"] for headers, _ in self.stack.fake.requests["attest-single-415"]]
        self.assertEqual(len(set(evidence)), 9)
        self.assertIn("the issuer single-415.example takes no batches", self.stack.log("attesterd"))

    def test_an_issuer_that_refuses_them_one_by_one_too_is_sent_batches_again(self):
        for count in (1, 2):
            self.assert_error("IssuerRejected", self.request, "batch-none", MIXED[:3])
            # Of those that went one by one, some may come when the call has failed already.
            types = [headers["Content-Type"] for headers, _ in self.stack.fake.requests["batch-none"]]
            self.assertEqual(types.count(BATCH_REQUEST), count)

    def test_refusals_that_are_not_of_the_batch_are_final(self):
        for name, error in (("batch-down", "IssuerUnreachable"), ("attest-denied", "PolicyDenied")):
            self.assert_error(error, self.request, name, MIXED[:3])
            self.assertEqual(self.posts(name), 1)

    def test_the_deadline_holds_for_batch_and_single_requests_together(self):
        self.assert_error("Timeout", self.request, "single-415-slow", MIXED[:3], options={"timeout-ms": dbus.UInt32(1500)})
        self.assertGreater(self.posts("single-415-slow"), 1)

    def test_an_issuer_that_does_not_answer_hinders_nobody(self):
        slow = Background(self.request, "slow", MIXED, options={"timeout-ms": dbus.UInt32(2000)})
        bus_fixture.stack.wait_for(lambda: self.posts("slow"), "the batch at the slow issuer")
        self.assertEqual(len(self.request("batch", MIXED)[0]), 16)
        self.assertTrue(slow.is_alive())
        self.assert_error("Timeout", slow.result)
        self.assertEqual(self.posts("slow"), 1)

    def test_wrong_answers_fail_the_call_and_hinder_nobody(self):
        for name in WRONG:
            with self.subTest(name):
                self.assert_error("IssuerRejected", self.request, name, MIXED)
                self.assertEqual(len(self.request("batch", MIXED)[0]), 16)

    def test_a_request_that_the_issuer_did_not_answer_is_named(self):
        before = self.posts("batch-partly")
        self.assertIn("token request 2 of the batch", self.assert_error("IssuerRejected", self.request, "batch-partly", MIXED))
        self.assertEqual(self.posts("batch-partly"), before + 1)

    def test_swapped_answers_are_noticed_as_far_as_their_types_tell(self):
        """Of one type only the client can tell them apart, and does: see shuffled.example of tests/client."""
        self.assertIn("of type 0x0002, with type 0x0001", self.assert_error("IssuerRejected", self.request, "batch-swapped", MIXED[1:3]))
        requests = [token_request(2, number) for number in range(3)]
        self.assertEqual(self.request("batch-swapped", requests)[0], [token_response(request) for request in requests[::-1]])

    def test_each_request_of_a_batch_counts_against_the_rate(self):
        self.stack.restart_daemon(limits="[Limits]\nRequestsPerSecond=1\nRequestsBurst=40\nInFlightPerUser=64\n")
        try:
            for _ in range(2):
                self.request("batch", MIXED)
            self.assert_error("RateLimited", self.request, "batch", MIXED)
        finally:
            self.stack.restart_daemon()


if __name__ == "__main__":
    bus_fixture.main()
