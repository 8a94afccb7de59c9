# SPDX-License-Identifier: BSD-2-Clause
"""That the documents say of options and configuration keys what the programs take, and make sound manual pages.

Usage: test_documentation.py BUILD [unittest arguments].
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = None
PROGRAMS = {"attesterd/attesterd": "attesterd.md", "client/agent/attester-agent": "agent.md", "client/nativehost/attester-native-host": "browser.md",
            "attesterd/net/attester-net": "net.md", "issuer/attester-issuer": "issuer.md",
            "issuer/gate/attester-gate": "gate.md"}
KEYS = {"attesterd.conf": ("attesterd/config.c", r'\{ "\w+", "(\w+)", set_\w+ \}'),
        "attester-issuer.conf": ("issuer/config*.c", r'\{ (?:"\w+"|[A-Z]+), "(\w+)", ISSUER_SETTING_'),
        "attester-gate.conf": ("issuer/gate/config.c", r'strcmp\(entry->key, "(\w+)"\)')}


def first_cells(document, headings):
    """The first cells of the document's tables whose first heading fits."""
    inside, previous = False, ""
    for line in document.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and not previous.startswith("|"):
            inside = re.fullmatch(headings, cells[0]) is not None
        elif inside and line.startswith("|") and not cells[0].startswith("---"):
            yield cells[0]
        previous = line


def documented_options(document):
    return set(re.findall(r"--[a-z-]+", " ".join(first_cells(document, "option"))))


def documented_keys(document):
    return set(re.findall(r"(\w+)=", " ".join(first_cells(document, r"key|`\[\w+( NAME)?\]`"))))


def help_of(program, *words):
    shown = subprocess.run([BUILD / program, *words, "--help"], capture_output=True, text=True, timeout=60, check=False)
    if shown.returncode != 0:
        raise AssertionError(f"{program} {words}: {shown.stderr}")
    return shown.stdout


def options_in(text):
    return set(re.findall(r"--[a-z][a-z-]+", text))


class Options(unittest.TestCase):
    def test_options_of_help_and_document_are_the_same(self):
        for program, document in PROGRAMS.items():
            with self.subTest(program):
                shown = options_in(help_of(program))
                self.assertGreaterEqual(len(shown), 3)
                self.assertEqual(documented_options(SOURCE / "docs" / document), shown)

    def test_commands_and_options_of_attestctl_are_documented(self):
        document = SOURCE / "docs" / "attestctl.md"
        documented = " ".join(first_cells(document, "command"))
        shown = set()
        for line in help_of("client/attestctl").splitlines():
            match = re.match(r"  ([a-z]+(?: [a-z]+)?)", line)
            if match:
                self.assertRegex(documented, rf"`{match[1]}\b")
                shown |= options_in(help_of("client/attestctl", *match[1].split()))
        self.assertEqual(documented_options(document), shown)
        # The other way round: each documented command has a help.
        for command in re.findall(r"`([a-z]+(?: [a-z]+)?)", documented):
            help_of("client/attestctl", *command.split())


class Keys(unittest.TestCase):
    def test_keys_of_parser_document_and_shipped_file_are_the_same(self):
        for name, (sources, pattern) in KEYS.items():
            with self.subTest(name):
                keys = {key for source in SOURCE.glob(sources) for key in re.findall(pattern, source.read_text())}
                self.assertGreaterEqual(len(keys), 7)
                self.assertEqual(documented_keys(SOURCE / "docs" / f"{name}.md"), keys)
                self.assertEqual(self.shipped(name), keys)

    @staticmethod
    def shipped(name):
        files = [SOURCE / "packaging/config" / name]
        if name == "attesterd.conf":
            files.append(SOURCE / "packaging/config/issuer.conf")
        return {key for file in files for key in re.findall(r"(?m)^#?(\w+)=", file.read_text())}


