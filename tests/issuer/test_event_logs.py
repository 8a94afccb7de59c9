#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Event logs as attester-issuer takes them, and what follows from them. Usage: test_event_logs.py PROGRAM [unittest arguments]."""

import os
import pathlib
import time
import unittest

from device import Device
from event_log import EventLog
from issuer_case import IssuerCase

EVENT_LOGS = pathlib.Path(__file__).resolve().parents[1] / "data" / "eventlogs"

SECURE_BOOT_POLICY = """[Policy]
Version=1
[Rule secure-boot]
Require=boot.secure_boot@hardware
[Rule whole-log]
Require=boot.event_log_ok@hardware
[Rule revocations]
Require=boot.dbx_entries@hardware >= 1 and not boot.setup_mode@hardware
"""

# rhel8-uefi.bin: shim, GRUB, and no parameter but those of its own boot.
LOADER_POLICY = """[Policy]
Version=1
[Rule loader]
Require=boot.loader@hardware in {\
    "40d6cae02973789080cf4c3a9ad11b5a0a4d8bba4438ab96e276cc784454dee7" \
    "d8811e9c0811916800000000000000000000000000000000000000000000000000"} and boot.application.2@hardware == \
    "e8a268c431da72caaae407f729f602b9dbf5d1d43492d4a51cc2b688a08586e3"
[Rule parameters]
Require=boot.parameters@hardware in {"biosdevname console crashkernel net.ifnames ro root scsi_mod.use_blk_mq"}
[Rule no-shell]
Require=known(boot.parameters@hardware) and unreadable(boot.parameter.init) and boot.parameter.console != ttyS1
"""


