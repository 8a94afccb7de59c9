#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A proxy between tss2's swtpm TCTI and a real swtpm that slows the TPM down or lets it fail, for tests and benchmarks.

    tcti_proxy.py --listen /tmp/x/proxy --tpm /tmp/x/tpm [options]      # then use the TCTI "swtpm:path=/tmp/x/proxy"

It listens on --listen (commands) and on the same path with ".ctrl" appended (swtpm's control channel, passed on
unchanged) and connects to swtpm's sockets of the same shape. It prints one line, "ready", once all listen, and runs
until SIGTERM, SIGINT or SIGHUP.

It also listens on the path with ".plan" appended: a line of the options below, as in "--fault drop --only Quote", takes
the place of the present ones, with the counts at zero and commands that hang let go (dropped); the answer is the report
of what was before. So one proxy serves a whole table of faults.

    --delay-ms N      wait N ms before each command is passed on: a TPM that takes its time
    --fault KIND      what goes wrong:
                        rc        the TPM answers with the return code --rc and does nothing
                        drop      the connection is closed before the command reaches the TPM
                        truncate  the command is carried out, half of the answer comes, then the connection is closed
                        garbage   the command is carried out, the answer's body is replaced by 0xff
                        hang      no answer comes while the proxy runs, or until the next plan
                        reset     the TPM is reset, as by a reboot, and then gets the command
                        alter     one bit of the command is changed, at --offset
                        alter-answer  one bit of the answer is changed, at --offset
    --offset N        for "alter": which byte; negative: from the end (default -1)
    --rc CODE         for "rc"; 0x921 is TPM_RC_LOCKOUT, 0x922 TPM_RC_RETRY, 0x902 TPM_RC_OBJECT_MEMORY
    --at N            the fault befalls the Nth command (from 1; default 1) ...
    --times K         ... and those after it, K in all (default 1; 0: all)
    --only NAME       delay, and count for --at, only commands of this name, as in "Quote"
    --report FILE     on SIGUSR1, and at the end, write what was seen as JSON; at the end it also goes to stdout:
                      {"commands": 12, "by_name": {"Quote": 1, ...}, "faults": 0}

Python's standard library only. tests/tpm/swtpm.h starts it from C.
"""

import argparse
import collections
import json
import os
import shlex
import signal
import socket
import struct
import sys
import threading
import time

HEADER = struct.Struct(">HII")  # tag, size, command or return code (TPM 2.0 part 1, section 18)
MESSAGE_BYTES_MAX = 65536

# TPM_CC (TPM 2.0 part 2, table 12): those that attesterd and tpm2-tools use.
COMMANDS = {
    0x120: "EvictControl", 0x121: "HierarchyControl", 0x126: "Clear", 0x129: "HierarchyChangeAuth",
    0x12A: "NV_DefineSpace", 0x131: "CreatePrimary", 0x137: "NV_Write", 0x13D: "PCR_Reset", 0x144: "Startup",
    0x145: "Shutdown", 0x147: "ActivateCredential", 0x148: "Certify", 0x14E: "NV_Read", 0x151: "PolicySecret",
    0x153: "Create", 0x157: "Load", 0x158: "Quote", 0x15D: "Sign", 0x161: "ContextLoad", 0x162: "ContextSave",
    0x165: "FlushContext", 0x167: "LoadExternal", 0x168: "MakeCredential", 0x169: "NV_ReadPublic",
    0x16A: "PolicyAuthorize", 0x173: "ReadPublic", 0x176: "StartAuthSession", 0x177: "VerifySignature",
    0x17A: "GetCapability", 0x17B: "GetRandom", 0x17E: "PCR_Read",
    0x17F: "PolicyPCR", 0x182: "PCR_Extend", 0x189: "PolicyGetDigest",
}


class Proxy:
    """What all connections share: the plan, the counts and whether the next command meets a fault."""

    def __init__(self, options):
        self.listen = options.listen
        self.tpm = options.tpm
        self.report_file = options.report
        self.lock = threading.Lock()
        self.begin(options)

    def begin(self, options):
        self.options = options
        self.by_name = collections.Counter()
        self.matched = 0
        self.faults = 0
        self.let_go = threading.Event()

    def replace(self, options):
        """Returns the report on the plan that ends."""
        report = self.report()
        with self.lock:
            self.let_go.set()
            self.begin(options)
        return report

    def see(self, code):
        """Counts a command; returns (the plan, whether to delay it, fault or None, the event that ends a hang)."""
        name = COMMANDS.get(code, f"0x{code:x}")
        with self.lock:
            options = self.options
            self.by_name[name] += 1
            if options.only and name != options.only:
                return options, False, None, self.let_go
            self.matched += 1
            late = options.times == 0 or self.matched < options.at + options.times
            if options.fault and self.matched >= options.at and late:
                self.faults += 1
                return options, True, options.fault, self.let_go
            return options, True, None, self.let_go

    def report(self):
        with self.lock:
            counts = dict(self.by_name)
            return json.dumps({"commands": sum(counts.values()), "by_name": counts, "faults": self.faults})

    def write_report(self):
        if self.report_file:
            temporary = self.report_file + ".new"
            with open(temporary, "w", encoding="ascii") as file:
                file.write(self.report() + "\n")
            os.replace(temporary, self.report_file)


def read_exactly(connection, length):
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data


def read_message(connection):
    header = read_exactly(connection, HEADER.size)
    size = HEADER.unpack(header)[1]
    if not HEADER.size <= size <= MESSAGE_BYTES_MAX:
        raise ConnectionError("not a TPM message")
    return header + read_exactly(connection, size - HEADER.size)


def connect(path):
    upstream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    upstream.connect(path)
    return upstream


def alter(message, offset):
    changed = bytearray(message)
    changed[offset] ^= 1
    return bytes(changed)


def send_plain(proxy, code):
    with connect(proxy.tpm) as upstream:
        upstream.sendall(HEADER.pack(0x8001, HEADER.size + 2, code) + b"\0\0")
        read_message(upstream)


def reset(proxy):
    """TPM2_Shutdown(CLEAR), CMD_INIT on swtpm's control channel, TPM2_Startup(CLEAR)."""
    send_plain(proxy, 0x145)
    with connect(proxy.tpm + ".ctrl") as control:
        control.sendall(struct.pack(">II", 2, 0))
        read_exactly(control, 4)
    send_plain(proxy, 0x144)


