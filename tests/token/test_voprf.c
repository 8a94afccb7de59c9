/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 9497 over P-384: the published vectors, OpenSSL's own arithmetic beside ours, and proofs that must not pass. */
#include "base/encode.h"
#include "tests/stride.h"
#include "tests/token/support.h"
#include "token/voprf.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <string.h>

#define BYTES_MAX   1024
#define ELEMENT_LEN TOKEN_VOPRF_ELEMENT_LEN
#define SCALAR_LEN  TOKEN_VOPRF_SCALAR_LEN

/* --- beside OpenSSL --- */

static void number_of(const BIGNUM *from, struct token_number *ret)
{
        uint8_t bytes[SCALAR_LEN];

        assert_int_equal(BN_bn2binpad(from, bytes, sizeof(bytes)), SCALAR_LEN);
        assert_true(token_modular_decode(&token_modulus_order, bytes, ret));
}

/* 1 … 8, n - 8 … n - 1, single bits and their neighbours, then random ones. */
static void edge_scalar(unsigned index, const BIGNUM *order, BIGNUM *ret)
{
        if (index < 8) {
                assert_true(BN_set_word(ret, index + 1));
        } else if (index < 16) {
                assert_true(BN_copy(ret, order) != NULL && BN_sub_word(ret, index - 7));
        } else if (index < 16 + 383) {
                BN_zero(ret);
                assert_true(BN_set_bit(ret, (int) index - 16));
        } else if (index < 16 + 2 * 383) {
                BN_zero(ret);
                assert_true(BN_set_bit(ret, (int) index - 16 - 382) && BN_sub_word(ret, 1));
        } else {
                assert_true(BN_rand_range(ret, order));
        }
        if (BN_is_zero(ret))
                assert_true(BN_set_word(ret, 1));
}

static void comb_multiply_openssl_agrees(void **state)
{
        EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp384r1);
        EC_POINT *base = EC_POINT_new(group), *product = EC_POINT_new(group);
        BIGNUM *scalar = BN_new();
        BN_CTX *context = BN_CTX_new();

        for (unsigned i = 0; i < 16 + 2 * 383 + 100; i += i < 16 ? 1 : TEST_STRIDE) {
                uint8_t base_bytes[ELEMENT_LEN], expected[ELEMENT_LEN], actual[ELEMENT_LEN];
                struct token_p384_comb comb;
                struct token_p384_point point;
                struct token_number number;

                assert_true(BN_rand_range(scalar, EC_GROUP_get0_order(group)));
                assert_int_equal(EC_POINT_mul(group, base, scalar, NULL, NULL, context), 1);
                assert_int_equal(EC_POINT_point2oct(group, base, POINT_CONVERSION_COMPRESSED, base_bytes, ELEMENT_LEN, context),
                                 ELEMENT_LEN);
                edge_scalar(i, EC_GROUP_get0_order(group), scalar);
                assert_int_equal(EC_POINT_mul(group, product, NULL, base, scalar, context), 1);
                assert_int_equal(EC_POINT_point2oct(group, product, POINT_CONVERSION_COMPRESSED, expected, ELEMENT_LEN, context),
                                 ELEMENT_LEN);
                assert_true(token_p384_decode(base_bytes, &point));
                token_p384_comb_init(&comb, &point);
                number_of(scalar, &number);
                token_p384_comb_multiply(&comb, &number, &point);
                assert_true(token_p384_encode(&point, 1, actual));
                assert_memory_equal(actual, expected, ELEMENT_LEN);
        }
        BN_free(scalar);
        BN_CTX_free(context);
        EC_POINT_free(base);
        EC_POINT_free(product);
        EC_GROUP_free(group);
}

