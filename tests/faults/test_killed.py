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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from stack import ISSUER_NAME, Stack, wait_for  # noqa: E402
from visitor import ask  # noqa: E402

WORKERS = 3
RESEAL_EVERY = 7  # kills
# What a caller may see of a daemon that was killed in mid-call, as docs/attestctl.md numbers it; anything else is a fault.
CANCELLED, BUSY, ISSUER_UNREACHABLE, DAEMON_UNREACHABLE = 10, 15, 31, 50
TRANSIENT = {CANCELLED, BUSY, ISSUER_UNREACHABLE, DAEMON_UNREACHABLE}
LIMITS = "[Limits]\nRequestsPerSecond=10000\nRequestsBurst=10000\n"


class Ledger:
    """What the load saw."""

    def __init__(self):
        self.lock = threading.Lock()
        self.received = 0     # tokens that clients hold
        self.accepted = []    # each token that the gate took
        self.surprises = []   # what must not happen

    def note(self, what):
        with self.lock:
            self.surprises.append(what)


class Load(threading.Thread):
    """A visitor: gets a challenge, a token for it, and shows that to the gate twice; over and over until told to stop."""

    def __init__(self, stack, ledger):
        super().__init__()
        self.stack, self.ledger, self.stopping = stack, ledger, threading.Event()
        self.start()

    def run(self):
        while not self.stopping.is_set():
            try:
                self.visit()
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)  # the gate is down at this moment
            except Exception as error:  # noqa: BLE001
                self.ledger.note(f"{type(error).__name__}: {error}")

    def visit(self):
        status, challenge, _ = ask(self.stack)
        if status != 401 or challenge is None:
            return
        token = token_for(self.stack, challenge, self.ledger)
        if token is None:
            return
        if ask(self.stack, token)[0] != 204:
            return
        with self.ledger.lock:
            self.ledger.accepted.append(token)
        if ask(self.stack, token)[0] == 204:
            self.ledger.note("a token passed twice")


def token_for(stack, challenge, ledger):
    done = stack.attestctl("token", "--challenge", challenge, "--origin", stack.origin, "--json", check=False)
    if done.returncode != 0:
        if done.returncode not in TRANSIENT:
            ledger.note(f"attestctl token ended with {done.returncode}: {done.stdout}{done.stderr}")
        return None
    with ledger.lock:
        ledger.received += 1
    return json.loads(done.stdout)["authorization"]


class Killed(unittest.TestCase):
    def setUp(self):
        self.stack = stack = Stack(BUILD)
        self.addCleanup(stack.stop)
        stack.make_certificates()
        stack.start_tpm()
        stack.start_bus()
        stack.start_issuer()
        stack.start_gate()
        stack.configure_issuer()
        stack.start_daemon(limits=LIMITS)
        self.device = stack.attestctl_json("enroll", ISSUER_NAME)["device"]
        self.ledger = Ledger()

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

    # --- what must hold ----------------------------------------------------------------------------------------------

    def devices(self):
        program = self.stack.build / "issuer" / "attester-issuer"
        return self.stack.run(program, "--allow-root", "--config", self.stack.path("issuer.conf"), "devices", "list").stdout

    def check_spent_stay_spent(self):
        with self.ledger.lock:
            sample = RANDOM.sample(self.ledger.accepted, min(5, len(self.ledger.accepted)))
        for token in sample:
            self.assertNotEqual(ask(self.stack, token)[0], 204, "a spent token passed after the gate was killed")

    def check_state(self):
        """Reached again without enrolment or repair, and nothing in it is half-written."""
        def gets_a_token():
            status, challenge, _ = ask(self.stack)
            return status == 401 and challenge and token_for(self.stack, challenge, self.ledger)

        token = wait_for(gets_a_token, "a token after the kill", seconds=40)
        self.assertEqual(ask(self.stack, token)[0], 204)
        with self.ledger.lock:
            self.assertEqual(self.ledger.surprises, [])
        leftovers = [str(path) for path in self.stack.path("state").rglob("*") if path.is_file() and path.stat().st_size == 0]
        self.assertEqual(leftovers, [])

    def reseal_and_kill(self, kill):
        """The attestation key is replaced and registered while the victim goes: what is found afterwards is one or the other."""
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

    def test_killed_at_random_instants_nothing_is_lost_and_no_token_passes_twice(self):
        victims = [self.kill_attesterd, self.kill_attester_net, self.kill_issuer, self.kill_gate] * KILLS
        RANDOM.shuffle(victims)
        for number, kill in enumerate(victims):
            replacing = number % RESEAL_EVERY == 0
            if replacing:
                self.reseal_and_kill(kill)
                # A new key that was made and not registered has to be: that is what `NotEnrolled` tells, and no loss.
                wait_for(lambda: self.stack.attestctl("enroll", ISSUER_NAME, check=False).returncode == 0, "enrolment", seconds=40)
            else:
                workers = [Load(self.stack, self.ledger) for _ in range(WORKERS)]
                time.sleep(RANDOM.uniform(0, 0.25))
                kill()
                for worker in workers:
                    worker.stopping.set()
                for worker in workers:
                    worker.join(60)
            self.check_spent_stay_spent()
            self.check_state()
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
