#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every daemon killed at random instants under load, and what must hold whenever that was.

Usage: test_killed.py BUILD-DIRECTORY [--kills N] [--seed N]   (N kills of each daemon)
"""

import argparse
import http.client
import json
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

import dbus
import dbus.bus

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from stack import ISSUER_NAME, Stack, wait_for  # noqa: E402
from visitor import ask  # noqa: E402

VISITORS = 2
RESEAL_EVERY, CHECK_EVERY = 10, 3  # kills
# What a caller may see of a daemon that was killed in mid-call; anything else is a fault. Exit statuses are numbered as in docs/attestctl.md.
TRANSIENT = {"Cancelled": 10, "Busy": 15, "IssuerUnreachable": 31, "DaemonUnreachable": 50}
AGENT = "org.attesterd.Client1"
AGENT_GONE = {"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.NameHasNoOwner"}
LIMITS = "[Limits]\nRequestsPerSecond=10000\nRequestsBurst=10000\n"


class Ledger:
    """What the load saw."""

    def __init__(self):
        self.lock = threading.Lock()
        self.received = 0     # tokens that clients hold
        self.accepted = []    # each token that the gate took
        self.newest = 0       # when the visit began that was let in last through every daemon
        self.surprises = []   # what must not happen
        self.open = True      # visits may begin
        self.visiting = 0

    def note(self, what):
        with self.lock:
            self.surprises.append(what)

    def enter(self):
        with self.lock:
            self.visiting += self.open
            return self.open

    def leave(self):
        with self.lock:
            self.visiting -= 1

    def admit(self, admitted):
        with self.lock:
            self.open = admitted


class Visitor(threading.Thread):
    """Gets a challenge, a token for it, and shows that to the gate twice; over and over until told to stop."""

    def __init__(self, stack, ledger):
        super().__init__()
        self.stack, self.ledger, self.stopping = stack, ledger, threading.Event()
        self.start()

    def run(self):
        while not self.stopping.is_set():
            if not self.ledger.enter():
                time.sleep(0.01)
                continue
            try:
                self.visit(time.monotonic())
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)  # the gate is down at this moment
            except Exception as error:  # noqa: BLE001
                self.ledger.note(f"{type(error).__name__}: {error}")
            self.ledger.leave()

    def visit(self, began):
        status, challenge, _ = ask(self.stack)
        if status != 401 or challenge is None:
            return
        token = self.token(challenge)
        if token is None:
            return
        with self.ledger.lock:
            self.ledger.received += 1
        if ask(self.stack, token)[0] != 204:
            return
        with self.ledger.lock:
            self.ledger.accepted.append(token)
        self.let_in(began)
        if ask(self.stack, token)[0] == 204:
            self.ledger.note("a token passed twice")

    def let_in(self, began):
        pass

    def token(self, challenge):
        done = self.stack.attestctl("token", "--challenge", challenge, "--origin", self.stack.origin, "--json", check=False)
        if done.returncode == 0:
            return json.loads(done.stdout)["authorization"]
        if done.returncode not in TRANSIENT.values():
            self.ledger.note(f"attestctl token ended with {done.returncode}: {done.stdout}{done.stderr}")
        return None


class Browser(Visitor):
    """The same by way of attester-agent, so that a visit needs every daemon."""

    def __init__(self, stack, ledger):
        self.bus = dbus.bus.BusConnection(stack.environment["DBUS_SESSION_BUS_ADDRESS"])
        super().__init__(stack, ledger)

    def let_in(self, began):
        self.ledger.newest = began

    def token(self, challenge):
        options = dbus.Dictionary({}, signature="sv")
        try:
            return str(self.bus.call_blocking(AGENT, "/org/attesterd/Client", AGENT, "GetAuthorization", "ssa{sv}",
                                              (challenge, self.stack.origin, options), timeout=30)[0])
        except dbus.DBusException as error:
            name = error.get_dbus_name()
            if name not in AGENT_GONE and name.removeprefix("org.attesterd.Error.") not in TRANSIENT:
                self.ledger.note(f"the agent answers {name}: {error.get_dbus_message()}")
            time.sleep(0.01)
            return None


class ImpatientStack(Stack):
    """Starts a program again without waiting until it serves, so that the next kill may come before that."""

    impatient = False

    def write(self, name, text):
        """Resealing enrols far more often than an issuer takes for an honest device's doing."""
        return super().write(name, text.replace("[Verifier]\n", "[Verifier]\nEnrollmentsPerHour=1000\n") if name == "issuer.conf" else text)

    def wait(self, name, condition, what):
        return None if self.impatient and what in self.LATER else super().wait(name, condition, what)

    LATER = ("org.attesterd on the bus", "org.attesterd.Client1 on the session bus", "the issuer's keys at the gate")


