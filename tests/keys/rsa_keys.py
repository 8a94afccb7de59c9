# SPDX-License-Identifier: BSD-2-Clause
"""RSA keys of 2048 bits that make_keys.c made with the build; a process is given each of them once."""

import os
import pathlib
import shutil
import time

_directory = os.environ.get("ATTESTER_TEST_KEYS")
_files = iter(sorted(pathlib.Path(_directory).glob("rsa-*.pem")) if _directory else [])


def next_file():
    """Of another private key each time, PKCS #8 in PEM; None: there is none left, or a test is run by hand."""
    return next(_files, None)


def give_to_issuer(state):
    """Lays a token key of type 0x0002 into the empty state directory of an attester-issuer, which makes its own otherwise."""
    file = next_file()
    if file:
        shutil.copy(file, state / f"token-key-2-{int(time.time())}.pem")