class EventLogs(IssuerCase):
    """Devices whose TPM holds what a real machine's boot left in it."""

    options = {"policy": SECURE_BOOT_POLICY}
    log = EventLog((EVENT_LOGS / "rhel8-uefi.bin").read_bytes())
    insecure = EventLog((EVENT_LOGS / "ubuntu-2104-no-secure-boot.bin").read_bytes())
    quoted = [*range(10), 14]

    def setUp(self):
        self.fresh = self.boot(self.log)

    def boot(self, log):
        device = Device()
        self.assertEqual(self.issuer.enroll(device).status, 200)
        device.pcrs = {11: log.pcrs(self.quoted)}
        return device

    def send(self, device, data, nonce=None, **options):
        return self.issuer.event_log(data, device.evidence(data, nonce or self.issuer.nonce(), facts={}, **options))

    def accept(self, device, log):
        response = self.send(device, log.data)
        self.assertEqual((response.status, response.body), (204, b""))
        self.assertEqual(len(response.nonce), 32)

    def test_honest_boot_meets_a_rule_that_needs_hardware(self):
        response, _ = self.ask(self.fresh)
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertEqual(response.headers["Attestation-Event-Log"], "wanted")
        self.accept(self.fresh, self.log)
        event = self.issuer.events()[-1]
        self.assertEqual((event["event"], event["outcome"]), ("event-log", "accepted"))
        self.assertIn("Secure Boot is on", event["detail"])
        for _ in range(2):
            self.assertNotIn("Attestation-Event-Log", self.assert_issued(self.fresh).headers)
        self.assertGreaterEqual(int(self.issuer.metrics()['attester_issuer_requests_total{endpoint="event-log",status="204"}']), 1)

    def test_what_a_boot_proved_outlives_the_issuer(self):
        self.accept(self.fresh, self.log)
        self.issuer.stop()
        self.issuer.start()
        self.assert_issued(self.fresh)

    def test_boot_without_secure_boot_is_refused_by_policy_and_not_as_a_lie(self):
        device = self.boot(self.insecure)
        self.accept(device, self.insecure)
        response, _ = self.ask(device, facts={"os.id": [2, "ubuntu"], "boot.secure_boot": None})
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertNotIn("Attestation-Event-Log", response.headers)

    def test_claim_that_the_log_contradicts_is_refused_and_named(self):
        device = self.boot(self.insecure)
        self.accept(device, self.insecure)
        response, _ = self.ask(device, facts={"os.id": [2, "ubuntu"], "boot.secure_boot": [0, True]})
        self.assert_refused(response, 403, "EvidenceInvalid")
        event = self.issuer.events()[-1]
        self.assertEqual((event["outcome"], event["reason"]), ("refused", "EvidenceInvalid"))
        self.assertIn("boot.secure_boot is true", event["detail"])
        self.assertEqual(len(event["device"]), 32)

    def test_claim_of_another_type_is_a_lie_too(self):
        self.accept(self.fresh, self.log)
        for value in ([2, "true"], [1, 1], [0, False]):
            response, _ = self.ask(self.fresh, facts={"boot.secure_boot": value})
            self.assert_refused(response, 403, "EvidenceInvalid")

    def test_claims_alone_never_count_as_hardware(self):
        response, _ = self.ask(self.fresh, facts={"boot.secure_boot": [0, True], "boot.event_log_ok": [0, True]})
        self.assert_refused(response, 403, "PolicyDenied")

    def test_log_of_another_boot_is_refused(self):
        device = self.boot(self.insecure)
        response = self.send(device, self.log.data)
        self.assert_refused(response, 403, "EvidenceInvalid")
        self.assertIn("of PCR 1, 4, 5, 7:", response.problem["detail"])

    def test_log_with_an_event_left_out_added_or_changed_is_refused(self):
        data = self.log.data
        cut = self.log.without(lambda pcr, kind, event: pcr == 7 and b"d\0b\0x\0" in event)
        self.assertLess(len(cut), len(data))
        start, end, _, _, digests = next(event for event in self.log.events if event[2] == 7)
        flipped = data[:start] + data[start:end].replace(digests[11], bytes([digests[11][0] ^ 1]) + digests[11][1:]) + data[end:]
        for damaged in (cut, data + data[start:end], flipped):
            response = self.send(self.fresh, damaged)
            self.assert_refused(response, 403, "EvidenceInvalid")
            self.assertIn("of PCR 7:", response.problem["detail"])

    def test_log_that_is_none_is_refused(self):
        for data in (b"", b"\0", b"hello", self.log.data[:-1], self.log.data[: self.log.header_end]):
            self.assert_refused(self.send(self.fresh, data), 403, "EvidenceInvalid")

    def test_log_is_bound_to_its_evidence(self):
        evidence = self.fresh.evidence(self.log.data, self.issuer.nonce(), facts={})
        self.assert_refused(self.issuer.event_log(self.log.data + b"\0", evidence), 403, "EvidenceInvalid")
        self.assertEqual(self.issuer.event_log(self.log.data, evidence).status, 204)
        self.assert_refused(self.issuer.event_log(self.log.data, evidence), 401, "EvidenceStale")
        self.assert_refused(self.issuer.event_log(self.log.data), 401, "EvidenceStale")
        request, _ = self.key.blind()
        self.assert_refused(self.issuer.token_request(request, evidence), 403, "EvidenceInvalid")
        self.assert_refused(self.send(Device(), self.log.data), 403, "NotEnrolled")

    def test_another_boot_of_the_same_device_proves_nothing_yet(self):
        self.accept(self.fresh, self.log)
        self.fresh.reset_count += 1
        response, _ = self.ask(self.fresh)
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertEqual(response.headers["Attestation-Event-Log"], "wanted")

    def test_register_that_changed_since_proves_nothing_any_more(self):
        self.accept(self.fresh, self.log)
        self.fresh.pcrs[11][7] = bytes(32)
        response, _ = self.ask(self.fresh)
        self.assert_refused(response, 403, "PolicyDenied")
        self.assert_refused(self.send(self.fresh, self.log.data), 403, "EvidenceInvalid")

    def test_what_one_key_proved_does_not_count_for_the_next(self):
        self.accept(self.fresh, self.log)
        self.fresh.new_attestation_key()
        self.assertEqual(self.issuer.enroll(self.fresh).status, 200)
        response, _ = self.ask(self.fresh)
        self.assert_refused(response, 403, "PolicyDenied")

    def test_register_that_is_not_quoted_proves_nothing(self):
        del self.fresh.pcrs[11][7]
        self.accept(self.fresh, self.log)
        response, _ = self.ask(self.fresh)
        self.assert_refused(response, 403, "PolicyDenied")
        self.assertEqual([rule["rule"] for rule in response.problem["rules"]], ["secure-boot", "revocations"])

    def announce(self, length):
        """A connection whose request's header is sent, and nothing of its body."""
        connection = self.issuer.connect()
        connection.putrequest("POST", "/event-log")
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        return connection

    def test_large_bodies_at_a_time_are_bounded(self):
        waiting = [self.announce(1000000) for _ in range(64)]
        for connection in waiting:
            self.addCleanup(connection.close)
        deadline = time.monotonic() + 10
        while (response := self.send(self.fresh, self.log.data)).status != 503 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assert_refused(response, 503, "Busy")
        self.assertEqual(response.headers["Retry-After"], "10")
        waiting[0].close()
        while (response := self.send(self.fresh, self.log.data)).status == 503 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(response.status, 204)

    def test_sizes_methods_and_types(self):
        evidence = self.fresh.evidence(self.log.data, self.issuer.nonce(), facts={})
        connection = self.announce(1024 * 1024 + 1)
        self.assertEqual(connection.getresponse().status, 413)
        connection.close()
        self.assertEqual(self.send(self.fresh, bytes(1024 * 1024)).status, 403)
        self.assertEqual(self.issuer.request("GET", "/event-log").status, 405)
        self.assertEqual(self.issuer.event_log(self.log.data, evidence, media_type="text/plain").status, 415)


