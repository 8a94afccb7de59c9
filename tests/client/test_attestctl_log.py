#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attestctl log: its output for a real log against golden files, and its refusals.

usage: test_attestctl_log.py ATTESTCTL TEST_DATA
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

CTL, DATA = sys.argv[1], pathlib.Path(sys.argv[2])
LOG = DATA / "eventlogs/ubuntu-2104-no-secure-boot.bin"
PCRS = DATA / "attestctl/ubuntu.pcrs"
MALFORMED = 4


def run(*arguments):
    return subprocess.run([CTL, "log", *map(str, arguments)], capture_output=True, timeout=60, check=False)


class Log(unittest.TestCase):
    maxDiff = None

    def golden(self, name, *arguments):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout.decode(), (DATA / "attestctl" / name).read_text())

    def test_text_is_as_in_the_golden_files(self):
        self.golden("log-show.txt", "show", LOG)
        self.golden("log-explain.txt", "explain", LOG)
        self.golden("log-verify.txt", "verify", "--pcr-file", PCRS, LOG)

    def test_json_is_as_in_the_golden_file(self):
        done = run("verify", "--json", "--pcr-file", PCRS, LOG)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(json.loads(done.stdout), json.loads((DATA / "attestctl/log-verify.json").read_text()))

    def test_show_json_has_every_event(self):
        events = json.loads(run("show", "--json", LOG).stdout)["events"]
        self.assertEqual([event["event"] for event in events], list(range(len(events))))
        self.assertEqual(len(events[1]["digests"]["sha256"]), 64)

    def test_values_on_the_command_line(self):
        expected = json.loads((DATA / "eventlogs/expected.json").read_text())[LOG.name]["pcrs"]
        values = "+".join(f"{bank}:" + ",".join(f"{n}={value}" for n, value in expected[bank].items()) for bank in expected)
        done = run("verify", "--json", "--pcrs", values, LOG)
        self.assertEqual(done.returncode, 0)
        self.assertTrue(json.loads(done.stdout)["matches"])

    def test_a_pcr_that_differs_is_named_and_nothing_follows_from_it(self):
        with tempfile.NamedTemporaryFile("w") as other:
            text = PCRS.read_text()
            at = text.rindex("    7 : 0x") + 10
            other.write(text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :])
            other.flush()
            done = run("verify", "--json", "--pcr-file", other.name, LOG)
        report = json.loads(done.stdout)
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse(report["matches"])
        self.assertEqual([row["pcr"] for row in report["pcrs"] if row["replay"] == "differs"], [7])
        self.assertEqual(report["boot"]["secure_boot"], "unknown")
        self.assertIsNone(report["boot"]["db"])
        self.assertTrue(report["boot"]["applications"])

    def test_refusals(self):
        for arguments, name in (
            (("verify", LOG), "InvalidArgument"),
            (("verify", "--pcrs", "sha256:7=00", LOG), "InvalidArgument"),
            (("verify", "--pcrs", "7=00", LOG), "InvalidArgument"),
            (("verify", "--pcrs", "sha256:", LOG), "InvalidArgument"),
            (("verify", "--pcrs", "sha1:99=" + "00" * 20, LOG), "InvalidArgument"),
            (("show", DATA / "eventlogs/short_no_action_eventlog.bin"), "Malformed"),
            (("explain", "/nonexistent"), "NotFound"),
        ):
            done = run(*arguments, "--json")
            error = json.loads(done.stdout)["error"]
            self.assertEqual((error["name"], done.returncode), (name, error["status"]))

    def test_every_log_is_explained_or_refused(self):
        for path in sorted((DATA / "eventlogs").glob("*.bin")):
            done = run("explain", path)
            self.assertIn(done.returncode, (0, MALFORMED), path)
            self.assertEqual(done.returncode == MALFORMED, path.name.startswith("short"), path)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
