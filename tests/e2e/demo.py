#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""From a 401 to a 200 on a TPM, and three refusals, narrated. Usage: demo.py BUILD-DIRECTORY"""

import json
import signal
import sys
import time

from stack import ISSUER_NAME, Stack, StackError

COLOUR = sys.stdout.isatty()

OUTDATED_POLICY = """[Policy]
Version=2
[Rule os-current]
Require=os.id == debian and os.version >= 99
Remedy=Run Software Updates, then restart.
"""

FLEET_POLICY = """[Policy]
Version=1
[Rule known-os]
Require=known(os.id)
Remedy=Reinstall the package that owns /etc/os-release.
[Rule tpm-present]
Require=known(tpm.manufacturer)
Remedy=Switch the TPM on in the firmware's settings.
"""


class Surprise(Exception):
    """A step did not come out as narrated."""


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


class Narrator:
    def __init__(self):
        self.number = 0
        self.started = time.monotonic()

    def heading(self, text):
        print(f"\n{paint('1', text)}", flush=True)

    def step(self, text, *details):
        self.number += 1
        print(f"{self.number:3}. {text}", flush=True)
        for detail in details:
            for line in str(detail).splitlines():
                print(f"       {paint('2', line)}", flush=True)

    def end(self):
        print(f"\n{paint('32', f'Every one of the {self.number} steps came out as narrated')}, "
              f"in {time.monotonic() - self.started:.1f} s.")


def expect(condition, what, evidence=""):
    if not condition:
        raise Surprise(f"expected {what}\n{evidence}")


def lines_with(text, *words):
    return [line for line in text.splitlines() if any(word in line for word in words)]


def curl(stack, *arguments):
    """Status and headers of the site's answer, as curl prints them."""
    output = stack.run("curl", "--silent", "--include", "--max-time", "10", "--cacert", stack.path("ca.pem"), *arguments,
                       stack.site_url).stdout
    head, _, body = output.partition("\n\n")
    status = int(head.split()[1])
    headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in head.splitlines()[1:])}
    return status, headers, body


def start_servers(stack, tell):
    tell.heading("The parties come up")
    stack.make_certificates()
    stack.start_tpm()
    tell.step("A TPM simulator, manufactured with endorsement key certificates of its own CA.")
    stack.start_bus()
    tell.step("A private D-Bus with the bus policy that is shipped.")
    stack.start_issuer(policy=FLEET_POLICY)
    tell.step(f"attester-issuer, called {ISSUER_NAME}, over TLS: made its token key, trusts that CA, and has a policy of two rules.",
              stack.issuer_url)
    stack.start_gate()
    stack.start_site()
    tell.step("attester-gate beside nginx, protecting a small site.", stack.site_url)


def start_device(stack, tell):
    tell.heading("The device")
    stack.configure_issuer()
    stack.start_daemon()
    facts = stack.attestctl_json("posture")["facts"]
    shown = [f"{fact['name']} = {fact['value']}" for fact in facts
             if fact["name"] in ("os.id", "os.version", "kernel.release", "kernel.taint", "tpm.manufacturer", "tpm.simulated")]
    unreadable = [fact["name"] for fact in facts if "unreadable" in fact]
    expect(len(shown) >= 5, "posture with the operating system, kernel and TPM", facts)
    tell.step(f"attesterd measured the posture: {len(facts)} facts, {len(unreadable)} of them unreadable here, which is a value of its own.",
              *shown)
    device = stack.attestctl_json("enroll", ISSUER_NAME)["device"]
    seal = stack.attestctl_json("status")["seal_state"]
    expect(seal == "open", "a sealed key that is open in this boot state", seal)
    tell.step("A P-256 attestation key was created in the TPM and sealed to PCR 7: it signs only while PCR 7 has today's value.")
    tell.step("The device was enrolled: the issuer checked the endorsement certificate, and only the TPM with that key could open its credential.",
              f"the issuer knows it as {device}", *lines_with(stack.log("issuer"), '"enroll')[-1:])


