#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Event logs of real machines before tpm2_eventlog and before ours: what PCRs they come to, in every bank.

usage: test_eventlog_tool.py ATTESTCTL DATA-DIRECTORY
"""

import pathlib
import re
import subprocess
import sys
import unittest

ATTESTCTL, DATA = sys.argv[1:3]
LOGS = sorted(pathlib.Path(DATA, "eventlogs").glob("*.bin"))
BANKS = ("sha1", "sha256", "sha384")
REFUSED = "short_no_action_eventlog.bin"
MALFORMED, EVIDENCE_INVALID = 4, 33  # as docs/attestctl.md numbers them


def run(*arguments):
    return subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True, errors="replace", timeout=60, check=False)


def values_by_the_tool(log):
    """{bank: {pcr: hex}}, or None if the tool does not take the log."""
    done = run("tpm2_eventlog", log)
    if done.returncode != 0:
        return None
    values, bank = {}, None
    for line in done.stdout.split("\npcrs:\n")[1].splitlines():
        if match := re.fullmatch(r"  (\w+):", line):
            bank = values.setdefault(match.group(1), {})
        elif match := re.fullmatch(r"    (\d+)\s*: 0x([0-9a-f]+)", line):
            bank[int(match.group(1))] = match.group(2)
    return {name: pcrs for name, pcrs in values.items() if name in BANKS}


def as_option(values):
    return "+".join(f"{bank}:" + ",".join(f"{pcr}={value}" for pcr, value in pcrs.items()) for bank, pcrs in values.items())


class Logs(unittest.TestCase):
    def test_pcrs_are_those_of_the_tool_and_no_others(self):
        compared = 0
        for log in LOGS:
            values = values_by_the_tool(log)
            if values is None or log.name == REFUSED:
                continue
            with self.subTest(log.name):
                done = run(ATTESTCTL, "log", "verify", "--pcrs", as_option(values), log)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                bank = next(iter(values))
                pcr = next(iter(values[bank]))
                values[bank][pcr] = f"{int(values[bank][pcr][0], 16) ^ 1:x}{values[bank][pcr][1:]}"
                self.assertEqual(run(ATTESTCTL, "log", "verify", "--pcrs", as_option(values), log).returncode, EVIDENCE_INVALID)
                compared += 1
        self.assertGreaterEqual(compared, 8)

    def test_every_log_but_the_damaged_one_is_taken_whatever_the_tool_does(self):
        self.assertGreaterEqual(len(LOGS), 12)
        for log in LOGS:
            with self.subTest(log.name):
                done = run(ATTESTCTL, "log", "show", log)
                self.assertEqual(done.returncode, MALFORMED if log.name == REFUSED else 0, done.stderr)
                if log.name == REFUSED:
                    self.assertRegex(done.stderr, r"event \d+.*offset \d+|offset \d+.*event \d+")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
