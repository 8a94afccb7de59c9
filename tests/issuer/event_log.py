# SPDX-License-Identifier: BSD-2-Clause
"""Firmware event logs as files: what a machine's TPM would hold after that boot. Written from the TCG PC Client Platform Firmware
Profile, section 10, apart from the C code that it tests."""

import hashlib
import struct

EV_NO_ACTION = 0x3
LENGTHS = {0x0004: 20, 0x000B: 32, 0x000C: 48, 0x000D: 64}
NAMES = {0x0004: "sha1", 0x000B: "sha256", 0x000C: "sha384", 0x000D: "sha512"}


class EventLog:
    """A crypto-agile log; `events` holds (start, end, pcr, type, {algorithm: digest}) of each event after the header."""

    def __init__(self, data):
        self.data = data
        size = struct.unpack_from("<I", data, 28)[0]
        at = 32 + size
        self.header_end = at
        self.events = []
        self.sizes = {}  # of an event's data, by the event's start
        while at < len(data):
            start = at
            pcr, kind, count = struct.unpack_from("<III", data, at)
            at += 12
            digests = {}
            for _ in range(count):
                algorithm = struct.unpack_from("<H", data, at)[0]
                length = LENGTHS[algorithm]
                digests[algorithm] = data[at + 2 : at + 2 + length]
                at += 2 + length
            self.sizes[start] = struct.unpack_from("<I", data, at)[0]
            at += 4 + self.sizes[start]
            self.events.append((start, at, pcr, kind, digests))

    def extends(self, algorithm=0x000B):
        """(pcr, digest) in order: what to extend a TPM with."""
        return [(pcr, digests[algorithm]) for _, _, pcr, kind, digests in self.events if kind != EV_NO_ACTION]

    def pcrs(self, indices, algorithm=0x000B):
        """The values of these PCRs after the boot."""
        values = {pcr: bytes(LENGTHS[algorithm]) for pcr in indices}
        for pcr, digest in self.extends(algorithm):
            if pcr in values:
                values[pcr] = hashlib.new(NAMES[algorithm], values[pcr] + digest).digest()
        return values

    @staticmethod
    def measures(text, digests):
        return all(hashlib.new(NAMES[algorithm], text).digest() == digest for algorithm, digest in digests.items())

    def with_measured_text(self, pcr, change):
        """The log of a boot in which a loader measured other texts, of the same length, in one PCR."""
        parts = [self.data[: self.header_end]]
        for start, end, event_pcr, _, digests in self.events:
            event = self.data[start:end]
            size = self.sizes[start]
            text = event[len(event) - size :]
            if event_pcr == pcr and change(text) != text:
                # Without its label, and in some versions without the NUL.
                part = next(s for n in range(size) for s in (slice(n, size), slice(n, size - 1)) if self.measures(text[s], digests))
                measured = change(text)[part]
                event = event[: len(event) - size] + change(text)
                for algorithm, digest in digests.items():
                    event = event.replace(digest, hashlib.new(NAMES[algorithm], measured).digest())
            parts.append(event)
        return EventLog(b"".join(parts))

    def without(self, predicate):
        """The same log with the events left out for which predicate(pcr, kind, data) is true."""
        kept = [self.data[: self.header_end]]
        for start, end, pcr, kind, _ in self.events:
            if not predicate(pcr, kind, self.data[start:end]):
                kept.append(self.data[start:end])
        return b"".join(kept)
