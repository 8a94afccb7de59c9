# SPDX-License-Identifier: BSD-2-Clause
"""A device in software, as the issuer sees one: a TPM's keys, quotes, evidence and enrolment, and a blind-RSA client.

Written from docs/evidence.cddl, docs/PROTOCOL.md, TPM 2.0 parts 1 and 2, and RFC 9474 and 9578, apart from the C code that it tests.
"""

import base64
import datetime
import hashlib
import hmac
import os
import pathlib
import secrets
import struct
import sys
import time

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509.oid import NameOID, ObjectIdentifier

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "keys"))

import rsa_keys  # noqa: E402

PROFILE = "tag:attesterd.org,2026:evidence-1"
AK_ATTRIBUTES = 0x00050032  # fixedTPM fixedParent sensitiveDataOrigin restricted sign
EK_ATTRIBUTES = 0x000300B2  # fixedTPM fixedParent sensitiveDataOrigin adminWithPolicy restricted decrypt
EK_HIGH_ATTRIBUTES = EK_ATTRIBUTES | 0x40  # userWithAuth
# TCG EK Credential Profile, B.6: of template L-1, and of H-1.
POLICY_A = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
POLICY_B = bytes.fromhex("ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0")
ALG_SHA256 = 0x000B
FACTS = {"os.id": [2, "debian"], "os.version": [3, "12.5"], "boot.secure_boot": [0, True]}


def sha256(data):
    return hashlib.sha256(data).digest()


def rsa_key():
    """One that nothing else in this process has."""
    file = rsa_keys.next_file()
    if file is None:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return serialization.load_pem_private_key(file.read_bytes(), None)


def sized(data):
    """A TPM2B."""
    return struct.pack(">H", len(data)) + data


