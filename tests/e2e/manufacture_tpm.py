#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The TPM that stack.py copies: its state and its maker's CA, which take a second of processor time. Usage: manufacture_tpm.py TAR"""

import subprocess
import sys

from stack import Stack

with Stack(".") as stack:
    stack.manufacture_tpm(stack.path("tpm"), "--pcr-banks", "sha256")
    subprocess.run(["tar", "--create", "--file", sys.argv[1], "--directory", stack.top, "tpm", "tpm-ca"], check=True)
