/* SPDX-License-Identifier: BSD-2-Clause */
/* PCR values as text. Runs in attestctl; may be included by client/attestctl only. */
#pragma once

#include "evidence/pcr_names.h"

#define ATTESTCTL_PCR_TEXT_BYTES_MAX 65536

/*
 * Reads PCR values in one of two forms: what tpm2_pcrread prints ("sha256:" and lines of "7 : 0xHEX"), and
 * "sha256:7=HEX,8=HEX+sha1:7=HEX". Adds them to `pcrs`. Errors: INVALID_ARGUMENT, naming the word that is wrong.
 */
bool attestctl_pcr_values_read(const char *text, struct evidence_pcrs *pcrs, struct base_error *error) BASE_MUST_CHECK;

/* As attestctl_pcr_values_read(), from a file. Errors: also those of base_file_read(). */
bool attestctl_pcr_file_read(const char *path, struct evidence_pcrs *pcrs, struct base_error *error) BASE_MUST_CHECK;
