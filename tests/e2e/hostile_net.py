# SPDX-License-Identifier: BSD-2-Clause
"""An attester-net that somebody broke into: it relays between attesterd and a real one, keeps all that goes by, and does what a file says.

Usage: hostile_net.py ATTESTER-NET DIRECTORY. DIRECTORY/mode has one of
    relay      nothing else
    request    another token request goes to the issuer with the device's evidence
    repeat     the device's request goes to the issuer twice
    directory  the issuer's directory has keys of the attacker's
    token      the token is the attacker's
    fault      the issuer is said to know nothing of the device
What goes by is in DIRECTORY/seen, the statuses that the real issuer answered to requests and repetitions in DIRECTORY/answers.
"""

import json
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys

PACKET_MAX = 65536
REQUEST, RESPONSE = 1, 4  # attesterd/net/message.h
OF_OURS = 1 << 62
TOKEN_REQUEST, TOKEN_RESPONSE = b"application/private-token-request", b"application/private-token-response"
DIRECTORY_TYPE = b"application/private-token-issuer-directory"
DAEMON_FD = 3


class Reader:
    def __init__(self, packet):
        self.packet, self.at = packet, 0

    def number(self, form):
        self.at += struct.calcsize(form)
        return struct.unpack_from(form, self.packet, self.at - struct.calcsize(form))[0]

    def prefixed(self):
        length = self.number(">H")
        self.at += length
        return self.packet[self.at - length : self.at]

    def text(self):
        text = self.prefixed()
        self.at += 1
        return text


def prefixed(data):
    return struct.pack(">H", len(data)) + data


def is_token_request(packet):
    """Where its body begins, or 0."""
    reader = Reader(packet)
    if reader.number(">B") != REQUEST:
        return 0
    reader.at = 11  # id, slot, method
    reader.text()
    content_type = reader.text()
    reader.text()
    for _ in range(reader.number(">B")):
        reader.text()
        reader.text()
    return reader.at if content_type == TOKEN_REQUEST else 0


def response(ident, status, content_type, body):
    return (struct.pack(">BQH", RESPONSE, ident, status) + prefixed(content_type) + b"\0" + (prefixed(b"") + b"\0") * 2 +
            struct.pack(">BII", 0, 0, 0) + prefixed(body))


class Attacker:
    def __init__(self, directory, daemon, net):
        self.directory, self.daemon, self.net, self.asked = directory, daemon, net, set()

    def mode(self):
        return (self.directory / "mode").read_text()

    def keep(self, name, data):
        with open(self.directory / name, "ab") as file:
            file.write(data)

    def from_daemon(self, packet):
        body = is_token_request(packet)
        if body:
            ident = Reader(packet[1:]).number(">Q")
            if self.mode() == "request":
                packet = packet[: body + 5] + b"\0" + os.urandom(255) + packet[body + 261 :]  # behind length, type and key
                self.asked.add(ident)
            elif self.mode() == "repeat":
                self.asked |= {ident, ident | OF_OURS}
                self.net.send(packet[:1] + struct.pack(">Q", ident | OF_OURS) + packet[9:])
        self.net.send(packet)

    def from_net(self, packet):
        reader = Reader(packet)
        if reader.number(">B") != RESPONSE:
            self.daemon.send(packet)
            return
        ident, status, content_type = reader.number(">Q"), reader.number(">H"), reader.text()
        if ident in self.asked:
            self.keep("answers", b"%d\n" % status)
        if ident & OF_OURS:
            return
        if self.mode() == "directory" and content_type == DIRECTORY_TYPE:
            packet = self.other_directory(ident, packet)
        elif self.mode() == "token" and content_type == TOKEN_RESPONSE:
            packet = response(ident, 200, TOKEN_RESPONSE, b"\0" + os.urandom(255))
        elif self.mode() == "fault" and content_type == TOKEN_RESPONSE:
            packet = response(ident, 403, b"application/problem+json", b'{"type":"urn:attesterd:error:NotEnrolled"}')
        self.daemon.send(packet)

    def other_directory(self, ident, packet):
        reader = Reader(packet)
        reader.at = 11
        for _ in range(3):
            reader.text()
        reader.at += 9
        document = json.loads(reader.prefixed())
        for key in document["token-keys"]:
            key["token-key"] = (self.directory / "key").read_text()
        return response(ident, 200, DIRECTORY_TYPE, json.dumps(document).encode())

    def run(self):
        while True:
            for end in select.select([self.daemon, self.net], [], [])[0]:
                packet = end.recv(PACKET_MAX)
                if not packet:
                    return
                self.keep("seen", packet)
                (self.from_daemon if end is self.daemon else self.from_net)(packet)


def main():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with subprocess.Popen([sys.argv[1], "--fd", str(theirs.fileno())], pass_fds=[theirs.fileno()]) as net:
        theirs.close()
        Attacker(pathlib.Path(sys.argv[2]), socket.socket(fileno=DAEMON_FD), ours).run()
        net.kill()


if __name__ == "__main__":
    main()
