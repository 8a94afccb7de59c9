#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Whether an AppArmor profile allows every file that a program opened, from what strace saw of it.

Usage: check_apparmor.py PROFILE PROGRAM TRACE...   (traces of `strace -ff -y -e trace=open,openat,openat2,execve,clone,clone3`,
one a thread: only what comes after the execution of PROGRAM counts)
It knows files alone (r, w and x; not owner, m, k, l, sockets, capabilities or the bus), which no kernel without AppArmor could tell.
"""

import pathlib
import re
import subprocess
import sys

RULE = re.compile(r'^\s*(?:audit\s+)?(deny\s+)?(?:owner\s+)?(?:allow\s+)?(?:file\s+)?"?((?:/|@\{)[^"\s]*)"?\s+([rwaxmklpPuUiCc]+)(?:\s*->\s*\S+)?\s*,')
VARIABLE = re.compile(r"^\s*(@\{\w+\})\s*(\+?=)\s*(.*)$")
OPENED = re.compile(r"^(?:\d+ +)?open(?:at2?)?\(.*\b(O_RDONLY|O_WRONLY|O_RDWR)\b.*\) = \d+<(/[^>]*)>$")
EXECUTED = re.compile(r'^(?:\d+ +)?execve\("([^"]+)".* = 0$')
CLONED = re.compile(r"^(?:\d+ +)?clone3?\(.* = (\d+)$")
NEEDED = {"O_RDONLY": "r", "O_WRONLY": "w", "O_RDWR": "rw"}


def read_profile(path):
    """Variables, and (denied, glob, permissions) of each rule, with what the profile includes."""
    text = subprocess.run(["apparmor_parser", "-Q", "-K", "-p", path], capture_output=True, text=True, timeout=60, check=True).stdout
    variables, rules = {}, []
    for line in text.splitlines():
        if match := VARIABLE.match(line):
            variables[match[1]] = variables.get(match[1], []) * (match[2] == "+=") + match[3].split()
        elif match := RULE.match(line):
            rules.append((bool(match[1]), match[2], match[3]))
    return variables, rules


def expand(glob, variables):
    match = re.search(r"@\{\w+\}", glob)
    if match is None:
        return [re.sub("/{2,}", "/", glob)]
    return [path for value in variables.get(match[0], []) for path in expand(glob[: match.start()] + value + glob[match.end() :], variables)]


def to_expression(glob):
    """apparmor.d(5), globbing."""
    parts, depth = [], 0
    for token in re.findall(r"\*\*|\\.|\[[^]]*\]|.", glob):
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
        parts.append({"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|" if depth else ","}.get(token)
                     or (token if token[0] == "[" else re.escape(token[-1])))
    return "".join(parts)


def follow(traces, program):
    """(path, permissions) of what the program and its threads opened or executed."""
    names = {int(trace.suffix[1:]): trace for trace in traces}
    cloned_by_program, seen = set(), set()
    for thread in sorted(names):  # a clone's number is the higher one
        running = thread in cloned_by_program
        for line in names[thread].read_text(errors="replace").splitlines():
            if match := EXECUTED.match(line):
                if running:
                    seen.add((match[1], "x"))
                running = running or match[1] == program
            elif running and (match := CLONED.match(line)):
                cloned_by_program.add(int(match[1]))
            elif running and (match := OPENED.match(line)) and "O_PATH" not in line:
                # The profile's paths of directories end with a slash.
                directory = "O_DIRECTORY" in line and not match[2].endswith("/")
                seen.add((match[2] + "/" * directory, NEEDED[match[1]]))
    return sorted(seen)


def main():
    profile, program, *traces = sys.argv[1:]
    variables, rules = read_profile(profile)
    allowed, denied = {}, {}
    for is_denied, glob, permissions in rules:
        for path in expand(glob, variables):
            for permission in permissions.lower().replace("p", "").replace("a", "w"):
                (denied if is_denied else allowed).setdefault(permission, []).append(to_expression(path))
    matchers = {permission: re.compile("|".join(f"(?:{one})" for one in expressions)) for permission, expressions in allowed.items()}
    refusers = {permission: re.compile("|".join(f"(?:{one})" for one in expressions)) for permission, expressions in denied.items()}
    seen = follow([pathlib.Path(trace) for trace in traces], program)
    bad = [(path, permissions) for path, permissions in seen
           if any(permission not in matchers or not matchers[permission].fullmatch(path) or
                  (permission in refusers and refusers[permission].fullmatch(path)) for permission in permissions)]
    for path, permissions in bad:
        print(f"{profile} does not allow {permissions} of {path}, which {program} opened")
    print(f"{pathlib.Path(profile).name}: allows {len(seen) - len(bad)} of the {len(seen)} paths that {program} opened")
    return 1 if bad or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
