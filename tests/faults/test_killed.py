#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every daemon killed at random instants under load, and what must hold whenever that was.

Usage: test_killed.py BUILD-DIRECTORY FUSE-LIBRARY [--kills N] [--seed N]   (N kills of each daemon)

In each round each daemon is killed once, or twice so that it dies while it starts; then it is looked at what the kills left behind.
Prints how many kills fell while somebody waited for that daemon's answer, and how many within a change of its files or a command to the TPM.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from fuse import FILE, TPM, Fuse  # noqa: E402
from killed_load import Browser, Ledger, Replacement, Visitor  # noqa: E402
from stack import HIGH_LIMITS, ISSUER_NAME, Stack, wait_for  # noqa: E402
from visitor import ask  # noqa: E402

BROWSERS = 3
REPLACE_EVERY = 2   # rounds
TWICE_EVERY = 5     # kills: then the successor is killed, too
PAUSE_SECONDS = 0.1 # at most, before a kill
WITHIN_EVERY = 2    # kills of a program that keeps state: within a call that changes this or the TPM, unless none comes for ...
WITHIN_SECONDS = 1
CALLS_MAX = 20            # of which it is any one
CALLS_OF_REPLACEMENT = 12 # by which the device's files change when its key is replaced and enrolled


class RestartingStack(Stack):
    """Starts a program again without waiting until it serves, so that the next kill may come before that."""

    LATER = ("org.attesterd on the bus", "org.attesterd.Client1 on the session bus", "the issuer's keys at the gate")

    def __init__(self, build):
        super().__init__(build)
        self.impatient = False
        # Servers come back to their port. Nobody is given one below the range of these unasked, while it is free for a moment.
        self.ports = {f"{name}.conf": self.low_port() for name in ("issuer", "gate")}
        self.fuses = {name: Fuse(FUSE, self.path(f"{name}.fuse"), self.environment) for name in ("issuer", "attesterd")}

    @staticmethod
    def low_port():
        lowest_given = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        for port in RANDOM.sample(range(lowest_given // 2, lowest_given), 100):
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue
        raise AssertionError("no free port")

    def write(self, name, text):
        if name in self.ports:
            text = text.replace("\nListen=127.0.0.1:0\n", f"\nListen=127.0.0.1:{self.ports[name]}\n")
        # A key that is replaced so often is enrolled far more often than an issuer takes for an honest device's doing.
        return super().write(name, text.replace("[Verifier]\n", "[Verifier]\nEnrollmentsPerHour=1000\n"))

    def spawn(self, name, *arguments, environment=None):
        fuse = self.fuses[name].environment if name in self.fuses else {}
        return super().spawn(name, *arguments, environment={**fuse, **(environment or {})})

    def wait(self, name, condition, what):
        return None if self.impatient and what in self.LATER else super().wait(name, condition, what)

    def wait_for_port(self, name):
        return self.ports[f"{name}.conf"] if self.impatient else super().wait_for_port(name)


class Killed(unittest.TestCase):
    def setUp(self):
        self.stack = stack = RestartingStack(BUILD)
        self.addCleanup(stack.stop)
        stack.start_ground()
        stack.start_website()
        stack.start_daemon(limits=HIGH_LIMITS)
        stack.start_agent()
        self.device = stack.attestctl_json("enroll", ISSUER_NAME)["device"]
        self.ledger = Ledger()
        self.counts = {name: collections.Counter() for name in self.VICTIMS}
        self.replacement = None
        self.killed_net = 0
        self.visitors = []
        self.addCleanup(self.stop_visitors)
        self.visitors = [Visitor(stack, self.ledger), *(Browser(stack, self.ledger) for _ in range(BROWSERS))]
        stack.impatient = True

    def stop_visitors(self):
        for visitor in self.visitors:
            visitor.stopping.set()
        for visitor in self.visitors:
            visitor.join(60)

    # --- the victims -----------------------------------------------------------------------------------------------

    VICTIMS = ("attesterd", "attester-net", "issuer", "gate", "agent")

    def start(self, name):
        """attester-net is a child of attesterd, which starts it again by itself."""
        if name == "attesterd":
            self.stack.start_daemon(limits=HIGH_LIMITS)
        elif name == "issuer":
            self.stack.start_issuer()
        elif name == "gate":
            self.stack.start_gate(origin=self.stack.origin)
        elif name == "agent":
            self.stack.start_agent()

    def pid(self, name):
        if name != "attester-net":
            return self.stack.processes[name].pid
        return wait_for(self.living_net, "attester-net")

    def living_net(self):
        parent = self.stack.processes["attesterd"].pid
        for child in pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            if int(child) != self.killed_net:
                return int(child)
        return None

    def kill(self, name):
        """At a random instant; or, if it keeps state, within the call that changes this, or the TPM, a random number of calls from then."""
        time.sleep(RANDOM.uniform(0, PAUSE_SECONDS))
        pid, fuse, counts = self.pid(name), self.stack.fuses.get(name), self.counts[name]
        in_request = self.is_awaited(name)
        if fuse is not None and RANDOM.randrange(WITHIN_EVERY) == 0:
            replaced = name == "attesterd" and self.replacement is not None
            fuse.set(RANDOM.randint(1, CALLS_OF_REPLACEMENT if replaced else CALLS_MAX), FILE if replaced else TPM)
            end = time.monotonic() + WITHIN_SECONDS
            while not fuse.burnt() and time.monotonic() < end:
                in_request = self.is_awaited(name)
                time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        if name == "attester-net":
            self.killed_net = pid
        else:
            self.stack.end(name, signal.SIGKILL)
            if fuse is not None:
                counts["in_file"] += fuse.burnt() == FILE
                counts["in_tpm"] += fuse.burnt() == TPM
                fuse.set(0)
            self.start(name)
        counts["kills"] += 1
        counts["in_request"] += in_request

    def is_awaited(self, name):
        return any(name in who.waits_for for who in (*self.visitors, self.replacement) if who is not None)

    # --- what must hold ----------------------------------------------------------------------------------------------

    def check_device_is_registered(self):
        """Once, by its identifier; and every token that a client holds was counted for it before it was given away."""
        with self.ledger.lock:
            received = self.ledger.received
        program = self.stack.build / "issuer" / "attester-issuer"
        lines = self.stack.run(program, "--allow-root", "--config", self.stack.path("issuer.conf"), "devices", "list").stdout.splitlines()
        listed = [line.split() for line in lines[1:] if line]
        self.assertEqual([line[:2] for line in listed], [[self.device, "active"]], lines)
        counted = int(next(word for word in listed[0][4:] if word.isdigit()))
        self.assertGreaterEqual(counted, received)
        return counted

    def check_spent_stay_spent(self):
        with self.ledger.lock:
            sample = self.ledger.accepted[-3:] + RANDOM.sample(self.ledger.accepted, min(3, len(self.ledger.accepted)))
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

    def check(self):
        if self.replacement is not None:
            self.replacement.join(90)
            self.assertIsNone(self.replacement.failure)
            self.replacement = None
        self.check_spent_stay_spent()
        self.check_progress()
        self.check_device_is_registered()

    def test_killed_at_random_instants_nothing_is_lost_and_no_token_passes_twice(self):
        for number in range(KILLS):
            order = RANDOM.sample(self.VICTIMS, len(self.VICTIMS))
            if number % REPLACE_EVERY == 0:
                self.replacement = Replacement(self.stack, self.ledger)
                order.sort(key=lambda name: name != "attesterd")  # while its files change
            for name in order:
                self.kill(name)
                if RANDOM.randrange(TWICE_EVERY) == 0:
                    self.kill(name)
            self.check()
        self.stop_visitors()
        self.assertEqual(self.ledger.surprises, [])
        counted = self.check_device_is_registered()
        self.assertEqual(self.stack.attestctl_json("enroll", ISSUER_NAME)["device"], self.device)
        print(json.dumps({"seed": SEED, "tokens": self.ledger.received, "counted": counted, "accepted": len(self.ledger.accepted), **self.counts}))


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("build")
    options.add_argument("fuse")
    options.add_argument("--kills", type=int, default=5)
    options.add_argument("--seed", type=int, default=int.from_bytes(random.randbytes(4), "big"))
    options = options.parse_args()
    BUILD, FUSE, KILLS, SEED, RANDOM = options.build, options.fuse, options.kills, options.seed, random.Random(options.seed)
    print(f"seed {SEED}")
    unittest.main(argv=sys.argv[:1], verbosity=2)
