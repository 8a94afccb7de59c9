/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bounded list of what is wrong with files, so that all of it can be mended at once. Fixed size: adding cannot fail.
 * Used by attesterd, attestctl and attester-issuer; may be included by the folders that may include policy/.
 */
#pragma once

#include "base/error.h"

#define POLICY_DIAGNOSTICS_MAX           64
#define POLICY_DIAGNOSTIC_FILE_BYTES_MAX 256
#define POLICY_DIAGNOSTIC_WHAT_BYTES_MAX 256

struct policy_diagnostic {
        enum base_error_code code;
        char file[POLICY_DIAGNOSTIC_FILE_BYTES_MAX];
        unsigned line;   /* from 1; 0 if it is about the whole file, which `what` then names */
        unsigned column; /* from 1, in bytes; 0 with line 0 */
        char what[POLICY_DIAGNOSTIC_WHAT_BYTES_MAX];
};

struct policy_diagnostics {
        struct policy_diagnostic items[POLICY_DIAGNOSTICS_MAX];
        size_t count;
        size_t dropped; /* found after the list was full */
};

/* Appends one; texts are cleaned (policy_text_clean()) and cut to fit. A full list counts it as dropped. */
void policy_diagnostics_add(struct policy_diagnostics *diagnostics, enum base_error_code code, const char *file, unsigned line,
                            unsigned column, const char *format, ...) BASE_PRINTF(6, 7);

/* Writes "file:line:column: what", or "what" without a line. Always terminated, cut to fit. */
void policy_diagnostic_print(const struct policy_diagnostic *diagnostic, char *ret, size_t ret_size);

/* Sets `error` to the first of a list that is not empty, with its code. Always returns false. */
bool policy_diagnostics_first(const struct policy_diagnostics *diagnostics, struct base_error *error);
