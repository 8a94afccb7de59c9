# SPDX-License-Identifier: BSD-2-Clause
"""A device whose keys are in a TPM, as tests/issuer/device.py has one in software: a client of attester-issuer written in Python on
tpm2-pytss's ESAPI, from docs/PROTOCOL.md and docs/evidence.cddl."""

import hashlib

import cbor2
import tpm2_pytss as tss
from device import Device
from tpm2_pytss.utils import NVReadEK, create_ek_template
from verifier import BANK_NAMES

ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|restricted|sign"
READS_AT_A_TIME = 8


class TpmDevice(Device):
    """`kind` is tpm2-pytss's name of an endorsement key whose certificate is in the TPM. Use as a context manager."""

    def __init__(self, tcti, kind, selection):
        self.tpm = tss.ESAPI(tcti)
        self.selection = tss.TPML_PCR_SELECTION.parse(selection)
        certificate, template = create_ek_template(kind, NVReadEK(self.tpm))
        self.ek_certificate = certificate[: int.from_bytes(certificate[2:4], "big") + 4]
        self.ek, public, *_ = self.tpm.create_primary(None, template, tss.ESYS_TR.ENDORSEMENT)
        self.ek_public = public.marshal()
        self.needs_policy = not public.publicArea.objectAttributes & tss.TPMA_OBJECT.USERWITHAUTH
        self.new_attestation_key()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for handle in (self.ak, self.ek):
            self.tpm.flush_context(handle)
        self.tpm.close()

    def session(self, kind):
        symmetric = tss.TPMT_SYM_DEF(algorithm=tss.TPM2_ALG.NULL)
        return self.tpm.start_auth_session(tss.ESYS_TR.NONE, tss.ESYS_TR.NONE, kind, symmetric, tss.TPM2_ALG.SHA256)

    def policy_digest(self):
        """What the TPM itself says of its present state."""
        session = self.session(tss.TPM2_SE.TRIAL)
        self.tpm.policy_pcr(session, b"", self.selection)
        digest = bytes(self.tpm.policy_get_digest(session))
        self.tpm.flush_context(session)
        return digest

    def new_attestation_key(self, attributes=ATTRIBUTES):
        parent, *_ = self.tpm.create_primary(None, "ecc")
        public = tss.TPM2B_PUBLIC.parse("ecc256:ecdsa-sha256:null", objectAttributes=attributes, authPolicy=self.policy_digest())
        private, public, *_ = self.tpm.create(parent, None, public)
        self.ak = self.tpm.load(parent, private, public)
        self.tpm.flush_context(parent)
        self.ak_public, self.key_id = public.marshal(), bytes(public.get_name())

    def activate(self, answer):
        challenge = cbor2.loads(answer)
        credential, _ = tss.TPM2B_ID_OBJECT.unmarshal(challenge[3])
        secret, _ = tss.TPM2B_ENCRYPTED_SECRET.unmarshal(challenge[4])
        session = tss.ESYS_TR.PASSWORD
        if self.needs_policy:
            session = self.session(tss.TPM2_SE.POLICY)
            self.tpm.policy_secret(tss.ESYS_TR.ENDORSEMENT, session, b"", b"", b"", 0)
        opened = self.tpm.activate_credential(self.ak, self.ek, credential, secret, session2=session)
        if self.needs_policy:
            self.tpm.flush_context(session)
        return challenge[2], bytes(opened)

    def read_pcrs(self):
        """{algorithm: {number: value}} of the selection."""
        pcrs = {}
        for selection in self.selection:
            bits = int.from_bytes(bytes(selection.pcrSelect[0 : selection.sizeofSelect]), "little")
            numbers = [pcr for pcr in range(24) if bits >> pcr & 1]
            values = []
            for at in range(0, len(numbers), READS_AT_A_TIME):
                part = ",".join(map(str, numbers[at : at + READS_AT_A_TIME]))
                _, _, digests = self.tpm.pcr_read(f"{BANK_NAMES[int(selection.hash)]}:{part}")
                values += [bytes(digest) for digest in digests]
            pcrs[int(selection.hash)] = dict(zip(numbers, values, strict=True))
        return pcrs

    def quote(self, extra_data, key=None):
        session = self.session(tss.TPM2_SE.POLICY)
        self.tpm.policy_pcr(session, b"", self.selection)
        try:
            attest, signature = self.tpm.quote(self.ak, self.selection, extra_data, session1=session)
        finally:
            self.tpm.flush_context(session)
        return [bytes(attest), signature.marshal(), self.read_pcrs()]


def quote_file(pcrs):
    """The file of PCR values of tpm2_checkquote: tss2's structures as they lie in memory, on a little-endian machine."""
    data = len(pcrs).to_bytes(4, "little")
    for algorithm, values in pcrs.items():
        data += algorithm.to_bytes(2, "little") + b"\3" + sum(1 << pcr for pcr in values).to_bytes(4, "little") + b"\0"
    data = data.ljust(4 + 16 * 8, b"\0")
    values = [of_bank[pcr] for of_bank in pcrs.values() for pcr in sorted(of_bank)]
    lists = [values[at : at + 8] for at in range(0, len(values), 8)]
    data += len(lists).to_bytes(4, "little")
    for part in lists:
        digests = b"".join(len(value).to_bytes(2, "little") + value.ljust(64, b"\0") for value in part)
        data += len(part).to_bytes(4, "little") + digests.ljust(8 * 66, b"\0")
    return data


def extra_data(root, size):
    return hashlib.sha256(b"\2" + size.to_bytes(8, "big") + root).digest()
