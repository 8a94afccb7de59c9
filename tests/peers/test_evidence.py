#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Evidence between this project's programs and software that shares nothing with them: tests/peers/verifier.py and attester-issuer
judge the daemon's evidence alike, honest and altered; a client on tpm2-pytss gets its tokens; tpm2_checkquote checks the quotes.

usage: test_evidence.py BUILD-DIRECTORY [CASE]"""

import base64
import concurrent.futures
import copy
import os
import sys
import threading
import time
import unittest

import cbor2
import dbus.bus

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "issuer"), os.path.join(HERE, "..", "e2e")]

import tpm2_pytss as tss  # noqa: E402
import verifier  # noqa: E402
from device import byte_sequence, sha256  # noqa: E402
from holding_proxy import GATHERED_MIN, HoldingProxy  # noqa: E402
from running_issuer import RunningIssuer  # noqa: E402
from stack import ISSUER_NAME, WAIT_SECONDS, Stack, wait_for  # noqa: E402
from tpm_device import TpmDevice, extra_data, quote_file  # noqa: E402
from verifier import Refused  # noqa: E402

SEALED_POLICY = "[Policy]\nVersion=1\n[Rule sealed]\nRequire=quote.sealed@hardware\n"
REFUSED = (400, 401, 403)
REQUESTS = 5
FLIPS = 150


class IssuerOfStack(RunningIssuer):
    """The requests of tests/issuer/running_issuer.py to the issuer of a Stack."""

    def __init__(self, stack):
        self.port, self.tls, self.certificate = stack.issuer_port, True, stack.path("ca.pem")


class PeerCase(unittest.TestCase):
    banks, setup = "sha256", ()

    @classmethod
    def setUpClass(cls):
        cls.stack = stack = Stack(BUILD)
        cls.addClassCleanup(stack.stop)
        stack.make_certificates()
        stack.start_tpm(pcr_banks=cls.banks, setup=cls.setup)
        stack.start_issuer(policy=SEALED_POLICY)
        cls.issuer = IssuerOfStack(stack)
        cls.key = cls.issuer.token_key()

    def accepted(self, header, request, ak_public, nonce):
        """By our verifier and the other one; gives the latter's verdict."""
        verdict = verifier.verify(header, request, ak_public, {nonce}, time.time())
        response = self.issuer.token_request(request, header)
        self.assertEqual(response.status, 200, response.body)
        return verdict

    def check_quote_by_tpm2_tools(self, header, ak_public):
        """Whether tpm2_checkquote takes it, and refuses it altered."""
        message = cbor2.loads(verifier.read_header(header))
        attest, signature, pcrs = message[3]
        index, size, path = message[2]
        root = verifier.root_of(sha256(b"\0" + message[1]), index, size, path)
        wrong_pcrs = copy.deepcopy(pcrs)
        bank = next(iter(wrong_pcrs.values()))
        bank[7] = bytes([bank[7][0] ^ 1]) + bank[7][1:]
        honest = (attest, signature, pcrs, extra_data(root, size))
        self.assertEqual(self.checkquote(ak_public, *honest), 0)
        for altered in (
            (attest[:60] + bytes([attest[60] ^ 1]) + attest[61:], *honest[1:]),
            (attest, signature[:-1] + bytes([signature[-1] ^ 1]), *honest[2:]),
            (attest, signature, wrong_pcrs, honest[3]),
            (*honest[:3], extra_data(root, size + 1)),
        ):
            self.assertNotEqual(self.checkquote(ak_public, *altered), 0)

    def checkquote(self, ak_public, attest, signature, pcrs, qualification):
        public, _ = tss.TPM2B_PUBLIC.unmarshal(ak_public)
        files = {"ak.pem": public.to_pem(), "attest": attest, "sig": signature, "pcrs": quote_file(pcrs)}
        for name, content in files.items():
            self.stack.path(name).write_bytes(content)
        at = [self.stack.path(name) for name in files]
        return self.stack.run("tpm2_checkquote", "-u", at[0], "-m", at[1], "-s", at[2], "-f", at[3], "-g", "sha256", "-q",
                              qualification.hex(), check=False).returncode


def tree_size(header):
    return cbor2.loads(verifier.read_header(header))[2][1]


