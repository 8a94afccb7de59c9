/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The claims-set (RFC 9711 EAT, docs/evidence.cddl) that a device signs about itself for one token request. Written by
 * attesterd, read by attester-issuer. Facts have a type of their own here since evidence/ may not include policy/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define EVIDENCE_PROFILE          "tag:attesterd.org,2026:evidence-1"
#define EVIDENCE_CLAIMS_BYTES_MAX 4096
#define EVIDENCE_DIGEST_LEN       32
#define EVIDENCE_CTI_LEN          16
#define EVIDENCE_NONCE_BYTES_MIN  8
#define EVIDENCE_NONCE_BYTES_MAX  64
#define EVIDENCE_SOFTWARE_MAX     64
#define EVIDENCE_FACTS_MAX        256
#define EVIDENCE_FACT_NAME_MIN    3
#define EVIDENCE_FACT_NAME_MAX    64
#define EVIDENCE_FACT_TEXT_MAX    256
#define EVIDENCE_FACT_VERSION_MAX 64

enum evidence_fact_kind {
        EVIDENCE_FACT_UNREADABLE,
        EVIDENCE_FACT_BOOL,
        EVIDENCE_FACT_INT,
        EVIDENCE_FACT_STRING,
        EVIDENCE_FACT_VERSION,
};

struct evidence_fact {
        char name[EVIDENCE_FACT_NAME_MAX + 1];
        enum evidence_fact_kind kind;
        bool boolean;                          /* BOOL */
        int64_t integer;                       /* INT */
        char text[EVIDENCE_FACT_TEXT_MAX + 1]; /* STRING, VERSION; UTF-8 */
};

struct evidence_claims {
        uint64_t iat;                  /* seconds since 1970 */
        uint8_t cti[EVIDENCE_CTI_LEN]; /* random; hides the leaf from requests that share its quote */
        uint8_t nonce[EVIDENCE_NONCE_BYTES_MAX];
        size_t nonce_len;                            /* 0: the verifier gave none */
        uint8_t request_digest[EVIDENCE_DIGEST_LEN]; /* SHA-256 of the TokenRequest */
        uint8_t policy_digest[EVIDENCE_DIGEST_LEN];  /* of the policy in force; zeros if there is none */
        char software[EVIDENCE_SOFTWARE_MAX + 1];
        struct evidence_fact *facts; /* owned */
        size_t fact_count;
};

#define EVIDENCE_CLAIMS_INIT                                                                                                     \
        {                                                                                                                        \
                .fact_count = 0                                                                                                  \
        }

/* Frees the facts and zeroes everything else. */
void evidence_claims_clear(struct evidence_claims *claims);
#define evidence_auto_claims BASE_CLEANUP(evidence_claims_clear)

/* Appends a copy of `fact`; order does not matter. Errors: LIMIT_EXCEEDED (EVIDENCE_FACTS_MAX), NO_MEMORY. */
bool evidence_claims_add_fact(struct evidence_claims *claims, const struct evidence_fact *fact,
                              struct base_error *error) BASE_MUST_CHECK;

/* The fact of that name, or NULL. */
const struct evidence_fact *evidence_claims_find_fact(const struct evidence_claims *claims, const char *name);

/*
 * Appends the deterministic encoding to `to`, at most EVIDENCE_CLAIMS_BYTES_MAX bytes; facts are sorted on the way.
 * Errors: INVALID_ARGUMENT (a text out of its bounds or not UTF-8, a fact twice), LIMIT_EXCEEDED, NO_MEMORY.
 */
bool evidence_claims_encode(const struct evidence_claims *claims, struct base_buffer *to,
                            struct base_error *error) BASE_MUST_CHECK;

/*
 * Reads an encoding; accepts exactly what evidence_claims_encode() can write. The caller clears `ret`.
 * Errors: EVIDENCE_INVALID (names the claim; a different profile too), NO_MEMORY.
 */
bool evidence_claims_decode(struct base_bytes encoded, struct evidence_claims *ret, struct base_error *error) BASE_MUST_CHECK;
