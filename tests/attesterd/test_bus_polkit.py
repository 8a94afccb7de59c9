# SPDX-License-Identifier: BSD-2-Clause
"""Who may call what, with a real polkitd: the table of docs/attesterd.md, every method with every kind of caller.

Usage: test_bus_polkit.py BUILD-DIRECTORY

polkitd reads fixed directories and asks the service manager's files for a caller's session. The test therefore goes on in a mount
namespace of its own, which needs root, and makes those files there. A caller is put into a session by what its /proc/PID/cgroup
says in that namespace; nothing outside of it changes.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest
from xml.etree import ElementTree

import dbus

from bus_fixture import ADMIN, ATTESTER, HERE, PROPERTIES, DaemonStack  # before the others: finds them
import namespace
from stack import ISSUER_NAME, SOURCE, wait_for

POLKITD = "/usr/lib/polkit-1/polkitd"
POLKIT_BUS_POLICY = "/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf"

# Columns of the table, and the session that puts a caller there. The users are daemon, bin, sys, games: every passwd(5) has them.
SESSIONS = {
    "active": (1, "ACTIVE=1\nSTATE=active\nREMOTE=0\nTYPE=wayland\nCLASS=user\nSEAT=seat0\n"),
    "inactive": (2, "ACTIVE=0\nSTATE=online\nREMOTE=0\nTYPE=wayland\nCLASS=user\nSEAT=seat0\n"),
    "remote": (3, "ACTIVE=1\nSTATE=active\nREMOTE=1\nTYPE=tty\nCLASS=user\n"),
}
USERS = {"root": 0, "other system user": 5, "no session": 65534, **{name: uid for name, (uid, _) in SESSIONS.items()}}
CALLERS = ["root", *SESSIONS, "other system user", "no session"]
# Where the caller's processes are: in its session; a system service; a person's job of no session, as cron starts.
CGROUPS = {**{name: f"/user.slice/user-{uid}.slice/session-{name}.scope" for name, (uid, _) in SESSIONS.items()},
           "other system user": "/system.slice/web.service", "no session": "/system.slice/cron.service"}

CALLS = {
    "RequestTokens": (ATTESTER, "saaya{sv}", "plain.example", "token", "options"),
    "GetIssuer": (ATTESTER, "s", "plain.example"),
    "GetFacts": (ATTESTER, ""),
    "Evaluate": (ATTESTER, "sa{sv}", "plain.example", "options"),
    "Explain": (ATTESTER, "sa{sv}", "plain.example", "options"),
    "GetSeal": (ATTESTER, ""),
    "properties": (PROPERTIES, "s", ATTESTER),
    "Enroll": (ADMIN, "s", ISSUER_NAME),
    "Reload": (ADMIN, ""),
    "Reseal": (ADMIN, ""),
    "RotateKey": (ADMIN, ""),
    "InstallPolicy": (ADMIN, "ss", "50-user.conf", "[Policy]\nVersion=9\n"),
    "InstallPolicyBundle": (ADMIN, "ay", "bytes"),
}
# What comes behind the gate: no fleet is configured here.
BEHIND = {"InstallPolicyBundle": "Unsupported"}
ACTIONS = {"Enroll": "enroll", "Reload": "reload", "Reseal": "reseal", "RotateKey": "rotate-key", "InstallPolicy": "install-policy",
           "InstallPolicyBundle": "install-policy"}
# What an administrator of a machine would write to let the person at the screen reload.
RULE = """polkit.addRule(function(action, subject) {
    if (action.id == "org.attesterd.reload" && subject.local && subject.active) return polkit.Result.YES;
});
"""


def documented():
    """{method: {caller: cell}} of the table "Who may call what"."""
    text = (SOURCE / "docs" / "attesterd.md").read_text().split("## Who may call what")[1].split("\n## ")[0]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {method: dict(zip(rows[0][1:], row[1:])) for row in rows[2:] for method in re.split(r"`?, `?", row[0])}


class PolkitStack(DaemonStack):
    """The bus also has the policy that polkit brings."""

    def write(self, name, text):
        if name == "bus.conf":
            text = text.replace("  <include>", f"  <include>{POLKIT_BUS_POLICY}</include>\n  <include>", 1)
        return super().write(name, text)


class Table(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = PolkitStack(BUILD)
        cls.addClassCleanup(cls.stack.stop)
        cls.stack.start(issuers=("plain",), real_issuer=True)
        cls.table = documented()

    def start_polkit(self, rules=""):
        self.stack.end("polkit")
        pathlib.Path("/etc/polkit-1/rules.d/10-test.rules").write_text(rules)
        self.stack.spawn("polkit", POLKITD, "--no-debug")
        self.addCleanup(self.stack.end, "polkit")
        wait_for(lambda: "true" in self.stack.run(
            "dbus-send", "--system", "--dest=org.freedesktop.DBus", "--print-reply", "/", "org.freedesktop.DBus.NameHasOwner",
            "string:org.freedesktop.PolicyKit1").stdout, "polkit on the bus")

    def call_as(self, caller, method):
        """The outcome of a call: "ok" or the last part of an error's name."""
        interface, *arguments = CALLS[method]
        member = "GetAll" if method == "properties" else method
        script = self.stack.public(HERE / "call_as_user.py") / "call_as_user.py"
        uid = USERS[caller]
        command = [sys.executable, str(script), "1", interface, member, *arguments]
        # It waits with its call until its session is made.
        process = subprocess.Popen(["/bin/sh", "-c", 'read -r _ && exec "$@"', "sh", *command], user=uid, group=uid, extra_groups=[],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
                                   env=self.stack.environment)
        cgroup = f"/proc/{process.pid}/cgroup"
        if caller in CGROUPS:
            path = CGROUPS[caller]
            file = self.stack.write(f"cgroup.{uid}", f"1:name=systemd:{path}\n0::{path}\n")
            file.chmod(0o644)
            subprocess.run(["mount", "--bind", file, cgroup], check=True, timeout=10)
        try:
            out, err = process.communicate("go\n", timeout=60)
        finally:
            process.kill()
            if caller in CGROUPS:
                subprocess.run(["umount", "--lazy", cgroup], check=False, capture_output=True, timeout=10)
        self.assertEqual(process.returncode, 0, err)
        outcomes = json.loads(out)["outcomes"]
        return next(iter(outcomes)).rpartition(".")[2]

    def test_a_each_caller_may_what_the_table_says(self):
        self.start_polkit()
        self.assertEqual(sorted(self.table), sorted(CALLS), "the table's rows")
        methods = {method.get("name") for file in (SOURCE / "attesterd").glob("*.xml") for method in ElementTree.parse(file).iter("method")}
        self.assertEqual({*CALLS} - {"properties"}, methods, "the interfaces' methods")
        for method, cells in self.table.items():
            self.assertEqual(list(cells), CALLERS, "the table's columns")
            for caller, cell in cells.items():
                with self.subTest(method=method, caller=caller):
                    outcome = self.call_as(caller, method)
                    self.assertEqual(outcome, BEHIND.get(method, "ok") if cell == "yes" else "NotAuthorized")

    def test_b_polkit_asks_for_the_password_that_the_table_names(self):
        self.start_polkit()
        bus = self.stack.bus()
        self.addCleanup(bus.close)
        authority = dbus.Interface(bus.get_object("org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority"),
                                   "org.freedesktop.PolicyKit1.Authority")
        described = {str(action[0]): [int(number) for number in action[6:9]] for action in authority.EnumerateActions("")}
        implicit = {"password": 2, "password, kept": 4}  # PolkitImplicitAuthorization
        for method, action in ACTIONS.items():
            cells = self.table[method]
            wanted = [implicit[cells[caller]] for caller in ("other system user", "inactive", "active")]
            self.assertEqual(cells["no session"], cells["other system user"], method)
            self.assertEqual(described[f"org.attesterd.{action}"], wanted, method)

    def test_c_rule_for_the_person_at_the_screen_counts_for_nobody_else(self):
        self.start_polkit(RULE)
        outcomes = {caller: self.call_as(caller, "Reload") for caller in CALLERS}
        self.assertEqual(outcomes, {"root": "ok", "active": "ok", "inactive": "NotAuthorized", "remote": "NotAuthorized",
                                    "other system user": "NotAuthorized", "no session": "NotAuthorized"})
        self.assertEqual(self.call_as("active", "Reseal"), "NotAuthorized")


def make_system_files():
    for directory in ("/usr/share/polkit-1/actions", "/etc/polkit-1", "/run"):
        os.makedirs(directory, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", directory], check=True, timeout=10)
    for directory in ("/run/systemd/sessions", "/run/systemd/seats", "/run/systemd/users", "/run/systemd/machines",
                      "/etc/polkit-1/rules.d"):
        os.makedirs(directory, mode=0o755)
    shutil.copy(SOURCE / "packaging" / "polkit" / "org.attesterd.policy", "/usr/share/polkit-1/actions")
    for name, (uid, text) in SESSIONS.items():
        pathlib.Path(f"/run/systemd/sessions/{name}").write_text(f"UID={uid}\nIS_DISPLAY=1\n{text}")
        state = re.search("STATE=.*", text).group()
        pathlib.Path(f"/run/systemd/users/{uid}").write_text(f"{state}\nDISPLAY={name}\nSESSIONS={name}\n")


if __name__ == "__main__":
    namespace.enter(POLKITD)
    make_system_files()
    BUILD = sys.argv[1]
    unittest.main(argv=sys.argv[:1], verbosity=2)
