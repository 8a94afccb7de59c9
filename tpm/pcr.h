/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A selection of PCRs of one bank and their values, as plain data. Used by attesterd; may be included by tpm/ and
 * attesterd/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "evidence/pcr_names.h"

#define TPM_PCR_BANK_SHA256 0x000B /* TPM_ALG_ID (TPM 2.0 part 2, section 6.3) */
#define TPM_PCR_BANK_SHA384 0x000C

/* The key signs only while these hold what they held when it was made: see docs/tpm.md. */
#define TPM_PCR_SEAL_DEFAULT (1u << 7)
/* What a quote tells the verifier: 0-9 and 11-14. Not 10: IMA extends it at any moment, and its log is not sent. */
#define TPM_PCR_QUOTE_DEFAULT 0x00007bffu

struct tpm_pcr_selection {
        uint16_t bank; /* TPM_ALG_ID */
        uint32_t mask; /* bit n: PCR n; only the lower EVIDENCE_PCR_COUNT bits */
};

/* As evidence_pcr_selection_parse(). */
bool tpm_pcr_selection_parse(const char *text, struct tpm_pcr_selection *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * The PCRs of the first bank of `sealed` that hold another value in the same bank of `current`, or none there: bit n for PCR n.
 */
uint32_t tpm_pcrs_changed(const struct evidence_pcrs *sealed, const struct evidence_pcrs *current);
