#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attester-issuer killed while it migrates its registry and while it rotates its token key, and what is found afterwards.

Usage: test_interrupted_issuer.py BUILD-DIRECTORY FUSE-LIBRARY SKEW-LIBRARY [--kills N] [--seed N]

Each is killed in each of its changes of a file (fuse.c), and N times at a random instant.
"""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "issuer"), str(HERE.parent / "e2e")]

from device import Device  # noqa: E402
from fuse import FILE, Fuse  # noqa: E402
from running_issuer import RunningIssuer  # noqa: E402

DEVICES, TOKENS = 200, 3
DAY = 86400
WAIT = 60


def first_version():
    """What takes a database back to what version 1 had; tests/issuer/test_registry.c has it."""
    source = (HERE.parent / "issuer" / "test_registry.c").read_text()
    literals = source.split("static const char first_version[] =")[1].split('";\n', 1)[0] + '"'
    return "".join(re.findall('"([^"]*)"', literals))


class Interrupted(unittest.TestCase):
    keys = ""

    def setUp(self):
        self.issuer = RunningIssuer(BUILD / "issuer" / "attester-issuer", keys=self.keys)
        self.addCleanup(self.issuer.close)
        self.state, self.saved = self.issuer.directory / "state", self.issuer.directory / "saved"
        self.device = Device()
        self.assertEqual(self.issuer.enroll(self.device).status, 200)
        self.fuse = Fuse(FUSE, self.issuer.directory / "fuse", dict(os.environ))
        self.killed = {"in_file": 0, "at_random": 0, "too_late": 0}

    def assert_gets_token(self):
        request, _ = self.issuer.token_key().blind()
        response = self.issuer.token_request(request, self.device.evidence(request, self.issuer.nonce()))
        self.assertEqual(response.status, 200, response.body)

    def put_back(self):
        shutil.rmtree(self.state)
        shutil.copytree(self.saved, self.state)

    def spawn(self, *words, environment=None):
        return subprocess.Popen(self.issuer.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={"PATH": "/usr/bin:/bin", **(environment or {})})

    def kill_each_time(self, attempt):
        """`attempt(calls, instant)` puts the state back, kills in that call or after that part of the work's time, and looks at what is left; it
        returns whether that was before the end of the work."""
        calls = 1
        while attempt(calls, None):
            self.killed["in_file"] += 1
            calls += 1
        for _ in range(KILLS):
            self.killed["at_random" if attempt(0, RANDOM.uniform(0, 1.1)) else "too_late"] += 1
        self.assertGreater(self.killed["in_file"], 0)
        print(json.dumps({"interrupted": self.id().split(".")[-1], "seed": SEED, **self.killed}))


class Migration(Interrupted):
    """Of a registry of the first version, by the first command that opens it."""

    def setUp(self):
        super().setUp()
        self.assertEqual(self.issuer.stop(), 0)
        database = sqlite3.connect(self.state / "registry.db", isolation_level=None)
        self.version = database.execute("PRAGMA user_version").fetchone()
        database.executescript(first_version())
        for at in range(1, DEVICES):
            database.execute("INSERT INTO devices (id, ek_name, enrolled_at) VALUES (?, ?, 1000)", (f"{at:032x}", b"ek%d" % at))
            database.execute("INSERT INTO keys VALUES (?, last_insert_rowid(), ?, 1000, NULL)", (b"ak%d" % at, b"public%d" % at))
            database.execute("INSERT INTO tokens SELECT max(row), 20000, ? FROM devices", (TOKENS,))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        shutil.copytree(self.state, self.saved)
        began = time.monotonic()
        self.expected = self.list_devices()
        self.seconds = time.monotonic() - began
        self.put_back()

    def list_devices(self, environment=None, until=None):
        """What `devices list` prints, or None if it was killed."""
        process = self.spawn("devices", "list", environment=environment)
        if until is not None:
            time.sleep(until * self.seconds)
            process.kill()
        output = process.communicate(timeout=WAIT)[0]
        if process.returncode == -signal.SIGKILL:
            return None
        self.assertEqual(process.returncode, 0, output)
        return output

    def attempt(self, calls, instant):
        self.put_back()
        self.fuse.set(calls, FILE)
        killed = self.list_devices(self.fuse.environment, instant) is None
        self.fuse.set(0)
        self.assertEqual(self.list_devices(), self.expected)
        return killed

    def test_migration_that_is_killed_is_done_by_the_next_start_and_no_device_is_forgotten(self):
        self.assertEqual(len(self.expected.splitlines()), DEVICES + 1)
        self.kill_each_time(self.attempt)
        database = sqlite3.connect(self.state / "registry.db")
        self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        self.assertEqual(database.execute("PRAGMA user_version").fetchone(), self.version)
        self.assertEqual(database.execute("SELECT sum(count) FROM device_counts").fetchone(), (DEVICES,))
        self.assertEqual(database.execute("SELECT sum(count) FROM token_days").fetchone(), (TOKENS * (DEVICES - 1),))
        database.close()
        self.issuer.start()
        self.assert_gets_token()


class Rotation(Interrupted):
    """Of the token key, at the start on the day on which the next one is made, and on the one on which the first is removed."""

    keys = "RotateDays=3\nTypes=voprf"  # of which a key is made at once

    def setUp(self):
        super().setUp()
        self.skew = self.issuer.directory / "skew"
        self.old = self.directory()
        self.assertEqual(self.issuer.stop(), 0)
        shutil.copytree(self.state, self.saved)

    def directory(self):
        return self.issuer.token_keys(1)

    def serve(self, calls=0, instant=None):
        """An issuer that is killed in the given call, or while or after it starts. Returns the keys that it showed, None if it did not come to that."""
        self.fuse.set(calls, FILE)
        ports = self.issuer.directory / "ports"
        ports.unlink(missing_ok=True)
        environment = {**self.fuse.environment, "LD_PRELOAD": f"{FUSE}:{SKEW}", "ATTESTER_TEST_SKEW": str(self.skew)}
        began = time.monotonic()
        process = self.spawn("--port-file", str(ports), environment=environment)
        end = began + (WAIT if instant is None else instant * self.seconds)
        while not ports.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.001)
        shown = None
        try:
            if ports.exists():
                self.issuer.port = int(ports.read_text().split()[0])
                shown = self.directory()
        except OSError:
            process.wait(timeout=WAIT)  # in the last call of its start, the one that made the file of its port last
        process.kill()
        if shown is not None:
            self.seconds = max(self.seconds, time.monotonic() - began)
        output = process.communicate(timeout=WAIT)[0]
        self.assertEqual(process.returncode, -signal.SIGKILL, output)
        self.fuse.set(0)
        return shown

    def attempt_at(self, days, count):
        """Of keys in force there are `count` afterwards."""
        def attempt(calls, instant):
            self.put_back()
            self.skew.write_text(str(int(days * DAY) + 1))
            before = self.serve(calls, instant)
            after = self.serve()
            self.assertEqual(len(after), count)
            if before is not None:  # somebody may have blinded with any of these
                self.assertEqual(after, before)
            return before is None
        return attempt

    def test_rotation_that_is_killed_is_done_by_the_next_start_and_no_key_in_use_is_lost(self):
        self.seconds = 0
        self.kill_each_time(self.attempt_at(3, 2))
        self.assertIn(self.old[0], self.kept())
        shutil.rmtree(self.saved)
        shutil.copytree(self.state, self.saved)
        self.killed = dict.fromkeys(self.killed, 0)
        # The second key is in force from the fourth day on, and the first is kept for seven more.
        self.kill_each_time(self.attempt_at(11.5, 2))
        self.assertNotIn(self.old[0], self.kept())

    def kept(self):
        """The public keys by what is in the state directory."""
        self.skew.write_text("0")
        return self.serve()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("build", type=lambda text: pathlib.Path(text).resolve())
    options.add_argument("fuse")
    options.add_argument("skew")
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=int.from_bytes(random.randbytes(4), "big"))
    options = options.parse_args()
    BUILD, FUSE, SKEW, KILLS, SEED, RANDOM = options.build, options.fuse, options.skew, options.kills, options.seed, random.Random(options.seed)
    print(f"seed {SEED}")
    unittest.main(argv=sys.argv[:1], verbosity=2)
