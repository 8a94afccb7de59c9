/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quotes: the TPM signs PCR values and a challenge with the attestation key. Runs on attesterd's TPM thread; may be
 * included by tpm/ alone.
 */
#pragma once

#include "tpm/key.h"
#include "tpm/worker.h"

/*
 * Quotes `pcrs` over `qualifying_data` with the key of `file`; the PCR values that come with the quote hash to what was
 * signed. `seal` says where signatures are; the key has its own mode. `cached` holds the values of the last quote and saves
 * reading them again while they stay the same; start it as zero. Errors: SEALED (`ret_changed_pcrs`, written then alone, and the
 * message say which PCRs), NOT_ENROLLED, STATE_INVALID, TPM_UNAVAILABLE, TPM_FAILED, EVIDENCE_INVALID (the TPM's answer is not a
 * quote of what was asked), CRYPTO, and those of tpm_approval_find(). Source: TPM 2.0 part 3, TPM2_PolicyPCR and TPM2_Quote.
 */
bool tpm_quote_create(struct tpm_connection *connection, const struct tpm_srk *srk, const struct tpm_key_file *file,
                      const struct tpm_seal_config *seal, struct tpm_pcr_selection pcrs,
                      const uint8_t qualifying_data[static TPM_QUALIFYING_DATA_LEN], struct evidence_pcrs *cached,
                      struct tpm_quote *ret, uint32_t *ret_changed_pcrs, struct base_error *error) BASE_MUST_CHECK;

/*
 * Compares the PCRs of now with those that the key is sealed to, or that its authority has signed. True: it signs now.
 * Errors: SEALED, as above; TPM_UNAVAILABLE, TPM_FAILED; those of tpm_approval_find().
 */
bool tpm_quote_check_seal(struct tpm_connection *connection, const struct tpm_key_file *file, const struct tpm_seal_config *seal,
                          uint32_t *ret_changed_pcrs, struct base_error *error) BASE_MUST_CHECK;
