/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one SubjectPublicKeyInfo of token type 0x0002 (RFC 9578, section 6.5). Private to token/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define TOKEN_SPKI_MODULUS_LEN  256
#define TOKEN_SPKI_EXPONENT_MIN 65537
#define TOKEN_SPKI_BYTES_MAX    344

struct token_spki {
        uint8_t modulus[TOKEN_SPKI_MODULUS_LEN]; /* odd, with its highest bit set */
        uint32_t exponent;                       /* odd, at least TOKEN_SPKI_EXPONENT_MIN */
};

/* Appends the DER. Errors: CRYPTO (modulus or exponent out of range), LIMIT_EXCEEDED (the buffer). */
bool token_spki_encode(const struct token_spki *spki, struct base_buffer *ret, struct base_error *error) BASE_MUST_CHECK;

/* Reads exactly the bytes that token_spki_encode() writes. Errors: CRYPTO (any other). */
bool token_spki_decode(struct base_bytes bytes, struct token_spki *ret, struct base_error *error) BASE_MUST_CHECK;
