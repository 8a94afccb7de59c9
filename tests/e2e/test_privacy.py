#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The table of who may know what, tested: everything that attesterd, attester-net and the issuer receive, and what is left in
their memory, holds neither the origin nor any part of the token."""

import base64
import re
import secrets
import sys
import unittest

from recorder import Recorder
from stack import ISSUER_NAME, Stack

ORIGIN = "very-private-origin.example"


def challenge_header(issuer, origin, key):
    """RFC 9577, section 2.1, written here anew so that the test does not lean on the code that it tests."""
    name, info, context = issuer.encode(), origin.encode(), secrets.token_bytes(32)
    challenge = b"\0\2" + len(name).to_bytes(2, "big") + name + b"\x20" + context + len(info).to_bytes(2, "big") + info
    encode = lambda value: base64.urlsafe_b64encode(value).decode()  # noqa: E731
    return f'PrivateToken challenge="{encode(challenge)}", token-key="{encode(key)}"', context


def spellings(secret):
    """The forms in which a byte string could travel: raw, hex, and base64 at each of the three alignments."""
    forms = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for shift in range(3):
        inner = base64.b64encode(bytes(shift) + secret)
        inner = inner[4:-4] if len(inner) > 16 else inner
        forms |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return forms


PAGE_BYTES = 4096


def memory_of(process):
    """Every readable private byte of a process, but for pages of zeros, of which there are many."""
    pieces = []
    with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb") as memory:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not match:
                continue
            start, end = (int(group, 16) for group in match.groups())
            if end - start > 1 << 30:
                continue  # a sanitizer's shadow
            try:
                memory.seek(start)
                content = memory.read(end - start)
            except OSError:
                continue
            pages = (content[at:at + PAGE_BYTES] for at in range(0, len(content), PAGE_BYTES))
            pieces += [page for page in pages if page.count(0) < len(page)]
    return b"".join(pieces)


def child_of(process):
    with open(f"/proc/{process}/task/{process}/children") as children:
        return int(children.read().split()[0])


class Privacy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = stack = Stack(BUILD)
        cls.addClassCleanup(stack.stop)
        stack.start_ground()
        stack.start_issuer()
        cls.recorder = cls.enterClassContext(
            Recorder(stack.path("tls.pem"), stack.path("tls.key"), stack.path("ca.pem"), stack.issuer_port))
        stack.configure_issuer(url=f"https://localhost:{cls.recorder.port}/.well-known/private-token-issuer-directory")
        stack.spawn("monitor", "dbus-monitor", "--address", stack.environment["DBUS_SYSTEM_BUS_ADDRESS"], "--binary")
        stack.wait("monitor", lambda: stack.path("monitor.log").stat().st_size > 0, "dbus-monitor")
        stack.start_daemon()
        stack.attestctl("enroll", ISSUER_NAME)
        key = cls.issuer_key(stack)
        header, cls.context = challenge_header(ISSUER_NAME, ORIGIN, key)
        authorization = stack.attestctl("token", "--challenge", header, "--origin", ORIGIN).stdout.strip()
        # The last that the bus carries of it: what is searched below has to be there.
        stack.wait("monitor", lambda: b"quote-shared-by" in stack.path("monitor.log").read_bytes(), "the answer, at dbus-monitor")
        cls.token = base64.urlsafe_b64decode(re.search(r'token="?([A-Za-z0-9_=-]+)', authorization).group(1) + "==")

    @staticmethod
    def issuer_key(stack):
        directory = stack.run("curl", "--silent", "--max-time", "10", "--cacert", stack.path("ca.pem"), stack.issuer_url).stdout
        key = re.search(r'"token-key": *"([^"]+)"', directory).group(1)
        return base64.urlsafe_b64decode(key + "==")

    def secrets(self):
        nonce, digest, authenticator = self.token[2:34], self.token[34:66], self.token[98:]
        self.assertEqual(len(authenticator), 256)
        return {"origin": ORIGIN.encode(), "redemption context": self.context, "nonce": nonce, "challenge digest": digest,
                "signature": authenticator, "part of the signature": authenticator[100:132]}

    def assert_holds_none(self, where, content):
        for name, secret in self.secrets().items():
            for form in spellings(secret):
                self.assertNotIn(form, content, f"the {name} is in {where}")

    def test_bus_carries_the_issuer_but_neither_origin_nor_token(self):
        content = self.stack.path("monitor.log").read_bytes()
        self.assertIn(ISSUER_NAME.encode(), content)
        self.assertIn(b"RequestTokens", content)
        self.assert_holds_none("a bus message", content)

    def test_network_carries_request_and_evidence_but_neither_origin_nor_token(self):
        sent = bytes(self.recorder.sent)
        self.assertIn(b"application/private-token-request", sent)
        self.assertIn(b"attestation-evidence", sent.lower())
        self.assert_holds_none("the issuer's traffic", sent + bytes(self.recorder.received))

    def test_issuer_never_sees_who_asked(self):
        sent = bytes(self.recorder.sent).lower()
        for name in (b"cookie:", b"authorization:", b"referer:", b"user:"):
            self.assertNotIn(name, sent)

    def test_memory_of_daemon_net_and_issuer_holds_neither(self):
        daemon, issuer = (self.stack.processes[name].pid for name in ("attesterd", "issuer"))
        for where, process in (("attesterd", daemon), ("attester-net", child_of(daemon)), ("attester-issuer", issuer)):
            content = memory_of(process)
            self.assertGreater(len(content), 100_000, where)
            self.assert_holds_none(f"{where}'s memory", content)

    def test_logs_hold_neither(self):
        for name in ("attesterd", "issuer"):
            self.assertTrue(self.stack.log(name))
            self.assert_holds_none(f"{name}'s log", self.stack.path(f"{name}.log").read_bytes())

    def test_search_finds_what_is_there(self):
        """The check can fail: a planted secret is found in each spelling that it could have."""
        for secret in self.secrets().values():
            for planted in (secret, base64.b64encode(b"xy" + secret + b"z"), secret.hex().encode()):
                self.assertTrue(any(form in planted for form in spellings(secret)))


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main(verbosity=2)
