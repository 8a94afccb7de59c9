/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An issuer directory (RFC 9578, section 4, and docs/PROTOCOL.md) as a client reads it. Used by attesterd and
 * attester-gate.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "evidence/uri.h"

#define EVIDENCE_DIRECTORY_MEDIA_TYPE    "application/private-token-issuer-directory"
#define EVIDENCE_DIRECTORY_PATH          "/.well-known/private-token-issuer-directory"
#define EVIDENCE_DIRECTORY_BYTES_MAX     65536
#define EVIDENCE_DIRECTORY_KEYS_MAX      16
#define EVIDENCE_DIRECTORY_KEY_BYTES_MAX 1024

struct evidence_directory_key {
        uint16_t token_type;
        uint64_t not_before;                             /* seconds since 1970; 0 if not given */
        uint8_t bytes[EVIDENCE_DIRECTORY_KEY_BYTES_MAX]; /* as the token type defines it: SPKI for 0x0002 */
        size_t len;
};

/* URIs are absolute: scheme, host and port of the directory's own URL. */
struct evidence_directory {
        char request_uri[EVIDENCE_URI_MAX + 1];
        size_t key_count; /* in the directory's order, which is the issuer's preference */
        struct evidence_directory_key keys[EVIDENCE_DIRECTORY_KEYS_MAX];
        bool has_attestation;                 /* the issuer takes evidence of EVIDENCE_PROFILE */
        char nonce_uri[EVIDENCE_URI_MAX + 1]; /* the three below: "" if not given */
        char enroll_uri[EVIDENCE_URI_MAX + 1];
        char event_log_uri[EVIDENCE_URI_MAX + 1];
};

/*
 * Parses the JSON `body` that was fetched from `url` ("https://host[:port]/path" or http). Unknown members are skipped, an
 * attestation object with another profile too; a key twice in one object is refused. `ret` owns nothing.
 * Errors: MALFORMED (says which member), LIMIT_EXCEEDED, INVALID_ARGUMENT (`url`), NO_MEMORY.
 */
bool evidence_directory_parse(struct base_bytes body, const char *url, struct evidence_directory *ret,
                              struct base_error *error) BASE_MUST_CHECK;
