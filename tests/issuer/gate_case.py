# SPDX-License-Identifier: BSD-2-Clause
"""attester-gate for tests: running, and what every web server that asks it must do with its answers.

Scripts that import this are called with ATTESTER_GATE TOKEN_TOOL DOCUMENT.
"""

import concurrent.futures
import http.client
import json
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from stack import wait_for  # noqa: E402

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

    def start(self, port=0):
        self.ports.unlink(missing_ok=True)
        self.log = open(self.directory / "gate.log", "ab")
        self.process = subprocess.Popen([GATE, "--allow-root", "--config", self.config, "--listen", f"127.0.0.1:{port}", "--port-file", self.ports], stderr=self.log)
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

    @classmethod
    def write_pages(cls):
        (cls.directory / "www").mkdir()
        (cls.directory / "www" / "index.html").write_text("welcome")


class Guarded:
    """A website behind a web server on the Unix socket `site.sock`, whose certificate is server.pem."""

    def request(self, authorization=None, host=HOST, headers=None, path="/index.html"):
        connection = UnixTls(self.directory / "site.sock", host, self.directory / "server.pem")
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

    def test_two_answers_at_once_are_refused(self):
        token = token_for(self.private, self.request())
        connection = UnixTls(self.directory / "site.sock", HOST, self.directory / "server.pem")
        connection.putrequest("GET", "/index.html")
        for value in ("PrivateToken token=AAIA", token):
            connection.putheader("Authorization", value)
        connection.endheaders()
        response = connection.getresponse()
        self.assertIn(response.status, (400, 401))
        self.assertNotIn(b"welcome", response.read())
        connection.close()

    def test_one_token_from_many_connections_passes_once(self):
        for _ in range(3):
            token = token_for(self.private, self.request())
            with concurrent.futures.ThreadPoolExecutor(12) as pool:
                statuses = sorted(pool.map(lambda _: self.request(token).status, range(12)))
            self.assertEqual(statuses, [200] + [401] * 11)
