#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attestctl fetch against nginx, directly and by a proxy: large bodies, compression, time, a terminal.

usage: test_attestctl_fetch.py ATTESTCTL FAKE_ATTESTERD
"""

import fcntl
import os
import pty
import re
import socket
import socketserver
import struct
import subprocess
import sys
import termios
import threading
import unittest

from attestctl_fixture import CTL, WAIT, Case, challenge, make_certificate, wait_for

MIB = 1 << 20
LARGE = 256 * MIB
MEMORY_KIB_MAX = 64 * 1024

NGINX = """daemon off;
master_process off;
user root;
error_log {top}/nginx-error.log;
pid {top}/nginx.pid;
events {{ }}
http {{
  log_format requests '$server_port $request_method $uri $http_expect $http_authorization';
  access_log {top}/access.log requests;
  client_body_temp_path {top}/nginx-body;
  proxy_temp_path {top}/nginx-proxy;
  fastcgi_temp_path {top}/nginx-fastcgi;
  uwsgi_temp_path {top}/nginx-uwsgi;
  scgi_temp_path {top}/nginx-scgi;
  client_max_body_size 0;
  server {{
    listen 127.0.0.1:{secure} ssl;
    listen 127.0.0.1:{plain};
    ssl_certificate {top}/site.pem;
    ssl_certificate_key {top}/site.key;
    root {top}/site;
    location / {{ }}
    location /slow/ {{ alias {top}/site/; limit_rate 100k; }}
    location /text/ {{ alias {top}/site/; gzip on; gzip_types *; }}
    location /upload/ {{ dav_methods PUT; create_full_put_path on; }}
    location /guarded/ {{
      alias {top}/site/;
      dav_methods PUT;
      add_header WWW-Authenticate '{challenge}' always;
      if ($http_authorization = "") {{ return 401; }}
    }}
    location /moved/ {{ return 307 https://$http_host/upload$request_uri; }}
  }}
}}
"""


class Proxy(socketserver.ThreadingTCPServer):
    """Takes CONNECT, and GET with a whole URL; every host is this machine. Keeps the heads that it gets."""

    allow_reuse_address = True
    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            head = b"".join(iter(self.rfile.readline, b"\r\n")).decode()
            self.server.heads.append(head)
            method, target = head.split(" ")[:2]
            if self.server.refuses:
                self.wfile.write(b"HTTP/1.1 407 No\r\nWWW-Authenticate: PrivateToken challenge=AAIA\r\nContent-Length: 0\r\n\r\n")
                return
            port = int(re.search(r":(\d+)", target.removeprefix("http:")).group(1))
            with socket.create_connection(("127.0.0.1", port), WAIT) as there:
                if method == "CONNECT":
                    self.wfile.write(b"HTTP/1.1 200 Yes\r\nWWW-Authenticate: PrivateToken challenge=AAIA\r\n\r\n")
                    back = threading.Thread(target=self.pump, args=(there, self.connection))
                    back.start()
                    self.pump(self.connection, there)
                    back.join(WAIT)
                else:
                    there.sendall((re.sub(r" http://[^/]+", " ", head, count=1) + "Connection: close\r\n\r\n").encode())
                    self.pump(there, self.connection)

        @staticmethod
        def pump(source, target):
            try:
                while piece := source.recv(65536):
                    target.sendall(piece)
                target.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def __init__(self, cleanup):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.heads, self.refuses = [], False
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        thread.start()
        cleanup(thread.join)
        cleanup(self.server_close)
        cleanup(self.shutdown)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Fetch(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        make_certificate(cls.top, "IP:127.0.0.1,DNS:shop.example,DNS:localhost")
        cls.secure, cls.plain = free_port(), free_port()
        (cls.top / "site").mkdir()
        (cls.top / "site" / "page").write_text("page\n" * 1000)
        with open(cls.top / "site" / "large", "wb") as large:
            large.truncate(LARGE)
        header, _ = challenge("good.example", "", cls.bus.key)
        (cls.top / "nginx.conf").write_text(NGINX.format(top=cls.top, secure=cls.secure, plain=cls.plain, challenge=header))
        nginx = subprocess.Popen(["nginx", "-c", cls.top / "nginx.conf", "-p", cls.top], env={"PATH": "/usr/sbin:/usr/bin"})
        cls.addClassCleanup(nginx.wait, WAIT)
        cls.addClassCleanup(nginx.terminate)
        wait_for(lambda: cls.listens(cls.secure), "nginx")
        cls.url = f"https://127.0.0.1:{cls.secure}"

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def fetch(self, url, *arguments, **options):
        return self.run_ctl("fetch", "--cacert", self.top / "site.pem", *arguments, url, **options)

    def requests(self):
        """What nginx was asked, since the last time: port, method, path, Expect, Authorization."""
        log = self.top / "access.log"
        lines = [line.split(" ", 4) for line in log.read_text().splitlines()]
        os.truncate(log, 0)
        return lines

    def setUp(self):
        self.requests()

    def memory_of(self, *arguments):
        """Runs attestctl alone and returns its largest resident set in KiB."""
        script = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
                  "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        done = subprocess.run([sys.executable, "-c", script, CTL, "fetch", "--cacert", self.top / "site.pem", *map(str, arguments)],
                              check=True, capture_output=True, timeout=WAIT * 2, env={"DBUS_SYSTEM_BUS_ADDRESS": self.bus.address})
        return int(done.stdout)

    def test_large_bodies_are_not_held_in_memory(self):
        down, up = self.top / "down", self.top / "site" / "upload" / "large"
        self.assertLess(self.memory_of("-o", down, self.url + "/large"), MEMORY_KIB_MAX)
        self.assertEqual(down.stat().st_size, LARGE)
        self.assertLess(self.memory_of("-X", "PUT", "-d", f"@{down}", self.url + "/upload/large"), MEMORY_KIB_MAX)
        self.assertEqual(up.stat().st_size, LARGE)
        down.unlink()
        up.unlink()

    def test_a_body_that_is_refused_is_not_sent(self):
        """The challenge comes in the place of `100 Continue`; the body goes over the network once, with the token."""
        content = os.urandom(8 * MIB)
        (self.top / "content").write_bytes(content)
        self.fetch(self.url + "/guarded/put", "-X", "PUT", "--data-binary", f"@{self.top / 'content'}")
        self.assertEqual((self.top / "site" / "put").read_bytes(), content)
        first, second = self.requests()
        self.assertEqual((first[3], first[4]), ("100-continue", "-"))
        self.assertTrue(second[4].startswith("PrivateToken token="), second)

    def test_a_body_follows_a_redirect_that_keeps_it(self):
        self.fetch(self.url + "/moved/it", "-L", "-X", "PUT", "-d", "@-", data=b"moved here")
        self.assertEqual((self.top / "site" / "upload" / "moved" / "it").read_bytes(), b"moved here")

    def test_compressed_bodies_are_unpacked_if_asked_for(self):
        page = (self.top / "site" / "page").read_text()
        out = self.fetch(self.url + "/text/page", "-i", "--compressed").out
        self.assertIn("Content-Encoding: gzip", out)
        self.assertTrue(out.endswith("\r\n\r\n" + page))
        out = self.fetch(self.url + "/text/page", "-i").out
        self.assertNotIn("Content-Encoding", out)

    def test_time_that_is_up_leaves_the_file_as_it_was(self):
        target = self.top / "target"
        target.write_text("old")
        err = self.fetch(self.url + "/slow/large", "--max-time", "0.5", "-o", target, status=61).err
        self.assertIn("Timeout", err)
        self.assertEqual(target.read_text(), "old")
        self.assertEqual([file for file in self.top.iterdir() if "attestctl-" in file.name], [])
        self.fetch(self.url + "/page", "--max-time", "30.5", "-o", target)

    def test_reader_that_leaves_is_an_error(self):
        process = subprocess.Popen([CTL, "fetch", "--cacert", self.top / "site.pem", self.url + "/large"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdout.read(10)
        process.stdout.close()
        self.assertIn(b"cannot write standard output", process.stderr.read())
        process.stderr.close()
        self.assertEqual(process.wait(WAIT), 7)

    def terminal(self, *arguments):
        """What attestctl shows on a terminal that is its standard error, when its output is none."""
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        subprocess.run([CTL, "fetch", "--cacert", self.top / "site.pem", *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=side,
                       timeout=WAIT, check=False, env={"TERM": "xterm", "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address})
        os.set_blocking(main, False)
        try:
            return os.read(main, 65536).decode()
        except BlockingIOError:
            return ""
        finally:
            os.close(main)
            os.close(side)

    def test_progress_is_shown_on_a_terminal_when_it_takes_long(self):
        shown = self.terminal("--max-time", 4, self.url + "/slow/large")
        self.assertRegex(shown, r"\r\[ {20}\] +0 %  [0-9.]+ KiB of 256\.0 MiB  [0-9.]+ KiB/s  \d+ s left\x1b\[K")
        # It is gone before anything else is written.
        self.assertRegex(shown, r"\r\x1b\[Kattestctl: .*Timeout")
        self.assertEqual(self.terminal(self.url + "/page"), "")
        self.assertEqual(self.terminal("-s", "--max-time", 2, self.url + "/slow/large"), "")
        self.assertNotIn("\r", self.fetch(self.url + "/slow/large", "--max-time", "2", "-o", "/dev/null", status=61).err)

    def test_proxy_of_the_environment_for_https(self):
        proxy = Proxy(self.addCleanup)
        url = f"https://shop.example:{self.secure}/guarded/page"
        for variable in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            proxy.heads.clear()
            out = self.fetch(url, "-H", "X-Secret: of the website", more={variable: proxy.url}).out
            self.assertTrue(out.startswith("page\n"))
            self.assertEqual(len(proxy.heads), 2)
            for head in proxy.heads:
                self.assertTrue(head.startswith(f"CONNECT shop.example:{self.secure} "), head)
                self.assertNotIn("uthorization", head)
                self.assertNotIn("X-Secret", head)
        # What a proxy says of a challenge is no website's.
        proxy.refuses = True
        self.fetch(url, more={"https_proxy": proxy.url}, status=61)
        self.assertNotIn("WWW-Authenticate", self.fetch(self.url + "/page", "-i", more={"https_proxy": proxy.url, "no_proxy": "127.0.0.1"}).out)
        self.assertEqual(len(proxy.heads), 3)

    def test_challenge_of_a_proxy_that_lets_through_is_not_heard(self):
        proxy = Proxy(self.addCleanup)
        out = self.fetch(f"https://shop.example:{self.secure}/page", "-i", more={"https_proxy": proxy.url}).out
        self.assertNotIn("PrivateToken", out)
        self.assertEqual(self.requests()[0][4], "-")

    def test_proxy_of_the_environment_for_http(self):
        proxy = Proxy(self.addCleanup)
        environment = {"http_proxy": proxy.url}
        self.assertTrue(self.fetch(f"http://shop.example:{self.plain}/page", more=environment).out.startswith("page\n"))
        self.assertTrue(proxy.heads[0].startswith(f"GET http://shop.example:{self.plain}/page HTTP/1.1\r\n"))
        # A website on the way to which others listen gets no token.
        self.assertIn("plain http", self.fetch(f"http://shop.example:{self.plain}/guarded/page", more=environment, status=6).err)
        # This machine's own would, and is therefore asked directly.
        proxy.heads.clear()
        self.assertTrue(self.fetch(f"http://127.0.0.1:{self.plain}/guarded/page", more=environment).out.startswith("page\n"))
        self.assertEqual(proxy.heads, [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
