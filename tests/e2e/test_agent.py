#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""attester-agent in front of the whole system, and what it leaves in its memory; the examples for programs that want tokens.

Usage: test_agent.py BUILD-DIRECTORY SOURCE [CLASS]
"""

import base64
import http.server
import pathlib
import re
import secrets
import sys
import threading
import unittest

import dbus
import dbus.bus

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "client"))

from agent_fixture import INTERFACE, NAME, PATH, challenge, token_of, verify  # noqa: E402
from stack import ISSUER_NAME, Stack, wait_for  # noqa: E402
from test_privacy import memory_of, spellings  # noqa: E402

ORIGIN = "very-private-origin.example"


STACK = None


def setUpModule():
    global STACK
    STACK = stack = Stack(BUILD)
    unittest.addModuleCleanup(stack.stop)
    stack.start_ground()
    stack.start_issuer(types="blind-rsa voprf")
    stack.configure_issuer()
    stack.start_daemon()
    stack.start_agent("--ahead-delay", "20")
    stack.attestctl("enroll", ISSUER_NAME)


class Agent(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = stack = STACK
        directory = stack.run("curl", "--silent", "--max-time", "10", "--cacert", stack.path("ca.pem"), stack.issuer_url).stdout
        keys = re.findall(r'"token-key": *"([^"]+)"', directory)
        cls.key = next(key for key in map(lambda text: base64.urlsafe_b64decode(text + "=="), keys) if len(key) > 200)
        cls.bus = dbus.bus.BusConnection(stack.environment["DBUS_SESSION_BUS_ADDRESS"])
        cls.addClassCleanup(cls.bus.close)

    def call(self, member, signature="", *arguments):
        return self.bus.call_blocking(NAME, PATH, INTERFACE, member, signature, arguments, timeout=60)

    def authorize(self, header, origin=ORIGIN):
        authorization, info = self.call("GetAuthorization", "ssa{sv}", header, origin, dbus.Dictionary({}, signature="sv"))
        return token_of(authorization), info

    def setUp(self):
        self.call("ClearCache")

    def assert_fails(self, name, *arguments):
        with self.assertRaises(dbus.DBusException) as caught:
            self.authorize(*arguments)
        self.assertEqual(caught.exception.get_dbus_name(), f"org.attesterd.Error.{name}", caught.exception.get_dbus_message())
        return caught.exception.get_dbus_message()

    def test_first_visit_second_from_the_cache_and_fresh_contexts_never(self):
        header, digest = challenge(ISSUER_NAME, ORIGIN, self.key)
        first, info = self.authorize(header)
        self.assertFalse(info["from-cache"])
        self.assertGreaterEqual(info["quote-shared-by"], 1)
        second, info = self.authorize(header)
        self.assertTrue(info["from-cache"])
        for token in (first, second):
            verify(token, digest, self.key)
        self.assertNotEqual(first, second)
        header, digest = challenge(ISSUER_NAME, ORIGIN, self.key, secrets.token_bytes(32))
        token, info = self.authorize(header)
        verify(token, digest, self.key)
        self.assertFalse(info["from-cache"])

    def test_wrong_origin_is_refused(self):
        header, _ = challenge(ISSUER_NAME, ORIGIN, self.key)
        self.assert_fails("OriginMismatch", header, "another.example")

    def test_policy_that_changes_throws_the_cache_away(self):
        header, _ = challenge(ISSUER_NAME, ORIGIN, self.key)
        self.authorize(header)
        self.assertEqual(self.call("GetStatus")["cached-tokens"], 1)
        self.stack.write("etc/policy.d/50-fleet.conf", "[Policy]\nVersion=2\n[Rule known-os]\nRequire=known(os.id)\n")
        self.stack.reload_daemon()
        wait_for(lambda: self.call("GetStatus")["cached-tokens"] == 0, "the new policy")
        wait_for(lambda: self.call("GetStatus").get("policy-version") == 2, "its version")
        self.authorize(header)
        self.assertEqual(self.call("GetStatus")["cached-tokens"], 1)
        self.stack.reload_daemon()
        # The same rules are the same policy: by the time that the daemon answers this, what it had to say was said.
        self.authorize(challenge(ISSUER_NAME, ORIGIN, self.key, secrets.token_bytes(32))[0])
        self.assertEqual(self.call("GetStatus")["cached-tokens"], 1)
        self.stack.write("etc/policy.d/50-fleet.conf", "[Policy]\nVersion=2\n[Rule known-version]\nRequire=known(os.id)\n")
        self.stack.reload_daemon()
        wait_for(lambda: self.call("GetStatus")["cached-tokens"] == 0, "other rules of the same version")

    def test_daemon_that_is_down_is_named(self):
        header, _ = challenge(ISSUER_NAME, ORIGIN, self.key)
        self.stack.end("attesterd")
        self.addCleanup(self.stack.start_daemon)
        self.assertIn("not running", self.assert_fails("DaemonUnreachable", header))

    def test_a_token_fetched_ahead_waits_for_the_next_visit(self):
        """Runs first, by its name: what other cases met twice is fetched ahead too, and would be counted here."""
        header, digest = challenge(ISSUER_NAME, "often.example", self.key)
        voprf, _ = challenge(ISSUER_NAME, "often.example", None, token_type=1)
        for _ in range(2):
            self.authorize(header, "often.example")
            self.authorize(voprf, "often.example")
        wait_for(lambda: self.call("GetStatus")["cached-tokens"] == 16, "the fetches ahead", 60)
        # Each was one post.
        self.assertEqual(self.stack.log("issuer").count("8 of 8 tokens"), 2)
        self.assertNotIn("takes no batches", self.stack.log("attesterd"))
        token, info = self.authorize(header, "often.example")
        self.assertTrue(info["from-cache"])
        verify(token, digest, self.key)
        token, info = self.authorize(voprf, "often.example")
        self.assertEqual((info["from-cache"], info["token-type"], len(token)), (True, 1, 98 + 48))

    def test_memory_holds_no_token_that_was_handed_out(self):
        context = secrets.token_bytes(32)
        fresh, _ = self.authorize(challenge(ISSUER_NAME, ORIGIN, self.key, context)[0])
        header, _ = challenge(ISSUER_NAME, ORIGIN, self.key)
        now, _ = self.authorize(header)
        kept, info = self.authorize(header)
        self.assertTrue(info["from-cache"])
        self.assertGreater(len(self.memory()), 100_000)
        # The reply can be here a moment before the agent has wiped it there; nothing else happens in it meanwhile.
        for where, token in (("with a context", fresh), ("fetched", now), ("from the cache", kept)):
            wait_for(lambda token=token: not self.left_of(token), f"no trace of the token {where}")

    def memory(self):
        return memory_of(self.stack.processes["agent"].pid)

    def left_of(self, token):
        content, authenticator = self.memory(), token[98:]
        return [name for name, secret in (("nonce", token[2:34]), ("signature", authenticator), ("part of it", authenticator[100:132]))
                if any(form in content for form in spellings(secret))]

    def test_memory_search_finds_a_token_that_is_kept(self):
        """The search above can fail: the part that tokens of a challenge share is there while one is kept, and not after."""
        header, _ = challenge(ISSUER_NAME, "kept.example", self.key)
        token, _ = self.authorize(header, "kept.example")
        pattern = token[34:98]
        self.assertTrue(pattern in self.memory())
        self.authorize(header, "kept.example")
        self.call("ClearCache")
        wait_for(lambda: pattern not in self.memory(), "no trace of the kept token")

    def test_other_programs_of_the_user_cannot_look_into_it(self):
        process = self.stack.processes["agent"].pid
        self.assertEqual(pathlib.Path(f"/proc/{process}/mem").stat().st_uid, 0)
        locked = re.search(r"VmLck:\s+(\d+)", pathlib.Path(f"/proc/{process}/status").read_text()).group(1)
        self.assertGreaterEqual(int(locked), 40)

    def test_example_in_the_documentation_works(self):
        page = (SOURCE / "docs" / "agent.md").read_text()
        example = re.search(r"```python\n(.*?)```", page, flags=re.DOTALL).group(1)
        self.stack.write("example.py", example)
        header, digest = challenge(ISSUER_NAME, "example.com", self.key)
        result = self.stack.run(sys.executable, "-W", "ignore", self.stack.path("example.py"), header, "example.com")
        verify(token_of(result.stdout.strip()), digest, self.key)
        result = self.stack.run(sys.executable, "-W", "ignore", self.stack.path("example.py"), header, "other.example", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("OriginMismatch", result.stderr)


class Examples(unittest.TestCase):
    """What examples/ and the manual pages show, done as a newcomer would, with the files that `meson install` puts in place."""

    @classmethod
    def setUpClass(cls):
        cls.stack = stack = STACK
        stack.start_gate()
        stack.start_site()
        cls.root = stack.path("installed")
        stack.run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", cls.root, "--tags", "devel,runtime")
        package = next(cls.root.rglob("libattester.pc"))
        cls.environment = {"PKG_CONFIG_PATH": str(package.parent), "PKG_CONFIG_SYSROOT_DIR": str(cls.root),
                           "LD_LIBRARY_PATH": str(package.parents[1]), "CURL_CA_BUNDLE": str(stack.path("ca.pem")),
                           "SSL_CERT_FILE": str(stack.path("ca.pem")),
                           "PATH": f"{next(cls.root.rglob('attestctl')).parent}:{stack.environment['PATH']}"}

    def shell(self, script, check=True):
        return self.stack.run("bash", "-euc", script, environment=self.environment, check=check)

    def compile(self, name, packages="libattester"):
        program = self.stack.path(name)
        self.shell(f"cc -Wall -Wextra -Werror -o {program} {SOURCE}/examples/{name}.c $(pkg-config --cflags --libs {packages})")
        return program

    def challenge(self):
        return self.shell(f"curl -so /dev/null -w '%header{{www-authenticate}}' {self.stack.site_url}").stdout

    def assert_gets_in(self, script):
        result = self.shell(script, check=False)
        self.assertIn("Members' area", result.stdout, result.stderr)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_blocking(self):
        program = self.compile("blocking", "libattester libcurl")
        self.assert_gets_in(f"{program} {self.stack.site_url}")
        result = self.shell(f"DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent {program} {self.stack.site_url}", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("no token: DaemonUnreachable: ", result.stderr)

    def test_asynchronous(self):
        program = self.compile("asynchronous")
        origin, challenges = self.stack.origin, [self.challenge() for _ in range(3)]
        lines = [f"{origin} {challenge}" for challenge in challenges] + [f"other.example {challenges[0]}", f"{origin} Basic realm=x"]
        self.stack.write("challenges", "\n".join(lines) + "\n")
        answers = self.shell(f"{program} <{self.stack.path('challenges')}").stdout.splitlines()
        self.assertEqual(len(answers), len(lines))
        self.assertIn("OriginMismatch", "".join(answer for answer in answers if answer.startswith("other.example error: ")))
        self.assertEqual(sum(f"{origin} error: Unsupported" in answer for answer in answers), 1)
        tokens = [answer.split(" ", 1)[1] for answer in answers if answer.startswith(f"{origin} PrivateToken ")]
        self.assertEqual(len(set(tokens)), 3)
        for token in tokens:
            self.assert_gets_in(f"curl -sSf -H 'Authorization: {token}' {self.stack.site_url}")

    def test_agent_from_python(self):
        self.assert_gets_in(f"{sys.executable} -W ignore {SOURCE}/examples/agent.py {self.stack.site_url}")
        result = self.shell(f"{sys.executable} -W ignore {SOURCE}/examples/agent.py {self.stack.site_url}missing", check=False)
        self.assertIn("404", result.stderr)

    def test_agent_from_python_goes_by_the_website_that_asked_in_the_end_and_by_tls(self):
        site_url, header = self.stack.site_url, self.challenge()

        class Plain(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(302 if self.path == "/go" else 401)
                self.send_header(*(("Location", site_url) if self.path == "/go" else ("WWW-Authenticate", header)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Plain) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_address[1]}"
            self.assert_gets_in(f"{sys.executable} -W ignore {SOURCE}/examples/agent.py {url}/go")
            result = self.shell(f"{sys.executable} -W ignore {SOURCE}/examples/agent.py {url}/", check=False)
            server.shutdown()
        self.assertIn("HTTP Error 401", result.stderr)

    def test_code_of_the_manual_page_compiles(self):
        """With what it leaves out: statements go into a function, declarations of the reader's own before it."""
        blocks = re.findall(r"(?s)```c\n(.*?)```", (SOURCE / "docs" / "libattester.md").read_text())
        self.assertEqual(len(blocks), 2)
        callback, loop = blocks[1].split("\n}\n", 1)
        source = self.stack.write("page.c", f"""#include <attester.h>
#include <poll.h>
int fail(const char *);
int repeat_request(void *, const char *);
int one(const char *www_authenticate);
int one(const char *www_authenticate) {{ {blocks[0]} return 0; }}
{callback} }}
void two(struct attester *attester, const char *www_authenticate, void *request);
void two(struct attester *attester, const char *www_authenticate, void *request) {{
struct attester_error error;
struct attester_operation *operation;
{loop} }}
""")
        self.shell(f"cc -Wall -Wextra -Werror -Wno-unused-parameter -fsyntax-only {source} $(pkg-config --cflags libattester)")

    def test_commands_of_the_manual_page(self):
        page = (SOURCE / "docs" / "attestctl.md").read_text()
        commands = re.search(r"(?s)\n## token\n.*?```sh\n(.*?)```", page).group(1)
        self.assertIn("attestctl token", commands)
        self.assert_gets_in(commands.replace("https://www.example.org/", self.stack.site_url).replace("www.example.org", self.stack.origin))


if __name__ == "__main__":
    BUILD, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
    del sys.argv[1:3]
    unittest.main(verbosity=2)
