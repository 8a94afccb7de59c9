/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a body goes: standard output, or a file that is there as a whole or as it was before. Runs in attestctl; may be included
 * by client/attestctl only.
 */
#pragma once

#include "base/error.h"

struct attestctl_output {
        const char *path; /* NULL: standard output */
        FILE *file;       /* NULL until something is written */
        char *target;     /* what `temporary` will be called; NULL: `file` is the target itself */
        char *temporary;
        int failure; /* errno of what went wrong, or 0 */
};

/* Writes; the first call opens, with `len` 0 too. Returns false after a failure, of which attestctl_output_finish() tells. */
bool attestctl_output_write(struct attestctl_output *output, const void *data, size_t len) BASE_MUST_CHECK;

/*
 * Puts the file in its place, with the mode of the one that was there; a device, a pipe or a terminal was written to as it is.
 * Closes. Errors: IO.
 */
bool attestctl_output_finish(struct attestctl_output *output, struct base_error *error) BASE_MUST_CHECK;

/* Sets the error of an output that failed. Always returns false. */
bool attestctl_output_set_error(const struct attestctl_output *output, struct base_error *error);

/* Removes what was written to a file, unless it was finished. */
void attestctl_output_clear(struct attestctl_output *output);
