#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Token keys in a PKCS #11 token, SoftHSM's. Usage: test_pkcs11.py PROGRAM [unittest arguments]."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "8642"
if not (os.path.exists(MODULE) and os.path.exists("/usr/bin/pkcs11-tool")):
    print(f"cannot run here: {MODULE} or pkcs11-tool is missing")
    sys.exit(77)

import unittest  # noqa: E402

from issuer_case import PROGRAM, IssuerCase  # noqa: E402
from running_issuer import DIRECTORY_PATH  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from stack import wait_for  # noqa: E402


def uri(label, token="attester", module=MODULE, more=""):
    return f"pkcs11:token={token};object={label}?module-path={module}{more}"


class Token:
    """A directory with a token and its keys; the module finds it by SOFTHSM2_CONF."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="attester-pkcs11-")
        self.directory = pathlib.Path(self.temporary.name)
        (self.directory / "tokens").mkdir()
        config = self.directory / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {self.directory}/tokens\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(config)
        self.run("softhsm2-util", "--init-token", "--free", "--label", "attester", "--so-pin", "1357", "--pin", PIN)
        for label, kind in (("one", "rsa:2048"), ("two", "rsa:2048"), ("large", "rsa:3072"), ("curve", "EC:prime256v1")):
            self.run("pkcs11-tool", "--module", MODULE, "--token-label", "attester", "--login", "--pin", PIN, "--keypairgen",
                     "--key-type", kind, "--label", label)
        self.pin_file = self.secret("pin", PIN + "\n")

    @staticmethod
    def run(*command):
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def secret(self, name, text, mode=0o600):
        file = self.directory / name
        file.write_text(text)
        file.chmod(mode)
        return file


class Pkcs11(IssuerCase):
    @classmethod
    def setUpClass(cls):
        cls.token = Token()
        cls.addClassCleanup(cls.token.temporary.cleanup)
        cls.options = {"keys": f"Pkcs11={uri('one')}\nPkcs11PinFile={cls.token.pin_file}\n"}
        super().setUpClass()

    def run_with(self, keys, *words):
        """The program with other [Keys] and a state of its own, to its end."""
        config, state = self.token.directory / "other.conf", self.token.directory / "other-state"
        state.mkdir(mode=0o700, exist_ok=True)
        text = self.issuer.config.read_text().split("[Keys]")[0].replace(f"StateDirectory={self.issuer.directory}/state", f"StateDirectory={state}")
        config.write_text(text + "[Keys]\n" + keys)
        return subprocess.run([PROGRAM, "--allow-root", "--config", str(config), *words], capture_output=True, text=True, timeout=60, check=False)

    def test_tokens_are_signed_and_no_key_is_in_a_file(self):
        self.assert_issued()
        self.assertEqual([file.name for file in (self.issuer.directory / "state").iterdir() if file.suffix == ".pem"], [])
        listed = subprocess.run(self.issuer.command("keys", "list"), capture_output=True, text=True, timeout=60, check=True).stdout
        self.assertIn(self.key.id.hex(), listed)
        self.assertIn("in the PKCS #11 token", listed)

    def test_requests_at_the_same_time_have_each_their_answer(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for answer in [pool.submit(self.ask) for _ in range(24)]:
                response, valid = answer.result(60)
                self.assertEqual((response.status, valid), (200, True), response.body)

    def test_a_number_above_the_modulus_is_422(self):
        request, _ = self.key.blind()
        body = request[:3] + b"\xff" * (len(request) - 3)
        self.assert_refused(self.issuer.token_request(body, self.device.evidence(body, self.issuer.nonce())), 422, "Malformed")

    def test_the_key_before_answers_beside_the_new_one(self):
        before = self.issuer.config.read_text()
        try:
            self.issuer.config.write_text(before.replace(f"Pkcs11={uri('one')}", f"Pkcs11={uri('two')}\nPkcs11Previous={uri('one')}"))
            self.issuer.reload()
            self.assertEqual(len(json.loads(self.issuer.request("GET", DIRECTORY_PATH).body)["token-keys"]), 2)
            self.assertNotEqual(self.issuer.token_key().id, self.key.id)
            self.assert_issued()  # by the old one
        finally:
            self.issuer.config.write_text(before)
            self.issuer.reload()

    def test_what_is_wrong_is_named_at_start(self):
        pin = f"\nPkcs11PinFile={self.token.pin_file}\n"
        wrong = f"\nPkcs11PinFile={self.token.secret('wrong', '1111')}\n"
        empty = f"\nPkcs11PinFile={self.token.secret('empty', '')}\n"
        opened = f"\nPkcs11PinFile={self.token.secret('open', PIN, 0o644)}\n"
        for keys, status, words in (
            (f"Pkcs11={uri('one')}{wrong}", 13, "the PIN in Pkcs11PinFile= is not"),
            (f"Pkcs11={uri('one')}{empty}", 11, "holds no PIN"),
            (f"Pkcs11={uri('one')}{opened}", 11, "mode 0644"),
            (f"Pkcs11={uri('one', token='elsewhere')}{pin}", 8, "no such PKCS #11 token"),
            (f"Pkcs11={uri('three')}{pin}", 8, "no such private key"),
            (f"Pkcs11={uri('one', module='/nonexistent.so')}{pin}", 8, "/nonexistent.so"),
            (f"Pkcs11={uri('large')}{pin}", 16, "3072 bits, not 2048"),
            (f"Pkcs11={uri('curve')}{pin}", 16, "not an RSA key"),
            (f"Pkcs11={uri('one', more='&pin-value=8642')}{pin}", 11, "must not have a PIN"),
            (f"Pkcs11=pkcs11:token=attester?module-path={MODULE}{pin}", 11, "names no object"),
            (f"Pkcs11=file:/x{pin}", 11, "not a pkcs11: URI"),
            (f"Pkcs11={uri('one')}\nPkcs11Previous={uri('one')}{pin}", 12, "same truncated key id"),
            (f"Pkcs11={uri('one')}\n", 11, "needs Pkcs11PinFile="),
            (f"Types=voprf\nPkcs11={uri('one')}{pin}", 11, "Types= does not have"),
            (f"RotateDays=30\nPkcs11={uri('one')}{pin}", 11, "RotateDays="),
            (pin, 11, "needs Pkcs11="),
        ):
            with self.subTest(words):
                done = self.run_with(keys)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertNotIn("8642\n", done.stderr)

    def take_away(self):
        """The token's directory; what is called puts it back."""
        there, away = self.token.directory / "tokens", self.token.directory / "away"
        there.rename(away)
        self.addCleanup(lambda: away.exists() and away.rename(there))
        return lambda: away.rename(there)

    def assert_gone(self):
        response, _ = self.ask()
        self.assert_refused(response, 503, "Io")
        self.assertNotIn("PKCS", response.problem["detail"])
        self.assertIn("PKCS #11", self.issuer.events()[-1]["detail"])

    def serves_again(self):
        response, valid = self.ask()
        if response.status == 200:
            self.assertTrue(valid)
        return response.status == 200

    def test_token_that_is_taken_away_is_503_and_serves_again_once_it_is_back(self):
        for how in ("unnoticed by a reload", "noticed by one"):
            with self.subTest(how):
                put_back = self.take_away()
                for _ in range(3):
                    self.assert_gone()
                if how == "noticed by one":
                    self.assertIn("PKCS #11 module", self.issuer.reload("failed"))
                    self.assert_gone()
                self.assertEqual(self.issuer.token_key().id, self.key.id)  # what was in force stays so
                put_back()
                wait_for(self.serves_again, "the token", seconds=60)
                self.assert_issued()

    def test_both_keys_of_a_token_that_was_away_serve_again(self):
        before = self.issuer.config.read_text()
        try:
            self.issuer.config.write_text(before.replace(f"Pkcs11={uri('one')}", f"Pkcs11={uri('two')}\nPkcs11Previous={uri('one')}"))
            self.issuer.reload()
            put_back = self.take_away()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                statuses = {answer.result(60)[0].status for answer in [pool.submit(self.ask) for _ in range(24)]}
            self.assertEqual(statuses, {503})
            put_back()
            wait_for(self.serves_again, "the token", seconds=60)
            new = self.issuer.token_key()
            request, state = new.blind()
            response = self.issuer.token_request(request, self.device.evidence(request, self.issuer.nonce()))
            self.assertEqual((response.status, new.finalize(state, response.body)), (200, True))
        finally:
            self.issuer.config.write_text(before)
            self.issuer.reload()

    def test_pin_that_is_refused_afterwards_is_tried_once_until_the_next_reload(self):
        put_back = self.take_away()
        self.assert_gone()
        self.token.secret("pin", "1111\n")
        self.addCleanup(self.token.secret, "pin", PIN + "\n")
        put_back()
        wait_for(lambda: self.ask() and "refused the PIN" in self.issuer.events()[-1]["detail"], "the token's refusal", seconds=60)
        self.assert_gone()
        self.token.secret("pin", PIN + "\n")
        self.assert_gone()
        self.issuer.reload()
        self.assert_issued()

    def test_a_broken_uri_at_reload_leaves_the_key_in_force(self):
        before = self.issuer.config.read_text()
        try:
            self.issuer.config.write_text(before.replace("object=one", "object=three"))
            self.assertIn("no such private key", self.issuer.reload("failed"))
            self.assert_issued()
        finally:
            self.issuer.config.write_text(before)
            self.issuer.reload()


if __name__ == "__main__":
    unittest.main()
