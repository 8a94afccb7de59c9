/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The group P-384 (FIPS 186-5, SP 800-186): points, their compressed encoding, and multiplication by combs. Private to
 * token/. As in modular.h nothing branches on a value or indexes with one, but where a contract says so.
 */
#pragma once

#include "token/modular.h"

#define TOKEN_P384_ELEMENT_LEN 49 /* Ne: 0x02 or 0x03, and x */
#define TOKEN_P384_SCALAR_LEN  TOKEN_MODULAR_LEN

/* (x : y : z) for the point (x/z, y/z); (0 : 1 : 0) is the identity. */
struct token_p384_point {
        struct token_number x, y, z;
};

#define TOKEN_P384_COMB_TEETH 5
#define TOKEN_P384_COMB_SPAN  77 /* bits from tooth to tooth: 5 * 77 >= 384 */

struct token_p384_affine {
        struct token_number x, y;
};

/* All sums of some of the points 2^(77 i) * P, i < 5: what makes several multiplications of one point cheaper. */
struct token_p384_comb {
        struct token_p384_affine sums[1 << TOKEN_P384_COMB_TEETH]; /* the first is not used */
};

extern const struct token_p384_point token_p384_generator;

/*
 * Reads SerializeElement's output. False for anything that is not the one encoding of a point other than the identity:
 * first byte, x not below p, x of no point. The point is public. Source: RFC 9497, section 4.4; SEC 1, section 2.3.4.
 */
bool token_p384_decode(const uint8_t bytes[static TOKEN_P384_ELEMENT_LEN], struct token_p384_point *ret) BASE_MUST_CHECK;

/*
 * Writes `count` points, at most TOKEN_P384_ENCODE_MAX, one behind the other, for the price of one inversion. False, with
 * nothing written, if one of them is the identity, which has no such encoding, or is not on the curve.
 */
bool token_p384_encode(const struct token_p384_point *points, size_t count, uint8_t *ret) BASE_MUST_CHECK;
#define TOKEN_P384_ENCODE_MAX 4

/* The complete formulas of Renes, Costello and Batina (2015), algorithms 4 and 6: no pair of points is an exception. */
void token_p384_add(const struct token_p384_point *a, const struct token_p384_point *b, struct token_p384_point *ret);
void token_p384_double(const struct token_p384_point *a, struct token_p384_point *ret);

/* Of any point but the identity, of which the sums are nonsense. */
void token_p384_comb_init(struct token_p384_comb *comb, const struct token_p384_point *point);
/* scalar * P. */
void token_p384_comb_multiply(const struct token_p384_comb *comb, const struct token_number *scalar,
                              struct token_p384_point *ret);

/*
 * The curve's map of RFC 9380 (section 6.6.2, simplified SWU with Z = -12) of a field element, to a point of the curve;
 * its cofactor is 1.
 */
void token_p384_map(const struct token_number *u, struct token_p384_point *ret);
