# SPDX-License-Identifier: BSD-2-Clause
"""Starts a real attester-issuer in a directory of its own, with a certificate of its own, on free ports."""

import base64
import http.client
import json
import os
import pathlib
import signal
import ssl
import subprocess
import tempfile
import time

from cryptography.hazmat.primitives import serialization

import device
import rsa_keys

STARTUP_S = 20
REQUEST_MEDIA_TYPE = "application/private-token-request"
RESPONSE_MEDIA_TYPE = "application/private-token-response"
BATCH_REQUEST_MEDIA_TYPE = "application/private-token-generic-batch-request"
BATCH_RESPONSE_MEDIA_TYPE = "application/private-token-generic-batch-response"
ENROLLMENT_MEDIA_TYPE = "application/vnd.attesterd.enrollment+cbor"
EVENT_LOG_MEDIA_TYPE = "application/vnd.attesterd.event-log"
DIRECTORY_PATH = "/.well-known/private-token-issuer-directory"


def server_certificate(directory, stem="server"):
    """A self-signed certificate for 127.0.0.1: paths of certificate and key."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, stem)])
    now = datetime.datetime.utcnow()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = directory / f"{stem}.pem", directory / f"{stem}.key"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.touch(mode=0o600)
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_path, key_path


class Response:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def nonce(self):
        text = self.headers["Attestation-Nonce"]
        assert text.startswith(":") and text.endswith(":"), text
        return base64.b64decode(text[1:-1])

    @property
    def problem(self):
        assert self.headers["Content-Type"] == "application/problem+json", self.headers
        problem = json.loads(self.body)
        assert problem["status"] == self.status
        return problem

    @property
    def reason(self):
        return self.problem["type"].removeprefix("urn:attesterd:error:")


class RunningIssuer:
    def __init__(self, program, verifier="RequireEkCertificate=no", issuer="", authority=None, policy=None, keys="", tls=True):
        self.temporary = tempfile.TemporaryDirectory(prefix="attester-issuer-test-")
        self.directory = pathlib.Path(self.temporary.name)
        self.program = program
        self.certificate, key = server_certificate(self.directory)
        (self.directory / "state").mkdir(mode=0o700)
        if not keys:
            rsa_keys.give_to_issuer(self.directory / "state")
        if authority:
            (self.directory / "ek-ca.pem").write_bytes(authority.pem())
            verifier += f"\nEkCaFile={self.directory}/ek-ca.pem"
        if policy is not None:
            (self.directory / "policy").mkdir()
            self.write_policy(policy)
            verifier += f"\nPolicy={self.directory}/policy"
        tls_lines = f"Certificate={self.certificate}\nCertificateKey={key}" if tls else "Tls=no"
        self.tls = tls
        self.config = self.directory / "issuer.conf"
        self.config.write_text(
            f"[Issuer]\nName=issuer.test\nListen=127.0.0.1:0\nMetricsListen=127.0.0.1:0\nThreads=2\n"
            f"StateDirectory={self.directory}/state\n{tls_lines}\n{issuer}\n[Verifier]\n{verifier}\n[Keys]\n{keys}\n"
        )
        self.process = None
        self.start()

    def write_policy(self, text):
        (self.directory / "policy" / "10-test.conf").write_text(text)

    def command(self, *words):
        return [self.program, "--allow-root", "--config", str(self.config), *words]

    def start(self):
        ports = self.directory / "ports"
        ports.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            self.command("--port-file", str(ports), "--log-file", str(self.directory / "events.jsonl")),
            stdout=subprocess.DEVNULL,
            stderr=open(self.directory / "stderr", "ab"),
            env={**os.environ, "PATH": os.environ.get("PATH", "/usr/bin:/bin")},
        )
        deadline = time.monotonic() + STARTUP_S
        while not ports.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the issuer does not start: " + (self.directory / "stderr").read_text())
            time.sleep(0.02)
        self.port, self.metrics_port, *admin = [int(line) for line in ports.read_text().split()]
        self.admin_port = admin[0] if admin else None

    def stop(self, how=signal.SIGTERM):
        """The exit status."""
        self.process.send_signal(how)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=20)
            raise

    def close(self):
        """Ends it in the ordinary way, so that a sanitizer's build looks for leaks, and reads what it complained of."""
        status = self.stop() if self.process.poll() is None else 0
        complaints = (self.directory / "stderr").read_text(errors="replace")
        self.temporary.cleanup()
        assert status == 0 and "Sanitizer" not in complaints and "runtime error" not in complaints, (status, complaints)

    def context(self):
        return ssl.create_default_context(cafile=str(self.certificate))

    def connect(self):
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self.context())

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=headers or {})
            return Response(connection.getresponse())
        finally:
            connection.close()

    def events(self):
        lines = (self.directory / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def reload(self, expect="ok"):
        """SIGHUP; returns the event's detail."""
        seen = len(self.events())
        self.process.send_signal(signal.SIGHUP)
        self.wait_for_event(lambda event: event["event"] == "reload" and event in self.events()[seen:])
        event = next(event for event in self.events()[seen:] if event["event"] == "reload")
        assert event["outcome"] == expect, event
        return event.get("detail", "")

    def wait_for_event(self, matches, timeout_s=15):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if any(matches(event) for event in self.events()):
                return
            time.sleep(0.02)
        raise AssertionError(f"no such event: {self.events()}")

    def metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=20)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))

    def token_keys(self, token_type):
        """The encoded keys of that type, in the directory's order."""
        keys = json.loads(self.request("GET", DIRECTORY_PATH).body)["token-keys"]
        return [base64.urlsafe_b64decode(key["token-key"] + "===") for key in keys if key["token-type"] == token_type]

    def token_key(self):
        return device.TokenKey(self.token_keys(2)[0])

    def nonce(self):
        return self.request("GET", "/nonce").nonce

    def enroll_step(self, body):
        return self.request("POST", "/enroll", body, {"Content-Type": ENROLLMENT_MEDIA_TYPE})

    def enroll(self, who):
        """The second step's response."""
        challenge = self.enroll_step(who.enrollment_request())
        if challenge.status != 200:
            return challenge
        return self.enroll_step(who.enrollment_request(who.activate(challenge.body)))

    def event_log(self, body, evidence=None, media_type=EVENT_LOG_MEDIA_TYPE):
        headers = {"Content-Type": media_type}
        if evidence is not None:
            headers["Attestation-Evidence"] = evidence
        return self.request("POST", "/event-log", body, headers)

    def token_request(self, body, evidence=None, media_type=REQUEST_MEDIA_TYPE):
        headers = {"Content-Type": media_type}
        if evidence is not None:
            headers["Attestation-Evidence"] = evidence
        return self.request("POST", "/token-request", body, headers)
