# SPDX-License-Identifier: BSD-2-Clause
"""attesterd on a private system bus with the shipped bus policy, a swtpm, and an issuer that does as it is told."""

import hashlib
import os
import pathlib
import subprocess
import sys
import threading
import unittest

import dbus
import dbus.bus
import dbus.lowlevel

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "e2e"))

import fake_issuer  # noqa: E402
import fake_services  # noqa: E402
import stack  # noqa: E402
from bus_errors import BusErrors  # noqa: E402

NAME, PATH = "org.attesterd", "/org/attesterd"
ATTESTER, ADMIN = "org.attesterd.Attester1", "org.attesterd.Admin1"
PROPERTIES = "org.freedesktop.DBus.Properties"
REQUEST_TOKENS = "saaya{sv}"
DAEMON_UID, NOBODY = 1, 65534  # users that the bus finds in every passwd(5)
LIMITS = "[Limits]\nRequestsPerSecond=1000\nRequestsBurst=5000\nInFlightPerUser=64\n"

# The bus lets a test stand in for polkit.
POLKIT_POLICY = """<policy user="root"><allow own="org.freedesktop.PolicyKit1"/></policy>
  <policy context="default"><allow send_destination="org.freedesktop.PolicyKit1"/></policy>
"""


class DaemonStack(stack.Stack):
    """The stack without gate and site, and with a fake issuer beside the real one."""

    def write(self, name, text):
        if name == "bus.conf":
            text = text.replace("  <include>", f"  {POLKIT_POLICY}{fake_services.BUS_POLICY}  <include>")
        return super().write(name, text)

    def start(self, limits=LIMITS, issuers=(), real_issuer=False, tpm=True, proxy=(), daemon_options=()):
        self.make_certificates()
        self.tcti = f"swtpm:path={self.path('tpm.sock')}"
        if tpm:
            self.start_tpm()
        if proxy:
            self.slow_tpm(*proxy)
        self.start_bus()
        self.fake = fake_issuer.FakeIssuer(self.path("tls.pem"), self.path("tls.key"))
        if real_issuer:
            self.start_issuer()
            self.configure_issuer()
        for name in issuers:
            self.configure_issuer(f"{name}.example", self.fake.url(name))
        self.limits = limits
        self.start_daemon(limits=limits, options=daemon_options)

    def stop(self, keep=False):
        if hasattr(self, "fake"):
            self.fake.stop()
        super().stop(keep)

    def bus(self):
        return dbus.bus.BusConnection(self.environment["DBUS_SYSTEM_BUS_ADDRESS"])

    def call(self, interface, member, signature="", *arguments, bus=None, timeout=30):
        """One blocking call on a connection of its own, or on `bus`."""
        own = bus is None
        connection = self.bus() if own else bus
        try:
            return connection.call_blocking(NAME, PATH, interface, member, signature, arguments, timeout=timeout)
        finally:
            if own:
                connection.close()

    def request(self, issuer, requests=(b"request",), options=None, **keywords):
        return self.call(ATTESTER, "RequestTokens", REQUEST_TOKENS, issuer, list(requests), options or {}, **keywords)

    def property(self, name):
        return self.call(PROPERTIES, "Get", "ss", ATTESTER, name)

    def status_kib(self, name):
        """A figure of the daemon's /proc/PID/status."""
        status = pathlib.Path(f"/proc/{self.processes['attesterd'].pid}/status").read_text()
        return int(status.split(f"{name}:")[1].split()[0])

    def as_user(self, uid, *arguments, timeout=60):
        """Runs call_as_user.py as another user."""
        script = self.public(HERE / "call_as_user.py") / "call_as_user.py"
        return subprocess.run([sys.executable, script, *map(str, arguments)], user=uid, group=uid, extra_groups=[],
                              capture_output=True, text=True, timeout=timeout, check=False, cwd="/", env=self.environment)

    def enroll_with_fakes(self, names):
        """What an enrolment with the real issuer left in the state directory, for issuers that cannot enrol."""
        self.call(ADMIN, "Enroll", "s", stack.ISSUER_NAME)
        record = self.path("state", "issuers", stack.ISSUER_NAME).read_text()
        for name in names:
            self.path("state", "issuers", f"{name}.example").write_text(record)
        self.end("attesterd")
        self.start_daemon(limits=self.limits)

    def restart_daemon(self, **keywords):
        self.end("attesterd")
        self.start_daemon(**{"limits": self.limits, **keywords})


def token_request(directory):
    """A TokenRequest of type 0x0002 that the issuer of this GetIssuer answer signs: any number below its modulus will do."""
    for token_type, key, _ in directory["token-keys"]:
        if token_type == 2:
            return b"\x00\x02" + hashlib.sha256(bytes(key)).digest()[-1:] + b"\x00" + os.urandom(255)
    raise AssertionError("no blind RSA key in the directory")


class BusCase(BusErrors):
    """A stack a class; `options` are DaemonStack.start()'s."""

    options = {}

    @classmethod
    def setUpClass(cls):
        cls.stack = DaemonStack(BUILD)
        cls.addClassCleanup(cls.stack.stop)
        try:
            cls.stack.start(**cls.options)
        except stack.StackError as error:
            raise AssertionError(f"{error}\n{cls.stack.log('attesterd')}") from None

    def arrived(self, bus):
        """What was sent on `bus` before has been taken in: calls of a connection that is known start in order."""
        return self.stack.call(ATTESTER, "GetFacts", bus=bus)

    def succeeds(self, issuer):
        try:
            return self.stack.request(issuer)
        except dbus.DBusException:
            return None


def send(bus, interface, member, signature, arguments, replies):
    """A call whose reply is appended to `replies` when the pending call that this returns has been waited for."""
    message = dbus.lowlevel.MethodCallMessage(NAME, PATH, interface, member)
    message.append(*arguments, signature=signature)
    return bus.send_message_with_reply(message, replies.append, 60)


class Background(threading.Thread):
    """A call in a thread of its own; result() gives what it returned, or raises what it raised."""

    def __init__(self, function, *arguments, **keywords):
        super().__init__(daemon=True)
        self.work, self.value, self.error = (function, arguments, keywords), None, None
        self.start()

    def run(self):
        function, arguments, keywords = self.work
        try:
            self.value = function(*arguments, **keywords)
        except Exception as error:  # handed on by result()
            self.error = error

    def result(self, seconds=60):
        self.join(seconds)
        assert not self.is_alive(), f"not within {seconds} s"
        if self.error is not None:
            raise self.error
        return self.value


def main():
    """Test scripts get the build directory as first argument."""
    global BUILD
    BUILD = sys.argv.pop(1)
    unittest.main(module="__main__", verbosity=2)


BUILD = ""
