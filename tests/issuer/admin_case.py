# SPDX-License-Identifier: BSD-2-Clause
"""An issuer with its admin page, the certificates that docs/issuer.md says how to make, and clients for the page."""

import contextlib
import html.parser
import http.client
import pathlib
import re
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import time
import urllib.parse

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "issuer.md"
PASSWORD = "a password\n"


def documented(containing):
    """The fenced block of the document's section on the admin page that has this text."""
    section = DOCUMENT.read_text().split("## Admin page")[1].split("\n## ")[0]
    return next(block for block in re.findall(r"```\n(.*?)```", section, re.DOTALL) if containing in block)


def run_documented(directory, block):
    """As somebody types it who answers the questions; without a terminal openssl asks on standard input."""
    subprocess.run(["bash", "-euc", block], cwd=directory, input=PASSWORD * 2, text=True, check=True, timeout=60, start_new_session=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={"PATH": "/usr/bin:/bin", "HOME": str(directory)})


class Certificates:
    """alice's as the document makes it, and others."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="attester-admin-test-")
        self.directory = pathlib.Path(self.temporary.name)
        run_documented(self.directory, documented("admin-ca.key"))
        self.revoked = self.directory / "admin-revoked"
        self.revoked.write_text("# nobody yet\n")
        self.make("bob")
        self.make("carol")
        self.make("server", extensions="extendedKeyUsage=serverAuth")
        self.make("expired", dates=("20200101000000Z", "20200201000000Z"))
        # The same name by another authority of the same name.
        other = self.directory / "other"
        other.mkdir()
        run_documented(other, documented("admin-ca.key"))

    def close(self):
        self.temporary.cleanup()

    def make(self, name, extensions="extendedKeyUsage=clientAuth", dates=None):
        if dates is None:
            block = documented("admin-ca.key").split("\n", 2)[2].replace("alice", name).replace("extendedKeyUsage=clientAuth", extensions)
            run_documented(self.directory, block.split("openssl pkcs12")[0])
            return
        # openssl-x509 of Debian 12 has no start and end: an authority's own command has.
        (self.directory / "ca.cnf").write_text("[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\ndatabase=index\nrand_serial=yes\ndefault_md=sha256\n"
                                               "policy=p\nunique_subject=no\n[p]\nO=optional\nCN=supplied\n")
        (self.directory / "index").touch()
        run_documented(self.directory, f"openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN={name} -keyout {name}.key -out {name}.csr\n"
                                       f"openssl ca -batch -notext -config ca.cnf -cert admin-ca.pem -keyfile admin-ca.key -startdate {dates[0]} "
                                       f"-enddate {dates[1]} -in {name}.csr -out {name}.pem")

    def section(self, more=""):
        return (f"\n[Admin]\nListen=127.0.0.1:0\nClientCA={self.directory}/admin-ca.pem\nClientRevocationList={self.revoked}\n{more}")

    def context(self, issuer, name=None):
        context = issuer.context()
        if name:
            context.load_cert_chain(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        return context


class Fields(html.parser.HTMLParser):
    """The hidden fields of the form that changes something, all text, and every tag with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.fields, self.tags, self.text = {}, [], ""
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.inside = attributes.get("method") == "post" if tag == "form" else self.inside
        if tag == "input" and self.inside:
            self.fields[attributes["name"]] = attributes["value"]

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "form"

    def handle_data(self, data):
        self.text += data


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()
        self.text = self.body.decode("utf-8", "replace")

    @property
    def page(self):
        return Fields(self.text)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(str(self.path))


class Client:
    """Somebody who uses the page."""

    def __init__(self, connect):
        self.connect = connect

    def request(self, method, path, body=None, **headers):
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
            return Answer(connection.getresponse())

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, fields, **headers):
        headers.setdefault("Content_Type", "application/x-www-form-urlencoded")
        return self.request("POST", "/change", urllib.parse.urlencode(fields).encode(), **headers)

    def form(self, **query):
        """What the page that asks whether it is meant puts into its form."""
        answer = self.get("/change?" + urllib.parse.urlencode(query))
        assert answer.status == 200, answer.text
        return answer.page.fields

    def change(self, **query):
        return self.post(self.form(**query))


def tls_client(certificates, issuer, name=None, version=ssl.TLSVersion.TLSv1_3):
    context = certificates.context(issuer, name)
    context.maximum_version = version
    return Client(lambda: http.client.HTTPSConnection("127.0.0.1", issuer.admin_port, timeout=20, context=context))


FLEET = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO devices (id, ek_name, enrolled_at, last_verified, device_group, status, ek_certified, seal)
SELECT printf('%08x%08x%08x%08x', (i * 2654435761) & 0xffffffff, (i * 40503 + 7) & 0xffffffff, (i * 97531) & 0xffffffff, i),
 CAST(x'000b' || printf('%032d', i) AS BLOB), :now - (:count - i) * 613 - 86400 * 40, CASE i % 11 WHEN 0 THEN 0 ELSE :now - (i * 7919) % 200000 END,
 CASE i % 7 WHEN 0 THEN 'office' WHEN 1 THEN 'kiosk' WHEN 2 THEN 'laboratory' ELSE '' END, i % 97 = 0, 1,
 CASE i % 5 WHEN 0 THEN 'approver fleet' WHEN 1 THEN 'none' WHEN 2 THEN '' ELSE 'sha256:0,2,4,7' END FROM n;
INSERT INTO keys (ak_name, device, ak_public, enrolled_at) SELECT CAST(x'000b' || printf('a%031d', row) AS BLOB), row, x'00', enrolled_at FROM devices
 WHERE row NOT IN (SELECT device FROM keys);
INSERT OR IGNORE INTO tokens SELECT row, :now / 86400 - d.value, 1 + (row * 31 + d.value) % 23 FROM devices, json_each('[0,1,2,3]') d WHERE row % 3 < 2;
INSERT OR IGNORE INTO states SELECT row, CAST(printf('%032d', row % 4) AS BLOB), :now - 90000 FROM devices WHERE row % 8 > 0;
INSERT OR IGNORE INTO approved SELECT g.value, CAST(printf('%032d', d.value) AS BLOB), :now - 400000 FROM json_each('["","office","kiosk"]') g, json_each('[0,1,2]') d;
"""


def populate(state_directory, count, busiest=0):
    """Puts `count` devices into the registry of an issuer, beside those that are there, while it runs, and one day of `busiest` tokens."""
    now = int(time.time())
    database = sqlite3.connect(state_directory / "registry.db", timeout=20)
    try:
        with database:
            for statement in FLEET.strip().split(";\n"):
                database.execute(statement, {name: value for name, value in (("count", count), ("now", now)) if f":{name}" in statement})
            for day in range(4, 30):
                database.execute("INSERT OR IGNORE INTO token_days VALUES (?, ?)", (now // 86400 - day, int(count * (5 + 3 * ((day * 7) % 5)) * (0.4 if (now // 86400 - day) % 7 in (2, 3) else 1))))
            if busiest:
                database.execute("INSERT OR REPLACE INTO token_days VALUES (?, ?)", (now // 86400 - 9, busiest))
    finally:
        database.close()
