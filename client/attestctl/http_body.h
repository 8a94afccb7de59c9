/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The body of a request: a text or a file, which can be read more than once without being in memory. Runs in attestctl; may be
 * included by client/attestctl only.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct attestctl_http_body {
        const char *text; /* NULL: of the file */
        int fd;
        off_t start; /* where it begins in the file */
        uint64_t size;
};

#define ATTESTCTL_HTTP_BODY_INIT                                                                                                 \
        {                                                                                                                        \
                .fd = -1                                                                                                         \
        }

/*
 * `data` is the body, or "@" and a file's name, "@-" being standard input: what comes from a pipe is copied to an unnamed file
 * first, since a request may have to be repeated. `data` must outlive the body. Errors: NOT_FOUND, IO, NO_MEMORY.
 */
bool attestctl_http_body_open(struct attestctl_http_body *body, const char *data, struct base_error *error) BASE_MUST_CHECK;
void attestctl_http_body_close(struct attestctl_http_body *body);

/* Reads from `position` on. Returns the number of bytes, 0 at the end, -1 if the file fails or has become shorter. */
ssize_t attestctl_http_body_read(const struct attestctl_http_body *body, uint64_t position, void *to, size_t size);
