# SPDX-License-Identifier: BSD-2-Clause
"""The whole system on one machine: swtpm, a system bus, attesterd, attester-issuer, attester-gate and nginx.

Everything lives in one temporary directory and listens on 127.0.0.1 or a Unix socket there; every wait is bounded;
stop() ends exactly the processes that were started here. Used by ./demo and by the tests of the suite `e2e`.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(SOURCE / "tests" / "keys"))

import rsa_keys  # noqa: E402

ISSUER_NAME = "issuer.example"
LENIENT_POLICY = "[Policy]\nVersion=1\n[Rule known-os]\nRequire=known(os.id)\n"
# For visitors that are as fast as the machine.
HIGH_LIMITS = "[Limits]\nRequestsPerSecond=10000\nRequestsBurst=10000\n"
WAIT_SECONDS = 60  # a busy machine takes its time; what comes is noticed at once


class StackError(Exception):
    """Something did not come up or answer in time; the text says what and holds the end of its log."""


def wait_for(condition, what, seconds=WAIT_SECONDS, process=None):
    """Polls condition() until it gives something true, and returns that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        if process is not None and process.poll() is not None:
            raise StackError(f"{what}: the process ended with status {process.returncode}")
        time.sleep(0.02)
    raise StackError(f"{what}: not within {seconds} s")


