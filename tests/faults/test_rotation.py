#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The issuer's token key rotates while visitors come and go. Usage: test_rotation.py BUILD-DIRECTORY SKEW-LIBRARY

All programs have the same clock, which the test moves: to the day on which the next key is made, over the moment from which it
is used, and to the day on which the old one is removed.
"""

import base64
import json
import pathlib
import re
import signal
import sys
import threading
import time
import unittest

for folder in ("e2e", "issuer"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))
from device import TokenKey  # noqa: E402
from stack import HIGH_LIMITS, ISSUER_NAME, Stack, wait_for  # noqa: E402
from visitor import ask  # noqa: E402

DAY = 86400
VISITORS = 6
OVERLAP = 7 * DAY
AROUND_SECONDS = 4


class RotatingStack(Stack):
    def write(self, name, text):
        return super().write(name, text + "[Keys]\nRotateDays=3\n" if name == "issuer.conf" else text)


class Visitor(threading.Thread):
    """Comes again and again; each visit has to succeed."""

    def __init__(self, test):
        super().__init__()
        self.test, self.stopping, self.keys, self.failures = test, threading.Event(), [], []
        self.start()

    def run(self):
        while not self.stopping.is_set():
            try:
                key, token = self.test.token()
                status = ask(self.test.stack, token)
                if status[0] != 204:
                    self.failures.append(status)
                self.keys.append(key)
            except Exception as error:  # noqa: BLE001
                self.failures.append(repr(error))


class Rotation(unittest.TestCase):
    def setUp(self):
        self.stack = stack = RotatingStack(BUILD)
        self.addCleanup(stack.stop)
        self.offset = 0
        stack.start_ground()
        options = stack.environment.get("ASAN_OPTIONS", "")
        stack.environment.update(LD_PRELOAD=SKEW, ATTESTER_TEST_SKEW=str(stack.write("skew", "0")),
                                 ASAN_OPTIONS=f"{options}:verify_asan_link_order=0")
        stack.start_website()
        stack.start_daemon(limits=HIGH_LIMITS)
        stack.attestctl("enroll", ISSUER_NAME)

    def move_clock(self, seconds):
        self.offset += seconds
        new = self.stack.write("skew.new", str(int(self.offset)))
        new.rename(self.stack.path("skew"))

    def now(self):
        return time.time() + self.offset

    def reload(self):
        """The issuer looks after its keys, and the gate reads them: what both do by themselves within the hour."""
        for name, line in (("issuer", '"event":"reload"'), ("gate", '"event":"keys"')):
            before = self.stack.log(name).count(line)
            self.stack.processes[name].send_signal(signal.SIGHUP)
            wait_for(lambda: self.stack.log(name).count(line) > before, f"{name} reads its keys")
            self.assertIn('"outcome":"ok"', [part for part in self.stack.log(name).splitlines() if line in part][-1])

    def directory(self):
        text = self.stack.run("curl", "--silent", "--max-time", "10", "--cacert", self.stack.path("ca.pem"), self.stack.issuer_url).stdout
        return json.loads(text)["token-keys"]

    def answers_for(self, key):
        """Whether the issuer would sign with this key, or rather says that it has no such one: it looks at that before it asks who wants it."""
        body = self.stack.write("request", "")
        body.write_bytes(TokenKey(base64.urlsafe_b64decode(key["token-key"] + "==")).blind()[0])
        url = self.stack.issuer_url.replace("/.well-known/private-token-issuer-directory", "/token-request")
        status = self.stack.run("curl", "--silent", "--max-time", "10", "--cacert", self.stack.path("ca.pem"), "--output", "/dev/null", "--write-out", "%{http_code}",
                                "--data-binary", f"@{body}", "-H", "Content-Type: application/private-token-request", url).stdout
        self.assertIn(status, ("401", "422"))
        return status == "401"

    def token(self):
        """The key that the gate asked for, and a token by it."""
        status, challenge, reason = ask(self.stack)
        self.assertEqual(status, 401, reason)
        done = self.stack.attestctl("token", "--challenge", challenge, "--origin", self.stack.origin, "--json", check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return re.search('token-key="([^"]+)"', challenge).group(1), json.loads(done.stdout)["authorization"]

    def visit_while(self, work):
        """Visitors come while `work` goes on; returns the keys that they met, in order, and nobody was refused."""
        visitors = [Visitor(self) for _ in range(VISITORS)]
        try:
            work()
        finally:
            for visitor in visitors:
                visitor.stopping.set()
            for visitor in visitors:
                visitor.join(60)
        self.assertEqual([visitor.failures for visitor in visitors], [[]] * VISITORS)
        for visitor in visitors:
            self.assertGreater(len(visitor.keys), 0)
        return [visitor.keys for visitor in visitors]

    def test_visitors_notice_nothing_of_a_rotation(self):
        first = self.directory()
        self.assertEqual(len(first), 1)
        self.move_clock(3 * DAY + 1)
        self.visit_while(self.reload)
        second = self.directory()
        self.assertEqual(len(second), 2)
        fresh = next(key for key in second if key not in first)
        self.assertGreater(fresh["not-before"], self.now())
        self.assertEqual(self.token()[0], self.in_challenge(first[0]))  # announced, and not used yet
        # The device's copy of the directory lives for an hour of a clock that is not moved.
        self.stack.end("attesterd")
        self.stack.start_daemon(limits=HIGH_LIMITS)

        self.move_clock(fresh["not-before"] - self.now() - AROUND_SECONDS / 2)
        old = self.token()[1]
        met = self.visit_while(lambda: time.sleep(AROUND_SECONDS))
        for keys in met:
            changes = [key for at, key in enumerate(keys) if at == 0 or keys[at - 1] != key]
            self.assertEqual(changes, [self.in_challenge(first[0]), self.in_challenge(fresh)])
        self.assertEqual(ask(self.stack, old)[0], 204)  # by the old key, and still good

        # Up to its end the old key answers, and after it no more.
        self.move_clock(fresh["not-before"] + OVERLAP - self.now() - 60)
        self.visit_while(self.reload)
        self.assertIn(first[0], self.directory())
        self.assertTrue(self.answers_for(first[0]))
        self.move_clock(61)
        self.visit_while(self.reload)
        self.assertFalse(self.answers_for(first[0]))
        self.assertTrue(self.answers_for(fresh))
        third = self.directory()
        self.assertNotIn(first[0], third)
        self.assertIn(fresh, third)
        self.assertEqual(self.token()[0], self.in_challenge(fresh))

    @staticmethod
    def in_challenge(key):
        return base64.urlsafe_b64encode(base64.urlsafe_b64decode(key["token-key"] + "==")).decode()


if __name__ == "__main__":
    BUILD, SKEW = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main(verbosity=2)
