#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Token requests a second and their median time: a real attester-issuer over keep-alive TLS on loopback, every request with
evidence of its own (requests of one connection share a quote); then the server's processor time for tokens in batches of 64. Prints
one line of JSON a figure, with OpenSSL's raw RSA-2048 private operation measured in the same run. Usage: bench_issuer.py PROGRAM [REQUESTS [CONNECTIONS]]."""

import json
import multiprocessing
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "issuer"))

from device import Device  # noqa: E402
from running_issuer import BATCH_REQUEST_MEDIA_TYPE, REQUEST_MEDIA_TYPE, RunningIssuer  # noqa: E402
from voprf import answers, batch  # noqa: E402

BATCH = 100  # requests that share a quote
BATCHES, BATCH_TOKENS = 10, 64
RAW_S = 2


def prepare(issuer, key, device, count):
    """(bytes to send, client state) of `count` token requests."""
    pairs = [key.blind() for _ in range(count)]
    prepared = []
    for start in range(0, count, BATCH):
        part = pairs[start : start + BATCH]
        headers = device.batch([request for request, _ in part], issuer.nonce())
        for (request, state), header in zip(part, headers):
            head = (
                f"POST /token-request HTTP/1.1\r\nHost: issuer.test\r\nContent-Type: {REQUEST_MEDIA_TYPE}\r\n"
                f"Content-Length: {len(request)}\r\nAttestation-Evidence: {header}\r\n\r\n"
            )
            prepared.append((head.encode() + request, state))
    return prepared


def exchange(connection, data):
    """One response: (status, body)."""
    connection.sendall(data)
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(16384)
    head, body = received.split(b"\r\n\r\n", 1)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(16384)
    return int(head.split(b" ")[1]), body


def drive(issuer, key, device, count, barrier, results):
    prepared = prepare(issuer, key, device, count)
    client = issuer.connect()
    client.connect()
    barrier.wait()
    times, answers, started = [], [], time.perf_counter()
    for data, _ in prepared:
        at = time.perf_counter()
        answers.append(exchange(client.sock, data))
        times.append(time.perf_counter() - at)
    span = (started, time.perf_counter())
    good = sum(status == 200 for status, _ in answers)
    # A token is checked here and there: checking all would take longer than issuing.
    valid = all(key.finalize(prepared[i][1], answers[i][1]) for i in range(0, count, 50))
    results.put((times, span, good, valid))


def cpu_seconds(process):
    return sum(map(int, pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")")[1].split()[11:13])) / 100


def batched_cpu(issuer, key, device):
    """The server's seconds of processor time for a token of a batch."""
    bodies = [batch([key.blind()[0] for _ in range(BATCH_TOKENS)]) for _ in range(BATCHES)]
    evidence, before = device.batch(bodies, issuer.nonce()), cpu_seconds(issuer.process)
    for body, header in zip(bodies, evidence):
        response = issuer.token_request(body, header, BATCH_REQUEST_MEDIA_TYPE)
        assert response.status == 200 and None not in answers(response.body), response.body
    return (cpu_seconds(issuer.process) - before) / (BATCHES * BATCH_TOKENS)


def raw_rsa():
    """Seconds of one RSA-2048 private operation on one core."""
    command = ["openssl", "speed", "-mr", "-seconds", str(RAW_S), "rsa2048"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return 1 / float(next(line for line in output.splitlines() if line.startswith("+F2:")).split(":")[3])


def figure(name, value, unit, **more):
    print(json.dumps({"figure": name, "value": round(value, 3), "unit": unit, **more}), flush=True)


def main():
    program = sys.argv[1]
    total = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    connections = int(sys.argv[3]) if len(sys.argv) > 3 else 4
    issuer = RunningIssuer(program)
    try:
        key, device = issuer.token_key(), Device()
        assert issuer.enroll(device).status == 200
        context = multiprocessing.get_context("fork")
        barrier, results = context.Barrier(connections), context.Queue()
        arguments = (issuer, key, device, total // connections, barrier, results)
        workers = [context.Process(target=drive, args=arguments) for _ in range(connections)]
        for worker in workers:
            worker.start()
        outcome = [results.get(timeout=300) for _ in workers]
        for worker in workers:
            worker.join()
        server_cpu = cpu_seconds(issuer.process)
        server_cpu_batched = batched_cpu(issuer, key, device)
    finally:
        issuer.close()
    count = sum(len(times) for times, _, _, _ in outcome)
    assert sum(good for _, _, good, _ in outcome) == count and all(valid for _, _, _, valid in outcome), "not all were issued"
    span = max(end for _, (_, end), _, _ in outcome) - min(start for _, (start, _), _, _ in outcome)
    raw = raw_rsa()
    figure("issuer_tokens_per_second", count / span, "1/s", requests=count, connections=connections)
    figure("issuer_token_request_p50", statistics.median(t for times, _, _, _ in outcome for t in times) * 1000, "ms")
    figure("issuer_server_cpu_per_token", server_cpu / count * 1000, "ms")
    figure("issuer_server_cpu_per_token_batched", server_cpu_batched * 1000, "ms", batch=BATCH_TOKENS)
    figure("issuer_raw_rsa2048_private", raw * 1000, "ms")


if __name__ == "__main__":
    main()
