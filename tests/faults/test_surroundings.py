#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is around the daemons fails: disk, clock, names, certificates. Each has its named error, and is over when it is over.

Usage: test_surroundings.py BUILD-DIRECTORY SKEW-LIBRARY

Small file systems are mounted, and /etc/hosts is replaced, in a mount namespace of the test's own, which needs root.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import namespace  # noqa: E402
from stack import ISSUER_NAME, Stack, wait_for  # noqa: E402

# As docs/attestctl.md numbers them.
IO, ISSUER_UNREACHABLE, ISSUER_REJECTED = 7, 31, 32
HOUR, DAY = 3600, 86400


class System(unittest.TestCase):
    certificate = {}

    def setUp(self):
        self.stack = stack = Stack(BUILD)
        self.addCleanup(stack.stop)
        stack.make_certificates()
        if self.certificate:
            stack.sign_certificate(**self.certificate)
        stack.start_tpm()
        stack.start_bus()
        self.before_issuer()
        stack.start_issuer()
        self.after_issuer()
        stack.start_gate()
        stack.start_site()
        self.before_daemon()
        stack.start_daemon()
        self.after_daemon()
        stack.attestctl("enroll", ISSUER_NAME)
        self.assert_gets_in()

    def before_issuer(self):
        """For what a class puts in the way of its programs."""

    def after_issuer(self):
        pass

    def before_daemon(self):
        self.stack.configure_issuer()

    def after_daemon(self):
        pass

    def fetch(self):
        return self.stack.attestctl("fetch", "--cacert", self.stack.path("ca.pem"), self.stack.site_url, check=False)

    def logs(self):
        return self.stack.log("attesterd")[-2000:] + self.stack.log("issuer")[-2000:]

    def assert_gets_in(self):
        result = self.fetch()
        self.assertEqual(result.returncode, 0, result.stderr + self.logs())

    def assert_refused(self, status, *words):
        result = self.fetch()
        self.assertEqual(result.returncode, status, result.stdout + result.stderr + self.logs())
        for word in words:
            self.assertIn(word, result.stderr)

    def wait_until_in(self):
        """What failed is asked again after a back-off."""
        wait_for(lambda: self.fetch().returncode == 0, "getting in again", seconds=40)


class Disk(System):
    """State directories on file systems of 1 MiB."""

    def mount_small(self, name):
        path = self.stack.path(name)
        path.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", path], check=True, timeout=10)
        self.addCleanup(subprocess.run, ["umount", "--lazy", path], check=False, timeout=10)

    def before_issuer(self):
        self.mount_small("issuer")
        self.mount_small("state")

    def fill(self, name):
        """Takes the last byte; what is called frees them again."""
        file = self.stack.path(name, "ballast")
        try:
            with open(file, "wb", buffering=0) as ballast:
                while ballast.write(bytes(512)):
                    pass
        except OSError:
            return file.unlink
        raise AssertionError("the disk is endless")

    def read_only(self, name):
        path = self.stack.path(name)
        subprocess.run(["mount", "-o", "remount,ro", path], check=True, timeout=10)
        return lambda: subprocess.run(["mount", "-o", "remount,rw", path], check=True, timeout=10)

    def assert_device_lives_through(self, trouble, words):
        over = trouble("state")
        for _ in range(3):
            self.assert_gets_in()
        result = self.stack.attestctl("reseal", check=False)
        self.assertEqual(result.returncode, IO, result.stderr)
        self.assertIn(words, result.stderr)
        self.assert_gets_in()
        over()
        self.stack.attestctl("reseal")
        self.stack.attestctl("enroll", ISSUER_NAME)
        self.assert_gets_in()

    def test_full_disk_of_the_device_the_old_key_serves(self):
        self.assert_device_lives_through(self.fill, "No space left on device")

    def test_read_only_state_of_the_device_the_old_key_serves(self):
        self.assert_device_lives_through(self.read_only, "Read-only file system")

    def test_full_disk_of_the_issuer_is_503_and_over_when_it_is_over(self):
        over = self.fill("issuer")
        self.assert_refused(ISSUER_UNREACHABLE)
        failed = [event for event in map(json.loads, self.stack.log("issuer").splitlines()) if event.get("status") == 503]
        self.assertIn("full", str(failed))
        over()
        self.wait_until_in()


