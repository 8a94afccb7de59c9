# SPDX-License-Identifier: BSD-2-Clause
"""A client for token type 0x0001: VOPRF(P-384, SHA-384), and batches of requests.

Written from RFC 9497, RFC 9380 and RFC 9578, section 5, and draft-ietf-privacypass-batched-tokens-06, section 6, apart from the C
code that it tests. Nothing in it is constant time.
"""

import hashlib
import os
import secrets
import struct

P = 2**384 - 2**128 - 2**96 + 2**32 - 1
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
A = P - 3
B = 0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF
G = (0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
     0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F)
CONTEXT = b"OPRFV1-\x01-P384-SHA384"
ELEMENT, SCALAR, HASH_BLOCK, FIELD_BYTES = 49, 48, 128, 72
INFINITY = (1, 1, 0)  # Jacobian


def double(point):
    x, y, z = point
    if z == 0:
        return point
    square = y * y % P
    s = 4 * x * square % P
    m = 3 * (x - z * z) * (x + z * z) % P
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * square * square) % P, 2 * y * z % P


def add(first, second):
    (x1, y1, z1), (x2, y2, z2) = first, second
    if z1 == 0 or z2 == 0:
        return second if z1 == 0 else first
    u1, u2 = x1 * z2 * z2 % P, x2 * z1 * z1 % P
    s1, s2 = y1 * z2**3 % P, y2 * z1**3 % P
    if u1 == u2:
        return double(first) if s1 == s2 else INFINITY
    h, r = u2 - u1, s2 - s1
    x3 = (r * r - h**3 - 2 * u1 * h * h) % P
    return x3, (r * (u1 * h * h - x3) - s1 * h**3) % P, h * z1 * z2 % P


def multiply(scalar, point):
    total = INFINITY
    for bit in bin(scalar % ORDER)[2:]:
        total = double(total)
        if bit == "1":
            total = add(total, point)
    return total


def encode(point):
    x, y, z = point
    inverse = pow(z, -1, P)
    x, y = x * inverse**2 % P, y * inverse**3 % P
    return bytes([2 + (y & 1)]) + x.to_bytes(48, "big")


def decode(data):
    x = int.from_bytes(data[1:], "big")
    y = pow(x**3 + A * x + B, (P + 1) // 4, P)
    if len(data) != ELEMENT or data[0] not in (2, 3) or x >= P or (y * y - x**3 - A * x - B) % P != 0:
        raise ValueError("not a point of P-384")
    return x, y if y & 1 == data[0] & 1 else P - y, 1


def expand(message, name, length):
    """RFC 9380, section 5.3.1, with SHA-384."""
    name += bytes([len(name)])
    first = hashlib.sha384(bytes(HASH_BLOCK) + message + struct.pack(">HB", length, 0) + name).digest()
    blocks = [hashlib.sha384(first + b"\1" + name).digest()]
    while len(blocks) * 48 < length:
        mixed = bytes(a ^ b for a, b in zip(first, blocks[-1]))
        blocks.append(hashlib.sha384(mixed + bytes([len(blocks) + 1]) + name).digest())
    return b"".join(blocks)[:length]


def map_to_curve(u):
    """RFC 9380, section 6.6.2, with Z = -12."""
    z = P - 12
    t = (z * z * u**4 + z * u * u) % P
    x1 = (-B * pow(A, -1, P) * (1 + pow(t, -1, P))) % P if t else B * pow(z * A, -1, P) % P
    for x in (x1, z * u * u * x1 % P):
        square = (x**3 + A * x + B) % P
        y = pow(square, (P + 1) // 4, P)
        if y * y % P == square:
            return x, y if y & 1 == u & 1 else P - y, 1
    raise AssertionError("neither is a square")


def hash_to_group(message):
    data = expand(message, b"HashToGroup-" + CONTEXT, 2 * FIELD_BYTES)
    u = [int.from_bytes(data[i : i + FIELD_BYTES], "big") % P for i in (0, FIELD_BYTES)]
    return add(map_to_curve(u[0]), map_to_curve(u[1]))


def hash_to_scalar(message):
    return int.from_bytes(expand(message, b"HashToScalar-" + CONTEXT, FIELD_BYTES), "big") % ORDER


def sized(*parts):
    return b"".join(struct.pack(">H", len(part)) + part for part in parts)


class VoprfKey:
    """An issuer's public key for type 0x0001, from its directory; as device.TokenKey is for 0x0002."""

    def __init__(self, encoded):
        self.encoded, self.point, self.id = encoded, decode(encoded), hashlib.sha256(encoded).digest()

    def blind(self, challenge_digest=None):
        """A TokenRequest, and what finalize() needs."""
        return self.blind_input(b"\0\1" + os.urandom(32) + (challenge_digest or os.urandom(32)) + self.id)

    def blind_input(self, token_input):
        blind = secrets.randbelow(ORDER - 1) + 1
        blinded = encode(multiply(blind, hash_to_group(token_input)))
        return b"\0\1" + self.id[-1:] + blinded, (token_input, blind, blinded)

    def finalize(self, state, response):
        """Whether the response's proof verifies: it was made with this key."""
        evaluated, c, s = response[:ELEMENT], *(response[at : at + SCALAR] for at in (ELEMENT, ELEMENT + SCALAR))
        seed = hashlib.sha384(sized(self.encoded, b"Seed-" + CONTEXT)).digest()
        weight = hash_to_scalar(sized(seed) + b"\0\0" + sized(state[2], evaluated) + b"Composite")
        m, z = multiply(weight, decode(state[2])), multiply(weight, decode(evaluated))
        c, s = int.from_bytes(c, "big"), int.from_bytes(s, "big")
        t2 = add(multiply(s, (*G, 1)), multiply(c, self.point))
        t3 = add(multiply(s, m), multiply(c, z))
        return c == hash_to_scalar(sized(self.encoded, *map(encode, (m, z, t2, t3))) + b"Challenge")

    @staticmethod
    def token(state, response):
        """The Token."""
        token_input, blind, _ = state
        unblinded = encode(multiply(pow(blind, -1, ORDER), decode(response[:ELEMENT])))
        return token_input + hashlib.sha384(sized(token_input, unblinded) + b"Finalize").digest()


def prf(scalar, token_input):
    """The authenticator that the owner of this private scalar makes for a Token's first part (RFC 9497, section 3.3.1)."""
    return hashlib.sha384(sized(token_input, encode(multiply(scalar, hash_to_group(token_input)))) + b"Finalize").digest()


RESPONSE_LENGTHS = {1: ELEMENT + 2 * SCALAR, 2: 256}


def varint(number):
    """RFC 9000, section 16."""
    for kind, size in enumerate((1, 2, 4, 8)):
        if number < 1 << (8 * size - 2):
            return (number | kind << (8 * size - 2)).to_bytes(size, "big")
    raise ValueError("too large")


def batch(requests):
    content = b"".join(requests)
    return varint(len(content)) + content


def answers(data):
    """The TokenResponses of a batch in the requests' order; None for those that are absent."""
    size = 1 << (data[0] >> 6)
    content = data[size:]
    assert int.from_bytes(data[:size], "big") & ((1 << (8 * size - 2)) - 1) == len(content), "the length is wrong"
    found, at = [], 0
    while at < len(content):
        present, at = content[at], at + 1
        assert present in (0, 1)
        if not present:
            found.append(None)
            continue
        length = RESPONSE_LENGTHS[int.from_bytes(content[at : at + 2], "big")]
        found.append(content[at + 2 : at + 2 + length])
        assert len(found[-1]) == length
        at += 2 + length
    return found
