#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The commands of attestctl that need no daemon to work with policies. Usage: test_attestctl_policy.py ATTESTCTL POLICY_MD"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

CTL, PAGE = sys.argv[1:3]

POLICY = """[Rule os-current]
Require=os.id == debian and os.version >= {version}
[Rule disk]
Require=disk.root_encrypted
Severity={severity}
"""
FACTS = """[Facts laptop]
os.id=debian
os.version=12.11
disk.root_encrypted=true
[Facts old one]
os.id=debian
os.version=11.9
disk.root_encrypted=unreadable "permission denied"
"""
CASES = FACTS + """[Case good]
Facts=laptop
Expect=pass
Expect[disk]=pass
[Case bad]
Facts=laptop
os.version=11.9
Expect=fail
Expect[os-current]=fail
"""


class Policy(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="attestctl-policy-")
        self.addCleanup(temporary.cleanup)
        self.top = pathlib.Path(temporary.name)

    def write(self, name, text):
        path = self.top / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def run_ctl(self, *arguments, status=0):
        run = subprocess.run([CTL, "policy", *map(str, arguments)], capture_output=True, text=True, timeout=30)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def policy(self, name="p.conf", version="12.5", severity="require"):
        return self.write(name, POLICY.format(version=version, severity=severity))

    def test_check_of_several_files_prints_all_errors_with_their_places(self):
        bad = self.write("bad.conf", "[Rule a]\nRequire=os.idd == x\nGrace=soon\n[Rule b]\nWhen=custom.x\n")
        other = self.write("other.conf", "[Nothing]\n")
        run = self.run_ctl("check", self.policy(), bad, other, status=21)
        self.assertEqual([re.sub(r"^.*/([^/]*:\d+:\d+): .*", r"\1", line) for line in run.stderr.splitlines()],
                         ["bad.conf:2:9", "bad.conf:3:7", "bad.conf:4:7", "other.conf:1:2"])
        self.assertIn("sound: 2 rules", run.stdout)

    def test_check_of_a_directory_reads_it_as_one_policy(self):
        self.write("d/10.conf", "[Rule a]\nRequire=custom.x\n")
        dropin = self.write("d/20.conf", "[Rule a]\nRemedy=Do it.\n")
        self.run_ctl("check", self.top / "d")
        self.run_ctl("check", dropin, status=21)

    def test_test_of_cases_that_are_met_is_0(self):
        run = self.run_ctl("test", "--policy", self.policy(), self.write("c", CASES))
        self.assertEqual(run.stdout, "4 of 4 expectations of 2 cases are met\n")

    def test_test_of_a_case_that_is_not_met_points_at_its_line(self):
        cases = self.write("c", CASES + "Expect[disk]=fail\nExpect[nothing]=pass\n")
        run = self.run_ctl("test", "-p", self.policy(), cases, status=1)
        self.assertEqual(run.stderr.splitlines(), [f"{cases}:18:1: case 'bad': disk: expected fail, found pass",
                                                   f"{cases}:19:1: case 'bad': nothing: expected pass, found no such rule"])
        document = json.loads(self.run_ctl("test", "-p", self.policy(), cases, "--json", status=1).stdout)
        self.assertEqual((document["passed"], document["cases"], document["expectations"]), (False, 2, 6))
        self.assertEqual([(failure["line"], failure["rule"], failure["outcome"]) for failure in document["failures"]],
                         [(18, "disk", "pass"), (19, "nothing", "no such rule")])

    def test_test_of_files_that_do_not_parse_says_all_and_runs_nothing(self):
        cases = self.write("c", "[Case a]\nos.idd=x\nExpect=maybe\n")
        run = self.run_ctl("test", "-p", self.write("p", "[Rule a]\n"), cases, status=21)
        self.assertEqual(len(run.stderr.splitlines()), 3)
        self.assertEqual(run.stdout, "")
        document = json.loads(self.run_ctl("test", "-p", self.top / "p", cases, "--json", status=21).stdout)
        self.assertEqual([error["line"] for error in document["errors"]], [1, 2, 3])
        self.run_ctl("test", "-p", self.top / "absent", cases, status=8)
        self.run_ctl("test", status=2)

    def test_diff_names_the_devices_that_change_and_the_rules(self):
        old, new, facts = self.policy(), self.policy("q.conf", "12.12", "warn"), self.write("f", FACTS)
        run = self.run_ctl("diff", old, new, "--facts", facts, status=1)
        self.assertEqual(run.stdout.splitlines(), [
            f"{facts}: laptop: pass → fail", "    os-current: pass → fail: os.version is 12.11, needed >= 12.12",
            "1 of 2 devices change: 1 would get no tokens any more, 0 would get some"])
        document = json.loads(self.run_ctl("diff", new, old, "--facts", facts, "--json", status=1).stdout)
        self.assertEqual((document["devices"], document["gained"], document["lost"]), (2, 1, 0))
        self.assertEqual(document["changes"][0]["rules"][0]["rule"], "os-current")

    def test_diff_without_a_change_is_0_and_counts_several_files(self):
        old, new = self.policy(), self.policy("q.conf", "12.6")
        run = self.run_ctl("diff", old, new, "--facts", self.write("f", FACTS), "--facts", self.write("g", FACTS), self.write("h", FACTS))
        self.assertTrue(run.stdout.startswith("0 of 6 devices change"), run.stdout)

    def test_diff_for_an_issuer_counts_its_rules(self):
        old, new, facts = self.policy(), self.policy("q.conf", "99"), self.write("f", FACTS)
        new.write_text(new.read_text().replace("[Rule disk]", "Issuer=a.example\n[Rule disk]"))
        self.run_ctl("diff", old, new, "--facts", facts, "--issuer", "a.example", status=1)
        self.assertIn("0 of 2", self.run_ctl("diff", old, new, "--facts", facts).stdout)

    def test_documented_file_of_cases_is_met_by_the_documented_policy(self):
        page = pathlib.Path(PAGE).read_text()
        policy = self.write("p", re.search(r"```policy\n(.*?)```", page, re.S).group(1))
        cases = self.write("c", re.search(r"```facts-file\n(.*?)```", page, re.S).group(1))
        self.run_ctl("test", "-p", policy, cases)
        self.assertIn("0 of 1 devices", self.run_ctl("diff", policy, policy, cases).stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
