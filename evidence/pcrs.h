/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Platform configuration registers: a selection, values, and the two digests that the TPM makes of them.
 * Used by attesterd (tpm/) and attester-issuer.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define EVIDENCE_PCR_BANKS_MAX       4
#define EVIDENCE_PCR_COUNT           24
#define EVIDENCE_PCR_VALUE_BYTES_MAX 64
#define EVIDENCE_PCR_DIGEST_LEN      32

struct evidence_pcr_bank {
        uint16_t algorithm; /* TPM_ALG_ID: SHA1, SHA256, SHA384 or SHA512 */
        uint32_t mask;      /* bit n: PCR n is selected and its value is in values[n] */
        uint8_t values[EVIDENCE_PCR_COUNT][EVIDENCE_PCR_VALUE_BYTES_MAX]; /* the algorithm's digest length is used */
};

/* Banks in the order of the TPML_PCR_SELECTION; each algorithm once; no mask is empty. */
struct evidence_pcrs {
        size_t bank_count;
        struct evidence_pcr_bank banks[EVIDENCE_PCR_BANKS_MAX];
};

/* Some PCRs of one bank. A mask of 0: nothing is selected. */
struct evidence_pcr_selection {
        uint16_t algorithm;
        uint32_t mask;
};

/*
 * Parses "sha256:0,2,7", "sha256:7+11" or "sha256:0-7,14". The bank is sha256 or sha384; at least one PCR; no PCR twice.
 * Errors: INVALID_ARGUMENT, which says what is wrong.
 */
bool evidence_pcr_selection_parse(const char *text, struct evidence_pcr_selection *ret, struct base_error *error) BASE_MUST_CHECK;

/* 20, 32, 48 or 64; 0 for an algorithm that is not a PCR bank we know. */
size_t evidence_pcr_value_len(uint16_t algorithm);

/* The bank of that algorithm, or NULL. */
const struct evidence_pcr_bank *evidence_pcrs_find_bank(const struct evidence_pcrs *pcrs, uint16_t algorithm);

/* The values of these PCRs alone. False, with `ret` untouched, if one of them is not in `pcrs`, or none is selected. */
bool evidence_pcrs_select(const struct evidence_pcrs *pcrs, struct evidence_pcr_selection selection,
                          struct evidence_pcrs *ret) BASE_MUST_CHECK;

/*
 * SHA-256 over the selected values, bank by bank in the given order and by ascending PCR number: the pcrDigest of a
 * quote by a key with a SHA-256 scheme, and the digestTPM of a SHA-256 policy session (Part 1, section 17.5.2; Part 3, 18.4).
 * Errors: INVALID_ARGUMENT (no or unknown bank), CRYPTO.
 */
bool evidence_pcrs_digest(const struct evidence_pcrs *pcrs, uint8_t ret[static EVIDENCE_PCR_DIGEST_LEN],
                          struct base_error *error) BASE_MUST_CHECK;

/*
 * The authPolicy of a key that TPM2_PolicyPCR alone opens, while the selected PCRs hold these values:
 * SHA-256(0^32 || TPM_CC_PolicyPCR || TPML_PCR_SELECTION || digestTPM) (Part 3, TPM2_PolicyPCR). Every selection is three
 * bytes long; pass the same banks in the same order to the TPM. Errors: as evidence_pcrs_digest().
 */
bool evidence_pcr_policy_digest(const struct evidence_pcrs *pcrs, uint8_t ret[static EVIDENCE_PCR_DIGEST_LEN],
                                struct base_error *error) BASE_MUST_CHECK;
