#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The commands of the guides, as they stand there, on a machine that looks like the reader's.

Usage: test_examples.py BUILD-DIRECTORY

A block of commands (```sh) has a line above it: `<!-- run -->`, and it is run here, or `<!-- not run: why -->`. Blocks of one guide are run in turn,
as root, in a namespace of the test's own: with the users of the packages, with the stack's configuration in /etc/attesterd, and with a
`systemctl` that knows what the guides ask of it.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import namespace  # noqa: E402
from stack import ISSUER_NAME, SOURCE, Stack  # noqa: E402
from visitor import ask  # noqa: E402

GUIDES = ("ADMIN.md", "ISSUER.md", "ORIGIN.md", "DEVELOPING.md")
BLOCK = re.compile(r"(?m)^(?:<!-- (run|not run: [^\n]+) -->\n)?```(\w*)\n(.*?)^```$", re.DOTALL)
COMMANDS = "sh"
SYSTEMCTL = """#!/bin/sh
# What the guides ask of systemctl, with the unit's command, user and signal.
top={top}
end() {{ [ ! -s "$top/$1.pid" ] || {{ kill "$(cat "$top/$1.pid")"; while kill -0 "$(cat "$top/$1.pid")" 2>/dev/null; do sleep 0.05; done; rm "$top/$1.pid"; }} }}
[ "$2" = attester-issuer ] || {{ echo "systemctl $*: not known here" >&2; exit 1; }}
case $1 in
start)
    [ ! -s "$top/$2.pid" ] || exit 0
    rm -f "$top/issuer/port"
    setpriv --reuid=attester-issuer --regid=attester-issuer --clear-groups "$top/bin/attester-issuer" --port-file "$top/issuer/port" >>"$top/issuer.log" 2>&1 &
    echo $! >"$top/$2.pid"
    for turn in $(seq 200); do [ ! -s "$top/issuer/port" ] || exit 0; sleep 0.1; done
    tail -n 20 "$top/issuer.log" >&2
    exit 1
    ;;
stop) end "$2" ;;
reload) kill -HUP "$(cat "$top/$2.pid")" ;;
*) echo "systemctl $*: not known here" >&2; exit 1 ;;
esac
"""


def blocks(guide):
    """[(line, mark, language, text)]"""
    text = (SOURCE / "docs" / guide).read_text()
    return [(text.count("\n", 0, match.start(3)) + 1, match[1] or "", match[2], match[3]) for match in BLOCK.finditer(text)]


class Marks(unittest.TestCase):
    def test_every_block_of_commands_has_its_mark(self):
        for guide in GUIDES:
            found = blocks(guide)
            self.assertEqual((SOURCE / "docs" / guide).read_text().count("\n```"), 2 * len(found), f"{guide}: a fence that is not closed")
            for line, mark, language, _ in found:
                self.assertNotEqual(language, "", f"{guide}:{line}: say what the block is in")
                self.assertEqual(mark != "", language == COMMANDS, f"{guide}:{line}: commands are marked as run or not run, other blocks are not")

    def test_guides_have_no_indented_commands(self):
        for guide in GUIDES:
            outside = BLOCK.sub("", (SOURCE / "docs" / guide).read_text())
            self.assertEqual(re.findall(r"(?m)^ {4}\S.*$", outside), [], guide)


class Words(unittest.TestCase):
    """Commands within sentences are not run; they are at least commands."""

    def test_commands_and_options_in_sentences_are_there(self):
        seen = 0
        for guide in GUIDES:
            outside = BLOCK.sub("", (SOURCE / "docs" / guide).read_text())
            for words in re.findall(r"`attestctl ([a-z][^`]+)`", outside):
                commands = re.match(r"((?:[a-z]+ ?)+)", words)[1].split()
                shown = subprocess.run([BUILD / "client/attestctl", *commands[:2], "--help"], capture_output=True, text=True, timeout=20, check=False)
                if shown.returncode != 0:  # the second word is an argument
                    shown = subprocess.run([BUILD / "client/attestctl", commands[0], "--help"], capture_output=True, text=True, timeout=20, check=False)
                self.assertEqual(shown.returncode, 0, f"{guide}: attestctl {words}")
                for option in re.findall("--[a-z-]+", words):
                    self.assertIn(option, shown.stdout, f"{guide}: attestctl {words}")
                seen += 1
        self.assertGreater(seen, 10)


class Machine(Stack):
    """The stack, as an administrator finds it after the packages' installation."""

    def start(self):
        self.make_certificates()
        self.start_tpm()
        self.start_bus()
        for name in ("attesterd", "attester-issuer", "attester-gate"):
            self.run("systemd-sysusers", SOURCE / f"packaging/systemd/{name}.sysusers")
        self.install()
        self.configure()

    def install(self):
        directory = self.path("bin")
        directory.mkdir()
        for program in ("issuer/attester-issuer", "issuer/gate/attester-gate"):
            (directory / pathlib.Path(program).name).symlink_to(self.build / program)
        # attestctl finds its library beside itself.
        (directory / "attestctl").write_text(f'#!/bin/sh\nexec {self.build}/client/attestctl "$@"\n')
        (directory / "systemctl").write_text(SYSTEMCTL.format(top=self.top))
        for name in ("attestctl", "systemctl"):
            (directory / name).chmod(0o755)

    def configure(self):
        self.path("etc/issuers.d").mkdir(parents=True)
        self.run("mount", "--bind", self.path("etc"), self.mount_point("/etc/attesterd"))
        issuer = self.path("issuer")
        issuer.mkdir(mode=0o700)
        self.run("chown", "attester-issuer:", issuer)
        self.run("mount", "--bind", issuer, self.mount_point("/var/lib/attester-issuer"))
        shutil.copy(self.path("tls.pem"), "/etc/attesterd/issuer-certificate.pem")
        shutil.copy(self.path("tls.key"), "/etc/attesterd/issuer-certificate.key")
        text = (SOURCE / "packaging/config/attester-issuer.conf").read_text()
        for before, after in (("Listen=[::]:8443", "Listen=127.0.0.1:8443"), ("EkCaDirectory=/etc/attesterd/ek-ca", f"EkCaFile={self.path('tpm-ca/chain.pem')}"),
                              ("#MetricsListen=", "MetricsListen="), ("#Policy=", "Policy=")):
            assert before in text
            text = text.replace(before, after)
        self.write("etc/attester-issuer.conf", text)
        self.write("etc/issuer-policy.d/50-fleet.conf", "[Rule known-os]\nRequire=known(os.id)\n")
        self.issuer_url = "https://localhost:8443/.well-known/private-token-issuer-directory"
        self.environment["PATH"] = f"{self.path('bin')}:{self.environment['PATH']}"
        self.configure_issuer()

    @staticmethod
    def mount_point(path):
        os.makedirs(path, exist_ok=True)
        return path

    def stop(self, keep=False):
        file = self.path("attester-issuer.pid")
        if file.exists():
            os.kill(int(file.read_text()), signal.SIGTERM)
        super().stop(keep)


class Examples(unittest.TestCase):
    """One machine that is device and issuer at once."""

    @classmethod
    def setUpClass(cls):
        cls.machine = machine = Machine(BUILD)
        cls.addClassCleanup(machine.stop)
        machine.start()

    def run_block(self, guide, line, text):
        script = self.machine.write("block.sh", text)
        done = self.machine.run("bash", "-e", "-u", "-o", "pipefail", script, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, f"docs/{guide}:{line}:\n{text}{done.stdout}{done.stderr}")

    def run_guide(self, guide, before=None):
        """`before` is called before the block of that number."""
        number = 0
        for line, mark, language, text in blocks(guide):
            if language == COMMANDS and mark == "run":
                for call in (before or {}).get(number, ()):
                    call()
                self.run_block(guide, line, text)
                number += 1
        return number

    def enrol(self):
        """What the guide leaves to the device's administrator."""
        self.machine.start_gate()
        self.machine.start_daemon()
        self.machine.attestctl("enroll", ISSUER_NAME)
        # The issuer learns the boot state that is to be approved from a request for a token.
        _, challenge, _ = ask(self.machine)
        self.machine.attestctl("token", "--challenge", challenge, "--origin", self.machine.origin)

    def test_issuer_then_device(self):
        self.assertGreater(self.run_guide("ISSUER.md", {2: [self.enrol]}), 7)
        self.assertGreater(self.run_guide("ADMIN.md"), 3)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv[1]).resolve()
    namespace.enter("/usr/bin/sqlite3", "/usr/bin/systemd-sysusers", network=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=True, timeout=30)
    if not all(namespace.overlay(directory, "/mnt") for directory in ("/etc", "/var", "/usr/local")):
        sys.exit(namespace.CANNOT_RUN_HERE)
    # A build for another prefix than the packages' reads its configuration below that.
    os.makedirs("/usr/local/etc", exist_ok=True)
    os.symlink("/etc/attesterd", "/usr/local/etc/attesterd")
    del sys.argv[1]
    unittest.main(verbosity=2)
