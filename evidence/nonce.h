/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verifier's nonces, for which it keeps no state: expiry (uint64) || 8 random bytes || the first 16 bytes of an
 * HMAC-SHA-256 over both. Used by attester-issuer; instances that share the key accept each other's nonces.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/system.h"

#define EVIDENCE_NONCE_LEN           32
#define EVIDENCE_NONCE_KEY_BYTES_MIN 32

enum evidence_nonce_state {
        EVIDENCE_NONCE_VALID,
        EVIDENCE_NONCE_EXPIRED, /* ours, too old */
        EVIDENCE_NONCE_FOREIGN, /* not made with this key */
};

/*
 * A nonce that is valid until `now` + `lifetime_seconds`. `key` is secret, at least EVIDENCE_NONCE_KEY_BYTES_MIN long.
 * Errors: INVALID_ARGUMENT (key too short), CRYPTO.
 */
bool evidence_nonce_issue(struct base_bytes key, uint64_t now, uint32_t lifetime_seconds, const struct base_random *random,
                          uint8_t ret[static EVIDENCE_NONCE_LEN], struct base_error *error) BASE_MUST_CHECK;

/* Whether a nonce is ours and still valid at `now` (seconds since 1970); constant time. Errors: INVALID_ARGUMENT, CRYPTO. */
bool evidence_nonce_check(struct base_bytes key, struct base_bytes nonce, uint64_t now, enum evidence_nonce_state *ret,
                          struct base_error *error) BASE_MUST_CHECK;
