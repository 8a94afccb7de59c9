/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/p384.h"

#include "token/secret.h"

#include <string.h>

#define COUNT_SUMS (1u << TOKEN_P384_COMB_TEETH)

static const struct token_modulus *const p = &token_modulus_field;

/* The curve is y^2 = x^3 - 3x + b. */
static const struct token_number curve_b = { { 0x081188719d412dcc, 0xf729add87a4c32ec, 0x77f2209b1920022e, 0xe3374bee94938ae2,
                                               0xb62b21f41f022094, 0xcd08114b604fbff9 } };

const struct token_p384_point token_p384_generator = {
        .x = { { 0x3dd0756649c0b528, 0x20e378e2a0d6ce38, 0x879c3afc541b4d6e, 0x6454868459a30eff, 0x812ff723614ede2b,
                 0x4d3aadc2299e1513 } },
        .y = { { 0x23043dad4b03a4fe, 0xa1bfa8bf7bb4a9ac, 0x8bade7562e83b050, 0xc6c3521968f4ffd9, 0xdd8002263969a840,
                 0x2b78abc25a15c5e9 } },
        .z = { { 0xffffffff00000001, 0x00000000ffffffff, 0x0000000000000001, 0, 0, 0 } },
};

static struct token_number add(struct token_number a, struct token_number b)
{
        token_modular_add(p, &a, &b, &a);
        return a;
}

static struct token_number subtract(struct token_number a, struct token_number b)
{
        token_modular_subtract(p, &a, &b, &a);
        return a;
}

static struct token_number multiply(struct token_number a, struct token_number b)
{
        token_modular_multiply(p, &a, &b, &a);
        return a;
}

static struct token_number square(struct token_number a)
{
        token_modular_square(p, &a, &a);
        return a;
}

static struct token_number triple(struct token_number a)
{
        return add(add(a, a), a);
}

static struct token_number square_times(struct token_number a, unsigned count)
{
        while (count-- > 0)
                token_modular_square(p, &a, &a);
        return a;
}

/*
 * a^((p - 3) / 4), by an addition chain. In binary the exponent is 255 ones, a zero, 32 ones, 64 zeros and 30 ones; `onesN` is
 * a to the power of N ones.
 */
static struct token_number power_of_ratio(struct token_number a)
{
        struct token_number ones2 = multiply(square(a), a), ones3 = multiply(square(ones2), a);
        struct token_number ones6 = multiply(square_times(ones3, 3), ones3), ones12 = multiply(square_times(ones6, 6), ones6);
        struct token_number ones15 = multiply(square_times(ones12, 3), ones3);
        struct token_number ones30 = multiply(square_times(ones15, 15), ones15);
        struct token_number ones60 = multiply(square_times(ones30, 30), ones30);
        struct token_number ones120 = multiply(square_times(ones60, 60), ones60);
        struct token_number ones240 = multiply(square_times(ones120, 120), ones120);
        struct token_number ones255 = multiply(square_times(ones240, 15), ones15);
        struct token_number ones32 = multiply(square_times(ones30, 2), ones2);
        struct token_number upper = multiply(square_times(ones255, 1 + 32), ones32);

        return multiply(square_times(upper, 64 + 30), ones30);
}

/* a^(p - 2): 1/a, or 0 for 0. */
static struct token_number invert(struct token_number a)
{
        return multiply(square_times(power_of_ratio(a), 2), a);
}

void token_p384_add(const struct token_p384_point *a, const struct token_p384_point *b, struct token_p384_point *ret)
{
        struct token_number xx = multiply(a->x, b->x), yy = multiply(a->y, b->y), zz = multiply(a->z, b->z);
        struct token_number xy = subtract(multiply(add(a->x, a->y), add(b->x, b->y)), add(xx, yy));
        struct token_number yz = subtract(multiply(add(a->y, a->z), add(b->y, b->z)), add(yy, zz));
        struct token_number xz = subtract(multiply(add(a->x, a->z), add(b->x, b->z)), add(xx, zz));
        struct token_number s = triple(subtract(xz, multiply(curve_b, zz)));
        struct token_number low = subtract(yy, s), high = add(yy, s);
        struct token_number zz3 = triple(zz);
        struct token_number t = triple(subtract(subtract(multiply(curve_b, xz), zz3), xx));
        struct token_number u = subtract(triple(xx), zz3);

        ret->x = subtract(multiply(xy, high), multiply(yz, t));
        ret->y = add(multiply(high, low), multiply(u, t));
        ret->z = add(multiply(yz, low), multiply(xy, u));
}

