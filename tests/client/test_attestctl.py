#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attestctl as a person or a script uses it: over a private bus with a stand-in for attesterd, against a small website.

usage: test_attestctl.py ATTESTCTL FAKE_ATTESTERD DOCS_ATTESTCTL_MD BASE_ERROR_C
"""

import base64
import hashlib
import http.server
import json
import os
import pathlib
import pty
import re
import ssl
import subprocess
import sys
import tempfile
import termios
import threading
import unittest
import urllib.parse

from attestctl_fixture import CTL, WAIT, Case, challenge, make_certificate

DOCS, ERRORS = sys.argv[3:5]


class Website:
    """Answers by path; keeps the requests. `challenges` are the digests of what it asked for."""

    def __init__(self, bus, cleanup, tls=None):
        self.bus, self.requests, self.challenges, self.issuer, self.answer_origin, self.far = bus, [], [], "good.example", None, None
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def respond(self, status, body=b"", **fields):
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def token_good(self):
                match = re.fullmatch(r'PrivateToken token="?([A-Za-z0-9_=-]+)"?', self.headers.get("Authorization", ""))
                return match and base64.urlsafe_b64decode(match.group(1))[34:66] in site.challenges

            def do_GET(self):
                length = int(self.headers.get("Content-Length", 0))
                site.requests.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
                where = self.path.split("?")[0]
                if where == "/open":
                    return self.respond(200, b"open to all\n")
                if where == "/empty":
                    return self.respond(204)
                if where == "/missing":
                    return self.respond(404, b'{"detail":"no such \\u001b[31mpage"}', Content_Type="application/problem+json")
                if where == "/basic":
                    return self.respond(401, WWW_Authenticate="Basic realm=x")
                if where == "/near":
                    return self.respond(302, Location="/guarded")
                if where == "/to":
                    query = dict(urllib.parse.parse_qsl(self.path.split("?")[1]))
                    return self.respond(int(query["status"]), b"elsewhere\n", Location=query["url"])
                if where == "/loop":
                    return self.respond(302, Location="/loop")
                if where == "/short":
                    self.send_response(200)
                    self.send_header("Content-Length", "100")
                    self.end_headers()
                    self.wfile.write(b"short")
                    return None
                if where == "/long":
                    return self.respond(401, WWW_Authenticate="PrivateToken challenge=" + "A" * 20000)
                if self.token_good():
                    if where == "/then-near":
                        return self.respond(302, Location="/open")
                    if where == "/then-far":
                        return self.respond(302, Location=site.far)
                    if where == "/circle":
                        return self.respond(302, Location="/circle")
                    if where != "/never":
                        return self.respond(200, b"welcome\n")
                value, digest = challenge(site.issuer, site.answer_origin or f"127.0.0.1:{site.port}", site.bus.key)
                site.challenges.append(digest)
                spent = {"X_Attester_Reason": "TokenSpent"} if "Authorization" in self.headers else {}
                return self.respond(401, b'{"detail":"come again"}', WWW_Authenticate=value, **spent)

            do_POST = do_PUT = do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        thread.start()
        cleanup(thread.join)
        cleanup(self.server.server_close)
        cleanup(self.server.shutdown)


class Queries(Case):
    def test_status_text_and_json(self):
        out = self.run_ctl("status").out
        self.assertRegex(out, r"(?m)^attesterd +0\.1\.0-fake$")
        self.assertRegex(out, r"(?m)^policy error +x\.conf:3:9: ")
        self.assertIn("sealed: PCR 7 changed", out)
        report = self.run_json("status")
        self.assertEqual((report["version"], report["policy_version"]), ("0.1.0-fake", 7))
        self.assertEqual(report["policy_fetch_error"], {"name": "IssuerUnreachable", "message": "bundles.example does not answer", "time": 1760000000})
        self.assertEqual(report["config_error"], "")
        self.assertIn("policy fetch  IssuerUnreachable at 2025-10-09 08:53:20Z: bundles.example does not answer", out)
        self.assertEqual(report["issuers"][0], {"name": "good.example", "enrollment": "enrolled"})

    def test_status_with_bus_address_needs_no_environment(self):
        self.run_ctl("status", "--bus-address", self.bus.address, bus=False)

    def test_posture_shows_facts_aligned_and_without_control_characters(self):
        out = self.run_ctl("posture").out
        lines = out.splitlines()
        self.assertEqual(len({line.index("reported") for line in lines[1:]} | {lines[0].index("PROVENANCE")}), 1)
        self.assertIn("unreadable: no such device", out)
        self.assertIn("/etc/os-release?[31m", out)
        facts = {fact["name"]: fact for fact in self.run_json("posture")["facts"]}
        self.assertIs(facts["boot.secure_boot"]["value"], True)
        self.assertEqual((facts["kernel.taint"]["value"], facts["kernel.taint"]["age_s"]), (-12, 1))
        self.assertRegex(out, r"os.id +debian +reported +2h +/etc")
        self.assertIsNone(facts["disk.root_encrypted"]["value"])
        self.assertEqual(facts["disk.root_encrypted"]["unreadable"], "no such device")

    def test_policy_export_is_read_by_policy_test(self):
        out = self.run_ctl("policy", "export", "--name", "laptop").out
        self.assertEqual(out.splitlines()[0], "[Facts laptop]")
        self.assertIn("boot.secure_boot=true", out)
        self.assertIn('disk.root_encrypted=unreadable "no such device"', out)
        self.assertNotIn("os-release", out)
        with tempfile.TemporaryDirectory() as top:
            policy, cases = pathlib.Path(top, "p.conf"), pathlib.Path(top, "cases")
            policy.write_text("[Rule a]\nRequire=boot.secure_boot and kernel.taint == -12\n")
            cases.write_text(out + "[Case a]\nFacts=laptop\nExpect=pass\n")
            self.run_ctl("policy", "test", "-p", policy, cases)
        self.run_ctl("policy", "export", "--name", "a]\n[Case b", status=2)

    def test_policy_explain_met_and_not_met(self):
        self.assertIn("This device meets the policy.", self.run_ctl("policy", "explain").out)
        out = self.run_ctl("policy", "explain", "fail-PolicyDenied.example", status=22).out
        self.assertEqual(re.sub(" +", " ", out), """secure-boot: pass
 Require boot.secure_boot
 FACT VALUE PROVENANCE AGE SOURCE
 boot.secure_boot true reported 0s efivars

