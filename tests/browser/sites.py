# SPDX-License-Identifier: BSD-2-Clause
"""The whole system with websites to browse: two behind nginx and attester-gate, and one whose challenges may be cached."""

import base64
import http.server
import json
import pathlib
import signal
import ssl
import sys
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "client")]

from agent_fixture import challenge, token_of, verify  # noqa: E402
from stack import ISSUER_NAME, Stack, StackError, wait_for  # noqa: E402

SHOP, BLOG, KEPT = "shop.example", "blog.example", "kept.example"
HOST_NAME = "org.attesterd.native_host"
CHROMIUM_ID = "ggiccncnheochblgiaijgechoakegajn"
FIREFOX_ID = "access-tokens@attesterd.org"
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
REFUSED_PAGE = ("<!doctype html><meta charset=utf-8><title>401</title><h1>Show a token</h1>"
                "<p>This website asks for a Private Access Token.</p>")
PAGES = {
    "index.html": "<title>in</title><h1>Members' area</h1>",
    "one.html": "<title>one</title><h1>One</h1>",
    "two.html": "<title>two</title><h1>Two</h1>",
    "data.json": '{"answer": 42}',
    "free/home.html": "<title>home</title><a id=link href='/one.html?a=*b^c|d#part'>One</a>",
    "free/image.html": "<title>image</title><img id=picture src=/picture.png alt=picture>",
    "free/foreign.html": "<title>foreign</title><img id=picture src=https://@blog@/picture.png alt=picture>",
    "free/frame.html": "<title>frame</title><iframe id=frame src=/one.html></iframe>",
    "free/form.html": "<title>form</title><form method=post action=/accept><input name=order value=1><button>Send</button></form>",
    "free/landed.html": "<title>landed</title><h1>Landed</h1>",
}


