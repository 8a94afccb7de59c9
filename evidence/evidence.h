/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attestation evidence as a whole (docs/evidence.cddl): what a device sends beside a token request. attesterd encodes,
 * attester-issuer decodes and verifies.
 */
#pragma once

#include "evidence/authority.h"
#include "evidence/claims.h"
#include "evidence/merkle.h"
#include "evidence/quote.h"

/* Of the encoded evidence; as a header's text it is then at most EVIDENCE_HEADER_TEXT_BYTES_MAX. */
#define EVIDENCE_BYTES_MAX 4605

struct evidence {
        uint8_t claims[EVIDENCE_CLAIMS_BYTES_MAX]; /* encoded: the leaf is a hash of exactly these bytes */
        size_t claims_len;
        struct evidence_proof proof;
        struct evidence_quote quote;
        uint8_t key_id[EVIDENCE_KEY_ID_LEN]; /* the attestation key's name */
        struct evidence_pcr_selection seal;  /* what the device says that the key is sealed to; mask 0: all that is quoted */
};

/*
 * Appends the encoding. Errors: INVALID_ARGUMENT (a length or mask out of bounds), LIMIT_EXCEEDED (more than
 * EVIDENCE_BYTES_MAX: too many or too long facts), NO_MEMORY.
 */
bool evidence_encode(const struct evidence *evidence, struct base_buffer *to, struct base_error *error) BASE_MUST_CHECK;

/* Appends the value of the request header Attestation-Evidence. Errors: as evidence_encode(). */
bool evidence_encode_header(const struct evidence *evidence, struct base_buffer *to, struct base_error *error) BASE_MUST_CHECK;

/* Reads an encoding; `ret` owns nothing. The claims inside are not looked at. Errors: EVIDENCE_INVALID. */
bool evidence_decode(struct base_bytes encoded, struct evidence *ret, struct base_error *error) BASE_MUST_CHECK;

/* Reads the value of the request header. Errors: EVIDENCE_INVALID. */
bool evidence_decode_header(const char *text, size_t len, struct evidence *ret, struct base_error *error) BASE_MUST_CHECK;

/* An authority whose approval of boot states the verifier takes, and under which policy reference. */
struct evidence_approver {
        uint8_t name[EVIDENCE_KEY_ID_LEN]; /* of evidence_authority */
        struct base_bytes policy_ref;      /* at most EVIDENCE_POLICY_REF_BYTES_MAX bytes; empty with systemd's signatures */
};

struct evidence_expectation {
        const struct evidence_public *attestation_key; /* registered for the evidence's key_id */
        uint8_t request_digest[EVIDENCE_DIGEST_LEN];   /* SHA-256 of the TokenRequest that came with it */
        struct base_bytes nonce_key;                   /* of evidence_nonce_issue() */
        uint64_t now;                                  /* seconds since 1970 */
        uint32_t iat_skew_seconds_max;                 /* how far the device's clock may be off, either way */
        const struct evidence_approver *approvers;     /* NULL: none is known */
        size_t approver_count;
};

struct evidence_verdict {
        struct evidence_claims claims;   /* owned */
        uint8_t leaf[EVIDENCE_HASH_LEN]; /* unique to this evidence: accept each once */
        struct evidence_attest attest;   /* clock, reset and restart counts, firmware, selection */
        bool sealed_to_quoted_pcrs;      /* the key's authPolicy is PolicyPCR of quoted values, those of `sealed` */
        struct evidence_pcrs sealed;     /* no bank unless sealed_to_quoted_pcrs */
        /* The key's authPolicy is PolicyAuthorize by this one of the expectation's approvers; NULL: by none of them. */
        const struct evidence_approver *sealed_to_authority;
};

void evidence_verdict_clear(struct evidence_verdict *verdict);
#define evidence_auto_verdict BASE_CLEANUP(evidence_verdict_clear)

/*
 * Verifies decoded evidence, in this order, each with its own sentence: key id is the registered key's name, and it may attest ·
 * quote signature · it is a quote, made by a TPM · extraData is this claims' batch · PCR values are the quoted ones · claims
 * decode, with the profile · the request's digest · nonce · iat. The quoted PCR values are then evidence->quote.pcrs. The caller
 * clears `ret`. Errors: EVIDENCE_INVALID; EVIDENCE_STALE (nonce absent, expired or not ours: give a new one, the device retries);
 * NO_MEMORY, CRYPTO.
 */
bool evidence_verify(const struct evidence *evidence, const struct evidence_expectation *expectation,
                     struct evidence_verdict *ret, struct base_error *error) BASE_MUST_CHECK;
