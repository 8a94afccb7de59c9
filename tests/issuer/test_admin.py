#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The admin page over TLS and a Unix socket, and attacks on it. Usage: test_admin.py PROGRAM [unittest arguments]."""

import http.client
import os
import pathlib
import re
import socket
import ssl
import stat
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

import cbor2

from admin_case import Certificates, Client, UnixConnection, documented, populate, run_documented, tls_client
from device import Device
from issuer_case import PROGRAM, IssuerCase
from running_issuer import server_certificate

PAGES = ("/", "/devices", "/groups", "/states", "/refusals", "/keys")
STATIC = ("/style.css", "/script.js", "/icon.svg")
POLICY = "[Policy]\nVersion=3\n[Rule firmware]\nRequire=pcr.approved@hardware\n[Rule system]\nRequire=os.id in {debian ubuntu}\n"
MARKUP = "<img src=x onerror=alert(1)>\"'&"


def boot_state(number):
    """PCRs 0, 2, 4 and 7, SHA-256."""
    return {0x000B: {pcr: bytes([16 * number + pcr]) * 32 for pcr in (0, 2, 4, 7)}}


class AdminCase(IssuerCase):
    """An issuer whose page takes alice's certificate as docs/issuer.md makes it."""

    more = ""

    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.addClassCleanup(cls.certificates.close)
        cls.options = {"policy": POLICY, "issuer": "RequestTimeout=2\nIdleTimeout=2", "keys": cls.certificates.section(cls.more)}
        super().setUpClass()
        cls.alice, cls.bob = (tls_client(cls.certificates, cls.issuer, name) for name in ("alice", "bob"))

    def changes(self):
        return [event for event in self.issuer.events() if event["event"] == "admin"]

    def standing(self, device=None):
        shown = subprocess.run(self.issuer.command("devices", "list"), check=True, timeout=20, capture_output=True, text=True).stdout
        return next(line.split()[1] for line in shown.splitlines() if line.startswith(device or self.device_id))


