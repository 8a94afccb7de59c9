# SPDX-License-Identifier: BSD-2-Clause
"""Policy bundles from a web server: what is installed, what is asked again, and that nobody waits for it."""

import hashlib
import http.server
import json
import ssl
import threading
import time

import bus_fixture
from bundle_fixture import BundleCase
from stack import wait_for

SLOW_SECONDS = 20


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server = self.server.owner
        server.seen.append({name.lower(): value for name, value in self.headers.items()})
        if server.slow:
            time.sleep(SLOW_SECONDS)
        tag = f'"{hashlib.sha256(server.body).hexdigest()[:16]}"'
        same = server.status == 200 and self.headers.get("If-None-Match") == tag
        body = b"" if same or server.status == 304 else server.body
        self.send_response(304 if same else server.status)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass


class BundleServer:
    """https://localhost:PORT/, with one body for every path."""

    def __init__(self, stack):
        self.stack, self.seen, self.body, self.status, self.slow = stack, [], b"", 200, False
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.owner = True, self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(stack.path("tls.pem"), stack.path("tls.key"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_port}/example.bundle"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Fetch(BundleCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = BundleServer(cls.stack)
        cls.addClassCleanup(cls.server.stop)
        cls.extra = f"BundleUrl={cls.server.url}\nBundleCaFile={cls.stack.path('ca.pem')}\n"

    def setUp(self):
        """A device that has what the server has."""
        self.n = self.next_base()
        self.server.status, self.server.slow = 200, False
        self.server.body = self.bundles.sign(self.n).read_bytes()
        if self.n == 10:
            self.restart(extra=self.extra)
        self.ask()
        self.wait_for_version(self.n)
        self.server.seen.clear()

    def ask(self):
        """A reload has the bundle fetched at once."""
        self.stack.reload_daemon()

    def wait_for_error(self, text):
        wait_for(lambda: text in self.stack.property("PolicyError"), f"a PolicyError with {text!r}")

    def wait_for_failure(self, name, text):
        """On the bus and in what attestctl shows, with the time."""
        def there():
            known, sentence, _ = self.stack.property("PolicyFetchError")
            return known == f"org.attesterd.Error.{name}" and text in sentence

        wait_for(there, f"{name} on the bus")
        _, sentence, at = self.stack.property("PolicyFetchError")
        self.assertLess(abs(time.time() - at), 300)
        shown = json.loads(self.stack.attestctl("status", "--json").stdout)["policy_fetch_error"]
        self.assertEqual(shown, {"name": name, "message": str(sentence), "time": int(at)})
        self.assertIn(f"policy fetch  {name} at ", self.stack.attestctl("status").stdout)

    def assert_no_failure(self):
        self.assertEqual(tuple(self.stack.property("PolicyFetchError")), ("", "", 0))
        self.assertIsNone(json.loads(self.stack.attestctl("status", "--json").stdout)["policy_fetch_error"])

    def failures(self):
        return self.stack.log("attesterd").count("could not be fetched")

    def test_new_bundle_is_installed_and_the_first_comes_by_itself(self):
        self.assert_in_force(self.n)
        self.server.body = self.bundles.sign(self.n + 1).read_bytes()
        self.ask()
        self.wait_for_version(self.n + 1)
        self.assert_in_force(self.n + 1)
        self.assertEqual(self.server.seen[0]["accept"], "application/octet-stream")
        # Without a bundle the first attempt is within 10 seconds of the start.
        self.stack.end("attesterd")
        self.stack.path("state/bundle").unlink()
        self.restart(extra=self.extra)
        wait_for(lambda: self.stack.property("PolicyVersion") == self.n + 1, "the first bundle", seconds=30)
        self.assert_in_force(self.n + 1)

    def test_bundle_of_the_largest_size_comes_in_pieces(self):
        filler = "".join(f"# {'x' * 120}\n" for _ in range(2000))
        self.server.body = self.bundles.sign(self.n + 1, policy=self.bundles.policy(self.n + 1, text=filler)).read_bytes()
        self.assertGreater(len(self.server.body), 240000)
        self.ask()
        self.wait_for_version(self.n + 1)
        self.server.body = self.server.body + bytes(20000)
        before = self.failures()
        self.ask()
        wait_for(lambda: self.failures() > before, "a failure")
        self.assertEqual(self.stack.property("PolicyVersion"), self.n + 1)

    def test_refused_bundles_leave_what_is_in_force_and_are_fetched_again(self):
        good = self.bundles.sign(self.n + 1).read_bytes()
        self.assert_no_failure()
        for body, name, text in ((good[:-1] + bytes([good[-1] ^ 1]), "PolicyUntrusted", "altered"), (b"<html>", "PolicyInvalid", "no policy bundle"),
                                 (self.bundles.sign(self.n - 1).read_bytes(), "PolicyRolledBack", "is installed"),
                                 (self.bundles.sign(self.n + 2, fleet="other.example").read_bytes(), "PolicyOtherFleet", "other.example"),
                                 (self.bundles.sign(self.n + 2, key="stranger").read_bytes(), "PolicyUntrusted", "not trusted")):
            with self.subTest(text):
                self.server.body = body
                self.ask()
                self.wait_for_error(text)
                self.wait_for_failure(name, text)
                self.assertEqual(self.stack.property("PolicyVersion"), self.n)
                self.stack.request("plain.example")
        # The first one had what was installed named; 304 is no answer to the others.
        self.assertEqual(["if-none-match" in headers for headers in self.server.seen], [True, False, False, False, False])
        self.server.body, self.server.status = good, 304
        before = self.failures()
        self.ask()
        wait_for(lambda: self.failures() > before, "a failure")
        self.server.status = 200
        self.ask()
        self.wait_for_version(self.n + 1)
        self.assert_in_force(self.n + 1)
        wait_for(lambda: not self.stack.property("PolicyFetchError")[0], "the failure to be forgotten")
        self.assert_no_failure()

    def test_device_that_was_set_back_mends_itself(self):
        record = self.stack.path("state/bundle")
        old = record.read_bytes()
        self.server.body = self.bundles.sign(self.n + 1).read_bytes()
        self.ask()
        self.wait_for_version(self.n + 1)
        self.stack.end("attesterd")
        record.write_bytes(old)
        self.restart(extra=self.extra)
        wait_for(lambda: "counted last" in self.stack.log("attesterd"), "the TPM's word")
        wait_for(lambda: self.stack.property("PolicyVersion") == self.n + 1, "the newest bundle", seconds=30)
        self.assert_in_force(self.n + 1)

    def test_what_is_installed_is_not_sent_again(self):
        before, failures = self.counter(), self.failures()
        for _ in range(2):
            self.ask()
        wait_for(lambda: self.server.seen, "the server to be asked")
        self.assertIn("if-none-match", self.server.seen[0])
        self.server.body = self.bundles.sign(self.n + 1).read_bytes()
        self.ask()
        self.wait_for_version(self.n + 1)
        self.assertEqual((self.counter(), self.failures()), (before + 1, failures))

    def test_other_statuses_and_a_server_that_is_down_are_failures(self):
        for status, text in ((404, "HTTP status 404"), (500, "HTTP status 500"), (302, "a redirect")):
            with self.subTest(status):
                self.server.status = status
                before = self.failures()
                self.ask()
                wait_for(lambda: self.failures() > before, "a failure")
                self.wait_for_failure("IssuerRejected", text)
                self.assert_in_force(self.n)
        report = self.stack.attestctl("doctor", check=False).stdout
        self.assertRegex(report, r"(?m)^warning +policy +the fleet's bundle could not be fetched: IssuerRejected at .*a redirect")
        self.assertIn("policy: `BundleUrl=`", report)
        self.restart(extra=self.extra.replace(str(self.server.server.server_port), "1"))
        self.addCleanup(self.restart, extra=self.extra)
        self.wait_for_version(self.n)
        before = self.failures()
        self.ask()
        wait_for(lambda: self.failures() > before, "a failure")
        self.wait_for_failure("IssuerUnreachable", "localhost")
        self.assert_in_force(self.n)
        # What is known is of this URL.
        self.restart()
        self.assert_no_failure()
        # Whether an issuer takes evidence is known once its directory is here: nobody is sent to enrol for nothing.
        self.assertIn(("plain.example", "not-enrolled"), [tuple(row) for row in self.stack.property("Issuers")])
        report = self.stack.attestctl("doctor", check=False).stdout
        self.assertNotIn("enrol", report)
        self.assertRegex(report, r"(?m)^good +plain.example +its directory is here")

    def test_nobody_waits_for_a_server_that_hangs(self):
        self.server.slow = True
        self.ask()
        wait_for(lambda: self.server.seen, "the server to be asked")
        self.stack.request("plain.example", timeout=10)
        self.assertEqual(self.install(self.bundles.sign(self.n + 1)), self.n + 1)
        self.assert_in_force(self.n + 1)


if __name__ == "__main__":
    bus_fixture.main()