/* Points of small and large x, as a peer may choose them, by scalars at the ends of the range. */
static void comb_multiply_chosen_points_openssl_agrees(void **state)
{
        EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp384r1);
        EC_POINT *base = EC_POINT_new(group), *product = EC_POINT_new(group);
        BIGNUM *x = BN_new(), *scalar = BN_new();
        unsigned on_curve = 0;

        for (unsigned i = 0; i < 64; i++) {
                uint8_t base_bytes[ELEMENT_LEN] = { (uint8_t) (2 + i % 2) }, expected[ELEMENT_LEN], actual[ELEMENT_LEN];
                struct token_p384_comb comb;
                struct token_p384_point point;
                struct token_number number;

                BN_zero(x);
                if (i < 32)
                        assert_true(BN_set_word(x, i / 2));
                else if (i < 48)
                        assert_true(BN_copy(x, EC_GROUP_get0_field(group)) != NULL && BN_sub_word(x, i / 2 - 15));
                else
                        assert_true(BN_set_bit(x, (int) (i - 48) / 2 * 48 + 40));
                assert_int_equal(BN_bn2binpad(x, base_bytes + 1, SCALAR_LEN), SCALAR_LEN);
                if (EC_POINT_oct2point(group, base, base_bytes, sizeof(base_bytes), NULL) != 1) {
                        assert_false(token_p384_decode(base_bytes, &point));
                        continue;
                }
                on_curve++;
                edge_scalar(i % 16, EC_GROUP_get0_order(group), scalar);
                assert_int_equal(EC_POINT_mul(group, product, NULL, base, scalar, NULL), 1);
                assert_int_equal(EC_POINT_point2oct(group, product, POINT_CONVERSION_COMPRESSED, expected, ELEMENT_LEN, NULL),
                                 ELEMENT_LEN);
                assert_true(token_p384_decode(base_bytes, &point));
                token_p384_comb_init(&comb, &point);
                number_of(scalar, &number);
                token_p384_comb_multiply(&comb, &number, &point);
                assert_true(token_p384_encode(&point, 1, actual));
                assert_memory_equal(actual, expected, ELEMENT_LEN);
        }
        assert_true(on_curve >= 16);
        BN_free(x);
        BN_free(scalar);
        EC_POINT_free(base);
        EC_POINT_free(product);
        EC_GROUP_free(group);
}

/* Sums that ordinary formulas have exceptions for. */
static void add_special_pairs_are_right(void **state)
{
        struct token_p384_point g = token_p384_generator, identity, negative = g, sum, twice;
        uint8_t expected[ELEMENT_LEN], actual[ELEMENT_LEN];

        token_modular_negate(&token_modulus_field, &g.y, &negative.y);
        token_p384_add(&g, &negative, &identity);
        assert_false(token_p384_encode(&identity, 1, actual));
        token_p384_add(&identity, &identity, &sum);
        assert_false(token_p384_encode(&sum, 1, actual));
        token_p384_double(&identity, &sum);
        assert_false(token_p384_encode(&sum, 1, actual));
        token_p384_add(&identity, &g, &sum);
        assert_true(token_p384_encode(&sum, 1, actual) && token_p384_encode(&g, 1, expected));
        assert_memory_equal(actual, expected, ELEMENT_LEN);
        token_p384_add(&g, &g, &sum);
        token_p384_double(&g, &twice);
        assert_true(token_p384_encode(&sum, 1, actual) && token_p384_encode(&twice, 1, expected));
        assert_memory_equal(actual, expected, ELEMENT_LEN);
}