class DeviceClock(System):
    """The device's clock, and nobody else's, jumps."""

    victim = "daemon"

    def preload(self):
        self.offset = self.stack.write("skew", "0")
        self.offset.chmod(0o644)
        options = self.stack.environment.get("ASAN_OPTIONS", "")
        self.clock = {"LD_PRELOAD": SKEW, "ATTESTER_TEST_SKEW": str(self.offset), "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0"}
        self.environment = self.stack.environment.copy()
        self.stack.environment.update(self.clock)

    def unload(self):
        for name in self.clock:
            self.stack.environment.pop(name)
        self.stack.environment = {**self.environment, **self.stack.environment}

    def before_issuer(self):
        if self.victim == "issuer":
            self.preload()

    def after_issuer(self):
        if self.victim == "issuer":
            self.unload()

    def before_daemon(self):
        super().before_daemon()
        if self.victim == "daemon":
            self.preload()

    def after_daemon(self):
        if self.victim == "daemon":
            self.unload()

    def test_forward_and_back_is_named_and_over_when_the_clock_is_right(self):
        for offset in (3 * HOUR, -3 * HOUR, 400 * DAY):
            self.offset.write_text(str(offset))
            self.assert_refused(ISSUER_REJECTED, "clock")
            self.offset.write_text("0")
            self.wait_until_in()


class IssuerClock(DeviceClock):
    """The issuer's clock jumps: its nonces of before are stale, which the device makes good by itself; then its clock differs."""

    victim = "issuer"

    def test_a_minute_either_way_nobody_notices(self):
        for offset in (60, -60, 0):
            self.offset.write_text(str(offset))
            self.assert_gets_in()


class Names(System):
    """The issuer's name cannot be resolved any more."""

    certificate = {"names": "DNS:localhost,DNS:issuer.test"}

    def before_daemon(self):
        hosts = self.stack.path("hosts")
        hosts.write_text("127.0.0.1 localhost issuer.test\n")
        hosts.chmod(0o644)
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True, timeout=10)
        self.addCleanup(subprocess.run, ["umount", "--lazy", "/etc/hosts"], check=False, timeout=10)
        self.hosts = hosts
        self.stack.configure_issuer(url=self.stack.issuer_url.replace("localhost", "issuer.test"))

    def test_name_that_is_gone_is_unreachable_and_said_so(self):
        self.hosts.write_text("127.0.0.1 localhost\n")
        self.assert_gets_in()  # over the connection that is there
        daemon = self.stack.processes["attesterd"].pid
        net = int(pathlib.Path(f"/proc/{daemon}/task/{daemon}/children").read_text())
        os.kill(net, signal.SIGKILL)  # attester-net remembers addresses for a minute; its successor knows none
        wait_for(lambda: not pathlib.Path(f"/proc/{net}").exists(), "the end of attester-net")
        self.assert_refused(ISSUER_UNREACHABLE, "issuer.test")
        self.hosts.write_text("127.0.0.1 localhost issuer.test\n")
        self.wait_until_in()


class Certificate(System):
    """The issuer's certificate ends."""

    def test_expired_certificate_is_unreachable_until_it_is_renewed(self):
        skew = self.stack.write("skew", str(-25 * DAY))
        self.stack.sign_certificate(environment={"LD_PRELOAD": SKEW, "ATTESTER_TEST_SKEW": str(skew)})
        self.renewed()
        self.assert_refused(ISSUER_UNREACHABLE, "certificate")
        self.stack.sign_certificate()
        self.renewed()
        self.wait_until_in()

    def renewed(self):
        """A restart, so that the device has to connect anew."""
        self.assertEqual(self.stack.end("issuer", signal.SIGTERM), 0)
        self.stack.start_issuer(port=self.stack.issuer_port)


if __name__ == "__main__":
    namespace.enter()
    BUILD, SKEW = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main(verbosity=2)
