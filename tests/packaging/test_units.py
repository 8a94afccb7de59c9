# SPDX-License-Identifier: BSD-2-Clause
"""The unit files as they are installed: how exposed systemd finds them, and that they fit the programs and each other.

Usage: test_units.py BUILD [unittest arguments].
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = None
# systemd's exposure, in tenths: 0 is closed, 100 is an ordinary service of root.
EXPOSURE = {"attesterd.service": 10, "attester-net@1.service": 12, "attester-issuer.service": 15, "attester-gate.service": 15}
PROGRAMS = {"attesterd": "attesterd/attesterd", "attester-net": "attesterd/net/attester-net",
            "attester-issuer": "issuer/attester-issuer", "attester-gate": "issuer/gate/attester-gate"}


def values(text, key):
    return re.findall(rf"^{re.escape(key)}=(.*)$", text, re.MULTILINE)


class Units(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="attester-units-")
        top = pathlib.Path(cls.directory.name)
        cls.units = {}
        for name in EXPOSURE:
            cls.units[name] = shutil.copy(BUILD / "packaging" / name.replace("@1", "@"), top / name)
        cls.texts = {name: pathlib.Path(path).read_text() for name, path in cls.units.items()}

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def analyze(self, *arguments):
        return subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", *map(str, arguments)], timeout=60,
                              capture_output=True, text=True, check=False)

    def test_exposure_is_within_its_bound(self):
        for name, bound in EXPOSURE.items():
            with self.subTest(name):
                result = self.analyze(f"--threshold={bound}", self.units[name])
                self.assertEqual(result.returncode, 0, result.stdout[-300:] + result.stderr)
                self.assertIn("Overall exposure level", result.stdout)

    def test_exposure_of_a_unit_without_its_sandbox_is_found(self):
        unit = pathlib.Path(self.directory.name) / "bare.service"
        unit.write_text("[Service]\nExecStart=/bin/true\n")
        self.assertNotEqual(self.analyze("--threshold=15", unit).returncode, 0)

    def test_daemon_has_no_network(self):
        text = self.texts["attesterd.service"]
        self.assertEqual(values(text, "PrivateNetwork"), ["yes"])
        self.assertEqual(values(text, "RestrictAddressFamilies"), ["AF_UNIX"])

    def test_daemon_connects_to_the_socket_that_is_opened_for_it_alone(self):
        text = (SOURCE / "packaging/systemd/attester-net.socket").read_text()
        self.assertIn("--net-socket " + values(text, "ListenSequentialPacket")[0], self.texts["attesterd.service"])
        self.assertEqual(values(text, "SocketUser"), values(self.texts["attesterd.service"], "User"))
        self.assertEqual(values(text, "SocketMode"), ["0600"])
        self.assertEqual(values(text, "Accept"), ["yes"])

    def test_users_are_made_and_are_not_shared(self):
        made = "".join(file.read_text() for file in (SOURCE / "packaging/systemd").glob("*.sysusers"))
        users = [values(text, "User")[0] for text in self.texts.values()]
        self.assertEqual(len(set(users)), len(users))
        for user in users:
            self.assertRegex(made, rf"(?m)^u {user} ")

    def test_agent_keeps_its_group(self):
        """The options that a user's service manager can only give together with NoNewPrivileges=yes (systemd.exec(5))."""
        text = (BUILD / "packaging/attester-agent.service").read_text()
        given = set(re.findall(r"^(\w+)=", text, re.MULTILINE))
        implying = {"NoNewPrivileges", "SystemCallFilter", "SystemCallArchitectures", "RestrictAddressFamilies", "RestrictNamespaces",
                    "PrivateDevices", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectClock",
                    "MemoryDenyWriteExecute", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality", "DynamicUser", "SystemCallLog",
                    "ProtectHostname", "PrivateUsers"}
        self.assertEqual(given & implying, set())
        self.assertIn("ExecStart", given)

    def test_options_of_the_units_are_options_of_the_programs(self):
        for name, text in self.texts.items():
            for line in values(text, "ExecStart"):
                program = PROGRAMS[line.split()[0].rsplit("/", 1)[1]]
                shown = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, timeout=60, check=False)
                for option in re.findall(r"--[a-z-]+", line):
                    self.assertIn(option, shown.stdout + shown.stderr, name)

    def test_shipped_configurations_are_read(self):
        for program, option in (("attester-gate", "--check"), ("attester-issuer", "--check-config")):
            result = subprocess.run([BUILD / PROGRAMS[program], "--config", SOURCE / f"packaging/config/{program}.conf", option],
                                    capture_output=True, text=True, timeout=60, check=False)
            # The issuer's certificate is not there; the file itself is right.
            self.assertNotRegex(result.stderr, r"\.conf:\d+")
            self.assertEqual(result.returncode == 0, program == "attester-gate", result.stderr)

    def test_apparmor_profiles_parse_and_name_the_programs(self):
        for profile in (SOURCE / "packaging/apparmor").iterdir():
            result = subprocess.run(["apparmor_parser", "-Q", "-K", profile], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("/" + profile.name.replace(".", "/") + " flags", profile.read_text())

    def test_services_refuse_root(self):
        gate = SOURCE / "packaging/config/attester-gate.conf"
        state = pathlib.Path(self.directory.name) / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        issuer = pathlib.Path(self.directory.name) / "issuer.conf"
        issuer.write_text(f"[Issuer]\nName=i\nListen=127.0.0.1:0\nTls=no\nStateDirectory={state}\n[Verifier]\nRequireEkCertificate=no\n")
        for program, *arguments in (("attesterd", "--config-dir", self.directory.name, "--state-dir", state),
                                    ("attester-issuer", "--config", issuer), ("attester-issuer", "--config", issuer, "devices", "list"),
                                    ("attester-gate", "--config", gate)):
            # Where the tests do not run as root, a user namespace of its own makes the process root in there.
            command = [*([] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user"]), BUILD / PROGRAMS[program], *arguments]
            result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                                    env={"PATH": "/usr/bin:/bin"})
            self.assertEqual(result.returncode, 13, f"{program}: {result.stderr}")
            self.assertIn("root", result.stderr)
            self.assertEqual(list(state.iterdir()), [])

    def test_services_refuse_a_state_directory_that_is_open_to_others(self):
        state = pathlib.Path(self.directory.name) / "open"
        state.mkdir()
        issuer = pathlib.Path(self.directory.name) / "open.conf"
        issuer.write_text(f"[Issuer]\nName=i\nListen=127.0.0.1:0\nTls=no\nStateDirectory={state}\n[Verifier]\nRequireEkCertificate=no\n")
        for mode in (0o750, 0o701):
            state.chmod(mode)
            for program, *arguments in (("attesterd", "--config-dir", self.directory.name, "--state-dir", state), ("attester-issuer", "--config", issuer)):
                result = subprocess.run([BUILD / PROGRAMS[program], "--allow-root", *arguments], capture_output=True, text=True, timeout=60,
                                        check=False, env={"PATH": "/usr/bin:/bin"})
                self.assertEqual(result.returncode, 12, f"{program}: {result.stderr}")
                self.assertIn(f"{state} is open to other users", result.stderr)
                self.assertEqual(list(state.iterdir()), [])


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
