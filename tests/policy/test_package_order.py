#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Package versions compare as dpkg and rpm themselves compare them, over generated pairs.

usage: test_package_order.py VERSION_TOOL
"""

import random
import subprocess
import sys
import unittest

TOOL = sys.argv[1]
SEED = 20250101
PAIRS = 400

# Versions of real packages, the ends of their kinds, and what dpkg's and rpm's own tests take for hard.
REAL = """1:9.2p1-2+deb12u3 3.0.15-1~deb12u1 3.0.15-1 6.1.119-1 6.1.0-28-amd64 2:8.39-15 1.2.3-4+b1 20230311 12.4+deb12u8
    0~git20231104-1 2.36-9+deb12u9 1.0~rc1-1 1.0-1 1.0 1.0-0 1.0+dfsg-1 1.0.0 0:1.0 1.0a-1 1.0b-1 1.0~~ 1.0~ 1.0~~a 1.0~a 007 7
    3.0.7-25.el9_3 3.0.7-25.el9 1:3.1.1-4.fc39 6.8.5-301.fc40.x86_64 1.0^20240101git1-1 1.0^ 1.0^^ 1.0~rc1^git1 1.0.1 1.0_1
    1.0+1 1.0^a 1.0a 1.0.a 1.a 1.10 1.9 1.09 2.0.0001 2.0.1 10xyz 10.1xyz 4294967295:1 2147483647:1 1..2 1.2""".split()


def mutate(generator, text, alphabet):
    text = list(text)
    for _ in range(generator.randint(1, 3)):
        at = generator.randint(1, len(text))
        if generator.random() < 0.6:
            text.insert(at, generator.choice(alphabet))
        elif at < len(text):
            del text[at]
    return "".join(text)


def pairs(alphabet):
    generator = random.Random(SEED)
    print(f"seed {SEED}, {PAIRS} pairs")
    for _ in range(PAIRS):
        a = generator.choice(REAL)
        b = mutate(generator, a, alphabet) if generator.random() < 0.7 else generator.choice(REAL)
        if generator.random() < 0.3:
            a = mutate(generator, a, alphabet)
        yield (a, b) if generator.random() < 0.5 else (b, a)


def ours(order, these):
    text = "".join(f"{order} {a} {b}\n" for a, b in these)
    return subprocess.run([TOOL], input=text, capture_output=True, text=True, check=True, timeout=60).stdout.split()


def dpkg(a, b):
    """-1, 0, 1, or "invalid" for what dpkg does not take without complaint."""
    for result, relation in ((-1, "lt"), (0, "eq"), (1, "gt")):
        run = subprocess.run(["dpkg", "--compare-versions", a, relation, b], capture_output=True, text=True, timeout=60)
        if run.stderr:
            return "invalid"
        if run.returncode == 0:
            return str(result)
    raise AssertionError(f"dpkg does not compare {a} and {b}")


def rpm(these):
    """rpm's verdict on all pairs, by one process."""
    table = ",".join(f'"{a}","{b}"' for a, b in these)
    script = f"local t={{{table}}} for i=1,#t,2 do print(rpm.vercmp(t[i],t[i+1])..' ') end"
    return subprocess.run(["rpm", "--eval", f"%{{lua:{script}}}"], capture_output=True, text=True, check=True, timeout=60).stdout.split()


class Order(unittest.TestCase):
    def test_debian_pairs_compare_as_dpkg_compares_them(self):
        these = list(pairs("0123456789abz.+-~:"))
        results = ours("debian", these)
        decided = 0
        for (a, b), result in zip(these, results, strict=True):
            self.assertEqual(result, dpkg(a, b), f"{a} and {b}")
            decided += result != "invalid"
        self.assertGreater(decided, PAIRS // 2)

    def test_rpm_pairs_compare_as_rpm_compares_them(self):
        these = list(pairs("0123456789abz._+-~^"))
        results = ours("rpm", these)
        decided = 0
        for (a, b), result, expected in zip(these, results, rpm(these), strict=True):
            # rpm compares what it would not build; we take only what it builds.
            if result == "invalid":
                continue
            self.assertEqual(result, expected, f"{a} and {b}")
            decided += 1
        self.assertGreater(decided, PAIRS // 2)

    def test_both_orders_are_total_orders(self):
        """Nothing is older than itself, and what is older one way is newer the other way."""
        for order in ("debian", "rpm"):
            these = [(a, b) for a in REAL for b in REAL]
            result = dict(zip(these, ours(order, these), strict=True))
            for (a, b), way in result.items():
                if way != "invalid":
                    self.assertEqual(int(way), -int(result[b, a]), f"{order}: {a} and {b}")
            for a, b, c in random.Random(SEED).choices([(a, b, c) for a in REAL for b in REAL for c in REAL], k=20000):
                if "invalid" not in (result[a, b], result[b, c]) and int(result[a, b]) <= 0 and int(result[b, c]) <= 0:
                    self.assertLessEqual(int(result[a, c]), 0, f"{order}: {a}, {b}, {c}")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