static void modular_arithmetic_openssl_agrees(void **state)
{
        const struct token_modulus *moduli[] = { &token_modulus_field, &token_modulus_order };
        EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp384r1);
        const BIGNUM *numbers[] = { EC_GROUP_get0_field(group), EC_GROUP_get0_order(group) };
        BIGNUM *a = BN_new(), *b = BN_new(), *c = BN_new();
        BN_CTX *context = BN_CTX_new();

        for (unsigned i = 0; i < 400; i++) {
                const struct token_modulus *m = moduli[i % 2];
                const BIGNUM *n = numbers[i % 2];
                uint8_t a_bytes[SCALAR_LEN], b_bytes[SCALAR_LEN], expected[SCALAR_LEN], actual[SCALAR_LEN];
                uint8_t wide[TOKEN_MODULAR_WIDE_LEN];
                struct token_number x, y, z;

                assert_true(BN_rand_range(a, n) && BN_rand_range(b, n) &&
                            (i >= 40 || (BN_copy(a, n) && BN_sub_word(a, 1 + i / 4))) && (i >= 20 || BN_set_word(b, i / 4)));
                assert_true(BN_bn2binpad(a, a_bytes, SCALAR_LEN) > 0 && BN_bn2binpad(b, b_bytes, SCALAR_LEN) > 0);
                assert_true(token_modular_decode(m, a_bytes, &x) && token_modular_decode(m, b_bytes, &y));
                assert_true(BN_mod_mul(c, a, b, n, context) && BN_bn2binpad(c, expected, SCALAR_LEN) > 0);
                token_modular_multiply(m, &x, &y, &z);
                token_modular_encode(m, &z, actual);
                assert_memory_equal(actual, expected, SCALAR_LEN);
                assert_true(BN_mod_sqr(c, a, n, context) && BN_bn2binpad(c, expected, SCALAR_LEN) > 0);
                token_modular_square(m, &x, &z);
                token_modular_encode(m, &z, actual);
                assert_memory_equal(actual, expected, SCALAR_LEN);
                assert_true(BN_mod_add(c, a, b, n, context) && BN_bn2binpad(c, expected, SCALAR_LEN) > 0);
                token_modular_add(m, &x, &y, &z);
                token_modular_encode(m, &z, actual);
                assert_memory_equal(actual, expected, SCALAR_LEN);
                assert_true(BN_mod_sub(c, b, a, n, context) && BN_bn2binpad(c, expected, SCALAR_LEN) > 0);
                token_modular_subtract(m, &y, &x, &z);
                token_modular_encode(m, &z, actual);
                assert_memory_equal(actual, expected, SCALAR_LEN);
                assert_true(BN_mod_inverse(c, a, n, context) != NULL && BN_bn2binpad(c, expected, SCALAR_LEN) > 0);
                token_modular_invert(m, &x, &z);
                token_modular_encode(m, &z, actual);
                assert_memory_equal(actual, expected, SCALAR_LEN);
                memset(wide, 0xff, sizeof(wide));
                if (i >= 2)
                        assert_true(BN_rand(c, 576, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
                                    BN_bn2binpad(c, wide, sizeof(wide)) > 0);
                assert_true(BN_bin2bn(wide, sizeof(wide), c) != NULL && BN_mod(c, c, n, context) &&
                            BN_bn2binpad(c, expected, SCALAR_LEN) > 0);
                token_modular_reduce(m, wide, &z);
                token_modular_encode(m, &z, actual);
                assert_memory_equal(actual, expected, SCALAR_LEN);
        }
        BN_free(a);
        BN_free(b);
        BN_free(c);
        BN_CTX_free(context);
        EC_GROUP_free(group);
}

static void decode_other_encodings_are_refused(void **state)
{
        EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp384r1);
        BIGNUM *x = BN_dup(EC_GROUP_get0_field(group));
        uint8_t bytes[ELEMENT_LEN], good[ELEMENT_LEN];
        struct token_p384_point point;
        unsigned off_curve = 0;

        assert_true(token_p384_encode(&token_p384_generator, 1, good));
        for (unsigned first = 0; first < 256; first++) {
                memcpy(bytes, good, sizeof(bytes));
                bytes[0] = (uint8_t) first;
                assert_int_equal(token_p384_decode(bytes, &point), first == 2 || first == 3);
        }
        /* x = p + 5 names the same point as x = 5, and both encodings must not. */
        for (unsigned i = 0; i < 16; i++) {
                bytes[0] = 2;
                assert_int_equal(BN_bn2binpad(x, bytes + 1, SCALAR_LEN), SCALAR_LEN);
                assert_false(token_p384_decode(bytes, &point));
                assert_true(BN_add_word(x, 1));
        }
        memset(bytes, 0, sizeof(bytes));
        assert_false(token_p384_decode(bytes, &point)); /* as some encode the identity */
        for (unsigned i = 0; i < 64; i++) {
                EC_POINT *theirs = EC_POINT_new(group);
                bool on_curve;

                memset(bytes, 0, sizeof(bytes));
                bytes[0] = 2;
                bytes[ELEMENT_LEN - 1] = (uint8_t) i;
                on_curve = EC_POINT_oct2point(group, theirs, bytes, sizeof(bytes), NULL) == 1;
                assert_int_equal(token_p384_decode(bytes, &point), on_curve);
                off_curve += !on_curve;
                EC_POINT_free(theirs);
        }
        assert_true(off_curve > 16);
        BN_free(x);
        EC_GROUP_free(group);
}

/* --- vectors --- */

