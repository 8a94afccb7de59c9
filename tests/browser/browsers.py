# SPDX-License-Identifier: BSD-2-Clause
"""Each browser with the extension and its way to the agent, as the cases of test_browser.py need it."""

import shutil

from sites import CHROMIUM_ID, FIREFOX_ID
from user_session import USER

ENGLISH = {"LANG": "en_US.UTF-8", "LANGUAGE": "en_US"}


class Chromium:
    """What the cases need of Chromium."""

    def __init__(self, sites):
        import cdp

        self.own_id = CHROMIUM_ID
        self.install_manifest(sites, [CHROMIUM_ID])
        self.browser = cdp.Chromium(sites.users(sites.home / "chromium"), {**sites.environment, **sites.user, **ENGLISH}, "--ignore-certificate-errors",
                                    "--host-resolver-rules=MAP *.example 127.0.0.1", "--lang=en-US", user=USER)
        extension = shutil.copytree(sites.build / "client" / "browser" / "chromium", sites.path("extension"))
        self.extension, self.background = self.browser.install(extension)
        self.new_tab, self.stop = self.browser.new_page, self.browser.stop

    def popup(self, tab):
        return self.browser.popup(tab, self.extension, self.background)

    def private_tab(self):
        context = self.browser.pipe.call("Target.createBrowserContext")["browserContextId"]
        return self.browser.new_page(browserContextId=context)

    def stranger(self, directory):
        """A page of another extension, and that one's id."""
        extension = self.browser.pipe.call("Extensions.loadUnpacked", path=str(directory))["id"]
        page = self.browser.new_page()
        page.open(f"chrome-extension://{extension}/page.html")
        return page, extension

    def install_manifest(self, sites, extensions):
        sites.native_host(sites.home / "chromium" / "NativeMessagingHosts", {"allowed_origins": [f"chrome-extension://{name}/" for name in extensions]})


class Firefox:
    """What the cases need of Firefox. The popup and the background are a tab behind the one that is in front."""

    def __init__(self, sites):
        import marionette

        self.own_id = FIREFOX_ID
        self.install_manifest(sites, [FIREFOX_ID])
        hosts = ",".join(f"{name}.example" for name in ("shop", "blog", "kept", "never", "plain"))
        self.browser = marionette.Firefox(sites.users(sites.home / "firefox"), {**sites.environment, **sites.user, **ENGLISH}, user=USER,
                                          **{"network.dns.localDomains": hosts, "intl.locale.requested": "en-US"})
        self.browser.install(shutil.copy(sites.build / "client" / "browser" / "firefox.zip", sites.path("extension.xpi")))
        self.host = self.browser.chrome(f"WebExtensionPolicy.getByID('{FIREFOX_ID}').mozExtensionHostname")
        self.background = self.extension_page()
        self.new_tab, self.stop = self.browser.new_tab, self.browser.stop

    def extension_page(self):
        page = self.browser.new_tab(focus=False)
        page.open(f"moz-extension://{self.host}/popup.html")
        return page

    def popup(self, tab):
        tab.front()
        return self.extension_page()

    def private_tab(self):
        return self.browser.new_tab(window="window", private=True)

    def stranger(self, directory):
        """A page of another extension, and that one's id."""
        archive = shutil.make_archive(str(directory), "zip", directory)
        extension = self.browser.install(shutil.move(archive, f"{directory}.xpi"))
        page = self.browser.new_tab(focus=False)
        page.open(f"moz-extension://{self.browser.chrome(f'WebExtensionPolicy.getByID({extension!r}).mozExtensionHostname')}/page.html")
        return page, extension

    def install_manifest(self, sites, extensions):
        sites.native_host(sites.home / ".mozilla" / "native-messaging-hosts", {"allowed_extensions": extensions})
