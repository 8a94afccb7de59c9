# SPDX-License-Identifier: BSD-2-Clause
"""A mount namespace for tests that need files where only the system has them. Nothing outside of it changes."""

import os
import subprocess
import sys

CANNOT_RUN_HERE = 77  # meson: skipped
UNSHARE = ["unshare", "--mount", "--propagation", "private"]


def enter(*needed):
    """Starts the script anew in a namespace of its own, or tells why that cannot be: not root, or a file of `needed` is missing."""
    if os.environ.get("ATTESTER_TEST_NAMESPACE") == "yes":
        return
    missing = [file for file in needed if not os.path.exists(file)]
    probe = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/run"], check=False, capture_output=True, text=True, timeout=30)
    if missing or probe.returncode != 0:
        print(f"cannot run here: {', '.join(missing) or probe.stderr.strip()}")
        sys.exit(CANNOT_RUN_HERE)
    os.execvpe(UNSHARE[0], [*UNSHARE, sys.executable, *sys.argv], {**os.environ, "ATTESTER_TEST_NAMESPACE": "yes"})
