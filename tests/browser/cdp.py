#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Chromium by the Chrome DevTools Protocol over its own two pipes: nothing listens, and no driver program is needed."""

import base64
import json
import os
import pathlib
import selectors
import shutil
import subprocess
import sys
import time

WAIT_SECONDS = 100
# The browser's ends of the pipes must be its file descriptors 3 and 4; dup() first, since they may be that already.
LAUNCHER = ("import os, sys\n"
            "ends = [os.dup(os.dup(os.dup(int(end)))) for end in sys.argv[1:3]]\n"
            "[os.dup2(end, place) for end, place in zip(ends, (3, 4))]\n"
            "os.execv(sys.argv[3], sys.argv[3:])")


class BrowserError(Exception):
    """The browser answered with an error, or not in time."""


class Pipe:
    """Messages to and from the browser; each ends with a NUL byte."""

    def __init__(self, to_browser, from_browser):
        self.to_browser, self.from_browser = to_browser, from_browser
        os.set_blocking(from_browser, False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(from_browser, selectors.EVENT_READ)
        self.received, self.number, self.events = b"", 0, []

    def close(self):
        self.selector.close()
        for end in (self.to_browser, self.from_browser):
            os.close(end)

    def read(self, end):
        """The next message, or an exception when `end` (monotonic) has passed."""
        while b"\0" not in self.received:
            if not self.selector.select(max(0, end - time.monotonic())):
                raise BrowserError("Chromium does not answer")
            piece = os.read(self.from_browser, 1 << 20)
            if not piece:
                raise BrowserError("Chromium has ended")
            self.received += piece
        message, _, self.received = self.received.partition(b"\0")
        return json.loads(message)

    def call(self, method, session=None, seconds=WAIT_SECONDS, **parameters):
        self.number += 1
        number, end = self.number, time.monotonic() + seconds
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read(end)
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def event(self, session, wanted):
        """The parameters of the next event of this session, from now or from before, for which wanted(method, parameters) holds; what
        came before it is forgotten."""
        end = time.monotonic() + WAIT_SECONDS
        while True:
            message = self.events.pop(0) if self.events else self.read(end)
            if message.get("sessionId") == session and wanted(message["method"], message["params"]):
                return message["params"]


class Page:
    """One tab, popup or service worker."""

    def __init__(self, browser, target):
        self.browser, self.target = browser, target
        self.session = browser.pipe.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method, **parameters):
        return self.browser.pipe.call(method, self.session, **parameters)

    def run(self, expression):
        """The value of an expression, which may be a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"].get("exception", answer["exceptionDetails"])))
        return answer["result"].get("value")

    def open(self, url):
        """Starts a navigation as a person who types an address does."""
        self.call("Page.navigate", url=url)

    def front(self):
        self.call("Page.bringToFront")

    @property
    def title(self):
        try:
            return self.run("document.title")
        except BrowserError:
            return None  # between two documents

    def screenshot(self, file):
        picture = self.call("Page.captureScreenshot", format="png")
        pathlib.Path(file).write_bytes(base64.b64decode(picture["data"]))

    def close(self):
        self.browser.pipe.call("Target.closeTarget", targetId=self.target)


class Chromium:
    """Debian's Chromium with a profile below `directory`, as `user`; without a window unless the environment has a display."""

    def __init__(self, directory, environment, *arguments, user=None):
        self.profile = pathlib.Path(directory)
        self.profile.mkdir(parents=True, exist_ok=True)
        out, to_browser = os.pipe()
        from_browser, into = os.pipe()
        program = shutil.which("chromium") or "chromium"
        self.log = open(f"{self.profile}.log", "ab")
        window = ["--window-size=900,700", "--window-position=20,20", "--ozone-platform=x11"] if "DISPLAY" in environment else ["--headless=new"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, str(out), str(into), program, *window, "--no-sandbox",
             "--remote-debugging-pipe", "--enable-unsafe-extension-debugging", f"--user-data-dir={self.profile}", "--no-first-run",
             "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--password-store=basic", "--no-default-browser-check", *arguments, "about:blank"],
            pass_fds=(out, into), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment, start_new_session=True,
            cwd="/", **({} if user is None else {"user": user, "group": user, "extra_groups": []}))
        for end in (out, into):
            os.close(end)
        self.pipe = Pipe(to_browser, from_browser)

    def install(self, directory, name="background.js"):
        """Loads an extension; returns its id and its background."""
        extension = self.pipe.call("Extensions.loadUnpacked", path=str(directory))["id"]
        background = self.page_of("service_worker", f"chrome-extension://{extension}/{name}")
        # It may still be loading its modules; and what the browser answers now, it answers after it has heard of the listeners.
        end = time.monotonic() + WAIT_SECONDS
        while not background.run("globalThis.chrome?.webRequest?.onHeadersReceived.hasListeners() && chrome.tabs.query({}).then(() => true)"):
            if time.monotonic() > end:
                raise BrowserError("the extension's background does not listen")
            time.sleep(0.05)
        return extension, background

    def page_of(self, kind, url):
        """The page, popup or worker with this URL, once it is there."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            for target in self.pipe.call("Target.getTargets")["targetInfos"]:
                if target["type"] == kind and target["url"] == url:
                    page = Page(self, target["targetId"])
                    # Only then does the worker's own context answer.
                    page.call("Runtime.enable")
                    return page
            time.sleep(0.05)
        raise BrowserError(f"no {kind} {url}")

    def popup(self, tab, extension, background):
        """Opens the page behind the extension's button, above this tab."""
        tab.front()
        background.run("chrome.action.openPopup()")
        return self.page_of("page", f"chrome-extension://{extension}/popup.html")

    def new_page(self, url="about:blank", **options):
        return Page(self, self.pipe.call("Target.createTarget", url=url, **options)["targetId"])

    def stop(self):
        try:
            self.pipe.call("Browser.close", seconds=10)
            self.process.wait(timeout=10)
        except (BrowserError, subprocess.TimeoutExpired, OSError):
            self.process.kill()
            self.process.wait(timeout=10)
        self.pipe.close()
        self.log.close()