class KeptSite:
    """A website that accepts tokens ahead of time: its challenge has no context and is the same each time."""

    def __init__(self, issuer_key, host=KEPT, certificate=None, key_file=None):
        self.requests, self.spent, self.issuer_key = [], set(), issuer_key
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                site.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key_file)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.origin = f"{host}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def accepts(self, authorization, digest):
        token = token_of(authorization)
        verify(token, digest, self.issuer_key)
        fresh = token not in self.spent
        self.spent.add(token)
        return fresh

    def answer(self, request):
        """/foreign asks for a token of another website, all else for one of its own. /never accepts none; /free asks for none."""
        authorization = request.headers["Authorization"]
        self.requests.append((request.path, authorization))
        never, free = request.path.startswith("/never"), request.path.startswith(("/free", "/favicon"))
        header, digest = challenge(ISSUER_NAME, "other.example" if request.path == "/foreign" else self.origin, self.issuer_key)
        good = free or (authorization is not None and self.accepts(authorization, digest) and not never)
        reload = "<script>setTimeout(() => location.reload(), 100)</script>" if request.path == "/never-reload" else ""
        body = (PAGES["index.html"] if good else REFUSED_PAGE + reload).encode()
        request.send_response(200 if good else 401)
        if not good:
            request.send_header("WWW-Authenticate", header)
        request.send_header("Cache-Control", "no-store")
        request.send_header("Content-Type", "text/html")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Sites(Stack):
    """Use after up(): shop and blog are `host:port`, as in `OriginName=`."""

    def up(self):
        self.make_certificates()
        self.start_tpm()
        self.start_bus()
        self.start_issuer()
        self.configure_issuer()
        self.start_daemon()
        self.start_agent()
        self.attestctl("enroll", ISSUER_NAME)
        self.site_port = self.reserve_port()
        self.shop, self.blog = f"{SHOP}:{self.site_port}", f"{BLOG}:{self.site_port}"
        self.start_gate(f"{self.shop} {self.blog}")
        self.start_sites()
        directory = json.loads(self.run("curl", "--silent", "--max-time", "10", "--cacert", self.path("ca.pem"), self.issuer_url).stdout)
        keys = [base64.urlsafe_b64decode(key["token-key"] + "==") for key in directory["token-keys"]]
        self.kept_site = KeptSite(next(key for key in keys if len(key) > 200), KEPT, self.path("tls.pem"), self.path("tls.key"))
        self.kept = self.kept_site.origin

    def stop(self, keep=False):
        if hasattr(self, "kept_site"):
            self.kept_site.stop()
        super().stop(keep)

    def rotate_key(self):
        """A new key of type 0x0002 at the issuer, in use from now on, and known to the gate."""
        old = sorted(self.path("issuer").glob("token-key-2-*.pem"))
        new = self.path("issuer", f"token-key-2-{int(time.time())}.pem")
        self.run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", new)
        assert len(old) == 1 and new not in old, old
        for name in ("issuer", "gate"):
            before = len(self.log(name))
            self.processes[name].send_signal(signal.SIGHUP)
            wait_for(lambda name=name, before=before: '"ok"' in self.log(name)[before:], f"the new key at the {name}")
        # A device reads the directory again when its copy is old (an issuer publishes keys ahead for as long), or after a start.
        self.end("attesterd")
        self.start_daemon()

    def another_site(self, host, tls=True):
        """One more website like the kept one, to be used in a `with`."""
        return KeptSite(self.kept_site.issuer_key, host, *([self.path("tls.pem"), self.path("tls.key")] if tls else []))

    def start_sites(self):
        for name, text in PAGES.items():
            self.write(f"site/{name}", text.replace("@blog@", self.blog))
        self.path("site/picture.png").write_bytes(PIXEL)
        self.write("site/refused.html", REFUSED_PAGE)
        temporary = "".join(f"{kind}_temp_path {self.top}/nginx-{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.write("nginx.conf", f"""daemon off;
master_process off;
user root;
error_log {self.path('nginx-error.log')};
pid {self.path('nginx.pid')};
events {{ }}
http {{
  {temporary}
  types {{ text/html html; image/png png; application/json json; }}
  log_format lines escape=json '["$http_host","$request",$status,"$http_authorization"]';
  server {{
    listen 127.0.0.1:{self.site_port} ssl;
    access_log {self.path('requests.log')} lines;
    ssl_certificate {self.path('tls.pem')};
    ssl_certificate_key {self.path('tls.key')};
    root {self.path('site')};
    add_header Cache-Control no-store always;
    error_page 401 /refused.html;
    location = /refused.html {{ internal; }}
    location /free/ {{ }}
    location = /favicon.ico {{ return 404; }}
    location / {{
      auth_request /attester-gate;
      try_files $uri $uri/index.html =404;
    }}
    location /accept {{ auth_request /attester-gate; proxy_pass http://unix:{self.path('back.sock')}; }}
    location /to- {{ auth_request /attester-gate; proxy_pass http://unix:{self.path('back.sock')}; }}
    location = /attester-gate {{
      internal;
      proxy_pass http://127.0.0.1:{self.gate_port}/auth;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Forwarded-Host $http_host;
    }}
  }}
  server {{
    listen unix:{self.path('back.sock')};
    access_log off;
    location = /accept {{ default_type text/html; return 200 "<title>accepted</title>"; }}
    location = /to-other {{ return 302 https://{self.blog}/free/landed.html; }}
    location = /to-same {{ return 302 https://{self.shop}/free/landed.html; }}
  }}
}}
""")
        self.spawn("nginx", "nginx", "-c", config, "-p", self.top)
        self.wait("nginx", lambda: self.answers(self.site_port), "nginx")

    def requests(self, path=None):
        """What nginx was asked since the last clear(): [host, method, URI, status, Authorization]; of `path` alone, if given."""
        lines = []
        for host, request, status, authorization in map(json.loads, self.path("requests.log").read_text().splitlines()):
            # An internal redirect of nginx, to its error page, changes the method: the request's first line tells the real one.
            method, uri, _ = request.split(" ")
            lines.append([host, method, uri, status, authorization])
        return [line for line in lines if line[2] != "/favicon.ico" and path in (None, line[2])]

    def clear(self):
        with open(self.path("requests.log"), "r+b") as log:
            log.truncate()
        self.kept_site.requests.clear()

    def statuses(self, path):
        return [(line[1], line[3], bool(line[4])) for line in self.requests(path)]

    def native_host(self, directory, manifest, program=None):
        """Installs the manifest of a browser, and a native host that runs from the build directory."""
        host = self.build / "client" / "nativehost"
        script = self.write("native-host", f"#!/bin/sh\nexec {host / 'attester-native-host'} --config {host / 'attester-native-host.conf'} \"$@\"\n")
        script.chmod(0o755)
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        text = {"name": HOST_NAME, "description": "test", "type": "stdio", "path": str(program or script), **manifest}
        (directory / f"{HOST_NAME}.json").write_text(json.dumps(text))