void token_p384_double(const struct token_p384_point *a, struct token_p384_point *ret)
{
        struct token_number xx = multiply(a->x, a->x), yy = multiply(a->y, a->y), zz = multiply(a->z, a->z);
        struct token_number xy = multiply(a->x, a->y), xz = multiply(a->x, a->z), yz = multiply(a->y, a->z);
        struct token_number xy2 = add(xy, xy), xz2 = add(xz, xz), yz2 = add(yz, yz);
        struct token_number s = triple(subtract(multiply(curve_b, zz), xz2));
        struct token_number low = subtract(yy, s), high = add(yy, s);
        struct token_number zz3 = triple(zz);
        struct token_number t = triple(subtract(subtract(multiply(curve_b, xz2), zz3), xx));
        struct token_number u = subtract(triple(xx), zz3);
        struct token_number yz2yy = multiply(yz2, yy);

        ret->x = subtract(multiply(low, xy2), multiply(yz2, t));
        ret->y = add(multiply(low, high), multiply(u, t));
        yz2yy = add(yz2yy, yz2yy);
        ret->z = add(yz2yy, yz2yy);
}

/* x^3 - 3x + b */
static struct token_number curve_right_side(struct token_number x)
{
        return add(multiply(x, subtract(multiply(x, x), triple(p->one))), curve_b);
}

bool token_p384_decode(const uint8_t bytes[static TOKEN_P384_ELEMENT_LEN], struct token_p384_point *ret)
{
        struct token_number x, y, right, check, negative;

        if ((bytes[0] != 2 && bytes[0] != 3) || !token_modular_decode(p, bytes + 1, &x))
                return false;
        right = curve_right_side(x);
        y = multiply(power_of_ratio(right), right); /* right^((p + 1) / 4), a root as p is 3 mod 4 */
        check = square(y);
        if (!token_modular_equal(&right, &check))
                return false;
        token_modular_negate(p, &y, &negative);
        token_modular_select(token_modular_is_odd(p, &y) ^ (0 - (uint64_t) (bytes[0] & 1)), &negative, &y);
        *ret = (struct token_p384_point){ .x = x, .y = y, .z = p->one };
        return true;
}

/*
 * Montgomery's trick: the inverse of the product, and from it that of each factor. One factor of 0 makes all of them 0, and
 * all points (0, 0), which is none of the curve. Other such points there are only if the processor miscounts; multiples of
 * them would tell about the number that multiplied them.
 */
bool token_p384_encode(const struct token_p384_point *points, size_t count, uint8_t *ret)
{
        struct token_number products[TOKEN_P384_ENCODE_MAX], inverse, z_inverse, left, right;
        struct token_p384_affine affine[TOKEN_P384_ENCODE_MAX];
        uint64_t is_right = UINT64_MAX;

        products[0] = points[0].z;
        for (size_t i = 1; i < count; i++)
                products[i] = multiply(products[i - 1], points[i].z);
        inverse = invert(products[count - 1]);
        for (size_t i = count; i-- > 0;) {
                z_inverse = i > 0 ? multiply(inverse, products[i - 1]) : inverse;
                inverse = multiply(inverse, points[i].z);
                affine[i].x = multiply(points[i].x, z_inverse);
                affine[i].y = multiply(points[i].y, z_inverse);
                left = square(affine[i].y);
                right = curve_right_side(affine[i].x);
                is_right &= token_modular_equal(&left, &right);
        }
        token_secret_declassify(&is_right, sizeof(is_right)); /* no secret makes one that is not */
        for (size_t i = 0; is_right && i < count; i++) {
                ret[i * TOKEN_P384_ELEMENT_LEN] = (uint8_t) (2 | (token_modular_is_odd(p, &affine[i].y) & 1));
                token_modular_encode(p, &affine[i].x, ret + i * TOKEN_P384_ELEMENT_LEN + 1);
        }
        return is_right != 0;
}

/* (x : y : z) for (x/z^2, y/z^3); z = 0 is the identity. Faster inside a comb, where no pair of points is an exception. */
struct jacobian {
        struct token_number x, y, z;
};

/* 3 multiplications and 5 squarings: a of the curve is -3. */
static void jacobian_double(struct jacobian *a)
{
        struct token_number zz = square(a->z), yy = square(a->y), xyy = multiply(a->x, yy);
        struct token_number slope = triple(multiply(subtract(a->x, zz), add(a->x, zz)));
        struct token_number xyy2 = add(xyy, xyy), xyy4 = add(xyy2, xyy2), y4 = square(add(yy, yy));

        a->z = subtract(square(add(a->y, a->z)), add(yy, zz));
        a->x = subtract(square(slope), add(xyy4, xyy4));
        a->y = subtract(multiply(slope, subtract(xyy4, a->x)), add(y4, y4));
}