class AdminTls(AdminCase):
    def assert_locked_out(self, name):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.assertRaises((OSError, http.client.HTTPException)):
                tls_client(self.certificates, self.issuer, name, version).get("/style.css")

    def test_right_certificate_gets_every_page_with_every_header(self):
        for path in (*PAGES, *STATIC, f"/device?id={self.device_id}", f"/change?do=revoke&id={self.device_id}"):
            answer = self.alice.get(path)
            self.assertEqual(answer.status, 200, path)
            self.assert_closed(answer)
            if path not in STATIC:
                self.assertIn("CN=alice,O=Example", answer.text)
        for method, path, status in (("GET", "/nothing", 404), ("GET", "/device?id=none", 404), ("POST", "/devices", 405), ("PUT", "/change", 405)):
            answer = self.alice.request(method, path)
            self.assertEqual(answer.status, status, path)
            self.assert_closed(answer)
            self.assertRegex(answer.text, r'role="alert">[A-Z][^<]*\.</p>')

    def assert_closed(self, answer):
        policy = answer.headers["Content-Security-Policy"]
        self.assertTrue(policy.startswith("default-src 'none'; ") and "frame-ancestors 'none'" in policy and "unsafe" not in policy, policy)
        self.assertEqual([answer.headers[name] for name in ("X-Frame-Options", "X-Content-Type-Options", "Cache-Control", "Referrer-Policy")],
                         ["DENY", "nosniff", "no-store", "same-origin"])
        self.assertIsNone(answer.headers["Set-Cookie"])
        self.assertNotRegex(answer.text, r"<[^>]* (style|on\w+)=|<script>|<style|https?://(?!www.w3.org/2000/svg)")

    def test_absent_foreign_expired_and_misused_certificates_are_locked_out(self):
        for name in (None, "other/alice", "expired", "server"):
            with self.subTest(name):
                self.assert_locked_out(name)
        details = " ".join(event["detail"] for event in self.changes())
        for why in ("is needed", "issuer is unknown", "expired", "purpose"):
            self.assertIn(why, details)
        self.assertEqual(self.alice.get("/style.css").status, 200)

    def test_revoked_certificate_is_locked_out_and_so_is_its_open_connection(self):
        self.addCleanup(lambda: (self.certificates.revoked.write_text("# nobody\n"), self.issuer.reload()))
        for entry in (documented("-fingerprint").replace("alice", "carol"), "echo CN=carol,O=Example > admin-revoked"):
            carol = tls_client(self.certificates, self.issuer, "carol").connect()
            carol.request("GET", "/keys")
            self.assertEqual(carol.getresponse().read()[:15], b"<!doctype html>")
            run_documented(self.certificates.directory, entry)
            self.issuer.reload()
            try:
                carol.request("POST", "/change", body=b"")
                self.assertEqual(carol.getresponse().status, 403)
            except (OSError, http.client.HTTPException):
                pass  # its connection may have ended
            carol.close()
            self.assert_locked_out("carol")
            self.assertEqual(self.alice.get("/style.css").status, 200)
            self.certificates.revoked.write_text("")
            self.issuer.reload()
            self.assertEqual(tls_client(self.certificates, self.issuer, "carol").get("/style.css").status, 200)

    def test_broken_list_is_named_and_the_old_one_stays(self):
        self.addCleanup(lambda: (self.certificates.revoked.write_text("# nobody\n"), self.issuer.reload()))
        self.certificates.revoked.write_text("CN=bob,O=Example\n")
        self.issuer.reload()
        self.certificates.revoked.write_text("CN=bob,O=Example\nbob\n")
        self.assertIn("admin-revoked:2:1: ", self.issuer.reload("failed"))
        self.assert_locked_out("bob")

    def test_page_is_nowhere_else_and_nothing_else_is_here(self):
        for path in (*PAGES[1:], *STATIC, "/change"):
            self.assertEqual(self.issuer.request("GET", path).status, 404)
        for path in ("/token-request", "/enroll", "/nonce", "/metrics", "/healthz"):
            self.assertEqual(self.alice.get(path).status, 404)
        self.assertNotIn("admin", str(self.issuer.metrics()))

    # --- changes -----------------------------------------------------------------------------------------------------

    def test_revoke_and_restore_are_asked_for_then_done_and_logged(self):
        form = self.alice.form(do="revoke", id=self.device_id)
        self.assertEqual(self.standing(), "active")
        answer = self.alice.post(form, Origin=f"https://127.0.0.1:{self.issuer.admin_port}", Sec_Fetch_Site="same-origin")
        self.assertEqual((answer.status, answer.headers["Location"]), (303, f"/device?id={self.device_id}"))
        self.assertEqual(self.standing(), "revoked")
        response, _ = self.ask()
        self.assertEqual((response.status, response.reason), (403, "NotAuthorized"))
        self.assertIn("revoked", self.alice.get(answer.headers["Location"]).text)
        self.assertEqual(self.alice.change(do="restore", id=self.device_id).status, 303)
        self.assertEqual(self.standing(), "active")
        first, second = self.changes()[-2:]
        self.assertEqual([(event["outcome"], event["detail"], event["device"]) for event in (first, second)],
                         [("ok", "revoke", self.device_id), ("ok", "restore", self.device_id)])
        self.assertRegex(first["who"], r"^CN=alice,O=Example \(certificate [0-9a-f]{64}\)$")

    def booted(self, state):
        """A device that is enrolled and in this boot state, and its identifier."""
        who = Device()
        who.pcrs = boot_state(state)
        return who, cbor2.loads(self.issuer.enroll(who).body)[2]

    def test_refused_device_is_seen_and_its_state_approved(self):
        who, identifier = self.booted(1)
        self.assertEqual(self.ask(who)[0].status, 403)
        page = self.alice.get("/refusals").text
        self.assertIn(identifier, page)
        self.assertIn("firmware: pcr.approved is false", page)
        self.assertEqual(self.alice.change(do="approve", id=identifier).status, 303)
        self.assert_issued(who)
        row = self.alice.get(f"/device?id={identifier}").text
        self.assertIn("<span class=\"badge good\">approved</span>", row)
        self.assertIn("not sealed", row)
        state = re.search(r"state=([0-9a-f]{64})", self.alice.get("/states").text)[1]
        self.assertEqual(self.alice.change(do="disapprove", state=state, group="").status, 303)
        self.assertEqual(self.ask(who)[0].status, 403)

    def test_state_that_changed_between_the_question_and_the_answer_is_not_approved(self):
        who, identifier = self.booted(1)
        self.ask(who)
        form = self.alice.form(do="approve", id=identifier)
        who.pcrs = boot_state(2)
        self.ask(who)
        answer = self.alice.post(form)
        self.assertEqual(answer.status, 404)
        self.assertIn("look at it again", answer.text)
        self.assertEqual(self.changes()[-1]["outcome"], "failed")
        self.assertEqual(self.ask(who)[0].status, 403)

    def test_forms_that_this_page_did_not_give_to_this_person_change_nothing(self):
        other = cbor2.loads(self.issuer.enroll(Device()).body)[2]
        form = self.alice.form(do="revoke", id=self.device_id)
        here = f"https://127.0.0.1:{self.issuer.admin_port}"
        attacks = {
            "no token": (self.alice, {key: value for key, value in form.items() if key != "token"}, {}),
            "another token": (self.alice, {**form, "token": "0" * 64}, {}),
            "no hex": (self.alice, {**form, "token": "zz"}, {}),
            "another person's": (self.bob, form, {}),
            "for another device": (self.alice, {**form, "id": other}, {}),
            "for another change": (self.alice, {**form, "do": "restore"}, {}),
            "with a group": (self.alice, {**form, "group": "x"}, {}),
            "kept": (self.alice, {**form, "expires": str(int(form["expires"]) + 9999)}, {}),
            "another website": (self.alice, form, {"Origin": "https://evil.example"}),
            "a name that begins so": (self.alice, form, {"Origin": here + ".evil.example"}),
            "without TLS": (self.alice, form, {"Origin": here.replace("https", "http")}),
            "nowhere": (self.alice, form, {"Origin": "null"}),
            "another port": (self.alice, form, {"Origin": f"https://127.0.0.1:{self.issuer.port}"}),
            "across websites": (self.alice, form, {"Sec_Fetch_Site": "cross-site"}),
            "the same website": (self.alice, form, {"Sec_Fetch_Site": "same-site"}),
        }
        for name, (client, fields, headers) in attacks.items():
            with self.subTest(name):
                self.assertEqual(client.post(fields, **headers).status, 403)
        for name, (fields, headers) in {"text": (form, {"Content_Type": "text/plain"}), "nothing": ({}, {}),
                                        "something else": ({"do": "format"}, {})}.items():
            with self.subTest(name):
                self.assertEqual(self.alice.post(fields, **headers).status, 400)
        # A link is no change, whatever it says.
        self.assertEqual(self.alice.get("/change?" + urllib.parse.urlencode(form)).status, 200)
        self.assertEqual(self.alice.request("HEAD", "/change?" + urllib.parse.urlencode(form)).status, 200)
        self.assertEqual((self.standing(), self.standing(other)), ("active", "active"))
        refused = [event for event in self.changes() if event["outcome"] == "refused" and "who" in event]
        self.assertGreaterEqual(len(refused), len(attacks))
        # The honest one, beside them.
        self.assertEqual(self.alice.post(form, Origin=here).status, 303)
        self.assertEqual(self.standing(), "revoked")
        self.assertEqual(self.alice.change(do="restore", id=self.device_id).status, 303)

    def test_group_is_changed_and_markup_in_it_stays_text(self):
        self.addCleanup(lambda: self.alice.change(do="group", id=self.device_id, group=""))
        self.assertEqual(self.alice.change(do="group", id=self.device_id, group=MARKUP).status, 303)
        self.issuer.token_request(*self.lie())
        for path in ("/", "/devices", "/groups", "/refusals", f"/device?id={self.device_id}", f"/change?do=revoke&id={self.device_id}",
                     "/devices?" + urllib.parse.urlencode({"q": MARKUP}), "/change?" + urllib.parse.urlencode({"do": "group", "id": self.device_id, "group": MARKUP})):
            answer = self.alice.get(path)
            self.assertEqual(answer.status, 200)
            self.assertEqual([tag for tag in answer.page.tags if tag[0] == "img"], [("img", {"src": "/icon.svg", "alt": "", "width": "20", "height": "20"})])
            self.assertIn(MARKUP, answer.page.text + str([attributes.get("value") for _, attributes in answer.page.tags]).replace("\\'", "'"))
        self.assertEqual(self.alice.get("/change?" + urllib.parse.urlencode({"do": "group", "id": self.device_id, "group": "x" * 65})).status, 400)

    def lie(self):
        request, _ = self.key.blind()
        return request, self.device.evidence(request, self.issuer.nonce(), facts={"os.id": [2, MARKUP], "os.version": [3, "12"]})

    def test_characters_that_turn_or_break_the_text_are_replaced(self):
        self.addCleanup(lambda: self.alice.change(do="group", id=self.device_id, group=""))
        subprocess.run([*map(os.fsencode, self.issuer.command("devices", "group", self.device_id)), b"a\xe2\x80\xaeb\xffc\x1bd"], check=True, timeout=20)
        self.assertIn("a\ufffdb\ufffdc\ufffdd", self.alice.get(f"/device?id={self.device_id}").page.text)

    # --- search, paths, sizes ----------------------------------------------------------------------------------------

    def found(self, **query):
        answer = self.alice.get("/devices?" + urllib.parse.urlencode(query))
        self.assertEqual(answer.status, 200, query)
        return re.findall(r'<a class="id" href="/device\?id=([0-9a-f]+)"', answer.text)

    def test_search_finds_by_identifier_name_and_group_and_knows_no_wildcards(self):
        subprocess.run(self.issuer.command("devices", "group", self.device_id, "cafe"), check=True, timeout=20)
        name = re.search(r"000b[0-9a-f]{64}", self.alice.get(f"/device?id={self.device_id}").text)[0]
        mine = [self.device_id]
        for query in ({"q": self.device_id}, {"q": self.device_id.upper()}, {"q": self.device_id[:9]}, {"q": name}, {"q": name[:11]}, {"q": "cafe"},
                      {"q": "cafe", "in": "group"}, {"q": self.device_id[:9], "in": "id"}, {"q": name[:12].upper(), "in": "name"}):
            self.assertEqual(self.found(**query), mine, query)
        everything = self.found()
        self.assertIn(self.device_id, everything)
        for query in ("%", "_", "*", "c_fe", "%%cafe", "caf", "' OR '1'='1", "\" OR 1=1 --", "; DROP TABLE devices", "cafe' UNION SELECT 1", "🦊", "x" * 160):
            for kind in ("", "id", "name", "group"):
                self.assertEqual(self.found(q=query, **({"in": kind} if kind else {})), [], (query, kind))
        self.assertEqual(self.found(), everything)

    def test_queries_that_are_none_are_refused(self):
        for query in ("q=%00", "q=a%00b", "q=%ff", "q=%c3", "q=%1b", "q=1&q=2", "in=all", "q=" + "x" * 161, "a" * 17 + "=1", "&".join(f"a{i}=1" for i in range(13)),
                      "after=%25"):
            answer = self.alice.get(f"/devices?{query}")
            self.assertIn(answer.status, (400, 404), query)
            self.assertIn("<!doctype html>", answer.text)

    def test_paths_out_of_the_page_lead_nowhere(self):
        for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//devices", "/devices/", "/devices/..", "/style.css/../keys", "/registry.db",
                     "/%2fdevices", "/DEVICES", "/state/registry.db", "/.git/config", "*"):
            self.assertIn(self.alice.get(path).status, (400, 404), path)

    def test_large_queries_and_bodies_are_refused(self):
        self.assertIn(self.alice.get("/devices?q=" + "x" * 60_000).status, (400, 413, 414, 431))
        self.assertEqual(self.alice.request("POST", "/change", b"a" * 5000, Content_Type="application/x-www-form-urlencoded").status, 413)
        self.assertEqual(self.alice.get("/keys").status, 200)

    def test_slow_peers_are_cut_off_and_others_served(self):
        plain = socket.create_connection(("127.0.0.1", self.issuer.admin_port), timeout=30)
        context = self.certificates.context(self.issuer, "alice")
        slow = context.wrap_socket(socket.create_connection(("127.0.0.1", self.issuer.admin_port), timeout=30), server_hostname="127.0.0.1")
        plain.sendall(b"\x16\x03")
        slow.sendall(b"GET /keys HTTP/1.1\r\n")
        self.assertEqual(self.alice.get("/keys").status, 200)
        with self.assertRaises(OSError):
            for _ in range(150):
                slow.sendall(b"X")
                time.sleep(0.2)
        try:
            while plain.recv(64):
                pass
        except ConnectionError:
            pass
        for connection in (plain, slow):
            connection.close()


