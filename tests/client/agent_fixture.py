# SPDX-License-Identifier: BSD-2-Clause
"""attester-agent on a private session bus, and the stand-in for attesterd on a private system bus."""

import base64
import hashlib
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

import dbus
import dbus.bus
import dbus.lowlevel
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

for folder in ("e2e", "issuer"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))
import voprf  # noqa: E402
from bus_errors import BusErrors  # noqa: E402
from stack import listens, wait_for  # noqa: E402

NAME, PATH, INTERFACE = "org.attesterd.Client1", "/org/attesterd/Client", "org.attesterd.Client1"
WAIT = 30
BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
  <busconfig><type>{name}</type><listen>unix:path={path}</listen>{more}<auth>EXTERNAL</auth><policy context="default">
  <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""


def challenge(issuer, origin, key, context=b"", token_type=2):
    """A WWW-Authenticate value and the digest of its challenge (RFC 9577, section 2.1); without a context it is cacheable."""
    encoded = struct.pack(">HH", token_type, len(issuer)) + issuer.encode()
    encoded += bytes([len(context)]) + context + struct.pack(">H", len(origin)) + origin.encode()
    text = base64.urlsafe_b64encode(encoded).decode()
    header = f'PrivateToken challenge="{text}"'
    if key is not None:
        header += f', token-key="{base64.urlsafe_b64encode(key).decode()}"'
    return header, hashlib.sha256(encoded).digest()


def token_of(authorization):
    return base64.urlsafe_b64decode(re.fullmatch(r'PrivateToken token="([A-Za-z0-9_=-]+)"', authorization).group(1))


def verify(token, digest, spki):
    """Raises unless this is the issuer's signature over a token for this challenge (RFC 9577, section 2.2.3)."""
    assert token[:2] == b"\0\2" and token[34:66] == digest and token[66:98] == hashlib.sha256(spki).digest(), "another token"
    key = serialization.load_der_public_key(spki[spki.index(b"\x30\x82\x01\x0a\x02\x82\x01\x01"):])
    key.verify(token[98:], token[:98], padding.PSS(padding.MGF1(hashes.SHA384()), 48), hashes.SHA384())


def verify_voprf(token, digest, point, scalar):
    """The same for type 0x0001, for which the private key is needed."""
    assert token[:2] == b"\0\1" and token[34:66] == digest and token[66:98] == hashlib.sha256(point).digest(), "another token"
    assert token[98:] == voprf.prf(scalar, token[:98]), "not this issuer's"


class Agent:
    """The buses and what runs on them, in a temporary directory. stop() ends exactly what was started."""

    def __init__(self, program, fake):
        self.program, self.fake = program, fake
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="attester-agent-"))
        self.processes, self.addresses = {}, {}
        self.environment = {"PATH": "/usr/bin:/bin", **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}

    def start(self, *options, fake=True):
        for name in ("session", "system"):
            self.start_bus(name)
        if fake:
            self.start_fake()
        self.start_agent(*options)

    def spawn(self, name, *arguments):
        with open(self.top / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                    env=self.environment)

    def log(self, name):
        return (self.top / f"{name}.log").read_text(errors="replace")

    def start_bus(self, name, more=""):
        path = self.top / name
        path.unlink(missing_ok=True)
        config = self.top / f"{name}.conf"
        config.write_text(BUS_CONFIG.format(name=name, path=path, more=more))
        self.addresses[name] = f"unix:path={path}"
        self.spawn(f"{name}-bus", "dbus-daemon", f"--config-file={config}", "--nofork")
        wait_for(lambda: listens(path), f"the {name} bus")

    def start_fake(self):
        (self.top / "fake.log").write_text("")
        self.spawn("fake", self.fake, self.addresses["system"], self.top)
        wait_for(lambda: "ready" in self.log("fake"), "the stand-in for attesterd")
        self.key, self.other_key = (self.top / "a.spki").read_bytes(), (self.top / "b.spki").read_bytes()
        self.point = (self.top / "c.point").read_bytes()
        private_key = serialization.load_pem_private_key((self.top / "c.pem").read_bytes(), None)
        self.scalar = private_key.private_numbers().private_value

    def start_activatable(self):
        """A session bus that starts the agent when it is called."""
        self.start_bus("system")
        self.start_fake()
        services = self.top / "services"
        services.mkdir()
        # The agent's own log is the bus's.
        (services / f"{NAME}.service").write_text(f"[D-BUS Service]\nName={NAME}\nExec={self.program} --system-bus "
                                                  f"{self.addresses['system']} --idle 1\n")
        self.start_bus("session", f"<servicedir>{services}</servicedir>")

    def owner(self):
        """The process id of the agent, or None."""
        bus = self.connect()
        try:
            return int(bus.call_blocking("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetConnectionUnixProcessID", "s",
                                         (NAME,), timeout=WAIT))
        except dbus.DBusException:
            return None
        finally:
            bus.close()

    def start_agent(self, *options):
        self.spawn("agent", self.program, "--session-bus", self.addresses["session"], "--system-bus", self.addresses["system"], *options)
        bus = self.connect()
        try:
            wait_for(lambda: bus.name_has_owner(NAME), "the agent's name")
        finally:
            bus.close()

    def end(self, name, signal_number=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(signal_number)
        return process.wait(WAIT)

    def stop(self):
        for name in reversed(list(self.processes)):
            status = self.end(name)
            assert name != "agent" or status == 0, f"the agent ended with {status}: {self.log('agent')}"
        shutil.rmtree(self.top)

    def connect(self, bus="session"):
        return dbus.bus.BusConnection(self.addresses[bus])

    def call(self, member, signature="", *arguments, bus=None, timeout=WAIT):
        own = bus is None
        connection = self.connect() if own else bus
        try:
            return connection.call_blocking(NAME, PATH, INTERFACE, member, signature, arguments, timeout=timeout)
        finally:
            if own:
                connection.close()

    def authorize(self, header, origin="shop.example", options=None, **keywords):
        authorization, info = self.call("GetAuthorization", "ssa{sv}", header, origin, dbus.Dictionary(options or {}, signature="sv"),
                                        **keywords)
        return token_of(authorization), info

    def status(self):
        return self.call("GetStatus")

    def direct(self, member="Count"):
        """Tells the stand-in; gives its counts of RequestTokens: calls, requests, calls that it holds back."""
        bus = self.connect("system")
        try:
            return bus.call_blocking("org.attesterd", "/org/attesterd", "com.example.Director", member, "", (), timeout=WAIT)
        finally:
            bus.close()


def send(bus, header, origin="shop.example", options=None):
    """Sends GetAuthorization without waiting; the function that it returns waits, and gives the token."""
    replies = []
    message = dbus.lowlevel.MethodCallMessage(NAME, PATH, INTERFACE, "GetAuthorization")
    message.append(header, origin, dbus.Dictionary(options or {}, signature="sv"), signature="ssa{sv}")
    pending = bus.send_message_with_reply(message, replies.append, WAIT, require_main_loop=False)

    def result():
        pending.block()
        return token_of(replies[0].get_args_list()[0])

    return result


class AgentCase(BusErrors):
    """An agent for each test."""

    program, fake, options = None, None, ()

    def setUp(self):
        self.agent = Agent(self.program, self.fake)
        self.addCleanup(self.agent.stop)
        self.agent.start(*self.options)

    def assert_authorizes(self, header, digest, from_cache, key=None, **keywords):
        token, info = self.agent.authorize(header, **keywords)
        verify(token, digest, key or self.agent.key)
        self.assertEqual(bool(info["from-cache"]), from_cache)
        return token
