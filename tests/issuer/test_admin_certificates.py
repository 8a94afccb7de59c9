#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The admin page's TLS client certificates in Chromium: who comes in, and who does not.

Usage: test_admin_certificates.py PROGRAM [unittest arguments].

The certificates are made and revoked as docs/issuer.md says. They are in the NSS database of a home of the browser's own, and a policy, in a
mount namespace of the test's own, stands for the person who is asked which one to take.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

for folder in ("browser", "e2e"):
    sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import namespace  # noqa: E402

if __name__ == "__main__":
    namespace.enter("/etc/chromium", "/usr/bin/certutil", "/usr/bin/pk12util")

import cdp  # noqa: E402
from admin_case import PASSWORD, Certificates, documented, run_documented  # noqa: E402
from issuer_case import IssuerCase  # noqa: E402

POLICIES = pathlib.Path("/etc/chromium/policies/managed")
# Who brings a certificate that is no good, and what the log says of it.
REFUSED = {"mallory": "issuer is unknown", "dave": "not on the allow-list"}


class InChromium(IssuerCase):
    """Each person has a host name of the issuer's, at which the browser presents that person's certificate."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="attester-admin-certificates-")
        cls.addClassCleanup(directory.cleanup)
        cls.directory = pathlib.Path(directory.name)
        cls.certificates = Certificates()
        cls.addClassCleanup(cls.certificates.close)
        cls.certificates.make("dave")
        # Of another authority that has the same name, so that a browser takes it for one that is asked for.
        cls.other = cls.certificates.directory / "other"
        run_documented(cls.other, documented("admin-ca.key").split("\n", 2)[2].replace("alice", "mallory"))
        listed = cls.directory / "admins"
        listed.write_text("CN=alice,O=Example\nCN=carol,O=Example\nCN=mallory,O=Example\nCN=expired\n")
        cls.options = {"keys": cls.certificates.section(f"ClientAllowList={listed}")}
        super().setUpClass()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/etc/chromium"], check=True, timeout=30)
        POLICIES.mkdir(parents=True)

    @classmethod
    def bundle(cls, name):
        """The file that its owner takes into the browser."""
        directory = cls.other if name == "mallory" else cls.certificates.directory
        if not (directory / f"{name}.p12").exists():
            run_documented(directory, documented("admin-ca.key").splitlines()[-1].replace("alice", name))
        return directory / f"{name}.p12"

    def browser(self, *people):
        """One that has the certificates of these people and no others."""
        home = self.directory / "-".join(people)
        database = home / ".pki" / "nssdb"
        database.mkdir(parents=True)
        for tool in (["certutil", "-N", "-d", f"sql:{database}", "--empty-password"],
                     *(["pk12util", "-i", self.bundle(name), "-d", f"sql:{database}", "-W", PASSWORD.strip()] for name in people)):
            subprocess.run(tool, check=True, timeout=60, capture_output=True)
        rules = [json.dumps({"pattern": self.url(name), "filter": {"SUBJECT": {"CN": name}}}) for name in people]
        (POLICIES / "certificates.json").write_text(json.dumps({"AutoSelectCertificateForUrls": rules}))
        browser = cdp.Chromium(home / "profile", {**os.environ, "HOME": str(home), "LANG": "en_US.UTF-8"}, "--lang=en-US",
                               "--ignore-certificate-errors", "--host-resolver-rules=MAP *.example 127.0.0.1")
        self.addCleanup(browser.stop)
        return browser

    def url(self, name):
        return f"https://{name}.example:{self.issuer.admin_port}"

    def visit(self, browser, name):
        """The text of the page that this person gets, or the browser's name of what went wrong."""
        page = browser.new_page()
        try:
            failure = page.call("Page.navigate", url=self.url(name)).get("errorText")
            return failure or page.run("new Promise((done) => { const look = () => document.readyState == 'complete' ? "
                                       "done(document.body.innerText) : setTimeout(look, 20); look(); })")
        finally:
            page.close()

    def refusals(self):
        return [event["detail"] for event in self.issuer.events() if event["event"] == "admin" and event["outcome"] == "refused"]

    def assert_refused(self, browser, name, why):
        before = len(self.refusals())
        self.assertRegex(self.visit(browser, name), "^net::ERR_")
        self.assertIn(why, " ".join(self.refusals()[before:]))

    def test_only_who_has_a_certificate_that_counts_comes_in(self):
        browser = self.browser("alice", "carol", *REFUSED)
        for name, why in REFUSED.items():
            with self.subTest(name):
                self.assert_refused(browser, name, why)
        for name in ("alice", "carol"):
            self.assertIn(f"CN={name},O=Example", self.visit(browser, name))
        run_documented(self.certificates.directory, documented("-fingerprint").replace("alice", "carol"))
        self.issuer.reload()
        # Her connection is open, and may get so far as to be told.
        self.assertRegex(self.visit(browser, "carol"), "^net::ERR_|Refused[^.]*CN=carol,O=Example is on the revocation list")
        self.assertIn("CN=carol,O=Example is on the revocation list", self.refusals()[-1])
        self.assertIn("CN=alice,O=Example", self.visit(browser, "alice"))

    def test_without_one_and_with_an_expired_one_nobody_comes_in(self):
        browser = self.browser("expired")
        self.assert_refused(browser, "expired", "a client certificate is needed")  # Chromium does not present it


if __name__ == "__main__":
    unittest.main(verbosity=2)
