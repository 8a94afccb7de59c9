/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strict hex and base64 (RFC 4648). Used by every program; may be included by every folder.
 */
#pragma once

#include "base/buffer.h"

enum base_base64_alphabet {
        BASE_BASE64,     /* section 4 */
        BASE_BASE64_URL, /* section 5 */
};

/* The length of the well-formed UTF-8 sequence (RFC 3629) at `text`, which a NUL ends, or 0. */
size_t base_utf8_sequence_len(const char *text);
/* Columns of a terminal that a UTF-8 text takes, each code point as one. */
size_t base_utf8_columns(const char *text);

/* Appends two lower-case digits a byte. */
void base_hex_encode(struct base_buffer *to, struct base_bytes from);

/* Appends the bytes of `len` hex digits, either case. False, with `to` unchanged, on an odd length or a bad digit. */
bool base_hex_decode(struct base_buffer *to, const char *from, size_t len) BASE_MUST_CHECK;

/* Appends, with padding. */
void base_base64_encode(struct base_buffer *to, struct base_bytes from, enum base_base64_alphabet alphabet);

/*
 * Appends the bytes of `len` characters. Padding may be there in full or be absent; anything else is refused: a
 * character outside the alphabet, white space, non-zero trailing bits. False leaves `to` unchanged.
 */
bool base_base64_decode(struct base_buffer *to, const char *from, size_t len, enum base_base64_alphabet alphabet) BASE_MUST_CHECK;
