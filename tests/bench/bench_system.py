#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Figures of the whole system, one line of JSON each. Usage: bench_system.py BUILD-DIRECTORY

Quotes shared by 200 concurrent callers of a TPM slowed to 300 ms a quote, and what each waits: for the quote, and in all; a user
with one caller beside these, and beside a flood; the cost of bus and daemon on top of the bare round trip and quote;
resident sets; idle wake-ups. Everything runs on this machine, callers and issuer included. As root, which the other user's part needs.
"""

import json
import os
import pathlib
import re
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from stack import ISSUER_NAME, SOURCE, Stack  # noqa: E402

QUOTE_DELAY_MS = 300
CALLERS = 200
TOKENS = 6000
SINGLE_CALLS = 400
LONE_CALLS = 40
FLOOD_CALLERS = 200
FLOODS = 7
IDLE_SECONDS = 20
NOBODY = 65534
UNLIMITED = "[Limits]\nRequestsPerSecond=100000\nRequestsBurst=100000\nInFlightPerUser=1000\nInFlight=1000\n"
BARE_ISSUER = "bare.example"


def figure(name, unit, value, hold, **more):
    print(json.dumps({"figure": name, "unit": unit, "value": round(value, 3), "hold": hold, **more}), flush=True)


def resident_kib(process):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process}/status").read_text()).group(1))


def wake_ups(process):
    """Voluntary context switches of all threads: each is a sleep that something ended."""
    total = 0
    for status in pathlib.Path(f"/proc/{process}/task").glob("*/status"):
        total += int(re.search(r"voluntary_ctxt_switches:\s+(\d+)", status.read_text()).group(1))
    return total


def child_of(process):
    return int(pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()[0])


def spki(stack):
    directory = json.loads(stack.run("curl", "--silent", "--max-time", "10", "--cacert", stack.path("ca.pem"), stack.issuer_url).stdout)
    return directory["token-keys"][0]["token-key"]


def load(stack, issuer, callers, tokens):
    output = stack.run(stack.build / "tests" / "bench" / "bench_daemon", issuer, spki(stack), callers, tokens, timeout=300).stdout
    return json.loads(output)


def load_as_nobody(stack, issuer, callers, tokens, *options):
    program = stack.public(stack.build / "tests" / "bench" / "bench_daemon") / "bench_daemon"
    return ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", program, issuer, spki(stack), callers, tokens, *options]


def bare(stack, tokens):
    """The same request bytes over one kept-alive TLS connection straight to the issuer, and the bare TPM quote."""
    arguments = [stack.build / "tests" / "bench" / "bench_exchange", stack.issuer_url, stack.path("ca.pem"), spki(stack), tokens]
    return json.loads(stack.run(*arguments, timeout=300).stdout)


def start(stack, require_evidence, proxy=(), limits=UNLIMITED):
    stack.make_certificates()
    stack.start_tpm()
    if proxy:
        stack.slow_tpm(*proxy)
    stack.start_bus()
    stack.start_issuer(require_evidence=require_evidence)
    stack.configure_issuer()
    stack.configure_issuer(BARE_ISSUER, attest=False)
    stack.start_daemon(limits=limits)
    stack.attestctl("enroll", ISSUER_NAME)


def bench_shared_quotes(build):
    with Stack(build) as stack:
        start(stack, True, ("--delay-ms", QUOTE_DELAY_MS, "--only", "Quote"))
        alone = load(stack, ISSUER_NAME, 1, 10)
        figure("one_caller_alone_p50", "ms", alone["p50_ms"], f"one quote of {QUOTE_DELAY_MS} ms and nothing else")
        result = load(stack, ISSUER_NAME, CALLERS, TOKENS)
        figure("requests_per_quote", "requests", result["requests_per_quote"], ">= 100", callers=CALLERS, quote_ms=QUOTE_DELAY_MS)
        figure("tokens_per_second", "1/s", result["tokens_per_second"], ">= 300", callers=CALLERS, quote_ms=QUOTE_DELAY_MS)
        hold = f"<= 2 quotes of {QUOTE_DELAY_MS} ms"
        figure("wait_for_quote_p99", "ms", result["quote_wait_p99_ms"], hold, p50_ms=result["quote_wait_p50_ms"], callers=CALLERS)
        figure("wait_p99", "ms", result["p99_ms"], hold, p50_ms=result["p50_ms"], callers=CALLERS)
        bench_residents(stack)


def bench_fair(build):
    """One caller of a user beside 200 of another, who ask again as soon as they are answered."""
    with Stack(build) as stack:
        start(stack, True, ("--delay-ms", QUOTE_DELAY_MS, "--only", "Quote"))
        alone = json.loads(stack.run(*load_as_nobody(stack, ISSUER_NAME, 1, LONE_CALLS), timeout=300).stdout)
        stack.spawn("crowd", stack.build / "tests" / "bench" / "bench_daemon", ISSUER_NAME, spki(stack), CALLERS, 1000000)
        time.sleep(3)  # the crowd's first quotes serve few of it
        beside = json.loads(stack.run(*load_as_nobody(stack, ISSUER_NAME, 1, LONE_CALLS), timeout=300).stdout)
        stack.end("crowd")
        hold = f"<= 2 quotes of {QUOTE_DELAY_MS} ms"
        figure("one_beside_200_wait_for_quote_p99", "ms", beside["quote_wait_p99_ms"], hold, p50_ms=beside["quote_wait_p50_ms"])
        figure("one_beside_200_wait_p99", "ms", beside["p99_ms"], hold + " and a round trip", p50_ms=beside["p50_ms"],
               alone_p99_ms=alone["p99_ms"])


def bench_flood(build):
    """One caller of a user beside another user's flood, with the limits that hold without any configuration, in turn with the same alone."""
    with Stack(build) as stack:
        start(stack, True, limits="")
        one = [stack.build / "tests" / "bench" / "bench_daemon", ISSUER_NAME, spki(stack), 1, LONE_CALLS]
        alone, beside = [], []
        for _ in range(FLOODS):
            time.sleep(LONE_CALLS / 10)  # what one user may ask for comes back at ten a second
            alone.append(json.loads(stack.run(*one, timeout=300).stdout))
            stack.spawn("flood", *load_as_nobody(stack, ISSUER_NAME, FLOOD_CALLERS, 1000000, "flood"))
            time.sleep(1)
            beside.append(json.loads(stack.run(*one, timeout=300).stdout))
            stack.end("flood")
        flood = json.loads(stack.run(*load_as_nobody(stack, ISSUER_NAME, FLOOD_CALLERS, 10000, "flood"), timeout=300).stdout)
        middle = {f"{name}_{what}": statistics.median(run[f"{what}_ms"] for run in runs)
                  for name, runs in (("alone", alone), ("beside", beside)) for what in ("p50", "p99")}
        figure("one_beside_flood_wait_p99", "ms", middle["beside_p99"], "<= 2 x alone", alone_p99_ms=middle["alone_p99"],
               p50_ms=middle["beside_p50"], alone_p50_ms=middle["alone_p50"], ratios=[round(b["p99_ms"] / a["p99_ms"], 2) for a, b in zip(alone, beside)],
               calls_per_second=flood["tokens_per_second"], refused=flood["refused"] / flood["tokens"])