taint: fail
 When os.id == debian
 Require kernel.taint == 0
 Why kernel.taint is -12, needed 0
 Remedy Remove the module?[31m.
 FACT VALUE PROVENANCE AGE SOURCE
 kernel.taint -12 reported 1s /proc/sys/kernel/tainted

room: fail
 Require custom.room == x
 Why no such fact
 FACT VALUE PROVENANCE AGE SOURCE
 custom.room unreadable: no such fact 0s 

This device does not meet the policy.
""")

    def test_policy_explain_json_is_complete(self):
        report = self.run_json("policy", "explain", "fail-PolicyDenied.example", status=22)
        self.assertEqual(report, {
            "passed": False,
            "rules": [
                {"rule": "secure-boot", "when": None, "require": "boot.secure_boot", "outcome": "pass", "reason": "",
                 "remedy": "Turn on Secure Boot.", "facts": ["boot.secure_boot"]},
                {"rule": "taint", "when": "os.id == debian", "require": "kernel.taint == 0", "outcome": "fail",
                 "reason": "kernel.taint is -12, needed 0", "remedy": "Remove the module\x1b[31m.", "facts": ["kernel.taint"]},
                {"rule": "room", "when": None, "require": "custom.room == x", "outcome": "fail", "reason": "no such fact",
                 "remedy": "", "facts": ["custom.room"]}],
            "facts": [
                {"name": "boot.secure_boot", "value": True, "provenance": "reported", "source": "efivars", "age_s": 0},
                {"name": "kernel.taint", "value": -12, "provenance": "reported", "source": "/proc/sys/kernel/tainted", "age_s": 1}]})

    def test_policy_explain_is_coloured_on_a_terminal_only(self):
        arguments = ("policy", "explain", "fail-PolicyDenied.example")
        shown = self.run_on_terminal(*arguments)
        self.assertIn("taint\x1b[0m: \x1b[31mfail\x1b[0m", shown)
        self.assertIn("secure-boot\x1b[0m: \x1b[32mpass\x1b[0m", shown)
        self.assertNotIn("\x1b", self.run_on_terminal(*arguments, NO_COLOR="1"))
        self.assertNotIn("\x1b", self.run_ctl(*arguments, status=22).out)

    def test_policy_check_needs_no_daemon_and_prints_all_errors(self):
        good, bad = self.top / "good.conf", self.top / "bad.conf"
        good.write_text("[Policy]\nVersion=7\n[Rule os]\nRequire=os.id == debian\nRemedy=Install Debian.\n")
        bad.write_text("[Rule one]\nRequire=os.id ==\n[Rule two]\nRequire=and os.id == debian\n")
        out = self.run_ctl("policy", "check", good, bus=False).out
        self.assertIn("sound: 1 rule, version 7", out)
        done = self.run_ctl("policy", "check", good, bad, status=21, bus=False)
        self.assertEqual(len(re.findall(r"(?m)^\S*bad\.conf:[24]:\d+: ", done.err)), 2, done.err)
        report = self.run_json("policy", "check", good, bad, status=21)
        self.assertIs(report["sound"], False)
        self.assertEqual([error["line"] for error in report["errors"]], [2, 4])
        self.assertEqual(report["files"][0]["rules"], 1)
        self.run_ctl("policy", "check", self.top / "absent.conf", status=8, bus=False)

    def test_issuers_shows_keys_and_those_that_fail(self):
        out = self.run_ctl("issuers", "--timeout", 500).out
        self.assertIn(hashlib.sha256(self.bus.key).hexdigest(), out)
        self.assertIn("2025-10-09", out)
        self.assertIn("the sentence of the daemon", out)
        issuers = {issuer["name"]: issuer for issuer in self.run_json("issuers", "--timeout", 500)["issuers"]}
        self.assertEqual(issuers["good.example"]["keys"][0]["id"], hashlib.sha256(self.bus.key).hexdigest())
        self.assertEqual(issuers["unreachable.example"]["error"]["name"], "IssuerUnreachable")
        both = [(key["token_type"], key["token_type_name"]) for key in issuers["both.example"]["keys"]]
        self.assertEqual(both, [(2, "Blind RSA (2048-bit)"), (1, "VOPRF (P-384, SHA-384)")])
        self.assertIn("type 0x0001, VOPRF (P-384, SHA-384): ", out)

    def test_admin_commands(self):
        self.assertIn("device-1", self.run_ctl("enroll", "good.example").out)
        self.assertEqual(self.run_json("enroll", "good.example"), {"issuer": "good.example", "device": "device-1"})
        self.run_ctl("enroll", "fail-TpmUnavailable.example", status=17)
        self.run_ctl("reload")
        self.assertEqual(self.run_json("reload"), {"done": True})
        self.assertIn("NotAuthorized: the sentence of the daemon", self.run_ctl("reseal", status=13).err)
        self.assertEqual(self.run_json("reseal", status=13)["error"]["name"], "NotAuthorized")

    def test_without_bus_or_daemon_status_is_50(self):
        for arguments in (["status"], ["posture"], ["issuers"], ["policy", "explain"], ["reload"], ["reseal"], ["enroll", "x.example"]):
            self.run_ctl(*arguments, "--bus-address", "unix:path=/nonexistent/bus", status=50, bus=False)

    def test_usage_errors_and_help(self):
        for arguments in ([], ["nonsense"], ["policy"], ["policy", "nonsense"], ["status", "--nonsense"], ["status", "extra"], ["enroll"],
                          ["token"], ["fetch"], ["fetch", "ftp://x/"], ["fetch", "http://u:p@127.0.0.1/"], ["fetch", "-X", "a b", "http://x/"],
                          ["fetch", "-H", "Authorization: x", "http://x/"], ["fetch", "-H", "authorization : x", "http://x/"],
                          ["fetch", "-H", "host: y", "http://x/"], ["fetch", "-H", "Content-Length: 1", "http://x/"],
                          ["fetch", "-H", "X: " + "y" * 8190, "http://x/"], ["fetch", *["-HX: y"] * 33, "http://x/"],
                          ["fetch", "-m", "0", "http://x/"], ["fetch", "-m", "1e3", "http://x/"], ["fetch", "-m", "1000001", "http://x/"],
                          ["fetch", "-d", "x", "-d", "y", "http://x/"], ["fetch", "-I", "-d", "x", "http://x/"], ["fetch", "-H", "X: a\r\nY: b", "http://x/"],
                          ["status", "--timeout", "0"], ["status", "--timeout", "60001"], ["status", "--timeout"]):
            with self.subTest(arguments):
                self.run_ctl(*arguments, status=2)
        overview = self.run_ctl("--help").out
        commands = re.findall(r"(?m)^  ((?:policy|log|seal) \w+|\w+)", overview)
        documented = re.findall(r"(?m)^\| `((?:policy|log|seal) \w+|\w+)[ `]", pathlib.Path(DOCS).read_text())
        self.assertEqual(commands, documented)
        for command in commands:
            out = self.run_ctl(*command.split(), "--help").out
            self.assertIn(f"usage: attestctl {command} ", out)
            for option in ("--json", "--bus-address", "--timeout", "--help"):
                self.assertIn(option, out)
        for command in ("fetch", "token"):
            section = re.search(rf"(?s)\n## {command}\n(.*?)\n## ", pathlib.Path(DOCS).read_text()).group(1)
            table = re.findall(r"(?m)^\| `(--[a-z-]+)(?: [^`]+)?`(?:, `(-\w)`)? \|", section)
            shown = re.findall(r"(?m)^  +(?:(-\w), )?(--[a-z-]+)", self.run_ctl(command, "--help").out)
            self.assertEqual({(long, short) for long, short in table},
                             {(long, short) for short, long in shown} - {("--json", ""), ("--bus-address", ""), ("--timeout", ""), ("--help", "-h")})
        self.assertRegex(self.run_ctl("--version").out, r"^attestctl \d")

    def test_exit_statuses_are_those_documented(self):
        documented = re.findall(r"(?m)^\| (\d+) \| (\w*) ?\|", pathlib.Path(DOCS).read_text())
        built = re.findall(r'\{ DBUS_PREFIX "(\w+)", (\d+) \}', pathlib.Path(ERRORS).read_text())
        self.assertGreater(len(built), 30)
        self.assertEqual({name: int(status) for status, name in documented if name}, {name: int(status) for name, status in built})
        self.assertEqual([status for status, name in documented if not name], ["60", "61"])

    def run_on_terminal(self, *arguments, columns=0, **more):
        """What it writes, of which a terminal's buffer must hold all."""
        main, side = pty.openpty()
        termios.tcsetwinsize(side, (24, columns))
        environment = {**os.environ, "TERM": "xterm", "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address}
        environment.pop("NO_COLOR", None)
        subprocess.run([CTL, *arguments], stdout=side, timeout=WAIT, env={**environment, **more}, check=False)
        os.close(side)
        shown = b""
        try:
            while piece := os.read(main, 65536):
                shown += piece
        except OSError:
            pass  # EIO: the other side is closed, and nothing is left
        os.close(main)
        return shown.decode()

    def test_colour_on_a_terminal_only(self):
        self.assertIn("\x1b[32mready", self.run_on_terminal("status"))
        self.assertNotIn("\x1b", self.run_on_terminal("status", NO_COLOR="1"))

    def test_long_texts_are_wrapped_on_a_terminal_only(self):
        plain = self.run_ctl("status").out
        shown = self.run_on_terminal("status", columns=40, NO_COLOR="1")
        self.assertEqual(shown.split(), plain.split())
        self.assertIn('policy error  x.conf:3:9: unknown word "ored"\n', plain)
        self.assertIn('policy error  x.conf:3:9: unknown word\r\n              "ored"\r\n', shown)
        # One that does not say how wide it is.
        self.assertEqual(self.run_on_terminal("status", NO_COLOR="1").replace("\r", ""), plain)


class Tokens(Case):
    def test_token_prints_one_line_that_fits_the_challenge(self):
        header, digest = challenge("good.example", "shop.example", self.bus.key)
        out = self.run_ctl("token", "--challenge", header, "--origin", "shop.example").out
        token = base64.urlsafe_b64decode(re.fullmatch(r'PrivateToken token="([^"]+)"\n', out).group(1))
        self.assertEqual((token[:2], token[34:66], token[66:98]), (b"\x00\x02", digest, hashlib.sha256(self.bus.key).digest()))
        report = self.run_json("token", "--challenge", header, "--origin", "shop.example")
        self.assertEqual((report["issuer"], report["attested"], report["quote_shared_by"]), ("good.example", True, 3))
        self.assertEqual((report["token_type"], report["token_type_name"]), (2, "Blind RSA (2048-bit)"))

    def test_token_of_type_1_is_told_as_such(self):
        header, digest = challenge("both.example", "shop.example", None, token_type=1)
        run = self.run_ctl("token", "--challenge", header, "--origin", "shop.example", "--verbose")
        self.assertIn("* issuer key: type 0x0001, key id", run.err)
        token = base64.urlsafe_b64decode(re.fullmatch(r'PrivateToken token="([^"]+)"\n', run.out).group(1))
        self.assertEqual((len(token), token[:2], token[34:66]), (98 + 48, b"\x00\x01", digest))
        report = self.run_json("token", "--challenge", header, "--origin", "shop.example")
        self.assertEqual((report["token_type"], report["token_type_name"]), (1, "VOPRF (P-384, SHA-384)"))

    def test_token_takes_the_challenge_or_a_header_from_standard_input(self):
        header, digest = challenge("good.example", "shop.example", self.bus.key)
        foreign, _ = challenge("good.example", "bank.example", self.bus.key)
        proxy = f"HTTP/1.1 200 Connection established\r\nWWW-Authenticate: {foreign}\r\n\r\n"
        for text in (header, header + "\n", f"HTTP/2 401 \r\nwww-authenticate: Basic realm=x\r\nwww-authenticate: {header}\r\n\r\n",
                     f"{proxy}HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No\r\nWWW-Authenticate: {header}\r\n\r\nbody\n"):
            with self.subTest(text):
                out = self.run_ctl("token", "-c", "-", "-o", "shop.example", data=text.encode()).out
                self.assertEqual(base64.urlsafe_b64decode(re.search(r'"([^"]+)"', out).group(1))[34:66], digest)
        self.run_ctl("token", "-c", "-", "-o", "shop.example", data=b"HTTP/1.1 200 OK\r\n\r\n", status=6)
        self.run_ctl("token", "-c", "-", "-o", "shop.example", data=b"x" * 300_000, status=5)

    def test_token_refusals_have_their_status_and_name(self):
        for issuer, key, origin, status, name in (
                ("nobody.example", self.bus.key, "shop.example", 30, "IssuerUnknown"),
                ("good.example", self.bus.key, "bank.example", 42, "OriginMismatch"),
                ("good.example", self.bus.other_key, "shop.example", 43, "KeyMismatch"),
                ("wrong-signature.example", self.bus.key, "shop.example", 40, "TokenInvalid"),
                ("fail-Sealed.example", self.bus.key, "shop.example", 19, "Sealed")):
            header, _ = challenge(issuer, origin, key)
            with self.subTest(name):
                self.assertIn(f"attestctl: {name}: ", self.run_ctl("token", "-c", header, "-o", "shop.example", status=status).err)
                self.assertEqual(self.run_json("token", "-c", header, "-o", "shop.example", status=status)["error"]["name"], name)

    def test_denied_token_shows_rules_and_remedy(self):
        header, _ = challenge("fail-PolicyDenied.example", "shop.example", self.bus.key)
        err = self.run_ctl("token", "-c", header, "-o", "shop.example", status=22).err
        self.assertIn("os-current: Run Software Updates, then restart.", err)
        self.assertEqual(self.run_json("token", "-c", header, "-o", "shop.example", status=22)["rules"][2]["outcome"], "fail")

    def test_timeout_is_kept(self):
        header, _ = challenge("slow.example", "shop.example", self.bus.key)
        self.run_ctl("token", "-c", header, "-o", "shop.example", "--timeout", 300, status=9)

    def test_no_byte_of_origin_or_token_is_on_the_bus(self):
        header, digest = challenge("good.example", "very-private-shop.example", self.bus.key)
        stop = self.bus.record()
        out = self.run_ctl("token", "-c", header, "-o", "very-private-shop.example").out
        record = stop()
        text = re.search(r'"([^"]+)"', out).group(1)
        token = base64.urlsafe_b64decode(text)
        # The record is whole, or the search below would prove nothing.
        for seen in (b"RequestTokens", b"GetIssuer", b"good.example", self.bus.key):
            self.assertIn(seen, record)
        for secret in (b"very-private-shop", digest, token[2:34], token[98:], token[98:130], text.encode(), text.encode()[20:60]):
            self.assertNotIn(secret, record)


class Fetch(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        make_certificate(cls.top)

    def website(self):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.top / "site.pem", self.top / "site.key")
        return Website(self.bus, self.addCleanup, tls)

    def setUp(self):
        self.site = self.website()

    def fetch(self, path, *arguments, **options):
        return self.run_ctl("fetch", "--cacert", self.top / "site.pem", *arguments, self.site.url + path, **options)

    def to(self, url, status=302):
        return "/to?" + urllib.parse.urlencode({"url": url, "status": status})

    def test_open_page_costs_no_token(self):
        self.assertEqual(self.fetch("/open").out, "open to all\n")
        self.assertEqual(len(self.site.requests), 1)

    def test_guarded_page_is_fetched_with_one_token(self):
        done = self.fetch("/guarded", "-v")
        self.assertEqual(done.out, "welcome\n")
        self.assertEqual(len(self.site.requests), 2)
        self.assertNotIn("Authorization", self.site.requests[0][2])
        for step in ("challenge seen", "challenge: issuer good.example", "issuer key: type 0x0002", "blinded request", "token unblinded",
                     "request repeated with the token", "HTTP 401", "HTTP 200"):
            self.assertIn(step, done.err)
        self.assertEqual(self.fetch("/guarded").err, "")

    def test_output_file_header_method_and_body(self):
        target = self.top / "body"
        self.assertEqual(self.fetch("/guarded", "-o", target, "-H", "X-Test: yes", "-d", "a=b", "-X", "PUT").out, "")
        self.assertEqual(target.read_text(), "welcome\n")
        for method, _, headers, body in self.site.requests:
            self.assertEqual((method, headers["X-Test"], body), ("PUT", "yes", b"a=b"))
        self.fetch("/guarded", "-d", "x")
        self.assertEqual(self.site.requests[-1][0], "POST")
        self.fetch("/empty", "-o", target)
        self.assertEqual(target.read_bytes(), b"")

    def test_second_refusal_is_final_and_shows_its_reason(self):
        target = self.top / "untouched"
        done = self.fetch("/never", "-o", target, status=60)
        self.assertEqual(len(self.site.requests), 2)
        self.assertIn("HTTP 401: the website did not accept the token: TokenSpent: come again", done.err)
        self.assertFalse(target.exists())
        report = json.loads(self.fetch("/never", "--json", status=60).out)
        self.assertEqual((report["status"], report["token_sent"], report["reason"]), (401, True, "TokenSpent"))

    def test_json_outcome_keeps_the_body_apart(self):
        report = json.loads(self.fetch("/guarded", "--json").out)
        self.assertEqual((report["status"], report["token_sent"], report["issuer"]), (200, True, "good.example"))
        self.fetch("/guarded", "--json", "-o", self.top / "json-body")
        self.assertEqual((self.top / "json-body").read_text(), "welcome\n")

    def test_other_statuses_are_60(self):
        self.assertIn("HTTP 404: no such ?[31mpage", self.fetch("/missing", status=60).err)
        self.assertIn("HTTP 401", self.fetch("/basic", status=60).err)
        self.assertEqual(len(self.site.requests), 2)

    def test_redirects_are_followed_if_asked_to(self):
        self.assertIn("HTTP 302; not followed without -L: " + self.site.url + "/guarded", self.fetch("/near", status=60).err)
        self.assertEqual(self.fetch("/near", "-L").out, "welcome\n")
        self.assertIn("not followed, as it leads from https to http", self.fetch(self.to("http://127.0.0.2:1/"), "-L", status=60).err)
        self.assertIn("not followed", self.fetch(self.to("file:///etc/passwd"), "-L", status=60).err)
        self.site.requests.clear()
        self.assertIn("more than 10 redirects", self.fetch("/loop", "-L", status=5).err)
        self.assertEqual(len(self.site.requests), 11)

    def test_redirect_keeps_or_drops_method_and_body(self):
        for status, method, kept in ((301, "POST", False), (302, "POST", False), (302, "PUT", True), (303, "POST", False), (303, "PUT", False),
                                     (307, "POST", True), (308, "PUT", True)):
            with self.subTest(status=status, method=method):
                self.fetch(self.to("/open", status), "-L", "-X", method, "-d", "a=b", "-H", "Content-Type: text/plain", "-H", "X-Test: yes")
                method_then, path, headers, body = self.site.requests[-1]
                self.assertEqual((method_then, path, body), (method, "/open", b"a=b") if kept else ("GET", "/open", b""))
                self.assertEqual(("Content-Type" in headers, headers["X-Test"]), (kept, "yes"))
        self.fetch(self.to("/open", 303), "-L", "-I")
        self.assertEqual(self.site.requests[-1][:2], ("HEAD", "/open"))

    def test_token_is_not_carried_to_a_redirects_target(self):
        self.assertEqual(self.fetch("/then-near", "-L").out, "open to all\n")
        self.assertIn("Authorization", self.site.requests[-2][2])
        self.assertEqual(self.site.requests[-1][1], "/open")
        self.assertNotIn("Authorization", self.site.requests[-1][2])

    def test_each_website_gets_its_own_token_and_nothing_else_of_the_other(self):
        other = self.website()
        self.site.far = other.url + "/guarded"
        self.assertEqual(self.fetch("/then-far", "-L", "-H", "Cookie: of=site", "-H", "X-Test: yes").out, "welcome\n")
        first, second = self.site.requests[-1][2], other.requests
        self.assertEqual([("Authorization" in headers, "Cookie" in headers, headers["X-Test"]) for _, _, headers, _ in second],
                         [(False, False, "yes"), (True, False, "yes")])
        self.assertEqual(first["Cookie"], "of=site")
        self.assertNotEqual(first["Authorization"], second[-1][2]["Authorization"])
        # One that passes on the challenge of another gets nothing for it.
        other.answer_origin = f"127.0.0.1:{self.site.port}"
        self.fetch("/then-far", "-L", status=42)

    def test_a_website_that_redirects_in_circles_gets_three_tokens(self):
        self.fetch("/circle", "-L", status=60)
        self.assertEqual(sum("Authorization" in headers for _, _, headers, _ in self.site.requests), 3)

    def test_body_from_a_file_and_from_standard_input_is_sent_again_with_the_token(self):
        content = os.urandom(3_000_000) + b"\n"
        file = self.top / "upload"
        file.write_bytes(content)
        for option, value, data in (("-d", f"@{file}", None), ("--data-binary", f"@{file}", None), ("-d", "@-", content)):
            with self.subTest(option=option, value=value):
                self.site.requests.clear()
                self.assertEqual(self.fetch("/guarded", option, value, data=data).out, "welcome\n")
                self.assertEqual([(method, body == content) for method, _, _, body in self.site.requests], [("POST", True)] * 2)
        with open(file, "rb") as opened:
            opened.seek(1_000_000)
            subprocess.run([CTL, "fetch", "--cacert", self.top / "site.pem", "-d", "@-", self.site.url + "/open"], stdin=opened, check=True,
                           capture_output=True, timeout=WAIT)
        self.assertEqual(self.site.requests[-1][3], content[1_000_000:])
        self.fetch("/open", "-d", "@/nonexistent", status=8)
        self.fetch("/open", "-d", f"@{self.top}", status=7)

    def test_header_with_the_body_and_alone(self):
        out = self.fetch("/guarded", "-i").out
        self.assertRegex(out, r"(?s)^HTTP/1\.0 200 OK\r\n.*\r\n\r\nwelcome\n$")
        self.assertNotIn("WWW-Authenticate", out)
        self.assertRegex(self.fetch("/guarded", "-I").out, r"(?s)^HTTP/1\.0 200 OK\r\n.*\r\n\r\n$")
        self.assertEqual([request[0] for request in self.site.requests[-2:]], ["HEAD", "HEAD"])
        self.assertRegex(self.fetch("/missing", "-i", status=60).out, r"(?s)^HTTP/1\.0 404 .*\r\n\r\n$")

    def test_silent_and_the_body_of_a_failure(self):
        self.assertEqual(self.fetch("/missing", "-s", status=60).err, "")
        self.assertEqual(self.run_ctl("fetch", "-s", "http://127.0.0.1:1/", status=61).err, "")
        done = self.fetch("/missing", "--fail-with-body", status=60)
        self.assertIn('{"detail":"no such', done.out)
        self.assertIn("HTTP 404", done.err)
        # What goes before the last answer is no part of it.
        self.assertEqual(self.fetch(self.to("/guarded"), "-L", "--fail-with-body").out, "welcome\n")
        self.assertEqual(self.fetch("/never", "--fail-with-body", status=60).out, '{"detail":"come again"}')
        self.assertEqual(self.fetch(self.to("/open"), "--fail-with-body", status=60).out, "elsewhere\n")

    def test_output_file_is_whole_or_as_it_was(self):
        place = self.top / "place"
        place.mkdir()
        target, link = place / "page", place / "link"
        self.fetch("/guarded", "-o", target)
        target.chmod(0o640)
        link.symlink_to(target)
        self.fetch("/open", "-o", link)
        self.assertEqual((target.read_text(), target.stat().st_mode & 0o777, link.is_symlink()), ("open to all\n", 0o640, True))
        for path in ("/missing", "/never", "/short"):
            self.fetch(path, "-o", target, status=61 if path == "/short" else 60)
            self.assertEqual(target.read_text(), "open to all\n")
        self.assertEqual(sorted(file.name for file in place.iterdir()), ["link", "page"])
        self.assertEqual(self.fetch("/short", status=61).out, "short")

    def test_challenge_for_another_site_spends_nothing(self):
        self.site.answer_origin = "bank.example"
        self.fetch("/guarded", status=42)
        self.assertEqual(len(self.site.requests), 1)

    def test_failures_of_the_transfer_are_61(self):
        self.assertIn("certificate", self.run_ctl("fetch", self.site.url + "/open", status=61).err)
        self.assertEqual(self.run_json("fetch", "http://127.0.0.1:1/", status=61)["error"]["status"], 61)

    def test_failures_of_the_output_are_7(self):
        self.fetch("/open", "-o", "/nonexistent/file", status=7)
        self.fetch("/open", "-o", "/dev/full", status=7)

    def test_header_that_is_too_long_is_5(self):
        self.fetch("/long", status=5)

    def test_policy_refusal_shows_the_remedy(self):
        self.site.issuer = "fail-PolicyDenied.example"
        self.assertIn("Run Software Updates", self.fetch("/guarded", status=22).err)

    def test_plain_http_is_for_this_machine_only(self):
        plain = Website(self.bus, self.addCleanup)
        self.assertEqual(self.run_ctl("fetch", plain.url + "/guarded").out, "welcome\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
