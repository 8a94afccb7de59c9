/* SPDX-License-Identifier: BSD-2-Clause */
/* What a service makes sure of before it starts. Used by every service; may be included by every folder. */
#pragma once

#include "base/error.h"

/* `allowed` is the service's option --allow-root. Errors: NOT_AUTHORIZED (the process runs as root). */
bool base_privilege_refuse_root(bool allowed, struct base_error *error) BASE_MUST_CHECK;

/*
 * That the open directory `fd` belongs to the user of this process and is closed to all others; `path` is for the message.
 * Errors: STATE_INVALID, which says how to mend it; IO.
 */
bool base_privilege_check_private(int fd, const char *path, struct base_error *error) BASE_MUST_CHECK;
