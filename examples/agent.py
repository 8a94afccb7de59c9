#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Fetches a page, with a Private Access Token if the website asks for one: from attester-agent, by D-Bus alone (python3-dbus).

usage: agent.py https://www.example.org/
"""

import sys
import urllib.error
import urllib.parse
import urllib.request

import dbus


def authorization(www_authenticate, origin):
    """The value of Authorization for a website's WWW-Authenticate."""
    agent = dbus.Interface(dbus.SessionBus().get_object("org.attesterd.Client1", "/org/attesterd/Client"), "org.attesterd.Client1")
    value, _info = agent.GetAuthorization(www_authenticate, origin, dbus.Dictionary({}, signature="sv"), timeout=60)
    return value


def fetch(url):
    try:
        return urllib.request.urlopen(url, timeout=30).read()
    except urllib.error.HTTPError as refusal:
        challenges = refusal.headers.get_all("WWW-Authenticate", [])
        url = refusal.url  # where redirects led
        where = urllib.parse.urlsplit(url)
        # Without TLS nobody knows who asks.
        if refusal.code != 401 or not challenges or where.scheme != "https":
            raise
    origin = where.hostname if where.port in (None, 443) else f"{where.hostname}:{where.port}"
    request = urllib.request.Request(url)
    # Not to where a redirect may lead.
    request.add_unredirected_header("Authorization", authorization(", ".join(challenges), origin))
    return urllib.request.urlopen(request, timeout=30).read()


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(fetch(sys.argv[1]))
    except (OSError, dbus.DBusException) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
