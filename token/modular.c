/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/modular.h"

#include "token/secret.h"

#include <string.h>

#define LIMBS TOKEN_MODULAR_LIMBS

/* The loops over limbs have no branches once they are unrolled, and are several times faster. */
#define FOR_LIMBS(i) _Pragma("GCC unroll 6") for (unsigned i = 0; i < LIMBS; i++)

__extension__ typedef unsigned __int128 uint128;

const struct token_modulus token_modulus_field = {
        .n = { { 0x00000000ffffffff, 0xffffffff00000000, 0xfffffffffffffffe, UINT64_MAX, UINT64_MAX, UINT64_MAX } },
        .n_inverse = 0x0000000100000001,
        .one = { { 0xffffffff00000001, 0x00000000ffffffff, 0x0000000000000001, 0, 0, 0 } },
        .square = { { 0xfffffffe00000001, 0x0000000200000000, 0xfffffffe00000000, 0x0000000200000000, 0x0000000000000001, 0 } },
};

const struct token_modulus token_modulus_order = {
        .n = { { 0xecec196accc52973, 0x581a0db248b0a77a, 0xc7634d81f4372ddf, UINT64_MAX, UINT64_MAX, UINT64_MAX } },
        .n_inverse = 0x6ed46089e88fdc45,
        .one = { { 0x1313e695333ad68d, 0xa7e5f24db74f5885, 0x389cb27e0bc8d220, 0, 0, 0 } },
        .square = { { 0x2d319b2419b409a9, 0xff3d81e5df1aa419, 0xbc3e483afcb82947, 0xd40d49174aab1cc5, 0x3fb05b7a28266895,
                      0x0c84ee012b39bf21 } },
};

void token_modular_select(uint64_t mask, const struct token_number *a, struct token_number *ret)
{
        mask = token_secret_opaque(mask);
        FOR_LIMBS(i)
        ret->limbs[i] ^= mask & (ret->limbs[i] ^ a->limbs[i]);
}

/* ret = a - b mod 2^384; returns 1 if that borrowed. */
static uint64_t subtract(const uint64_t *a, const uint64_t *b, uint64_t *ret)
{
        uint64_t borrow = 0;

        FOR_LIMBS(i)
        {
                uint128 difference = (uint128) a[i] - b[i] - borrow;

                ret[i] = (uint64_t) difference;
                borrow = (uint64_t) (difference >> 64) & 1;
        }
        return borrow;
}

/* ret = a below 2n, with its carry, mod n. */
static void reduce_once(const struct token_modulus *m, const uint64_t *a, uint64_t carry, struct token_number *ret)
{
        uint64_t reduced[LIMBS];
        uint64_t keep = token_secret_opaque(0 - (subtract(a, m->n.limbs, reduced) & (carry ^ 1)));

        FOR_LIMBS(i)
        ret->limbs[i] = (a[i] & keep) | (reduced[i] & ~keep);
}

void token_modular_add(const struct token_modulus *m, const struct token_number *a, const struct token_number *b,
                       struct token_number *ret)
{
        uint64_t sum[LIMBS], carry = 0;

        FOR_LIMBS(i)
        {
                uint128 digit = (uint128) a->limbs[i] + b->limbs[i] + carry;

                sum[i] = (uint64_t) digit;
                carry = (uint64_t) (digit >> 64);
        }
        reduce_once(m, sum, carry, ret);
}

void token_modular_subtract(const struct token_modulus *m, const struct token_number *a, const struct token_number *b,
                            struct token_number *ret)
{
        uint64_t difference[LIMBS], carry = 0;
        uint64_t mask = token_secret_opaque(0 - subtract(a->limbs, b->limbs, difference));

        FOR_LIMBS(i)
        {
                uint128 digit = (uint128) difference[i] + (m->n.limbs[i] & mask) + carry;

                ret->limbs[i] = (uint64_t) digit;
                carry = (uint64_t) (digit >> 64);
        }
}

void token_modular_negate(const struct token_modulus *m, const struct token_number *a, struct token_number *ret)
{
        static const struct token_number zero;

        token_modular_subtract(m, &zero, a, ret);
}

