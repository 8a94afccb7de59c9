# SPDX-License-Identifier: BSD-2-Clause
"""Keys, certificates and signed policy bundles, made with openssl(1) and attestctl."""

import json

import bus_fixture
import dbus
from bus_fixture import ADMIN, LIMITS, BusCase, DaemonStack
from stack import wait_for

FLEET = "example.org"
COUNTER = "0x01a77e57"
CURVES = {"p256": "P-256", "p384": "P-384", "p224": "P-224"}
AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
SIGNER = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n"


class Bundles:
    """Files below the directory `bundles` of a stack."""

    def __init__(self, stack, fleet):
        self.stack, self.fleet = stack, fleet
        self.path("x").parent.mkdir(exist_ok=True)

    def path(self, *parts):
        return self.stack.path("bundles", *parts)

    def openssl(self, *arguments):
        self.stack.run("openssl", *arguments)

    def key(self, name, kind="ed25519"):
        """A private key NAME.key and its public half NAME.pub."""
        key, public = self.path(f"{name}.key"), self.path(f"{name}.pub")
        if kind == "ed25519":
            self.openssl("genpkey", "-algorithm", "ed25519", "-out", key)
        elif kind.startswith("rsa"):
            self.openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{kind[3:]}", "-out", key)
        else:
            self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{CURVES[kind]}", "-out", key)
        key.chmod(0o600)
        self.openssl("pkey", "-in", key, "-pubout", "-out", public)
        return key

    def authority(self, name, kind="p256", days=30):
        """An authority's key and its own certificate, NAME.pem."""
        key = self.key(name, kind)
        self.openssl("req", "-x509", "-new", "-key", key, "-subj", f"/CN={name}", "-days", days, "-out", self.path(f"{name}.pem"),
                     "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        return self.path(f"{name}.pem")

    def certificate(self, name, authority, extensions=SIGNER, kind="p256", days=30):
        """A key with a certificate by the authority; NAME.chain holds that and the authority's own."""
        key, request, chain = self.key(name, kind), self.path(f"{name}.csr"), self.path(f"{name}.chain")
        self.path(f"{name}.ext").write_text(extensions)
        self.openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.path(f"{authority}.pem"), "-CAkey", self.path(f"{authority}.key"),
                     "-CAcreateserial", "-days", days, "-extfile", self.path(f"{name}.ext"), "-out", self.path(f"{name}.pem"))
        above = self.path(f"{authority}.chain")
        above = above if above.exists() else self.path(f"{authority}.pem")
        chain.write_text(self.path(f"{name}.pem").read_text() + above.read_text())
        return chain

    def policy(self, version, rule="os.id == debian or unreadable(os.id) or known(os.id)", text=""):
        """A policy directory of one version; `rule` is what its one rule requires."""
        directory = self.path(f"policy-{version}")
        directory.mkdir(exist_ok=True)
        (directory / "10-base.conf").write_text(f"[Policy]\nVersion={version}\n[Rule base]\nRequire={rule}\n{text}")
        return directory

    def sign(self, version, key="fleet", fleet=None, check=True, policy=None, **options):
        """A bundle; options are those of attestctl, as in next_key=. Returns its path."""
        bundle = self.path(f"{key}-{version}.bundle")
        arguments = ["policy", "sign", "--key", self.path(f"{key}.key"), "--fleet", fleet or self.fleet, "-o", bundle]
        for name, value in options.items():
            arguments.append("--" + name.rstrip("_").replace("_", "-"))
            if value is not True:
                arguments.append(value)
        result = self.stack.attestctl(*arguments, policy or self.policy(version), check=False)
        if check:
            assert result.returncode == 0, result.stdout + result.stderr
            return bundle
        return result

    def show(self, bundle, *options):
        return json.loads(self.stack.attestctl("policy", "verify", bundle, *options, "--json").stdout)


class BundleCase(BusCase):
    """A daemon whose fleet trusts the key `fleet` and the authority `ca`. Each test goes on from a bundle of its own."""

    base = 0
    options = {"issuers": ("plain",)}

    @classmethod
    def setUpClass(cls):
        cls.stack = DaemonStack(bus_fixture.BUILD)
        cls.addClassCleanup(cls.stack.stop)
        cls.bundles = Bundles(cls.stack, FLEET)
        cls.bundles.key("fleet")
        cls.bundles.authority("ca")
        cls.bundles.key("stranger")
        cls.stack.start(limits=cls.config(), **cls.options)

    @classmethod
    def config(cls, trusted=("fleet.pub", "ca.pem"), extra=""):
        trust = cls.bundles.path("trust.pem")
        trust.write_text("".join(cls.bundles.path(name).read_text() for name in trusted))
        return f"{LIMITS}[Policy]\nFleet={FLEET}\nBundleKey={trust}\n{extra}"

    def restart(self, **keywords):
        self.stack.limits = self.config(**keywords)
        self.stack.restart_daemon()

    def next_base(self):
        """A version above all of the tests before."""
        type(self).base += 10
        return self.base

    def counter(self):
        result = self.stack.run("tpm2_nvread", "-C", COUNTER, COUNTER, environment={"TPM2TOOLS_TCTI": self.stack.tcti}, text=False)
        return int.from_bytes(result.stdout, "big")

    def wait_for_version(self, version):
        wait_for(lambda: self.stack.property("PolicyVersion") == version, "the bundle in force")

    def install(self, bundle):
        content = bundle if isinstance(bundle, bytes) else bundle.read_bytes()
        return int(self.stack.call(ADMIN, "InstallPolicyBundle", "ay", dbus.ByteArray(content)))

    def assert_refused(self, name, bundle, in_force):
        """Refused by this name; what was in force stays so, and status says why. Returns the sentence."""
        sentence = self.assert_error(name, self.install, bundle)
        self.assertEqual(self.stack.property("PolicyVersion"), in_force)
        self.assertEqual(self.stack.property("PolicyError"), sentence)
        self.assertIn(sentence, self.stack.attestctl("status").stdout.replace("\n", " "))
        self.stack.request("plain.example")
        return sentence

    def assert_in_force(self, version):
        self.assertEqual(self.stack.property("PolicyVersion"), version)
        self.assertEqual(self.stack.property("PolicyError"), "")
        self.stack.request("plain.example")