/* a + b of different points, neither the identity; (x, y) is what b's coordinates are over a's z. */
static void jacobian_add_over(struct jacobian *a, struct token_number x, struct token_number y)
{
        struct token_number h = subtract(x, a->x), slope = subtract(y, a->y), hh = square(h), hhh = multiply(h, hh);
        struct token_number v = multiply(a->x, hh);

        a->z = multiply(a->z, h);
        a->x = subtract(subtract(square(slope), hhh), add(v, v));
        a->y = subtract(multiply(slope, subtract(v, a->x)), multiply(a->y, hhh));
}

static void jacobian_add_affine(struct jacobian *a, const struct token_p384_affine *b)
{
        struct token_number zz = square(a->z);

        jacobian_add_over(a, multiply(b->x, zz), multiply(b->y, multiply(zz, a->z)));
}

static void jacobian_add(struct jacobian *a, const struct jacobian *b)
{
        struct token_number zz = square(a->z), bzz = square(b->z), bzzz = multiply(bzz, b->z);
        struct token_number x = multiply(b->x, zz), y = multiply(b->y, multiply(zz, a->z));

        a->x = multiply(a->x, bzz);
        a->y = multiply(a->y, bzzz);
        a->z = multiply(a->z, b->z);
        jacobian_add_over(a, x, y);
}

/* All with z = 1, by Montgomery's trick. */
static void jacobian_normalize(const struct jacobian *points, size_t count, struct token_p384_affine *ret)
{
        struct token_number products[COUNT_SUMS], inverse, z, zz;

        products[0] = points[0].z;
        for (size_t i = 1; i < count; i++)
                products[i] = multiply(products[i - 1], points[i].z);
        inverse = invert(products[count - 1]);
        for (size_t i = count; i-- > 0;) {
                z = i > 0 ? multiply(inverse, products[i - 1]) : inverse;
                inverse = multiply(inverse, points[i].z);
                zz = square(z);
                ret[i] = (struct token_p384_affine){ .x = multiply(points[i].x, zz),
                                                     .y = multiply(points[i].y, multiply(zz, z)) };
        }
}

/*
 * As multiples of the point, a sum of teeth is below the next tooth, and both together are below the group's order: so
 * they are never the same point, nor opposite ones.
 */
void token_p384_comb_init(struct token_p384_comb *comb, const struct token_p384_point *point)
{
        struct jacobian sums[COUNT_SUMS], tooth = { .z = point->z };

        tooth.x = multiply(point->x, point->z);
        tooth.y = multiply(point->y, square(point->z));
        for (unsigned i = 1; i < COUNT_SUMS; i *= 2) {
                sums[i] = tooth;
                for (unsigned j = 1; j < i; j++) {
                        sums[i + j] = sums[j];
                        jacobian_add(&sums[i + j], &tooth);
                }
                for (unsigned j = 0; 2 * i < COUNT_SUMS && j < TOKEN_P384_COMB_SPAN; j++)
                        jacobian_double(&tooth);
        }
        comb->sums[0] = (struct token_p384_affine){ .x = { { 0 } } };
        jacobian_normalize(sums + 1, COUNT_SUMS - 1, comb->sums + 1);
        explicit_bzero(sums, sizeof(sums));
}

/* Reads all sums, so that which one is wanted cannot be seen. */
static void comb_select(const struct token_p384_comb *comb, uint64_t index, struct token_p384_affine *ret)
{
        *ret = comb->sums[0];
        for (uint64_t i = 1; i < COUNT_SUMS; i++) {
                uint64_t other = token_secret_opaque(i ^ index);
                uint64_t mask = ((other | (0 - other)) >> 63) - 1;

                token_modular_select(mask, &comb->sums[i].x, &ret->x);
                token_modular_select(mask, &comb->sums[i].y, &ret->y);
        }
}

/* The bits of a scalar that a comb meets at one place. */
static uint64_t comb_index(const struct token_number *plain, unsigned place)
{
        uint64_t index = 0;

        for (unsigned tooth = 0; tooth < TOKEN_P384_COMB_TEETH; tooth++) {
                unsigned bit = place + tooth * TOKEN_P384_COMB_SPAN;

                if (bit < 8 * TOKEN_MODULAR_LEN)
                        index |= (plain->limbs[bit / 64] >> bit % 64 & 1) << tooth;
        }
        return index;
}

