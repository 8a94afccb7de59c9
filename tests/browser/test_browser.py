#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The extension in a real browser, against the whole system. Usage: test_browser.py BUILD-DIRECTORY chromium|firefox"""

import http.server
import json
import pathlib
import sys
import threading
import unittest

from sites import CHROMIUM_ID, FIREFOX_ID, Sites, wait_for

BUILD, BROWSER = sys.argv[1:3]
STRICT_POLICY = ("[Policy]\nVersion=2\n[Rule disk]\nRequire=os.id == \"no such system\"\n"
                 "Remedy=Encrypt the disk: see the handbook, page 3.\n")


class Chromium:
    """What the cases need of Chromium."""

    def __init__(self, sites):
        import cdp

        profile = sites.path("chromium")
        sites.native_host(profile / "NativeMessagingHosts", {"allowed_origins": [f"chrome-extension://{CHROMIUM_ID}/"]})
        self.browser = cdp.Chromium(profile, {**sites.environment, "LANG": "en_US.UTF-8"}, "--ignore-certificate-errors",
                                    "--host-resolver-rules=MAP *.example 127.0.0.1", "--lang=en-US")
        self.extension, self.background = self.browser.install(sites.build / "client" / "browser" / "chromium")
        self.new_tab, self.stop = self.browser.new_page, self.browser.stop

    def popup(self, tab):
        return self.browser.popup(tab, self.extension, self.background)


class Cases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pictures = pathlib.Path(BUILD) / "tests" / "browser" / BROWSER
        cls.pictures.mkdir(parents=True, exist_ok=True)
        cls.sites = sites = Sites(BUILD)
        cls.addClassCleanup(sites.stop)
        sites.up()
        cls.browser = {"chromium": Chromium, "firefox": lambda sites: Firefox(sites)}[BROWSER](sites)
        cls.addClassCleanup(cls.browser.stop)

    def setUp(self):
        self.sites.clear()
        self.tab = self.browser.new_tab()
        self.addCleanup(self.tab.close)

    def visit(self, url, title, tab=None):
        tab = tab or self.tab
        tab.open(url)
        self.await_title(title, tab)

    def await_title(self, title, tab=None):
        tab = tab or self.tab
        wait_for(lambda: tab.title == title, f"the page {title} (it is {tab.title})")

    def popup_says(self, *wanted, tab=None, picture=None):
        """Opens the toolbar's page, waits until it says all of this, and keeps a picture of it."""
        popup = self.browser.popup(tab or self.tab)
        try:
            text = ""
            for part in wanted:
                text = wait_for(lambda part=part: (lambda all: part in all and all)(popup.run("document.body.innerText")), f"the popup's {part!r}")
            if picture:
                popup.screenshot(self.pictures / f"{picture}.png")
            return text
        finally:
            popup.close()

    # --- what a person sees ------------------------------------------------------------------------------------------

    def test_first_visit_and_second_get_in_and_nobody_notices(self):
        for count in (1, 2):
            self.visit(f"https://{self.sites.shop}/one.html", "one")
            self.assertEqual(self.sites.statuses("/one.html"), [("GET", 401, False), ("GET", 200, True)] * count)
        tokens = {line[4] for line in self.sites.requests("/one.html") if line[4]}
        self.assertEqual(len(tokens), 2)
        self.popup_says("This website asked for tokens and got 2.", "Everything is fine", picture="answered")


if __name__ == "__main__":
    del sys.argv[1:3]
    unittest.main(verbosity=2)
