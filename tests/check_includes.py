#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Fails on an #include that points against the layering, and on a wrapped library's type outside its folder."""

import pathlib
import re
import sys

FOLDERS = {
    "base": set(),
    "token": {"base"},
    "evidence": {"base"},
    "policy": {"base"},
    "tpm": {"base", "evidence"},
    "attesterd": {"base", "evidence", "policy", "tpm"},
    "client": {"base", "token", "evidence", "policy"},
    "issuer": {"base", "token", "evidence", "policy"},
}

# Only attestctl's own files may look at policies and evidence; the library that other programs link may not.
ATTESTCTL = re.compile(r"^client/attestctl/")
ATTESTCTL_ONLY = {"evidence", "policy"}

# Header prefix of a wrapped library -> the folders that may include it.
LIBRARIES = {
    "tss2/": {"tpm"},
    "dbus/": {"base", "attesterd", "client"},
    "curl/": {"attesterd", "client", "issuer"},
    "gnutls/": {"issuer"},
    "microhttpd.h": {"issuer"},
    "p11-kit/": {"issuer"},
    "sqlite3.h": {"issuer"},
    "openssl/": {"base", "token", "evidence", "policy", "tpm", "issuer"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def violations(name, text):
    """Yields one sentence for each forbidden include of the file `name` (relative path) with this text."""
    folder = name.split("/")[0]
    for kind, target in INCLUDE.findall(text):
        head = target.split("/")[0]
        if kind == '"' and head in FOLDERS:
            if head != folder and head not in FOLDERS[folder]:
                yield f"{name}: {folder}/ may not include {target}"
            if folder == "client" and head in ATTESTCTL_ONLY and not ATTESTCTL.match(name):
                yield f"{name}: only attestctl may include {target}"
        elif kind == '"':
            yield f'{name}: "{target}" is not written from the top of the tree'
        for prefix, allowed in LIBRARIES.items():
            if kind == "<" and target.startswith(prefix) and folder not in allowed:
                yield f"{name}: <{target}> is wrapped by {', '.join(sorted(allowed))}/"


def self_test():
    """The check must be able to fail."""
    assert list(violations("base/x.c", '#include "token/challenge.h"\n'))
    assert list(violations("attesterd/x.c", '#include "token/challenge.h"\n'))
    assert list(violations("client/library/x.c", '#include "policy/policy.h"\n'))
    assert list(violations("client/library/x.c", '#include "evidence/eventlog/log.h"\n'))
    assert not list(violations("client/attestctl/x.c", '#include "evidence/eventlog/log.h"\n'))
    assert list(violations("issuer/x.c", "#include <tss2/tss2_esys.h>\n"))
    assert not list(violations("attesterd/x.c", '#include "tpm/worker.h"\n#include <stdio.h>\n'))


def main():
    self_test()
    root = pathlib.Path(sys.argv[1])
    found, count = [], 0
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.[ch]")):
            count += 1
            found += violations(str(path.relative_to(root)), path.read_text())
    print("\n".join(found) if found else f"{count} files keep to the layering")
    return 1 if found or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
