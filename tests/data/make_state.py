#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes tests/data/state-N: what a build leaves on disk after two enrolments, one of them revoked, and some tokens.

Usage: make_state.py TREE OUTPUT   (TREE: a checkout of the version wanted, built in its directory `build`)
"""

import json
import pathlib
import shutil
import sys
import urllib.error
import urllib.request

tree, output = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
sys.path.insert(0, str(tree / "tests" / "e2e"))
from stack import ISSUER_NAME, Stack  # the tree's own: its programs' options

ORIGIN = "www.example.org"


def ask(stack, token=None):
    request = urllib.request.Request(f"http://127.0.0.1:{stack.gate_port}/auth", headers={"X-Forwarded-Host": ORIGIN})
    if token:
        request.add_header("Authorization", token)
    try:
        return urllib.request.urlopen(request, timeout=20).status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers["WWW-Authenticate"]


def token(stack):
    return stack.attestctl("token", "--challenge", ask(stack)[1], "--origin", ORIGIN).stdout.strip()


def devices(stack, *arguments):
    as_root = ["--allow-root"] if "--allow-root" in (tree / "tests/e2e/stack.py").read_text() else []
    return stack.run(tree / "build/issuer/attester-issuer", *as_root, "devices", *arguments, "--config", stack.path("issuer.conf")).stdout


with Stack(tree / "build") as stack:
    stack.make_certificates()
    stack.start_tpm()
    stack.start_bus()
    stack.start_issuer()
    stack.start_gate(origin=ORIGIN)
    stack.configure_issuer()
    stack.start_daemon()
    lost = stack.attestctl_json("enroll", ISSUER_NAME)["device"]
    token(stack)
    for name in ("attesterd", "swtpm", "issuer"):
        stack.end(name)
    for directory in ("state", "tpm", "tpm-ca"):
        shutil.rmtree(stack.path(directory))
    stack.start_tpm()
    stack.start_issuer(port=stack.issuer_port)
    stack.start_daemon()
    device = stack.attestctl_json("enroll", ISSUER_NAME)["device"]
    devices(stack, "revoke", lost)
    spent = [token(stack) for _ in range(3)]
    for one in spent:
        assert ask(stack, one)[0] in (200, 204), "the gate refuses a token"
    for name in ("attesterd", "gate", "issuer", "swtpm"):
        assert stack.end(name) == 0, name
    output.mkdir(parents=True)
    for directory in ("tpm", "state", "issuer"):
        shutil.copytree(stack.path(directory), output / directory, ignore=shutil.ignore_patterns("*.lock", ".lock"))
    shutil.copy(stack.path("tpm-ca/chain.pem"), output / "chain.pem")
    for file in ("etc/attesterd.conf", f"etc/issuers.d/{ISSUER_NAME}.conf", "issuer.conf", "issuer-policy/50-fleet.conf", "gate.conf"):
        (output / file).parent.mkdir(parents=True, exist_ok=True)
        text = stack.path(file).read_text().replace(str(stack.top), "@TOP@").replace(f"localhost:{stack.issuer_port}", "@ISSUER@")
        text = text.replace(f"127.0.0.1:{stack.issuer_port}", "127.0.0.1:0")
        (output / file).write_text(text)
    (output / "expected.json").write_text(json.dumps({"device": device, "revoked": lost, "tokens": 3, "spent": spent[0]}, indent=1) + "\n")
