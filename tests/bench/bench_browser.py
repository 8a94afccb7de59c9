#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the extension adds to a page, in Chromium without a window; one line of JSON a figure. Usage: bench_browser.py BUILD-DIRECTORY

A page that asks for a token, with one waiting in the agent's cache, in turn with the same page that asks for none; a page that never
asks, in turn with the same in a Chromium without the extension; and one authorization through attester-native-host, in turn with one
by privacypass-ts from the same issuer. Everything runs on this machine. As root, as the tests of the browsers.
"""

import base64
import json
import pathlib
import re
import secrets
import shutil
import statistics
import struct
import subprocess
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "browser"), str(TESTS / "e2e"), str(TESTS / "client")]

import cdp  # noqa: E402
from agent_fixture import challenge  # noqa: E402
from browsers import ENGLISH, Chromium  # noqa: E402
from sites import CHROMIUM_ID, ISSUER_NAME, Sites, wait_for  # noqa: E402
from stack import SOURCE, Stack  # noqa: E402
from user_session import USER  # noqa: E402

KEPT_SITES = 5
FETCHED_AHEAD = 8
LOADS = 60
WARM_UP = 5
AUTHORIZATIONS = 40
PEER = SOURCE / "tests" / "interop" / "peer.mjs"


def figure(name, value, hold, **more):
    print(json.dumps({"figure": name, "unit": "ms", "value": round(value, 3), "hold": hold, **more}), flush=True)


def p50(values):
    return statistics.median(values)


def p10(values):
    return sorted(values)[len(values) // 10]


class Watched:
    """A tab whose page loads are timed, from the navigation to the load event of a page that was let in."""

    def __init__(self, browser):
        self.page = browser.new_page()
        for domain in ("Page", "Network"):
            self.page.call(f"{domain}.enable")

    def load(self, url):
        pipe, session = self.page.browser.pipe, self.page.session
        pipe.events.clear()
        started = time.perf_counter()
        self.page.call("Page.navigate", url=url)
        pipe.event(session, lambda method, it: method == "Network.responseReceived" and it["type"] == "Document" and it["response"]["status"] == 200)
        pipe.event(session, lambda method, it: method == "Page.loadEventFired")
        return (time.perf_counter() - started) * 1000


def kept_tokens(sites):
    """How many the agent keeps."""
    answer = subprocess.run(["dbus-send", f"--bus={sites.session_address}", "--dest=org.attesterd.Client1", "--print-reply", "/org/attesterd/Client",
                             "org.attesterd.Client1.GetStatus"], capture_output=True, text=True, timeout=30, check=True,
                            env=sites.environment, user=USER, group=USER, extra_groups=[]).stdout
    return int(re.search(r'"cached-tokens"\s+variant\s+uint32 (\d+)', answer)[1])


def note_times(site, times):
    """Of each request: when it came, and whether it brought a token."""
    answer = site.answer

    def noted(request):
        times.append((time.perf_counter() * 1000, request.headers["Authorization"] is not None, request.path))
        answer(request)

    site.answer = noted


def bench_warm_cache(sites, tab):
    """Token in the cache against no token asked for, in turn. At the server: from the request that gets 401 to the one with the token."""
    kept = [sites.another_site(f"kept{number}.example") for number in range(KEPT_SITES)]
    times = []
    for site in kept:
        note_times(site, times)
        for _ in range(2):
            tab.load(f"https://{site.origin}/page")
    wait_for(lambda: kept_tokens(sites) >= KEPT_SITES * FETCHED_AHEAD, "the tokens fetched ahead")
    asking, free = [], []
    times.clear()
    # What is fetched ahead meanwhile comes after 20 s at the earliest; one token a website stays unused.
    for _ in range(FETCHED_AHEAD - 1):
        for site in kept:
            # Another website has another process of the browser, and perhaps a new connection: both are there for what is timed.
            tab.load(f"https://{site.origin}/free/page")
            free.append(tab.load(f"https://{site.origin}/free/page"))
            asking.append(tab.load(f"https://{site.origin}/page"))
    pages = [entry for entry in times if entry[2] == "/page"]
    gaps = [after[0] - before[0] for before, after in zip(pages, pages[1:]) if not before[1] and after[1]]
    for site in kept:
        site.stop()
    figure("browser_added_by_token_from_cache_p50", p50(asking) - p50(free), "<= 50", added_p10_ms=round(p10(asking) - p10(free), 3),
           page_loads=round((p50(asking) - p50(free)) / p50(free), 3), loads=len(asking), asking_p50_ms=round(p50(asking), 3), free_p50_ms=round(p50(free), 3),
           at_the_server_p50_ms=round(p50(gaps), 3), at_the_server_p10_ms=round(p10(gaps), 3))


def bench_never_asking(sites, tab):
    """The same page in turn with the extension and in a browser that has none."""
    other = cdp.Chromium(sites.users(sites.home / "plain"), {**sites.environment, **sites.user, **ENGLISH}, "--ignore-certificate-errors",
                         "--host-resolver-rules=MAP *.example 127.0.0.1", "--lang=en-US", user=USER)
    try:
        plain = Watched(other)
        url = f"https://{sites.shop}/free/landed.html"
        pairs = [(tab.load(url), plain.load(url)) for _ in range(LOADS + WARM_UP)][WARM_UP:]
    finally:
        other.stop()
    with_it, without = ([pair[i] for pair in pairs] for i in (0, 1))
    figure("browser_page_that_never_asks_with_extension_p50", p50(with_it), "-", without_p50_ms=round(p50(without), 3),
           added_ms=round(p50(with_it) - p50(without), 3), loads=LOADS)


class NativeHost:
    """attester-native-host, with the test in the browser's place."""

    def __init__(self, stack):
        built = stack.build / "client" / "nativehost"
        self.process = subprocess.Popen([built / "attester-native-host", "--config", built / "attester-native-host.conf", "--session-bus",
                                         stack.environment["DBUS_SESSION_BUS_ADDRESS"], f"chrome-extension://{CHROMIUM_ID}/"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=stack.environment)

    def ask(self, header, origin):
        text = json.dumps({"id": 1, "method": "authorize", "challenge": header, "origin": origin, "interactive": True}).encode()
        started = time.perf_counter()
        self.process.stdin.write(struct.pack("=I", len(text)) + text)
        length = struct.unpack("=I", self.process.stdout.read(4))[0]
        answer = b""
        while len(answer) < length:
            answer += self.process.stdout.read(length - len(answer))
        took = (time.perf_counter() - started) * 1000
        assert "authorization" in json.loads(answer), answer
        return took

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


def start_peers(stack):
    """An issuer that privacypass-ts can use too, which sends no evidence: under one name with ours, under the other without."""
    stack.start_ground()
    stack.start_issuer(require_evidence=False)
    bare = f"localhost:{stack.issuer_port}"
    stack.configure_issuer()
    stack.configure_issuer(bare, attest=False)
    stack.start_daemon(limits="[Limits]\nRequestsPerSecond=1000\nRequestsBurst=1000\n")
    stack.start_agent()
    stack.attestctl("enroll", ISSUER_NAME)
    return bare


def bench_beside_peer(build):
    """One authorization each, in turns of ten: a new challenge, one token from the same issuer."""
    with Stack(build) as stack:
        bare = start_peers(stack)
        directory = json.loads(stack.run("curl", "--silent", "--max-time", "10", "--cacert", stack.path("ca.pem"), stack.issuer_url).stdout)
        key = base64.urlsafe_b64decode(directory["token-keys"][0]["token-key"] + "==")
        new = lambda issuer: challenge(issuer, "shop.example", key, secrets.token_bytes(32))[0]  # noqa: E731
        host, ours, attested, theirs = NativeHost(stack), [], [], []
        for issuer in (bare, ISSUER_NAME):
            host.ask(new(issuer), "shop.example")
        has_peer = (SOURCE / "tests/interop/node_modules/@cloudflare/privacypass-ts").exists()
        for _ in range(AUTHORIZATIONS // 10):
            for _ in range(10):
                ours.append(host.ask(new(bare), "shop.example"))
                attested.append(host.ask(new(ISSUER_NAME), "shop.example"))
            if has_peer:
                headers = [new(bare) for _ in range(12)]
                output = stack.run(shutil.which("node"), PEER, "times", *headers, environment={"NODE_EXTRA_CA_CERTS": str(stack.path("ca.pem"))}).stdout
                theirs += json.loads(output)[2:]  # the first ones warm it up
        host.end()
        figure("native_host_authorization_p50", p50(ours), "-", attested_p50_ms=round(p50(attested), 3), authorizations=len(ours),
               privacypass_ts_p50_ms=round(p50(theirs), 3) if theirs else None)


def main(build):
    sites = Sites(build)
    try:
        sites.up(agent_options=("--ahead-delay", "20"))
        browser = Chromium(sites)
        try:
            tab = Watched(browser.browser)
            for _ in range(WARM_UP):
                tab.load(f"https://{sites.shop}/one.html")
            bench_warm_cache(sites, tab)
            bench_never_asking(sites, tab)
        finally:
            browser.stop()
    finally:
        sites.stop()
    bench_beside_peer(build)


if __name__ == "__main__":
    main(sys.argv[1])
