#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A token from the agent's cache over D-Bus, against the bare round trip of a call that does nothing; one line of JSON a figure.

usage: bench_agent.py ATTESTER_AGENT FAKE_ATTESTERD BENCH_AGENT
"""

import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "client"))
from agent_fixture import Agent  # noqa: E402

CALLS = 1000


def main():
    agent = Agent(*sys.argv[1:3])
    try:
        agent.start()
        result = json.loads(subprocess.run([sys.argv[3], agent.addresses["session"], agent.top / "a.spki", str(CALLS)], check=True,
                                           capture_output=True, text=True, timeout=300).stdout)
    finally:
        agent.stop()
    print(json.dumps({"figure": "token_from_cache_p50", "unit": "ms", "value": round(result["cached_p50_ms"], 3), "hold": "<= 1",
                      "calls": result["calls"], "p99_ms": round(result["cached_p99_ms"], 3),
                      "bare_round_trip_p50_ms": round(result["bare_p50_ms"], 3)}))


if __name__ == "__main__":
    main()
