# SPDX-License-Identifier: BSD-2-Clause
"""Programs that die within the Nth call that changes what outlives them; see fuse.c."""

import mmap
import struct

NUMBERS = struct.Struct("=iii")
FILE, TPM = 1, 2


class Fuse:
    """`environment` is for the program that is to die; one fuse serves one program after the other."""

    def __init__(self, library, path, environment):
        path.write_bytes(bytes(NUMBERS.size))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), NUMBERS.size)
        options = environment.get("ASAN_OPTIONS", "")
        self.environment = {"LD_PRELOAD": str(library), "ATTESTER_TEST_FUSE": str(path), "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0"}

    def set(self, calls, counted=TPM):
        """The program dies in the `calls`th call from now, or never if that is 0. Counted are changes of files, and with TPM commands to one, too."""
        self.memory[:] = NUMBERS.pack(calls, 0, counted)

    def burnt(self):
        """What the program died in, FILE or TPM; 0 if it did not."""
        return NUMBERS.unpack(self.memory[:])[1]
