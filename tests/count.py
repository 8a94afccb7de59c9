#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Adds up meson's test logs: the end of each failed test's output, and "N passed, N failed[, N skipped]" as the last line.
Fails if a test failed or none ran."""

import collections
import json
import pathlib
import sys

LINES_MAX = 40  # of each of a failed test's two outputs
LINE_CHARACTERS_MAX = 400


def end_of(text):
    """The last lines, without the pages that a line of a program's can be."""
    return [line[:LINE_CHARACTERS_MAX] for line in (text or "").rstrip().splitlines()[-LINES_MAX:]]


def report(test, log):
    print(f"--- {test['result']}: {test['name']} ({log}), after {test['duration']:.0f} s")
    for stream in ("stdout", "stderr"):
        for line in end_of(test.get(stream)):
            print(f"    {line}")


def main():
    counts = collections.Counter()
    failed = []
    for log in sys.argv[1:]:
        for line in pathlib.Path(log).read_text().splitlines():
            test = json.loads(line)
            result = test["result"]
            counts["passed" if result == "OK" else "skipped" if result == "SKIP" else "failed"] += 1
            if result not in ("OK", "SKIP"):
                failed.append((test, log))
    for test, log in failed:
        report(test, log)
    for test, log in failed:
        print(f"{test['result']}: {test['name']} ({log})")
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    return 0 if counts["passed"] and not counts["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