/* Adds a * b to the limbs t[0..5] and gives what goes into t[6]. */
static inline uint64_t multiply_add(uint64_t *t, const uint64_t *a, uint64_t b)
{
        uint64_t carry = 0;

        FOR_LIMBS(i)
        {
                uint128 digit = (uint128) a[i] * b + t[i] + carry;

                t[i] = (uint64_t) digit;
                carry = (uint64_t) (digit >> 64);
        }
        return carry;
}

/* t = a - b - borrow; the borrow is what that leaves. */
static inline uint64_t subtract_digit(uint64_t a, uint64_t b, uint64_t *borrow)
{
        uint128 difference = (uint128) a - b - *borrow;

        *borrow = (uint64_t) (difference >> 64) & 1;
        return (uint64_t) difference;
}

/*
 * Adds the multiple q of p to the limbs t[0..5] that makes t[0] zero, and gives what goes into t[6]. p is 2^384 less
 * 2^128 + 2^96 - 2^32 + 1, so that q * p is two multiplications.
 */
static inline uint64_t clear_limb_field(uint64_t *t)
{
        uint64_t q = t[0] * token_modulus_field.n_inverse, borrow = 0;
        uint128 first = (uint128) q * 0xffffffff00000001;
        uint128 second = (uint128) q * 0x00000000ffffffff + (uint64_t) (first >> 64);
        uint128 third = (uint128) q + (uint64_t) (second >> 64);

        t[0] = subtract_digit(t[0], (uint64_t) first, &borrow);
        t[1] = subtract_digit(t[1], (uint64_t) second, &borrow);
        t[2] = subtract_digit(t[2], (uint64_t) third, &borrow);
        t[3] = subtract_digit(t[3], (uint64_t) (third >> 64), &borrow);
        t[4] = subtract_digit(t[4], 0, &borrow);
        t[5] = subtract_digit(t[5], 0, &borrow);
        return q - borrow;
}

/* Montgomery reduction of a product: t / 2^384. */
static inline void reduce_product(const struct token_modulus *m, uint64_t t[static 2 * LIMBS], struct token_number *ret)
{
        uint64_t over = 0;

        FOR_LIMBS(i)
        {
                uint64_t high = m == &token_modulus_field ? clear_limb_field(t + i)
                                                          : multiply_add(t + i, m->n.limbs, t[i] * m->n_inverse);
                uint128 digit = (uint128) t[i + LIMBS] + high + over;

                t[i + LIMBS] = (uint64_t) digit;
                over = (uint64_t) (digit >> 64);
        }
        reduce_once(m, t + LIMBS, over, ret);
}

void token_modular_multiply(const struct token_modulus *m, const struct token_number *a, const struct token_number *b,
                            struct token_number *ret)
{
        uint64_t t[2 * LIMBS] = { 0 };

        FOR_LIMBS(i)
        t[i + LIMBS] = multiply_add(t + i, a->limbs, b->limbs[i]);
        if (m == &token_modulus_field)
                reduce_product(&token_modulus_field, t, ret);
        else
                reduce_product(m, t, ret);
}

/* The products of different limbs once, doubled, and the squares of the limbs. */
void token_modular_square(const struct token_modulus *m, const struct token_number *a, struct token_number *ret)
{
        uint64_t t[2 * LIMBS] = { 0 }, carry = 0, high = 0;

        FOR_LIMBS(i)
        {
                uint64_t row_carry = 0;

                _Pragma("GCC unroll 6") for (unsigned j = i + 1; j < LIMBS; j++)
                {
                        uint128 digit = (uint128) a->limbs[i] * a->limbs[j] + t[i + j] + row_carry;

                        t[i + j] = (uint64_t) digit;
                        row_carry = (uint64_t) (digit >> 64);
                }
                t[i + LIMBS] = row_carry;
        }
        FOR_LIMBS(i)
        {
                uint64_t low_limb = t[2 * i], high_limb = t[2 * i + 1];
                uint128 square = (uint128) a->limbs[i] * a->limbs[i];
                uint128 digit = (uint128) (uint64_t) square + (low_limb << 1 | high) + carry;

                t[2 * i] = (uint64_t) digit;
                digit = (uint128) (uint64_t) (square >> 64) + (high_limb << 1 | low_limb >> 63) + (uint64_t) (digit >> 64);
                t[2 * i + 1] = (uint64_t) digit;
                carry = (uint64_t) (digit >> 64);
                high = high_limb >> 63;
        }
        if (m == &token_modulus_field)
                reduce_product(&token_modulus_field, t, ret);
        else
                reduce_product(m, t, ret);
}

