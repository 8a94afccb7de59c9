# SPDX-License-Identifier: BSD-2-Clause
"""The toolbar's page as people meet it: by keyboard alone, read aloud, in the dark, and in each language."""

import json

from sites import wait_for

LANGUAGES = ("de", "en", "es", "fr", "it", "nl")
CONTRAST_MIN = 4.5       # WCAG 2.2, 1.4.3
POPUP_HEIGHT_MAX = 600   # more is scrolled, in Chromium

# Of each line with text: its colour against the page's, as a ratio.
CONTRASTS = """(() => {
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const page = luminance(getComputedStyle(document.body).backgroundColor);
  const shown = [...document.querySelectorAll('h1, h2, p, span')].filter((e) => e.textContent && e.checkVisibility());
  return shown.flatMap((e) => [getComputedStyle(e).color, getComputedStyle(e, '::before').color].map((color) => {
    const own = luminance(color);
    return [e.id, (Math.max(own, page) + 0.05) / (Math.min(own, page) + 0.05)];
  }));
})()"""
# Whatever is wider than its place.
TOO_WIDE = """[document.documentElement, ...document.querySelectorAll('h1, h2, p, label')]
  .filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.id || e.tagName)"""
# Before the page's own script: the sentences of another language than the browser's, as the browser would fill them in.
SPEAK = """{
  const request = new XMLHttpRequest();
  request.open('GET', chrome.runtime.getURL('_locales/%s/messages.json'), false);
  request.send();
  const messages = JSON.parse(request.responseText);
  chrome.i18n.getMessage = (key, values = []) => {
    const { message, placeholders = {} } = messages[key];
    return message.replace(/\\$(\\w+)\\$/g, (_, name) => [values].flat()[Number(placeholders[name.toLowerCase()].content.slice(1)) - 1]);
  };
}"""


class LookCases:
    """Mixed into the cases of test_browser.py. The page is the same in both browsers; Chromium lets a test look closer."""

    def refused_popup(self):
        """Open, at a website that asks for what there is not: all of its parts are there."""
        if self.browser.own_id.startswith("access-tokens@"):
            self.skipTest("looked at in Chromium")
        self.tab.open(f"https://{self.sites.kept}/foreign")
        self.await_title("401")
        popup = self.browser.popup(self.tab)
        self.addCleanup(popup.close)
        self.await_popup(popup, "there is none")
        return popup

    @staticmethod
    def await_popup(popup, *parts):
        """All of it is there, the device's state included."""
        wait_for(lambda: popup.run("document.querySelector('#device.good, #device.bad') !== null && document.getElementById('switch').hidden === false"),
                 "the popup")
        for part in parts:
            wait_for(lambda part=part: part in popup.run("document.body.innerText"), f"the popup's {part!r}")

    @staticmethod
    def press(popup, key, code, text=""):
        for kind in ("keyDown", "keyUp"):
            popup.call("Input.dispatchKeyEvent", type=kind, key=key, code=key if key == "Tab" else "Space", windowsVirtualKeyCode=code,
                       **({"text": text} if text and kind == "keyDown" else {}))

    def test_button_says_that_something_is_wrong_as_long_as_the_website_is_there(self):
        def button():
            return self.browser.background.run(
                """(async (api) => {
                  const tabs = await api.tabs.query({});
                  const said = tabs.map((tab) => [api.action.getBadgeText({ tabId: tab.id }), api.action.getTitle({ tabId: tab.id })]);
                  return Promise.all(said.map(async (each) => (await Promise.all(each)).join(" ")));
                })(globalThis.browser ?? chrome)""")

        for _ in range(3):
            self.tab.open(f"https://{self.sites.kept}/foreign")
            self.await_title("401")
            wait_for(lambda: [said for said in button() if said.startswith("! ") and "could not be answered" in said], "the button")
            self.visit(f"https://{self.sites.shop}/free/home.html", "home")
            wait_for(lambda: not [said for said in button() if said.startswith("!")], "the button elsewhere")

    def test_popup_is_used_by_keyboard_and_read_aloud(self):
        popup = self.refused_popup()
        self.press(popup, "Tab", 9)
        self.assertEqual(popup.run("document.activeElement.id"), "on")
        self.assertEqual(popup.run("getComputedStyle(document.activeElement).outlineStyle"), "solid")
        popup.screenshot(self.pictures / "keyboard.png")
        for checked, sentence in ((False, "will not get tokens"), (True, "Reload the page")):
            self.press(popup, " ", 32, " ")
            wait_for(lambda sentence=sentence: sentence in popup.run("document.getElementById('reload').textContent"), f"the switch's {sentence!r}")
            self.assertEqual(popup.run("document.getElementById('on').checked"), checked)
        nodes = [(node["role"]["value"], node["name"]["value"]) for node in popup.call("Accessibility.getFullAXTree")["nodes"]
                 if node.get("name", {}).get("value")]
        self.assertIn(("switch", "Answer this website"), nodes)
        self.assertIn(("heading", self.sites.kept), nodes)
        self.assertIn(("heading", "This device"), nodes)
        self.assertIn(("region", self.sites.kept), nodes)
        self.assertTrue(popup.run("[...document.querySelectorAll('p')].every((p) => p.getAttribute('role') === 'status')"))

    def test_popup_is_legible_in_light_and_dark(self):
        popup = self.refused_popup()
        pages = set()
        for scheme in ("light", "dark"):
            popup.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            pages.add(popup.run("getComputedStyle(document.body).backgroundColor"))
            contrasts = popup.run(CONTRASTS)
            self.assertGreater(len(contrasts), 10)
            for name, ratio in contrasts:
                self.assertGreaterEqual(ratio, CONTRAST_MIN, f"{name}, {scheme}")
            popup.screenshot(self.pictures / f"foreign-{scheme}.png")
        self.assertEqual(len(pages), 2)

    def test_popup_has_room_for_each_language(self):
        popup = self.refused_popup()
        popup.call("Page.enable")
        titles = set()
        for language in LANGUAGES:
            script = popup.call("Page.addScriptToEvaluateOnNewDocument", source=SPEAK % language)["identifier"]
            popup.call("Page.reload")
            messages = json.loads((self.sites.build / "client/browser/chromium/_locales" / language / "messages.json").read_text())
            self.await_popup(popup, messages["siteFailed"]["message"])
            self.assertEqual(popup.run(TOO_WIDE), [], language)
            self.assertLess(popup.run("document.documentElement.scrollHeight"), POPUP_HEIGHT_MAX, language)
            titles.add(popup.run("document.getElementById('device-title').textContent"))
            popup.screenshot(self.pictures / f"language-{language}.png")
            popup.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
        self.assertEqual(len(titles), len(LANGUAGES))
