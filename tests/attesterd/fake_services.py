# SPDX-License-Identifier: BSD-2-Clause
"""Stand-ins for logind and fwupd on a test's system bus, by python-dbusmock."""

import re
import signal
import sys

import dbus

MOCK = "org.freedesktop.DBus.Mock"
LOGIN, LOGIN_PATH, MANAGER = "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"
SESSION, USER = "org.freedesktop.login1.Session", "org.freedesktop.login1.User"
FWUPD = "org.freedesktop.fwupd"
# What the bus's configuration must have, in a <policy context="default">'s place.
BUS_POLICY = "".join(f'<policy user="root"><allow own="{name}"/></policy>\n'
                     f'<policy context="default"><allow send_destination="{name}"/></policy>\n' for name in (LOGIN, FWUPD))


class Service:
    """A mock that `stack` runs; calls to it go over a connection of the stack's bus."""

    def __init__(self, stack, process, name, path, arguments):
        self.stack, self.process, self.name, self.path, self.arguments = stack, process, name, path, arguments

    def start(self):
        self.stack.spawn(self.process, sys.executable, "-m", "dbusmock", "--system", *self.arguments)
        self.stack.wait(self.process, lambda: self.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", "s", self.name),
                        f"{self.name} on the bus")

    def stop(self):
        self.go_on()
        self.stack.end(self.process)

    def hang(self):
        self.stack.processes[self.process].send_signal(signal.SIGSTOP)

    def go_on(self):
        self.stack.processes[self.process].send_signal(signal.SIGCONT)

    def call(self, name, path, interface, member, signature="", *arguments):
        bus = self.stack.bus()
        try:
            return bus.call_blocking(name, path, interface, member, signature, arguments, timeout=20)
        finally:
            bus.close()

    def mock(self, member, signature, *arguments, path=None):
        return self.call(self.name, path or self.path, MOCK, member, signature, *arguments)

    def update(self, path, interface, values):
        """Changes properties, and tells so."""
        self.mock("UpdateProperties", "sa{sv}", interface, values, path=path)

    def calls(self, member):
        """How often a method was called so far."""
        return len(re.findall(rf"^[0-9.]+ {member}\b", self.stack.log(self.process), re.MULTILINE))


class Login(Service):
    def __init__(self, stack):
        super().__init__(stack, "logind", LOGIN, LOGIN_PATH, ["--template", "logind"])

    def start(self, uid=None, **properties):
        super().start()
        if uid is not None:
            self.add_session("c1", uid, **properties)
            self.every_process_is_in("c1")
            self.mock("AddMethod", "sssss", MANAGER, "GetUser", "u", "o", f"ret = '{LOGIN_PATH}/user/{uid}'")

    def add_session(self, name, uid, seat="seat0", **properties):
        path = self.mock("AddSession", "ssusb", name, seat or "none", dbus.UInt32(uid), "user", True)
        self.update(path, SESSION, {"Type": "wayland", **properties})
        if not seat:
            self.set_object(path, SESSION, "Seat", "", "/")

    def every_process_is_in(self, name):
        """A session, or None."""
        code = (f"ret = '{LOGIN_PATH}/session/{name}'" if name else
                f"raise dbus.exceptions.DBusException('no session', name='{LOGIN}.NoSessionForPID')")
        self.mock("AddMethod", "sssss", MANAGER, "GetSessionByPID", "u", "o", code)

    def set(self, name="c1", **properties):
        self.update(f"{LOGIN_PATH}/session/{name}", SESSION, properties)

    def set_display(self, uid, name):
        path = f"{LOGIN_PATH}/session/{name}" if name else "/"
        self.set_object(f"{LOGIN_PATH}/user/{uid}", USER, "Display", name or "", path)

    def set_object(self, path, interface, name, *value):
        """A property of type (so)."""
        value = dbus.Struct((value[0], dbus.ObjectPath(value[1])), signature="so", variant_level=1)
        self.call(self.name, path, "org.freedesktop.DBus.Properties", "Set", "ssv", interface, name, value)


class Fwupd(Service):
    def __init__(self, stack):
        super().__init__(stack, "fwupd", FWUPD, "/", [FWUPD, "/", FWUPD])

    def start(self, level="HSI:2! (v1.8.12)"):
        super().start()
        self.mock("AddProperty", "ssv", FWUPD, "HostSecurityId", level)

    def set(self, level):
        self.update("/", FWUPD, {"HostSecurityId": level})