def bench_residents(stack):
    daemon = stack.processes["attesterd"].pid
    net = child_of(daemon)
    figure("attesterd_resident_after_load", "MiB", resident_kib(daemon) / 1024, "<= 8")
    figure("attester_net_resident_after_load", "MiB", resident_kib(net) / 1024, "<= 12")
    time.sleep(2)  # what the load left behind settles
    before = wake_ups(daemon) + wake_ups(net)
    time.sleep(IDLE_SECONDS)
    figure("idle_wake_ups", "1/min", (wake_ups(daemon) + wake_ups(net) - before) * 60 / IDLE_SECONDS, "0")
    figure("attesterd_resident_at_rest", "MiB", resident_kib(daemon) / 1024, "<= 8")
    figure("attester_net_resident_at_rest", "MiB", resident_kib(net) / 1024, "<= 12")


def bench_overhead(build):
    """Pairs of runs in turn, so that the machine's drift falls on both."""
    with Stack(build) as stack:
        start(stack, False)
        daemon = stack.processes["attesterd"].pid
        figure("attesterd_resident_at_start", "MiB", resident_kib(daemon) / 1024, "<= 8")
        figure("attester_net_resident_at_start", "MiB", resident_kib(child_of(daemon)) / 1024, "<= 12")
        through, direct, attested = [], [], []
        for _ in range(5):
            through.append(load(stack, BARE_ISSUER, 1, SINGLE_CALLS)["p50_ms"])
            direct.append(bare(stack, SINGLE_CALLS)["p50_ms"])
            attested.append(load(stack, ISSUER_NAME, 1, SINGLE_CALLS // 4)["p50_ms"])
        overhead = statistics.median(a - b for a, b in zip(through, direct))
        figure("bus_and_daemon_overhead_p50", "ms", overhead, "<= 1", through_ms=statistics.median(through),
               direct_ms=statistics.median(direct))
        figure("attested_request_p50", "ms", statistics.median(attested), "-", note="with a quote of the unslowed simulator")


if __name__ == "__main__":
    os.chdir(SOURCE)
    bench_overhead(sys.argv[1])
    bench_shared_quotes(sys.argv[1])
    bench_fair(sys.argv[1])
    bench_flood(sys.argv[1])
