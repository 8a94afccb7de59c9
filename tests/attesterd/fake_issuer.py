# SPDX-License-Identifier: BSD-2-Clause
"""An HTTPS issuer on 127.0.0.1 whose answer to a token request is chosen by path: /NAME/directory leads to /NAME/request.

What attester-issuer never does on purpose (stale nonces for ever, nonsense, silence) is what a test needs this for.
"""

import collections
import http.server
import json
import ssl
import threading
import time

import fake_batches

SLOW_SECONDS = 20
RESPONSE = "application/private-token-response"
PROBLEM = "application/problem+json"
PROFILE = "tag:attesterd.org,2026:evidence-1"


def problem(name, detail="", **members):
    return json.dumps({"type": f"urn:attesterd:error:{name}", "detail": detail, **members}).encode()


# NAME: status, content type, body, further headers. Names with "attest" ask for evidence.
ANSWERS = {
    "plain": (200, RESPONSE, b"token", {}),
    "attest": (200, RESPONSE, b"token", {}),
    "attest-not-enrolled": (403, PROBLEM, problem("NotEnrolled"), {}),
    "attest-denied": (403, PROBLEM, problem("PolicyDenied", rules=[
        {"rule": "boot", "reason": "Secure Boot is off", "remedy": "Turn it on."}]), {}),
    "attest-stale": (401, PROBLEM, problem("EvidenceStale"), {}),
    "broken": (500, PROBLEM, problem("Internal"), {}),
    "busy": (429, PROBLEM, problem("Busy"), {"Retry-After": "17"}),
    "refusing": (400, PROBLEM, problem("Malformed", "no such thing"), {}),
    "impersonating": (400, PROBLEM, problem("NotEnrolled"), {}),
    "text": (200, "text/plain", b"token", {}),
    "empty": (200, RESPONSE, b"", {}),
    "large": (200, RESPONSE, b"x" * 100000, {}),
    "not-json": (403, PROBLEM, b"{", {}),
    "control": (400, PROBLEM, b'{"detail": "a\\u0007b"}', {}),
    "redirect": (302, "text/plain", b"", {"Location": "/plain/request"}),
    "unknown-key": (422, PROBLEM, problem("TokenInvalid"), {}),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def answer(self, status, content_type, body, headers=()):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Attestation-Nonce", self.server.owner.nonce())
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        name, what = self.path.strip("/").split("/")
        self.server.owner.count(name, what)
        if what == "nonce":
            self.answer(204, "text/plain", b"")
        elif name == "no-json":
            self.answer(200, "application/private-token-issuer-directory", b"<html>")
        elif name == "no-type":
            self.answer(200, "text/html", self.directory("plain"))
        elif name == "gone":
            self.answer(404, "text/plain", b"")
        else:
            if name == "late":
                time.sleep(1)
            self.answer(200, "application/private-token-issuer-directory", self.directory(name), {"Cache-Control": "max-age=3600"})

    def directory(self, name):
        key = self.server.owner.keys.get(name, "AAAA")
        directory = {"issuer-request-uri": self.server.owner.request_uris.get(name, f"/{name}/request"),
                     "token-keys": [{"token-type": 2, "token-key": key}]}
        if name.startswith("attest"):
            directory["attestation"] = {"profile": PROFILE, "nonce-uri": f"/{name}/nonce", "enroll-uri": f"/{name}/enroll"}
        return json.dumps(directory).encode()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name, what = self.path.strip("/").split("/")
        owner = self.server.owner
        seen = owner.count(name, what)
        owner.requests[name].append((dict(self.headers), body))
        try:
            if name == "slow" or (name == "single-415-slow" and seen > 1):
                owner.stopping.wait(SLOW_SECONDS)
            if name.endswith("-stale-once") and seen == 1:
                self.answer(401, PROBLEM, problem("EvidenceStale"))
            elif name == "partly" and body.startswith(b"bad"):
                self.answer(400, PROBLEM, problem("Malformed"))
            else:
                self.answer(*(fake_batches.answer(name, self.headers["Content-Type"], body) or ANSWERS.get(name, ANSWERS["plain"])))
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def finish_request(self, request, client_address):
        # The handshake belongs to the connection's own thread.
        request.settimeout(SLOW_SECONDS)
        try:
            with self.owner.context.wrap_socket(request, server_side=True) as connection:
                super().finish_request(connection, client_address)
        except (OSError, ssl.SSLError):
            pass

    def handle_error(self, request, client_address):
        pass


class FakeIssuer:
    def __init__(self, certificate, key):
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.counts = collections.Counter()
        self.requests = collections.defaultdict(list)
        self.nonces = 0
        self.keys, self.request_uris = {}, {}  # of those whose directory has others than the rest
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.owner = self
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def url(self, name):
        """The slow one has a host of its own, since connections to one host are few."""
        host = "127.0.0.1" if name == "slow" else "localhost"
        return f"https://{host}:{self.server.server_port}/{name}/directory"

    def count(self, name, what):
        with self.lock:
            self.counts[name, what] += 1
            return self.counts[name, what]

    def nonce(self):
        """Another one in every answer: ":<base64 of 12 bytes>:"."""
        with self.lock:
            self.nonces += 1
            return f":AAAAAAAA{self.nonces:08}:"

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
