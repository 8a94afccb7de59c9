/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/modular.h"

#include "token/secret.h"

#include <string.h>
#if defined(__x86_64__) && !defined(TOKEN_MODULAR_PORTABLE)
#include <immintrin.h>
#endif

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

/*
 * Sum and difference of two digits and a carry or borrow of 0 or 1, which the digit's own replaces. Of 128-bit arithmetic gcc
 * makes three times as many instructions as of the intrinsics, which need no extension of the processor. A test runs the
 * portable ones, too.
 */
#if defined(__x86_64__) && !defined(TOKEN_MODULAR_PORTABLE)
static inline uint64_t add_digit(uint64_t a, uint64_t b, unsigned char *carry)
{
        unsigned long long sum;

        *carry = _addcarry_u64(*carry, a, b, &sum);
        return sum;
}

static inline uint64_t subtract_digit(uint64_t a, uint64_t b, unsigned char *borrow)
{
        unsigned long long difference;

        *borrow = _subborrow_u64(*borrow, a, b, &difference);
        return difference;
}
#else
static inline uint64_t add_digit(uint64_t a, uint64_t b, unsigned char *carry)
{
        uint128 sum = (uint128) a + b + *carry;

        *carry = (unsigned char) (sum >> 64);
        return (uint64_t) sum;
}

static inline uint64_t subtract_digit(uint64_t a, uint64_t b, unsigned char *borrow)
{
        uint128 difference = (uint128) a - b - *borrow;

        *borrow = (unsigned char) (difference >> 64) & 1;
        return (uint64_t) difference;
}
#endif

/* ret = a - b mod 2^384; returns 1 if that borrowed. */
static inline uint64_t subtract(const uint64_t *a, const uint64_t *b, uint64_t *ret)
{
        unsigned char borrow = 0;

        FOR_LIMBS(i)
        ret[i] = subtract_digit(a[i], b[i], &borrow);
        return borrow;
}

/* ret = a below 2n, with its carry, mod n. */
static inline void reduce_once(const struct token_modulus *m, const uint64_t *a, uint64_t carry, struct token_number *ret)
{
        uint64_t reduced[LIMBS];
        uint64_t keep = token_secret_opaque(0 - (subtract(a, m->n.limbs, reduced) & (carry ^ 1)));

        FOR_LIMBS(i)
        ret->limbs[i] = (a[i] & keep) | (reduced[i] & ~keep);
}

void token_modular_add(const struct token_modulus *m, const struct token_number *a, const struct token_number *b,
                       struct token_number *ret)
{
        uint64_t sum[LIMBS];
        unsigned char carry = 0;

        FOR_LIMBS(i)
        sum[i] = add_digit(a->limbs[i], b->limbs[i], &carry);
        reduce_once(m, sum, carry, ret);
}

void token_modular_subtract(const struct token_modulus *m, const struct token_number *a, const struct token_number *b,
                            struct token_number *ret)
{
        uint64_t difference[LIMBS];
        uint64_t mask = token_secret_opaque(0 - subtract(a->limbs, b->limbs, difference));
        unsigned char carry = 0;

        FOR_LIMBS(i)
        ret->limbs[i] = add_digit(difference[i], m->n.limbs[i] & mask, &carry);
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

/*
 * Montgomery reduction of t < p * 2^384 modulo p = 2^384 - c, c = 2^128 + 2^96 - 2^32 + 1: adds the multiple q * p, limb by
 * limb, that makes the lower half zero. As -p^-1 mod 2^64 is 2^32 + 1, a limb of q is that times the limb of t. Then
 * - q * c is taken away where the limb stands. What it has in the lowest place is equal to the limb there; the other three
 *   digits are below 2^64, 2^64 and 2. What the highest leaves to borrow, 0 or 1, waits for the next limb's turn, whose
 *   highest digit stands in that place: 3 at most is taken away there, which again leaves 0 or 1.
 * - q * 2^384 is added to the upper half, at the end.
 * t + q * p is not negative and below 2p * 2^384, so that carry and borrow together are 0 or 1.
 */
static inline void reduce_product_field(uint64_t t[static 2 * LIMBS], struct token_number *ret)
{
        uint64_t q[LIMBS];
        unsigned char carry = 0, waiting = 0;

        FOR_LIMBS(i)
        {
                unsigned char borrow = 0;
                uint128 first, second, third;

                q[i] = t[i] + (t[i] << 32);
                first = (uint128) q[i] * 0xffffffff00000001;
                second = (uint128) q[i] * 0x00000000ffffffff + (uint64_t) (first >> 64);
                third = (uint128) q[i] + (uint64_t) (second >> 64);
                t[i + 1] = subtract_digit(t[i + 1], (uint64_t) second, &borrow);
                t[i + 2] = subtract_digit(t[i + 2], (uint64_t) third, &borrow);
                t[i + 3] = subtract_digit(t[i + 3], (uint64_t) (third >> 64) + waiting, &borrow);
                waiting = borrow;
        }
        for (unsigned i = LIMBS + 3; i < 2 * LIMBS; i++)
                t[i] = subtract_digit(t[i], 0, &waiting);
        FOR_LIMBS(i)
        t[i + LIMBS] = add_digit(t[i + LIMBS], q[i], &carry);
        reduce_once(&token_modulus_field, t + LIMBS, (uint64_t) (carry - waiting), ret);
}

/* Montgomery reduction of a product t < n * 2^384: t / 2^384 mod n. */
static inline void reduce_product(const struct token_modulus *m, uint64_t t[static 2 * LIMBS], struct token_number *ret)
{
        unsigned char over = 0;

        if (m == &token_modulus_field) {
                reduce_product_field(t, ret);
                return;
        }
        FOR_LIMBS(i)
        {
                uint64_t high = multiply_add(t + i, m->n.limbs, t[i] * m->n_inverse);

                t[i + LIMBS] = add_digit(t[i + LIMBS], high, &over);
        }
        reduce_once(m, t + LIMBS, over, ret);
}

void token_modular_multiply(const struct token_modulus *m, const struct token_number *a, const struct token_number *b,
                            struct token_number *ret)
{
        uint64_t t[2 * LIMBS] = { 0 };

        FOR_LIMBS(i)
        t[i + LIMBS] = multiply_add(t + i, a->limbs, b->limbs[i]);
        reduce_product(m, t, ret);
}

/* The products of different limbs once, doubled, and the squares of the limbs: below 2^768, so that no carry is left. */
void token_modular_square(const struct token_modulus *m, const struct token_number *a, struct token_number *ret)
{
        uint64_t t[2 * LIMBS] = { 0 };
        unsigned char doubling_carry = 0, carry = 0;

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
                t[2 * i] = add_digit(t[2 * i], t[2 * i], &doubling_carry);
                t[2 * i + 1] = add_digit(t[2 * i + 1], t[2 * i + 1], &doubling_carry);
        }
        FOR_LIMBS(i)
        {
                uint128 square = (uint128) a->limbs[i] * a->limbs[i];

                t[2 * i] = add_digit(t[2 * i], (uint64_t) square, &carry);
                t[2 * i + 1] = add_digit(t[2 * i + 1], (uint64_t) (square >> 64), &carry);
        }
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
