# SPDX-License-Identifier: BSD-2-Clause
"""A verifier of evidence that shares nothing with attester-issuer: docs/PROTOCOL.md and docs/evidence.cddl, with the TPM's structures
read by tpm2-pytss, CBOR by cbor2 and signatures checked by python3-cryptography."""

import base64
import dataclasses
import hashlib
import re

import cbor2
import tpm2_pytss as tss
from cryptography.exceptions import InvalidSignature

PROFILE = "tag:attesterd.org,2026:evidence-1"
CLOCK_SKEW_S = 600
HEADER_MAX = 6144
REQUIRED = (
    tss.TPMA_OBJECT.FIXEDTPM
    | tss.TPMA_OBJECT.FIXEDPARENT
    | tss.TPMA_OBJECT.SENSITIVEDATAORIGIN
    | tss.TPMA_OBJECT.RESTRICTED
    | tss.TPMA_OBJECT.SIGN_ENCRYPT
)
FORBIDDEN = tss.TPMA_OBJECT.DECRYPT | tss.TPMA_OBJECT.USERWITHAUTH
BANKS = {0x0004: 20, 0x000B: 32, 0x000C: 48, 0x000D: 64}
BANK_NAMES = {0x0004: "sha1", 0x000B: "sha256", 0x000C: "sha384", 0x000D: "sha512"}
POLICY_PCR = bytes.fromhex("0000017f")


class Refused(Exception):
    """The evidence is not to be believed; the text says why."""


@dataclasses.dataclass
class Verdict:
    claims: dict
    pcrs: dict  # {algorithm: {number: value}}, as quoted
    sealed: dict  # the part that the key is sealed to; {} if it is not


def check(condition, what):
    if not condition:
        raise Refused(what)


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


# --- encoding -------------------------------------------------------------------------------------------------------


def read_header(text):
    """RFC 9651, section 4.2.7."""
    match = re.fullmatch(r" *:([A-Za-z0-9+/]*)(={0,2}): *", text)
    check(match and len(text) <= HEADER_MAX, "not a byte sequence")
    data = match[1]
    check(len(data) % 4 != 1, "not base64")
    return base64.b64decode(data + "=" * (-len(data) % 4))


def read_cbor(data):
    """RFC 8949, section 4.2.1: nothing but the one encoding of what it says."""
    try:
        value = cbor2.loads(data)
        again = cbor2.dumps(value, canonical=True)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError) as error:
        raise Refused(f"not CBOR: {error}") from None
    check(again == data, "not in its deterministic encoding")
    return value


def is_uint(value, least=0, most=2**64 - 1):
    return type(value) is int and least <= value <= most


def is_bytes(value, least, most=None):
    return type(value) is bytes and least <= len(value) <= (least if most is None else most)


def is_text(value, least, most):
    return type(value) is str and least <= len(value.encode()) <= most


def check_map(value, required, optional=()):
    check(type(value) is dict and set(required) <= set(value) <= {*required, *optional}, "other keys than the schema's")


def is_fact(value):
    if value is None:
        return True
    if type(value) is not list or len(value) != 2 or type(value[0]) is not int:
        return False
    kind, content = value
    return (
        (kind == 0 and type(content) is bool)
        or (kind == 1 and type(content) is int and -(2**63) <= content < 2**63)
        or (kind == 2 and is_text(content, 0, 256))
        or (kind == 3 and is_text(content, 0, 64))
    )


def read_claims(data):
    claims = read_cbor(data)
    check_map(claims, (6, 7, 265, -65537, -65538, -65539, -65540), (10,))
    check(is_uint(claims[6]) and is_bytes(claims[7], 16) and claims[265] == PROFILE, "iat, cti or profile")
    check(is_bytes(claims[-65537], 32) and is_bytes(claims[-65538], 32) and is_text(claims[-65539], 1, 64), "digests or version")
    check(10 not in claims or is_bytes(claims[10], 8, 64), "nonce")
    facts = claims[-65540]
    check(type(facts) is dict and len(facts) <= 256, "facts")
    check(all(is_text(name, 3, 64) and is_fact(value) for name, value in facts.items()), "a fact")
    return claims


def read_evidence(text):
    message = read_cbor(read_header(text))
    check_map(message, (1, 2, 3, 4), (5,))
    check(is_bytes(message[1], 1, 4096) and is_bytes(message[4], 34), "claims or key id")
    proof, quote = message[2], message[3]
    check(type(proof) is list and len(proof) == 3 and type(proof[2]) is list, "proof")
    check(is_uint(proof[0]) and is_uint(proof[1], 1, 1024), "index or size")
    check(len(proof[2]) <= 10 and all(is_bytes(node, 32) for node in proof[2]), "path")
    check(type(quote) is list and len(quote) == 3, "quote")
    check(is_bytes(quote[0], 1, 1024) and is_bytes(quote[1], 1, 512) and type(quote[2]) is dict, "attest, signature or PCRs")
    for algorithm, values in quote[2].items():
        check(type(algorithm) is int and algorithm in BANKS and type(values) is dict and values, "a bank")
        check(all(is_uint(pcr, 0, 23) and is_bytes(value, BANKS[algorithm]) for pcr, value in values.items()), "a PCR")
    if 5 in message:
        seal = message[5]
        check(type(seal) is list and len(seal) == 2 and is_uint(seal[0]) and is_uint(seal[1], 1, 2**24 - 1), "seal")
    return message


