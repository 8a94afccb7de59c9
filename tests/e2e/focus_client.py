# SPDX-License-Identifier: BSD-2-Clause
"""A program with a window that asks attester-agent for tokens. usage: focus_client.py x11|wayland|none SESSION-BUS-ADDRESS

Speaks the display's protocol itself: a test needs a window and nothing of a toolkit. Prints a line of JSON when the window is
there, and one for each command on standard input, which is a line of JSON: ["ask", header, origin], ["ask-by-child", header,
origin], ["ask-by-orphan", header, origin], or of an X client ["set-pid", pid], ["claim-active"].
"""

import array
import json
import mmap
import os
import socket
import struct
import subprocess
import sys

import dbus
import dbus.bus

NAME, PATH = "org.attesterd.Client1", "/org/attesterd/Client"


def ask(address, header, origin):
    """["ok", "fetched" or "kept"], or an error's name and sentence."""
    bus = dbus.bus.BusConnection(address)
    try:
        options = dbus.Dictionary({"interactive": True}, signature="sv")
        _, info = bus.call_blocking(NAME, PATH, NAME, "GetAuthorization", "ssa{sv}", (header, origin, options), timeout=30)
        return ["ok", "kept" if info["from-cache"] else "fetched"]
    except dbus.DBusException as error:
        return [error.get_dbus_name().rsplit(".", 1)[1], error.get_dbus_message()]
    finally:
        bus.close()


def ask_by_child(address, header, origin, orphan):
    """Another process asks; an orphan is one whose parent has ended, so that it descends from nobody here."""
    command = [sys.executable, __file__, "ask", address, header, origin]
    if orphan:
        # setsid ends at once: what it started has no parent among us.
        return json.loads(subprocess.run(["setsid", "--fork", *command], capture_output=True, text=True, timeout=40, check=True).stdout)
    return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=40, check=True).stdout)


