#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`attestctl seal`: the next boot is approved before it happens, and a sealed key explained. Usage: test_seal_tools.py BUILD-DIRECTORY

Beside systemd-measure, OpenSSL and tpm2-tools.
"""

import base64
import hashlib
import json
import sys
import unittest

from stack import ISSUER_NAME, SOURCE
from verifier_case import VerifierCase

sys.path.insert(0, str(SOURCE / "tests" / "issuer"))
from event_log import EventLog  # noqa: E402

SEALED, NOT_ENROLLED = 19, 20  # as docs/attestctl.md numbers them
PCR = 11
PHASE = "enter-initrd"
SYSTEMD_MEASURE = "/usr/lib/systemd/systemd-measure"
POLICY = "[Policy]\nVersion=1\n[Rule known-os]\nRequire=known(os.id)\n"


class Tools(VerifierCase):
    def setUp(self):
        super().setUp()
        self.key, self.public = self.stack.path("fleet.key"), self.stack.path("fleet.pem")
        self.stack.run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key)
        self.key.chmod(0o600)
        self.stack.run("openssl", "pkey", "-in", self.key, "-pubout", "-out", self.public)
        self.signatures = self.stack.path("signatures.json")

    def sections(self, system):
        """What a unified kernel image of that system would hold, in the order in which it is measured."""
        return {name: self.stack.write(f"{system}{name}", f"{system}'s {name}") for name in (".linux", ".osrel", ".cmdline", ".initrd")}

    def predict(self, system, *options):
        sections = [word for name, file in self.sections(system).items() for word in ("--section", f"{name}={file}")]
        return self.stack.attestctl("seal", "predict", *sections, "--phases", PHASE, *options, "--json").stdout

    def approve(self, system, *options):
        states = self.stack.write(f"{system}.json", self.predict(system))
        self.stack.attestctl("seal", "sign", "--key", self.key, "--output", self.signatures, *options, states)

    def boot(self, system):
        """What systemd-stub and systemd-pcrphase measure when that system starts."""
        self.stack.end("attesterd")
        self.stack.end("swtpm")
        self.stack.start_tpm()
        pieces = [piece for name, file in self.sections(system).items() for piece in (name.encode() + b"\0", file.read_bytes())]
        for piece in [*pieces, PHASE.encode()]:
            self.stack.run("tpm2_pcrextend", f"{PCR}:sha256={hashlib.sha256(piece).hexdigest()}", "-T", self.stack.tcti)

    def seal_status(self, status):
        result = self.stack.attestctl("seal", "status", "--json", check=False)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return json.loads(result.stdout)

    def test_status_in_mode_pcr_names_the_events_that_changed_a_register(self):
        honest = EventLog((SOURCE / "tests/data/eventlogs/rhel8-uefi.bin").read_bytes())
        name = "SecureBoot".encode("utf-16-le")
        other = honest.with_measured_text(7, lambda text: text[:-1] + bytes([text[-1] ^ 1]) if name in text else text)
        self.stack.replay_log(honest)
        self.start(POLICY, pcrs="sha256:4,7")
        status = self.seal_status(0)
        self.assertEqual([(pcr["pcr"], pcr["changed"]) for pcr in status["pcrs"]], [(4, False), (7, False)])
        self.assertIsNone(status["events"])
        self.stack.end("attesterd")
        self.stack.end("swtpm")
        self.stack.start_tpm()
        self.stack.replay_log(other)
        self.stack.start_daemon(pcrs="sha256:4,7")
        log = self.stack.path("log")
        log.write_bytes(other.data)
        result = self.stack.attestctl("seal", "status", "--log", log, check=False)
        self.assertEqual(result.returncode, SEALED, result.stderr)
        self.assertRegex(result.stdout, r"sha256:7 .* changed")
        self.assertRegex(result.stdout, r"sha256:4 .* same")
        self.assertIn("SecureBoot", result.stdout)
        status = json.loads(self.stack.attestctl("seal", "status", "--log", log, "--json", check=False).stdout)
        self.assertEqual({event["pcr"] for event in status["events"]}, {7})
        self.assertTrue(status["state"].startswith("sealed: "))

    def test_status_without_a_key_says_so(self):
        self.stack.start_issuer(policy=POLICY)
        self.stack.configure_issuer()
        self.stack.start_daemon()
        result = self.stack.attestctl("seal", "status", check=False)
        self.assertEqual(result.returncode, NOT_ENROLLED)
        self.assertIn("enroll", result.stderr)

    def test_approved_boot_keeps_the_device_and_another_is_sealed(self):
        seal = f"[Seal]\nMode=signed\nPublicKey={self.public}\nSignatures={self.signatures}\n"
        self.approve("A")
        self.boot("A")
        device = self.start(POLICY, pcrs=f"sha256:{PCR}", limits=seal)
        self.assert_gets_in()
        self.assertEqual(self.seal_status(0)["pcrs"][0]["changed"], False)
        self.boot("B")
        self.stack.start_daemon(pcrs=f"sha256:{PCR}", limits=seal)
        self.assertIn("PCR 11", self.assert_fails(SEALED))
        status = self.seal_status(SEALED)
        self.assertEqual((status["mode"], status["authority"][:4], status["policy_ref"]), ("signed", "000b", ""))
        [pcr] = status["pcrs"]
        expected = {system: json.loads(self.predict(system))["states"][0]["pcrs"][0]["value"] for system in "AB"}
        self.assertEqual((pcr["pcr"], pcr["changed"], pcr["approved"], pcr["present"]), (PCR, True, expected["A"], expected["B"]))
        self.approve("B")
        self.assert_gets_in()
        self.assertEqual(self.stack.attestctl_json("enroll", ISSUER_NAME)["device"], device)
        self.boot("A")  # its signature is still in the file
        self.stack.start_daemon(pcrs=f"sha256:{PCR}", limits=seal)
        self.assert_gets_in()
        self.boot("C")
        self.stack.start_daemon(pcrs=f"sha256:{PCR}", limits=seal)
        self.assert_fails(SEALED)

    def test_prediction_is_what_the_tpm_comes_to(self):
        self.boot("A")
        [state] = json.loads(self.predict("A"))["states"]
        text = self.stack.run("tpm2_pcrread", f"sha256:{PCR}", "-T", self.stack.tcti).stdout
        self.assertIn(state["pcrs"][0]["value"].upper(), text.upper())

    def measure(self, verb, *options):
        sections = [f"--{name[1:]}={file}" for name, file in self.sections("A").items()]
        return json.loads(self.stack.run(SYSTEMD_MEASURE, verb, *sections, f"--phase={PHASE}", "--bank=sha256", "--json=short", *options).stdout)

    def test_prediction_and_signature_are_those_of_systemd_measure(self):
        [state] = json.loads(self.predict("A"))["states"]
        [theirs] = self.measure("calculate")["sha256"]
        self.assertEqual((theirs["pcr"], theirs["hash"]), (PCR, state["pcrs"][0]["value"]))
        self.approve("A")
        [ours] = json.loads(self.signatures.read_text())["sha256"]
        [theirs] = self.measure("sign", f"--private-key={self.key}", f"--public-key={self.public}",
                                f"--tpm2-device={self.stack.tcti}")["sha256"]
        for name in ("pcrs", "pkfp", "pol", "sig"):
            self.assertEqual(ours[name], theirs[name], name)

    def test_signatures_are_added_and_none_is_lost(self):
        for system in ("A", "B", "A"):
            self.approve(system)
        entries = json.loads(self.signatures.read_text())["sha256"]
        self.assertEqual(len({entry["pol"] for entry in entries}), 2)
        self.assertEqual(len(entries), 2)

    def test_policy_authorize_of_the_tpm_takes_it_and_refuses_what_was_not_signed(self):
        self.boot("A")
        reference = "fleet-1"
        self.approve("A", "--policy-ref", reference)
        [entry] = json.loads(self.signatures.read_text())["sha256"]
        files = {"pol": bytes.fromhex(entry["pol"]), "sig": base64.b64decode(entry["sig"]), "ref": reference.encode()}
        for name, content in files.items():
            self.stack.path(name).write_bytes(content)
        self.stack.path("signed").write_bytes(files["pol"] + files["ref"])
        self.stack.path("other").write_bytes(files["pol"] + b"fleet-2")
        tool = lambda name, *options, check=True: self.stack.run(  # noqa: E731
            f"tpm2_{name}", *options, "-T", self.stack.tcti, check=check)
        at = self.stack.path
        tool("loadexternal", "-C", "o", "-G", "rsa", "-u", self.public, "-c", at("authority"), "-n", at("name"))
        verify = ("verifysignature", "-c", at("authority"), "-g", "sha256", "-s", at("sig"), "-f", "rsassa", "-t", at("ticket"))
        self.assertNotEqual(tool(*verify, "-m", at("other"), check=False).returncode, 0)
        tool(*verify, "-m", at("signed"))
        authorize = ("policyauthorize", "-S", at("session"), "-i", at("pol"), "-n", at("name"), "-q", at("ref"), "-t", at("ticket"))
        tool("startauthsession", "--policy-session", "-S", at("session"))
        self.assertNotEqual(tool(*authorize, check=False).returncode, 0)  # the session has not shown the PCRs
        tool("policypcr", "-S", at("session"), "-l", f"sha256:{PCR}")
        tool(*authorize)
        tool("flushcontext", at("session"))

    def test_key_that_others_may_read_is_refused(self):
        self.key.chmod(0o644)
        states = self.stack.write("A.json", self.predict("A"))
        result = self.stack.attestctl("seal", "sign", "--key", self.key, "--output", self.signatures, states, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(str(self.key), result.stderr)
        self.assertFalse(self.signatures.exists())

    def test_state_whose_policy_is_not_that_of_its_values_is_refused(self):
        document = json.loads(self.predict("A"))
        document["states"][0]["policy"] = "00" * 32
        states = self.stack.write("lie.json", json.dumps(document))
        result = self.stack.attestctl("seal", "sign", "--key", self.key, "--output", self.signatures, states, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("states[0].policy", result.stderr)
        self.assertFalse(self.signatures.exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
