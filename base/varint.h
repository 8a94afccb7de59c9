/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Variable-length integers of RFC 9000, section 16, in their shortest form only, which is what
 * draft-ietf-privacypass-batched-tokens-06, section 2.2, prefixes vectors with. Used by every program; may be included by every
 * folder.
 */
#pragma once

#include "base/buffer.h"

#define BASE_VARINT_MAX ((UINT64_C(1) << 62) - 1)

/* Appends a number of at most BASE_VARINT_MAX; a larger one makes the buffer fail. */
void base_varint_put(struct base_buffer *buffer, uint64_t value);

/* False, with the cursor where it was, if the bytes end too early or the form is not the shortest. */
bool base_varint_get(struct base_reader *reader, uint64_t *ret) BASE_MUST_CHECK;
