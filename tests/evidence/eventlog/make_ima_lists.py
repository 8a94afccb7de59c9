#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the IMA lists of tests/data/ima and what PCR 10 holds after them, without any code of ours.

No kernel with IMA was at hand: formats are after Documentation/security/IMA-templates.rst, ima_fs.c and ima_crypto.c.
"""

import hashlib
import json
import pathlib
import struct
import sys

BANKS = {"sha1": 20, "sha256": 32, "sha384": 48}


def field(data):
    return struct.pack("<I", len(data)) + data


def entry(template, path, content, extra=None, violation=False, pcr=10, algorithm="sha256", digest=None):
    digest = digest or (bytes(20) if violation else hashlib.new(algorithm, content).digest())
    name = b"sha1" if violation else algorithm.encode()
    data = field(name + b":\0" + digest) + field(path.encode() + b"\0")
    if template != "ima-ng":
        data += field(extra or b"")
    template_hash = bytes(20) if violation else hashlib.sha1(data).digest()
    text = f"{pcr:2d} {template_hash.hex()} {template} {name.decode()}:{digest.hex()} {path}"
    if template != "ima-ng":
        text += " " + (extra or b"").hex()
    binary = struct.pack("<I", pcr) + template_hash + field(template.encode()) + field(data)
    return {"pcr": pcr, "hash": template_hash, "data": data, "violation": violation, "text": text, "binary": binary}


def pcr10(entries, bank, padded):
    size, value = BANKS[bank], bytes(BANKS[bank])
    for item in entries:
        if item["pcr"] != 10:
            continue
        if item["violation"]:
            digest = (b"\xff" * (20 if padded else size)).ljust(size, b"\0")
        else:
            digest = item["hash"].ljust(size, b"\0") if padded else hashlib.new(bank, item["data"]).digest()
        value = hashlib.new(bank, value + digest).digest()
    return value.hex()


def main():
    target = pathlib.Path(sys.argv[1])
    boot = {bank: {str(n): hashlib.new(bank, b"pcr %d" % n).hexdigest() for n in range(10)} for bank in BANKS}
    aggregate = hashlib.sha256(b"".join(bytes.fromhex(boot["sha256"][str(n)]) for n in range(10))).digest()
    aggregate_sha1 = hashlib.sha1(b"".join(bytes.fromhex(boot["sha1"][str(n)]) for n in range(8))).digest()
    files = [("/usr/bin/init", b"init"), ("/usr/lib/libc.so.6", b"libc"), ("/usr/bin/a_name_with_blanks", b"blank")]
    lists = {
        "ima-ng": [entry("ima-ng", "boot_aggregate", b"", digest=aggregate)]
        + [entry("ima-ng", path, content) for path, content in files],
        "ima-sig": [entry("ima-sig", "boot_aggregate", b"", algorithm="sha1", digest=aggregate_sha1)]
        + [entry("ima-sig", path, content, extra=b"\3\2\4" + content if content != b"libc" else b"") for path, content in files],
        "mixed": [entry("ima-ng", "boot_aggregate", b"", digest=aggregate), entry("ima-buf", "kexec-cmdline", b"quiet", extra=b"quiet"),
                  entry("ima-ng", "/var/log/written", b"", violation=True), entry("ima-ng", "/opt/other", b"x", pcr=11),
                  entry("ima-ng", "/usr/bin/last", b"last")],
    }
    expected = {"boot": boot, "lists": {}}
    for name, entries in lists.items():
        (target / f"{name}.bin").write_bytes(b"".join(item["binary"] for item in entries))
        (target / f"{name}.txt").write_text("".join(item["text"] + "\n" for item in entries))
        expected["lists"][name] = {
            mode: {bank: [pcr10(entries[:n], bank, mode == "padded") for n in range(len(entries) + 1)] for bank in BANKS}
            for mode in ("per_bank", "padded")
        }
    (target / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
