# SPDX-License-Identifier: BSD-2-Clause
"""What fake issuers answer to batches of token requests (draft-ietf-privacypass-batched-tokens-06, section 6) and to single ones,
chosen by the issuer's name: "single-STATUS" knows no batches and answers them with that status; "batch" knows them; "batch-WORD"
answers them as the word has it below. An "attest-" in front or something more behind changes nothing here.
"""

import os

REQUEST, RESPONSE = "application/private-token-request", "application/private-token-response"
BATCH_REQUEST, BATCH_RESPONSE = "application/private-token-generic-batch-request", "application/private-token-generic-batch-response"
PROBLEM = "application/problem+json"
REQUEST_LENGTHS, RESPONSE_LENGTHS = {1: 52, 2: 259}, {1: 145, 2: 256}


def token_request(token_type, number=0):
    """As long as a TokenRequest of this type, and different from those of other numbers."""
    return token_type.to_bytes(2, "big") + bytes([number] * (REQUEST_LENGTHS[token_type] - 2))


def token_response(request):
    """As long as the TokenResponse, and different for each request; no token."""
    return bytes([request[-1] ^ 0xff] * RESPONSE_LENGTHS[request[1]])


def join(*items):
    """A vector of those: its length, as RFC 9000, section 16, has it in two bytes, in front."""
    content = b"".join(items)
    return (0x4000 | len(content)).to_bytes(2, "big") + content


def split(body):
    """The TokenRequests of a batch."""
    assert int.from_bytes(body[:2], "big") == 0x4000 | len(body) - 2, "not the length of the batch"
    requests, at = [], 2
    while at < len(body):
        requests.append(body[at : at + REQUEST_LENGTHS[body[at + 1]]])
        at += len(requests[-1])
    return requests


def present(request):
    return b"\1" + request[:2] + token_response(request)


def answers(requests):
    return join(*map(present, requests))


# Status and content of the answer to a batch of these requests.
BATCHES = {
    "": lambda requests: (200, answers(requests)),
    "short": lambda requests: (200, answers(requests[:-1])),
    "extra": lambda requests: (200, answers(requests + requests[:1])),
    "types": lambda requests: (200, answers([token_request(3 - request[1]) for request in requests])),
    "swapped": lambda requests: (200, answers(requests[::-1])),
    "partly": lambda requests: (206, join(present(requests[0]), b"\0", *map(present, requests[2:]))),
    "absent": lambda requests: (200, join(b"\0" * len(requests))),
    "cut": lambda requests: (200, answers(requests)[:-1]),
    "trailing": lambda requests: (200, answers(requests) + b"\0"),
    "nothing": lambda requests: (200, b""),
    "large": lambda requests: (200, answers(requests) * 100),
    "noise": lambda requests: (200, os.urandom(4000)),
    "none": lambda requests: (400, b""),
    "down": lambda requests: (503, b""),
}


def answer(name, content_type, body):
    """Status, content type, body and further headers; None if this issuer is none of these."""
    kind, word = (name.removeprefix("attest-").split("-") + [""])[:2]
    if kind not in ("single", "batch"):
        return None
    if content_type != BATCH_REQUEST:
        return (422, PROBLEM, b"{}", {}) if word == "none" else (200, RESPONSE, token_response(body), {})
    if kind == "single":
        return int(word), "text/plain", b"", {}
    status, content = BATCHES.get(word, BATCHES[""])(split(body))
    return status, BATCH_RESPONSE, content, {}
