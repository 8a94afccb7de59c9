#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attester-native-host between a browser's pipes and a real agent: honest questions, and what a browser never sends.

usage: test_nativehost.py ATTESTER_AGENT FAKE_ATTESTERD ATTESTER_NATIVE_HOST CONFIG ALLOWED_ID...
"""

import json
import os
import pathlib
import re
import resource
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from agent_fixture import Agent, AgentCase, challenge, token_of, verify, wait_for

GOOD, ORIGIN, WAIT = "good.example", "shop.example", 30
FRAME_MAX = 64 * 1024


class Browser:
    """Plays the browser: starts the host with its pipes and speaks native messaging."""

    def __init__(self, arguments, options=(), session_bus=None):
        environment = {"PATH": "/usr/bin:/bin", **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
        bus = ["--session-bus", session_bus] if session_bus else []
        # Without buffers: what is sent is sent, and closing does not send what was not.
        self.process = subprocess.Popen([HOST, "--config", CONFIG, *bus, *options, *arguments], stdin=subprocess.PIPE, bufsize=0,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)

    def send_bytes(self, data):
        view = memoryview(data)
        while view:
            view = view[self.process.stdin.write(view):]

    def send(self, message):
        text = json.dumps(message).encode() if not isinstance(message, bytes) else message
        self.send_bytes(struct.pack("=I", len(text)) + text)

    def read(self, count):
        data, end = b"", time.monotonic() + WAIT
        while len(data) < count:
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError("no answer")
            piece = self.process.stdout.read(count - len(data))
            if not piece:
                return None
            data += piece
        return data

    def receive(self):
        """The next answer, or None at the end."""
        head = self.read(4)
        return None if head is None else json.loads(self.read(struct.unpack("=I", head)[0]))

    def ask(self, message):
        self.send(message)
        return self.receive()

    def close(self):
        """Closes the pipe, as a browser that ends; returns the exit status and what was written to the log."""
        self.process.stdin.close()
        status = self.process.wait(WAIT)
        log = self.process.stderr.read().decode()
        self.process.stdout.close()
        self.process.stderr.close()
        return status, log


def authorize(number, header, origin=ORIGIN):
    return {"id": number, "method": "authorize", "challenge": header, "origin": origin, "interactive": True}


class WithAgent(AgentCase):
    def setUp(self):
        super().setUp()
        self.browser = self.start([f"chrome-extension://{CHROMIUM}/"])

    def start(self, arguments, session_bus=None):
        browser = Browser(arguments, session_bus=session_bus or self.agent.addresses["session"])
        self.addCleanup(lambda: browser.process.poll() is None and browser.process.kill())
        return browser

    def header(self, issuer=GOOD, origin=ORIGIN, context=b""):
        return challenge(issuer, origin, self.agent.key, context)

    def end(self, browser=None, status=0):
        ended, log = (browser or self.browser).close()
        self.assertEqual(ended, status, log)
        return log


class Honest(WithAgent):
    def test_authorization_comes_with_what_the_agent_tells_of_it(self):
        header, digest = self.header()
        for number, cached in ((7, False), (4294967295, True)):
            answer = self.browser.ask(authorize(number, header))
            self.assertEqual(set(answer), {"id", "authorization", "info"})
            self.assertEqual(answer["id"], number)
            verify(token_of(answer["authorization"]), digest, self.agent.key)
            self.assertEqual((answer["info"]["issuer"], answer["info"]["from-cache"]), (GOOD, cached))
        self.assertEqual(self.end(), "")

    def test_firefox_s_arguments_are_good_too(self):
        browser = self.start(["/usr/lib/mozilla/native-messaging-hosts/org.attesterd.native_host.json", FIREFOX])
        self.assertEqual(browser.ask({"id": 1, "method": "status"})["status"]["daemon"], "ready")
        self.end(browser)
        self.end()

    def test_status_is_the_agent_s(self):
        status = self.browser.ask({"id": 3, "method": "status"})["status"]
        self.assertEqual(status, json.loads(json.dumps(self.agent.status())) | {k: status[k] for k in status})
        self.assertEqual((status["daemon"], status["caching"], status["cached-tokens"]), ("ready", True, 0))
        self.end()

    def test_many_questions_are_under_way_and_each_gets_its_own_answer(self):
        headers = {number: self.header(context=bytes([number]) * 32) for number in range(100)}
        for number, (header, _) in headers.items():
            self.browser.send(authorize(number, header))
        while headers:
            answer = self.browser.receive()
            verify(token_of(answer["authorization"]), headers.pop(answer["id"])[1], self.agent.key)
        self.end()

    def test_slow_issuer_does_not_hold_up_another_question(self):
        self.browser.send(authorize(1, self.header("slow.example")[0]))
        answer = self.browser.ask(authorize(2, self.header()[0]))
        self.assertEqual(answer["id"], 2)
        self.assertIn("authorization", answer)
        self.end()

    def test_refusals_keep_name_and_sentence(self):
        for number, name in enumerate(("PolicyDenied", "Sealed", "RateLimited", "NotEnrolled")):
            answer = self.browser.ask(authorize(number, self.header(f"fail-{name}.example", context=b"c" * 32)[0]))
            self.assertEqual(answer, {"id": number, "error": {"name": name, "message": "the sentence of the daemon"}})
        self.end()

    def test_other_website_s_challenge_is_refused(self):
        header, _ = self.header(origin="bank.example")
        self.assertEqual(self.browser.ask(authorize(1, header, "evil.example"))["error"]["name"], "OriginMismatch")
        self.assertIn("authorization", self.browser.ask(authorize(2, header, "bank.example")))
        self.end()

    def test_agent_that_is_not_there_is_named_and_found_when_it_is(self):
        self.agent.end("agent")
        answer = self.browser.ask({"id": 1, "method": "status"})
        self.assertEqual(answer["error"]["name"], "DaemonUnreachable")
        self.assertIn("log out and in", answer["error"]["message"])
        self.agent.start_agent()
        self.assertIn("status", self.browser.ask({"id": 2, "method": "status"}))
        self.end()

    def test_agent_that_dies_meanwhile_is_named(self):
        self.browser.send(authorize(1, self.header("held.example")[0]))
        wait_for(lambda: self.agent.direct()[2] == 1, "the question at the daemon")
        self.agent.processes.pop("agent").kill()
        self.assertEqual(self.browser.receive()["error"]["name"], "Timeout")
        self.end()

    def test_session_bus_that_is_not_there_is_named(self):
        browser = self.start([f"chrome-extension://{CHROMIUM}/"], session_bus="unix:path=/nonexistent/bus")
        self.assertEqual(browser.ask({"id": 1, "method": "status"})["error"]["name"], "DaemonUnreachable")
        self.end(browser)
        self.end()

    def test_it_ends_while_questions_are_under_way(self):
        for number in range(40):
            self.browser.send(authorize(number, self.header("held.example", context=b"c" * 32)[0]))
        wait_for(lambda: self.agent.direct()[2] == 32, "the questions at the daemon")
        self.end()

    def test_browser_that_does_not_read_is_not_read_from(self):
        question = json.dumps({"id": 1, "method": "status"}).encode()
        stream, sent = (struct.pack("=I", len(question)) + question) * 1000, 0
        os.set_blocking(self.browser.process.stdin.fileno(), False)
        end = time.monotonic() + WAIT
        while sent < 100 * len(stream) and time.monotonic() < end:
            # Accepting no more for a second is holding up.
            if not select.select([], [self.browser.process.stdin], [], 1)[1]:
                break
            sent += os.write(self.browser.process.stdin.fileno(), stream[sent % len(stream):])
        self.assertLess(sent, 100 * len(stream))
        self.assertEqual(self.browser.receive()["id"], 1)
        self.end()

    def test_memory_holds_no_token_that_was_passed_on(self):
        header, digest = self.header(context=b"c" * 32)
        token = token_of(self.browser.ask(authorize(1, header))["authorization"])
        verify(token, digest, self.agent.key)
        self.browser.ask({"id": 2, "method": "status"})
        memory = memory_of(self.browser.process.pid)
        self.assertGreater(len(memory), 100_000)
        self.assertNotIn(token[150:250], memory)
        self.end()


def mappings_with(process, pattern):
    """The kernel's flags (proc(5), VmFlags) of each writable mapping of a process that holds these bytes."""
    found, holds = [], False
    with open(f"/proc/{process}/smaps") as maps, open(f"/proc/{process}/mem", "rb") as memory:
        for line in maps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if head:
                start, end = (int(number, 16) for number in head.groups())
                holds = end - start < 1 << 30 and pattern in read_mapping(memory, start, end)
            elif re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                holds = False
            elif line.startswith("VmFlags:") and holds:
                found.append(line.split()[1:])
    return found


