#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`attestctl doctor` on a system that ails in one place after another. Usage: test_doctor.py BUILD-DIRECTORY"""

import base64
import getpass
import json
import re
import socket
import unittest

from stack import ISSUER_NAME
from verifier_case import VerifierCase

# As docs/attestctl.md numbers them.
CONFIG_INVALID, TPM_UNAVAILABLE, SEALED, NOT_ENROLLED, POLICY_INVALID, POLICY_DENIED = 11, 17, 19, 20, 21, 22
ISSUER_UNKNOWN, ISSUER_UNREACHABLE, DAEMON_UNREACHABLE = 30, 31, 50
POLICY = "[Policy]\nVersion=1\n[Rule known-os]\nRequire=known(os.id)\n"
DENYING = "[Policy]\nVersion=2\n[Rule never]\nRequire=os.id == nowhere\nRemedy=Move to nowhere.\n"


class Doctor(VerifierCase):
    def examine(self, status, *words, absent=()):
        """Its exit status, the text has the words in this order, and JSON says the same."""
        text = self.stack.attestctl("doctor", check=False)
        self.assertEqual(text.returncode, status, text.stdout + text.stderr)
        at = -1
        for word in words:
            found = text.stdout.find(word, at + 1)
            self.assertGreater(found, at, f"{word!r} in {text.stdout}")
            at = found
        for word in absent:
            self.assertNotIn(word, text.stdout)
        document = self.stack.attestctl("doctor", "--json", check=False)
        self.assertEqual(document.returncode, status)
        findings = json.loads(document.stdout)["findings"]
        self.assertEqual(any(finding["grade"] == "bad" for finding in findings), status != 0)
        return findings

    def reload(self):
        self.stack.attestctl("reload", check=False)

    def test_each_ailment_is_named_with_its_remedy_and_gone_when_it_is_mended(self):
        self.stack.write("root/etc/os-release", "ID=debian\n")
        self.stack.write("root/etc/attesterd/facts.d/own.facts", 'asset = "LAP-4711-Lisbon"\n')
        device = self.start(POLICY, root=self.stack.path("root"))
        self.assertEqual({finding["grade"] for finding in self.examine(0, "ready", ISSUER_NAME, absent=("What to do",))}, {"good"})
        bundle = self.check_bundle(device)
        self.check_bundle_beside_custom_facts()

        self.stack.write("etc/policy.d/50.conf", DENYING)
        self.reload()
        self.examine(POLICY_DENIED, "rule never: os.id is", "What to do", "1. ", "Move to nowhere.")
        self.stack.write("etc/policy.d/50.conf", "[Rule x]\nRequires=1\n")
        self.reload()
        self.examine(POLICY_INVALID, "50.conf:2:1", "What to do", "attestctl policy check")
        self.stack.path("etc/policy.d/50.conf").unlink()
        self.stack.write("etc/attesterd.conf.d/9.conf", "[TPM]\nTctj=x\n")
        self.reload()
        self.examine(CONFIG_INVALID, "9.conf:2:1: unknown key", "What to do", "reload")
        self.stack.path("etc/attesterd.conf.d/9.conf").unlink()
        self.reload()

        self.stack.extend_pcr(7, "another boot chain")
        self.examine(SEALED, "PCR 7", "What to do", "attestctl seal status")
        self.stack.attestctl("reseal")
        self.examine(NOT_ENROLLED, "signs in this boot state", "does not know this device", f"attestctl enroll {ISSUER_NAME}")
        self.stack.attestctl("enroll", ISSUER_NAME)
        self.examine(0)

        self.stack.end("issuer")
        self.stack.end("attesterd")
        self.stack.start_daemon()
        self.examine(ISSUER_UNREACHABLE, ISSUER_NAME, "What to do", "Network, proxy")
        self.stack.end("swtpm")
        self.examine(TPM_UNAVAILABLE, "TPM", "What to do", "1. TPM", f"2. {ISSUER_NAME}")
        self.stack.end("attesterd")
        self.examine(DAEMON_UNREACHABLE, "attesterd", "What to do", "systemctl status attesterd")
        self.assertTrue(bundle)

    def check_bundle(self, device):
        """Holds what it should, and nothing that names the device, a person or a secret."""
        file = self.stack.path("bundle.json")
        self.stack.attestctl("doctor", "--bundle", file)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        text = file.read_text()
        document = json.loads(text)
        self.assertIn("os.id", document["facts"])
        self.assertEqual({finding["grade"] for finding in document["findings"]}, {"good"})
        key = self.stack.path("state", "ak.key").read_bytes()
        for secret in (key[64:96], key[-32:]):
            for form in (secret.hex(), base64.b64encode(secret).decode()[:40]):
                self.assertNotIn(form.lower(), text.lower())
        for name in (device, socket.gethostname(), getpass.getuser(), str(self.stack.top)):
            if len(name) > 5:  # shorter ones are words, too
                self.assertIsNone(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text), name)
        return document

    def check_bundle_beside_custom_facts(self):
        """The person here reads why a rule fails; whom the bundle is sent to does not read the administrator's own facts."""
        file = self.stack.path("custom.json")
        self.stack.write("etc/policy.d/50.conf", '[Rule asset]\nRequire=custom.asset == "LAP-1"\n')
        self.reload()
        self.examine(POLICY_DENIED, "rule asset: custom.asset is LAP-4711-Lisbon")
        self.stack.attestctl("doctor", "--bundle", file, check=False)
        self.assertNotIn("4711", file.read_text())
        self.assertIn("rule asset: by facts of the administrator's own", file.read_text())
        self.stack.path("etc/policy.d/50.conf").unlink()
        self.reload()

    def test_without_an_issuer_that_is_the_thing_to_mend(self):
        self.stack.start_daemon()
        self.examine(ISSUER_UNKNOWN, "none is configured", "What to do", "issuers.d")


if __name__ == "__main__":
    unittest.main(verbosity=2)
