#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attester-gate behind HAProxy and Caddy with TLS, as docs/ORIGIN.md sets them up.

usage: test_gate_proxies.py ATTESTER_GATE TOKEN_TOOL DOCS_ORIGIN_MD
"""

import functools
import http.server
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import unittest

from gate_case import DOCS, HOST, OTHER, WAIT, Base, Gate, Guarded
from stack import StackError, listens, wait_for

PATHS = "/usr/sbin:/usr/bin:/sbin:/bin"


def snippet(language):
    return re.search(rf"```{language}\n(.*?)```", pathlib.Path(DOCS).read_text(), re.S).group(1)


def replaced(text, **changes):
    """Each of the changes must have something to change."""
    for old, new in changes.values():
        assert old in text, old
        text = text.replace(old, str(new))
    return text


class Proxy(Guarded, Base):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gate = Gate(cls.directory, f"TokenKeyFile={cls.public}", cls.addClassCleanup)
        cls.write_pages()
        cls.configure()
        with open(cls.directory / "proxy.log", "wb") as log:
            process = subprocess.Popen(cls.command(), env={"PATH": PATHS, "HOME": str(cls.directory)}, stdout=log, stderr=log)
        cls.addClassCleanup(process.wait, WAIT)
        cls.addClassCleanup(process.send_signal, signal.SIGTERM)
        try:
            wait_for(lambda: listens(cls.directory / "site.sock"), cls.__name__, process=process)
        except StackError as error:
            raise AssertionError(f"{error}\n{(cls.directory / 'proxy.log').read_text()}") from None

    def test_gate_that_is_down_is_a_refusal(self):
        self.gate.stop()
        try:
            response = self.request()
            self.assertGreaterEqual(response.status, 500)
            self.assertNotIn(b"welcome", response.body)
        finally:
            self.gate.start(self.gate.port)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class HaProxy(Proxy):
    @classmethod
    def configure(cls):
        top = cls.directory
        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=top / "www"))
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        cls.addClassCleanup(thread.join)
        cls.addClassCleanup(site.server_close)
        cls.addClassCleanup(site.shutdown)
        (top / "attester.lua").write_text(replaced(snippet("lua"), gate=("127.0.0.1:8480", f"127.0.0.1:{cls.gate.port}")))
        (top / "website.pem").write_text((top / "server.pem").read_text() + (top / "server.key").read_text())
        (top / "haproxy.cfg").write_text(replaced(
            snippet("haproxy"), lua=("/etc/haproxy/attester.lua", top / "attester.lua"), bind=("bind :443", f"bind unix@{top}/site.sock"),
            certificate=("/etc/haproxy/website.pem", top / "website.pem"), site=("127.0.0.1:8080", f"127.0.0.1:{site.server_port}")))

    @classmethod
    def command(cls):
        return [shutil.which("haproxy", path=PATHS), "-f", cls.directory / "haproxy.cfg"]


class Caddy(Proxy):
    @classmethod
    def configure(cls):
        top = cls.directory
        text = replaced(snippet("caddy"), site=("https://shop.example {", f"https://{HOST}, https://{OTHER} {{\n    bind unix/{top}/site.sock\n"
                        f"    tls {top}/server.pem {top}/server.key"), gate=("127.0.0.1:8480", f"127.0.0.1:{cls.gate.port}"),
                        root=("/var/www", top / "www"))
        (top / "Caddyfile").write_text(f"{{\n    admin off\n    auto_https disable_redirects\n    storage file_system {top}/caddy\n}}\n{text}")

    @classmethod
    def command(cls):
        return [shutil.which("caddy", path=PATHS), "run", "--adapter", "caddyfile", "--config", cls.directory / "Caddyfile"]


del Proxy, Guarded, Base  # not to be run by themselves

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