/* The comma separated hex strings of a member, of `len` bytes each if that is not 0. */
static void member_list(const json_t *object, const char *key, struct base_buffer *ret, struct base_bytes *items, size_t count)
{
        base_auto_free char *text = strdup(support_member(object, key));
        char *position = text;

        for (size_t i = 0; i < count; i++) {
                char *item = strsep(&position, ",");
                size_t start = ret->len;

                assert_non_null(item);
                assert_true(base_hex_decode(ret, item, strlen(item)));
                items[i].len = ret->len - start;
        }
        assert_null(position);
        for (size_t i = 0, at = 0; i < count; at += items[i++].len)
                items[i].data = ret->data + at;
}

struct vector {
        size_t count;
        struct base_buffer inputs, blinds, blinded, evaluated, outputs, proof, r;
        struct base_bytes input_items[2], items[2];
};

static void vector_load(const json_t *object, bool with_proof, struct vector *ret)
{
        struct base_buffer *buffers[] = { &ret->inputs,  &ret->blinds, &ret->blinded, &ret->evaluated,
                                          &ret->outputs, &ret->proof,  &ret->r };

        ret->count = (size_t) json_integer_value(json_object_get(object, "Batch"));
        assert_in_range(ret->count, 1, 2);
        for (size_t i = 0; i < BASE_COUNT(buffers); i++)
                base_buffer_init(buffers[i], BYTES_MAX);
        member_list(object, "Input", &ret->inputs, ret->input_items, ret->count);
        member_list(object, "Blind", &ret->blinds, ret->items, ret->count);
        member_list(object, "BlindedElement", &ret->blinded, ret->items, ret->count);
        member_list(object, "EvaluationElement", &ret->evaluated, ret->items, ret->count);
        member_list(object, "Output", &ret->outputs, ret->items, ret->count);
        if (with_proof) {
                support_member_bytes(json_object_get(object, "Proof"), "proof", &ret->proof);
                support_member_bytes(json_object_get(object, "Proof"), "r", &ret->r);
        }
}

static void vector_clear(struct vector *vector)
{
        base_buffer_clear(&vector->inputs);
        base_buffer_clear(&vector->blinds);
        base_buffer_clear(&vector->blinded);
        base_buffer_clear(&vector->evaluated);
        base_buffer_clear(&vector->outputs);
        base_buffer_clear(&vector->proof);
        base_buffer_clear(&vector->r);
}

static void check_vector(const struct token_voprf_private *key, const struct vector *vector)
{
        struct support_script blinds = { .bytes = base_buffer_bytes(&vector->blinds) };
        struct support_script r = { .bytes = base_buffer_bytes(&vector->r) };
        struct base_random blind_random = support_script_random(&blinds), proof_random = support_script_random(&r);
        uint8_t evaluated[2 * ELEMENT_LEN], proof[TOKEN_VOPRF_PROOF_LEN], outputs[2 * TOKEN_VOPRF_OUTPUT_LEN];
        struct token_voprf_blind states[2];
        struct base_error error = BASE_ERROR_INIT;

        for (size_t i = 0; i < vector->count; i++) {
                support_assert_ok(token_voprf_blind(key->public_key, vector->input_items[i], &blind_random, &states[i], &error),
                                  &error);
                assert_memory_equal(states[i].encoded, vector->blinded.data + i * ELEMENT_LEN, ELEMENT_LEN);
        }
        assert_int_equal(blinds.position, blinds.bytes.len);
        support_assert_ok(token_voprf_evaluate(key, vector->blinded.data, vector->count, &proof_random, evaluated, proof, &error),
                          &error);
        assert_int_equal(r.position, r.bytes.len);
        support_assert_bytes(BASE_BYTES(evaluated, vector->count * ELEMENT_LEN), base_buffer_bytes(&vector->evaluated));
        support_assert_bytes(BASE_BYTES(proof, vector->proof.len), base_buffer_bytes(&vector->proof));
        support_assert_ok(token_voprf_finalize(key->public_key, vector->input_items, states, vector->count, evaluated, proof,
                                               outputs, &error),
                          &error);
        support_assert_bytes(BASE_BYTES(outputs, vector->count * TOKEN_VOPRF_OUTPUT_LEN), base_buffer_bytes(&vector->outputs));
        for (size_t i = 0; i < vector->count; i++) {
                support_assert_ok(token_voprf_output(key, vector->input_items[i], outputs, &error), &error);
                assert_memory_equal(outputs, vector->outputs.data + i * TOKEN_VOPRF_OUTPUT_LEN, TOKEN_VOPRF_OUTPUT_LEN);
        }
}

