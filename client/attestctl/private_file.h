/* SPDX-License-Identifier: BSD-2-Clause */
/* Private keys in files. Runs in attestctl; may be included by client/attestctl only. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

/*
 * Appends a file that holds a private key to `to`, which the caller clears. Errors: CONFIG_INVALID (others than its owner may
 * read or write it), NOT_FOUND, LIMIT_EXCEEDED, IO.
 */
bool attestctl_private_file_read(const char *path, struct base_buffer *to, struct base_error *error) BASE_MUST_CHECK;
