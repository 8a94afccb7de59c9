#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The extension in a real browser, against the whole system. Usage: test_browser.py BUILD-DIRECTORY chromium|firefox x11|none"""

import json
import pathlib
import signal
import sys
import unittest

from sites import HOST_NAME, Sites, StackError, wait_for

from browsers import Chromium, Firefox
from look_cases import LookCases
from privacy_cases import PrivacyCases
from test_focus import Client as WindowClient

BUILD, BROWSER, DISPLAY = sys.argv[1:4]
STRICT_POLICY = ("[Policy]\nVersion=2\n[Rule disk]\nRequire=os.id == \"no such system\"\n"
                 "Remedy=Encrypt the disk: see the handbook, page 3.\n")
FOCUS_POLICY = "[Policy]\nVersion=2\n[Rule focus]\nRequire=window.focused\nRemedy=Click into the browser's window, then reload the page.\n"


class Cases(PrivacyCases, LookCases, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pictures = pathlib.Path(BUILD) / "tests" / "browser" / BROWSER
        cls.pictures.mkdir(parents=True, exist_ok=True)
        cls.sites = sites = Sites(BUILD)
        cls.addClassCleanup(sites.stop)
        sites.up(display=DISPLAY == "x11")
        cls.browser = {"chromium": Chromium, "firefox": Firefox}[BROWSER](sites)
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
        try:
            wait_for(lambda: tab.title == title, f"the page {title}")
        except StackError as error:
            raise StackError(f"{error}; it is {tab.title!r}, the extension says {self.noted()}, and has asked {self.sites.questions()} times") from None

    def noted(self):
        return self.browser.background.run("(globalThis.browser ?? chrome).storage.session.get()")

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

    # --- getting in --------------------------------------------------------------------------------------------------

    def test_first_visit_and_second_get_in_and_nobody_notices(self):
        for count in (1, 2):
            self.visit(f"https://{self.sites.shop}/one.html", "one")
            self.assertEqual(self.sites.statuses("/one.html"), [("GET", 401, False), ("GET", 200, True)] * count)
        tokens = {line[4] for line in self.sites.requests("/one.html") if line[4]}
        self.assertEqual(len(tokens), 2)
        self.popup_says("This website asked for tokens and got 2.", "Ready.", picture="answered")
        self.assertEqual(self.sites.requests("/one.html")[-1][3], 200)
        # On disk there is at most the list of websites that are switched off, and nowhere a token.
        stored = self.browser.background.run("(globalThis.browser ?? chrome).storage.local.get()")
        self.assertEqual([value for value in stored.values() if value], [])
        for token in tokens:
            self.assertNotIn(token.split('"')[1], str(self.noted()))

    def test_first_visit_leaves_one_entry_in_the_history_and_keeps_fragment_and_query(self):
        self.visit(f"https://{self.sites.shop}/free/home.html", "home")
        before = self.tab.run("history.length")
        self.tab.run("void setTimeout(() => document.getElementById('link').click())")
        self.await_title("one")
        self.assertEqual(self.tab.run("history.length"), before + 1)
        self.assertTrue(self.tab.run("location.href").endswith("/one.html?a=*b^c|d#part"))
        self.assertEqual(self.tab.run("document.referrer"), f"https://{self.sites.shop}/free/home.html")
        self.assertEqual(self.sites.statuses("/one.html?a=*b^c|d"), [("GET", 401, False), ("GET", 200, True)])

    def test_website_whose_challenges_may_be_kept_is_served_from_the_cache(self):
        for count in (1, 2):
            self.visit(f"https://{self.sites.kept}/page{count}", "in")
            asked = [authorization for path, authorization in self.sites.kept_site.requests if path == f"/page{count}"]
            self.assertEqual([value is not None for value in asked], [False, True])

    def test_two_tabs_and_two_websites_at_once(self):
        other = self.browser.new_tab()
        self.addCleanup(other.close)
        self.tab.open(f"https://{self.sites.shop}/one.html")
        other.open(f"https://{self.sites.blog}/two.html")
        self.await_title("one")
        self.await_title("two", other)
        for path in ("/one.html", "/two.html"):
            self.assertEqual(self.sites.statuses(path), [("GET", 401, False), ("GET", 200, True)])
        # The same URL in both: each has a token of its own.
        self.sites.clear()
        for tab in (self.tab, other):
            tab.open(f"https://{self.sites.shop}/two.html")
        for tab in (self.tab, other):
            self.await_title("two", tab)
        self.assertEqual(sorted(self.sites.statuses("/two.html")), [("GET", 200, True)] * 2 + [("GET", 401, False)] * 2)

    def test_frame_and_image_of_the_website_get_in(self):
        self.visit(f"https://{self.sites.shop}/free/frame.html", "frame")
        wait_for(lambda: self.tab.run("frame.contentDocument?.title") == "one", "the frame")
        self.visit(f"https://{self.sites.shop}/free/image.html", "image")
        wait_for(lambda: self.tab.run("picture.naturalWidth") == 1, "the image")
        for path in ("/one.html", "/picture.png"):
            self.assertEqual(self.sites.statuses(path), [("GET", 401, False), ("GET", 200, True)])

    def test_fetch_gets_in_as_far_as_the_browser_lets_it(self):
        """In Firefox at once; in Chromium when the page asks again, as it must after any 401."""
        self.visit(f"https://{self.sites.shop}/free/home.html", "home")
        fetch = "fetch('/data.json').then(async (r) => r.ok ? (await r.json()).answer : r.status)"
        if BROWSER == "chromium":
            self.assertEqual(self.tab.run(fetch), 401)
            wait_for(lambda: self.browser.background.run("chrome.declarativeNetRequest.getSessionRules().then((r) => r.length)") == 1, "the token")
        self.assertEqual(self.tab.run(fetch), 42)
        self.assertEqual(self.sites.statuses("/data.json"), [("GET", 401, False), ("GET", 200, True)])

    # --- what must not happen ----------------------------------------------------------------------------------------

    def test_form_is_never_sent_twice(self):
        self.visit(f"https://{self.sites.shop}/free/form.html", "form")
        self.tab.run("void setTimeout(() => document.forms[0].requestSubmit())")
        self.await_title("401")
        self.popup_says("when something was sent", "send it again", picture="form")
        self.assertEqual(self.sites.statuses("/accept"), [("POST", 401, False)])
        # After a visit that got in, too; and by script.
        self.visit(f"https://{self.sites.shop}/free/home.html", "home")
        self.assertEqual(self.tab.run("fetch('/accept', { method: 'POST', body: 'x' }).then((r) => r.status)"), 401)
        self.assertEqual(self.sites.statuses("/accept"), [("POST", 401, False)] * 2)

    def test_redirect_takes_no_token_along(self):
        for path, host in (("/to-other", self.sites.blog), ("/to-same", self.sites.shop)):
            self.visit(f"https://{self.sites.shop}{path}", "landed")
            self.assertEqual(self.sites.statuses(path), [("GET", 401, False), ("GET", 302, True)])
            landed = self.sites.requests("/free/landed.html")[-1]
            self.assertEqual((landed[0], landed[4]), (host, ""))

    def test_website_that_refuses_tokens_is_not_asked_in_a_loop(self):
        with self.sites.another_site("never.example") as site:
            def sent():
                return [value is not None for path, value in site.requests if path.startswith("/never")]

            self.tab.open(f"https://{site.origin}/never")
            self.popup_says("did not accept the token", picture="refused")
            self.assertEqual(sent(), [False, True])
            # A page that reloads itself: three tokens in all, then no more.
            self.tab.open(f"https://{site.origin}/never-reload")
            wait_for(lambda: len(sent()) >= 12, "the page's reloads")
            self.popup_says("refused three tokens", "Wait a minute", picture="often")
            self.assertEqual(sum(sent()), 3)

    def test_token_of_another_website_is_not_to_be_had(self):
        self.tab.open(f"https://{self.sites.kept}/foreign")
        self.popup_says("there is none", "asks for a token of other.example", picture="foreign")
        self.assertEqual([value for path, value in self.sites.kept_site.requests if path == "/foreign"], [None])

    def test_what_others_embed_gets_no_token(self):
        self.visit(f"https://{self.sites.shop}/free/foreign.html", "foreign")
        wait_for(lambda: self.tab.run("picture.complete"), "the image")
        wait_for(lambda: self.sites.statuses("/two.html"), "the frame")
        # By the time that the page's own image is there, the others would be, too.
        wait_for(lambda: self.tab.run("own.naturalWidth") == 1, "the page's own image")
        self.visit(f"https://{self.sites.shop}/one.html", "one")
        for path in ("/picture.png", "/two.html"):
            embedded = [line for line in self.sites.requests(path) if line[0] == self.sites.blog]
            self.assertEqual([(line[3], bool(line[4])) for line in embedded], [(401, False)])

    def test_website_without_tls_gets_no_token(self):
        with self.sites.another_site("plain.example", tls=False) as plain:
            self.tab.open(f"http://{plain.origin}/page")
            self.await_title("401")
            self.popup_says("Only websites with https", picture="plain")
            self.visit(f"https://{self.sites.shop}/one.html", "one")
            self.assertEqual([value for path, value in plain.requests if path == "/page"], [None])

    def test_page_cannot_reach_the_extension_or_the_native_host(self):
        self.visit(f"https://{self.sites.shop}/one.html", "one")
        for name in ("chrome", "browser"):
            self.assertIn(self.tab.run(f"typeof globalThis.{name}?.runtime?.connectNative"), ("undefined",))
            self.assertIn(self.tab.run(f"typeof globalThis.{name}?.runtime?.sendMessage"), ("undefined",))
        url = self.browser.background.run("chrome.runtime.getURL('popup.html')")
        self.assertEqual(self.tab.run(f"fetch('{url}').then(() => 'read', () => 'blocked')"), "blocked")

    def test_private_window_is_left_alone_unless_the_person_allows_the_extension_there(self):
        private = self.browser.private_tab()
        self.addCleanup(private.close)
        private.open(f"https://{self.sites.shop}/one.html")
        self.await_title("401", private)
        # Another page, by which time an answer would be there.
        self.visit(f"https://{self.sites.shop}/two.html", "two")
        self.assertEqual(self.sites.statuses("/one.html"), [("GET", 401, False)])

    def test_other_extension_cannot_use_the_native_host_or_this_extension(self):
        directory = self.sites.write("stranger/page.html", "<!doctype html><title>stranger</title>").parent
        manifest = {"manifest_version": 3, "name": "stranger", "version": "1", "permissions": ["nativeMessaging"],
                    "browser_specific_settings": {"gecko": {"id": "stranger@example.org"}}}
        self.sites.write("stranger/manifest.json", json.dumps(manifest))
        page, extension = self.browser.stranger(directory)
        self.addCleanup(page.close)
        self.await_title("stranger", page)
        # The browser goes by its manifest; if that is too generous, the host goes by its own list.
        say = "(answer) => JSON.stringify(answer ?? null), (error) => 'refused: ' + error.message"
        ask = f"chrome.runtime.sendNativeMessage('{HOST_NAME}', {{ id: 1, method: 'status' }}).then({say})"
        self.assertRegex(page.run(ask), "refused: .*(forbidden|No such native application)")
        self.browser.install_manifest(self.sites, [self.browser.own_id, extension])
        self.addCleanup(self.browser.install_manifest, self.sites, [self.browser.own_id])
        self.assertIn("NotAuthorized", page.run(ask))
        self.assertRegex(page.run(f"chrome.runtime.sendMessage('{self.browser.own_id}', 'status').then({say})"), "refused: |null")

    # --- when there is no token --------------------------------------------------------------------------------------

    def test_refusal_shows_the_website_s_own_page_and_the_remedy(self):
        self.set_policy(STRICT_POLICY)
        self.tab.open(f"https://{self.sites.shop}/one.html")
        self.popup_says("there is none", "Encrypt the disk: see the handbook, page 3.", picture="refusal")
        self.assertEqual(self.tab.title, "401")
        self.assertEqual(self.sites.statuses("/one.html"), [("GET", 401, False)])

    def set_policy(self, text):
        """Until the end of the case."""
        self.sites.write("etc/policy.d/50-fleet.conf", text)
        self.addCleanup(self.set_policy_aside)
        self.sites.reload_daemon()
        wait_for(lambda: self.policy_version() == 2, "the policy")

    def set_policy_aside(self):
        self.sites.path("etc/policy.d/50-fleet.conf").unlink()
        self.sites.reload_daemon()
        wait_for(lambda: self.policy_version() != 2, "the old policy")

    def policy_version(self):
        return self.sites.attestctl_json("status")["policy_version"]

    def test_daemon_that_is_down_leaves_the_website_s_page_and_is_named(self):
        self.sites.end("attesterd")
        try:
            self.tab.open(f"https://{self.sites.shop}/one.html")
            self.popup_says("there is none", "not running", picture="daemon-down")
            self.assertEqual(self.tab.title, "401")
        finally:
            self.sites.start_daemon()
        self.visit(f"https://{self.sites.shop}/one.html", "one")

    @unittest.skipUnless(DISPLAY == "x11", "there is no display")
    def test_window_behind_another_gets_no_token_until_it_is_brought_to_the_front(self):
        self.set_policy(FOCUS_POLICY)
        self.visit(f"https://{self.sites.shop}/one.html", "one")
        window = self.sites.x11_tool("xdotool", "getactivewindow").strip()
        other = WindowClient(self.sites, "x11", self.sites.user)
        self.addCleanup(other.end)
        self.sites.activate_window(other.id)
        self.tab.focus = False
        self.visit(f"https://{self.sites.shop}/two.html", "401")
        wait_for(lambda: "PolicyDenied" in str(self.noted()), "the refusal")
        self.tab.screenshot(self.pictures / "refused-page.png")
        self.assertEqual(self.sites.statuses("/two.html"), [("GET", 401, False)])
        self.tab.focus = True
        self.sites.x11_tool("xdotool", "windowactivate", "--sync", window)
        wait_for(lambda: self.sites.x11_tool("xdotool", "getactivewindow").strip() == window, "the browser in front")
        self.popup_says("there is none", "Click into the browser's window", picture="not-in-front")
        self.visit(f"https://{self.sites.shop}/two.html", "two")

    def test_gate_that_forgets_its_challenges_meanwhile_is_served_at_the_next_try(self):
        self.visit(f"https://{self.sites.shop}/one.html", "one")
        self.sites.restart_gate()
        self.visit(f"https://{self.sites.shop}/two.html", "two")
        # While a token is under way: it is for a challenge that nobody knows any more.
        agent, asked = self.sites.processes["agent"], self.sites.questions()
        agent.send_signal(signal.SIGSTOP)
        try:
            self.sites.clear()
            self.tab.run(f"void setTimeout(() => location.assign('https://{self.sites.shop}/one.html'))")
            wait_for(lambda: self.sites.questions() > asked, "the browser's question")
            self.sites.restart_gate()
        finally:
            agent.send_signal(signal.SIGCONT)
        wait_for(lambda: self.sites.statuses("/one.html") == [("GET", 401, False), ("GET", 401, True)], "the second request")
        self.popup_says("did not accept the token", "Reload the page")
        self.visit(f"https://{self.sites.shop}/one.html", "one")

    def test_website_that_never_asks_is_left_alone(self):
        asked = self.sites.questions()
        for _ in range(3):
            self.visit(f"https://{self.sites.shop}/free/home.html", "home")
            self.visit(f"https://{self.sites.shop}/free/landed.html", "landed")
        self.assertEqual(self.sites.requests("/one.html"), [])
        # By the time that the agent was asked once more, it would have been asked about the others.
        self.visit(f"https://{self.sites.shop}/one.html", "one")
        wait_for(lambda: self.sites.questions() > asked, "the question")
        self.assertEqual(self.sites.questions(), asked + 1)

    def test_issuer_s_new_key_changes_nothing(self):
        self.visit(f"https://{self.sites.shop}/one.html", "one")
        self.sites.rotate_key()
        self.visit(f"https://{self.sites.shop}/two.html", "two")
        self.assertEqual(self.sites.statuses("/two.html"), [("GET", 401, False), ("GET", 200, True)])

    def test_switch_holds_until_it_is_on_again(self):
        popup = self.switched_popup()
        self.assertTrue(popup.run("document.getElementById('on').checked"))
        popup.run("document.getElementById('on').click()")
        wait_for(lambda: "will not get tokens" in popup.run("document.body.innerText"), "the switch")
        popup.close()
        try:
            self.tab.open(f"https://{self.sites.shop}/one.html")
            self.popup_says("You have switched them off here.", picture="off")
            self.assertEqual(self.tab.title, "401")
            self.assertEqual(self.sites.statuses("/one.html"), [("GET", 401, False)])
            self.visit(f"https://{self.sites.blog}/two.html", "two")
        finally:
            popup = self.switched_popup()
            popup.run("document.getElementById('on').click()")
            wait_for(lambda: "Reload the page" in popup.run("document.body.innerText"), "the switch")
            popup.close()
        self.visit(f"https://{self.sites.shop}/one.html", "one")

    def switched_popup(self):
        self.visit(f"https://{self.sites.shop}/free/home.html", "home")
        popup = self.browser.popup(self.tab)
        wait_for(lambda: not popup.run("document.getElementById('switch').hidden"), "the switch")
        return popup


if __name__ == "__main__":
    del sys.argv[1:4]
    unittest.main(verbosity=2)