static void voprf_rfc9497_vectors_match(void **state)
{
        json_t *suites = support_vectors_load("rfc9497_p384.json", 3);
        size_t checked = 0;

        for (size_t mode = TOKEN_VOPRF_MODE_OPRF; mode <= TOKEN_VOPRF_MODE_VOPRF; mode++) {
                const json_t *suite = json_array_get(suites, mode);
                BASE_CLEANUP(token_voprf_private_free_p) struct token_voprf_private *key = NULL;
                base_auto_buffer struct base_buffer seed = BASE_BUFFER_INIT(BYTES_MAX), info = BASE_BUFFER_INIT(BYTES_MAX);
                base_auto_buffer struct base_buffer scalar = BASE_BUFFER_INIT(BYTES_MAX), point = BASE_BUFFER_INIT(BYTES_MAX);
                struct base_error error = BASE_ERROR_INIT;
                uint8_t derived[SCALAR_LEN];
                const json_t *object;
                size_t i;

                assert_int_equal(json_integer_value(json_object_get(suite, "mode")), mode);
                support_member_bytes(suite, "seed", &seed);
                support_member_bytes(suite, "keyInfo", &info);
                support_member_bytes(suite, "skSm", &scalar);
                assert_int_equal(seed.len, 32);
                support_assert_ok(token_voprf_private_derive((enum token_voprf_mode) mode, seed.data, base_buffer_bytes(&info),
                                                             &key, &error),
                                  &error);
                token_modular_encode(&token_modulus_order, &key->scalar, derived);
                support_assert_bytes(BASE_BYTES_OF(derived), base_buffer_bytes(&scalar));
                if (mode == TOKEN_VOPRF_MODE_VOPRF) {
                        support_member_bytes(suite, "pkSm", &point);
                        support_assert_bytes(BASE_BYTES_OF(key->public_key->encoded), base_buffer_bytes(&point));
                }
                json_array_foreach(json_object_get(suite, "vectors"), i, object)
                {
                        struct vector vector = { .count = 0 };

                        vector_load(object, mode == TOKEN_VOPRF_MODE_VOPRF, &vector);
                        check_vector(key, &vector);
                        vector_clear(&vector);
                        checked++;
                }
        }
        assert_int_equal(checked, 5);
        json_decref(suites);
}

/* --- proofs --- */

#define BATCH 3

/* An honest batch; each case damages a copy. */
struct run {
        struct token_voprf_private *key, *other;
        struct base_bytes inputs[BATCH];
        struct token_voprf_blind blinds[BATCH];
        uint8_t blinded[BATCH * ELEMENT_LEN], evaluated[BATCH * ELEMENT_LEN], proof[TOKEN_VOPRF_PROOF_LEN];
};

static const uint8_t seed_of_one[32] = { 1 }, seed_of_another[32] = { 2 };

static int set_up(void **state)
{
        static const char *const texts[BATCH] = { "", "one", "another" };
        struct run *run = calloc(1, sizeof(*run));
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_voprf_private_derive(TOKEN_VOPRF_MODE_VOPRF, seed_of_one, BASE_BYTES(NULL, 0), &run->key, &error),
                          &error);
        support_assert_ok(
                token_voprf_private_derive(TOKEN_VOPRF_MODE_VOPRF, seed_of_another, BASE_BYTES(NULL, 0), &run->other, &error),
                &error);
        for (size_t i = 0; i < BATCH; i++) {
                run->inputs[i] = base_bytes_from_string(texts[i]);
                support_assert_ok(
                        token_voprf_blind(run->key->public_key, run->inputs[i], &base_system_random, &run->blinds[i], &error),
                        &error);
                memcpy(run->blinded + i * ELEMENT_LEN, run->blinds[i].encoded, ELEMENT_LEN);
        }
        support_assert_ok(
                token_voprf_evaluate(run->key, run->blinded, BATCH, &base_system_random, run->evaluated, run->proof, &error),
                &error);
        *state = run;
        return 0;
}

static int tear_down(void **state)
{
        struct run *run = *state;

        token_voprf_private_free(run->key);
        token_voprf_private_free(run->other);
        free(run);
        return 0;
}

