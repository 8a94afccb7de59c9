/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads PCRs from the TPM. Runs on attesterd's TPM thread; may be included by tpm/ alone. */
#pragma once

#include "tpm/connection.h"
#include "tpm/pcr.h"

/* The selection as the TPM takes it: three bytes, as evidence_pcr_policy_digest() has it. */
TPML_PCR_SELECTION tpm_pcr_selection_list(struct tpm_pcr_selection selection);

/*
 * Reads all selected PCRs, consistent with one another. `session` is an HMAC session with the audit attribute, which makes
 * the TPM sign its answer, or ESYS_TR_NONE. Errors: TPM_UNAVAILABLE, TPM_FAILED (also: no such bank, or PCRs that never rest).
 * Source: TPM 2.0 part 3, TPM2_PCR_Read.
 */
bool tpm_pcrs_read(struct tpm_connection *connection, struct tpm_pcr_selection selection, ESYS_TR session,
                   struct evidence_pcrs *ret, struct base_error *error) BASE_MUST_CHECK;
