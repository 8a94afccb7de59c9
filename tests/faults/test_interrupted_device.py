#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attesterd killed while it installs a policy bundle and while it replaces its key, and what is found afterwards.

Usage: test_interrupted_device.py BUILD-DIRECTORY FUSE-LIBRARY [--kills N] [--seed N]

Each is killed in each of its changes of a file and commands to the TPM (fuse.c), and N times at a random instant.
"""

import argparse
import json
import pathlib
import random
import signal
import sys
import time
import unittest

import dbus

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "attesterd"), str(HERE.parent / "e2e")]

import bus_fixture  # noqa: E402
from bundle_fixture import FLEET, Bundles  # noqa: E402
from bus_fixture import ADMIN, LIMITS, Background, DaemonStack, token_request  # noqa: E402
from fuse import FILE, TPM, Fuse  # noqa: E402
from stack import ISSUER_NAME, wait_for  # noqa: E402

WAIT = 60
CALLS_MAX = 400
# What a call that dies with the daemon ends with.
GONE = {"org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner"}


class FusedStack(DaemonStack):
    fuse = None

    def spawn(self, name, *arguments, environment=None):
        fuse = self.fuse.environment if name == "attesterd" and self.fuse is not None else {}
        return super().spawn(name, *arguments, environment={**fuse, **(environment or {})})

    def write(self, name, text):
        return super().write(name, text.replace("[Verifier]\n", "[Verifier]\nEnrollmentsPerHour=1000\n"))


class Interrupted(unittest.TestCase):
    def setUp(self):
        self.stack = stack = FusedStack(bus_fixture.BUILD)
        self.addCleanup(stack.stop)
        stack.fuse = self.fuse = Fuse(FUSE, stack.path("fuse"), stack.environment)
        self.killed = {"in_file": 0, "in_tpm": 0, "at_random": 0, "too_late": 0}

    def assert_gets_token(self):
        directory = self.stack.call(bus_fixture.ATTESTER, "GetIssuer", "s", ISSUER_NAME)
        self.assertEqual(len(self.stack.request(ISSUER_NAME, [token_request(directory)])[0]), 1)

    def interrupt(self, work, calls, seconds):
        """Has `work` done by a daemon that is killed in that call, or after that time. Returns what it returned, or None, with the daemon started
        again."""
        self.fuse.set(calls)
        began = time.monotonic()
        call, process = Background(work), self.stack.processes["attesterd"]
        if seconds is not None:
            time.sleep(seconds)
            process.kill()
        try:
            value = call.result(WAIT)
        except dbus.DBusException as error:
            self.assertIn(error.get_dbus_name(), GONE, error.get_dbus_message())
            value = None
        self.seconds = time.monotonic() - began if seconds is None else self.seconds
        if value is None or seconds is not None:
            self.stack.end("attesterd", signal.SIGKILL)
            self.killed["in_file"] += self.fuse.burnt() == FILE
            self.killed["in_tpm"] += self.fuse.burnt() == TPM
            self.killed["at_random"] += value is None and seconds is not None
            self.killed["too_late"] += value is not None
            self.fuse.set(0)
            wait_for(lambda: not self.stack.name_is_owned(), "the bus to notice")
            self.stack.start_daemon(limits=self.stack.limits)
        self.fuse.set(0)
        return value

    def kill_each_time(self, attempt):
        """`attempt(calls, seconds)` interrupts, looks at what is left, and returns what the call returned, or None."""
        calls = 1
        while attempt(calls, None) is None:
            calls += 1
            self.assertLess(calls, CALLS_MAX, "it never ends")
        for _ in range(KILLS):
            attempt(0, RANDOM.uniform(0, self.seconds))
        self.assertGreater(self.killed["in_file"], 0)
        print(json.dumps({"interrupted": self.id().split(".")[-1], "seed": SEED, **self.killed}))


class Bundle(Interrupted):
    """A bundle is in force, and the next one is installed."""

    def limits(self):
        self.bundles = Bundles(self.stack, FLEET)
        self.bundles.key("fleet")
        return f"{LIMITS}[Policy]\nFleet={FLEET}\nBundleKey={self.bundles.path('fleet.pub')}\n"

    def install(self, version):
        content = self.bundles.sign(version).read_bytes()
        return lambda: int(self.stack.call(ADMIN, "InstallPolicyBundle", "ay", dbus.ByteArray(content)))

    def settled(self):
        """The version in force, once the TPM was asked."""
        return wait_for(lambda: self.stack.property("PolicyError") == "" and int(self.stack.property("PolicyVersion")), "a policy in force")

    def attempt(self, calls, seconds):
        before, self.version = self.version, self.version + 1
        install = self.install(self.version)
        installed = self.interrupt(install, calls, seconds)
        found = self.settled()
        self.assertIn(found, (self.version,) if installed is not None else (before, self.version))
        self.assert_gets_token()
        # Whichever it was: the same bundle can be installed, and none below it.
        self.assertEqual(install(), self.version)
        self.assertEqual(self.settled(), self.version)
        following = self.stack.path("state", "bundle.next")
        if following.exists():  # it is what was installed from it
            self.assertEqual(following.read_bytes(), self.stack.path("state", "bundle").read_bytes())
        return installed

    def test_installation_that_is_killed_leaves_the_old_or_the_new_bundle_in_force(self):
        self.stack.start(limits=self.limits(), real_issuer=True)
        self.version = 1
        self.assertEqual(self.install(1)(), 1)
        self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME)
        self.assert_gets_token()
        self.kill_each_time(self.attempt)
        self.assertRaises(dbus.DBusException, self.install(self.version - 1))
        self.assertEqual(self.stack.property("PolicyVersion"), self.version)


class Key(Interrupted):
    """The key is replaced and enrolled."""

    def replace(self):
        self.stack.call(ADMIN, self.how)
        return str(self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME))

    def attempt(self, calls, seconds):
        key = self.stack.path("state", "ak.key")
        before = key.read_bytes()
        device = self.interrupt(self.replace, calls, seconds)
        if key.read_bytes() != before:
            self.assertEqual(str(self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME)), self.device)
        self.assert_gets_token()  # without that if the key is the one from before
        self.assertEqual(self.handles(), self.at_first)
        return device

    def handles(self):
        """What the TPM keeps for good; transient objects that a killed daemon left are flushed by the next."""
        return self.stack.run("tpm2_getcap", "handles-persistent", "-T", self.stack.tcti).stdout

    def check(self, how):
        self.how = how
        self.stack.start(real_issuer=True)
        self.device = str(self.stack.call(ADMIN, "Enroll", "s", ISSUER_NAME))
        self.assert_gets_token()
        self.at_first = self.handles()
        self.kill_each_time(self.attempt)
        self.assertEqual(self.replace(), self.device)

    def test_rotation_that_is_killed_leaves_the_old_or_the_new_key(self):
        self.check("RotateKey")

    def test_resealing_that_is_killed_leaves_the_old_or_the_new_key(self):
        self.check("Reseal")


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("build")
    options.add_argument("fuse")
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=int.from_bytes(random.randbytes(4), "big"))
    options = options.parse_args()
    bus_fixture.BUILD, FUSE, KILLS, SEED, RANDOM = options.build, options.fuse, options.kills, options.seed, random.Random(options.seed)
    print(f"seed {SEED}")
    unittest.main(argv=sys.argv[:1], verbosity=2)