static enum base_error_code finalize(const struct run *run, const struct token_voprf_public *key, size_t count,
                                     const uint8_t *evaluated, const uint8_t *proof)
{
        uint8_t outputs[BATCH * TOKEN_VOPRF_OUTPUT_LEN];
        static const uint8_t untouched[sizeof(outputs)];
        struct base_error error = BASE_ERROR_INIT;

        memset(outputs, 0, sizeof(outputs));
        if (!token_voprf_finalize(key, run->inputs, run->blinds, count, evaluated, proof, outputs, &error))
                assert_memory_equal(outputs, untouched, sizeof(outputs));
        return error.code;
}

static void finalize_honest_batch_passes(void **state)
{
        struct run *run = *state;
        uint8_t outputs[BATCH * TOKEN_VOPRF_OUTPUT_LEN], expected[TOKEN_VOPRF_OUTPUT_LEN];
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_voprf_finalize(run->key->public_key, run->inputs, run->blinds, BATCH, run->evaluated, run->proof,
                                               outputs, &error),
                          &error);
        for (size_t i = 0; i < BATCH; i++) {
                support_assert_ok(token_voprf_output(run->key, run->inputs[i], expected, &error), &error);
                assert_memory_equal(outputs + i * sizeof(expected), expected, sizeof(expected));
        }
}

/* A bit of every byte, another position in each: all of them would take minutes with a sanitizer. */
static void finalize_flipped_bit_in_any_byte_of_the_proof_fails(void **state)
{
        struct run *run = *state;
        uint8_t proof[TOKEN_VOPRF_PROOF_LEN];

        for (size_t bit = 0; bit < 8 * sizeof(proof); bit += 7) {
                enum base_error_code code;

                memcpy(proof, run->proof, sizeof(proof));
                proof[bit / 8] ^= (uint8_t) (1 << bit % 8);
                code = finalize(run, run->key->public_key, BATCH, run->evaluated, proof);
                assert_true(code == BASE_ERROR_TOKEN_INVALID || code == BASE_ERROR_MALFORMED);
        }
}

static void finalize_swapped_or_missing_elements_fail(void **state)
{
        struct run *run = *state;
        uint8_t evaluated[sizeof(run->evaluated)];

        memcpy(evaluated, run->evaluated + ELEMENT_LEN, ELEMENT_LEN);
        memcpy(evaluated + ELEMENT_LEN, run->evaluated, ELEMENT_LEN);
        memcpy(evaluated + 2 * ELEMENT_LEN, run->evaluated + 2 * ELEMENT_LEN, ELEMENT_LEN);
        assert_int_equal(finalize(run, run->key->public_key, BATCH, evaluated, run->proof), BASE_ERROR_TOKEN_INVALID);
        assert_int_equal(finalize(run, run->key->public_key, BATCH - 1, run->evaluated, run->proof), BASE_ERROR_TOKEN_INVALID);
        evaluated[0] ^= 1; /* the point with the other sign */
        assert_int_equal(finalize(run, run->key->public_key, BATCH, evaluated, run->proof), BASE_ERROR_TOKEN_INVALID);
        evaluated[0] = 4;
        assert_int_equal(finalize(run, run->key->public_key, BATCH, evaluated, run->proof), BASE_ERROR_MALFORMED);
}

/* An issuer that gives one client a key of its own would know it again. */
static void finalize_evaluation_under_another_key_fails(void **state)
{
        struct run *run = *state;
        uint8_t evaluated[sizeof(run->evaluated)], proof[TOKEN_VOPRF_PROOF_LEN];
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_voprf_evaluate(run->other, run->blinded, BATCH, &base_system_random, evaluated, proof, &error),
                          &error);
        assert_int_equal(finalize(run, run->other->public_key, BATCH, evaluated, proof), BASE_ERROR_NONE);
        assert_int_equal(finalize(run, run->key->public_key, BATCH, evaluated, proof), BASE_ERROR_TOKEN_INVALID);
}

/* One element of another key among honest ones, under a proof that is right for the weighted sum of none. */
static void finalize_one_element_of_another_key_fails(void **state)
{
        struct run *run = *state;
        uint8_t evaluated[sizeof(run->evaluated)], other[sizeof(run->evaluated)], proof[TOKEN_VOPRF_PROOF_LEN];
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_voprf_evaluate(run->other, run->blinded, BATCH, &base_system_random, other, proof, &error),
                          &error);
        for (size_t i = 0; i < BATCH; i++) {
                memcpy(evaluated, run->evaluated, sizeof(evaluated));
                memcpy(evaluated + i * ELEMENT_LEN, other + i * ELEMENT_LEN, ELEMENT_LEN);
                assert_int_equal(finalize(run, run->key->public_key, BATCH, evaluated, run->proof), BASE_ERROR_TOKEN_INVALID);
                assert_int_equal(finalize(run, run->key->public_key, BATCH, evaluated, proof), BASE_ERROR_TOKEN_INVALID);
        }
}