def read_mapping(memory, start, end):
    memory.seek(start)
    try:
        return memory.read(end - start)
    except OSError:
        return b""  # one of the kernel's own


def abort(process):
    """Ends it as a crash does, with core dumps allowed; whether the kernel dumped its memory."""
    most = resource.RLIM_INFINITY if os.geteuid() == 0 else resource.prlimit(process, resource.RLIMIT_CORE)[1]
    resource.prlimit(process, resource.RLIMIT_CORE, (most, most))
    os.kill(process, signal.SIGABRT)
    status = os.waitpid(process, 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT, status
    return os.WCOREDUMP(status)


class Dumps(WithAgent):
    """Tokens that are kept, and that pass through, leave the process neither by a core dump nor to swap."""

    def setUp(self):
        if b"__asan_init" in pathlib.Path(HOST).read_bytes():
            self.skipTest("a sanitizer's mappings are many and large, and it has its own way to crash")
        super().setUp()

    def test_kept_token_is_only_where_nothing_is_dumped_swapped_or_inherited(self):
        header, _ = self.header()
        token = token_of(self.browser.ask(authorize(1, header))["authorization"])
        # The part that this token has in common with the one that is kept for the next visit.
        agent, pattern = self.agent.processes["agent"].pid, token[34:98]
        wait_for(lambda: self.agent.status()["cached-tokens"] == 1, "a token that is kept")
        wait_for(lambda: len(mappings_with(agent, pattern)) == 1, "the token to be in one place")
        flags = mappings_with(agent, pattern)[0]
        for flag, meaning in (("dd", "left out of core dumps"), ("lo", "locked"), ("dc", "not for children")):
            self.assertIn(flag, flags, meaning)
        self.assertEqual(mappings_with(self.browser.process.pid, pattern), [])
        self.agent.call("ClearCache")
        wait_for(lambda: not mappings_with(agent, pattern), "no trace of the token")
        self.end()

    def test_crash_of_the_agent_or_the_native_host_dumps_nothing(self):
        self.assertIn("authorization", self.browser.ask(authorize(1, self.header()[0])))
        with tempfile.TemporaryDirectory() as directory:
            other = subprocess.Popen(["sleep", "60"], cwd=directory)
            if not abort(other.pid):
                self.skipTest("this machine dumps no program's memory")
            other.wait()
        agent = self.agent.processes.pop("agent")
        for process in (self.browser.process, agent):
            self.assertFalse(abort(process.pid))
            process.wait()
        for pipe in (self.browser.process.stdin, self.browser.process.stdout, self.browser.process.stderr):
            pipe.close()


class Hostile(WithAgent):
    """What no browser sends: one named error each, and service goes on."""

    def assert_error(self, name, message, number=None):
        answer = self.browser.ask(message)
        self.assertEqual((answer["id"], answer["error"]["name"]), (number, name), answer)
        self.assertGreater(len(answer["error"]["message"]), 20)

    def test_bad_texts_get_an_error_and_the_next_question_an_answer(self):
        header, _ = self.header()
        good = authorize(5, header)
        deep = b"[" * 30000 + b"]" * 30000
        for name, message, number in (
                ("Malformed", b"", None), ("Malformed", b"{", None), ("Malformed", b"null", None), ("Malformed", b"[1]", None),
                ("Malformed", deep, None), ("Malformed", b'{"id":' + b"{" * 20000, None), ("Malformed", b"\xff\xfe", None),
                ("Malformed", b'{"id":1,"method":"status"} x', None), ("Malformed", b'{"id":1,"id":2,"method":"status"}', None),
                ("Malformed", b'{"id":1,"method":"sta\\u0000tus"}', None), ("Malformed", b'{"id":1,"method":"\xed\xa0\x80"}', None),
                ("Malformed", {"method": "status"}, None), ("Malformed", {"id": -1, "method": "status"}, None),
                ("Malformed", {"id": 4294967296, "method": "status"}, None), ("Malformed", {"id": "1", "method": "status"}, None),
                ("Malformed", {"id": 1.5, "method": "status"}, None), ("Malformed", {"id": 5}, 5), ("Malformed", {"id": 5, "method": 1}, 5),
                ("Malformed", {"id": 5, "method": "status", "more": 1}, 5), ("Malformed", {**good, "more": 1}, 5),
                ("Malformed", {**good, "interactive": "yes"}, 5), ("Malformed", {**good, "origin": None}, 5),
                ("Malformed", {key: value for key, value in good.items() if key != "challenge"}, 5),
                ("Malformed", {**good, "challenge": [header]}, 5), ("Unsupported", {"id": 5, "method": "ClearCache"}, 5),
                ("LimitExceeded", {**good, "challenge": "x" * 16385}, 5), ("LimitExceeded", {**good, "origin": "x" * 321}, 5),
                ("InvalidArgument", {**good, "origin": "https://shop.example"}, 5), ("InvalidArgument", {**good, "origin": ""}, 5),
                ("Unsupported", {**good, "challenge": ""}, 5)):
            with self.subTest(str(message)[:60]):
                self.assert_error(name, message, number)
        self.assertIn("authorization", self.browser.ask(good))
        self.end()

    def test_longest_frame_is_taken_and_one_byte_more_is_not(self):
        text = json.dumps({"id": 1, "method": "status"}).encode()
        self.assertIn("status", self.browser.ask(text + b" " * (FRAME_MAX - len(text))))
        for length in (FRAME_MAX + 1, 0x7FFFFFFF, 0xFFFFFFFF):
            browser = self.start([f"chrome-extension://{CHROMIUM}/"])
            browser.send_bytes(struct.pack("=I", length))
            self.assertEqual(browser.receive()["error"]["name"], "LimitExceeded")
            self.assertIsNone(browser.receive())
            self.end(browser, 5)
        self.end()

    def test_frame_that_is_cut_off_ends_it_with_a_status_of_its_own(self):
        for data in (b"\x01", struct.pack("=I", 100), struct.pack("=I", 100) + b'{"id":1'):
            browser = self.start([f"chrome-extension://{CHROMIUM}/"])
            browser.send_bytes(data)
            self.assertIn("not whole", self.end(browser, 4))
        self.end()

    def test_frame_that_comes_byte_by_byte_is_answered(self):
        text = json.dumps({"id": 1, "method": "status"}).encode()
        for byte in struct.pack("=I", len(text)) + text:
            self.browser.send_bytes(bytes([byte]))
        self.assertIn("status", self.browser.receive())
        self.end()

    def test_frames_that_come_at_once_are_all_answered(self):
        text = json.dumps({"id": 1, "method": "status"}).encode()
        self.browser.send_bytes((struct.pack("=I", len(text)) + text) * 200)
        for _ in range(200):
            self.assertIn("status", self.browser.receive())
        self.end()


class Callers(unittest.TestCase):
    def refusal(self, arguments, options=(), status=13, bus="unix:path=/nonexistent/bus"):
        browser = Browser(arguments, options, session_bus=bus)
        names = set()
        for number in range(2):
            answer = browser.ask({"id": number, "method": "status"})
            self.assertEqual(answer["id"], number)
            names.add(answer["error"]["name"])
        self.assertEqual(browser.close()[0], status)
        self.assertEqual(len(names), 1)
        return names.pop()

    def test_other_extensions_are_refused(self):
        other = CHROMIUM[1:] + CHROMIUM[0]
        for arguments in ([f"chrome-extension://{other}/"], [f"chrome-extension://{CHROMIUM[:-1]}/"], [f"chrome-extension://{CHROMIUM}a/"],
                          [f"chrome-extension://{CHROMIUM}"], [f"chrome-extension://{CHROMIUM}/x/"], ["chrome-extension:///"],
                          ["chrome-extension://"], [f"chrome-extension://{FIREFOX}/"], ["/manifest.json", "other@example.org"],
                          ["/manifest.json", ""], ["/manifest.json", CHROMIUM], ["/manifest.json", FIREFOX + "x"]):
            with self.subTest(arguments):
                self.assertEqual(self.refusal(arguments), "NotAuthorized")

    def test_what_no_browser_passes_is_refused(self):
        for arguments in ([], ["x"], [f"https://{CHROMIUM}/"], ["manifest.json", FIREFOX], ["/manifest.json", FIREFOX, "x"],
                          [f"chrome-extension://{CHROMIUM}/", FIREFOX]):
            with self.subTest(arguments):
                self.assertEqual(self.refusal(arguments, status=2), "InvalidArgument")

    def test_configuration_that_is_not_there_or_broken_lets_nobody_call(self):
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory) / "host.conf"
            caller = [f"chrome-extension://{CHROMIUM}/"]
            self.assertEqual(self.refusal(caller, ["--config", file], 8), "NotFound")
            many = " ".join(["id"] * 17)
            for text in ("[Native]\n", "[NativeHost]\nExtension=x\n", f"[NativeHost]\nFirefoxExtension={many}\n",
                         f"[NativeHost]\nChromiumExtension={'x' * 81}\n"):
                file.write_text(text)
                self.assertEqual(self.refusal(caller, ["--config", file], 11), "ConfigInvalid")
            file.write_text("[NativeHost]\n")
            self.assertEqual(self.refusal(caller, ["--config", file]), "NotAuthorized")
            file.write_text(f"[NativeHost]\nChromiumExtension=a {CHROMIUM}\nChromiumExtension=b\n")
            browser = Browser(caller, ["--config", file], "unix:path=/nonexistent/bus")
            self.assertEqual(browser.ask({"id": 1, "method": "status"})["error"]["name"], "DaemonUnreachable")
            self.assertEqual(browser.close()[0], 0)

    def test_session_without_a_bus_is_named(self):
        self.assertEqual(self.refusal([f"chrome-extension://{CHROMIUM}/"], status=50, bus=None), "DaemonUnreachable")

    def test_options(self):
        for option, status, text in (("--version", 0, "attester-native-host "), ("--help", 0, "usage"), ("--surprise", 2, "usage")):
            done = subprocess.run([HOST, option], capture_output=True, text=True, timeout=WAIT, check=False)
            self.assertEqual(done.returncode, status)
            self.assertIn(text, done.stdout + done.stderr)


if __name__ == "__main__":
    AgentCase.program, AgentCase.fake, HOST, CONFIG, CHROMIUM, FIREFOX = sys.argv[1:7]
    del sys.argv[1:7]
    from test_privacy import memory_of

    unittest.main(verbosity=2)
