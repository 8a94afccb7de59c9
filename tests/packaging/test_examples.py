#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The commands of the guides, as they stand there, on a machine that looks like the reader's.

Usage: test_examples.py BUILD-DIRECTORY

A block of commands (```sh) has a line above it: `<!-- run -->`, and it is run here, or `<!-- not run: why -->`. Blocks of one guide are run in turn,
as root, in a namespace of the test's own: with the users of the packages, with the stack's configuration in /etc/attesterd, and with a
`systemctl` that knows what the guides ask of it.
"""

import collections
import itertools
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

GUIDES = tuple(SOURCE / name for name in ("docs/ADMIN.md", "docs/ISSUER.md", "docs/ORIGIN.md", "docs/DEVELOPING.md", "SECURITY.md"))
DOCUMENTS = (*sorted((SOURCE / "docs").glob("*.md")), *(SOURCE / name for name in ("SECURITY.md", "README.md", "CONTRIBUTING.md", "NEWS.md")))
# Programs that a sentence may name with options; the first two have commands.
PROGRAMS = {"attestctl": "client/attestctl", "attester-issuer": "issuer/attester-issuer", "attester-gate": "issuer/gate/attester-gate",
            "attesterd": "attesterd/attesterd", "attester-net": "attesterd/net/attester-net", "attester-agent": "client/agent/attester-agent",
            "attester-native-host": "client/nativehost/attester-native-host"}
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


def blocks(document):
    """[(line, mark, language, text)]"""
    text = document.read_text()
    return [(text.count("\n", 0, match.start(3)) + 1, match[1] or "", match[2], match[3]) for match in BLOCK.finditer(text)]


class Marks(unittest.TestCase):
    def test_every_block_of_commands_has_its_mark(self):
        for guide in GUIDES:
            found = blocks(guide)
            self.assertEqual(guide.read_text().count("\n```"), 2 * len(found), f"{guide.name}: a fence that is not closed")
            for line, _, language, _ in found:
                self.assertNotEqual(language, "", f"{guide.name}:{line}: say what the block is in")
        for document in DOCUMENTS:
            for line, mark, language, _ in blocks(document):
                self.assertEqual(mark != "", language == COMMANDS, f"{document.name}:{line}: commands are marked as run or not run, other blocks are not")
                self.assertTrue(document in GUIDES or mark != "run", f"{document.name}:{line}: is run by nothing")

    def test_guides_have_no_indented_commands(self):
        for guide in GUIDES:
            outside = BLOCK.sub("", guide.read_text())
            self.assertEqual(re.findall(r"(?m)^ {4}\S.*$", outside), [], guide.name)


class Words(unittest.TestCase):
    """Commands within sentences are not run; they are at least commands, with options that they have."""

    HELP = {}

    def help_of(self, program, *words):
        """None: it takes no such words."""
        if (program, *words) not in self.HELP:
            shown = subprocess.run([BUILD / PROGRAMS[program], *words, "--help"], capture_output=True, text=True, timeout=20, check=False)
            self.HELP[(program, *words)] = shown.stdout if shown.returncode == 0 else None
        return self.HELP[(program, *words)]

    def wrong(self, program, words):
        """What is wrong with these words behind the program's name, or None."""
        names = [word for word in itertools.takewhile(lambda word: re.fullmatch("[a-z]+", word), words.split())]
        if program == "attestctl":
            # The second word may be an argument.
            shown = (self.help_of(program, *names[:2]) or self.help_of(program, *names[:1])) if names else self.help_of(program)
            if shown is None and re.search(rf"(?m)^  {words} [a-z]", self.help_of(program)):
                return None  # the first word of several commands, alone
        else:
            shown = self.help_of(program)
            if names and not re.search(rf"(?m)^  {' '.join(names[:2])}\b", shown):
                return "there is no such command"
        if shown is None:
            return "there is no such command"
        missing = [option for option in re.findall("(?<![a-z-])--[a-z-]+", words) if not re.search(rf"{option}\b(?!-)", shown)]
        return f"there is no {missing}" if missing else None

    @staticmethod
    def commands(text):
        """(program, words) of what stands in sentences. Commands of the issuer may stand without its name."""
        for code in re.findall(r"`([^`\n]+)`", text):
            code = re.sub("^runuser -u [a-z-]+ -- ", "", code)
            program, _, words = code.partition(" ")
            if program in ("devices", "keys") and re.match("[a-z]", words):
                yield "attester-issuer", code
            elif program in ("attestctl", "attester-issuer") and re.match("[a-z-]", words):
                yield program, words
            elif program in PROGRAMS and words.startswith("-"):
                yield program, words

    def test_commands_and_options_in_sentences_are_there(self):
        seen = collections.Counter()
        for document in DOCUMENTS:
            for program, words in self.commands(BLOCK.sub("", document.read_text())):
                seen[program] += 1
                with self.subTest(f"{document.name}: {program} {words}"):
                    self.assertIsNone(self.wrong(program, words))
        self.assertGreater(seen["attestctl"], 40)
        self.assertGreater(seen["attester-issuer"], 8)
        self.assertGreater(seen["attester-gate"], 0)

    def test_wrong_ones_would_be_found(self):
        for code in ("attestctl statsu", "attestctl policy chek FILE", "attestctl enroll --no-such NAME", "devices remove ID", "keys show",
                     "attester-issuer --chek-config", "attester-gate --check-config", "runuser -u attester-issuer -- attester-issuer devices drop"):
            ((program, words),) = self.commands(f"Say `{code}` now.")
            self.assertIsNotNone(self.wrong(program, words), code)


class Machine(Stack):
    """The stack, as an administrator finds it after the packages' installation."""

    def start(self):
        self.start_ground()
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
        self.path("work").mkdir()
        for name in ("issuers.d", "attesterd.conf.d"):
            self.path("etc", name).mkdir(parents=True)
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
        shutil.copy(SOURCE / "packaging/config/attester-gate.conf", "/etc/attesterd/attester-gate.conf")
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
        # In a directory of its own, which the blocks of all guides share.
        script = self.machine.write("block.sh", f"cd {self.machine.path('work')}\n{text}")
        done = self.machine.run("bash", "-e", "-u", "-o", "pipefail", script, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, f"{guide.name}:{line}:\n{text}{done.stdout}{done.stderr}")

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
        self.assertGreater(self.run_guide(SOURCE / "docs/ISSUER.md", {2: [self.enrol]}), 7)
        self.assertGreater(self.run_guide(SOURCE / "docs/ADMIN.md"), 7)


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