/*
 * The owner of a key can make t2 the identity with s = -c * k. If all points of such a transcript had one encoding, c would be
 * a constant and the proof right for any evaluation.
 */
static void finalize_proof_with_an_identity_fails(void **state)
{
        struct run *run = *state;
        uint8_t evaluated[sizeof(run->evaluated)], proof[TOKEN_VOPRF_PROOF_LEN],
                zeros[4][ELEMENT_LEN] = { { 2 }, { 2 }, { 2 }, { 2 } };
        static const uint8_t len[] = { 0, ELEMENT_LEN };
        static const char dst[] = "HashToScalar-OPRFV1-\x01-P384-SHA384";
        struct token_pieces transcript = { .count = 0 };
        struct token_number c, s;
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_voprf_evaluate(run->other, run->blinded, BATCH, &base_system_random, evaluated, proof, &error),
                          &error);
        token_pieces_put(&transcript, BASE_BYTES_OF(len));
        token_pieces_put(&transcript, BASE_BYTES_OF(run->key->public_key->encoded));
        for (size_t i = 0; i < BASE_COUNT(zeros); i++) {
                token_pieces_put(&transcript, BASE_BYTES_OF(len));
                token_pieces_put(&transcript, BASE_BYTES_OF(zeros[i]));
        }
        token_pieces_put(&transcript, base_bytes_from_string("Challenge"));
        support_assert_ok(
                token_hash_to_scalar(run->key->public_key->hash, &transcript, BASE_BYTES(dst, sizeof(dst) - 1), &c, &error),
                &error);
        token_modular_multiply(&token_modulus_order, &c, &run->key->scalar, &s);
        token_modular_negate(&token_modulus_order, &s, &s);
        token_modular_encode(&token_modulus_order, &c, proof);
        token_modular_encode(&token_modulus_order, &s, proof + SCALAR_LEN);
        assert_int_equal(finalize(run, run->key->public_key, BATCH, evaluated, proof), BASE_ERROR_TOKEN_INVALID);
        memset(proof, 0, sizeof(proof)); /* both points the identity */
        assert_int_equal(finalize(run, run->key->public_key, BATCH, evaluated, proof), BASE_ERROR_TOKEN_INVALID);
}

static void finalize_proof_out_of_range_is_malformed(void **state)
{
        struct run *run = *state;
        uint8_t proof[TOKEN_VOPRF_PROOF_LEN];

        for (size_t i = 0; i < 2; i++) {
                memcpy(proof, run->proof, sizeof(proof));
                memset(proof + i * SCALAR_LEN, 0xff, SCALAR_LEN);
                assert_int_equal(finalize(run, run->key->public_key, BATCH, run->evaluated, proof), BASE_ERROR_MALFORMED);
        }
}

static void count_and_length_limits_hold(void **state)
{
        struct run *run = *state;
        base_auto_free uint8_t *long_input = calloc(1, TOKEN_VOPRF_INPUT_MAX + 1);
        static uint8_t room[(TOKEN_VOPRF_BATCH_MAX + 1) * ELEMENT_LEN];
        struct token_voprf_private *key = NULL;
        struct token_voprf_blind blind;
        struct base_error error = BASE_ERROR_INIT;
        uint8_t output[TOKEN_VOPRF_OUTPUT_LEN];

        assert_int_equal(finalize(run, run->key->public_key, 0, run->evaluated, run->proof), BASE_ERROR_LIMIT_EXCEEDED);
        assert_int_equal(finalize(run, run->key->public_key, TOKEN_VOPRF_BATCH_MAX + 1, run->evaluated, run->proof),
                         BASE_ERROR_LIMIT_EXCEEDED);
        support_assert_error(token_voprf_evaluate(run->key, room, 0, &base_system_random, room, room, &error), &error,
                             BASE_ERROR_LIMIT_EXCEEDED);
        support_assert_error(
                token_voprf_evaluate(run->key, room, TOKEN_VOPRF_BATCH_MAX + 1, &base_system_random, room, room, &error), &error,
                BASE_ERROR_LIMIT_EXCEEDED);
        support_assert_ok(token_voprf_output(run->key, BASE_BYTES(long_input, TOKEN_VOPRF_INPUT_MAX), output, &error), &error);
        support_assert_error(token_voprf_output(run->key, BASE_BYTES(long_input, TOKEN_VOPRF_INPUT_MAX + 1), output, &error),
                             &error, BASE_ERROR_LIMIT_EXCEEDED);
        support_assert_error(token_voprf_blind(run->key->public_key, BASE_BYTES(long_input, TOKEN_VOPRF_INPUT_MAX + 1),
                                               &base_system_random, &blind, &error),
                             &error, BASE_ERROR_LIMIT_EXCEEDED);
        support_assert_error(token_voprf_private_derive(TOKEN_VOPRF_MODE_VOPRF, seed_of_one,
                                                        BASE_BYTES(long_input, TOKEN_VOPRF_INPUT_MAX + 1), &key, &error),
                             &error, BASE_ERROR_LIMIT_EXCEEDED);
}

