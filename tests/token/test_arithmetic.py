# SPDX-License-Identifier: BSD-2-Clause
"""The arithmetic behind token type 0x0001 beside one that shares nothing with it: Python's integers, affine textbook
formulas, and the RFCs' text. Random values differ from run to run; a failure names the operation and its operands.

Usage: test_arithmetic.py ARITHMETIC_TOOL VECTORS_DIRECTORY [TEST ...]"""
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import unittest

P = 2**384 - 2**128 - 2**96 + 2**32 - 1  # SP 800-186, section 3.2.1.4
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
A = -3
B = 0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF
G = (0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
     0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F)
R = 2**384
R_INVERSE = {P: pow(R, -1, P), N: pow(R, -1, N)}
SEED = int.from_bytes(os.urandom(8), "big")
RANDOM = random.Random(SEED)


# --- the group, in affine coordinates; None is the identity ---

def add(a, b):
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] + A) * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def negate(a):
    return None if a is None else (a[0], -a[1] % P)


def multiply(scalar, point, doubles=None):
    total = None
    for bit in range(scalar.bit_length()):
        if scalar >> bit & 1:
            total = add(total, doubles[bit] if doubles else point)
        if not doubles:
            point = add(point, point)
    return total


DOUBLES = [G]
while len(DOUBLES) < 384:
    DOUBLES.append(add(DOUBLES[-1], DOUBLES[-1]))


def multiply_base(scalar):
    return multiply(scalar % N, G, DOUBLES)


