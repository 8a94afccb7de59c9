/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an authority has approved: its public key, and its signature for the PCR values of now, found in files. Runs on
 * attesterd's TPM thread; may be included by tpm/ alone.
 */
#pragma once

#include "tpm/connection.h"
#include "tpm/key_file.h"
#include "tpm/pcr.h"
#include "tpm/seal.h"

struct tpm_approval {
        struct tpm_pcr_selection pcrs;
        uint8_t policy[EVIDENCE_POLICY_DIGEST_LEN]; /* TPM2_PolicyPCR of their present values */
        uint8_t signature[EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX];
        size_t signature_len; /* TPMT_SIGNATURE */
};

/* Reads the authority's public key. Errors: CONFIG_INVALID (no such file, or no usable key in it; names it), IO, NO_MEMORY. */
bool tpm_authority_load(const struct tpm_seal_config *config, struct evidence_authority *ret,
                        struct base_error *error) BASE_MUST_CHECK;

/*
 * Finds a signature by the authority of `file`, under its policy reference, for the present PCR values. Every file of
 * struct tpm_seal_config is looked at until one has it. Errors: SEALED (`ret_pcrs`, written then alone, and the message say
 * which PCRs were looked for); CONFIG_INVALID (a damaged file, and no other has a signature), IO, TPM_UNAVAILABLE, TPM_FAILED,
 * STATE_INVALID, NO_MEMORY, CRYPTO.
 */
bool tpm_approval_find(struct tpm_connection *connection, const struct tpm_key_file *file, const struct tpm_seal_config *config,
                       struct tpm_approval *ret, uint32_t *ret_pcrs, struct base_error *error) BASE_MUST_CHECK;

/*
 * Of the states that the authority of `file` has approved under its policy reference, and whose PCR values are known, the one
 * that differs least from now: its values, and those of now. Masks of 0: there is none. For explanations; damaged files are
 * passed over. Errors: STATE_INVALID, TPM_UNAVAILABLE, TPM_FAILED, CRYPTO, NO_MEMORY.
 */
bool tpm_approval_nearest(struct tpm_connection *connection, const struct tpm_key_file *file,
                          const struct tpm_seal_config *config, struct evidence_pcr_bank *ret_approved,
                          struct evidence_pcr_bank *ret_present, struct base_error *error) BASE_MUST_CHECK;
