/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arithmetic modulo the two primes of P-384: of its field and of its group's order. Private to token/.
 *
 * OpenSSL 3.0 needs 0.7 ms for one multiplication on P-384, and one evaluation with proof is five of them. Nothing here
 * fails, allocates, branches on a value or indexes with one, so that secrets may go through all of it; the one exception
 * is named. Numbers are in Montgomery form unless said otherwise, always fully reduced, so that equal means same bytes.
 */
#pragma once

#include "base/buffer.h"

#define TOKEN_MODULAR_LIMBS    6
#define TOKEN_MODULAR_LEN      48 /* bytes, big-endian */
#define TOKEN_MODULAR_WIDE_LEN 72 /* what RFC 9380, section 5, reduces to one number */

struct token_number {
        uint64_t limbs[TOKEN_MODULAR_LIMBS]; /* least significant first */
};

struct token_modulus {
        struct token_number n;
        uint64_t n_inverse;         /* -n^-1 mod 2^64 */
        struct token_number one;    /* 2^384 mod n */
        struct token_number square; /* 2^768 mod n */
};

extern const struct token_modulus token_modulus_field; /* p = 2^384 - 2^128 - 2^96 + 2^32 - 1 */
extern const struct token_modulus token_modulus_order; /* the number of points */

/*
 * Reads big-endian bytes; false, with `ret` untouched, if the number is not below the modulus. It branches on that
 * outcome alone.
 */
bool token_modular_decode(const struct token_modulus *m, const uint8_t bytes[static TOKEN_MODULAR_LEN],
                          struct token_number *ret) BASE_MUST_CHECK;
void token_modular_encode(const struct token_modulus *m, const struct token_number *a, uint8_t ret[static TOKEN_MODULAR_LEN]);
/* Reduces a big-endian number of 576 bits. */
void token_modular_reduce(const struct token_modulus *m, const uint8_t bytes[static TOKEN_MODULAR_WIDE_LEN],
                          struct token_number *ret);
/* Out of Montgomery form: the number's plain limbs. */
void token_modular_plain(const struct token_modulus *m, const struct token_number *a, struct token_number *ret);

/* `ret` may be one of the operands, in all of these. */
void token_modular_add(const struct token_modulus *m, const struct token_number *a, const struct token_number *b,
                       struct token_number *ret);
void token_modular_subtract(const struct token_modulus *m, const struct token_number *a, const struct token_number *b,
                            struct token_number *ret);
void token_modular_negate(const struct token_modulus *m, const struct token_number *a, struct token_number *ret);
/* One operand may be any number below 2^384. */
void token_modular_multiply(const struct token_modulus *m, const struct token_number *a, const struct token_number *b,
                            struct token_number *ret);
/* a * a, in less time. */
void token_modular_square(const struct token_modulus *m, const struct token_number *a, struct token_number *ret);
/* a^exponent; the plain exponent is public, a need not be. */
void token_modular_power(const struct token_modulus *m, const struct token_number *a, const struct token_number *exponent,
                         struct token_number *ret);
/* 1/a; 0 for 0. */
void token_modular_invert(const struct token_modulus *m, const struct token_number *a, struct token_number *ret);

/* All ones if it holds, else 0: for token_modular_select(). */
uint64_t token_modular_is_zero(const struct token_number *a);
uint64_t token_modular_equal(const struct token_number *a, const struct token_number *b);
/* Whether the number is odd (sgn0 of RFC 9380, section 4.1). */
uint64_t token_modular_is_odd(const struct token_modulus *m, const struct token_number *a);
/* ret = mask ? a : ret; the mask is all ones or 0. */
void token_modular_select(uint64_t mask, const struct token_number *a, struct token_number *ret);
