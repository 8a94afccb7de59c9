# SPDX-License-Identifier: BSD-2-Clause
"""Between attester-net and an issuer: passes everything on but token requests, which it keeps and answers with 503. So the test has
evidence that the daemon made and that no verifier has seen."""

import http.client
import http.server
import ssl
import threading

TIMEOUT_S = 20
GATHERED_MIN = 2
PASSED_ON = ("Content-Type", "Accept")
PASSED_BACK = ("Content-Type", "Cache-Control", "Attestation-Nonce", "Attestation-Event-Log")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.exchange(b"")

    def do_POST(self):
        self.exchange(self.rfile.read(int(self.headers["Content-Length"])))

    def exchange(self, body):
        if self.path == "/token-request":
            with self.server.gathering:
                self.server.held.append((self.headers["Attestation-Evidence"], body))
                self.server.gathering.notify_all()
                # One refusal ends the whole call: not before those that share its quote are here, too.
                self.server.gathering.wait_for(lambda: len(self.server.held) >= GATHERED_MIN, TIMEOUT_S)
            self.answer(503, [("Retry-After", "1")], b"")
            return
        onward = http.client.HTTPSConnection("localhost", self.server.target_port, timeout=TIMEOUT_S, context=self.server.onward)
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        onward.request(self.command, self.path, body=body or None, headers=headers)
        response = onward.getresponse()
        content = response.read()
        onward.close()
        if self.path == "/enroll" and body:
            self.server.enrollments.append(body)
        if response.headers["Attestation-Nonce"]:
            self.server.nonces.append(response.headers["Attestation-Nonce"])
        self.answer(response.status, [(n, response.headers[n]) for n in PASSED_BACK if n in response.headers], content)

    def log_message(self, *_):
        pass


class HoldingProxy:
    def __init__(self, certificate, key, ca, target_port):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.target_port, self.server.onward = target_port, ssl.create_default_context(cafile=ca)
        self.held = self.server.held = []  # (evidence header, token request)
        self.server.gathering = threading.Condition()
        self.enrollments = self.server.enrollments = []  # bodies
        self.nonces = self.server.nonces = []  # headers
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(TIMEOUT_S)
