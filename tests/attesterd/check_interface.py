# SPDX-License-Identifier: BSD-2-Clause
"""Holds a program's tables to its interface XML files, and the errors that these name to base/error.c.

usage: check_interface.py PRINT_INTERFACE SOURCE_ROOT FOLDER
"""

import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree


def rows_of(path):
    """The lines that print_interface gives for this file."""
    for interface in xml.etree.ElementTree.parse(path).getroot().iter("interface"):
        name = interface.get("name")
        for method in interface.iter("method"):
            signature = {"in": "", "out": ""}
            for argument in method.iter("arg"):
                signature[argument.get("direction")] += argument.get("type")
            yield f"method {name} {method.get('name')} [{signature['in']}] [{signature['out']}]"
        for member in interface.iter("property"):
            assert member.get("access") == "read", member.get("name")
            yield f"property {name} {member.get('name')} [{member.get('type')}]"


def errors_of(path):
    """The names in the "Errors:" sentences of a file."""
    for sentence in re.findall(r"Errors: (.*?)(?:\n\s*\n|-->)", path.read_text(), flags=re.DOTALL):
        yield from re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b|\bSealed\b|\bBusy\b|\bTimeout\b|\bIo\b", sentence)


def main():
    program, root = sys.argv[1], pathlib.Path(sys.argv[2])
    files = sorted((root / sys.argv[3]).glob("org.attesterd.*.xml"))
    assert files
    wanted = {row for path in files for row in rows_of(path)}
    found = set(subprocess.run([program], check=True, capture_output=True, text=True, timeout=20).stdout.splitlines())
    for row in sorted(wanted - found):
        print(f"defined, but not in the program: {row}")
    for row in sorted(found - wanted):
        print(f"in the program, but not defined: {row}")
    known = set(re.findall(r'DBUS_PREFIX "(\w+)"', (root / "base" / "error.c").read_text()))
    named = {name for path in files for name in errors_of(path)}
    assert len(named) > 10, named
    for name in sorted(named - known):
        print(f"documented as an error, but there is none of that name: {name}")
    return 0 if wanted == found and named <= known and len(wanted) > 2 else 1


if __name__ == "__main__":
    sys.exit(main())
