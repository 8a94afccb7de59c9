#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes a C header with the bytes of files, each as an array that is called after it. Usage: embed.py OUTPUT FILE..."""

import pathlib
import re
import sys


def array(path):
    data = path.read_bytes()
    lines = [", ".join(f"0x{byte:02x}" for byte in data[at : at + 20]) for at in range(0, len(data), 20)]
    name = "admin_" + re.sub(r"\W", "_", path.name)
    return f"static const unsigned char {name}[] = {{\n        " + ",\n        ".join(lines) + ",\n};\n"


def main():
    output, *files = map(pathlib.Path, sys.argv[1:])
    output.write_text("/* Made by embed.py. */\n#pragma once\n\n" + "\n".join(map(array, files)))


if __name__ == "__main__":
    main()