class X11:
    """X11 core protocol, little endian, without authorisation."""

    def __init__(self):
        number = os.environ["DISPLAY"].lstrip(":").split(".")[0]
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"/tmp/.X11-unix/X{number}")
        self.socket.sendall(struct.pack("<BxHHHHxx", 0x6C, 11, 0, 0, 0))
        head = self.receive(8)
        assert head[0] == 1, "the X server refuses"
        setup = self.receive(4 * struct.unpack_from("<H", head, 6)[0])
        base, = struct.unpack_from("<I", setup, 4)
        vendor_len, = struct.unpack_from("<H", setup, 16)
        at = 32 + (vendor_len + 3) // 4 * 4 + 8 * setup[21]
        self.root, = struct.unpack_from("<I", setup, at)
        self.window = base + 1
        # CreateWindow, 200x200 and grey (Xwayland shows no window without contents); MapWindow.
        self.socket.sendall(struct.pack("<BBHIIhhHHHHIII", 1, 0, 9, self.window, self.root, 0, 0, 200, 200, 0, 1, 0, 2, 0x808080))
        self.set_property(self.window, "_NET_WM_PID", "CARDINAL", int(os.environ.get("CLAIMED_PID", os.getpid())))
        self.socket.sendall(struct.pack("<BBHI", 8, 0, 2, self.window))
        self.id = self.window

    def receive(self, length):
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            assert more, "the X server went away"
            data += more
        return data

    def atom(self, name):
        text = name.encode()
        padded = text + b"\0" * (-len(text) % 4)
        self.socket.sendall(struct.pack("<BBHHxx", 16, 0, 2 + len(padded) // 4, len(text)) + padded)
        while True:
            packet = self.receive(32)
            if packet[0] == 1:
                return struct.unpack_from("<I", packet, 8)[0]

    def set_property(self, window, name, kind, value):
        self.socket.sendall(struct.pack("<BBHIIIBxxxII", 18, 0, 7, window, self.atom(name), self.atom(kind), 32, 1, value))

    def command(self, name, *arguments):
        if name == "set-pid":
            self.set_property(self.window, "_NET_WM_PID", "CARDINAL", arguments[0])
        elif name == "claim-active":
            self.set_property(self.root, "_NET_ACTIVE_WINDOW", "WINDOW", self.window)
        self.atom("WM_NAME")  # its answer comes when what was sent before has been done
        return "done"


class Wayland:
    """One toplevel with one grey buffer (wayland.xml, xdg-shell.xml)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(os.environ["XDG_RUNTIME_DIR"], os.environ["WAYLAND_DISPLAY"]))
        self.last, self.buffered, self.globals = 1, b"", {}
        registry = self.new()
        self.send(1, 1, struct.pack("<I", registry))
        self.roundtrip(registry)
        compositor, shm, shell = (self.bind(registry, name) for name in ("wl_compositor", "wl_shm", "xdg_wm_base"))
        self.surface, self.xdg, toplevel = self.new(), self.new(), self.new()
        self.shell = shell
        self.send(compositor, 0, struct.pack("<I", self.surface))
        self.send(shell, 2, struct.pack("<II", self.xdg, self.surface))
        self.send(self.xdg, 1, struct.pack("<I", toplevel))
        title = os.environ["TITLE"].encode() + b"\0"
        self.send(toplevel, 3, struct.pack("<I", len(title)) + title + b"\0" * (-len(title) % 4))  # set_app_id
        self.send(self.surface, 6)
        while not self.configured:
            self.dispatch(registry)
        self.attach(shm)
        self.roundtrip(registry)
        self.id = os.getpid()

    configured = False

    def new(self):
        self.last += 1
        return self.last

    def send(self, target, opcode, body=b"", fds=()):
        message = struct.pack("<II", target, (8 + len(body)) << 16 | opcode) + body
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([message], rights)

    def bind(self, registry, interface):
        number, version = self.globals[interface]
        target, name = self.new(), interface.encode() + b"\0"
        body = struct.pack("<II", number, len(name)) + name + b"\0" * (-len(name) % 4) + struct.pack("<II", min(version, 1), target)
        self.send(registry, 0, body)
        return target

    def attach(self, shm):
        size = 100 * 100 * 4
        fd = os.memfd_create("buffer")
        os.ftruncate(fd, size)
        mmap.mmap(fd, size)[:] = b"\x80" * size
        pool, buffer = self.new(), self.new()
        self.send(shm, 0, struct.pack("<Ii", pool, size), [fd])
        self.send(pool, 0, struct.pack("<IiiiiI", buffer, 0, 100, 100, 400, 1))
        self.send(self.surface, 1, struct.pack("<Iii", buffer, 0, 0))
        self.send(self.surface, 6)

    def dispatch(self, registry):
        """Handles one event, and returns the object that it was for."""
        while True:
            if len(self.buffered) >= 8:
                target, word = struct.unpack_from("<II", self.buffered)
                if len(self.buffered) >= word >> 16:
                    break
            data = self.socket.recv(65536)
            assert data, "the compositor went away"
            self.buffered += data
        body, opcode = self.buffered[8 : word >> 16], word & 0xFFFF
        self.buffered = self.buffered[word >> 16 :]
        if target == 1 and opcode == 0:
            raise AssertionError(f"the compositor refuses: {body!r}")
        if target == registry and opcode == 0:
            number, length = struct.unpack_from("<II", body)
            name = body[8 : 8 + length - 1].decode()
            self.globals[name] = number, struct.unpack_from("<I", body, 8 + (length + 3) // 4 * 4)[0]
        elif target == getattr(self, "shell", None) and opcode == 0:
            self.send(self.shell, 3, body)  # ping, pong
        elif target == getattr(self, "xdg", None) and opcode == 0:
            self.send(self.xdg, 4, body)  # configure, ack_configure
            self.configured = True
        return target

    def roundtrip(self, registry):
        callback = self.new()
        self.send(1, 0, struct.pack("<I", callback))
        while self.dispatch(registry) != callback:
            pass

    def command(self, name, *arguments):
        raise AssertionError(f"no such command: {name} {arguments}")


class Nothing:
    id = 0


def main():
    if sys.argv[1] == "ask":
        print(json.dumps(ask(*sys.argv[2:])))
        return
    display = {"x11": X11, "wayland": Wayland, "none": Nothing}[sys.argv[1]]()
    address = sys.argv[2]
    print(json.dumps({"pid": os.getpid(), "id": display.id}), flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        if name == "ask":
            answer = ask(address, *arguments)
        elif name in ("ask-by-child", "ask-by-orphan"):
            answer = ask_by_child(address, *arguments, orphan=name == "ask-by-orphan")
        else:
            answer = display.command(name, *arguments)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