# --- the tree, RFC 9162, section 2.1.3.2 -----------------------------------------------------------------------------------


def root_of(leaf, index, size, path):
    check(index < size, "a leaf outside the tree")
    node, at, last = leaf, index, size - 1
    for sibling in path:
        check(last > 0, "a path that is too long")
        if at & 1 or at == last:
            node = sha256(b"\1", sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\1", node, sibling)
        at, last = at >> 1, last >> 1
    check(last == 0, "a path that is too short")
    return node


# --- the TPM's structures --------------------------------------------------------------------------------------------------


def unmarshal(kind, data, what):
    try:
        value, used = kind.unmarshal(data)
    except tss.TSS2_Exception as error:
        raise Refused(f"{what}: {error}") from None
    check(used == len(data), f"{what}: bytes after the end")
    return value


def check_key(public, key_id):
    area = public.publicArea
    check(bytes(public.get_name()) == key_id, "another key")
    check(area.objectAttributes & REQUIRED == REQUIRED and not area.objectAttributes & FORBIDDEN, "not an attestation key")
    check(len(bytes(area.authPolicy)) == 32, "a key without a policy")


def check_signature(public, attest, data):
    signature = unmarshal(tss.TPMT_SIGNATURE, data, "signature")
    area = public.publicArea
    detail = area.parameters.eccDetail if area.type == tss.TPM2_ALG.ECC else area.parameters.rsaDetail
    check(signature.sigAlg == detail.scheme.scheme, "another scheme than the key's")
    check(signature.signature.any.hashAlg == tss.TPM2_ALG.SHA256, "another hash")
    try:
        signature.verify_signature(public, attest)
    except (InvalidSignature, ValueError):
        raise Refused("the signature is not the key's") from None


def selected(selections):
    """[(algorithm, [numbers])] of a TPML_PCR_SELECTION."""
    banks = []
    for selection in selections:
        bits = int.from_bytes(bytes(selection.pcrSelect[0 : selection.sizeofSelect]), "little")
        banks.append((int(selection.hash), [pcr for pcr in range(24) if bits >> pcr & 1]))
    return banks


def check_quote(attest_bytes, extra_data, pcrs):
    """The banks in quoted order."""
    attest = unmarshal(tss.TPMS_ATTEST, attest_bytes, "attest")
    check(attest.magic == tss.TPM2_GENERATED.VALUE, "not made by a TPM")
    check(attest.type == tss.TPM2_ST.ATTEST_QUOTE, "not a quote")
    check(bytes(attest.extraData) == extra_data, "over other claims")
    quote = attest.attested.quote
    banks = selected(quote.pcrSelect)
    check(len(dict(banks)) == len(banks), "a bank twice")
    check({a: set(numbers) for a, numbers in banks} == {a: set(values) for a, values in pcrs.items()}, "other PCRs than quoted")
    digest = sha256(*(pcrs[algorithm][pcr] for algorithm, numbers in banks for pcr in numbers))
    check(digest == bytes(quote.pcrDigest), "other values than quoted")
    return banks


def policy_of(banks, pcrs):
    """TPM2_PolicyPCR of Part 3, from a new session."""
    text = "+".join(f"{BANK_NAMES[a]}:{','.join(map(str, numbers))}" for a, numbers in banks)
    selection = tss.TPML_PCR_SELECTION.parse(text).marshal()
    values = sha256(*(pcrs[algorithm][pcr] for algorithm, numbers in banks for pcr in numbers))
    return sha256(bytes(32), POLICY_PCR, selection, values)


def sealed_part(message, banks, policy):
    pcrs = message[3][2]
    if 5 in message:
        algorithm, mask = message[5]
        banks = [(algorithm, [pcr for pcr in range(24) if mask >> pcr & 1])]
        if algorithm not in pcrs or not set(banks[0][1]) <= set(pcrs[algorithm]):
            return {}
    return dict(banks) if policy_of(banks, pcrs) == policy else {}


# --- all of it --------------------------------------------------------------------------------------------------------------


def verify(header, token_request, ak_public, nonces, now):
    """`ak_public` is the registered TPM2B_PUBLIC; `nonces` are those that were handed out and are still good."""
    message = read_evidence(header)
    public = unmarshal(tss.TPM2B_PUBLIC, ak_public, "registered key")
    check_key(public, message[4])
    index, size, path = message[2]
    root = root_of(sha256(b"\0", message[1]), index, size, path)
    attest, signature, pcrs = message[3]
    check_signature(public, attest, signature)
    banks = check_quote(attest, sha256(b"\2", size.to_bytes(8, "big"), root), pcrs)
    claims = read_claims(message[1])
    check(claims[-65537] == sha256(token_request), "another token request")
    check(claims.get(10) in nonces, "a nonce that was not handed out")
    check(abs(claims[6] - now) <= CLOCK_SKEW_S, "the device's clock")
    return Verdict(claims, pcrs, sealed_part(message, banks, bytes(public.publicArea.authPolicy)))