class Daemon(PeerCase):
    """attesterd's evidence for several requests that share a quote."""

    pcrs, quote_pcrs = "sha256:7", ""
    algorithm = 0x000B

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        stack = cls.stack
        stack.start_bus()
        cls.proxy = cls.enterClassContext(
            HoldingProxy(stack.path("tls.pem"), stack.path("tls.key"), stack.path("ca.pem"), stack.issuer_port))
        stack.configure_issuer(url=f"https://localhost:{cls.proxy.port}/.well-known/private-token-issuer-directory")
        stack.start_daemon(pcrs=cls.pcrs, limits=cls.quote_pcrs)
        stack.attestctl("enroll", ISSUER_NAME)
        cls.ak_public = cbor2.loads(cls.proxy.enrollments[-1])[4]
        cls.take_evidence()

    @classmethod
    def ask(cls):
        """Several programs at once: the requests of one call would be one batch, with one leaf of the tree."""
        blinded = [cls.key.blind()[0] for _ in range(REQUESTS)]
        together = threading.Barrier(REQUESTS)
        with concurrent.futures.ThreadPoolExecutor(REQUESTS) as programs:
            list(programs.map(lambda request: cls.ask_one(request, together), blinded))
        wait_for(lambda: len(cls.proxy.held) >= GATHERED_MIN, "token requests at the proxy")

    @classmethod
    def ask_one(cls, request, together):
        bus = dbus.bus.BusConnection(cls.stack.environment["DBUS_SYSTEM_BUS_ADDRESS"])
        attester = dbus.Interface(bus.get_object("org.attesterd", "/org/attesterd"), "org.attesterd.Attester1")
        together.wait(WAIT_SECONDS)
        try:
            attester.RequestTokens(ISSUER_NAME, [dbus.ByteArray(request)], dbus.Dictionary(signature="sv"))
        except dbus.DBusException:
            pass  # the proxy answered for the issuer
        finally:
            bus.close()

    @classmethod
    def take_evidence(cls):
        cls.ask()
        # The quote of whoever came first may have been for that one alone.
        cls.header, cls.request = max(cls.proxy.held, key=lambda held: tree_size(held[0]))
        cls.others = [held for held in cls.proxy.held if held[1] != cls.request]
        cls.message = cbor2.loads(verifier.read_header(cls.header))
        cls.nonce = cbor2.loads(cls.message[1])[10]

    def assert_refused_by_both(self, header, request, what):
        with self.assertRaises(Refused, msg=what):
            verdict = verifier.verify(header, request, self.ak_public, {self.nonce}, time.time())
            verifier.check(verdict.sealed, "the key is not sealed, which the policy demands")
        response = self.issuer.token_request(request, header)
        self.assertIn(response.status, REFUSED, what)
        if response.status == 401:
            self.assertNotIn("used before", response.problem["detail"], what)

    def altered(self, change, of=None):
        message = copy.deepcopy(of or self.message)
        change(message)
        return byte_sequence(cbor2.dumps(message, canonical=True))

    def test_0_altered_in_any_part_is_refused_by_both(self):
        for what, change in sorted(CHANGES.items()):
            header = self.altered(change)
            self.assertNotEqual(header, self.header, what)
            self.assert_refused_by_both(header, self.request, what)

    def test_0_other_seal_is_not_sealed_for_both(self):
        for what, change in SEAL_CHANGES.items():
            self.proxy.held.clear()
            self.ask()
            header, request = self.proxy.held[0]
            message = cbor2.loads(verifier.read_header(header))
            altered = self.altered(change, message)
            nonce = cbor2.loads(message[1])[10]
            self.assertEqual(verifier.verify(altered, request, self.ak_public, {nonce}, time.time()).sealed, {}, what)
            response = self.issuer.token_request(request, altered)
            self.assertEqual((response.status, response.reason), (403, "PolicyDenied"), what)

    def test_0_encoded_otherwise_is_refused_by_both(self):
        data = verifier.read_header(self.header)
        for what, other in (
            ("a byte after the end", data + b"\0"),
            ("cut", data[:-1]),
            ("a long form of the map", b"\xb8" + bytes([len(self.message)]) + data[1:]),
            ("a long form of a key", data[:1] + b"\x18\x01" + data[2:]),
            ("of indefinite length", b"\xbf" + data[1:] + b"\xff"),
            ("a tag", b"\xd9\xd9\xf7" + data),
            ("unsorted", data[:1] + data[1 + data[1:].index(b"\x02\x83") :] + data[1 : 1 + data[1:].index(b"\x02\x83")]),
            ("empty", b""),
        ):
            self.assert_refused_by_both(byte_sequence(other), self.request, what)
        for other in (self.header[1:], self.header[:-1], self.header + ";a=1", self.header.replace(":", "?", 1), "*" + self.header, "::"):
            self.assert_refused_by_both(other, self.request, other[:4])

    def test_0_any_flipped_bit_is_refused_by_both(self):
        data = bytearray(verifier.read_header(self.header))
        step = max(1, len(data) // FLIPS)
        for at in range(0, len(data) - len(cbor2.dumps(self.message[5])), step):
            data[at] ^= 1 << at // step % 8
            self.assert_refused_by_both(byte_sequence(bytes(data)), self.request, f"bit of byte {at}")
            data[at] ^= 1 << at // step % 8

    def test_0_for_another_request_is_refused_by_both(self):
        self.assert_refused_by_both(self.header, self.key.blind()[0], "another request")
        for _, request in self.others:
            self.assert_refused_by_both(self.header, request, "a request of the same batch")

    def test_1_honest_is_accepted_by_both(self):
        """After all of the above: nothing about it was used up."""
        self.assertGreater(self.message[2][1], 1)
        verdict = self.accepted(self.header, self.request, self.ak_public, self.nonce)
        self.assertEqual(verdict.sealed, {self.algorithm: [7]})
        self.assertGreater(len(verdict.pcrs[self.algorithm]), 10)
        self.assertIn("os.id", verdict.claims[-65540])
        self.check_quote_by_tpm2_tools(self.header, self.ak_public)

    def test_2_used_or_of_another_nonce_is_refused_by_both(self):
        response = self.issuer.token_request(self.request, self.header)
        self.assertEqual((response.status, response.reason), (401, "EvidenceStale"))
        self.stack.end("issuer")
        self.stack.start_issuer(policy=SEALED_POLICY, port=self.stack.issuer_port)
        self.assertEqual(self.issuer.token_request(self.request, self.header).status, 401)
        with self.assertRaises(Refused):
            verifier.verify(self.header, self.request, self.ak_public, {self.issuer.nonce()}, time.time())


def change_bytes(*path, at, by=1):
    """One byte of a byte string in the message."""

    def change(message):
        *inner, last = path
        for step in inner:
            message = message[step]
        value = bytearray(message[last])
        value[at] ^= by
        message[last] = bytes(value)

    return change


def change_claims(change):
    def change_message(message):
        claims = cbor2.loads(message[1])
        change(claims)
        message[1] = cbor2.dumps(claims, canonical=True)

    return change_message


def bank_of(message):
    return next(iter(message[3][2].values()))


def rename_bank(message):
    message[3][2] = {0x000D if a == 0x000C else a: v for a, v in message[3][2].items()}
    algorithm, values = message[3][2].popitem()
    other = {0x0004: 20, 0x000B: 32, 0x000C: 48, 0x000D: 64}[new := 0x0004 if algorithm != 0x0004 else 0x000B]
    message[3][2][new] = {pcr: value[:other].ljust(other, b"\0") for pcr, value in values.items()}


# Each is one thing that a device, or somebody between, might change.
CHANGES = {
    "claims: a fact": change_claims(lambda claims: claims[-65540].update({"os.id": [2, "another"]})),
    "claims: a fact added": change_claims(lambda claims: claims[-65540].update({"a.fact": [0, True]})),
    "claims: iat": change_claims(lambda claims: claims.update({6: claims[6] + 1})),
    "claims: nonce gone": change_claims(lambda claims: claims.pop(10)),
    "claims: nonce": change_claims(lambda claims: claims.update({10: bytes(32)})),
    "claims: profile": change_claims(lambda claims: claims.update({265: "tag:attesterd.org,2026:evidence-2"})),
    "claims: another key": change_claims(lambda claims: claims.update({-65541: 1})),
    "proof: index": lambda m: m[2].__setitem__(0, m[2][0] ^ 1),
    "proof: index outside": lambda m: m[2].__setitem__(0, m[2][1]),
    "proof: smaller tree": lambda m: m[2].__setitem__(1, m[2][1] - 1),
    "proof: larger tree": lambda m: m[2].__setitem__(1, m[2][1] + 1),
    "proof: no tree": lambda m: m[2].__setitem__(1, 0),
    "proof: sibling": change_bytes(2, 2, 0, at=5),
    "proof: cut": lambda m: m[2][2].pop(),
    "proof: too long": lambda m: m[2][2].append(bytes(32)),
    "proof: none, of one leaf": lambda m: m.__setitem__(2, [0, 1, []]),
    "attest: magic": change_bytes(3, 0, at=0),
    "attest: type": change_bytes(3, 0, at=5),
    "attest: extraData": change_bytes(3, 0, at=50),
    "attest: PCR digest": change_bytes(3, 0, at=-1),
    "attest: longer": lambda m: m[3].__setitem__(0, m[3][0] + b"\0"),
    "attest: shorter": lambda m: m[3].__setitem__(0, m[3][0][:-1]),
    "signature: r": change_bytes(3, 1, at=10),
    "signature: s": change_bytes(3, 1, at=-1),
    "signature: scheme": change_bytes(3, 1, at=1, by=0x0C),
    "signature: hash": change_bytes(3, 1, at=3, by=0x07),
    "signature: longer": lambda m: m[3].__setitem__(1, m[3][1] + b"\0"),
    "signature: shorter": lambda m: m[3].__setitem__(1, m[3][1][:-1]),
    "PCRs: a value": lambda m: bank_of(m).update({7: bytes([bank_of(m)[7][0] ^ 1]) + bank_of(m)[7][1:]}),
    "PCRs: one gone": lambda m: bank_of(m).pop(14),
    "PCRs: one added": lambda m: bank_of(m).update({16: bytes(len(bank_of(m)[7]))}),
    "PCRs: shorter": lambda m: bank_of(m).update({7: bank_of(m)[7][:-1]}),
    "PCRs: another bank": rename_bank,
    "PCRs: one bank more": lambda m: m[3][2].update({0x0004: {7: bytes(20)}}),
    "PCRs: no bank": lambda m: m[3][2].clear(),
    "key id": change_bytes(4, at=-1),
    "key id: longer": lambda m: m.__setitem__(4, m[4] + b"\0"),
    "another key": lambda m: m.update({6: 1}),
    "a key gone": lambda m: m.pop(4),
}

# No signature covers the seal, a hint: the verifier computes. Altered evidence is refused by the policy, and then used.
SEAL_CHANGES = {
    "seal: another register": lambda m: m.__setitem__(5, [m[5][0], 1]),
    "seal: all that is quoted": lambda m: m.pop(5),
    "seal: one that is not quoted": lambda m: m[5].__setitem__(1, m[5][1] | 1 << 16),
}


class Sha384(Daemon):
    """The same in a TPM with more banks, with a key sealed to SHA-384's."""

    banks, pcrs, algorithm = "sha1,sha256,sha384,sha512", "sha384:7", 0x000C
    quote_pcrs = "QuotePcrs=sha384:0-9,11-14\n"


class Client(PeerCase):
    """tests/peers/tpm_device.py with the EK kinds that swtpm has certificates of."""

    kinds = ("EK-RSA2048",)

    def test_evidence_of_a_client_on_pytss_is_accepted_and_opens_no_other_state(self):
        for kind in self.kinds:
            for selection in ("sha256:0,1,2,3,7", "sha256:0,4,7,8,9,10,11,12,14,23"):
                self.check_client(kind, selection)

    def check_client(self, kind, selection):
        with TpmDevice(self.stack.tcti, kind, selection) as device:
            response = self.issuer.enroll(device)
            self.assertEqual(response.status, 200, response.body)
            self.check_tokens(device)
            pcr = selection.rsplit(",", 1)[1]
            device.tpm.pcr_extend(tss.ESYS_TR(int(pcr)), [tss.TPMT_HA(hashAlg=tss.TPM2_ALG.SHA256, digest=tss.TPMU_HA(sha256=b"x" * 32))])
            with self.assertRaises(tss.TSS2_Exception):
                device.evidence(b"", self.issuer.nonce())

    def check_tokens(self, device):
        nonce = self.issuer.nonce()
        requests = [self.key.blind()[0] for _ in range(3)]
        for header, request in zip(device.batch(requests, nonce), requests, strict=True):
            verdict = self.accepted(header, request, device.ak_public, nonce)
            self.assertTrue(verdict.sealed)
            self.assertEqual(set(verdict.sealed[0x000B]), set(verdict.pcrs[0x000B]))
        header = device.evidence(requests[0], nonce)
        self.check_quote_by_tpm2_tools(header, device.ak_public)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
