/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TPM2_Quote and its verification without a TPM. attesterd makes quotes (tpm/), attester-issuer verifies them.
 */
#pragma once

#include "evidence/pcrs.h"
#include "evidence/public.h"

#define EVIDENCE_ATTEST_BYTES_MAX    1024
#define EVIDENCE_SIGNATURE_BYTES_MAX 512
#define EVIDENCE_EXTRA_DATA_MAX      64

struct evidence_quote {
        uint8_t attest[EVIDENCE_ATTEST_BYTES_MAX]; /* TPMS_ATTEST, without the TPM2B's length */
        size_t attest_len;
        uint8_t signature[EVIDENCE_SIGNATURE_BYTES_MAX]; /* TPMT_SIGNATURE */
        size_t signature_len;
        struct evidence_pcrs pcrs; /* the values that were quoted */
};

/*
 * What a TPMS_ATTEST of type quote says (Part 2, sections 10.12.8 and 10.12.1). For a key outside the endorsement and
 * platform hierarchies the TPM adds a secret constant of that key to both counts and the firmware version (Part 3,
 * "Attestation Commands"): they can be compared between quotes of one key, and mean nothing alone.
 */
struct evidence_attest {
        uint8_t extra_data[EVIDENCE_EXTRA_DATA_MAX];
        size_t extra_data_len;
        uint64_t clock_ms;
        uint32_t reset_count;   /* counts TPM resets: one a boot */
        uint32_t restart_count; /* counts resumes and restarts since then */
        bool clock_safe;
        uint64_t firmware_version;
        struct evidence_pcrs pcrs; /* in quoted order; the values are zero until evidence_quote_verify() */
        uint8_t pcr_digest[EVIDENCE_PCR_DIGEST_LEN];
};

/* Parses. Errors: EVIDENCE_INVALID: not TPM-generated, not a quote, malformed, or an unknown bank. */
bool evidence_attest_parse(struct base_bytes attest, struct evidence_attest *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Verifies in this order: the signature by `key` over the attest bytes · magic, type and shape · extraData equal to
 * `extra_data` · the PCR values: exactly those that are selected, and of the quoted digest.
 * That `key` may attest at all is for evidence_public_check_attestation_key(), once, at enrolment.
 * Errors: EVIDENCE_INVALID with a sentence for each step, CRYPTO.
 */
bool evidence_quote_verify(const struct evidence_quote *quote, const struct evidence_public *key, struct base_bytes extra_data,
                           struct evidence_attest *ret, struct base_error *error) BASE_MUST_CHECK;
