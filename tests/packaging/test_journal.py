#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the programs write to the system's journal: entries, fields and nothing that does not belong there, as journald would get them.

Usage: test_journal.py BUILD-DIRECTORY

A socket stands in for journald's where programs expect it, in a mount namespace of the test's own, which needs root.
"""

import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import namespace  # noqa: E402
from stack import ISSUER_NAME, SOURCE, Stack, StackError, wait_for  # noqa: E402
from visitor import ask  # noqa: E402

SOCKET = "/run/systemd/journal/socket"
POLICY_DENIED, TPM_UNAVAILABLE, SEALED, ISSUER_UNREACHABLE = 22, 17, 19, 31
TABLE = (SOURCE / "base" / "event.c").read_text()
NAMES = dict(re.findall(r'"([0-9a-f]{32})", "([a-z-]+)"', TABLE))
LEVELS = dict(re.findall(r'"[0-9a-f]{32}", "([a-z-]+)", BASE_LOG_(\w+)', TABLE))
PRIORITIES = {"ERROR": "3", "WARNING": "4", "NOTICE": "5"}
FIELDS = set(re.findall(r'"(ATTESTERD_[A-Z]+)"', TABLE))
EVERYWHERE = {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER"}


def parse(datagram):
    """[(field, value)] of an entry in journald's native protocol: NAME=value, or NAME, length and value."""
    entry = []
    while datagram:
        line, datagram = datagram.split(b"\n", 1)
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,), datagram = struct.unpack_from("<Q", datagram), datagram[8:]
            value, datagram = datagram[:length], datagram[length + 1:]
        entry.append((name.decode("ascii"), value.decode("utf-8")))
    return entry


class Journal(threading.Thread):
    """Takes what comes, until it is closed."""

    def __init__(self):
        super().__init__(daemon=True)
        self.entries = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(SOCKET)
        self.start()

    def run(self):
        while datagram := self.socket.recv(1 << 20):
            self.entries.append(parse(datagram))

    def messages(self, program):
        return "".join(dict(entry)["MESSAGE"] + "\n" for entry in list(self.entries) if ("SYSLOG_IDENTIFIER", program) in entry)

    def events(self, name):
        return [entry for entry in list(self.entries) if NAMES.get(dict(entry).get("MESSAGE_ID")) == name]


