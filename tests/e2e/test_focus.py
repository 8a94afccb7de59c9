#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the window in front belongs to the program that asks, on a real X server and a real compositor, with the agent
installed setgid and everything of the user's run as one. Usage: test_focus.py BUILD-DIRECTORY"""

import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

import dbus

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "client"), str(HERE.parent / "attesterd")]

import bus_fixture  # noqa: E402
from agent_fixture import challenge  # noqa: E402
from bus_fixture import ADMIN, ATTESTER, DaemonStack  # noqa: E402
from stack import ISSUER_NAME, wait_for  # noqa: E402
from user_session import USER, UserSession  # noqa: E402

ORIGIN = "shop.example"
OTHER_USER = 2
POLICY = "[Policy]\nVersion=2\n[Rule focus]\nRequire=window.focused\nRemedy=Click into the window.\n"
NOT_FOCUSED, FOCUSED = "PolicyDenied", "ok"


class Client:
    """One focus_client.py."""

    def __init__(self, stack, kind, environment):
        script = stack.public(HERE / "focus_client.py") / "focus_client.py"
        self.process = subprocess.Popen(["/usr/bin/python3", script, kind, stack.session_address], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**stack.environment, **environment}, user=USER, group=USER, extra_groups=[],
                                        cwd="/", start_new_session=True)
        ready = json.loads(self.process.stdout.readline())
        self.stack, self.pid, self.id = stack, ready["pid"], ready["id"]

    def command(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ask(self, how="ask", origin=ORIGIN, kept=False):
        """A new challenge each time, unless a token may be kept for it: an outcome and its sentence."""
        header, _ = challenge(ISSUER_NAME, origin, self.stack.key, b"" if kept else secrets.token_bytes(32))
        return self.command(how, header, origin)

    def end(self):
        self.process.kill()
        self.process.communicate(timeout=10)


class FocusStack(UserSession, DaemonStack):
    def start(self):
        super().start(real_issuer=True, daemon_options=self.FOCUS)
        self.call(ADMIN, "Enroll", "s", ISSUER_NAME)
        self.key = next(bytes(key) for kind, key, _ in self.call(ATTESTER, "GetIssuer", "s", ISSUER_NAME)["token-keys"] if kind == 2)
        self.call(ADMIN, "InstallPolicy", "ss", "50-focus.conf", POLICY)
        self.start_session()


class FocusCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = FocusStack(BUILD)
        cls.addClassCleanup(cls.stack.stop)
        cls.stack.start()

    def client(self, kind, **environment):
        client = Client(self.stack, kind, environment)
        self.addCleanup(client.end)
        return client

    def agent(self, **options):
        self.stack.start_user_agent(**options)
        self.addCleanup(self.end_agent)
        return self.stack.processes["agent"]

    def end_agent(self):
        if "agent" not in self.stack.processes:
            return
        status, log = self.stack.end("agent"), self.stack.log("agent")
        self.assertNotIn("AddressSanitizer", log)
        self.assertNotIn("runtime error", log)
        # The leak checker of a sanitized build has to trace the process, which nobody may.
        if "LeakSanitizer has encountered a fatal error" not in log:
            self.assertEqual(status, 0, log)

    def assert_focused(self, client, how="ask"):
        self.assertEqual(client.ask(how), [FOCUSED, "fetched"])

    def assert_not_focused(self, client, how="ask", reason="window.focused is false"):
        outcome, sentence = client.ask(how)
        self.assertEqual(outcome, NOT_FOCUSED, sentence)
        self.assertIn(reason, sentence)

    def assert_unreadable(self, client, reason):
        self.assert_not_focused(client, reason=reason)


class X11(FocusCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.display = cls.stack.start_x11()
        cls.stack.start_window_manager(cls.display)
        cls.tool = cls.stack.x11_tool

    def setUp(self):
        self.agent(environment={"DISPLAY": self.display})
        self.front, self.back = (self.client("x11", DISPLAY=self.display) for _ in range(2))
        self.stack.await_window(self.back.id)
        self.activate(self.front)

    def activate(self, client):
        self.stack.activate_window(client.id)

    def test_window_in_front_is_in_focus_and_another_is_not(self):
        self.assert_focused(self.front)
        self.assert_not_focused(self.back)
        self.activate(self.back)
        self.assert_not_focused(self.front)
        self.assert_focused(self.back)

    def test_program_without_a_window_is_not_in_focus(self):
        self.assert_not_focused(self.client("none"))

    def test_child_of_the_window_s_program_is_in_focus_and_an_orphan_is_not(self):
        self.assert_focused(self.front, "ask-by-child")
        self.assert_not_focused(self.front, "ask-by-orphan")
        self.assert_not_focused(self.back, "ask-by-child")

    def test_claimed_process_of_a_window_is_not_believed(self):
        self.front.command("set-pid", self.back.pid)
        self.assertIn(str(self.back.pid), self.tool("xprop", "-id", self.front.id, "_NET_WM_PID"))
        self.assert_not_focused(self.back)
        self.assert_focused(self.front)

    def test_claimed_active_window_is_not_believed(self):
        self.back.command("claim-active")
        self.assertIn(hex(self.back.id), self.tool("xprop", "-root", "_NET_ACTIVE_WINDOW"))
        self.assert_not_focused(self.back)

    def test_token_kept_of_a_fetch_in_focus_is_for_programs_in_focus(self):
        spend = {"origin": "often.example", "kept": True}
        self.assertEqual(self.front.ask(**spend), [FOCUSED, "fetched"])
        self.assertEqual(self.back.ask(**spend)[0], NOT_FOCUSED)
        self.assertEqual(self.front.ask(**spend), [FOCUSED, "kept"])

    def test_no_window_in_front_is_no_focus(self):
        self.front.end()
        self.tool("xdotool", "windowunmap", "--sync", self.back.id)
        self.assert_not_focused(self.back)

    def test_locked_inactive_and_remote_sessions_are_not_in_focus(self):
        for wrong, right in (({"LockedHint": True}, {"LockedHint": False}), ({"Active": False}, {"Active": True}),
                             ({"Remote": True}, {"Remote": False})):
            self.assert_focused(self.front)
            self.stack.login.set(**wrong)
            self.addCleanup(self.stack.login.set, **right)
            wait_for(lambda: self.front.ask()[0] == NOT_FOCUSED, f"{wrong} to be noticed")
            self.assert_not_focused(self.front)
            self.stack.login.set(**right)
            wait_for(lambda: self.front.ask()[0] == FOCUSED, f"{right} to be noticed")

    def test_hanging_display_is_a_reason_within_a_second_and_hinders_nobody(self):
        server = self.stack.processes["xvfb"]
        self.assert_focused(self.front)
        server.send_signal(signal.SIGSTOP)
        self.addCleanup(server.send_signal, signal.SIGCONT)
        started = time.monotonic()
        slow = bus_fixture.Background(self.front.ask)
        self.stack.property("Version")
        outcome, sentence = slow.result(20)
        self.assertEqual(outcome, NOT_FOCUSED)
        self.assertIn("the display did not answer", sentence)
        self.assertLess(time.monotonic() - started, 10)


SWAY_CONFIG = """default_border none
focus_on_window_activation none
exec sh -c 'echo "$WAYLAND_DISPLAY $DISPLAY" > "$HOME/displays"'
"""


class Sway(FocusCase):
    """A headless sway, with clients of its own and by Xwayland."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        config = cls.stack.write("sway.conf", SWAY_CONFIG)
        cls.socket = cls.stack.home / "sway.sock"
        cls.stack.spawn_as_user("sway", "sway", "--config", config, environment={
            "WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1", "SWAYSOCK": str(cls.socket)})
        displays = cls.stack.home / "displays"
        cls.stack.wait("sway", lambda: displays.exists() and len(displays.read_text().split()) == 2, "sway")
        wayland, x11 = displays.read_text().split()
        cls.environment = {"SWAYSOCK": str(cls.socket), "WAYLAND_DISPLAY": wayland, "DISPLAY": x11,
                           "XDG_RUNTIME_DIR": str(cls.stack.home)}

    def setUp(self):
        self.agent(environment=self.environment)

    def swaymsg(self, *arguments):
        return self.stack.run("swaymsg", "--socket", self.socket, *arguments).stdout

    def window(self, title):
        return self.client("wayland", TITLE=title, **self.environment)

    def focus(self, criterion):
        self.swaymsg(f"[{criterion}]", "focus")

    def test_focused_container_is_in_focus_and_another_is_not(self):
        one, two = self.window("one"), self.window("two")
        self.focus("app_id=one")
        self.assert_focused(one)
        self.assert_focused(one, "ask-by-child")
        self.assert_not_focused(two)
        self.focus("app_id=two")
        self.assert_not_focused(one)
        self.assert_focused(two)
        self.focus("app_id=one")
        self.swaymsg("floating", "enable")
        self.assert_focused(one)

    def test_empty_workspace_is_no_focus(self):
        one = self.window("one")
        self.focus("app_id=one")
        self.assert_focused(one)
        self.swaymsg("workspace", "empty")
        self.addCleanup(self.swaymsg, "workspace", "1")
        self.assert_not_focused(one)

    def test_x_window_is_whose_the_x_server_says(self):
        native = self.window("one")
        # Some versions of sway have the process of an X client from the client itself.
        old = self.client("x11", CLAIMED_PID=str(native.pid), **self.environment)
        wait_for(self.x_pids, "the X window to be there")
        self.focus("shell=xwayland")
        self.assert_focused(old)
        self.assert_not_focused(native)
        self.focus("app_id=one")
        self.assert_not_focused(old)
        self.assert_focused(native)

    def x_pids(self):
        """The processes that sway gives for the windows of X clients."""
        nodes, found = [json.loads(self.swaymsg("--raw", "--type", "get_tree"))], []
        while nodes:
            node = nodes.pop()
            nodes += node["nodes"] + node["floating_nodes"]
            found += [node["pid"]] if node.get("shell") == "xwayland" else []
        return found

    def test_hanging_compositor_is_a_reason(self):
        one = self.window("one")
        server = self.stack.processes["sway"]
        server.send_signal(signal.SIGSTOP)
        self.addCleanup(server.send_signal, signal.SIGCONT)
        self.assert_unreadable(one, "the display did not answer")

    def test_compositor_that_answers_nonsense_is_a_reason(self):
        for answer, reason in ((b"i3-ipc" + struct.pack("<II", 2, 4) + b"[]", "is not one"), (b"nonsense, and no header", "does not tell"),
                               (b"i3-ipc" + struct.pack("<II", 0xFFFFFFFF, 4), "does not tell"), (b"", "does not tell")):
            with self.subTest(answer):
                path = self.stack.home / "fake.sock"
                with socket.socket(socket.AF_UNIX) as listener:
                    listener.bind(str(path))
                    os.chown(path, USER, USER)
                    listener.listen()
                    threading.Thread(target=self.answer, args=(listener, answer), daemon=True).start()
                    self.end_agent()
                    self.stack.start_user_agent({"SWAYSOCK": str(path)})
                    self.assert_unreadable(self.client("none"), reason)
                path.unlink()

    @staticmethod
    def answer(listener, answer):
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(answer)


class Elsewhere(FocusCase):
    """Agents without the display that would be needed, and programs that are no agent."""

    def test_agent_without_a_display_says_what_is_missing(self):
        client = self.client("none")
        for environment, reason in (({}, "neither SWAYSOCK nor DISPLAY"), ({"WAYLAND_DISPLAY": "wayland-9"}, "sway and X11 sessions do"),
                                    ({"DISPLAY": "localhost:10.0"}, "not one of this machine"), ({"DISPLAY": ":99999"}, "cannot be reached"),
                                    ({"SWAYSOCK": "/nonexistent"}, "sway cannot be reached")):
            with self.subTest(environment):
                self.stack.start_user_agent(environment)
                self.assert_unreadable(client, reason)
                self.end_agent()

    def test_another_user_s_display_tells_nothing(self):
        display = self.stack.start_x11(OTHER_USER, "other-xvfb")
        self.addCleanup(self.stack.end, "other-xvfb")
        self.agent(environment={"DISPLAY": display})
        self.assert_unreadable(self.client("none"), "another user's")

    def test_agent_that_is_not_installed_setgid_says_nothing(self):
        plain = self.stack.path("bin", "plain-agent")
        shutil.copyfile(self.stack.agent, plain)
        plain.chmod(0o755)
        self.agent(agent=plain)
        self.assert_unreadable(self.client("none"), "did not ask through attester-agent")

    def test_program_that_poses_as_the_agent_is_refused(self):
        for option in ({"window-focused": True}, {"window-unreadable": "x"}):
            for interface, member, arguments in ((ATTESTER, "Evaluate", ("sa{sv}", "", option)),
                                                 (ATTESTER, "RequestTokens", ("saaya{sv}", ISSUER_NAME, [b"x"], option))):
                with self.assertRaises(dbus.DBusException) as caught:
                    self.stack.call(interface, member, *arguments)
                self.assertEqual(caught.exception.get_dbus_name(), "org.attesterd.Error.NotAuthorized")

    def test_setgid_agent_refuses_addresses_that_run_programs(self):
        mark = self.stack.home / "ran"
        for option in ("--session-bus", "--system-bus"):
            for address in (f"unixexec:path=/usr/bin/touch,argv1={mark}", f"unix:path=/nonexistent;unixexec:path=/usr/bin/touch,argv1={mark}",
                            "autolaunch:", "tcp:host=127.0.0.1,port=1"):
                result = subprocess.run(["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", self.stack.agent, "--session-bus",
                                         self.stack.session_address, option, address], capture_output=True, text=True, timeout=10, check=False,
                                        env=self.stack.environment)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn("unix:", result.stderr)
        self.assertFalse(mark.exists())

    def test_agent_cannot_be_traced_read_or_preloaded_by_its_user(self):
        mark = self.stack.home / "preloaded"
        preloaded = ("env", f"LD_PRELOAD={self.preload_library()}", f"MARK={mark}")
        agent = self.agent(prefix=preloaded)
        status = pathlib.Path(f"/proc/{agent.pid}/status").read_text()
        self.assertEqual(re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1], str(USER))
        self.assertNotEqual(*re.search(r"^Gid:\s+(\d+)\s+(\d+)", status, re.MULTILINE).groups())
        self.assertRegex(status, r"(?m)^NoNewPrivs:\s+1$")
        self.assertRegex(status, r"(?m)^Seccomp:\s+2$")
        self.assertFalse(mark.exists())
        outcome = self.attack(agent.pid)
        self.assertEqual(outcome, {"ptrace": "EPERM", "mem": "EACCES", "pidfd_getfd": "EPERM", "fd": "EACCES", "environ": "EACCES",
                                   "process_vm_readv": "EPERM"})
        # The same attacks on a program that is not protected: they are real ones.
        victim = self.stack.spawn_as_user("victim", *preloaded, "sleep", "60")
        self.addCleanup(self.stack.end, "victim")
        wait_for(lambda: pathlib.Path(f"/proc/{victim.pid}/comm").read_text() == "sleep\n", "the victim")
        self.assertEqual(set(self.attack(victim.pid).values()), {"ok"})
        self.assertTrue(mark.exists())

    def preload_library(self):
        source = self.stack.write("preload.c", '#include <fcntl.h>\n#include <stdlib.h>\n__attribute__((constructor)) static void mark(void)\n'
                                  '{ if (getenv("MARK")) (void) open(getenv("MARK"), O_CREAT | O_WRONLY, 0600); }\n')
        library = self.stack.path("public", "preload.so")
        self.stack.public()
        self.stack.run("cc", "-shared", "-fPIC", "-o", library, source)
        return library

    def attack(self, pid):
        script = self.stack.public(HERE / "attack_process.py") / "attack_process.py"
        result = subprocess.run(["/usr/bin/python3", script, str(pid)], capture_output=True, text=True, timeout=20, check=True, cwd="/",
                                env=self.stack.environment, user=USER, group=USER, extra_groups=[])
        return json.loads(result.stdout)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main(verbosity=2)
