#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Adds up meson's test logs and prints "N passed, N failed[, N skipped]"; fails if a test failed or none ran."""

import collections
import json
import pathlib
import sys


def main():
    counts = collections.Counter()
    for log in sys.argv[1:]:
        for line in pathlib.Path(log).read_text().splitlines():
            test = json.loads(line)
            result = test["result"]
            counts["passed" if result == "OK" else "skipped" if result == "SKIP" else "failed"] += 1
            if result not in ("OK", "SKIP"):
                print(f"{result}: {test['name']} ({log})")
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    return 0 if counts["passed"] and not counts["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
