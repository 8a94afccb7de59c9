#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attester-issuer's state directory, configuration, restarts and reloads. Usage: test_state.py PROGRAM [unittest arguments]."""

import shutil
import signal
import sqlite3
import ssl
import stat
import subprocess
import time
import unittest

import cbor2

from device import Device
from issuer_case import PROGRAM
from running_issuer import RunningIssuer, server_certificate


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

    def test_second_issuer_in_one_state_directory_does_not_start_and_the_first_serves_on(self):
        device = Device()
        self.assertEqual(self.issuer.enroll(device).status, 200)
        self.assert_does_not_start(self.state, "another attester-issuer")
        key = self.issuer.token_key()
        request, _ = key.blind()
        self.assertEqual(self.issuer.token_request(request, device.evidence(request, self.issuer.nonce())).status, 200)
        subprocess.run(self.issuer.command("devices", "list"), check=True, timeout=20, capture_output=True)  # is no second issuer

    def test_restored_backup_forgets_a_revocation_but_no_evidence(self):
        """As docs/ISSUER.md says of an older copy, and how a revocation outlives it."""
        device, key = Device(), self.issuer.token_key()
        identifier = cbor2.loads(self.issuer.enroll(device).body)[2]
        copy = sqlite3.connect(self.issuer.directory / "copy.db")
        with sqlite3.connect(self.state / "registry.db") as registry:
            registry.backup(copy)
        for connection in (copy, registry):
            connection.close()
        request, _ = key.blind()
        evidence = device.evidence(request, self.issuer.nonce())
        self.assertEqual(self.issuer.token_request(request, evidence).status, 200)
        subprocess.run(self.issuer.command("devices", "revoke", identifier), check=True, timeout=20)
        self.assertEqual(self.issuer.token_request(request, device.evidence(request, self.issuer.nonce())).reason, "NotAuthorized")

        self.issuer.stop()
        for path in self.state.glob("registry.db*"):
            path.unlink()
        shutil.copy(self.issuer.directory / "copy.db", self.state / "registry.db")
        (self.state / "registry.db").chmod(0o600)
        revoked = self.issuer.directory / "revoked"
        revoked.write_text("# nobody\n")
        self.issuer.config.write_text(self.issuer.config.read_text().replace("[Verifier]", f"[Verifier]\nEkRevocationList={revoked}"))
        self.issuer.start()
        replayed = self.issuer.token_request(request, evidence)
        self.assertEqual((replayed.status, replayed.reason), (401, "EvidenceStale"))
        self.assertEqual(self.issuer.token_request(request, device.evidence(request, replayed.nonce)).status, 200)
        revoked.write_text(device.ek_name.hex() + "\n")
        self.issuer.reload()
        self.assertEqual(self.issuer.token_request(request, device.evidence(request, self.issuer.nonce())).reason, "NotAuthorized")

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
        self.assertEqual(self.issuer.metrics()["attester_issuer_last_reload_successful"], "1")
        self.assertNotEqual(before, after)
        self.assertEqual(self.issuer.request("GET", "/healthz").status, 200)
        certificate.write_text("nonsense")
        self.issuer.process.send_signal(signal.SIGHUP)
        self.issuer.wait_for_event(lambda event: event["event"] == "reload" and event["outcome"] == "failed")
        self.assertEqual(ssl.get_server_certificate(("127.0.0.1", self.issuer.port)), after)
        self.assertEqual(self.issuer.metrics()["attester_issuer_last_reload_successful"], "0")

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
    unittest.main(verbosity=2)
