# SPDX-License-Identifier: BSD-2-Clause
"""What goes on while daemons are killed: visitors who get tokens and spend them, and a key that is replaced and enrolled."""

import http.client
import json
import threading
import time

import dbus
import dbus.bus
from stack import ISSUER_NAME
from visitor import ask

# What a caller may see of a daemon that was killed in mid-call; anything else is a fault. Exit statuses are numbered as in docs/attestctl.md.
TRANSIENT = {"Cancelled": 10, "Busy": 15, "IssuerUnreachable": 31, "DaemonUnreachable": 50}
NOT_ENROLLED = {"NotEnrolled": 20}  # besides, while the key is replaced
AGENT = "org.attesterd.Client1"
AGENT_GONE = {"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.NameHasNoOwner"}


class Ledger:
    """What the load saw."""

    def __init__(self):
        self.lock = threading.Lock()
        self.received = 0     # tokens that clients hold
        self.accepted = []    # each token that the gate took
        self.newest = 0       # when the visit began that was let in last through every daemon
        self.surprises = []   # what must not happen
        self.replaced = 0     # when the key that is in force was enrolled; infinite while it is not

    def note(self, what):
        with self.lock:
            self.surprises.append(what)


class Visitor(threading.Thread):
    """Gets a challenge, a token for it, and shows that to the gate twice; over and over until told to stop."""

    WAY = ("attesterd", "attester-net", "issuer")  # of a request for a token

    def __init__(self, stack, ledger):
        super().__init__()
        self.stack, self.ledger, self.stopping = stack, ledger, threading.Event()
        self.waits_for = ()  # the daemons that are at work for this visitor
        self.start()

    def run(self):
        while not self.stopping.is_set():
            try:
                self.visit(time.monotonic())
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)  # the gate is down at this moment
            except Exception as error:  # noqa: BLE001
                self.ledger.note(f"{type(error).__name__}: {error}")
            self.waits_for = ()

    def ask_gate(self, token=None):
        self.waits_for = ("gate",)
        return ask(self.stack, token)

    def visit(self, began):
        status, challenge, _ = self.ask_gate()
        if status != 401 or challenge is None:
            return
        self.waits_for = self.WAY
        token = self.token(challenge, began)
        if token is None:
            time.sleep(0.01)
            return
        with self.ledger.lock:
            self.ledger.received += 1
        if self.ask_gate(token)[0] != 204:
            return
        with self.ledger.lock:
            self.ledger.accepted.append(token)
        self.let_in(began)
        if self.ask_gate(token)[0] == 204:
            self.ledger.note("a token passed twice")

    def let_in(self, began):
        pass

    def expected(self, began):
        """The outcomes that a visit which began then may have."""
        return TRANSIENT if began > self.ledger.replaced else {**TRANSIENT, **NOT_ENROLLED}

    def token(self, challenge, began):
        done = self.stack.attestctl("token", "--challenge", challenge, "--origin", self.stack.origin, "--json", check=False)
        if done.returncode == 0:
            return json.loads(done.stdout)["authorization"]
        if done.returncode not in self.expected(began).values():
            self.ledger.note(f"attestctl token ended with {done.returncode}: {done.stdout}{done.stderr}")
        return None


class Browser(Visitor):
    """The same by way of attester-agent, so that a visit needs every daemon."""

    WAY = ("agent", *Visitor.WAY)

    def __init__(self, stack, ledger):
        self.bus = dbus.bus.BusConnection(stack.environment["DBUS_SESSION_BUS_ADDRESS"])
        super().__init__(stack, ledger)

    def let_in(self, began):
        self.ledger.newest = max(began, self.ledger.newest)

    def token(self, challenge, began):
        options = dbus.Dictionary({}, signature="sv")
        try:
            return str(self.bus.call_blocking(AGENT, "/org/attesterd/Client", AGENT, "GetAuthorization", "ssa{sv}",
                                              (challenge, self.stack.origin, options), timeout=30)[0])
        except dbus.DBusException as error:
            name = error.get_dbus_name()
            if name not in AGENT_GONE and name.removeprefix("org.attesterd.Error.") not in self.expected(began):
                self.ledger.note(f"the agent answers {name}: {error.get_dbus_message()}")
            return None


class Replacement(threading.Thread):
    """Replaces the attestation key and enrols the new one, once or until that is done."""

    WAY = ("attesterd", "attester-net", "issuer")

    def __init__(self, stack, ledger):
        super().__init__()
        self.stack, self.ledger, self.waits_for = stack, ledger, self.WAY
        ledger.replaced = float("inf")
        self.failure = "it did not end"
        self.start()

    def run(self):
        self.failure = self.replace()
        self.waits_for = ()

    def replace(self):
        """None, or what went wrong. A new key that was made and not registered has to be: that is no loss."""
        done = self.stack.attestctl("reseal", check=False)
        if done.returncode not in (0, *TRANSIENT.values()):
            return f"attestctl reseal ended with {done.returncode}: {done.stderr}"
        end = time.monotonic() + 60
        while time.monotonic() < end:
            done = self.stack.attestctl("enroll", ISSUER_NAME, check=False)
            if done.returncode == 0:
                self.ledger.replaced = time.monotonic()
                return None
            if done.returncode not in TRANSIENT.values():
                return f"attestctl enroll ended with {done.returncode}: {done.stderr}"
            time.sleep(0.02)
        return f"no enrolment within a minute: {done.stderr}"