def kdfa(key, label, context, bits):
    """Part 1, section 11.4.10.2, for at most one block of SHA-256."""
    block = struct.pack(">I", 1) + label + b"\0" + context + struct.pack(">I", bits)
    return hmac.digest(key, block, "sha256")[: bits // 8]


def policy_pcr(values):
    """Part 3, TPM2_PolicyPCR, for {PCR: value} of the SHA-256 bank."""
    mask = sum(1 << pcr for pcr in values)
    selection = struct.pack(">IHB", 1, ALG_SHA256, 3) + mask.to_bytes(3, "little")
    return sha256(bytes(32) + struct.pack(">I", 0x17F) + selection + sha256(b"".join(values[pcr] for pcr in sorted(values))))


class Approver:
    """An authority that signs boot states: TPM2_PolicyAuthorize with an RSA 2048 key, as systemd-measure has it."""

    def __init__(self):
        self.key = rsa_key()
        modulus = self.key.public_key().public_numbers().n.to_bytes(256, "big")
        # TPMT_PUBLIC: userWithAuth decrypt sign; no policy, symmetric algorithm or scheme.
        area = struct.pack(">HHIHHHHI", 0x0001, ALG_SHA256, 0x00060040, 0, 0x0010, 0x0010, 2048, 65537) + sized(modulus)
        self.name = struct.pack(">H", ALG_SHA256) + sha256(area)

    def pem(self):
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def auth_policy(self, reference=b""):
        """What a key sealed to this authority has (part 3, TPM2_PolicyAuthorize)."""
        return sha256(sha256(bytes(32) + struct.pack(">I", 0x16A) + self.name) + reference)

    def approve(self, values, reference=b""):
        """An entry of tpm2-pcr-signature.json."""
        policy = policy_pcr(values)
        pkcs1 = self.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        signature = self.key.sign(policy + reference, padding.PKCS1v15(), hashes.SHA256())
        return {"pcrs": sorted(values), "pkfp": sha256(pkcs1).hex(), "pol": policy.hex(), "sig": base64.b64encode(signature).decode()}


class Authority:
    """A TPM maker's certificate authority."""

    def __init__(self, name="Test TPM Maker CA", parent=None, days=30):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        parent = parent or self
        self.certificate = parent._builder(self.name, self.key.public_key(), days).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        ).sign(parent.key, hashes.SHA256())

    def _builder(self, subject, public_key, days=30):
        now = datetime.datetime.utcnow()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
        )

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def certify(self, public_key):
        maker = x509.Name([x509.NameAttribute(ObjectIdentifier("2.23.133.2.1"), "id:00001014")])
        certificate = (
            self._builder(x509.Name([]), public_key)
            .add_extension(x509.SubjectAlternativeName([x509.DirectoryName(maker)]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ObjectIdentifier("2.23.133.8.1")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.DER)


class Device:
    """An RSA-2048 endorsement key and a P-256 attestation key."""

    def __init__(self, authority=None, ak_attributes=AK_ATTRIBUTES):
        self.ek = rsa_key()
        self.ek_certificate = authority.certify(self.ek.public_key()) if authority else None
        self.show_endorsement_key()
        self.pcrs = {ALG_SHA256: {0: b"\x11" * 32, 7: b"\x77" * 32}}
        self.reset_count = 4
        self.new_attestation_key(ak_attributes)

    def show_endorsement_key(self, attributes=EK_ATTRIBUTES, policy=POLICY_A, exponent=0):
        """The same key by another public area: nothing that the TPM proves hangs on these."""
        modulus = self.ek.public_key().public_numbers().n.to_bytes(256, "big")
        self.ek_public = sized(
            struct.pack(">HHI", 0x0001, ALG_SHA256, attributes)
            + sized(policy)
            + struct.pack(">HHHHHI", 0x0006, 128, 0x0043, 0x0010, 2048, exponent)
            + sized(modulus)
        )
        self.ek_name = struct.pack(">H", ALG_SHA256) + sha256(self.ek_public[2:])

    def new_attestation_key(self, attributes=AK_ATTRIBUTES, auth_policy=b"\xaa" * 32):
        self.ak = ec.generate_private_key(ec.SECP256R1())
        numbers = self.ak.public_key().public_numbers()
        self.ak_public = sized(
            struct.pack(">HHI", 0x0023, ALG_SHA256, attributes)
            + sized(auth_policy)
            + struct.pack(">HHHHH", 0x0010, 0x0018, ALG_SHA256, 0x0003, 0x0010)
            + sized(numbers.x.to_bytes(32, "big"))
            + sized(numbers.y.to_bytes(32, "big"))
        )
        self.key_id = struct.pack(">H", ALG_SHA256) + sha256(self.ak_public[2:])

    def enrollment_request(self, activation=None):
        message = {1: 1, 3: self.ek_public, 4: self.ak_public}
        if self.ek_certificate:
            message[2] = self.ek_certificate
        if activation:
            message[5] = list(activation)
        return cbor2.dumps(message, canonical=True)

    def activate(self, answer):
        """TPM2_ActivateCredential: (expires, secret) of an enrolment challenge."""
        challenge = cbor2.loads(answer)
        id_object, encrypted_seed = challenge[3], challenge[4]
        oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=b"IDENTITY\0")
        seed = self.ek.decrypt(encrypted_seed[2:], oaep)
        integrity, encrypted = id_object[4:36], id_object[36:]
        wanted = hmac.digest(kdfa(seed, b"INTEGRITY", b"", 256), encrypted + self.key_id, "sha256")
        assert hmac.compare_digest(integrity, wanted), "the credential is not for this TPM"
        cipher = Cipher(algorithms.AES(kdfa(seed, b"STORAGE", self.key_id, 128)), modes.CFB(bytes(16)))
        decryptor = cipher.decryptor()
        secret = decryptor.update(encrypted) + decryptor.finalize()
        return challenge[2], secret[2:]

    def claims(self, token_request, nonce, facts=None, iat=None):
        claims = {
            6: int(time.time()) if iat is None else iat,
            7: os.urandom(16),
            265: PROFILE,
            -65537: sha256(token_request),
            -65538: bytes(32),
            -65539: "test",
            -65540: FACTS if facts is None else facts,
        }
        if nonce is not None:
            claims[10] = nonce
        return cbor2.dumps(claims, canonical=True)

    def quote(self, extra_data, key=None):
        """TPM2_Quote over self.pcrs: [attest, signature, pcrs] of evidence.cddl."""
        selection = struct.pack(">I", len(self.pcrs))
        digest = hashlib.sha256()
        for algorithm, values in self.pcrs.items():
            mask = sum(1 << pcr for pcr in values)
            selection += struct.pack(">HB", algorithm, 3) + mask.to_bytes(3, "little")
            for pcr in sorted(values):
                digest.update(values[pcr])
        attest = struct.pack(">IH", 0xFF544347, 0x8018) + sized(self.key_id) + sized(extra_data)
        attest += struct.pack(">QIIBQ", 123456, self.reset_count, 0, 1, 0x0102030405060708) + selection + sized(digest.digest())
        r, s = decode_dss_signature((key or self.ak).sign(attest, ec.ECDSA(hashes.SHA256())))
        signature = struct.pack(">HH", 0x0018, ALG_SHA256) + sized(r.to_bytes(32, "big")) + sized(s.to_bytes(32, "big"))
        return [attest, signature, self.pcrs]

    def evidence(self, token_request, nonce, **options):
        """The header's value for one request that has its quote for itself."""
        return self.batch([token_request], nonce, **options)[0]

    def batch(self, token_requests, nonce, facts=None, iat=None, signing_key=None, change=None):
        """The header's values for requests that share a quote. `change` may alter the message before it is encoded."""
        all_claims = [self.claims(request, nonce, facts, iat) for request in token_requests]
        levels = [[sha256(b"\0" + claims) for claims in all_claims]]
        while len(levels[-1]) > 1:
            last = levels[-1]
            pairs = [sha256(b"\1" + last[i] + last[i + 1]) for i in range(0, len(last) - 1, 2)]
            levels.append(pairs + last[len(pairs) * 2 :])
        extra_data = sha256(b"\2" + struct.pack(">Q", len(all_claims)) + levels[-1][0])
        quote = self.quote(extra_data, signing_key)
        headers = []
        for index, claims in enumerate(all_claims):
            path, at = [], index
            for level in levels[:-1]:
                if at ^ 1 < len(level):
                    path.append(level[at ^ 1])
                at //= 2
            message = {1: claims, 2: [index, len(all_claims), path], 3: quote, 4: self.key_id}
            if change:
                change(message)
            headers.append(byte_sequence(cbor2.dumps(message, canonical=True)))
        return headers


def byte_sequence(data):
    """RFC 9651, section 3.3.5."""
    return ":" + base64.b64encode(data).decode() + ":"


class TokenKey:
    """An issuer's public key for type 0x0002, from its directory, and the client's side of RFC 9474 around it."""

    def __init__(self, encoded):
        self.id = sha256(encoded)
        # The SubjectPublicKeyInfo's algorithm is id-RSASSA-PSS; the RSAPublicKey inside it has two integers.
        start = encoded.index(bytes.fromhex("0282010100")) + 5
        self.n = int.from_bytes(encoded[start : start + 256], "big")
        self.e = 65537

    def blind(self):
        """A TokenRequest over a random token input, and what finalize() needs."""
        message = b"\0\2" + os.urandom(64) + self.id
        encoded = self.emsa_pss(message)
        r = secrets.randbelow(self.n - 2) + 1
        blinded = encoded * pow(r, self.e, self.n) % self.n
        return struct.pack(">HB", 2, self.id[-1]) + blinded.to_bytes(256, "big"), (encoded, pow(r, -1, self.n))

    def finalize(self, state, response):
        """Whether the response is the blind signature, which is then valid for the message."""
        encoded, inverse = state
        signature = int.from_bytes(response, "big") * inverse % self.n
        return pow(signature, self.e, self.n) == encoded

    def emsa_pss(self, message):
        """RFC 8017, section 9.1.1, with SHA-384 and a salt of 48 bytes."""
        digest, salt = hashlib.sha384(message).digest(), os.urandom(48)
        h = hashlib.sha384(bytes(8) + digest + salt).digest()
        db = bytes(256 - 48 - 48 - 2) + b"\1" + salt
        mask = b"".join(hashlib.sha384(h + struct.pack(">I", i)).digest() for i in range(5))[: len(db)]
        masked = bytes(a ^ b for a, b in zip(db, mask))
        # emBits is 2047: the first bit is cleared.
        return int.from_bytes(bytes([masked[0] & 0x7F]) + masked[1:] + h + b"\xbc", "big")
