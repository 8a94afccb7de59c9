#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attester-gate behind a real nginx with TLS, as docs/gate.md sets it up, and its readings of an issuer's directory.

usage: test_gate_nginx.py ATTESTER_GATE TOKEN_TOOL DOCS_GATE_MD
"""

import base64
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from gate_case import DOCS, GATE, HOST, OTHER, TOOL, WAIT, Base, Gate, Guarded, certificate, token_for
from stack import listens, wait_for


class BehindNginx(Guarded, Base):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gate = Gate(cls.directory, f"TokenKeyFile={cls.public}", cls.addClassCleanup)
        cls.nginx_start()

    @classmethod
    def nginx_start(cls):
        top = cls.directory
        cls.write_pages()
        snippet = re.search(r"```nginx\n(.*?)```", pathlib.Path(DOCS).read_text(), re.S).group(1)
        assert "http://127.0.0.1:8480/auth" in snippet
        snippet = snippet.replace("127.0.0.1:8480", f"127.0.0.1:{cls.gate.port}")
        temporary = "".join(f"{kind}_temp_path {top}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.getuid() == 0 else ""
        (top / "nginx.conf").write_text(f"""{user} daemon off; worker_processes 1; pid {top}/nginx.pid; error_log {top}/nginx.log;
            events {{ worker_connections 128; }}
            http {{ access_log off; {temporary}
              server {{ listen unix:{top}/site.sock ssl; server_name {HOST} {OTHER}; root {top}/www;
                ssl_certificate {top}/server.pem; ssl_certificate_key {top}/server.key;
                {snippet} }} }}""")
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
        nginx = subprocess.Popen([program, "-c", top / "nginx.conf", "-e", top / "nginx.log"])
        cls.addClassCleanup(nginx.wait, WAIT)
        cls.addClassCleanup(nginx.send_signal, signal.SIGTERM)
        wait_for(lambda: listens(top / "site.sock"), "nginx")

    def test_after_restart_nothing_from_before_passes(self):
        gate = Gate(pathlib.Path(tempfile.mkdtemp(dir=self.directory)), f"TokenKeyFile={self.public}", self.addCleanup)
        spent, unspent = (token_for(self.private, gate.auth()) for _ in range(2))
        self.assertEqual(gate.auth(spent).status, 204)
        self.assertEqual(gate.auth(spent).getheader("X-Attester-Reason"), "TokenSpent")
        self.assertEqual(gate.stop(signal.SIGKILL), -signal.SIGKILL)
        gate.start()
        for token in (spent, unspent):
            response = gate.auth(token)
            self.assertEqual((response.status, response.getheader("X-Attester-Reason")), (401, "ChallengeUnknown"))
        self.assertEqual(gate.auth(token_for(self.private, gate.auth())).status, 204)
        self.assertEqual(gate.stop(), 0)

    def test_log_and_metrics_count_and_hold_no_token(self):
        before = self.gate.metric('attester_gate_requests_total{outcome="Accepted"}')
        challenged = self.request()
        token = token_for(self.private, challenged)
        self.assertEqual(self.request(token).status, 200)
        self.assertEqual(self.gate.metric('attester_gate_requests_total{outcome="Accepted"}'), before + 1)
        self.assertGreater(self.gate.metric("attester_gate_challenges"), 0)
        self.assertIn({"event": "auth", "outcome": "Accepted", "origin": HOST},
                      [{key: event.get(key) for key in ("event", "outcome", "origin")} for event in self.gate.events()])
        log = (self.directory / "gate.log").read_text()
        challenge = re.search(r'challenge="([^"]+)"', challenged.getheader("WWW-Authenticate")).group(1)
        for secret in (token, token[20:80], challenge, challenge[:40]):
            self.assertNotIn(secret, log)

    def test_gate_itself_checks_host_and_field_count(self):
        self.assertEqual(self.gate.auth(host="evil.example").status, 403)
        self.assertEqual(self.gate.auth(host="evil.example", **{"X-Forwarded-Host": HOST}).status, 401)
        self.assertEqual(self.gate.get("/other")[0].status, 404)
        with socket.create_connection(("127.0.0.1", self.gate.port), WAIT) as plain:
            plain.sendall(b"GET /auth HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n"
                          b"Authorization: PrivateToken token=AA\r\nAuthorization: PrivateToken token=AA\r\n\r\n")
            self.assertIn(b"X-Attester-Reason: Malformed", b"".join(iter(lambda: plain.recv(65536), b"")))

    def no_key_file(self):
        path = self.directory / "no-key.conf"
        path.write_text(self.gate.config.read_text().replace(str(self.public), "/nonexistent/key"))
        return path

    def open_key_file(self):
        keys = self.directory / "open.pem", self.directory / "open.spki"
        subprocess.run([TOOL, "keygen-voprf", *keys], check=True, timeout=WAIT)
        keys[0].chmod(0o644)
        path = self.directory / "open-key.conf"
        path.write_text(self.gate.config.read_text() + f"TokenPrivateKeyFile={keys[0]}\n")
        return path

    def test_usage_and_configuration_errors_have_their_status(self):
        broken = self.directory / "broken.conf"
        broken.write_text("[Gate]\nListne=x\n")
        for arguments, status, text in ((["--config", broken], 11, "broken.conf:2:1"), (["--nonsense"], 2, "usage"),
                                        (["--config", "/nonexistent/gate.conf"], 8, "gate.conf"), (["--help"], 0, ""),
                                        (["--config", self.gate.config, "--check"], 0, ""),
                                        (["--allow-root", "--config", self.no_key_file()], 8, "TokenKeyFile="),
                                        (["--allow-root", "--config", self.open_key_file()], 11, "open.pem"),
                                        (["--allow-root", "--config", self.gate.config, "--listen", "0.0.0.0:0"], None, "Listen=")):
            done = subprocess.run([GATE, *arguments], capture_output=True, text=True, timeout=WAIT)
            self.assertIn(text, done.stderr)
            if status is None:
                self.assertNotEqual(done.returncode, 0)
            else:
                self.assertEqual(done.returncode, status)


class Directory(Base):
    """The issuer's directory over HTTPS."""

    def setUp(self):
        self.body, self.media_type, self.status = self.directory_body(self.public), "application/private-token-issuer-directory", 200
        test = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(test.status)
                self.send_header("Content-Type", test.media_type)
                self.send_header("Content-Length", str(len(test.body)))
                self.end_headers()
                self.wfile.write(test.body)

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "server.pem", self.directory / "server.key")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    @staticmethod
    def directory_body(*paths, not_before=0):
        """A key of 49 bytes is of type 0x0001."""
        keys = [{"token-type": 1 if path.stat().st_size == 49 else 2, "not-before": not_before,
                 "token-key": base64.urlsafe_b64encode(path.read_bytes()).decode()} for path in paths]
        return json.dumps({"issuer-request-uri": "/token-request", "token-keys": keys}).encode()

    def gate(self, ca="server.pem", private=()):
        lines = [f"DirectoryUrl=https://127.0.0.1:{self.server.server_port}/d", f"CaFile={self.directory / ca}"]
        lines += [f"TokenPrivateKeyFile={path}" for path in private]
        return Gate(pathlib.Path(tempfile.mkdtemp(dir=self.directory)), "\n".join(lines), self.addCleanup)

    def voprf_key(self, name):
        private, public = self.directory / f"{name}.pem", self.directory / f"{name}.point"
        subprocess.run([TOOL, "keygen-voprf", private, public], check=True, timeout=WAIT)
        return private, public

    def refresh(self, gate):
        """Has the gate read the directory again; returns the outcome."""
        count = len([event for event in gate.events() if event["event"] == "keys"])
        gate.process.send_signal(signal.SIGHUP)
        return wait_for(lambda: [event for event in gate.events() if event["event"] == "keys"][count:], "a reading of keys")[0]

    def test_directory_is_read_and_bad_ones_keep_the_last_good(self):
        gate = self.gate()
        wait_for(lambda: gate.get("/healthz", gate.metrics_port)[0].status == 200, "keys")
        self.assertEqual(gate.auth(token_for(self.private, gate.auth())).status, 204)
        good = self.body
        for body, media_type, status in ((b"{", self.media_type, 200), (good, "text/html", 200), (good, self.media_type, 500),
                                         (b" " * 70000, self.media_type, 200)):
            self.body, self.status = body, status
            self.media_type, kept = media_type, self.media_type
            self.assertEqual(self.refresh(gate)["outcome"], "failed")
            self.assertEqual(gate.auth().status, 401)
            self.body, self.media_type, self.status = good, kept, 200
        self.assertEqual(gate.metric("attester_gate_key_refreshes_failed_total"), 4)
        self.assertEqual(self.refresh(gate)["outcome"], "ok")

    def test_directory_that_comes_later_is_asked_for_soon_and_again(self):
        self.status = 503
        gate = self.gate()
        wait_for(lambda: len([event for event in gate.events() if event["event"] == "keys"]) >= 3, "readings of keys", seconds=WAIT)
        self.assertEqual(gate.auth().status, 503)
        self.status = 200
        wait_for(lambda: gate.get("/healthz", gate.metrics_port)[0].status == 200, "keys", seconds=WAIT)
        self.assertEqual(gate.auth(token_for(self.private, gate.auth())).status, 204)

    def test_rotated_key_is_used_and_the_old_one_ends_with_its_challenges(self):
        gate = self.gate()
        wait_for(lambda: gate.get("/healthz", gate.metrics_port)[0].status == 200, "keys")
        private, public = self.directory / "next.pem", self.directory / "next.spki"
        subprocess.run([TOOL, "keygen", private, public], check=True, timeout=WAIT)
        old_token = token_for(self.private, gate.auth())
        self.body = self.directory_body(public, self.public)
        self.assertEqual(self.refresh(gate)["outcome"], "ok")
        self.assertEqual(gate.auth(token_for(private, gate.auth())).status, 204)
        self.assertEqual(gate.auth(token_for(self.private, gate.auth())).getheader("X-Attester-Reason"), "TokenInvalid")
        self.assertEqual(gate.auth(old_token).status, 204)

    def test_both_types_are_asked_for_and_each_token_passes_once(self):
        private, public = self.voprf_key("voprf")
        self.body = self.directory_body(self.public, public)
        gate = self.gate(private=[private])
        wait_for(lambda: gate.get("/healthz", gate.metrics_port)[0].status == 200, "keys")
        self.assertEqual([event["detail"] for event in gate.events() if event["event"] == "keys"], ["1 of type 0x0001, 1 of type 0x0002"])
        challenged = gate.auth()
        self.assertEqual(challenged.getheader("WWW-Authenticate").count("PrivateToken challenge="), 2)
        for key in (private, self.private):
            token = token_for(key, challenged)
            self.assertEqual(gate.auth(token).status, 204)
            self.assertEqual(gate.auth(token).getheader("X-Attester-Reason"), "TokenSpent")

    def test_rotated_private_key_is_used_and_the_old_one_ends_with_its_challenges(self):
        (private, public), (next_private, next_public) = self.voprf_key("old"), self.voprf_key("new")
        files = [self.directory / "slot-0.pem", self.directory / "slot-1.pem"]
        for file in files:
            shutil.copy(private, file)
        self.body = self.directory_body(public)
        gate = self.gate(private=files)
        wait_for(lambda: gate.get("/healthz", gate.metrics_port)[0].status == 200, "keys")
        old_token = token_for(private, gate.auth())
        shutil.copy(next_private, files[1])
        self.body = self.directory_body(next_public, public)
        self.assertEqual(self.refresh(gate)["outcome"], "ok")
        self.assertEqual(gate.auth(token_for(next_private, gate.auth())).status, 204)
        self.assertEqual(gate.auth(token_for(private, gate.auth())).getheader("X-Attester-Reason"), "TokenInvalid")
        self.assertEqual(gate.auth(old_token).status, 204)
        files[0].chmod(0o644)
        failed = self.refresh(gate)
        self.assertEqual(failed["outcome"], "failed")
        self.assertIn(str(files[0]), failed["detail"])
        self.assertEqual(gate.auth(token_for(next_private, gate.auth())).status, 204)

    def test_private_key_that_the_directory_has_not_is_not_used(self):
        private, _ = self.voprf_key("stranger")
        gate = self.gate(private=[private])
        wait_for(lambda: gate.get("/healthz", gate.metrics_port)[0].status == 200, "keys")
        self.assertEqual(gate.auth().getheader("WWW-Authenticate").count("challenge="), 1)
        self.assertEqual(gate.auth(token_for(self.private, gate.auth())).status, 204)

    def test_private_key_alone_needs_no_directory(self):
        private, _ = self.voprf_key("alone")
        gate = Gate(pathlib.Path(tempfile.mkdtemp(dir=self.directory)), f"TokenPrivateKeyFile={private}", self.addCleanup)
        token = token_for(private, gate.auth())
        self.assertEqual(gate.auth(token, OTHER).getheader("X-Attester-Reason"), "OriginMismatch")
        self.assertEqual(gate.auth(token).status, 204)
        self.assertEqual(gate.auth(token).getheader("X-Attester-Reason"), "TokenSpent")
        log = (gate.directory / "gate.log").read_text()
        self.assertNotIn(token[20:80], log)

    def test_untrusted_directory_gives_no_key(self):
        certificate(self.directory, "stranger")
        gate = self.gate("stranger.pem")
        event = wait_for(lambda: [event for event in gate.events() if event["event"] == "keys"], "a reading of keys")[0]
        self.assertEqual(event["outcome"], "failed")
        response = gate.auth()
        self.assertEqual((response.status, response.getheader("X-Attester-Reason")), (503, "IssuerUnreachable"))
        self.assertEqual(gate.get("/healthz", gate.metrics_port)[0].status, 503)

    def test_key_before_its_time_is_not_used(self):
        self.body = self.directory_body(self.public, not_before=int(time.time()) + 86400)
        gate = self.gate()
        wait_for(lambda: [event for event in gate.events() if event["event"] == "keys"], "a reading of keys")
        self.assertEqual(gate.auth().status, 503)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
