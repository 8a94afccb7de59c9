#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The admin page in Chromium, over a forwarded port as ssh makes one. Usage: test_admin_browser.py PROGRAM BUILD [unittest arguments]."""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import cbor2

BUILD = pathlib.Path(sys.argv.pop(2)).resolve()
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "browser"))

import cdp  # noqa: E402
from admin_case import populate  # noqa: E402
from device import Device  # noqa: E402
from issuer_case import IssuerCase  # noqa: E402

WAIT_S = 30
POLICY = "[Policy]\nVersion=3\n[Rule firmware]\nRequire=pcr.approved@hardware\n[Rule system]\nRequire=os.id in {debian ubuntu}\nRemedy=Install a system of the fleet.\n"
MARKUP = "<script>document.title='owned'</script>"


class Forward:
    """What "ssh -L PORT:SOCKET" does on the operator's machine."""

    def __init__(self, path):
        self.path = str(path)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            far.connect(self.path)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()

    @staticmethod
    def copy(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()


class Browser(IssuerCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="attester-admin-browser-")
        cls.addClassCleanup(directory.cleanup)
        cls.directory = pathlib.Path(directory.name)
        cls.options = {"policy": POLICY, "keys": f"RotateDays=90\n[Admin]\nListen=unix:{cls.directory}/admin.sock"}
        super().setUpClass()
        cls.pictures = BUILD / "tests" / "browser" / "admin"
        cls.pictures.mkdir(parents=True, exist_ok=True)
        # A device that tells a lie with markup in it, one that is refused for its boot state, and a fleet around them.
        cls.group(cls.device_id, MARKUP)
        liar = Device()
        cls.ask_of(liar, {"os.id": [2, MARKUP], "os.version": [3, "12"]})
        cls.ask_of(cls.device, None)
        other = cbor2.loads(cls.issuer.enroll(liar).body)[2]
        cls.group(other, "W" * 64)
        populate(cls.issuer.directory / "state", 3000, busiest=23_456_789)
        cls.forward = Forward(cls.directory / "admin.sock")
        cls.addClassCleanup(cls.forward.close)
        environment = {**os.environ, "HOME": str(cls.directory), "LANG": "en_US.UTF-8"}
        cls.browser = cdp.Chromium(cls.directory / "chromium", environment, "--lang=en-US")
        cls.addClassCleanup(cls.browser.stop)

    @classmethod
    def group(cls, device, name):
        subprocess.run(cls.issuer.command("devices", "group", device, name), check=True, timeout=20)

    @classmethod
    def ask_of(cls, device, facts):
        if device is not cls.device:
            assert cls.issuer.enroll(device).status == 200
        request, _ = cls.key.blind()
        return cls.issuer.token_request(request, device.evidence(request, cls.issuer.nonce(), facts=facts))

    def setUp(self):
        self.page = self.browser.new_page()
        self.addCleanup(self.page.close)  # the tab, whatever page a case looks into
        self.page.call("Log.enable")
        self.page.call("Runtime.enable")
        self.browser.pipe.events.clear()
        self.window(1280, 800)

    def window(self, width, height, dark=False):
        self.page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, path):
        self.page.open(f"http://localhost:{self.forward.port}{path}")
        self.wait(f"location.pathname + location.search == {path!r} && document.readyState == 'complete'")

    def wait(self, expression):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            try:
                if self.page.run(expression):
                    return
            except cdp.BrowserError:
                pass  # between two documents
            time.sleep(0.05)
        self.fail(f"{expression}: {self.page.run('location.href')} {self.page.run('document.body.innerText')[:500]}")

    def complaints(self):
        self.page.run("new Promise((done) => setTimeout(done, 50))")
        return [event["params"] for event in self.browser.pipe.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]

    def picture(self, name, path):
        self.open(path)
        for kind, width, height, dark in (("light", 1280, 800, False), ("dark", 1280, 800, True), ("narrow", 390, 844, False)):
            self.window(width, height, dark)
            # Nothing sticks out sideways; wide tables scroll by themselves.
            self.assertLessEqual(self.page.run("document.documentElement.scrollWidth"), width, name)
            self.assertEqual(self.page.run(CUT_OFF), [], name)
            if kind == "narrow":
                self.assertEqual(self.page.run("[...document.querySelectorAll('.table')].filter((e) => e.scrollWidth > e.clientWidth).length"), 0, name)
            self.page.screenshot(self.pictures / f"{name}-{kind}.png")

    def test_pages_in_light_dark_and_narrow_windows(self):
        for name, path in (("overview", "/"), ("devices", "/devices"), ("device", f"/device?id={self.device_id}"), ("groups", "/groups"),
                           ("states", "/states"), ("refusals", "/refusals"), ("keys", "/keys"),
                           ("revoke", f"/change?do=revoke&id={self.device_id}"), ("missing", "/device?id=0"), ("nowhere", "/nowhere")):
            with self.subTest(name):
                self.picture(name, path)
        self.assertEqual([entry for entry in self.complaints() if "404" not in str(entry)], [])

    def test_markup_of_a_device_stays_text(self):
        for path in ("/", "/refusals", "/groups", f"/device?id={self.device_id}", "/devices?in=group&q=%3Cscript%3Ealert(1)%3C/script%3E"):
            self.open(path)
            self.assertIn("issuer.test", self.page.title)
            self.assertEqual(self.page.run("document.scripts.length"), 1)
        self.open("/refusals")
        self.assertIn(MARKUP, self.page.run("document.body.innerText"))

    def test_inline_script_would_not_run(self):
        self.open("/")
        self.page.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\"><p style=\"color:red\" id=p>x</p>')")
        self.page.run("const s = document.createElement('script'); s.textContent = 'document.title = 2'; document.body.append(s)")
        complaints = str(self.complaints())
        self.assertIn("Content Security Policy", complaints)
        self.assertIn("issuer.test", self.page.title)
        self.assertNotEqual(self.page.run("getComputedStyle(p).color"), "rgb(255, 0, 0)")

    def revoke_and_restore(self):
        self.open(f"/device?id={self.device_id}")
        for button, wanted in (("Revoke", "revoked"), ("Restore", "active")):
            self.page.run(f"void [...document.querySelectorAll('main .button')].find((b) => b.textContent.startsWith({button!r})).click()")
            self.wait("document.querySelector('form.confirm button') != null")
            self.page.run("void document.querySelector('form.confirm button').click()")
            self.wait(f"location.pathname == '/device' && document.querySelector('.title .badge')?.textContent == {wanted!r}")

    def test_revoke_and_restore_with_the_script(self):
        self.revoke_and_restore()
        changes = [event for event in self.issuer.events() if event["event"] == "admin"]
        self.assertEqual([(event["outcome"], event["detail"]) for event in changes[-2:]], [("ok", "revoke"), ("ok", "restore")])
        self.assertIn(f"(uid {os.geteuid()})", changes[-1]["who"])

    def test_revoke_and_restore_without_the_script(self):
        self.page.call("Emulation.setScriptExecutionDisabled", value=True)
        self.revoke_and_restore()

    def press(self, name, code, text=None):
        for kind in ("keyDown", "keyUp"):
            self.page.call("Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code, **({"text": text} if text and kind == "keyDown" else {}))

    def test_keyboard_alone_finds_a_device_and_opens_it(self):
        self.open("/devices")
        self.press("Tab", 9)
        self.assertEqual(self.page.run("document.activeElement.className"), "skip")
        self.press("/", 191, "/")
        self.assertEqual(self.page.run("document.activeElement.name"), "q")
        for letter in "kiosk":
            self.press(letter, ord(letter.upper()), letter)
        self.press("Enter", 13, "\r")
        self.wait("location.search.includes('q=kiosk') && document.readyState == 'complete'")
        self.assertIn("Devices of the group kiosk", self.page.run("document.querySelector('.lead').innerText"))
        for _ in range(60):
            self.press("Tab", 9)
            if self.page.run("document.activeElement.className") == "id":
                break
        self.assertEqual(self.page.run("getComputedStyle(document.activeElement).outlineStyle"), "solid")
        self.press("Enter", 13, "\r")
        self.wait("location.pathname == '/device'")

    def test_list_goes_further_and_back(self):
        self.open("/devices")
        first = self.page.run("document.querySelector('tbody .id').textContent")
        self.page.run("void document.querySelector('[rel=next]').click()")
        self.wait("location.search.includes('after=') && document.readyState == 'complete'")
        self.assertNotEqual(self.page.run("document.querySelector('tbody .id').textContent"), first)
        self.page.run("void document.querySelector('[rel=prev]').click()")
        self.wait("location.search.includes('before=') && document.readyState == 'complete'")
        self.assertEqual(self.page.run("document.querySelector('tbody .id').textContent"), first)

    def test_every_control_has_a_name_and_every_text_contrast(self):
        for dark in (False, True):
            self.window(1280, 800, dark)
            for path in ("/", "/devices", f"/device?id={self.device_id}", "/keys", "/states", f"/change?do=revoke&id={self.device_id}"):
                self.open(path)
                self.assertEqual(self.page.run(NAMELESS), [], path)
                self.assertEqual(self.page.run(FAINT), [], path)

    def test_page_of_another_origin_cannot_frame_it(self):
        self.page.open(f"data:text/html,<iframe src='http://localhost:{self.forward.port}/'></iframe>")
        frames = []
        end = time.monotonic() + WAIT_S
        while not frames and time.monotonic() < end:
            frames = [target["targetId"] for target in self.browser.pipe.call("Target.getTargets")["targetInfos"] if target["type"] == "iframe"]
        self.page = cdp.Page(self.browser, frames[0])
        self.wait("location.href != 'about:blank' && document.readyState == 'complete'")
        self.assertEqual(self.page.run("location.href"), "chrome-error://chromewebdata/")
        self.assertIsNone(self.page.run("document.querySelector('header')"))


# Links, buttons and fields that a screen reader has no word for.
NAMELESS = """[...document.querySelectorAll('a, button, input:not([type=hidden]), select, svg[role=img], img')].filter((e) =>
  !(e.textContent.trim() || e.getAttribute('aria-label') || e.getAttribute('alt') != null)).map((e) => e.outerHTML)"""
# Texts of a plot that stick out of it.
CUT_OFF = """[...document.querySelectorAll('svg text')].filter((e) => e.checkVisibility()).filter((e) => {
  const [text, plot] = [e, e.ownerSVGElement].map((each) => each.getBoundingClientRect());
  return text.left < plot.left || text.right > plot.right || text.top < plot.top || text.bottom > plot.bottom; }).map((e) => e.textContent)"""
# Texts whose contrast with what is behind them is below WCAG 2's 4.5 to 1.
FAINT = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] == 255) return c; }
    return [255, 255, 255, 255]; };
  return [...document.querySelectorAll('body *')].filter((e) => [...e.childNodes].some((n) => n.nodeType == 3 && n.data.trim()) && e.checkVisibility()
    && !(e instanceof SVGElement) && e.getClientRects().length && getComputedStyle(e).visibility == 'visible').filter((e) => {
      const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05) < 4.5; }).map((e) => e.outerHTML.slice(0, 120));
})()"""


if __name__ == "__main__":
    unittest.main(verbosity=2)