class JournaledStack(Stack):
    """Each program finds that its output is connected to the journal."""

    def __init__(self, build, journal):
        super().__init__(build)
        self.journal = journal

    def spawn(self, name, *arguments, environment=None):
        log = self.path(f"{name}.log")
        log.touch()
        status = log.stat()
        return super().spawn(name, *arguments, environment={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}", **(environment or {})})

    def log(self, name):
        return super().log(name) + self.journal.messages({"issuer": "attester-issuer", "gate": "attester-gate"}.get(name, name))


class Entries(unittest.TestCase):
    """One system, whose administrator sees each thing happen in turn."""

    @classmethod
    def setUpClass(cls):
        cls.journal = Journal()
        cls.stack = stack = JournaledStack(BUILD, cls.journal)
        cls.addClassCleanup(stack.stop)
        stack.start_ground()
        stack.start_website()
        stack.start_daemon(options=["--log-level", "notice"])

    def token(self, status=0):
        _, challenge, _ = ask(self.stack)
        done = self.stack.attestctl("token", "--challenge", challenge, "--origin", self.stack.origin, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.strip()

    def expect(self, event, message, **fields):
        """The newest entry of the event, which comes within the usual time."""
        found = []

        def seen():
            found[:] = [entry for entry in self.journal.events(event)
                        if all((f"ATTESTERD_{name.upper()}", value) in entry for name, value in fields.items())]
            return found

        try:
            wait_for(seen, event)
        except StackError:
            self.fail(f"no {event} with {fields} in {self.journal.entries[-20:]}")
        entry = dict(found[-1])
        self.assertIn(message, entry["MESSAGE"])
        self.assertEqual(entry["PRIORITY"], PRIORITIES[LEVELS[event]])
        return found[-1]

    def policy(self, text):
        self.stack.write("etc/policy.d/50-test.conf", text)
        self.stack.attestctl("reload", check=False)

    def test_what_an_administrator_looks_for(self):
        device = self.stack.attestctl_json("enroll", ISSUER_NAME)["device"]
        self.expect("enrolled", f"enrolled with {ISSUER_NAME}", issuer=ISSUER_NAME, device=device)
        self.expect("device-enrolled", '"outcome":"enrolled"', device=device, outcome="enrolled")
        self.stack.run(self.stack.build / "issuer/attester-issuer", "--allow-root", "--config", self.stack.path("issuer.conf"), "devices", "group", device, "office")
        self.expect("admin-change", '"detail":"group, group office"', device=device, outcome="ok")
        token = self.token()
        self.assertEqual([ask(self.stack, token)[0], ask(self.stack, token)[0]], [204, 401])
        self.expect("token-spent", '"outcome":"TokenSpent"', origin=self.stack.origin, outcome="TokenSpent")
        self.see_policies(device)
        self.see_faults()
        self.check_all(token, device)

    def see_policies(self, device):
        self.policy("[Policy]\nVersion=1\n[Rule never]\nRequire=os.id == \"none\"\n[Rule neither]\nRequire=os.id == \"none\"\n")
        for _ in range(3):
            self.token(POLICY_DENIED)
        entry = self.expect("policy-denied", "rules never, neither", issuer=ISSUER_NAME)
        self.assertEqual([value for name, value in entry if name == "ATTESTERD_RULE"], ["never", "neither"])
        self.assertEqual(len(self.journal.events("policy-denied")), 1)  # of three requests
        self.policy("[Rule a]\nRequier=x\n")
        self.expect("policy-broken", "50-test.conf:2:1: unknown key 'Requier'", error="PolicyInvalid")
        self.policy("[Policy]\nVersion=2\n")
        # A file's name is part of the message, and may be chosen to look like another entry.
        hostile = self.stack.write("etc/attesterd.conf.d/x\nMESSAGE_ID=0\n<1>y.conf", "[TPM]\nTcty=x\n")
        self.stack.attestctl("reload", check=False)
        self.expect("config-broken", "x\\x0aMESSAGE_ID=0\\x0a<1>y.conf:2:1: unknown key Tcty", error="ConfigInvalid")
        hostile.unlink()
        self.stack.attestctl("reload")
        # The same at the issuer, by a claim of this device.
        self.stack.write("issuer-policy/50-fleet.conf", "[Rule elsewhere]\nRequire=os.id == \"none\"\n")
        self.stack.processes["issuer"].send_signal(signal.SIGHUP)
        wait_for(lambda: '"event":"reload","outcome":"ok"' in self.stack.log("issuer"), "the reload")
        self.token(POLICY_DENIED)
        self.expect("device-refused", '"rule":"elsewhere"', device=device, rule="elsewhere", error="PolicyDenied", outcome="refused")
        self.stack.write("issuer-policy/50-fleet.conf", "[Rule\n")
        self.stack.processes["issuer"].send_signal(signal.SIGHUP)
        self.expect("reload-failed", "50-fleet.conf:1:", error="PolicyInvalid")

    def see_faults(self):
        self.stack.end("issuer")
        self.stack.write("etc/issuers.d/other.conf", "[Issuer]\nName=other.example\nUrl=https://localhost:9/\n")
        self.stack.attestctl("reload")
        self.stack.attestctl("enroll", "other.example", check=False)
        self.expect("enrolment-failed", "enrolment with other.example", issuer="other.example", error="IssuerUnreachable")
        self.token(ISSUER_UNREACHABLE)
        self.expect("issuer-unreachable", f"no tokens of {ISSUER_NAME}", issuer=ISSUER_NAME, error="IssuerUnreachable")
        self.stack.start_issuer(port=self.stack.issuer_port)
        wait_for(self.gets_in, "a token of the issuer that is back")
        self.expect("issuer-recovered", f"tokens of {ISSUER_NAME} again", issuer=ISSUER_NAME)
        self.stack.extend_pcr(7, "another boot")
        self.token(SEALED)
        self.expect("sealed", "PCR", error="Sealed")
        self.stack.attestctl("reseal")
        self.expect("key-replaced", "every issuer needs an enrolment")
        self.stack.end("swtpm")
        self.stack.attestctl("enroll", ISSUER_NAME, check=False)
        self.expect("tpm-unavailable", "the TPM is unavailable", error="TpmUnavailable")
        self.stack.start_tpm()
        wait_for(lambda: self.stack.attestctl("enroll", ISSUER_NAME, check=False).returncode == 0, "enrolment", seconds=40)
        self.expect("tpm-recovered", "the TPM is ready again")

    def gets_in(self):
        _, challenge, _ = ask(self.stack)
        return self.stack.attestctl("token", "--challenge", challenge, "--origin", self.stack.origin, check=False).returncode == 0

    def check_all(self, token, device):
        """No entry has more than what belongs there; those of the device know no website."""
        for entry in self.journal.entries:
            names = {name for name, _ in entry}
            self.assertLessEqual(names - EVERYWHERE - {"MESSAGE_ID"}, FIELDS, entry)
            self.assertLessEqual(EVERYWHERE, names)
            for name, value in entry:
                self.assertNotRegex(value, r"[\x00-\x1f\x7f-\x9f]", name)
                self.assertNotIn(token.split('"')[1][:24], value)
                if ("SYSLOG_IDENTIFIER", "attesterd") in entry:
                    self.assertNotIn(self.stack.origin, value)
        for program, mark in (("attesterd", "on the bus"), ("attester-issuer", '"event":"start"'), ("attester-gate", '"event":"keys"')):
            self.assertIn(mark, self.journal.messages(program))
            # Nothing is said twice: the log file that stands for the stream is empty.
        self.assertEqual([Stack.log(self.stack, name) for name in ("attesterd", "issuer", "gate")], ["", "", ""])


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv[1]).resolve()
    namespace.enter()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/systemd" if os.path.isdir("/run/systemd") else "/run"], check=True, timeout=30)
    os.makedirs(os.path.dirname(SOCKET))
    del sys.argv[1]
    unittest.main(verbosity=2)
