# SPDX-License-Identifier: BSD-2-Clause
"""A visitor who talks to the gate itself, as a web server would on their behalf."""

import http.client


def ask(stack, token=None):
    """Asks the gate; returns status, challenge and reason."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.gate_port, timeout=20)
    try:
        headers = {"Host": stack.origin}
        if token is not None:
            headers["Authorization"] = token
        connection.request("GET", "/auth", headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("WWW-Authenticate"), response.getheader("X-Attester-Reason")
    finally:
        connection.close()