class AdminAllowList(AdminCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.NamedTemporaryFile("w", prefix="attester-admins-", suffix=".list") as file:
            file.write("# who may\nsubject=CN=alice,O=Example\n")
            file.flush()
            cls.more = f"ClientAllowList={file.name}"
            super().setUpClass()

    def test_only_the_certificates_of_the_list_come_in(self):
        self.assertEqual(self.alice.get("/keys").status, 200)
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.bob.get("/keys")
        self.assertIn("not on the allow-list", self.changes()[-1]["detail"])


class AdminUnix(IssuerCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="attester-admin-socket-")
        cls.addClassCleanup(directory.cleanup)
        cls.socket = pathlib.Path(directory.name) / "admin.sock"
        cls.options = {"policy": POLICY, "keys": f"[Admin]\nListen=unix:{cls.socket}"}
        super().setUpClass()
        cls.client = Client(lambda: UnixConnection(cls.socket))

    def test_owner_gets_in_and_is_named(self):
        self.assertEqual(stat.S_IMODE(self.socket.stat().st_mode), 0o660)
        for path in PAGES:
            self.assertEqual(self.client.get(path).status, 200)
        self.assertEqual(self.client.change(do="revoke", id=self.device_id).status, 303)
        self.assertEqual(self.client.change(do="restore", id=self.device_id).status, 303)
        self.assertRegex(self.issuer.events()[-1]["who"], rf"^user \S.* \(uid {os.geteuid()}\)$")

    def test_website_by_another_name_does_not_get_in(self):
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8080", ""):
            self.assertEqual(self.client.get("/devices", Host=host).status, 403, host)
        for host in ("localhost", "localhost:8080", "127.0.0.1:9", "[::1]:8080"):
            self.assertEqual(self.client.get("/devices", Host=host).status, 200, host)
        self.assertEqual(self.client.post({}, Host="localhost:8080", Origin="http://localhost:8081").status, 403)

    def test_other_user_does_not_get_in(self):
        config = self.issuer.config.read_text()
        self.addCleanup(lambda: (self.issuer.stop(), self.issuer.config.write_text(config), self.issuer.start()))
        self.issuer.stop()
        self.issuer.config.write_text(config + f"\nAllowedUsers={os.geteuid() + 1} {os.geteuid() + 2}\n")
        self.issuer.start()
        seen = len(self.issuer.events())
        for path in ("/", "/style.css", "/nothing"):
            answer = self.client.get(path)
            self.assertEqual(answer.status, 403)
            self.assertIn("AllowedUsers=", answer.text)
        self.assertEqual(self.client.post({}).status, 403)
        self.issuer.wait_for_event(lambda event: event["outcome"] == "refused" and event in self.issuer.events()[seen:])

    def test_a_hundred_thousand_devices_and_other_programs_beside(self):
        populate(self.issuer.directory / "state", 100_000)
        stopped, failed = threading.Event(), []

        def ask_for_tokens():
            while not stopped.is_set():
                response, _ = self.ask()
                if response.status != 403 or response.reason != "PolicyDenied":
                    failed.append(response.body)

        asking = threading.Thread(target=ask_for_tokens)
        asking.start()
        try:
            seen, path = set(), "/devices"
            for _ in range(8):
                answer = self.client.get(path)
                self.assertLess(len(answer.body), 64 * 1024)
                rows = set(re.findall(r'<a class="id" href="/device\?id=([0-9a-f]+)"', answer.text))
                self.assertEqual((len(rows), rows & seen), (50, set()))
                seen |= rows
                path = re.search(r'rel="next" href="([^"]+)"', answer.text)[1].replace("&amp;", "&")
            for path in (*PAGES, "/devices?q=office", "/devices?q=0", "/devices?in=revoked", "/devices?in=name&q=000b"):
                answer = self.client.get(path)
                self.assertEqual(answer.status, 200, path)
                self.assertLess(len(answer.body), 64 * 1024)
            self.assertIn("98,9", self.client.get("/").text)
            # Another program that opens and closes the database leaves the issuer's connections as they are.
            for _ in range(2):
                subprocess.run(self.issuer.command("devices", "group", self.device_id, ""), check=True, timeout=60)
                self.assertTrue((self.issuer.directory / "state" / "registry.db-wal").exists())
                self.assertEqual(self.client.change(do="group", id=self.device_id, group="office").status, 303)
                self.assertEqual(self.client.get(f"/device?id={self.device_id}").status, 200)
        finally:
            stopped.set()
            asking.join(timeout=60)
        self.assertEqual(failed, [])


class AdminConfig(unittest.TestCase):
    """What must not start, and is said beforehand."""

    def test_check_of_the_configuration_reads_what_it_names(self):
        with tempfile.TemporaryDirectory() as directory:
            config, authorities = pathlib.Path(directory) / "issuer.conf", pathlib.Path(directory) / "ca.pem"
            listed = pathlib.Path(directory) / "list"
            certificate, key = server_certificate(pathlib.Path(directory))
            authorities.write_bytes(certificate.read_bytes())
            listed.write_text("# none\nCN=alice\nsha256 Fingerprint=" + ":".join(["AB"] * 32) + "\n" + "0" * 64 + "\n")
            tls = f"Listen=127.0.0.1:1\nCertificate={certificate}\nCertificateKey={key}\nClientCA="
            for section, wanted in ((f"{tls}{authorities}\nClientAllowList={listed}", ""), (f"{tls}/nowhere", "/nowhere"), (f"{tls}{key}", "authorities"),
                                    (f"{tls}{authorities}\nClientAllowList={authorities}", "ca.pem:1:1"),
                                    ("Listen=unix:/x\nAllowedUsers=root 5", ""), ("Listen=unix:/x\nAllowedUsers=no-such-user", "no-such-user"),
                                    ("Listen=unix:/x\nAllowedUsers=65534", "every user")):
                config.write_text(f"[Issuer]\nName=i\nListen=127.0.0.1:9\nTls=no\nStateDirectory={directory}\n[Verifier]\nRequireEkCertificate=no\n[Admin]\n{section}\n")
                result = subprocess.run([PROGRAM, "--config", config, "--check-config"], capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual(result.returncode == 0, wanted == "", (section, result.stderr))
                self.assertIn(wanted, result.stderr)

    def test_page_without_proof_of_who_asks_does_not_open(self):
        with tempfile.TemporaryDirectory() as directory:
            config = pathlib.Path(directory) / "issuer.conf"
            for section, wanted in (("Listen=0.0.0.0:1", "ClientCA="), ("Listen=127.0.0.1:1", "ClientCA="), ("ClientCA=/x", "needs Listen="),
                                    ("Listen=unix:/x\nClientCA=/x", "ClientCA="), ("Listen=127.0.0.1:1\nClientCA=/x\nAllowedUsers=root", "AllowedUsers="),
                                    ("Listen=127.0.0.1:1\nClientCA=/x", "Certificate="), ("Listen=127.0.0.1:9\nClientCA=/x", "public"),
                                    ("Listen=unix:x", "unix:x"), ("Listen=127.0.0.1:1\nClientCA=/x\nCertificate=/x", "belong together")):
                config.write_text(f"[Issuer]\nName=i\nListen=127.0.0.1:9\nTls=no\nStateDirectory={directory}\n[Verifier]\nRequireEkCertificate=no\n[Admin]\n{section}\n")
                result = subprocess.run([PROGRAM, "--config", config, "--check-config"], capture_output=True, text=True, timeout=30, check=False)
                self.assertNotEqual(result.returncode, 0, section)
                self.assertIn(wanted, result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
