# SPDX-License-Identifier: BSD-2-Clause
"""The whole system with websites to browse: two behind nginx and attester-gate, and one whose challenges may be cached."""

import base64
import http.server
import json
import os
import pathlib
import signal
import ssl
import sys
import threading
import time

import dbus.bus

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "client"), str(TESTS / "attesterd")]

from agent_fixture import challenge, token_of, verify  # noqa: E402
from fake_services import BUS_POLICY  # noqa: E402
from recorder import Recorder  # noqa: E402
from stack import ISSUER_NAME, Stack, StackError  # noqa: E402
from stack import wait_for as wait_for_within  # noqa: E402
from user_session import USER, UserSession  # noqa: E402

SHOP, BLOG, KEPT = "shop.example", "blog.example", "kept.example"
HOST_NAME = "org.attesterd.native_host"
USER_NAME = "person-at-the-screen"
WAIT_SECONDS = 100
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
    "free/foreign.html": "<title>foreign</title><img id=picture src=https://@blog@/picture.png alt=picture>"
                         "<iframe src=https://@blog@/two.html></iframe><img id=own src=/picture.png alt=own>",
    "free/frame.html": "<title>frame</title><iframe id=frame src=/one.html></iframe>",
    "free/form.html": "<title>form</title><form method=post action=/accept><input name=order value=1><button>Send</button></form>",
    "free/landed.html": "<title>landed</title><h1>Landed</h1>",
}


def wait_for(condition, what):
    """As stack.wait_for(), longer: a browser on a busy machine takes its time, and the extension waits 70 s for an answer itself."""
    return wait_for_within(condition, what, WAIT_SECONDS)


class KeptSite:
    """A website that accepts tokens ahead of time: its challenge has no context and is the same each time."""

    def __init__(self, issuer_key, host=KEPT, certificate=None, key_file=None):
        self.requests, self.headers, self.spent, self.issuer_key = [], [], set(), issuer_key
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
        self.headers.append(request.headers.as_bytes())
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


class Sites(UserSession, Stack):
    """Use after up(): shop and blog are `host:port`, as in `OriginName=`. Browser and agent are a user's, on a display if there is
    one, else without. What attester-net says to the issuer is in `recorder`, what the daemon's bus carries in bus-monitor.log."""

    def up(self, display=False, agent_options=()):
        self.make_certificates()
        self.start_tpm()
        self.start_bus()
        self.start_issuer()
        self.recorder = Recorder(self.path("tls.pem"), self.path("tls.key"), self.path("ca.pem"), self.issuer_port).__enter__()
        self.configure_issuer(url=f"https://localhost:{self.recorder.port}/.well-known/private-token-issuer-directory")
        self.spawn("bus-monitor", "dbus-monitor", "--address", self.environment["DBUS_SYSTEM_BUS_ADDRESS"], "--binary")
        self.wait("bus-monitor", lambda: self.path("bus-monitor.log").stat().st_size > 0, "dbus-monitor")
        self.start_daemon()
        self.device = self.attestctl_json("enroll", ISSUER_NAME)["device"]
        self.start_session()
        self.user = {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home), "DBUS_SESSION_BUS_ADDRESS": self.session_address,
                     "USER": USER_NAME, "LOGNAME": USER_NAME}
        if display:
            self.user["DISPLAY"] = self.start_x11(size="1000x800")
            self.start_window_manager(self.user["DISPLAY"])
        self.spawn_as_user("session-monitor", "dbus-monitor", "--address", self.session_address, "--binary")
        self.wait("session-monitor", lambda: self.path("session-monitor.log").stat().st_size > 0, "dbus-monitor")
        self.start_user_agent(self.user, options=agent_options)
        self.install_native_host()
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
        if hasattr(self, "recorder"):
            self.recorder.__exit__()
        super().stop(keep)

    def write(self, name, text):
        if name == "bus.conf":
            text = text.replace("  <include>", f"  {BUS_POLICY}  <include>")
        return super().write(name, text)

    def bus(self):
        return dbus.bus.BusConnection(self.environment["DBUS_SYSTEM_BUS_ADDRESS"])

    def start_daemon(self, **keywords):
        super().start_daemon(options=self.FOCUS, **keywords)

    def users(self, directory):
        """Makes a directory of the user's, who may write there."""
        directory.mkdir(parents=True, exist_ok=True)
        for place in [directory, *directory.parents]:
            if place == self.home:
                break
            os.chown(place, USER, USER)
        return directory

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

    def restart_gate(self):
        """It forgets every challenge that it made."""
        self.end("gate")
        config = self.path("gate.conf")
        config.write_text(config.read_text().replace("Listen=127.0.0.1:0\n", f"Listen=127.0.0.1:{self.gate_port}\n"))
        before = len(self.log("gate"))
        self.spawn("gate", self.build / "issuer" / "gate" / "attester-gate", "--allow-root", "--config", config)
        self.wait("gate", lambda: '"keys","outcome":"ok"' in self.log("gate")[before:], "the issuer's keys at the gate")

    def questions(self):
        """How often a browser has asked the agent for a token, as the user's bus carried it."""
        return self.path("session-monitor.log").read_bytes().count(b"GetAuthorization\0")

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

    def install_native_host(self):
        built = self.build / "client" / "nativehost"
        host = self.public(built / "attester-native-host", built / "attester-native-host.conf")
        self.host_program = self.write(
            "native-host", f"#!/bin/sh\nexec {host / 'attester-native-host'} --config {host / 'attester-native-host.conf'} \"$@\"\n")
        self.host_program.chmod(0o755)

    def native_host(self, directory, manifest):
        """Installs the manifest of a browser."""
        directory = self.users(pathlib.Path(directory))
        text = {"name": HOST_NAME, "description": "test", "type": "stdio", "path": str(self.host_program), **manifest}
        (directory / f"{HOST_NAME}.json").write_text(json.dumps(text))