void token_modular_power(const struct token_modulus *m, const struct token_number *a, const struct token_number *exponent,
                         struct token_number *ret)
{
        struct token_number powers[16] = { m->one }, result = m->one;

        for (unsigned i = 1; i < 16; i++)
                token_modular_multiply(m, &powers[i - 1], a, &powers[i]);
        for (unsigned bit = 64 * LIMBS; bit > 0;) {
                bit -= 4;
                for (unsigned i = 0; i < 4; i++)
                        token_modular_square(m, &result, &result);
                token_modular_multiply(m, &result, &powers[(exponent->limbs[bit / 64] >> bit % 64) & 15], &result);
        }
        *ret = result;
        explicit_bzero(powers, sizeof(powers));
}

void token_modular_invert(const struct token_modulus *m, const struct token_number *a, struct token_number *ret)
{
        struct token_number exponent = m->n;

        exponent.limbs[0] -= 2; /* Fermat */
        token_modular_power(m, a, &exponent, ret);
}

uint64_t token_modular_is_zero(const struct token_number *a)
{
        uint64_t bits = 0;

        FOR_LIMBS(i)
        bits |= a->limbs[i];
        return token_secret_opaque(((bits | (0 - bits)) >> 63) - 1);
}

uint64_t token_modular_equal(const struct token_number *a, const struct token_number *b)
{
        struct token_number difference;

        FOR_LIMBS(i)
        difference.limbs[i] = a->limbs[i] ^ b->limbs[i];
        return token_modular_is_zero(&difference);
}

void token_modular_plain(const struct token_modulus *m, const struct token_number *a, struct token_number *ret)
{
        static const struct token_number one = { { 1 } };

        token_modular_multiply(m, a, &one, ret);
}

uint64_t token_modular_is_odd(const struct token_modulus *m, const struct token_number *a)
{
        struct token_number plain;

        token_modular_plain(m, a, &plain);
        return token_secret_opaque(0 - (plain.limbs[0] & 1));
}

/* Up to 48 big-endian bytes as limbs. */
static void read_limbs(const uint8_t *bytes, size_t len, struct token_number *ret)
{
        *ret = (struct token_number){ 0 };
        for (size_t i = 0; i < len; i++)
                ret->limbs[i / 8] |= (uint64_t) bytes[len - 1 - i] << (8 * (i % 8));
}

bool token_modular_decode(const struct token_modulus *m, const uint8_t bytes[static TOKEN_MODULAR_LEN], struct token_number *ret)
{
        struct token_number number, difference;
        uint64_t is_below;

        read_limbs(bytes, TOKEN_MODULAR_LEN, &number);
        is_below = subtract(number.limbs, m->n.limbs, difference.limbs);
        token_secret_declassify(&is_below, sizeof(is_below)); /* a number that is not is thrown away */
        if (is_below == 0)
                return false;
        token_modular_multiply(m, &number, &m->square, ret);
        return true;
}

void token_modular_encode(const struct token_modulus *m, const struct token_number *a, uint8_t ret[static TOKEN_MODULAR_LEN])
{
        struct token_number plain;

        token_modular_plain(m, a, &plain);
        for (size_t i = 0; i < TOKEN_MODULAR_LEN; i++)
                ret[TOKEN_MODULAR_LEN - 1 - i] = (uint8_t) (plain.limbs[i / 8] >> (8 * (i % 8)));
        explicit_bzero(&plain, sizeof(plain));
}

void token_modular_reduce(const struct token_modulus *m, const uint8_t bytes[static TOKEN_MODULAR_WIDE_LEN],
                          struct token_number *ret)
{
        const size_t high_len = TOKEN_MODULAR_WIDE_LEN - TOKEN_MODULAR_LEN;
        struct token_number high, low;

        read_limbs(bytes, high_len, &high);
        read_limbs(bytes + high_len, TOKEN_MODULAR_LEN, &low);
        /* high * 2^384 + low, and both into Montgomery form: the square brings one factor of 2^384 each time. */
        token_modular_multiply(m, &high, &m->square, &high);
        token_modular_multiply(m, &high, &m->square, &high);
        token_modular_multiply(m, &low, &m->square, &low);
        token_modular_add(m, &high, &low, ret);
}