class EventLogQuota(IssuerCase):
    options = {"verifier": "RequireEkCertificate=no\nEventLogsPerHour=2"}
    log = EventLog((EVENT_LOGS / "rhel8-uefi.bin").read_bytes())

    def send(self, device, data):
        return self.issuer.event_log(data, device.evidence(data, self.issuer.nonce(), facts={}))

    def test_more_than_the_hours_logs_are_429_whether_good_or_not(self):
        while time.time() % 3600 > 3580:  # not across the hour
            time.sleep(1)
        self.device.pcrs = {11: self.log.pcrs(range(10))}
        self.assertEqual(self.send(self.device, self.log.data).status, 204)
        self.assertEqual(self.send(self.device, b"none").status, 403)
        response = self.send(self.device, self.log.data)
        self.assert_refused(response, 429, "RateLimited")
        self.assertTrue(0 < int(response.headers["Retry-After"]) <= 3600)
        self.assert_issued()
        other = Device()
        self.issuer.enroll(other)
        other.pcrs = self.device.pcrs
        self.assertEqual(self.send(other, self.log.data).status, 204)


class BootLoaders(IssuerCase):
    """An allow-list of loaders and kernel parameters."""

    options = {"policy": LOADER_POLICY}
    log = EventLog((EVENT_LOGS / "rhel8-uefi.bin").read_bytes())
    other = EventLog((EVENT_LOGS / "ubuntu-2104-no-dbx.bin").read_bytes())
    quoted = [*range(10), 12, 14]

    def boot(self, log, data=None):
        device = Device()
        self.assertEqual(self.issuer.enroll(device).status, 200)
        device.pcrs = {11: log.pcrs(self.quoted)}
        data = data or log.data
        return device, self.issuer.event_log(data, device.evidence(data, self.issuer.nonce(), facts={})).status

    def rules(self, device, facts):
        response, _ = self.ask(device, facts=facts)
        return [rule["rule"] for rule in response.problem["rules"]] if response.status == 403 else response.status

    def test_listed_loader_and_parameters_meet_the_rules_also_after_a_restart(self):
        device, status = self.boot(self.log)
        self.assertEqual(status, 204)
        self.assert_issued(device, facts={})
        self.issuer.stop()
        self.issuer.start()
        self.assert_issued(device, facts={})

    def test_other_loader_and_parameters_do_not(self):
        device, status = self.boot(self.other)
        self.assertEqual(status, 204)
        self.assertEqual(self.rules(device, {}), ["loader", "parameters"])

    def test_claims_of_loader_and_parameters_do_not_count(self):
        claims = {
            "boot.loader": [2, "40d6cae02973789080cf4c3a9ad11b5a0a4d8bba4438ab96e276cc784454dee7"],
            "boot.application.2": [2, "e8a268c431da72caaae407f729f602b9dbf5d1d43492d4a51cc2b688a08586e3"],
            "boot.parameters": [2, "biosdevname console crashkernel net.ifnames ro root scsi_mod.use_blk_mq"],
            "boot.parameter.console": [2, "tty0"],
            "boot.command_lines": [1, 1],
        }
        device = Device()
        self.assertEqual(self.issuer.enroll(device).status, 200)
        self.assertEqual(self.rules(device, claims), ["loader", "parameters", "no-shell"])
        device, _ = self.boot(self.other)
        response, _ = self.ask(device, facts=claims)
        self.assert_refused(response, 403, "EvidenceInvalid")

    def test_added_parameter_does_not_meet_the_rules(self):
        line, shell = b"scsi_mod.use_blk_mq=Y", b"init=/bin/sh scsi_mod"
        log = self.log.with_measured_text(8, lambda text: text.replace(line, shell))
        device, status = self.boot(log)
        self.assertEqual(status, 204)
        self.assertEqual(self.rules(device, {}), ["parameters", "no-shell"])
        # The same machine with the log of the boot that it should have had: PCR 8 is not believed.
        device, status = self.boot(log, self.log.data)
        self.assertEqual(status, 204)
        self.assertEqual(self.rules(device, {}), ["parameters", "no-shell"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