def listens(path):
    """Whether a connection is taken: a Unix socket's path is there a moment earlier."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


class Stack:
    """Parts are started in the order of the methods below; each needs those above it."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="attester-"))
        self.processes = {}
        self.tpm_count = 0
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.top)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    # --- what most tests begin with ------------------------------------------------------------------------------------

    def start_ground(self):
        """What everything else stands on."""
        self.make_certificates()
        self.start_tpm()
        self.start_bus()

    def start_website(self, **issuer):
        """An issuer, a gate that asks for its tokens, and attesterd's configuration for both; start_ground() comes first."""
        self.start_issuer(**issuer)
        self.start_gate()
        self.configure_issuer()

    # --- processes ---------------------------------------------------------------------------------------------

    def path(self, *parts):
        return self.top.joinpath(*parts)

    def log(self, name):
        file = self.path(f"{name}.log")
        return file.read_text(errors="replace") if file.exists() else ""

    def spawn(self, name, *arguments, environment=None):
        with open(self.path(f"{name}.log"), "ab") as log:
            process = subprocess.Popen(
                [str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**self.environment, **(environment or {})}, start_new_session=True)
        self.processes[name] = process
        return process

    def wait(self, name, condition, what):
        try:
            return wait_for(condition, what, process=self.processes[name])
        except StackError as error:
            raise StackError(f"{error}\n{self.log(name)[-2000:]}") from None

    def end(self, name, signal_number=signal.SIGTERM):
        """Ends one process and returns its exit status."""
        process = self.processes.pop(name, None)
        if process is None:
            return None
        process.send_signal(signal_number)
        try:
            return process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(timeout=10)

    def stop(self, keep=False):
        for name in reversed(list(self.processes)):
            self.end(name)
        if not keep:
            shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def public(self, *files):
        """Copies of files where every user may read them: the tree may be in a home directory that is closed to others."""
        directory = self.path("public")
        directory.mkdir(exist_ok=True)
        for file in files:
            shutil.copy(file, directory)
        return directory

    def run(self, *arguments, check=True, timeout=60, environment=None, text=True):
        result = subprocess.run([str(a) for a in arguments], capture_output=True, text=text, timeout=timeout, check=False,
                                stdin=subprocess.DEVNULL, env={**self.environment, **(environment or {})})
        if check and result.returncode != 0:
            raise StackError(f"{arguments[0]} ended with {result.returncode}: {result.stdout}{result.stderr}")
        return result

    def write(self, name, text):
        file = self.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    # --- TLS: one CA, one certificate for localhost ---------------------------------------------------------------

    def make_certificates(self):
        self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                 "-subj", "/CN=attesterd test CA", "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"))
        self.run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                 "-keyout", self.path("tls.key"), "-out", self.path("tls.csr"))
        self.path("tls.key").chmod(0o600)
        self.sign_certificate()

    def sign_certificate(self, names="DNS:localhost,IP:127.0.0.1", environment=None):
        """The servers' certificate, valid for twenty days from now."""
        extensions = self.write("tls.ext", f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
        self.run("openssl", "x509", "-req", "-in", self.path("tls.csr"), "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"),
                 "-CAcreateserial", "-days", "20", "-extfile", extensions, "-out", self.path("tls.pem"), environment=environment)

    # --- TPM ---------------------------------------------------------------------------------------------------------

    def start_tpm(self, pcr_banks="sha256", setup=()):
        """A swtpm with EK certificates of a CA of its own, manufactured on the first call, with more options of swtpm_setup; later
        calls are a reboot. An ordinary one that is the stack's first is a copy of the one that was manufactured with the build."""
        state, ready = self.path("tpm"), self.build / "tests" / "e2e" / "tpm.tar"
        if not state.exists():
            if self.tpm_count == 0 and pcr_banks == "sha256" and not setup and ready.exists():
                shutil.unpack_archive(ready, self.top)
            else:
                self.manufacture_tpm(state, "--pcr-banks", pcr_banks, *setup)
            self.tpm_count += 1
        socket_path = self.path("tpm.sock")
        self.spawn("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--flags", "startup-clear",
                   "--server", f"type=unixio,path={socket_path}", "--ctrl", f"type=unixio,path={socket_path}.ctrl")
        self.wait("swtpm", lambda: listens(socket_path), "swtpm")
        self.tcti = f"swtpm:path={socket_path}"

    def slow_tpm(self, *options):
        """Puts the proxy of tests/faults between the TPM and everybody else."""
        proxy = self.path("proxy.sock")
        self.spawn("proxy", sys.executable, SOURCE / "tests" / "faults" / "tcti_proxy.py", "--listen", proxy,
                   "--tpm", self.path("tpm.sock"), *options)
        self.wait("proxy", lambda: "ready" in self.log("proxy"), "the TPM proxy")
        self.tcti = f"swtpm:path={proxy}"

    def plan_tpm(self, options=""):
        """Gives the proxy other options, or none, and returns the report of what was before."""
        with socket.socket(socket.AF_UNIX) as plan:
            plan.settimeout(WAIT_SECONDS)
            plan.connect(f"{self.path('proxy.sock')}.plan")
            plan.sendall(options.encode() + b"\n")
            return json.loads(plan.makefile().readline())

    def manufacture_tpm(self, state, *options):
        state.mkdir()
        ca = self.path("tpm-ca")
        ca.mkdir(exist_ok=True)
        self.write("tpm-ca/localca.conf", f"statedir = {ca}\nsigningkey = {ca}/signkey.pem\nissuercert = {ca}/issuercert.pem\n"
                                          f"certserial = {ca}/certserial\n")
        self.write("tpm-ca/localca.options", "--platform-manufacturer attesterd\n--platform-version 1\n--platform-model simulator\n")
        setup = self.write("tpm-ca/setup.conf", f"create_certs_tool = /usr/bin/swtpm_localca\n"
                           f"create_certs_tool_config = {ca}/localca.conf\ncreate_certs_tool_options = {ca}/localca.options\n")
        self.run("swtpm_setup", "--tpm2", "--tpmstate", state, "--create-ek-cert", "--config", setup, "--overwrite",
                 "--lock-nvram", *options)
        chain = (ca / "issuercert.pem").read_text() + (ca / "swtpm-localca-rootca-cert.pem").read_text()
        self.write("tpm-ca/chain.pem", chain)

    def extend_pcr(self, index, text):
        """What a changed boot would do, while the daemon has the TPM open: the swtpm TCTI connects for each command."""
        digest = self.run("sha256sum", self.write("measured", text)).stdout.split()[0]
        self.run("tpm2_pcrextend", f"{index}:sha256={digest}", "-T", self.tcti)

    def replay_log(self, log):
        """Extends the TPM with what a machine's boot measured; `log` is an EventLog of tests/issuer/event_log.py."""
        extends = [f"{pcr}:sha256={digest.hex()}" for pcr, digest in log.extends()]
        for at in range(0, len(extends), 8):
            self.run("tpm2_pcrextend", *extends[at : at + 8], "-T", self.tcti)

    # --- bus ---------------------------------------------------------------------------------------------------------

    def start_bus(self):
        """A private system bus with the policy file that is shipped."""
        address = f"unix:path={self.path('bus.sock')}"
        policy = SOURCE / "packaging" / "dbus" / "org.attesterd.conf"
        config = self.write("bus.conf", f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>{policy}</include>
</busconfig>
""")
        self.top.chmod(0o755)
        self.spawn("dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", f"--config-file={config}")
        self.wait("dbus-daemon", lambda: listens(self.path("bus.sock")), "the bus")
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = address

    # --- servers -----------------------------------------------------------------------------------------------------

    def wait_for_port(self, name):
        """The port that a server with --port-file chose; the file's first line, if it has a line for metrics too."""
        file = self.path(f"{name}.port")
        return int(self.wait(name, lambda: file.exists() and file.read_text().split(), f"{name}'s port")[0])

    def start_issuer(self, policy=LENIENT_POLICY, require_evidence=True, nonce_lifetime=120, port=0, types=None, name=ISSUER_NAME):
        state = self.path("issuer")
        if not state.exists():
            state.mkdir(mode=0o700)
            rsa_keys.give_to_issuer(state)
        self.write("issuer-policy/50-fleet.conf", policy)
        config = self.write("issuer.conf", f"""[Issuer]
Name={name}
Listen=127.0.0.1:{port}
MetricsListen=127.0.0.1:0
Certificate={self.path('tls.pem')}
CertificateKey={self.path('tls.key')}
StateDirectory={state}
[Verifier]
RequireEvidence={'yes' if require_evidence else 'no'}
RequireEkCertificate=yes
EkCaFile={self.path('tpm-ca/chain.pem')}
NonceLifetime={nonce_lifetime}
Policy={self.path('issuer-policy')}
""" + (f"[Keys]\nTypes={types}\n" if types else ""))
        self.path("issuer.port").unlink(missing_ok=True)
        self.spawn("issuer", self.build / "issuer" / "attester-issuer", "--allow-root", "--config", config, "--port-file", self.path("issuer.port"))
        self.issuer_port = self.wait_for_port("issuer")
        self.issuer_url = f"https://localhost:{self.issuer_port}/.well-known/private-token-issuer-directory"

    def start_gate(self, origin=None, issuer=ISSUER_NAME, directory=None, private_key=None):
        """For `origin`, or for the site that start_site() brings up on a port that is taken now."""
        if origin is None:
            self.site_port = self.reserve_port()
            origin = self.origin = f"localhost:{self.site_port}"
        config = self.write("gate.conf", f"""[Gate]
Listen=127.0.0.1:0
OriginName={origin}
Issuer={issuer}
DirectoryUrl={directory or self.issuer_url}
CaFile={self.path('ca.pem')}
""" + (f"TokenPrivateKeyFile={private_key}\n" if private_key else ""))
        for file in ("gate.port", "gate.log"):
            self.path(file).unlink(missing_ok=True)
        self.spawn("gate", self.build / "issuer" / "gate" / "attester-gate", "--allow-root", "--config", config, "--port-file", self.path("gate.port"))
        self.gate_port = self.wait_for_port("gate")
        self.wait("gate", lambda: '"keys","outcome":"ok"' in self.log("gate"), "the issuer's keys at the gate")

    def reserve_port(self):
        """A port that nobody else on this machine is using now; for servers that cannot choose one themselves."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def start_site(self):
        """nginx over TLS with one page, protected by the gate through auth_request."""
        self.write("site/index.html", "<h1>Members' area</h1>\n")
        config = self.write("nginx.conf", f"""daemon off;
master_process off;
user root;
error_log {self.path('nginx-error.log')};
pid {self.path('nginx.pid')};
events {{ }}
http {{
  access_log off;
  client_body_temp_path {self.path('nginx-body')};
  proxy_temp_path {self.path('nginx-proxy')};
  fastcgi_temp_path {self.path('nginx-fastcgi')};
  uwsgi_temp_path {self.path('nginx-uwsgi')};
  scgi_temp_path {self.path('nginx-scgi')};
  server {{
    listen 127.0.0.1:{self.site_port} ssl;
    server_name localhost;
    ssl_certificate {self.path('tls.pem')};
    ssl_certificate_key {self.path('tls.key')};
    root {self.path('site')};
    location / {{
      auth_request /attester-gate;
      # The index module would redirect inside nginx and ask the gate a second time, about a token that is then spent.
      try_files $uri $uri/index.html =404;
      auth_request_set $attester_reason $upstream_http_x_attester_reason;
      add_header X-Attester-Reason $attester_reason always;
    }}
    location = /attester-gate {{
      internal;
      proxy_pass http://127.0.0.1:{self.gate_port}/auth;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Forwarded-Host $http_host;
    }}
  }}
}}
""")
        self.spawn("nginx", "nginx", "-c", config, "-p", self.top)
        self.wait("nginx", lambda: self.answers(self.site_port), "nginx")
        self.site_url = f"https://{self.origin}/"

    @staticmethod
    def answers(port):
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    # --- daemon and client ---------------------------------------------------------------------------------------------

    def configure_issuer(self, name=ISSUER_NAME, url=None, attest=True, mirror=None):
        self.write(f"etc/issuers.d/{name.replace(':', '_')}.conf", f"""[Issuer]
Name={name}
Url={url or self.issuer_url}
CaFile={self.path('ca.pem')}
Attest={'yes' if attest else 'no'}
{f'DirectoryMirror={mirror}' if mirror else ''}
""")

    def start_daemon(self, root="/", limits="", pcrs="sha256:7", options=()):
        """attesterd, measuring below `root`; configure_issuer() comes first. Returns when its name is on the bus."""
        self.write("etc/attesterd.conf", f"[TPM]\nTcti={self.tcti}\nPcrs={pcrs}\n{limits}")
        state = self.path("state")
        state.mkdir(mode=0o700, exist_ok=True)
        self.spawn("attesterd", self.build / "attesterd" / "attesterd", "--allow-root", "--config-dir", self.path("etc"), "--state-dir", state,
                   "--root", root, "--net-program", self.build / "attesterd" / "net" / "attester-net", "--log-level", "info", *options)
        self.wait("attesterd", self.name_is_owned, "org.attesterd on the bus")

    def name_is_owned(self):
        return "true" in self.run("dbus-send", "--system", "--dest=org.freedesktop.DBus", "--print-reply", "/",
                                  "org.freedesktop.DBus.NameHasOwner", "string:org.attesterd", check=False).stdout

    def start_agent(self, *options):
        """A session bus and attester-agent on it; returns when its name is on the bus."""
        address = f"unix:path={self.path('session.sock')}"
        config = self.write("session.conf", f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
""")
        if "session-bus" not in self.processes:
            self.spawn("session-bus", "dbus-daemon", "--nofork", "--nopidfile", f"--config-file={config}")
            self.wait("session-bus", lambda: listens(self.path("session.sock")), "the session bus")
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = address
        self.spawn("agent", self.build / "client" / "agent" / "attester-agent", *options)
        self.wait("agent", self.agent_is_there, "org.attesterd.Client1 on the session bus")

    def agent_is_there(self):
        return "true" in self.run("dbus-send", "--session", "--dest=org.freedesktop.DBus", "--print-reply", "/",
                                  "org.freedesktop.DBus.NameHasOwner", "string:org.attesterd.Client1", check=False).stdout

    def reload_daemon(self):
        self.processes["attesterd"].send_signal(signal.SIGHUP)

    def attestctl(self, *arguments, check=True, timeout=60):
        return self.run(self.build / "client" / "attestctl", *arguments, check=check, timeout=timeout)

    def attestctl_as(self, user, *arguments):
        """As another user than the test's."""
        client = self.build / "client"
        directory = self.public(client / "attestctl", client / "libattester.so.1")
        return self.run("setpriv", "--reuid", user, "--clear-groups", directory / "attestctl", *arguments, check=False,
                        environment={"LD_LIBRARY_PATH": str(directory)})

    def attestctl_json(self, *arguments):
        return json.loads(self.attestctl(*arguments, "--json").stdout)