def get_in(stack, tell):
    tell.heading("From a 401 to a 200")
    status, headers, _ = curl(stack)
    challenge = headers.get("www-authenticate", "")
    expect(status == 401 and challenge.startswith("PrivateToken challenge="), "401 with a PrivateToken challenge", headers)
    tell.step("Without a token the site answers 401 with its challenge.", f"WWW-Authenticate: {challenge[:96]}…")

    result = stack.attestctl("fetch", "-v", "--cacert", stack.path("ca.pem"), stack.site_url)
    expect("Members' area" in result.stdout, "the protected page", result.stdout + result.stderr)
    tell.step("attestctl fetch answers it: the request is blinded in the client; the daemon sees an issuer's name and blinded bytes.",
              result.stderr.strip())
    quote = lines_with(stack.log("attesterd"), "by a TPM quote")[-1:]
    expect(quote, "the daemon's log to tell of a quote", stack.log("attesterd"))
    tell.step("attesterd had the TPM quote PCRs and claims together.", *quote)
    verdict = lines_with(stack.log("issuer"), '"issued"')[-1:]
    expect(verdict, "the issuer's log to tell its verdict", stack.log("issuer"))
    tell.step("The issuer's verdict, and why:", *verdict)
    tell.step("The client unblinded and checked the token, presented it once, and got 200.", result.stdout.strip())


def refuse_spent_token(stack, tell):
    tell.heading("Refusal 1: a token spent twice")
    _, headers, _ = curl(stack)
    authorization = stack.attestctl("token", "--challenge", headers["www-authenticate"], "--origin", stack.origin).stdout.strip()
    first, _, _ = curl(stack, "--header", f"Authorization: {authorization}")
    second, headers, _ = curl(stack, "--header", f"Authorization: {authorization}")
    reason = headers.get("x-attester-reason", "")
    expect(first == 200 and second == 401 and "TokenSpent" in reason, "200, then 401 with TokenSpent", (first, second, headers))
    tell.step("The first presentation gets 200, the second 401.", f"reason: {reason}", "remedy: ask for a new token; each opens the door once")


def refused(stack, *words):
    """What attestctl says when the site cannot be fetched; each of `words` must be in it."""
    result = stack.attestctl("fetch", "--cacert", stack.path("ca.pem"), stack.site_url, check=False)
    expect(result.returncode != 0 and all(word in result.stderr for word in words), f"a refusal with {words}",
           f"status {result.returncode}: {result.stdout}{result.stderr}")
    return result.stderr.strip()


def refuse_by_policy(stack, tell):
    tell.heading("Refusal 2: a policy rule that fails")
    stack.write("etc/policy.d/50-fleet.conf", OUTDATED_POLICY)
    stack.attestctl("reload")
    text = refused(stack, "os-current", "Run Software Updates, then restart.")
    tell.step("The fleet's policy now asks for a newer system. The device is refused before the TPM or the network is asked.", text)
    stack.path("etc/policy.d/50-fleet.conf").unlink()
    stack.attestctl("reload")


def refuse_sealed(stack, tell):
    tell.heading("Refusal 3: another boot state")
    stack.extend_pcr(7, "an unapproved change of the boot chain")
    text = refused(stack, "PCR 7")
    tell.step("PCR 7 was extended after sealing, as a changed Secure Boot state would. The TPM refuses to sign.", text)


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tell = Narrator()
    with Stack(sys.argv[1]) as stack:
        try:
            start_servers(stack, tell)
            start_device(stack, tell)
            get_in(stack, tell)
            refuse_spent_token(stack, tell)
            refuse_by_policy(stack, tell)
            refuse_sealed(stack, tell)
        except (Surprise, StackError, json.JSONDecodeError, KeyError) as error:
            print(f"\n{paint('31', 'This step did not come out as narrated')}: {error!r}", file=sys.stderr)
            for name in ("attesterd", "issuer", "gate"):
                print(f"--- end of {name}'s log\n{stack.log(name)[-1500:]}", file=sys.stderr)
            return 1
    tell.end()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nInterrupted; everything was stopped and removed.", file=sys.stderr)
        sys.exit(130)
