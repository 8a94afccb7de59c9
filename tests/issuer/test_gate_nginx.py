#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attester-gate behind a real nginx with TLS, as docs/gate.md sets it up, and its readings of an issuer's directory.

usage: test_gate_nginx.py ATTESTER_GATE TOKEN_TOOL DOCS_GATE_MD
"""

import base64
import concurrent.futures
import http.client
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from stack import listens, wait_for  # noqa: E402

GATE, TOOL, DOCS = sys.argv[1:4]
WAIT = 30
HOST, OTHER = "shop.example", "blog.example"


def certificate(directory, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:shop.example,DNS:blog.example,IP:127.0.0.1",
                    "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem"],
                   check=True, capture_output=True, timeout=WAIT)


class Gate:
    """A running attester-gate."""

    def __init__(self, directory, issuer_lines, cleanup):
        self.directory, self.process = directory, None
        cleanup(self.stop)
        self.config, self.ports = directory / "gate.conf", directory / "ports"
        self.config.write_text("[Gate]\nListen=127.0.0.1:0\nMetricsListen=127.0.0.1:0\n"
                               f"OriginName={HOST} {OTHER}\nIssuer=issuer.example\n{issuer_lines}\n")
        self.start()

    def start(self):
        self.ports.unlink(missing_ok=True)
        self.log = open(self.directory / "gate.log", "ab")
        self.process = subprocess.Popen([GATE, "--allow-root", "--config", self.config, "--port-file", self.ports], stderr=self.log)
        text = wait_for(lambda: self.ports.exists() and self.ports.read_text(), "the gate's ports")
        self.port, self.metrics_port = map(int, text.split())

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return None
        self.process.send_signal(how)
        status = self.process.wait(WAIT)
        self.process = None
        self.log.close()
        return status

    def events(self):
        return [json.loads(line) for line in (self.directory / "gate.log").read_text().splitlines()]

    def get(self, path, port=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=WAIT)
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body

    def auth(self, authorization=None, host=HOST, **headers):
        headers = {"Host": host, **headers}
        if authorization:
            headers["Authorization"] = authorization
        return self.get("/auth", headers=headers)[0]

    def metric(self, name):
        text = self.get("/metrics", self.metrics_port)[1].decode()
        return int(re.search(rf"^{re.escape(name)} (\d+)$", text, re.M).group(1))


def token_for(private, response):
    return subprocess.run([TOOL, "token", private, response.getheader("WWW-Authenticate")], check=True, capture_output=True,
                          text=True, timeout=WAIT).stdout.strip()


class UnixTls(http.client.HTTPConnection):
    """HTTP over TLS over a Unix socket, to a server that is called `host`."""

    def __init__(self, path, host, ca):
        super().__init__(host, timeout=WAIT)
        self.path, self.context = str(path), ssl.create_default_context(cafile=ca)

    def connect(self):
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(WAIT)
        plain.connect(self.path)
        self.sock = self.context.wrap_socket(plain, server_hostname=self.host)


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="attester-gate-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.private, cls.public = cls.directory / "issuer.pem", cls.directory / "issuer.spki"
        subprocess.run([TOOL, "keygen", cls.private, cls.public], check=True, timeout=WAIT)
        certificate(cls.directory, "server")


class BehindNginx(Base):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gate = Gate(cls.directory, f"TokenKeyFile={cls.public}", cls.addClassCleanup)
        cls.nginx_start()

    @classmethod
    def nginx_start(cls):
        top = cls.directory
        (top / "www").mkdir()
        (top / "www" / "index.html").write_text("welcome")
        snippet = re.search(r"```nginx\n(.*?)```", pathlib.Path(DOCS).read_text(), re.S).group(1)
        assert "http://127.0.0.1:8480/auth" in snippet
        snippet = snippet.replace("127.0.0.1:8480", f"127.0.0.1:{cls.gate.port}")
        temporary = "".join(f"{kind}_temp_path {top}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.getuid() == 0 else ""
        (top / "nginx.conf").write_text(f"""{user} daemon off; worker_processes 1; pid {top}/nginx.pid; error_log {top}/nginx.log;
            events {{ worker_connections 128; }}
            http {{ access_log off; {temporary}
              server {{ listen unix:{top}/nginx.sock ssl; server_name {HOST} {OTHER}; root {top}/www;
                ssl_certificate {top}/server.pem; ssl_certificate_key {top}/server.key;
                {snippet} }} }}""")
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
        nginx = subprocess.Popen([program, "-c", top / "nginx.conf", "-e", top / "nginx.log"])
        cls.addClassCleanup(nginx.wait, WAIT)
        cls.addClassCleanup(nginx.send_signal, signal.SIGTERM)
        wait_for(lambda: listens(top / "nginx.sock"), "nginx")

    def request(self, authorization=None, host=HOST, headers=None, path="/index.html"):
        connection = UnixTls(self.directory / "nginx.sock", host, self.directory / "server.pem")
        headers = dict(headers or {})
        if authorization:
            headers["Authorization"] = authorization
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.body = response.read()
        connection.close()
        return response

    def assert_refused(self, response, reason):
        self.assertEqual(response.status, 401)
        self.assertEqual(response.getheader("X-Attester-Reason"), reason)
        self.assertRegex(response.getheader("WWW-Authenticate"), r'^PrivateToken challenge="[^"]+", token-key="[^"]+", max-age="?300"?$')
        self.assertNotIn(b"welcome", response.body)

    def test_without_token_gets_challenge(self):
        first, second = self.request(), self.request()
        self.assert_refused(first, None)
        self.assertNotEqual(first.getheader("WWW-Authenticate"), second.getheader("WWW-Authenticate"))

    def test_honest_token_passes_once(self):
        token = token_for(self.private, self.request())
        accepted = self.request(token)
        self.assertEqual((accepted.status, accepted.body), (200, b"welcome"))
        self.assert_refused(self.request(token), "TokenSpent")

    def test_index_of_a_directory_costs_one_token(self):
        token = token_for(self.private, self.request(path="/"))
        accepted = self.request(token, path="/")
        self.assertEqual((accepted.status, accepted.body), (200, b"welcome"))
        self.assertEqual(self.request(token_for(self.private, self.request()), path="/missing").status, 404)

    def test_token_of_other_origin_is_refused(self):
        token = token_for(self.private, self.request(host=OTHER))
        self.assert_refused(self.request(token), "OriginMismatch")
        self.assertEqual(self.request(token, host=OTHER).status, 200)

    def test_forwarded_host_of_the_visitor_does_not_count(self):
        token = token_for(self.private, self.request(host=OTHER))
        self.assert_refused(self.request(token, headers={"X-Forwarded-Host": OTHER}), "OriginMismatch")

    def test_token_of_other_issuer_is_refused(self):
        subprocess.run([TOOL, "keygen", self.directory / "evil.pem", self.directory / "evil.spki"], check=True, timeout=WAIT)
        token = token_for(self.directory / "evil.pem", self.request())
        self.assert_refused(self.request(token), "TokenInvalid")

    def test_garbage_is_refused(self):
        for value, reason in (("PrivateToken token=\"AAIA\"", "Malformed"), ("PrivateToken", "Malformed"), ("Basic dTpw", "Unsupported"),
                              ("PrivateToken token=" + "A" * 8000, "Malformed"), ("\x7f\xff", None)):
            with self.subTest(value[:40]):
                response = self.request(value)
                self.assertIn(response.status, (400, 401))
                if reason:
                    self.assert_refused(response, reason)

    def test_one_token_from_many_connections_passes_once(self):
        for _ in range(3):
            token = token_for(self.private, self.request())
            with concurrent.futures.ThreadPoolExecutor(12) as pool:
                statuses = sorted(pool.map(lambda _: self.request(token).status, range(12)))
            self.assertEqual(statuses, [200] + [401] * 11)

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

    def test_usage_and_configuration_errors_have_their_status(self):
        broken = self.directory / "broken.conf"
        broken.write_text("[Gate]\nListne=x\n")
        for arguments, status, text in ((["--config", broken], 11, "broken.conf:2:8"), (["--nonsense"], 2, "usage"),
                                        (["--config", "/nonexistent/gate.conf"], 8, "gate.conf"), (["--help"], 0, ""),
                                        (["--config", self.gate.config, "--check"], 0, ""),
                                        (["--allow-root", "--config", self.no_key_file()], 8, "TokenKeyFile="),
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
        keys = [{"token-type": 2, "token-key": base64.urlsafe_b64encode(path.read_bytes()).decode(), "not-before": not_before}
                for path in paths]
        return json.dumps({"issuer-request-uri": "/token-request", "token-keys": keys}).encode()

    def gate(self, ca="server.pem"):
        return Gate(pathlib.Path(tempfile.mkdtemp(dir=self.directory)),
                    f"DirectoryUrl=https://127.0.0.1:{self.server.server_port}/d\nCaFile={self.directory / ca}", self.addCleanup)

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
