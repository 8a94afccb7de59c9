# SPDX-License-Identifier: BSD-2-Clause
"""Stands in for polkit on a test's bus. usage: fake_polkit.py LOG ACTION…

Allows the actions that are named, never answers org.attesterd.rotate-key, refuses all others, and writes each question to LOG.
"""

import os
import sys

import dbus
import dbus.bus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

INTERFACE = "org.freedesktop.PolicyKit1.Authority"


class Authority(dbus.service.Object):
    def __init__(self, connection, log, allowed):
        super().__init__(connection, "/org/freedesktop/PolicyKit1/Authority")
        self.log, self.allowed, self.unanswered = log, allowed, []

    @dbus.service.method(INTERFACE, in_signature="(sa{sv})sa{ss}us", out_signature="(bba{ss})", async_callbacks=("done", "failed"))
    def CheckAuthorization(self, subject, action, details, flags, cancellation, done, failed):
        with open(self.log, "a", encoding="ascii") as log:
            log.write(f"{subject[0]} {action} {int(flags)}\n")
        if action == "org.attesterd.rotate-key":
            self.unanswered.append(done)
            return
        done((action in self.allowed, False, dbus.Dictionary({}, signature="ss")))


def main():
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    connection = dbus.bus.BusConnection(os.environ["DBUS_SYSTEM_BUS_ADDRESS"])
    name = dbus.service.BusName("org.freedesktop.PolicyKit1", connection)
    authority = Authority(connection, sys.argv[1], sys.argv[2:])
    GLib.MainLoop().run()
    del name, authority


if __name__ == "__main__":
    main()
