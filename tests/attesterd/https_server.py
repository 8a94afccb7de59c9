#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An HTTPS issuer that behaves as the path says. usage: https_server.py DIRECTORY

Makes a CA and certificates in DIRECTORY with openssl(1), listens on ephemeral ports of 127.0.0.1, and prints one line
"good=PORT wrong_name=PORT expired=PORT old_tls=PORT plain=PORT" when it is ready. Ends when its stdin closes.
"""

import http.server
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time

SLOW_SECONDS = 30


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_ca(directory, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", f"/CN={name}", "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def make_certificate(directory, name, alternative, days="30"):
    request, extensions = directory / f"{name}.csr", directory / f"{name}.ext"
    extensions.write_text(f"subjectAltName={alternative}\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", directory / f"{name}.key", "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", directory / "ca.pem", "-CAkey", directory / "ca.key", "-CAcreateserial",
            "-days", days, "-extfile", extensions, "-out", directory / f"{name}.pem")


class Issuer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def raw(self, data):
        self.wfile.write(data)
        self.wfile.flush()
        self.close_connection = True

    def do_GET(self):
        self.handle_path(b"")

    def do_POST(self):
        self.handle_path(self.rfile.read(int(self.headers["Content-Length"])))

    def handle_path(self, body):
        try:
            getattr(self, "path_" + self.path.strip("/"), self.path_missing)(body)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    def path_missing(self, body):
        self.answer(404)

    def path_ok(self, body):
        self.answer(200, b"hello", Content_Type="text/plain", Cache_Control="public, max-age=300",
                    Attestation_Nonce=":bm9uY2U=:", Retry_After="7")

    def path_bare(self, body):
        self.answer(204)

    def path_echo(self, body):
        names = ("Content-Type", "Accept", "Attestation-Evidence", "User-Agent", "Cookie")
        lines = "".join(f"{name}={self.headers.get(name, '-')}\n" for name in names)
        self.answer(200, f"{self.command}\n{lines}".encode() + body, Content_Type="application/octet-stream")

    def path_nonce(self, body):
        self.answer(401, b"{}", Content_Type="application/problem+json", Attestation_Nonce=":ZnJlc2g=:",
                    Cache_Control="no-store")

    def path_slow(self, body):
        time.sleep(SLOW_SECONDS)

    def path_short(self, body):
        time.sleep(0.05)
        self.answer(200, b"short")

    def path_drip(self, body):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(SLOW_SECONDS * 10):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def path_endless(self, body):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            self.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")

    def path_wronglength(self, body):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.")

    def path_negative(self, body):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello")

    def path_garbage(self, body):
        self.raw(b"\x00\x01\x02 this is not HTTP at all \xff\xfe\r\n\r\n")

    def path_nothing(self, body):
        self.raw(b"")

    def path_middle(self, body):
        self.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\nhalf")

    def path_redirect(self, body):
        self.answer(302, Location=f"https://127.0.0.1:{self.server.server_port}/ok")

    def path_bigheaders(self, body):
        self.answer(200, b"hello", **{f"X_{i}": "y" * 1000 for i in range(40)})

    def path_hugeheader(self, body):
        self.answer(200, b"hello", X_Huge="y" * 200000)

    def path_oddheaders(self, body):
        self.answer(200, b"hello", Content_Type="text/\x01plain", Attestation_Nonce="n" * 600, Retry_After="Fri, 31 Dec 1999",
                    Cache_Control="max-age=x")

    def path_status(self, body):
        self.raw(b"HTTP/1.1 777 Odd\r\nContent-Length: 0\r\n\r\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    context = None

    def finish_request(self, request, client_address):
        # The handshake belongs to the connection's own thread.
        request.settimeout(SLOW_SECONDS)
        try:
            super().finish_request(self.context.wrap_socket(request, server_side=True), client_address)
        except (OSError, ssl.SSLError):
            pass

    def handle_error(self, request, client_address):
        pass


def serve(directory, certificate, old=False):
    server = Server(("127.0.0.1", 0), Issuer)
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(directory / f"{certificate}.pem", directory / f"{certificate}.key")
    if old:
        server.context.set_ciphers("ALL:@SECLEVEL=0")
        server.context.minimum_version = ssl.TLSVersion.TLSv1
        server.context.maximum_version = ssl.TLSVersion.TLSv1_1
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def serve_plain():
    listener = socket.create_server(("127.0.0.1", 0))

    def loop():
        while True:
            connection, _ = listener.accept()
            connection.sendall(b"220 this speaks no TLS\r\n")
            connection.close()

    threading.Thread(target=loop, daemon=True).start()
    return listener.getsockname()[1]


def main():
    directory = pathlib.Path(sys.argv[1])
    make_ca(directory, "ca")
    make_ca(directory, "other-ca")
    make_certificate(directory, "good", "IP:127.0.0.1,DNS:localhost")
    make_certificate(directory, "wrong", "DNS:issuer.example")
    make_certificate(directory, "expired", "IP:127.0.0.1", days="-1")
    print(f"good={serve(directory, 'good')} wrong_name={serve(directory, 'wrong')} expired={serve(directory, 'expired')}"
          f" old_tls={serve(directory, 'good', old=True)} plain={serve_plain()}", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