class Killed(unittest.TestCase):
    def setUp(self):
        self.stack = stack = ImpatientStack(BUILD)
        self.addCleanup(stack.stop)
        stack.make_certificates()
        stack.start_tpm()
        stack.start_bus()
        stack.start_issuer()
        stack.start_gate()
        stack.configure_issuer()
        stack.start_daemon(limits=LIMITS)
        stack.start_agent()
        self.device = stack.attestctl_json("enroll", ISSUER_NAME)["device"]
        self.ledger = Ledger()
        self.visitors = []
        self.addCleanup(self.stop_visitors)
        self.visitors = [*(Visitor(stack, self.ledger) for _ in range(VISITORS)), Browser(stack, self.ledger)]
        stack.impatient = True

    def stop_visitors(self):
        for visitor in self.visitors:
            visitor.stopping.set()
        for visitor in self.visitors:
            visitor.join(60)

    # --- the victims -----------------------------------------------------------------------------------------------

    def kill_attesterd(self):
        self.stack.end("attesterd", signal.SIGKILL)
        self.stack.start_daemon(limits=LIMITS)

    def kill_attester_net(self):
        """A child of attesterd, which starts it again by itself."""
        parent = self.stack.processes["attesterd"].pid
        children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for child in children:
            subprocess.run(["kill", "-KILL", child], check=False, capture_output=True)

    def kill_issuer(self):
        self.stack.end("issuer", signal.SIGKILL)
        self.stack.start_issuer(port=self.stack.issuer_port)

    def kill_gate(self):
        self.stack.end("gate", signal.SIGKILL)
        self.stack.start_gate(origin=self.stack.origin)

    def kill_agent(self):
        self.stack.end("agent", signal.SIGKILL)
        self.stack.start_agent()

    # --- what must hold ----------------------------------------------------------------------------------------------

    def devices(self):
        program = self.stack.build / "issuer" / "attester-issuer"
        return self.stack.run(program, "--allow-root", "--config", self.stack.path("issuer.conf"), "devices", "list").stdout

    def check_spent_stay_spent(self):
        with self.ledger.lock:
            sample = RANDOM.sample(self.ledger.accepted, min(5, len(self.ledger.accepted)))
        for token in sample:
            status = wait_for(lambda token=token: self.ask_gate(token), "the gate")
            self.assertNotEqual(status, 204, "a spent token passed after the gate was killed")

    def ask_gate(self, token):
        """None while the gate is down."""
        try:
            return ask(self.stack, token)[0]
        except (OSError, http.client.HTTPException):
            return None

    def check_progress(self):
        """A visit that begins now is let in, without enrolment or repair, and nothing is half-written."""
        now = time.monotonic()
        wait_for(lambda: self.ledger.newest > now or self.ledger.surprises, "a visitor who is let in after the kill", seconds=60)
        with self.ledger.lock:
            self.assertEqual(self.ledger.surprises, [])
        leftovers = [str(path) for path in self.stack.path("state").rglob("*") if path.is_file() and path.stat().st_size == 0]
        self.assertEqual(leftovers, [])

    def reseal_and_kill(self, kill):
        """The attestation key is replaced and registered while the victim goes: what is found afterwards is one or the other."""
        self.ledger.admit(False)
        wait_for(lambda: self.ledger.visiting == 0, "the end of all visits", seconds=60)
        done = []

        def replace():
            done.append(self.stack.attestctl("reseal", check=False))
            done.append(self.stack.attestctl("enroll", ISSUER_NAME, check=False))

        worker = threading.Thread(target=replace)
        worker.start()
        time.sleep(RANDOM.uniform(0, 0.4))
        kill()
        worker.join(60)
        self.assertFalse(worker.is_alive(), "reseal and enroll did not end")
        # A new key that was made and not registered has to be: that is what `NotEnrolled` tells, and no loss.
        wait_for(lambda: self.stack.attestctl("enroll", ISSUER_NAME, check=False).returncode == 0, "enrolment", seconds=40)
        self.ledger.admit(True)

    def test_killed_at_random_instants_nothing_is_lost_and_no_token_passes_twice(self):
        victims = [self.kill_attesterd, self.kill_attester_net, self.kill_issuer, self.kill_gate, self.kill_agent] * KILLS
        RANDOM.shuffle(victims)
        for number, kill in enumerate(victims):
            if number % RESEAL_EVERY == 0:
                self.reseal_and_kill(kill)
            else:
                time.sleep(RANDOM.uniform(0, 0.25))
                kill()
            # In between kills meet programs that have only just been started.
            if number % CHECK_EVERY == 0:
                self.check_spent_stay_spent()
                self.check_progress()
        self.check_progress()
        self.check_spent_stay_spent()
        self.stop_visitors()
        self.assertEqual(self.ledger.surprises, [])
        self.assertEqual(self.stack.attestctl_json("enroll", ISSUER_NAME)["device"], self.device)
        listed = [line.split() for line in self.devices().splitlines()[1:] if line]
        self.assertEqual([line[:2] for line in listed], [[self.device, "active"]], listed)
        counted = int(next(word for word in listed[0][4:] if word.isdigit()))
        # A token is counted before it is given away: the issuer may have counted one that nobody received, never the reverse.
        self.assertGreaterEqual(counted, self.ledger.received)
        print(json.dumps({"killed": len(victims), "seed": SEED, "tokens": self.ledger.received, "counted": counted,
                          "accepted": len(self.ledger.accepted)}))


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("build")
    options.add_argument("--kills", type=int, default=5)
    options.add_argument("--seed", type=int, default=int.from_bytes(random.randbytes(4), "big"))
    options = options.parse_args()
    BUILD, KILLS, SEED, RANDOM = options.build, options.kills, options.seed, random.Random(options.seed)
    print(f"seed {SEED}")
    unittest.main(argv=sys.argv[:1], verbosity=2)
