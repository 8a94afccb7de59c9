/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes a quote as files that other tools read, so that anybody can check what this device says without our code. Used by
 * attesterd; may be included by attesterd/.
 */
#pragma once

#include "evidence/quote.h"

#define TPM_EXPORT_MESSAGE   "quote.msg"  /* TPMS_ATTEST */
#define TPM_EXPORT_SIGNATURE "quote.sig"  /* TPMT_SIGNATURE */
#define TPM_EXPORT_PCRS      "quote.pcrs" /* the quoted values, as "tpm2_quote --pcrs_format=serialized" writes them */

/*
 * Replaces the three files in the directory, mode 0644. They are what tpm2_checkquote(1) takes as -m, -s and -f. (Its other
 * format, bare values, is not read right beyond seven PCRs by tpm2-tools 5.4.) Errors: IO, NO_MEMORY.
 */
bool tpm_export_quote(const struct evidence_quote *quote, int directory_fd, struct base_error *error) BASE_MUST_CHECK;