def lift(x, odd=0):
    """The point with this x, if there is one."""
    square = (x**3 + A * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        return None
    return x, y if y % 2 == odd else P - y


def serialize(point):
    return bytes([2 + point[1] % 2]) + point[0].to_bytes(48, "big")


# --- RFC 9380 and 9497, after their text ---

def expand_message_xmd(message, dst, length):
    dst_prime = dst + bytes([len(dst)])
    first = hashlib.sha384(bytes(128) + message + length.to_bytes(2, "big") + b"\0" + dst_prime).digest()
    blocks = [hashlib.sha384(first + b"\x01" + dst_prime).digest()]
    while len(blocks) * 48 < length:
        mixed = bytes(x ^ y for x, y in zip(first, blocks[-1]))
        blocks.append(hashlib.sha384(mixed + bytes([len(blocks) + 1]) + dst_prime).digest())
    return b"".join(blocks)[:length]


def map_to_curve(u):
    """Section 6.6.2, as it is said and not as a program of it."""
    z = -12 % P
    tv1 = (z * z * u**4 + z * u * u) % P
    x1 = B * pow(z * A, -1, P) % P if tv1 == 0 else -B * pow(A, -1, P) * (1 + pow(tv1, -1, P)) % P
    point = lift(x1, u % 2)
    return point if point is not None else lift(z * u * u * x1 % P, u % 2)


def hash_to_group(message, dst):
    uniform = expand_message_xmd(message, dst, 144)
    u = [int.from_bytes(uniform[i:i + 72], "big") % P for i in (0, 72)]
    return add(map_to_curve(u[0]), map_to_curve(u[1]))


def hash_to_scalar(message, dst):
    return int.from_bytes(expand_message_xmd(message, dst, 72), "big") % N


CONTEXT = b"OPRFV1-\x01-P384-SHA384"


def framed(data):
    return len(data).to_bytes(2, "big") + data


def evaluate(key, r, blinded):
    """BlindEvaluate and GenerateProof, with ComputeComposites and not the Fast form of it."""
    public = serialize(multiply_base(key))
    evaluated = [multiply(key, point) for point in blinded]
    seed = hashlib.sha384(framed(public) + framed(b"Seed-" + CONTEXT)).digest()
    m = z = None
    for i, (c, d) in enumerate(zip(blinded, evaluated)):
        transcript = framed(seed) + i.to_bytes(2, "big") + framed(serialize(c)) + framed(serialize(d)) + b"Composite"
        factor = hash_to_scalar(transcript, b"HashToScalar-" + CONTEXT)
        m, z = add(m, multiply(factor, c)), add(z, multiply(factor, d))
    points = [public] + [serialize(point) for point in (m, z, multiply_base(r), multiply(r, m))]
    challenge = hash_to_scalar(b"".join(map(framed, points)) + b"Challenge", b"HashToScalar-" + CONTEXT)
    proof = challenge.to_bytes(48, "big") + ((r - challenge * key) % N).to_bytes(48, "big")
    return b"".join(map(serialize, evaluated)) + proof


# --- the tool ---

def number(value):
    return f"{value:096x}"


def projective(point, z=None):
    """In Montgomery form, over a random z."""
    z = z or RANDOM.randrange(1, P)
    x, y, z = (0, z, 0) if point is None else (point[0] * z, point[1] * z, z)
    return "".join(number(c * R % P) for c in (x, y, z))


def affine(answer):
    x, y, z = (int(answer[i:i + 96], 16) for i in (0, 96, 192))
    if max(x, y, z) >= P:
        raise ValueError("a coordinate is not reduced")
    if z == 0:
        return None if x == 0 and y != 0 else "no point"
    inverse = pow(z, -1, P)
    return x * inverse % P, y * inverse % P


class Operations:
    """Gathers operations and what must come out, and runs all of them in one go."""

    def __init__(self):
        self.lines, self.expected, self.readings = [], [], []

    def put(self, line, expected, reading=lambda answer: int(answer, 16)):
        self.lines.append(line)
        self.expected.append(expected)
        self.readings.append(reading)

    def check(self, case, at_least):
        case.assertGreaterEqual(len(self.lines), at_least)
        run = subprocess.run([sys.argv[1]], input="\n".join(self.lines) + "\n", capture_output=True, text=True, timeout=600)
        case.assertEqual(run.returncode, 0, run.stderr)
        answers = run.stdout.splitlines()
        case.assertEqual(len(answers), len(self.lines))
        for line, answer, expected, reading in zip(self.lines, answers, self.expected, self.readings):
            actual = answer if answer == "none" else reading(answer)
            if actual != expected:
                case.fail(f"seed {SEED}: {line}: {actual}, not {expected}")


LIMBS = (0, 1, 2, 2**32 - 1, 2**32, 2**32 + 1, 2**63, 2**64 - 2, 2**64 - 1)
FEW_LIMBS = (0, 1, 2**64 - 1)


def odd_limbs():
    return sum(RANDOM.choice(LIMBS) << 64 * i for i in range(6))


def edges(modulus):
    """Numbers below 2^384 at which carries, borrows and the last subtraction change."""
    values = {0, 1, 2, 3, modulus - 1, modulus - 2, modulus, modulus + 1, modulus + 2, R - 1, R - 2, R % modulus, R * R % modulus,
              R - modulus, (modulus - 1) // 2, (modulus + 1) // 2}
    values.update(2**bit for bit in range(0, 384, 16))
    values.update(2**bit - 1 for bit in range(32, 384, 32))
    values.update(R - 2**bit for bit in range(0, 384, 32))
    values.update(sum(RANDOM.choice(FEW_LIMBS) << 64 * i for i in range(6)) for _ in range(12))
    return sorted(values)


def square_root(value, modulus):
    root = pow(value, (modulus + 1) // 4, modulus)
    return root if root * root % modulus == value else None


class Modular(unittest.TestCase):
    def each(self):
        for name, modulus in (("p", P), ("n", N)):
            yield name, modulus, edges(modulus), [v for v in edges(modulus) if v < modulus]

    def test_multiply_one_operand_is_any_number_below_2_384(self):
        operations = Operations()
        for name, modulus, wide, reduced in self.each():
            pairs = [(a, b) for a in wide for b in reduced]
            pairs += [(odd_limbs(), odd_limbs() % modulus) for _ in range(1500)]
            pairs += [(RANDOM.randrange(R), RANDOM.randrange(modulus)) for _ in range(500)]
            for _ in range(300):  # results that the last subtraction, without a carry into 2^384, makes: r + modulus < 2^384
                a = RANDOM.randrange(1, modulus)
                r = RANDOM.choice((0, 1, 2, R - modulus - 1, RANDOM.randrange(R - modulus)))
                pairs.append((a, r * R * pow(a, -1, modulus) % modulus))
            for a, b in pairs:
                expected = a * b * R_INVERSE[modulus] % modulus
                operations.put(f"multiply {name} {number(a)} {number(b)}", expected)
            for a, b in pairs[::5]:
                operations.put(f"multiply {name} {number(b)} {number(a)}", a * b * R_INVERSE[modulus] % modulus)
        operations.check(self, 8000)

    def test_square(self):
        operations = Operations()
        for name, modulus, _, reduced in self.each():
            values = reduced + [odd_limbs() % modulus for _ in range(1500)] + [RANDOM.randrange(modulus) for _ in range(300)]
            roots = (square_root(RANDOM.randrange(R - modulus) * R % modulus, modulus) for _ in range(200))
            values += [root for root in roots if root is not None]
            for a in values:
                operations.put(f"square {name} {number(a)}", a * a * R_INVERSE[modulus] % modulus)
        operations.check(self, 3800)

    def test_add_and_subtract(self):
        operations = Operations()
        for name, modulus, _, reduced in self.each():
            pairs = [(a, b) for a in reduced for b in reduced[::3]]
            pairs += [(odd_limbs() % modulus, odd_limbs() % modulus) for _ in range(500)]
            for _ in range(100):  # sums around the modulus and around 2^384
                a = RANDOM.randrange(R - modulus + 2, modulus)
                pairs += [(a, (total - a) % modulus) for total in (modulus - 1, modulus, modulus + 1, R - 1, R, R + 1)]
            for a, b in pairs:
                operations.put(f"add {name} {number(a)} {number(b)}", (a + b) % modulus)
                operations.put(f"subtract {name} {number(a)} {number(b)}", (a - b) % modulus)
        operations.check(self, 6000)

    def test_of_one_number(self):
        operations = Operations()
        for name, modulus, _, reduced in self.each():
            for a in reduced + [odd_limbs() % modulus for _ in range(40)]:
                plain = a * R_INVERSE[modulus] % modulus
                operations.put(f"negate {name} {number(a)}", -a % modulus)
                operations.put(f"plain {name} {number(a)}", plain)
                operations.put(f"odd {name} {number(a)}", plain % 2)
                operations.put(f"odd {name} {number(plain * R % modulus)}", plain % 2)
                operations.put(f"odd {name} {number(a * R % modulus)}", a % 2)
                operations.put(f"zero {name} {number(a)}", int(a == 0))
                operations.put(f"encode {name} {number(a)}", plain)
                operations.put(f"invert {name} {number(a)}", pow(plain, -1, modulus) * R % modulus if a else 0)
            for a in (0, 1, R % modulus, RANDOM.randrange(modulus)):
                for exponent in (0, 1, 2, 3, 15, 16, 2**64, modulus - 1, modulus - 2, R - 1, RANDOM.randrange(R)):
                    power = pow(a * R_INVERSE[modulus], exponent, modulus) * R % modulus
                    operations.put(f"power {name} {number(a)} {number(exponent)}", power)
        operations.check(self, 1200)

    def test_decode_refuses_what_is_not_below_the_modulus(self):
        operations = Operations()
        for name, modulus, wide, _ in self.each():
            near = [modulus + d for d in range(-4, 5)] + [modulus ^ 1 << bit for bit in range(384)]
            for a in wide + near + [RANDOM.randrange(R) for _ in range(200)]:
                operations.put(f"decode {name} {number(a)}", a * R % modulus if a < modulus else "none")
        operations.check(self, 1300)

    def test_reduce_takes_576_bits(self):
        operations = Operations()
        for name, modulus, wide, _ in self.each():
            values = [0, 1, 2**576 - 1, 2**576 - modulus, modulus * (2**576 // modulus), modulus * (2**576 // modulus) - 1]
            values += wide + [a << 192 for a in wide] + [modulus << shift for shift in range(0, 193, 16)]
            values += [(modulus << shift) - 1 for shift in range(0, 193, 16)] + [RANDOM.randrange(2**576) for _ in range(300)]
            for a in values:
                operations.put(f"reduce {name} {a:0144x}", a * R % modulus)
        operations.check(self, 900)

    def test_equal_and_select_see_every_bit(self):
        operations = Operations()
        a, b = odd_limbs(), RANDOM.randrange(R)
        for bit in range(384):
            operations.put(f"equal p {number(a)} {number(a ^ 1 << bit)}", 0)
            operations.put(f"zero p {number(1 << bit)}", 0)
        operations.put(f"equal p {number(a)} {number(a)}", 1)
        operations.put(f"select p {number(0)} {number(a)} {number(b)}", b)
        operations.put(f"select p {number(R - 1)} {number(a)} {number(b)}", a)
        operations.check(self, 771)


class Group(unittest.TestCase):
    def points(self):
        small = [multiply_base(k) for k in (1, 2, 3, N - 1, N - 2)]
        by_x = [lift(x, odd) for x in (0, *range(1, 40), P - 1, P - 2, P - 5, 2**64, 2**128, 2**383, R - P, R - P + 1)
                for odd in (0, 1)]
        of_odd_limbs = [lift(odd_limbs() % P) for _ in range(24)]
        return small + [point for point in by_x + of_odd_limbs if point is not None]

    def test_add_and_double_have_no_exception(self):
        operations = Operations()
        points = self.points()
        pairs = [(None, None)]
        for i, a in enumerate(points):
            others = [points[i - 1], RANDOM.choice(points)]
            pairs += [(a, None), (None, a), (a, a), (a, negate(a))] + [(a, b) for b in others]
        for a, b in pairs:
            for z in (None, 1):
                operations.put(f"point-add {projective(a, z)} {projective(b, z)}", add(a, b), affine)
            operations.put(f"point-double {projective(a)}", add(a, a), affine)
        operations.check(self, 1000)

    def test_multiply_at_the_edges_of_the_comb(self):
        operations = Operations()
        teeth = [77 * tooth for tooth in range(5)]
        scalars = {0, 1, 2, 3, 4, N - 1, N - 2, N - 3, (N - 1) // 2, (N + 1) // 2, R % N, (R - 1) % N, 2**384 - N, 2**383}
        scalars |= {(2**tooth + d) % N for tooth in teeth for d in (-1, 0, 1)} | {2**(77 * tooth + 76) % N for tooth in range(4)}
        scalars |= {sum(2**t for t in teeth), sum(2**(t + 75) for t in teeth) % N, sum(2**(t + 75) - 1 << 1 for t in teeth) % N}
        scalars |= {sum(RANDOM.randrange(2) << t for t in teeth) << RANDOM.randrange(70) for _ in range(10)}
        scalars |= {odd_limbs() % N for _ in range(25)} | {RANDOM.randrange(N) for _ in range(10)}
        for k in scalars:
            e = RANDOM.choice((1, 2, N - 1, RANDOM.randrange(1, N)))
            point = projective(multiply_base(e), None if e > 1 else 1)
            operations.put(f"point-multiply {point} {number(k * R % N)}", multiply_base(k * e), affine)
        for point in RANDOM.sample(self.points(), 8):
            k = RANDOM.randrange(N)
            operations.put(f"point-multiply {projective(point)} {number(k * R % N)}", multiply(k, point), affine)
        operations.check(self, 70)

    def test_decode_and_encode_are_each_other_s_inverse(self):
        operations = Operations()
        xs = [*range(200), *(P - 1 - i for i in range(60)), *(odd_limbs() % P for _ in range(80))]
        for x in xs:
            for first in (2, 3):
                point = lift(x, first - 2)
                operations.put(f"point-decode {first:02x}{number(x)}", point or "none", affine)
        for x in (P, P + 1, P + 5, R - 1, R - 2):  # another name of a point that has one
            operations.put(f"point-decode 02{number(x)}", "none", affine)
        for first in (0, 1, 4, 5, 6, 7, 0x82, 255):
            operations.put(f"point-decode {first:02x}{number(G[0])}", "none", affine)
        points = [point for point in map(lift, xs) if point is not None]
        for i in range(0, len(points) - 4, 2):
            some = points[i:i + 1 + i // 2 % 4]
            operations.put("point-encode " + " ".join(map(projective, some)), b"".join(map(serialize, some)), bytes.fromhex)
            for wrong in (None, (some[0][0], some[0][1] ^ 1), (some[0][0] ^ 2, some[0][1]), (0, 0)):  # the identity, or off the curve
                broken = some[:]
                broken[RANDOM.randrange(len(some))] = wrong
                operations.put("point-encode " + " ".join(map(projective, broken)), "none")
        operations.check(self, 750)


class Hashing(unittest.TestCase):
    def test_map_and_its_exceptions(self):
        operations = Operations()
        exception = square_root(pow(12, -1, P), P)  # Z^2 u^4 + Z u^2 = 0, as for 0
        self.assertIsNotNone(exception)
        us = [0, 1, 2, P - 1, P - 2, exception, P - exception, (P - 1) // 2, (P + 1) // 2]
        for u in us + [odd_limbs() % P for _ in range(80)] + [RANDOM.randrange(P) for _ in range(60)]:
            operations.put(f"map {number(u * R % P)}", map_to_curve(u), affine)
        operations.check(self, 149)

    def test_hash_to_group_and_scalar(self):
        operations = Operations()
        for i in range(60):
            message, dst = RANDOM.randbytes(i * 7 % 300), RANDOM.randbytes(1 + i)
            words = f"{dst.hex()} {message.hex() or '-'}"
            operations.put(f"hash-to-group {words}", hash_to_group(message, dst), affine)
            operations.put(f"hash-to-scalar {words}", hash_to_scalar(message, dst) * R % N)
        operations.check(self, 120)

    def test_vectors_of_rfc_9380(self):
        suite = json.loads((pathlib.Path(sys.argv[2]) / "rfc9380_p384.json").read_text())
        dst = suite["dst"].encode()
        operations = Operations()
        for vector in suite["vectors"]:
            point = tuple(int(vector["P"][c], 16) for c in "xy")
            message = vector["msg"].encode()
            self.assertEqual(hash_to_group(message, dst), point)
            operations.put(f"hash-to-group {dst.hex()} {message.hex() or '-'}", point, affine)
            for u, q in zip(vector["u"], ("Q0", "Q1")):
                point = tuple(int(vector[q][c], 16) for c in "xy")
                operations.put(f"map {number(int(u, 16) * R % P)}", point, affine)
        operations.check(self, 15)


class Voprf(unittest.TestCase):
    def test_blind(self):
        operations = Operations()
        key = serialize(multiply_base(RANDOM.randrange(1, N))).hex()
        for blind in (1, 2, N - 1, RANDOM.randrange(1, N), odd_limbs() % N or 1):
            message = RANDOM.randbytes(RANDOM.randrange(100))
            blinded = serialize(multiply(blind, hash_to_group(message, b"HashToGroup-" + CONTEXT)))
            operations.put(f"blind {key} {message.hex() or '-'} {number(blind)}", blinded, bytes.fromhex)
        for blind in (0, N, N + 1, R - 1):  # refused, and nothing else is there to be drawn
            operations.put(f"blind {key} 00 {number(blind)}", "none")
        blinded = serialize(multiply(3, hash_to_group(b"\0", b"HashToGroup-" + CONTEXT)))
        draws = " ".join(number(blind) for blind in (0, N, R - 1, 0, 3))  # drawn again until there is a scalar
        operations.put(f"blind {key} 00 {draws}", blinded, bytes.fromhex)
        operations.check(self, 10)

    def test_evaluate_batches_with_proof(self):
        operations = Operations()
        for count, key, r in ((1, RANDOM.randrange(1, N), RANDOM.randrange(1, N)), (1, N - 1, 1), (1, 1, N - 1),
                              (3, RANDOM.randrange(1, N), RANDOM.randrange(1, N)), (6, 5, RANDOM.randrange(1, N))):
            blinded = [multiply_base(RANDOM.randrange(1, N)) for _ in range(count)]
            words = " ".join(serialize(point).hex() for point in blinded)
            operations.put(f"evaluate {number(key)} {number(r)} {words}", evaluate(key, r, blinded), bytes.fromhex)
        off_curve = next(x for x in range(G[0], P) if lift(x) is None)
        for refused in (bytes(49), b"\4" + serialize(G)[1:], b"\2" + P.to_bytes(48, "big"), b"\2" + off_curve.to_bytes(48, "big")):
            operations.put(f"evaluate {number(5)} {number(7)} {refused.hex()}", "none")
        operations.check(self, 9)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