def answer(proxy, command):
    """What comes back for a command, and whether the connection goes on; None: nothing comes back."""
    options, delay, fault, let_go = proxy.see(HEADER.unpack_from(command)[2])
    if delay and options.delay_ms:
        time.sleep(options.delay_ms / 1000)
    if fault == "hang":
        let_go.wait()
        return None, False
    if fault == "drop":
        return None, False
    if fault == "rc":
        return HEADER.pack(0x8001, HEADER.size, options.rc), True
    if fault == "reset":
        reset(proxy)
    if fault == "alter":
        command = alter(command, options.offset)
    with connect(proxy.tpm) as upstream:
        upstream.sendall(command)
        response = read_message(upstream)
    if fault == "truncate":
        return response[: len(response) // 2], False
    if fault == "garbage":
        response = response[: HEADER.size] + b"\xff" * (len(response) - HEADER.size)
    if fault == "alter-answer":
        response = alter(response, options.offset)
    return response, True


def serve_commands(proxy, client):
    """One client connection; tss2's TCTI makes one for each command."""
    with client:
        going_on = True
        while going_on:
            response, going_on = answer(proxy, read_message(client))
            if response is not None:
                client.sendall(response)


def serve_plan(proxy, client):
    with client, client.makefile("rw", encoding="ascii") as stream:
        for line in stream:
            given = ["--listen", proxy.listen, "--tpm", proxy.tpm, *shlex.split(line)]
            stream.write(proxy.replace(parse(given)) + "\n")
            stream.flush()


def serve_control(proxy, client):
    with client, connect(proxy.tpm + ".ctrl") as upstream:
        while request := client.recv(4096):
            upstream.sendall(request)
            client.sendall(upstream.recv(4096))


def accept_forever(proxy, listener, serve):
    def guarded(client):
        try:
            serve(proxy, client)
        except OSError:
            pass  # either side went away: so does this connection

    while True:
        client, _ = listener.accept()
        threading.Thread(target=guarded, args=(client,), daemon=True).start()


def listen(path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if os.path.exists(path):
        os.unlink(path)
    listener.bind(path)
    listener.listen(16)
    return listener


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--tpm", required=True)
    parser.add_argument("--delay-ms", type=int, default=0)
    parser.add_argument("--fault", choices=["rc", "drop", "truncate", "garbage", "hang", "reset", "alter", "alter-answer"])
    parser.add_argument("--rc", type=lambda text: int(text, 0), default=0x922)
    parser.add_argument("--offset", type=int, default=-1)
    parser.add_argument("--at", type=int, default=1)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--only", choices=sorted(COMMANDS.values()))
    parser.add_argument("--report")
    return parser.parse_args(arguments)


def main():
    options = parse()
    proxy = Proxy(options)
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    for path, serve in ((options.listen, serve_commands), (options.listen + ".ctrl", serve_control),
                        (options.listen + ".plan", serve_plan)):
        threading.Thread(target=accept_forever, args=(proxy, listen(path), serve), daemon=True).start()
    print("ready", flush=True)
    while signal.sigwait(signals) == signal.SIGUSR1:
        proxy.write_report()
    proxy.write_report()
    print(proxy.report(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
