# SPDX-License-Identifier: BSD-2-Clause
"""The session of a user at the screen, with attester-agent installed as packages do it; to be mixed into a Stack."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "client"), str(TESTS / "attesterd")]

from agent_fixture import BUS_CONFIG  # noqa: E402
from fake_services import Login  # noqa: E402
from stack import listens, wait_for  # noqa: E402

USER = 65534     # nobody: who sits at the screen
GROUP = "games"  # stands for attester-focus: a group that every system has, and nobody is in


class UserSession:
    """`home` and `session_address`, the user's message bus, are there after start_session(). The daemon's option is FOCUS."""

    FOCUS = ("--focus-group", GROUP)

    def start_session(self):
        """With a session of logind's; the system bus's configuration must have fake_services.BUS_POLICY."""
        self.login = Login(self)
        self.login.start(uid=USER)
        self.home = self.path("home")
        self.home.mkdir()
        os.chown(self.home, USER, USER)
        self.home.chmod(0o700)
        self.session_address = f"unix:path={self.home}/bus"
        config = self.write("session.conf", BUS_CONFIG.format(name="session", path=f"{self.home}/bus", more=""))
        self.spawn_as_user("session-bus", "dbus-daemon", "--nofork", "--nopidfile", f"--config-file={config}")
        self.wait("session-bus", lambda: listens(self.home / "bus"), "the session bus")
        self.agent = self.path("bin", "attester-agent")
        self.agent.parent.mkdir()
        shutil.copy(self.build / "client" / "agent" / "attester-agent", self.agent)
        shutil.chown(self.agent, group=GROUP)
        self.agent.chmod(0o2755)

    def spawn_as_user(self, name, *arguments, environment=None, uid=USER):
        return self.spawn(name, "setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", *arguments,
                          environment={"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home), **(environment or {})})

    def start_user_agent(self, environment=None, agent=None, prefix=(), options=()):
        self.spawn_as_user("agent", *prefix, agent or self.agent, "--session-bus", self.session_address, *options, environment=environment)
        self.wait("agent", self.user_agent_is_there, "the agent")

    def user_agent_is_there(self):
        result = subprocess.run(["dbus-send", f"--bus={self.session_address}", "--dest=org.freedesktop.DBus", "--print-reply", "/",
                                 "org.freedesktop.DBus.NameHasOwner", "string:org.attesterd.Client1"], capture_output=True, text=True, timeout=10,
                                env=self.environment, user=USER, group=USER, extra_groups=[], check=False)
        return "true" in result.stdout

    def start_x11(self, uid=USER, name="xvfb", size="640x480"):
        """An X server on the first free display; returns $DISPLAY."""
        sockets = pathlib.Path("/tmp/.X11-unix")
        if not sockets.exists():
            sockets.mkdir()
            sockets.chmod(0o1777)
        # It must not begin anew, with all its clients, whenever the only one leaves.
        self.spawn_as_user(name, "sh", "-c", f"exec Xvfb -displayfd 1 -screen 0 {size}x24 -nolisten tcp -ac -noreset 2>/dev/null", uid=uid)
        self.wait(name, lambda: re.search(r"^\d+$", self.log(name), re.MULTILINE), "the X server")
        return f":{self.log(name).split()[-1]}"

    def start_window_manager(self, display):
        self.display = display
        self.spawn_as_user("openbox", "openbox", "--sm-disable", environment={"DISPLAY": display})
        self.wait("openbox", lambda: "_NET_ACTIVE_WINDOW" in self.x11_tool("xprop", "-root", "_NET_SUPPORTED"), "the window manager")

    def x11_tool(self, *arguments):
        """What xdotool or xprop prints, on the window manager's display."""
        return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=20, check=False,
                              env={**self.environment, "DISPLAY": self.display}).stdout

    def root_property(self, name):
        """The windows in a property that the window manager keeps."""
        return [int(word.rstrip(","), 16) for word in self.x11_tool("xprop", "-root", name).split() if word.startswith("0x")]

    def await_window(self, window):
        """Until the window manager has taken it, which gives it the keyboard: later it would take that from another."""
        wait_for(lambda: window in self.root_property("_NET_CLIENT_LIST"), "the window manager to take the window")

    def activate_window(self, window):
        self.await_window(window)
        self.x11_tool("xdotool", "windowactivate", "--sync", window)
        wait_for(lambda: self.x11_tool("xdotool", "getwindowfocus").strip() == str(window) and
                 self.root_property("_NET_ACTIVE_WINDOW") == [window], "the window to be in front")
