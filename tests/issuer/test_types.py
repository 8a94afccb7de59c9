#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Token type 0x0001 beside 0x0002: keys, single requests and batches of both. Usage: test_types.py PROGRAM [unittest arguments]."""

import hashlib
import json
import stat
import subprocess
import time
import unittest

from issuer_case import PROGRAM, IssuerCase
from running_issuer import BATCH_REQUEST_MEDIA_TYPE, DIRECTORY_PATH, RunningIssuer
from voprf import ELEMENT, VoprfKey, answers, batch

BOTH = "Types=blind-rsa voprf"


class BothTypes(IssuerCase):
    options = {"keys": BOTH}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.voprf = VoprfKey(cls.issuer.token_keys(1)[0])

    def send(self, body, **options):
        return self.issuer.token_request(body, self.device.evidence(body, self.issuer.nonce()), **options)

    def tokens_issued(self):
        metrics = self.issuer.metrics()
        return [int(metrics[f'attester_issuer_tokens_issued_total{{type="0x000{kind}"}}']) for kind in (1, 2)]

    def test_directory_has_both_and_the_public_type_first(self):
        keys = json.loads(self.issuer.request("GET", DIRECTORY_PATH).body)["token-keys"]
        self.assertEqual([key["token-type"] for key in keys], [2, 1])
        self.assertEqual(len(self.voprf.encoded), ELEMENT)

    def test_single_request_is_answered_with_a_proof(self):
        before = self.tokens_issued()
        request, state = self.voprf.blind()
        response = self.send(request)
        self.assertEqual((response.status, len(response.body)), (200, 145), response.body)
        self.assertTrue(self.voprf.finalize(state, response.body))
        self.assertFalse(self.voprf.finalize(self.voprf.blind()[1], response.body))
        self.assertEqual(self.tokens_issued(), [before[0] + 1, before[1]])

    def test_token_is_the_same_for_every_blind(self):
        """The issuer's private key alone makes the authenticator: nothing of one issuance is in the token."""
        request, state = self.voprf.blind()
        first = self.voprf.token(state, self.send(request).body)
        blinded_again = VoprfKey(self.voprf.encoded)
        again, other_state = blinded_again.blind()
        self.assertNotEqual(first, blinded_again.token(other_state, self.send(again).body))
        again, other_state = blinded_again.blind_input(state[0])
        self.assertEqual(first, blinded_again.token(other_state, self.send(again).body))

    def test_point_that_is_none_is_422(self):
        good, _ = self.voprf.blind()
        for element in (bytes(ELEMENT), b"\2" + b"\xff" * 48, b"\4" + good[4:], b"\2" + bytes(47) + b"\5"):
            self.assert_refused(self.send(good[:3] + element), 422, "Malformed")

    def test_key_of_one_type_is_not_the_others(self):
        request, _ = self.voprf.blind()
        rsa, _ = self.key.blind()
        self.assert_refused(self.send(b"\0\2" + request[2:]), 422, "Malformed")
        self.assert_refused(self.send(b"\0\1" + rsa[2:]), 422, "Malformed")
        if self.key.id[-1] != self.voprf.id[-1]:
            self.assert_refused(self.send(b"\0\1" + self.key.id[-1:] + request[3:]), 422, "NotFound")

    def test_batch_of_both_types_in_any_order(self):
        keys = [self.voprf, self.key, self.key, self.voprf, self.voprf]
        before = self.tokens_issued()
        pairs = [key.blind() for key in keys]
        response = self.send(batch([request for request, _ in pairs]), media_type=BATCH_REQUEST_MEDIA_TYPE)
        self.assertEqual(response.status, 200, response.body)
        found = answers(response.body)
        self.assertEqual(len(found), len(keys))
        for key, (_, state), answer in zip(keys, pairs, found):
            self.assertTrue(key.finalize(state, answer))
        self.assertFalse(self.voprf.finalize(pairs[0][1], found[3]))
        self.assertEqual(self.tokens_issued(), [before[0] + 3, before[1] + 2])

    def test_full_batch_of_the_slower_type(self):
        pairs = [self.voprf.blind() for _ in range(64)]
        response = self.send(batch([request for request, _ in pairs]), media_type=BATCH_REQUEST_MEDIA_TYPE)
        found = answers(response.body)
        self.assertEqual((response.status, len(found), len(set(found))), (200, 64, 64))
        self.assertTrue(self.voprf.finalize(pairs[63][1], found[63]))

    def test_more_than_64_small_requests_are_422(self):
        request, _ = self.voprf.blind()
        self.assert_refused(self.send(batch([request] * 65), media_type=BATCH_REQUEST_MEDIA_TYPE), 422, "LimitExceeded")

    def test_element_that_is_none_has_no_answer_and_the_others_have(self):
        pairs = [self.voprf.blind(), self.key.blind()]
        bad = pairs[0][0][:3] + b"\2" + b"\xff" * 48
        response = self.send(batch([bad, pairs[1][0]]), media_type=BATCH_REQUEST_MEDIA_TYPE)
        self.assertEqual(response.status, 206, response.body)
        self.assertIsNone(answers(response.body)[0])
        self.assertTrue(self.key.finalize(pairs[1][1], answers(response.body)[1]))