/* sum += entry; `skip` is all ones if the entry stands for the identity. */
static void comb_add(struct jacobian *sum, const struct token_p384_affine *entry, uint64_t skip)
{
        struct jacobian before = *sum;
        uint64_t first = token_modular_is_zero(&sum->z);

        jacobian_add_affine(sum, entry);
        token_modular_select(first, &entry->x, &sum->x);
        token_modular_select(first, &entry->y, &sum->y);
        token_modular_select(first, &p->one, &sum->z);
        token_modular_select(skip, &before.x, &sum->x);
        token_modular_select(skip, &before.y, &sum->y);
        token_modular_select(skip, &before.z, &sum->z);
}

/*
 * As multiples of the point: what was doubled has, in each tooth's 77 digits, an even number, and the entry 0 or 1, so
 * they are never equal; and together they are at most the scalar, which is below the order, so they are never opposite.
 */
void token_p384_comb_multiply(const struct token_p384_comb *comb, const struct token_number *scalar, struct token_p384_point *ret)
{
        struct jacobian sum = { .x = p->one, .y = p->one };
        struct token_p384_affine entry;
        struct token_number plain;

        token_modular_plain(&token_modulus_order, scalar, &plain);
        for (unsigned place = TOKEN_P384_COMB_SPAN; place-- > 0;) {
                uint64_t index = comb_index(&plain, place);

                jacobian_double(&sum);
                comb_select(comb, index, &entry);
                comb_add(&sum, &entry, ((index | (0 - index)) >> 63) - 1);
        }
        ret->x = multiply(sum.x, sum.z);
        ret->y = sum.y;
        ret->z = multiply(sum.z, square(sum.z));
        explicit_bzero(&plain, sizeof(plain));
        explicit_bzero(&entry, sizeof(entry));
        explicit_bzero(&sum, sizeof(sum));
}

/* A root of u/v if it is a square, else one of Z*u/v; whether it was one. RFC 9380, appendix F.2.1.2. */
static uint64_t root_of_ratio(struct token_number u, struct token_number v, struct token_number *ret)
{
        static const struct token_number root_of_minus_z = { { 0x1cdf6f1cc0a3f1f8, 0xfdf2313b4c08f647, 0x89cb6776d4183d32,
                                                               0xacb3a761476b11b6, 0xe428a383c093fcea, 0xd78fa36b3ae40b98 } };
        struct token_number uv = multiply(u, v), y = multiply(multiply(v, v), uv), y2, check;
        uint64_t is_square;

        y = multiply(power_of_ratio(y), uv);
        y2 = multiply(y, root_of_minus_z);
        check = multiply(multiply(y, y), v);
        is_square = token_modular_equal(&check, &u);
        token_modular_select(~is_square, &y2, &y);
        *ret = y;
        return is_square;
}

/* RFC 9380, appendix F.2; the names are its. x is left as a fraction, which is what a point's z is for. */
void token_p384_map(const struct token_number *u, struct token_p384_point *ret)
{
        static const struct token_number z = { { 0x0000000cfffffff3, 0xfffffff300000000, 0xfffffffffffffff2, UINT64_MAX,
                                                 UINT64_MAX, UINT64_MAX } };
        static const struct token_number curve_a = { { 0x00000003fffffffc, 0xfffffffc00000000, 0xfffffffffffffffb, UINT64_MAX,
                                                       UINT64_MAX, UINT64_MAX } };
        struct token_number tv1 = multiply(z, multiply(*u, *u)), tv2 = add(multiply(tv1, tv1), tv1);
        struct token_number tv3 = multiply(curve_b, add(tv2, p->one)), tv4 = z, tv5, tv6, x, y, y1;
        uint64_t is_square;

        token_modular_negate(p, &tv2, &tv5);
        token_modular_select(~token_modular_is_zero(&tv2), &tv5, &tv4);
        tv4 = multiply(curve_a, tv4);
        tv6 = multiply(tv4, tv4);
        tv2 = multiply(add(multiply(tv3, tv3), multiply(curve_a, tv6)), tv3);
        tv6 = multiply(tv6, tv4);
        tv2 = add(tv2, multiply(curve_b, tv6));
        x = multiply(tv1, tv3);
        is_square = root_of_ratio(tv2, tv6, &y1);
        y = multiply(multiply(tv1, *u), y1);
        token_modular_select(is_square, &tv3, &x);
        token_modular_select(is_square, &y1, &y);
        token_modular_negate(p, &y, &tv5);
        token_modular_select(token_modular_is_odd(p, u) ^ token_modular_is_odd(p, &y), &tv5, &y);
        *ret = (struct token_p384_point){ .x = x, .y = multiply(y, tv4), .z = tv4 };
}
