/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashing to P-384: the suite P384_XMD:SHA-384_SSWU_RO_ of RFC 9380, and hashing to a scalar. Private to token/.
 */
#pragma once

#include "base/error.h"
#include "token/crypto.h"
#include "token/p384.h"

#define TOKEN_HASH_LEN   48 /* SHA-384 */
#define TOKEN_DST_MAX    64 /* bytes of a domain separation tag; the longest of RFC 9497 has 36 */
#define TOKEN_PIECES_MAX 16 /* of one message; the longest is a challenge with its expansion around it */

/* A message in pieces, so that none has to be copied together. */
struct token_pieces {
        struct base_bytes items[TOKEN_PIECES_MAX];
        size_t count;
};

/* Appends a piece; there is room for TOKEN_PIECES_MAX. */
void token_pieces_put(struct token_pieces *pieces, struct base_bytes piece);

/* SHA-384 over the pieces; `hash` is SHA-384, fetched once by the owner. Errors: CRYPTO. */
bool token_hash(const EVP_MD *hash, const struct token_pieces *message, uint8_t ret[static TOKEN_HASH_LEN],
                struct base_error *error) BASE_MUST_CHECK;

/* hash_to_curve: a random oracle. May give the identity, with a chance of 2^-384. Errors: CRYPTO. RFC 9380, section 3. */
bool token_hash_to_group(const EVP_MD *hash, const struct token_pieces *message, struct base_bytes dst,
                         struct token_p384_point *ret, struct base_error *error) BASE_MUST_CHECK;

/* hash_to_field for the group's order, one element of 72 bytes. Errors: CRYPTO. RFC 9380, section 5; RFC 9497, section 4.4. */
bool token_hash_to_scalar(const EVP_MD *hash, const struct token_pieces *message, struct base_bytes dst, struct token_number *ret,
                          struct base_error *error) BASE_MUST_CHECK;