static void private_new_scalar_out_of_range_is_refused(void **state)
{
        EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_secp384r1);
        BIGNUM *scalar = BN_dup(EC_GROUP_get0_order(group));
        struct token_voprf_private *key = NULL;
        struct base_error error = BASE_ERROR_INIT;
        uint8_t bytes[SCALAR_LEN + 1] = { 0 };

        support_assert_error(token_voprf_private_new(TOKEN_VOPRF_MODE_VOPRF, BASE_BYTES(bytes, SCALAR_LEN), &key, &error), &error,
                             BASE_ERROR_CRYPTO);
        assert_int_equal(BN_bn2binpad(scalar, bytes, SCALAR_LEN), SCALAR_LEN);
        support_assert_error(token_voprf_private_new(TOKEN_VOPRF_MODE_VOPRF, BASE_BYTES(bytes, SCALAR_LEN), &key, &error), &error,
                             BASE_ERROR_CRYPTO);
        assert_true(BN_sub_word(scalar, 1));
        assert_int_equal(BN_bn2binpad(scalar, bytes, SCALAR_LEN), SCALAR_LEN);
        support_assert_error(token_voprf_private_new(TOKEN_VOPRF_MODE_VOPRF, BASE_BYTES(bytes, SCALAR_LEN + 1), &key, &error),
                             &error, BASE_ERROR_CRYPTO);
        support_assert_ok(token_voprf_private_new(TOKEN_VOPRF_MODE_VOPRF, BASE_BYTES(bytes, SCALAR_LEN), &key, &error), &error);
        token_voprf_private_free(key);
        BN_free(scalar);
        EC_GROUP_free(group);
}

static void evaluate_without_randomness_fails(void **state)
{
        struct run *run = *state;
        uint8_t evaluated[BATCH * ELEMENT_LEN], proof[TOKEN_VOPRF_PROOF_LEN];
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(
                token_voprf_evaluate(run->key, run->blinded, BATCH, &support_broken_random, evaluated, proof, &error), &error,
                BASE_ERROR_CRYPTO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(modular_arithmetic_openssl_agrees),
                cmocka_unit_test(comb_multiply_openssl_agrees),
                cmocka_unit_test(comb_multiply_chosen_points_openssl_agrees),
                cmocka_unit_test(add_special_pairs_are_right),
                cmocka_unit_test(decode_other_encodings_are_refused),
                cmocka_unit_test(voprf_rfc9497_vectors_match),
                cmocka_unit_test(finalize_honest_batch_passes),
                cmocka_unit_test(finalize_flipped_bit_in_any_byte_of_the_proof_fails),
                cmocka_unit_test(finalize_swapped_or_missing_elements_fail),
                cmocka_unit_test(finalize_evaluation_under_another_key_fails),
                cmocka_unit_test(finalize_one_element_of_another_key_fails),
                cmocka_unit_test(finalize_proof_with_an_identity_fails),
                cmocka_unit_test(finalize_proof_out_of_range_is_malformed),
                cmocka_unit_test(count_and_length_limits_hold),
                cmocka_unit_test(private_new_scalar_out_of_range_is_refused),
                cmocka_unit_test(evaluate_without_randomness_fails),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
