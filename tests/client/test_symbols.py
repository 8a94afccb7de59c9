#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""libattester exports what its header declares, under one version, and needs no library that its users would not expect.

usage: test_symbols.py LIBATTESTER_SO ATTESTER_H LIBATTESTER_MAP DEBIAN_SYMBOLS CC...
"""

import pathlib
import re
import subprocess
import sys
import tempfile

library, header, version_map, debian_symbols, *compiler = sys.argv[1:]
WAIT = 60


def output(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=WAIT).stdout


declared = set(re.findall(r"\b(attester_\w+)\(", re.sub(r"/\*.*?\*/|typedef[^;]*;", "", pathlib.Path(header).read_text(), flags=re.S)))
mapped = set(re.findall(r"(?m)^\s+(attester_\w+);", pathlib.Path(version_map).read_text()))
# GNU's linker lists the version, too, lld does not.
exported = {line.split()[-1] for line in output("nm", "-D", "--defined-only", library).splitlines()} - {"LIBATTESTER_1"}
assert len(declared) > 10
assert declared == mapped, declared ^ mapped
packaged = set(re.findall(r"(?m)^ (attester_\w+)@LIBATTESTER_1 [0-9.]+$", pathlib.Path(debian_symbols).read_text()))
assert packaged == declared, packaged ^ declared
assert exported == {f"{name}@@LIBATTESTER_1" for name in declared}, exported
dynamic = output("readelf", "-d", library)
assert "[libattester.so.1]" in dynamic
needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
assert not {name for name in needed if re.match(r"libsystemd|libcurl|libjansson|libtss2", name)}, needed

# The header stands alone, in C and, where the compiler has it, in C++.
has_cpp = subprocess.run([*compiler, "-fsyntax-only", "-x", "c++", "/dev/null"], capture_output=True, timeout=WAIT).returncode == 0
with tempfile.TemporaryDirectory() as top:
    for name in ("alone.c", "alone.cpp")[: 1 + has_cpp]:
        source = pathlib.Path(top, name)
        source.write_text('#include "attester.h"\nint main(void) { struct attester_options o = ATTESTER_OPTIONS_INIT; return (int) o.timeout_ms; }\n')
        subprocess.run([*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", f"-I{pathlib.Path(header).parent}", source],
                       check=True, timeout=WAIT)
print(f"{len(exported)} symbols")
