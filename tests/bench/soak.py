#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tokens in a row, and whether anything grows. Usage: soak.py BUILD-DIRECTORY [TOKENS]   (200000 by default)

Prints a line of JSON for each process: resident set at the first and the last reading, its slope by least squares over the readings of
the last three quarters, and open descriptors. Ends with 1 if a descriptor leaked, or the resident set grows by more than a byte a token.
"""

import json
import os
import pathlib
import sys

from bench_system import ISSUER_NAME, child_of, load, resident_kib, start
from stack import Stack

CHUNK = 5000
CALLERS = 50
GROWTH_BYTES_PER_TOKEN_MAX = 1.0


def slope(points):
    """Of y over x, by least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def main(build, tokens=200000):
    with Stack(build) as stack:
        start(stack, True)
        daemon = stack.processes["attesterd"].pid
        processes = {"attesterd": daemon, "attester-net": child_of(daemon), "attester-issuer": stack.processes["issuer"].pid}
        readings = {name: [] for name in processes}
        descriptors = {}
        load(stack, ISSUER_NAME, CALLERS, CHUNK)  # caches fill, connections are made
        for name, process in processes.items():
            descriptors[name] = len(os.listdir(f"/proc/{process}/fd"))
        done = 0
        while done < tokens:
            result = load(stack, ISSUER_NAME, CALLERS, CHUNK)
            done += CHUNK
            for name, process in processes.items():
                readings[name].append((done, resident_kib(process)))
            print(json.dumps({"tokens": done, "tokens_per_second": result["tokens_per_second"],
                              **{name: points[-1][1] for name, points in readings.items()}}), file=sys.stderr, flush=True)
        sound = True
        for name, points in readings.items():
            growth = slope(points[len(points) // 4 :]) * 1024
            now = len(os.listdir(f"/proc/{processes[name]}/fd"))
            sound = sound and growth <= GROWTH_BYTES_PER_TOKEN_MAX and now <= descriptors[name]
            print(json.dumps({"figure": f"soak_{name}", "tokens": done, "first_kib": points[0][1], "last_kib": points[-1][1],
                              "bytes_per_token": round(growth, 3), "descriptors": [descriptors[name], now]}), flush=True)
        return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
