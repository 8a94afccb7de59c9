#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""State and configuration that older versions wrote (tests/data/state-N): all of it stays in use, and newer formats are refused by name.

Usage: test_older_state.py BUILD-DIRECTORY
"""

import hashlib
import json
import re
import shutil
import sqlite3
import sys
import unittest

from stack import ISSUER_NAME, SOURCE, Stack, StackError
from visitor import ask

ORIGIN = "www.example.org"
UNSUPPORTED, NOT_ENROLLED = 6, 20  # exit statuses of attestctl, as documented in docs/attestctl.md
# user_version of the registry that this version writes
NEWEST = int(re.search(r"#define SCHEMA_VERSION +(\d+)", (SOURCE / "issuer" / "registry_schema.c").read_text()).group(1))


def states():
    return sorted((SOURCE / "tests" / "data").glob("state-*"), key=lambda path: int(path.name.partition("-")[2]))


class OlderState(unittest.TestCase):
    def begin(self, state):
        """TPM, bus, and copies of what was left behind."""
        self.stack = stack = Stack(BUILD)
        self.addCleanup(stack.stop)
        self.expected = json.loads((state / "expected.json").read_text())
        for directory in ("tpm", "state", "issuer", "etc", "issuer-policy"):
            shutil.copytree(state / directory, stack.path(directory))
        for directory in ("state", "issuer", "state/issuers"):
            stack.path(directory).chmod(0o700)
        for directory in ("state", "issuer"):
            for file in stack.path(directory).rglob("*"):
                if file.is_file():
                    file.chmod(0o600)  # a checkout has 0644
        stack.path("tpm-ca").mkdir()
        shutil.copy(state / "chain.pem", stack.path("tpm-ca"))
        self.configuration(state, "issuer.conf")
        stack.start_ground()

    def configuration(self, state, name, issuer=""):
        self.stack.write(name, (state / name).read_text().replace("@TOP@", str(self.stack.top)).replace("@ISSUER@", issuer))

    def start_issuer(self):
        stack = self.stack
        stack.spawn("issuer", stack.build / "issuer/attester-issuer", "--allow-root", "--config", stack.path("issuer.conf"), "--port-file", stack.path("issuer.port"))
        stack.issuer_port = stack.wait_for_port("issuer")

    def start_daemon(self):
        stack = self.stack
        stack.spawn("attesterd", stack.build / "attesterd/attesterd", "--allow-root", "--config-dir", stack.path("etc"), "--state-dir", stack.path("state"),
                    "--net-program", stack.build / "attesterd/net/attester-net", "--log-level", "info")
        stack.wait("attesterd", stack.name_is_owned, "org.attesterd on the bus")

    def start(self, state):
        stack = self.stack
        self.start_issuer()
        for name in ("gate.conf", "etc/attesterd.conf", f"etc/issuers.d/{ISSUER_NAME}.conf"):
            self.configuration(state, name, f"localhost:{stack.issuer_port}")
        stack.spawn("gate", stack.build / "issuer/gate/attester-gate", "--allow-root", "--config", stack.path("gate.conf"), "--port-file", stack.path("gate.port"))
        stack.gate_port = stack.wait_for_port("gate")
        stack.wait("gate", lambda: '"keys","outcome":"ok"' in stack.log("gate"), "the issuer's keys at the gate")
        stack.origin = ORIGIN
        self.start_daemon()

    def devices(self):
        """Identifier: its line of `devices list`."""
        listed = self.stack.run(self.stack.build / "issuer/attester-issuer", "--allow-root", "devices", "list", "--config", self.stack.path("issuer.conf")).stdout
        return {device: line for line in listed.splitlines() for device in re.findall(r"\b[0-9a-f]{32}\b", line)[:1]}

    def test_key_enrolment_configuration_devices_and_spent_tokens_survive(self):
        self.assertTrue(states())
        for state in states():
            with self.subTest(state=state.name):
                self.begin(state)
                kept = {path.name: path.read_bytes() for path in [self.stack.path("state/ak.key"), *self.stack.path("issuer").glob("token-key*")]}
                self.start(state)
                enrolled = self.stack.attestctl("issuers").stdout
                self.assertNotIn("not-enrolled", enrolled)
                self.assertIn("enrolled", enrolled)
                self.assertEqual(ask(self.stack, self.expected["spent"])[0], 401)
                token = self.stack.attestctl("token", "--challenge", ask(self.stack)[1], "--origin", ORIGIN).stdout.strip()
                self.assertEqual(ask(self.stack, token)[0], 204)
                self.assertEqual(ask(self.stack, token)[0], 401)
                devices = self.devices()
                self.assertEqual(set(devices), {self.expected["device"], self.expected["revoked"]})
                self.assertIn("revoked", devices[self.expected["revoked"]])
                self.assertNotIn("revoked", devices[self.expected["device"]])
                self.assertEqual(kept["ak.key"], self.stack.path("state/ak.key").read_bytes(), "the key was made anew")
                for name in kept.keys() - {"ak.key"}:
                    self.assertEqual(kept[name], self.stack.path("issuer", name).read_bytes())
                self.assertEqual(self.stack.attestctl_json("enroll", ISSUER_NAME)["device"], self.expected["device"])
                for name in ("attesterd", "gate", "issuer"):
                    self.assertEqual(self.stack.end(name), 0)
                with sqlite3.connect(self.stack.path("issuer/registry.db")) as database:
                    self.assertEqual(database.execute("PRAGMA user_version").fetchone(), (NEWEST,))
                    counted = dict(database.execute("SELECT id, sum(count) FROM devices LEFT JOIN tokens ON device = row GROUP BY id"))
                    self.assertEqual(counted, {self.expected["device"]: self.expected["tokens"] + 1, self.expected["revoked"]: 1})
                self.stack.stop()

    def test_newer_formats_are_refused_by_name(self):
        """What a version after this one would leave; this version is the older one that is installed again."""
        state = states()[-1]
        self.begin(state)
        registry = self.stack.path("issuer/registry.db")
        with sqlite3.connect(registry) as database:
            database.execute(f"PRAGMA user_version={NEWEST + 1}")
        database.close()
        before = registry.read_bytes()
        with self.assertRaises(StackError):
            self.start_issuer()
        self.assertIn("newer attester-issuer", self.stack.log("issuer"))
        self.assertEqual(registry.read_bytes(), before, "what it does not know is left alone")
        shutil.copy(state / "issuer/registry.db", registry)
        self.start(state)
        self.stack.end("attesterd")
        key = self.stack.path("state/ak.key")
        newer = bytearray(key.read_bytes()[:-32])
        newer[8:10] = (2).to_bytes(2, "big")
        key.write_bytes(newer + hashlib.sha256(newer).digest())
        self.start_daemon()
        self.assert_token_refused(UNSUPPORTED, "version 2")
        self.stack.end("attesterd")
        shutil.copy(state / "state/ak.key", key)
        with self.stack.path("state/issuers", ISSUER_NAME).open("a") as record:
            record.write("Successor=unknown\n")
        self.start_daemon()
        self.assert_token_refused(NOT_ENROLLED, "attestctl enroll")
        self.assertIn("was written by a newer attesterd", self.stack.log("attesterd"))

    def assert_token_refused(self, status, words):
        result = self.stack.attestctl("token", "--challenge", ask(self.stack)[1], "--origin", ORIGIN, check=False)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        self.assertIn(words, result.stderr)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
