/* SPDX-License-Identifier: BSD-2-Clause */
/* EMSA-PSS beyond what signatures reach: an encoding that is wrong in one bit only, with the hash and salt of the right one. */
#include "tests/token/support.h"
#include "token/crypto.h"
#include "token/pss.h"

#include <string.h>

static const struct base_bytes message = { .data = (const uint8_t *) "message", .len = 7 };
static const uint8_t salt[48] = { 1, 2, 3 };

struct shape {
        size_t salt_len, encoded_bits;
};

/* Moduli of 2048, 2047, 2049 (a byte less than the modulus) and 4096 bits; the smallest that hold hash and salt. */
static const struct shape shapes[] = { { 48, 2047 }, { 48, 2046 },       { 48, 2048 },     { 0, 2047 },
                                       { 48, 4095 }, { 48, 8 * 98 - 7 }, { 0, 8 * 50 - 7 } };

static void verify_encoded_of_each_shape_passes(void **state)
{
        EVP_MD *hash = EVP_MD_fetch(NULL, "SHA384", NULL);

        for (size_t i = 0; i < BASE_COUNT(shapes); i++) {
                const struct token_pss pss = { .hash = hash,
                                               .salt_len = shapes[i].salt_len,
                                               .encoded_bits = shapes[i].encoded_bits };
                uint8_t encoded[TOKEN_PSS_ENCODED_MAX];
                struct base_error error = BASE_ERROR_INIT;

                support_assert_ok(token_pss_encode(&pss, message, salt, encoded, &error), &error);
                assert_true(token_pss_verify(&pss, message, encoded));
                assert_false(token_pss_verify(&pss, base_bytes_from_string("massage"), encoded));
        }
        EVP_MD_free(hash);
}

static void verify_any_flipped_bit_fails(void **state)
{
        EVP_MD *hash = EVP_MD_fetch(NULL, "SHA384", NULL);

        for (size_t i = 0; i < BASE_COUNT(shapes); i++) {
                const struct token_pss pss = { .hash = hash,
                                               .salt_len = shapes[i].salt_len,
                                               .encoded_bits = shapes[i].encoded_bits };
                uint8_t encoded[TOKEN_PSS_ENCODED_MAX];
                struct base_error error = BASE_ERROR_INIT;

                support_assert_ok(token_pss_encode(&pss, message, salt, encoded, &error), &error);
                for (size_t bit = 0; bit < 8 * token_pss_encoded_len(&pss); bit++) {
                        encoded[bit / 8] ^= (uint8_t) (1 << bit % 8);
                        assert_false(token_pss_verify(&pss, message, encoded));
                        encoded[bit / 8] ^= (uint8_t) (1 << bit % 8);
                }
                assert_true(token_pss_verify(&pss, message, encoded));
        }
        EVP_MD_free(hash);
}

/* RFC 9474's two kinds of salt are not each other's. */
static void verify_other_salt_length_fails(void **state)
{
        EVP_MD *hash = EVP_MD_fetch(NULL, "SHA384", NULL);
        const struct token_pss with = { .hash = hash, .salt_len = 48, .encoded_bits = 2047 };
        const struct token_pss without = { .hash = hash, .salt_len = 0, .encoded_bits = 2047 };
        uint8_t encoded[TOKEN_PSS_ENCODED_MAX];
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_pss_encode(&without, message, salt, encoded, &error), &error);
        assert_true(token_pss_verify(&without, message, encoded));
        assert_false(token_pss_verify(&with, message, encoded));
        support_assert_ok(token_pss_encode(&with, message, salt, encoded, &error), &error);
        assert_false(token_pss_verify(&without, message, encoded));
        EVP_MD_free(hash);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(verify_encoded_of_each_shape_passes),
                cmocka_unit_test(verify_any_flipped_bit_fails),
                cmocka_unit_test(verify_other_salt_length_fails),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