class TypesOfKeys(unittest.TestCase):
    def setUp(self):
        self.issuer = RunningIssuer(PROGRAM, verifier="RequireEkCertificate=no\nRequireEvidence=no")
        self.addCleanup(self.issuer.close)
        self.state = self.issuer.directory / "state"

    def configure(self, types):
        lines = [line for line in self.issuer.config.read_text().splitlines() if not line.startswith("Types=")]
        self.issuer.config.write_text("\n".join(lines + [types]) + "\n")

    def types(self):
        return [key["token-type"] for key in json.loads(self.issuer.request("GET", DIRECTORY_PATH).body)["token-keys"]]

    def test_type_comes_goes_and_comes_back_with_reloads(self):
        self.assertEqual(self.types(), [2])
        self.configure(BOTH)
        self.issuer.reload()
        self.assertEqual(self.types(), [2, 1])
        key = VoprfKey(self.issuer.token_keys(1)[0])
        file = next(self.state.glob("token-key-1-*.pem"))
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        request, state = key.blind()
        self.assertTrue(key.finalize(state, self.issuer.token_request(request).body))
        self.configure("Types=blind-rsa")
        self.issuer.reload()
        self.assertEqual(self.types(), [2])
        self.assertEqual(self.issuer.token_request(request).status, 422)
        self.configure("Types=voprf")
        self.issuer.reload()
        self.assertEqual(self.types(), [1])
        self.assertEqual(self.issuer.token_keys(1), [key.encoded])
        self.assertTrue(key.finalize(state, self.issuer.token_request(request).body))

    def test_broken_types_change_nothing(self):
        self.configure("Types=blind-rsa rsa")
        self.assertIn("Types: \"blind-rsa\", \"voprf\"", self.issuer.reload("failed"))
        self.assertEqual(self.types(), [2])

    def test_damaged_key_of_a_type_that_is_wanted_is_named(self):
        bad = self.state / "token-key-1-5.pem"
        bad.write_bytes((next(self.state.glob("token-key-2-*.pem"))).read_bytes())
        bad.chmod(0o600)
        self.issuer.reload()
        self.configure(BOTH)
        self.assertIn(str(bad), self.issuer.reload("failed"))
        self.assertEqual(self.types(), [2])

    def test_restart_keeps_the_keys_of_both(self):
        self.configure(BOTH)
        self.issuer.reload()
        before = [self.issuer.token_keys(kind) for kind in (1, 2)]
        self.assertEqual(self.issuer.stop(), 0)
        self.issuer.start()
        self.assertEqual([self.issuer.token_keys(kind) for kind in (1, 2)], before)

    def age(self, days):
        """Makes the newest key of type 0x0001 one that is in use since so many days; its file's name says since when."""
        newest = max(self.state.glob("token-key-1-*.pem"))
        newest.rename(self.state / f"token-key-1-{int(time.time()) - days * 86400}.pem")

    def test_keys_of_a_type_are_rotated_by_themselves_and_overlap(self):
        self.configure(BOTH + "\nRotateDays=30")
        self.issuer.reload()
        rsa, [old] = self.issuer.token_keys(2), self.issuer.token_keys(1)
        self.age(days=30)
        self.issuer.reload()
        new, still = self.issuer.token_keys(1)
        self.assertEqual(still, old)
        for encoded in (new, old):
            key = VoprfKey(encoded)
            request, state = key.blind()
            self.assertTrue(key.finalize(state, self.issuer.token_request(request).body))
        self.age(days=6)
        self.issuer.reload()
        self.assertEqual(self.issuer.token_keys(1), [new, old])
        self.age(days=7)
        self.issuer.reload()
        self.assertEqual(self.issuer.token_keys(1), [new])
        self.assertEqual(self.issuer.token_request(VoprfKey(old).blind()[0]).status, 422)
        self.assertEqual(self.issuer.token_keys(2), rsa)

    def keys_list(self, *words, status=0):
        done = subprocess.run(self.issuer.command("keys", *(words or ["list"])), timeout=20, capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stderr)
        return [line.split() for line in done.stdout.splitlines()[1:]]

    def test_keys_list_shows_type_id_and_file(self):
        self.configure(BOTH)
        self.issuer.reload()
        rows = self.keys_list()
        self.assertEqual([row[0] for row in rows], ["0x0002", "0x0001"])
        for row, kind in zip(rows, (2, 1)):
            self.assertEqual(row[-3], hashlib.sha256(self.issuer.token_keys(kind)[0]).hexdigest())
            self.assertTrue((self.state / row[-1]).exists())
            not_before = int(row[-1].removeprefix(f"token-key-{kind}-").removesuffix(".pem"))
            self.assertEqual(row[-2], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(not_before)))
        self.keys_list("list", "more", status=2)
        self.keys_list("make", status=2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
