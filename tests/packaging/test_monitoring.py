#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What an operator's Prometheus and Grafana are given, against the metrics of running servers. Usage: test_monitoring.py BUILD-DIRECTORY"""

import http.client
import json
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from stack import ISSUER_NAME, SOURCE, Stack  # noqa: E402
from visitor import ask  # noqa: E402

MONITORING = SOURCE / "packaging" / "monitoring"
PROMTOOL = "/usr/bin/promtool"
NAMES = r"attester_(?:issuer|gate)_[a-z_]+"


class MeteredStack(Stack):
    def write(self, name, text):
        return super().write(name, text.replace("[Gate]\n", "[Gate]\nMetricsListen=127.0.0.1:0\n") if name == "gate.conf" else text)


def promtool(*arguments, text=None):
    return subprocess.run([PROMTOOL, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False, cwd=MONITORING)


class Monitoring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = stack = MeteredStack(BUILD)
        cls.addClassCleanup(stack.stop)
        stack.start_ground()
        stack.start_website()
        stack.start_daemon()
        _, challenge, _ = ask(stack)
        arguments = ("token", "--challenge", challenge, "--origin", stack.origin)
        stack.attestctl("enroll", ISSUER_NAME)
        ask(stack, stack.attestctl(*arguments).stdout.strip())
        # Nonsense, so that there is a refusal in the issuer's numbers.
        stack.run("curl", "--silent", "--cacert", stack.path("ca.pem"), "--data", "x", "-H", "Content-Type: application/private-token-request",
                  stack.issuer_url.replace("/.well-known/private-token-issuer-directory", "/token-request"))
        cls.texts = {name: cls.scrape(name) for name in ("issuer", "gate")}

    @classmethod
    def scrape(cls, name):
        port = int(cls.stack.path(f"{name}.port").read_text().split()[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def measured(self):
        return set(re.findall(rf"^({NAMES})[{{ ]", "\n".join(self.texts.values()), re.M))

    def test_metrics_are_well_formed(self):
        for name, text in self.texts.items():
            done = promtool("check", "metrics", text=text)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), name)

    def test_rules_are_well_formed_and_fire_when_they_should(self):
        for arguments in (("check", "rules", "attesterd.rules.yml"), ("test", "rules", "attesterd.rules.test.yml")):
            done = promtool(*arguments)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_rules_and_dashboard_name_only_what_is_measured(self):
        for file in ("attesterd.rules.yml", "grafana.json"):
            named = set(re.findall(NAMES, (MONITORING / file).read_text()))
            self.assertGreater(len(named), 5)
            self.assertEqual(named - self.measured(), set(), file)

    def test_dashboard_shows_everything_that_is_measured(self):
        named = set(re.findall(NAMES, (MONITORING / "grafana.json").read_text()))
        parts = {name for name in self.measured() if re.search("_(sum|count)$", name)}  # of the histogram that is shown
        self.assertEqual(self.measured() - named - parts, set())

    def test_dashboards_queries_are_well_formed(self):
        panels = [panel for panel in json.loads((MONITORING / "grafana.json").read_text())["panels"] if panel["type"] != "row"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        rules = [{"record": f"panel:{panel['id']}:{target['refId'].lower()}",
                  "expr": target["expr"].replace("$__rate_interval", "5m").replace("$issuer", ".*").replace("$gate", ".*")}
                 for panel in panels for target in panel["targets"]]
        file = self.stack.write("panels.json", json.dumps({"groups": [{"name": "panels", "rules": rules}]}))  # YAML has JSON in it
        done = promtool("check", "rules", file)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"{len(rules)} rules found", done.stdout)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main(verbosity=2)
