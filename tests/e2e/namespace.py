# SPDX-License-Identifier: BSD-2-Clause
"""A mount namespace for tests that need files where only the system has them. Nothing outside of it changes."""

import os
import subprocess
import sys

CANNOT_RUN_HERE = 77  # meson: skipped
UNSHARE = ["unshare", "--mount", "--propagation", "private"]


def enter(*needed, network=False):
    """Starts the script anew in a namespace of its own, or tells why that cannot be: not root, or a file of `needed` is missing.

    With `network` it has a loopback of its own besides, where every port is free.
    """
    if os.environ.get("ATTESTER_TEST_NAMESPACE") == "yes":
        if network:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=30)
        return
    missing = [file for file in needed if not os.path.exists(file)]
    probe = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/run"], check=False, capture_output=True, text=True, timeout=30)
    if missing or probe.returncode != 0:
        print(f"cannot run here: {', '.join(missing) or probe.stderr.strip()}")
        sys.exit(CANNOT_RUN_HERE)
    os.execvpe(UNSHARE[0], [*UNSHARE, *(["--net"] if network else []), sys.executable, *sys.argv], {**os.environ, "ATTESTER_TEST_NAMESPACE": "yes"})


def overlay(directory, scratch):
    """What is written below `directory` goes to the file system at `scratch`, and is gone with the namespace. False: not possible here."""
    changes, work = (os.path.join(scratch, directory.strip("/").replace("/", "-") + kind) for kind in ("-changes", "-work"))
    os.makedirs(changes)
    os.makedirs(work)
    options = f"lowerdir={directory},upperdir={changes},workdir={work}"
    return subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, directory], check=False, timeout=30).returncode == 0
