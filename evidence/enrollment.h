/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enrolment messages (docs/evidence.cddl) and the verifier's side of the exchange, which keeps no state between its two
 * steps: the secret in the credential is an HMAC over both keys and the time at which the challenge expires.
 * Used by attesterd and attester-issuer.
 */
#pragma once

#include "evidence/credential.h"
#include "evidence/ek_certificate.h"
#include "evidence/public.h"

#define EVIDENCE_ENROLLMENT_MEDIA_TYPE    "application/vnd.attesterd.enrollment+cbor"
#define EVIDENCE_ENROLLMENT_BYTES_MAX     8192
#define EVIDENCE_EK_CERTIFICATE_BYTES_MAX 4096
#define EVIDENCE_ENROLLMENT_SECRET_LEN    32
#define EVIDENCE_ENROLLMENT_KEY_BYTES_MIN 32
#define EVIDENCE_DEVICE_MAX               64

/* Views: a decoded message points into the bytes that were decoded. */
struct evidence_enrollment_request {
        struct base_bytes ek_certificate; /* DER; empty if there is none */
        struct base_bytes ek_public;      /* TPM2B_PUBLIC */
        struct base_bytes ak_public;      /* TPM2B_PUBLIC */
        bool has_activation;              /* the second request */
        uint64_t expires;                 /* as in the challenge */
        uint8_t secret[EVIDENCE_ENROLLMENT_SECRET_LEN];
};

struct evidence_enrollment_challenge {
        uint64_t expires;                   /* seconds since 1970 */
        struct base_bytes id_object;        /* TPM2B_ID_OBJECT */
        struct base_bytes encrypted_secret; /* TPM2B_ENCRYPTED_SECRET */
};

struct evidence_enrollment_result {
        char device[EVIDENCE_DEVICE_MAX + 1];
};

/* Encoders append. Errors: INVALID_ARGUMENT (a field out of its bounds), NO_MEMORY or LIMIT_EXCEEDED (the buffer's). */
bool evidence_enrollment_request_encode(const struct evidence_enrollment_request *request, struct base_buffer *to,
                                        struct base_error *error) BASE_MUST_CHECK;
bool evidence_enrollment_challenge_encode(const struct evidence_enrollment_challenge *challenge, struct base_buffer *to,
                                          struct base_error *error) BASE_MUST_CHECK;
bool evidence_enrollment_result_encode(const struct evidence_enrollment_result *result, struct base_buffer *to,
                                       struct base_error *error) BASE_MUST_CHECK;

/* Decoders. Errors: MALFORMED. */
bool evidence_enrollment_request_decode(struct base_bytes encoded, struct evidence_enrollment_request *ret,
                                        struct base_error *error) BASE_MUST_CHECK;
bool evidence_enrollment_challenge_decode(struct base_bytes encoded, struct evidence_enrollment_challenge *ret,
                                          struct base_error *error) BASE_MUST_CHECK;
bool evidence_enrollment_result_decode(struct base_bytes encoded, struct evidence_enrollment_result *ret,
                                       struct base_error *error) BASE_MUST_CHECK;

/*
 * Verifier, first step: appends an encoded enrollment-challenge for these two keys that is good until `expires`. Checks first
 * that the keys may be endorsement and attestation key. `key` is the verifier's secret, at least
 * EVIDENCE_ENROLLMENT_KEY_BYTES_MIN long. Errors: EVIDENCE_INVALID (a key's shape), INVALID_ARGUMENT, NO_MEMORY, CRYPTO.
 */
bool evidence_enrollment_challenge_make(struct base_bytes key, const struct evidence_public *endorsement_key,
                                        const struct evidence_public *attestation_key, uint64_t expires, struct base_buffer *to,
                                        struct base_error *error) BASE_MUST_CHECK;

/*
 * Verifier, second step: whether the request's secret is the one that was encrypted to these keys and has not expired.
 * Errors: EVIDENCE_INVALID (a key's shape, no activation, wrong secret), EVIDENCE_STALE (expired), INVALID_ARGUMENT, CRYPTO.
 */
bool evidence_enrollment_check(struct base_bytes key, const struct evidence_enrollment_request *request,
                               const struct evidence_public *endorsement_key, const struct evidence_public *attestation_key,
                               uint64_t now, struct base_error *error) BASE_MUST_CHECK;
