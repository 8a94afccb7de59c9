#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Wake-ups of attesterd, attester-net and attester-agent when nobody asks for anything, one line of JSON a program.

usage: bench_idle.py BUILD-DIRECTORY [SECONDS]

All three have worked before: the device is enrolled, facts were measured, and the agent keeps a token.
"""

import base64
import json
import pathlib
import sys
import time

import dbus
import dbus.bus

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "client")]
from agent_fixture import INTERFACE, NAME, PATH, challenge  # noqa: E402
from bench_system import child_of, wake_ups  # noqa: E402
from stack import ISSUER_NAME, Stack  # noqa: E402

SETTLE_SECONDS = 5  # within a second after the last work memory is returned
SECONDS = 300


def keep_a_token(stack):
    directory = json.loads(stack.run("curl", "--silent", "--max-time", "10", "--cacert", stack.path("ca.pem"), stack.issuer_url).stdout)
    key = base64.urlsafe_b64decode(directory["token-keys"][0]["token-key"] + "==")
    bus = dbus.bus.BusConnection(stack.environment["DBUS_SESSION_BUS_ADDRESS"])
    header, _ = challenge(ISSUER_NAME, "shop.example", key)
    bus.call_blocking(NAME, PATH, INTERFACE, "GetAuthorization", "ssa{sv}", (header, "shop.example", dbus.Dictionary({}, signature="sv")))
    status = bus.call_blocking(NAME, PATH, INTERFACE, "GetStatus", "", ())
    bus.close()
    assert status["cached-tokens"] > 0, status


def main(build, seconds):
    with Stack(build) as stack:
        stack.start_ground()
        stack.start_issuer()
        stack.configure_issuer()
        stack.start_daemon()
        stack.start_agent()
        stack.attestctl("enroll", ISSUER_NAME)
        stack.attestctl("posture")
        keep_a_token(stack)
        time.sleep(SETTLE_SECONDS)
        daemon = stack.processes["attesterd"].pid
        processes = {"attesterd": daemon, "attester-net": child_of(daemon), "attester-agent": stack.processes["agent"].pid}
        before = {name: wake_ups(process) for name, process in processes.items()}
        time.sleep(seconds)
        for name, process in processes.items():
            count = wake_ups(process) - before[name]
            print(json.dumps({"figure": "idle_wake_ups", "program": name, "unit": "1/min", "value": round(count * 60 / seconds, 3),
                              "hold": "0", "count": count, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else SECONDS)