class Polkit(unittest.TestCase):
    def test_every_action_is_in_every_language(self):
        lang = "{http://www.w3.org/XML/1998/namespace}lang"
        actions = ElementTree.parse(SOURCE / "packaging/polkit/org.attesterd.policy").getroot().findall("action")
        asked = re.findall(r'attesterd_authorize\(daemon, call, "([a-z.-]+)"', (SOURCE / "attesterd/admin.c").read_text())
        self.assertEqual(sorted(action.get("id") for action in actions), sorted(set(asked)))
        languages = {text.get(lang) for action in actions for text in action if text.get(lang)}
        self.assertGreaterEqual(languages, {"de", "fr"})
        for action in actions:
            for tag in ("description", "message"):
                texts = action.findall(tag)
                self.assertEqual([text.get(lang) for text in texts].count(None), 1)
                self.assertEqual({text.get(lang) for text in texts} - {None}, languages, action.get("id"))
                self.assertEqual(len({text.text for text in texts}), len(texts), action.get("id"))


class Metainfo(unittest.TestCase):
    def test_metainfo_is_valid_and_in_the_languages_of_the_actions(self):
        lang = "{http://www.w3.org/XML/1998/namespace}lang"
        files = list((SOURCE / "packaging/appstream").glob("*.metainfo.xml"))
        self.assertEqual(len(files), 2)
        for file in files:
            checked = subprocess.run(["appstreamcli", "validate", "--no-net", "--pedantic", file], capture_output=True, text=True, timeout=60,
                                     check=False)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
            component = ElementTree.parse(file).getroot()
            self.assertEqual(component.findtext("id") + ".metainfo.xml", file.name)
            for texts in (component.findall("summary"), component.findall("description/p")):
                self.assertEqual({text.get(lang) for text in texts}, {None, "de", "fr"})


class Errors(unittest.TestCase):
    def test_guide_says_of_each_error_what_to_do(self):
        errors = re.findall(r'DBUS_PREFIX "(\w+)", (\d+)', (SOURCE / "base/error.c").read_text())
        told = re.findall(r"(?m)^\| `(\w+)` \| (\d+) \| \S.* \| \S.* \|$", (SOURCE / "docs/ADMIN.md").read_text())
        self.assertEqual(told, [row for row in errors if row[0] != "None"])
        # And of each that an interface's description names.
        for file in [*(SOURCE / "attesterd").glob("*.xml"), *(SOURCE / "client/agent").glob("*.xml")]:
            sentences = re.findall(r"(?s)\bErrors: (.*?)(?:\.\s|\.$|-->)", file.read_text())
            named = {name for sentence in sentences for name in re.findall(r"(?<![\w.])[A-Z][a-z]+(?:[A-Z][a-z]+)*\b", re.sub(r"\(.*?\)", "", sentence))}
            self.assertGreater(len(named), 6, file.name)
            self.assertLessEqual(named - {"Evaluate"}, {name for name, _ in told}, file.name)


class Pages(unittest.TestCase):
    def test_pages_have_no_error_and_a_name(self):
        pages = [page for page in (BUILD / "docs").iterdir() if re.search(r"\.[1-8]$", page.name)]
        self.assertGreaterEqual(len(pages), 13)
        for page in pages:
            with self.subTest(page.name):
                lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, timeout=60, check=False)
                problems = [line for line in lint.stdout.splitlines() if "missing date" not in line]
                self.assertEqual(problems, [])
                text = page.read_text()
                self.assertIn("\n.SH NAME\n" + page.name.rsplit(".", 1)[0].replace("-", "\\-") + " \\- ", text)
                self.assertNotRegex(text, r"\]\(|(?<!\\)`|<!--")

    def test_references_lead_to_pages(self):
        built = {page.name for page in (BUILD / "docs").iterdir()}
        for page in (BUILD / "docs").iterdir():
            if re.search(r"\.[1-8]$", page.name):
                for name, section in re.findall(r"(?m)^\.BR (\S+) \((\d)\)", page.read_text()):
                    self.assertIn(name.replace("\\-", "-") + "." + section, built, page.name)


