#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs `PROGRAM TCTI DIRECTORY` with a fresh swtpm and an empty directory, and ends both afterwards."""

import os
import socket
import subprocess
import sys
import tempfile
import time

with tempfile.TemporaryDirectory(prefix="attesterd-bench-") as directory:
    path = os.path.join(directory, "tpm")
    for name in ("state", "var"):
        os.mkdir(os.path.join(directory, name))
    tpm = subprocess.Popen(
        ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={directory}/state", "--server", f"type=unixio,path={path}",
         "--ctrl", f"type=unixio,path={path}.ctrl", "--flags", "startup-clear"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(path + ".ctrl") == 0:
                    break
            time.sleep(0.01)
        status = subprocess.run([sys.argv[1], f"swtpm:path={path}", os.path.join(directory, "var")], check=False).returncode
    finally:
        tpm.terminate()
        tpm.wait(10)
sys.exit(status)
