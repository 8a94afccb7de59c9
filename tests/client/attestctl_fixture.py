# SPDX-License-Identifier: BSD-2-Clause
"""attestctl, on a private bus with the stand-in for attesterd. The tests' first arguments are ATTESTCTL and FAKE_ATTESTERD."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

CTL, FAKE = sys.argv[1:3]
WAIT = 30


def wait_for(condition, what):
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {WAIT} s")


def challenge(issuer, origin, key, context=None, token_type=2):
    """A WWW-Authenticate value and the digest of its challenge (RFC 9577, section 2.1)."""
    context = os.urandom(32) if context is None else context
    encoded = struct.pack(">HH", token_type, len(issuer)) + issuer.encode()
    encoded += bytes([len(context)]) + context + struct.pack(">H", len(origin)) + origin.encode()
    text = base64.urlsafe_b64encode(encoded).decode()
    token_key = "" if key is None else f', token-key="{base64.urlsafe_b64encode(key).decode()}"'
    return f'PrivateToken challenge="{text}"{token_key}', hashlib.sha256(encoded).digest()


class Bus:
    """A private bus with the stand-in for attesterd."""

    CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
      "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
      <busconfig><type>custom</type><listen>unix:path={top}/bus</listen><auth>EXTERNAL</auth><policy context="default">
      <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"""

    def __init__(self, cleanup):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="attestctl-"))
        cleanup(shutil.rmtree, self.top)
        (self.top / "bus.conf").write_text(self.CONFIG.format(top=self.top))
        self.address = f"unix:path={self.top}/bus"
        self.cleanup = cleanup
        self.start("dbus-daemon", f"--config-file={self.top}/bus.conf", "--nofork", "--print-address")
        assert self.start(FAKE, self.address, self.top) == b"ready\n"
        self.key = (self.top / "a.spki").read_bytes()
        self.other_key = (self.top / "b.spki").read_bytes()

    def start(self, *arguments):
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
        self.cleanup(process.stdout.close)
        self.cleanup(process.wait, WAIT)
        self.cleanup(process.send_signal, signal.SIGTERM)
        return process.stdout.readline()

    def record(self):
        """Starts to record all bytes on the bus; returns a function that stops and gives them."""
        file = open(self.top / "record", "wb")
        monitor = subprocess.Popen(["dbus-monitor", "--address", self.address, "--binary"], stdout=file)
        wait_for(lambda: (self.top / "record").stat().st_size > 0, "the monitor")

        def stop():
            # What follows this on the bus is not ours: the monitor has then seen all before it.
            subprocess.run(["dbus-send", f"--bus={self.address}", "/end", "org.example.EndOfRecord.Now"], check=True, timeout=WAIT)
            wait_for(lambda: b"EndOfRecord" in (self.top / "record").read_bytes(), "the end of the record")
            monitor.send_signal(signal.SIGTERM)
            monitor.wait(WAIT)
            file.close()
            return (self.top / "record").read_bytes()

        return stop


def make_certificate(top, names="IP:127.0.0.1"):
    """TOP/site.pem and TOP/site.key."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=site", "-addext", f"subjectAltName={names}", "-keyout", top / "site.key", "-out", top / "site.pem"],
                   check=True, capture_output=True, timeout=WAIT)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bus = Bus(cls.addClassCleanup)
        cls.top = cls.bus.top

    def run_ctl(self, *arguments, status=0, bus=True, data=None, more=None):
        """`data` is standard input, `more` of the environment."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "xterm",
                       **{name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH") if name in os.environ}}
        if bus:
            environment["DBUS_SYSTEM_BUS_ADDRESS"] = self.bus.address
        environment.update(more or {})
        done = subprocess.run([CTL, *map(str, arguments)], capture_output=True, timeout=WAIT, env=environment, input=data or b"")
        done.out, done.err = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, status, f"{arguments}: {done.out}{done.err}")
        self.assertNotIn("\x1b", done.out + done.err)
        return done

    def run_json(self, *arguments, status=0):
        return json.loads(self.run_ctl(*arguments, "--json", status=status).out)