class Journal(unittest.TestCase):
    """base/event.c is the source of what docs/journal.md and the catalogs say of events and fields."""

    PROGRAMS = ("attesterd", "attester-issuer", "attester-gate")

    @classmethod
    def setUpClass(cls):
        text = (SOURCE / "base/event.c").read_text()
        rows = re.findall(r'\{ "([0-9a-f]+)", "([a-z-]+)", BASE_LOG_([A-Z]+) \}', text)
        cls.events = {name: (message_id, level.lower()) for message_id, name, level in rows}
        cls.fields = set(re.findall(r'"(ATTESTERD_[A-Z]+)"', text))

    def documented(self):
        """{event: (identifier, priority)} and {event: fields} by program, of the table in docs/journal.md."""
        table = re.findall(r"(?m)^\| ([a-z-]+) \| `([0-9a-f]+)` \| `([a-z-]+)` \| ([a-z]+) \| (.*?) ?\|$", (SOURCE / "docs/journal.md").read_text())
        return ({event: (message_id, level) for event, message_id, _, level, _ in table},
                {program: {row[0]: set(re.findall("ATTESTERD_[A-Z]+", row[4])) for row in table if row[2] == program}
                 for program in self.PROGRAMS})

    @staticmethod
    def catalog(file):
        """[(comment, identifier, text)] of its entries."""
        return re.findall(r"(?ms)^# ([a-z-]+)\n-- ([0-9a-f]{32})\n(.*?)(?=^# |\Z)", file.read_text())

    def test_table_is_sound(self):
        ids = [message_id for message_id, _ in self.events.values()]
        self.assertEqual(len(ids), (SOURCE / "base/event.h").read_text().count("        BASE_EVENT_") - 2 - self.field_lines())
        self.assertEqual(len(set(ids)), len(ids))
        for message_id in ids:
            self.assertRegex(message_id, "^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$")  # a random UUID

    @staticmethod
    def field_lines():
        return (SOURCE / "base/event.h").read_text().count("        BASE_EVENT_FIELD_")

    def test_document_lists_events_and_fields(self):
        events, _ = self.documented()
        self.assertEqual(events, self.events)
        listed = set(re.findall(r"(?m)^\| `(ATTESTERD_[A-Z]+)` \| \S", (SOURCE / "docs/journal.md").read_text()))
        self.assertEqual(listed, self.fields)

    def test_catalogs_explain_each_event_of_their_program_with_its_fields(self):
        _, fields = self.documented()
        for program in self.PROGRAMS:
            for language in ("", ".de"):
                file = SOURCE / f"packaging/catalog/{program}{language}.catalog"
                entries = self.catalog(file)
                self.assertEqual(file.read_text().count("\n-- "), len(entries), file.name)
                self.assertEqual([(name, message_id) for name, message_id, _ in entries],
                                 [(name, self.events[name][0]) for name in fields[program]], file.name)
                for name, _, text in entries:
                    self.assertRegex(text, r"\ASubject: \S.*\nDefined-By: attesterd\nDocumentation: man:\S+\n\n\S", name)
                    self.assertLessEqual(set(re.findall("@([A-Z_]+)@", text)), fields[program][name], name)

    def test_catalogs_name_commands_and_pages_that_are_there(self):
        pages = {page.name for page in (BUILD / "docs").iterdir()}
        for file in (SOURCE / "packaging/catalog").iterdir():
            text = " ".join(file.read_text().split())
            for page, section in re.findall(r"man:(attest\S+)\((\d)\)", text):
                self.assertIn(f"{page}.{section}", pages, file.name)
            for words in re.findall(r'["»]attestctl ([a-z ]+)', text):
                help_of("client/attestctl", *words.split())

    def test_journalctl_takes_the_catalogs(self):
        with tempfile.TemporaryDirectory(prefix="attester-catalog-") as top:
            shutil.copytree(SOURCE / "packaging/catalog", pathlib.Path(top, "usr/lib/systemd/catalog"))
            for arguments in (["--update-catalog"], ["--list-catalog"]):
                shown = subprocess.run(["journalctl", f"--root={top}", *arguments], capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual((shown.returncode, shown.stderr), (0, ""), arguments)
        self.assertEqual({line.split()[0] for line in shown.stdout.splitlines()}, {message_id for message_id, _ in self.events.values()})


class Completion(unittest.TestCase):
    """Shells' completion, made of the programs' tables of options. bash is asked as readline asks it, fish by its own command."""

    PROGRAMS = {"attestctl": "client", "attester-agent": "client/agent", "attester-issuer": "issuer", "attester-gate": "issuer/gate",
                "attesterd": "attesterd"}
    NO_COMMANDS = ("attester-agent", "attester-gate", "attesterd")

    def complete(self, program, *words):
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); attestctl() { echo \'{"name": "issuer.example"}\'; }; '
                  '"_$1"; printf "%s\\n" "${COMPREPLY[@]}"')
        shown = subprocess.run(["bash", "-c", script, "bash", BUILD / f"packaging/{program}.bash", program, *words], cwd=SOURCE,
                               capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual(shown.stderr, "")
        return shown.stdout.split()

    def options(self, program, *words):
        return options_in(help_of(f"{self.PROGRAMS[program]}/{program}", *words))

    def test_commands_and_subcommands(self):
        self.assertEqual(self.complete("attestctl", "st"), ["status"])
        self.assertEqual(self.complete("attestctl", "rel"), ["reload"])
        self.assertIn("check", self.complete("attestctl", "policy", ""))
        self.assertEqual(self.complete("attestctl", "log", "ver"), ["verify"])
        self.assertEqual(self.complete("attester-issuer", ""), ["devices", "keys"])
        self.assertEqual(self.complete("attester-issuer", "devices", "app"), ["approve", "approved"])
        self.assertEqual(self.complete("attester-issuer", "--config", "README.md", "--allow-root", "k"), ["keys"])
        self.assertEqual(self.complete("attester-issuer", "--config", "README.md", "devices", "rev"), ["revoke"])

    def test_options_of_the_command_alone(self):
        for words in (["fetch"], ["status"], ["log", "verify"]):
            offered = {word for word in self.complete("attestctl", *words, "-") if word.startswith("--")}
            self.assertEqual(offered, self.options("attestctl", *words))
        self.assertEqual(set(self.complete("attestctl", "--")), {"--help", "--version"})

    def test_options_of_programs_without_commands_and_of_all_commands(self):
        for program, *words in (*((program,) for program in self.NO_COMMANDS), ("attester-issuer",), ("attester-issuer", "devices", "list")):
            self.assertEqual(set(self.complete(program, *words, "--")), self.options(program), words)

    def test_values(self):
        self.assertEqual(self.complete("attestctl", "fetch", "--output", "READ"), ["README.md"])
        for words in (["policy", "check"], ["policy", "sign"], ["policy", "verify"], ["policy", "install"], ["log", "verify"]):
            self.assertEqual(self.complete("attestctl", *words, "READ"), ["README.md"], words)
        self.assertEqual(self.complete("attestctl", "fetch", "--header", "READ"), [])
        self.assertEqual(self.complete("attestctl", "enroll", "iss"), ["issuer.example"])
        for program in ("attester-issuer", "attester-gate"):
            self.assertEqual(self.complete(program, "--config", "READ"), ["README.md"])
            self.assertEqual(self.complete(program, "--listen", "READ"), [])
        self.assertEqual(self.complete("attesterd", "--state-dir", "READ"), ["README.md"])
        self.assertEqual(self.complete("attester-issuer", "devices", "revoke", "READ"), [])

    def test_no_other_shell(self):
        for program, directory in self.PROGRAMS.items():
            asked = subprocess.run([BUILD / directory / program, "--completion", "csh"], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual((asked.returncode, asked.stdout), (2, ""), program)

    def test_scripts_parse(self):
        for program in self.PROGRAMS:
            for shell, script in (("bash", f"{program}.bash"), ("zsh", f"_{program}"), ("fish", f"{program}.fish")):
                text = (BUILD / "packaging" / script).read_text()
                for word in ("help", *(() if program in self.NO_COMMANDS else ("list" if program == "attester-issuer" else "enroll",))):
                    self.assertIn(word, text)
                # zsh and fish are asked where they are installed.
                if shutil.which(shell):
                    subprocess.run([shell, "-n", BUILD / "packaging" / script], check=True, timeout=60)

    @unittest.skipUnless(shutil.which("fish"), "there is no fish")
    def test_fish(self):
        with tempfile.TemporaryDirectory(prefix="attester-fish-") as home:
            for program, line, expected in (("attester-issuer", "devices rev", "revoke"), ("attester-issuer", "--check", "--check-config"),
                                            ("attester-gate", "--list", "--listen"), ("attestctl", "policy che", "check"),
                                            ("attestctl", "policy verify --tru", "--trust"), ("attestctl", "status --js", "--json")):
                asked = subprocess.run(["fish", "--no-config", "-c", f"source {BUILD}/packaging/{program}.fish; complete -C '{program} {line}'"],
                                       capture_output=True, text=True, timeout=60, check=True, env={"HOME": home, "PATH": os.environ["PATH"]})
                self.assertEqual([offered.split("\t")[0] for offered in asked.stdout.splitlines()], [expected], line)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
