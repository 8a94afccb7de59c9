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
PACKAGEKIT, PACKAGEKIT_PATH = "org.freedesktop.PackageKit", "/org/freedesktop/PackageKit"
TRANSACTION = "org.freedesktop.PackageKit.Transaction"
# What the bus's configuration must have, in a <policy context="default">'s place.
BUS_POLICY = "".join(f'<policy user="root"><allow own="{name}"/></policy>\n'
                     f'<policy context="default"><allow send_destination="{name}"/></policy>\n' for name in (LOGIN, FWUPD, PACKAGEKIT))


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
        self.mock("AddProperties", "sa{sv}", MANAGER, {"LidClosed": False, "Docked": False})
        if uid is not None:
            self.add_session("c1", uid, **properties)
            self.every_process_is_in("c1")
            self.mock("AddMethod", "sssss", MANAGER, "GetUser", "u", "o", f"ret = '{LOGIN_PATH}/user/{uid}'")

    def add_session(self, name, uid, seat="seat0", **properties):
        path = self.mock("AddSession", "ssusb", name, seat or "none", dbus.UInt32(uid), "user", True)
        self.update(path, SESSION, {"Type": "wayland", **properties})
        if not seat:
            self.set_object(path, SESSION, "Seat", "", "/")

    def set_lid(self, closed, docked=False):
        """logind does not tell that these changed."""
        for name, value in (("LidClosed", closed), ("Docked", docked)):
            self.call(self.name, self.path, "org.freedesktop.DBus.Properties", "Set", "ssv", MANAGER, name, value)

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


class PackageKit(Service):
    """Answers GetUpdates of one transaction after another with the same packages."""

    def __init__(self, stack):
        super().__init__(stack, "packagekit", PACKAGEKIT, PACKAGEKIT_PATH, [PACKAGEKIT, PACKAGEKIT_PATH, PACKAGEKIT])

    def start(self, security=2, since_refresh=90, outcome=1):
        super().start()
        for path in ("/1_own", "/2_other"):
            self.mock("AddObject", "ssa{sv}a(ssss)", path, TRANSACTION, dbus.Dictionary({}, signature="sv"), dbus.Array([], signature="(ssss)"))
        self.answer(security, since_refresh, outcome)

    def answer(self, security, since_refresh=90, outcome=1):
        # Security updates of two severities, a bug fix; and another program's transaction, whose packages do not count.
        infos = [8 if number % 2 else 8 | 3 << 16 for number in range(security)] + [6]
        emit = "; ".join([f"self.EmitSignal({TRANSACTION!r}, 'Package', 'uss', [dbus.UInt32({info}), 'a;1;x86_64;main', 'text'])" for info in infos]
                         + [f"objects['/2_other'].EmitSignal({TRANSACTION!r}, 'Package', 'uss', [dbus.UInt32(8), 'b;1;x86_64;main', 'text'])",
                            f"objects['/2_other'].EmitSignal({TRANSACTION!r}, 'Finished', 'uu', [dbus.UInt32(1), dbus.UInt32(5)])",
                            f"self.EmitSignal({TRANSACTION!r}, 'Finished', 'uu', [dbus.UInt32({outcome}), dbus.UInt32(5)])"])
        self.mock("AddMethod", "sssss", TRANSACTION, "GetUpdates", "t", "", emit, path="/1_own")
        self.mock("AddMethod", "sssss", PACKAGEKIT, "CreateTransaction", "", "o", "ret = dbus.ObjectPath('/1_own')")
        self.mock("AddMethod", "sssss", PACKAGEKIT, "GetTimeSinceAction", "u", "u", f"ret = dbus.UInt32({since_refresh}) if args[0] == 13 else 0")

    def tell_change(self):
        self.mock("EmitSignal", "sssav", PACKAGEKIT, "UpdatesChanged", "", dbus.Array([], signature="v"))
