# SPDX-License-Identifier: BSD-2-Clause
"""Firefox by Marionette, the protocol below WebDriver that Firefox itself speaks, on a port of 127.0.0.1 of its choice."""

import base64
import json
import pathlib
import shutil
import socket
import subprocess
import time

WAIT_SECONDS = 100


class BrowserError(Exception):
    """The browser answered with an error, or not in time."""


class Connection:
    """Packets are "LENGTH:JSON"; a command is [0, number, name, parameters], its answer [1, number, error, result]."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), WAIT_SECONDS)
        self.received, self.number = b"", 0
        self.read()

    def read(self):
        while True:
            length, colon, rest = self.received.partition(b":")
            if colon and len(rest) >= int(length):
                self.received = rest[int(length):]
                return json.loads(rest[: int(length)])
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise BrowserError("Firefox has ended")
            self.received += piece

    def call(self, name, **parameters):
        self.number += 1
        packet = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(str(len(packet)).encode() + b":" + packet)
        _, number, error, result = self.read()
        assert number == self.number
        if error:
            raise BrowserError(f"{name}: {error['error']}: {error['message']}")
        return result.get("value", result) if isinstance(result, dict) else result

    def close(self):
        self.socket.close()


class Tab:
    """One tab. Each call brings it to the front, unless it is to stay in the background."""

    def __init__(self, browser, handle, focus=True):
        self.browser, self.handle, self.focus = browser, handle, focus

    def front(self):
        self.browser.call("WebDriver:SwitchToWindow", handle=self.handle, focus=self.focus)

    def run(self, expression):
        """The value of an expression, which may be a promise."""
        self.front()
        return self.browser.script(expression)

    def open(self, url):
        self.front()
        self.browser.call("WebDriver:Navigate", url=url)

    @property
    def title(self):
        try:
            return self.run("document.title")
        except BrowserError:
            return None  # between two documents

    def screenshot(self, file):
        self.front()
        pathlib.Path(file).write_bytes(base64.b64decode(self.browser.call("WebDriver:TakeScreenshot", full=False)))

    def close(self):
        self.front()
        self.browser.call("WebDriver:CloseWindow")
        self.browser.call("WebDriver:SwitchToWindow", handle=self.browser.first, focus=False)


class Firefox:
    """Debian's Firefox with a profile below `directory`, as `user`; without a window unless the environment has a display."""

    PREFERENCES = {
        "app.update.enabled": False, "browser.shell.checkDefaultBrowser": False, "datareporting.policy.dataSubmissionEnabled": False,
        "browser.startup.page": 0, "browser.newtabpage.enabled": False, "extensions.logging.enabled": True, "marionette.port": 0,
        "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
        "services.settings.server": "data:,", "browser.aboutwelcome.enabled": False, "toolkit.telemetry.reportingpolicy.firstRun": False,
    }

    def __init__(self, directory, environment, user=None, **preferences):
        self.profile = pathlib.Path(directory)
        self.profile.mkdir(parents=True, exist_ok=True)
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in {**self.PREFERENCES, **preferences}.items()]
        (self.profile / "user.js").write_text("\n".join(lines))
        self.log = open(f"{self.profile}.log", "ab")
        window = [] if "DISPLAY" in environment else ["--headless"]
        program = shutil.which("firefox-esr") or "firefox"
        self.process = subprocess.Popen([program, *window, "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", str(self.profile), "about:blank"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment, start_new_session=True, cwd="/",
                                        **({} if user is None else {"user": user, "group": user, "extra_groups": []}))
        self.connection = Connection(self.port())
        self.call = self.connection.call
        self.call("WebDriver:NewSession", acceptInsecureCerts=True)
        self.first = self.call("WebDriver:GetWindowHandle")

    def port(self):
        file, end = self.profile / "MarionetteActivePort", time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            if file.exists() and file.read_text():
                return int(file.read_text())
            time.sleep(0.05)
        raise BrowserError("Firefox does not start: " + pathlib.Path(f"{self.profile}.log").read_text()[-1000:])

    def script(self, expression, *arguments):
        text = ("const done = arguments[arguments.length - 1];"
                f"(async () => ({expression}))().then((value) => done({{ value }}), (error) => done({{ error: String(error) }}));")
        answer = self.call("WebDriver:ExecuteAsyncScript", script=text, args=list(arguments), newSandbox=True, sandbox=None)
        if answer is None:
            return None  # the page went away while it ran
        if "error" in answer:
            raise BrowserError(answer["error"])
        return answer.get("value")

    def chrome(self, expression, *arguments):
        """The value of an expression that runs with the browser's own rights."""
        self.call("Marionette:SetContext", value="chrome")
        try:
            return self.script(expression, *arguments)
        finally:
            self.call("Marionette:SetContext", value="content")

    def install(self, archive):
        return self.call("Addon:Install", path=str(archive), temporary=True)

    def new_tab(self, focus=True, window="tab", private=False):
        return Tab(self, self.call("WebDriver:NewWindow", type=window, focus=focus, private=private)["handle"], focus)

    def stop(self):
        try:
            self.call("Marionette:Quit", flags=["eForceQuit"])
            self.process.wait(timeout=15)
        except (BrowserError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait(timeout=10)
        self.connection.close()
        self.log.close()
