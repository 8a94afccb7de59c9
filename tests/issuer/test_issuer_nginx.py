#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attester-issuer behind a real nginx, as docs/ISSUER.md sets it up. Usage: test_issuer_nginx.py PROGRAM DOCUMENT [unittest arguments]."""

import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

DOCUMENT = pathlib.Path(sys.argv.pop(2))

from device import Device  # noqa: E402
from issuer_case import IssuerCase  # noqa: E402
from running_issuer import DIRECTORY_PATH  # noqa: E402

WAIT_S = 30
EVENT_LOG_BYTES_MAX = 1024 * 1024


class UnixTls(http.client.HTTPConnection):
    """HTTP over TLS over a Unix socket."""

    def __init__(self, path, context):
        super().__init__("127.0.0.1", timeout=WAIT_S)
        self.path, self.context = str(path), context

    def connect(self):
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(WAIT_S)
        plain.connect(self.path)
        self.sock = self.context.wrap_socket(plain, server_hostname=self.host)


class BehindNginx(IssuerCase):
    options = {"tls": False}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        top = cls.issuer.directory
        snippet = re.search(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.S)[1]
        for pattern, ours in ((r"listen +443 ssl", f"listen unix:{top}/site.sock ssl"), (r"listen +\[::\]:443 ssl;", ""),
                              (r"/etc/nginx/tls/issuer\.pem", str(cls.issuer.certificate)), (r"/etc/nginx/tls/issuer\.key", f"{top}/server.key"),
                              (r"127\.0\.0\.1:8443", f"127.0.0.1:{cls.issuer.port}")):
            snippet, count = re.subn(pattern, ours, snippet)
            assert count == 1, pattern
        temporary = "".join(f"{kind}_temp_path {top}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (top / "nginx.conf").write_text(f"""{"user root;" if os.getuid() == 0 else ""} daemon off; worker_processes 1; pid {top}/nginx.pid;
            error_log {top}/nginx.log; events {{ worker_connections 128; }} http {{ access_log {top}/access.log; {temporary} {snippet} }}""")
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
        nginx = subprocess.Popen([program, "-c", top / "nginx.conf", "-e", top / "nginx.log"])
        cls.addClassCleanup(nginx.wait, WAIT_S)
        cls.addClassCleanup(nginx.send_signal, signal.SIGTERM)
        context = cls.issuer.context()
        cls.issuer.connect = lambda: UnixTls(top / "site.sock", context)
        cls.wait_for_nginx(nginx)

    @classmethod
    def wait_for_nginx(cls, nginx):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end and nginx.poll() is None:
            try:
                return cls.issuer.request("GET", "/healthz")
            except OSError:
                time.sleep(0.05)
        raise AssertionError((cls.issuer.directory / "nginx.log").read_text())

    def test_device_enrols_and_gets_tokens(self):
        self.assertEqual(self.issuer.request("GET", DIRECTORY_PATH).status, 200)
        device = Device()
        self.assertEqual(self.issuer.enroll(device).status, 200)
        self.assert_issued(device)

    def test_largest_event_log_gets_to_the_issuer(self):
        self.assertEqual(self.issuer.event_log(bytes(EVENT_LOG_BYTES_MAX)).reason, "EvidenceStale")  # of nobody
        self.assertEqual(self.issuer.event_log(bytes(EVENT_LOG_BYTES_MAX + 1)).status, 413)

    def test_nobody_outside_reads_metrics_and_no_address_is_kept(self):
        self.assertEqual(self.issuer.request("GET", "/metrics").status, 404)
        self.assertEqual((self.issuer.directory / "access.log").read_text(), "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
