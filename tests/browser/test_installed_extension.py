#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the Debian package puts in place is all that Debian's browsers need: the extension is there, and reaches the native host.

usage: test_installed_extension.py BUILD-DIRECTORY chromium|firefox
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "e2e"))

import namespace  # noqa: E402

HOST_NAME = "org.attesterd.native_host"
CHROMIUM_ID, FIREFOX_ID = "ggiccncnheochblgiaijgechoakegajn", "access-tokens@attesterd.org"
LINKS = SOURCE / "packaging" / "debian" / "attester-agent.links"
ASK = f"""chrome.runtime.sendNativeMessage('{HOST_NAME}', {{ id: 1, method: 'status' }})
  .then((answer) => JSON.stringify(answer), (error) => 'refused: ' + error.message)"""


def install(build, scratch):
    """As the package does, in this mount namespace: whatever the build's prefix is, files are in Debian's places besides."""
    staged = scratch / "staged"
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", f"--destdir={staged}"], check=True, timeout=100)
    for top in ("/usr", "/etc"):
        if not namespace.overlay(top, str(scratch)):
            print(f"cannot run here: no overlay of {top}")
            sys.exit(namespace.CANNOT_RUN_HERE)
    shutil.copytree(staged, "/", dirs_exist_ok=True, symlinks=True)
    for place, debian in (("usr/local/etc", "/etc"), ("usr/local", "/usr")):
        if (staged / place).is_dir():
            shutil.copytree(staged / place, debian, dirs_exist_ok=True, symlinks=True)
    for line in LINKS.read_text().splitlines():
        target, link = (pathlib.Path("/", name) for name in line.split())
        assert target.exists(), target
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)


class Installed(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="attester-browser-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        # No message bus is to be found there: that the host says so, and not that nobody may call, is the end of this path.
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "LANG": "en_US.UTF-8", "XDG_RUNTIME_DIR": str(self.home)}

    def ask_host(self):
        """By a page of the extension's own."""
        return self.chromium() if BROWSER == "chromium" else self.firefox()

    def chromium(self):
        import cdp

        browser = cdp.Chromium(self.home / "profile", self.environment)
        self.addCleanup(browser.stop)
        browser.page_of("service_worker", f"chrome-extension://{CHROMIUM_ID}/background.js")
        url = f"chrome-extension://{CHROMIUM_ID}/popup.html"
        browser.new_page(url)
        return browser.page_of("page", url).run(ASK)

    def firefox(self):
        import marionette

        browser = marionette.Firefox(self.home / "profile", self.environment)
        self.addCleanup(browser.stop)
        host, end = None, time.monotonic() + marionette.WAIT_SECONDS
        while host is None and time.monotonic() < end:
            host = browser.chrome(f"WebExtensionPolicy.getByID('{FIREFOX_ID}')?.mozExtensionHostname ?? null")
            time.sleep(0.1)
        self.assertIsNotNone(host, "the extension is not there")
        page = browser.new_tab()
        page.open(f"moz-extension://{host}/popup.html")
        return page.run(ASK)

    def test_extension_is_there_and_reaches_the_native_host(self):
        answer = self.ask_host()
        self.assertTrue(answer.startswith("{"), answer)
        self.assertEqual(json.loads(answer)["error"]["name"], "DaemonUnreachable", answer)


if __name__ == "__main__":
    BUILD, BROWSER = sys.argv[1:3]
    namespace.enter(os.path.join("/usr/bin", {"chromium": "chromium", "firefox": "firefox-esr"}[BROWSER]))
    del sys.argv[1:3]
    with tempfile.TemporaryDirectory(prefix="attester-installed-") as directory:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=True, timeout=30)
        install(BUILD, pathlib.Path(directory))
        result = unittest.main(verbosity=2, exit=False).result
        # Overlays hold it until the namespace ends.
        subprocess.run(["umount", "--lazy", directory], check=True, timeout=30)
    sys.exit(not result.wasSuccessful())
