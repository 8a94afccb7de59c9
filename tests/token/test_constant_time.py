# SPDX-License-Identifier: BSD-2-Clause
"""No branch and no address in token type 0x0001 depends on a secret, says valgrind's memcheck of the compiled code; and it
says otherwise of code that does it wrong.

Usage: test_constant_time.py VALGRIND PROGRAM"""
import subprocess
import sys
import unittest

REPORTED = 99


def run(*arguments):
    # One at a time: --error-exitcode counts errors of any kind. Leaks and the like are other tests' business.
    return subprocess.run([sys.argv[1], "--quiet", "--tool=memcheck", "--leak-check=no", f"--error-exitcode={REPORTED}",
                           sys.argv[2], *arguments], capture_output=True, text=True, timeout=600)


class ConstantTime(unittest.TestCase):
    def test_protocol_depends_on_no_secret(self):
        done = run()
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_each_leak_is_reported(self):
        for leak, report in (("branch", "Conditional jump"), ("index", "Use of uninitialised value"), ("ladder", "Conditional jump"),
                             ("output", "Conditional jump")):
            with self.subTest(leak):
                done = run(leak)
                self.assertEqual(done.returncode, REPORTED, done.stderr)
                self.assertIn(report, done.stderr)
                self.assertIn(f"leak_by_{leak}", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
