# SPDX-License-Identifier: BSD-2-Clause
"""The whole system on one machine: swtpm, a system bus, attesterd, attester-issuer, attester-gate and nginx.

Everything lives in one temporary directory and listens on 127.0.0.1 or a Unix socket there; every wait is bounded;
stop() ends exactly the processes that were started here. Used by ./demo and by the tests of the suite `e2e`.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
ISSUER_NAME = "issuer.example"
WAIT_SECONDS = 20


class StackError(Exception):
    """Something did not come up or answer in time; the text says what and holds the end of its log."""


def wait_for(condition, what, seconds=WAIT_SECONDS, process=None):
    """Polls condition() until it gives something true, and returns that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        if process is not None and process.poll() is not None:
            raise StackError(f"{what}: the process ended with status {process.returncode}")
        time.sleep(0.02)
    raise StackError(f"{what}: not within {seconds} s")


class Stack:
    """Parts are started in the order of the methods below; each needs those above it."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="attester-"))
        self.processes = {}
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.top)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    # --- processes ---------------------------------------------------------------------------------------------

    def path(self, *parts):
        return self.top.joinpath(*parts)

    def log(self, name):
        file = self.path(f"{name}.log")
        return file.read_text(errors="replace") if file.exists() else ""

    def spawn(self, name, *arguments, environment=None):
        with open(self.path(f"{name}.log"), "ab") as log:
            process = subprocess.Popen(
                [str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**self.environment, **(environment or {})}, start_new_session=True)
        self.processes[name] = process
        return process

    def wait(self, name, condition, what):
        try:
            return wait_for(condition, what, process=self.processes[name])
        except StackError as error:
            raise StackError(f"{error}\n{self.log(name)[-2000:]}") from None

    def end(self, name, signal_number=signal.SIGTERM):
        """Ends one process and returns its exit status."""
        process = self.processes.pop(name, None)
        if process is None:
            return None
        process.send_signal(signal_number)
        try:
            return process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(timeout=10)

    def stop(self, keep=False):
        for name in reversed(list(self.processes)):
            self.end(name)
        if not keep:
            shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def run(self, *arguments, check=True, timeout=60, environment=None, text=True):
        result = subprocess.run([str(a) for a in arguments], capture_output=True, text=text, timeout=timeout, check=False,
                                stdin=subprocess.DEVNULL, env={**self.environment, **(environment or {})})
        if check and result.returncode != 0:
            raise StackError(f"{arguments[0]} ended with {result.returncode}: {result.stdout}{result.stderr}")
        return result

    def write(self, name, text):
        file = self.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    # --- TLS: one CA, one certificate for localhost ---------------------------------------------------------------

    def make_certificates(self):
        ca, key = self.path("ca.pem"), self.path("ca.key")
        self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", "/CN=attesterd test CA", "-keyout", key, "-out", ca)
        self.run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                 "-keyout", self.path("tls.key"), "-out", self.path("tls.csr"))
        extensions = self.write("tls.ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        self.run("openssl", "x509", "-req", "-in", self.path("tls.csr"), "-CA", ca, "-CAkey", key, "-CAcreateserial", "-days", "2",
                 "-extfile", extensions, "-out", self.path("tls.pem"))
        self.path("tls.key").chmod(0o600)

    # --- TPM ---------------------------------------------------------------------------------------------------------

    def start_tpm(self):
        """A swtpm with EK certificates of a CA of its own, manufactured on the first call; later calls are a reboot."""
        state = self.path("tpm")
        if not state.exists():
            self.manufacture_tpm(state)
        socket_path = self.path("tpm.sock")
        self.spawn("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--flags", "startup-clear",
                   "--server", f"type=unixio,path={socket_path}", "--ctrl", f"type=unixio,path={socket_path}.ctrl")
        self.wait("swtpm", socket_path.exists, "swtpm's socket")
        self.tcti = f"swtpm:path={socket_path}"

    def manufacture_tpm(self, state):
        state.mkdir()
        ca = self.path("tpm-ca")
        ca.mkdir()
        self.write("tpm-ca/localca.conf", f"statedir = {ca}\nsigningkey = {ca}/signkey.pem\nissuercert = {ca}/issuercert.pem\n"
                                          f"certserial = {ca}/certserial\n")
        self.write("tpm-ca/localca.options", "--platform-manufacturer attesterd\n--platform-version 1\n--platform-model simulator\n")
        setup = self.write("tpm-ca/setup.conf", f"create_certs_tool = /usr/bin/swtpm_localca\n"
                           f"create_certs_tool_config = {ca}/localca.conf\ncreate_certs_tool_options = {ca}/localca.options\n")
        self.run("swtpm_setup", "--tpm2", "--tpmstate", state, "--create-ek-cert", "--config", setup, "--overwrite",
                 "--pcr-banks", "sha256", "--lock-nvram")
        chain = (ca / "issuercert.pem").read_text() + (ca / "swtpm-localca-rootca-cert.pem").read_text()
        self.write("tpm-ca/chain.pem", chain)
