/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's side of issuance: requests that it refuses, and how it uses its private key. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD, to watch what OpenSSL draws */

#include "tests/token/support.h"
#include "token/rsabssa.h"
#include "token/spki.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

static void get_modulus(const struct token_public_key *key, struct token_spki *ret)
{
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_spki_decode(token_public_key_encoded(key), ret, &error), &error);
}

static void assert_evaluate_fails(const struct support_run *run, struct base_bytes request, enum base_error_code code)
{
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(token_issuer_evaluate(run->issuer, request, &response, &error), &error, code);
        assert_int_equal(response.len, 0);
}

static void evaluate_other_length_is_malformed(void **state)
{
        struct support_run *run = *state;
        uint8_t bytes[TOKEN_REQUEST_BYTES_MAX + 1];

        memcpy(bytes, run->request.data, run->request.len);
        bytes[run->request.len] = 0;
        for (size_t len = 0; len <= sizeof(bytes); len++)
                if (len != run->request.len)
                        assert_evaluate_fails(run, BASE_BYTES(bytes, len), BASE_ERROR_MALFORMED);
}

static void evaluate_other_type_or_key_is_refused(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer bad = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);

        for (size_t bit = 0; bit < 8 * TOKEN_REQUEST_HEADER_LEN; bit++) {
                support_flip_bit(base_buffer_bytes(&run->request), bit, &bad);
                assert_evaluate_fails(run, base_buffer_bytes(&bad), bit < 16 ? BASE_ERROR_UNSUPPORTED : BASE_ERROR_NOT_FOUND);
        }
}

/* n - 1 is the largest that is signed; n and above are refused, not reduced. */
static void evaluate_message_not_below_modulus_is_malformed(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct token_spki spki;

        get_modulus(run->key, &spki);
        base_buffer_put(&request, run->request.data, TOKEN_REQUEST_HEADER_LEN);
        base_buffer_put(&request, spki.modulus, sizeof(spki.modulus));
        assert_evaluate_fails(run, base_buffer_bytes(&request), BASE_ERROR_MALFORMED);
        request.data[request.len - 1] -= 1; /* n is odd */
        support_assert_ok(token_issuer_evaluate(run->issuer, base_buffer_bytes(&request), &response, &error), &error);
        memset(request.data + TOKEN_REQUEST_HEADER_LEN, 0xff, sizeof(spki.modulus));
        assert_evaluate_fails(run, base_buffer_bytes(&request), BASE_ERROR_MALFORMED);
}

static void evaluate_without_room_is_a_limit(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer small = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX - 1);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(token_issuer_evaluate(run->issuer, base_buffer_bytes(&run->request), &small, &error), &error,
                             BASE_ERROR_LIMIT_EXCEEDED);
        assert_int_equal(small.len, 0);
}

static unsigned long drawn_bytes;
static const RAND_METHOD *real_method;

static int counting_bytes(unsigned char *to, int len)
{
        drawn_bytes += (unsigned long) len;
        return real_method->bytes(to, len);
}

static int counting_status(void)
{
        return 1;
}

/* OpenSSL blinds the private operation: with a key it never used, and again and again, it draws a blinding factor. */
static void evaluate_private_operation_is_blinded(void **state)
{
        struct support_run *run = *state;
        base_auto_token_issuer_key struct token_issuer_key *issuer = NULL;
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        struct base_error error = BASE_ERROR_INIT;
        RAND_METHOD counting = { .bytes = counting_bytes, .pseudorand = counting_bytes, .status = counting_status };
        unsigned long after_first;

        support_assert_ok(token_issuer_key_save(run->issuer, &text, &error), &error);
        support_assert_ok(token_issuer_key_load(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&text), &issuer, &error), &error);
        real_method = RAND_OpenSSL();
        drawn_bytes = 0;
        assert_int_equal(RAND_set_rand_method(&counting), 1);
        for (unsigned i = 0; i < 100; i++) {
                base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);

                support_assert_ok(token_issuer_evaluate(issuer, base_buffer_bytes(&run->request), &response, &error), &error);
                support_assert_bytes(base_buffer_bytes(&response), base_buffer_bytes(&run->response));
                if (i == 0)
                        after_first = drawn_bytes;
        }
        assert_int_equal(RAND_set_rand_method(NULL), 1);
        assert_true(after_first >= 256);
        assert_true(drawn_bytes >= 2 * after_first);
}

/* A private key whose parts give wrong results, as after a fault: OpenSSL's own check falls back to d, which is wrong too. */
static void blind_sign_wrong_result_is_withheld(void **state)
{
        static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
                                             OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
                                             OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
                                             OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
        BASE_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *good = EVP_RSA_gen(2048);
        BASE_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *faulty = NULL;
        BASE_CLEANUP(token_rsabssa_private_free_p) struct token_rsabssa_private *good_key = NULL;
        BASE_CLEANUP(token_rsabssa_private_free_p) struct token_rsabssa_private *faulty_key = NULL;
        EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        BIGNUM *numbers[BASE_COUNT(names)] = { NULL };
        uint8_t blinded[256] = { 0, 9, 9 }, result[256] = { 0 };
        static const uint8_t untouched[256];
        struct base_error error = BASE_ERROR_INIT;
        OSSL_PARAM *parameters;

        for (size_t i = 0; i < BASE_COUNT(names); i++) {
                assert_int_equal(EVP_PKEY_get_bn_param(good, names[i], &numbers[i]), 1);
                if (strcmp(names[i], OSSL_PKEY_PARAM_RSA_D) == 0 || strcmp(names[i], OSSL_PKEY_PARAM_RSA_EXPONENT1) == 0)
                        assert_true(BN_add_word(numbers[i], 2));
                assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, names[i], numbers[i]), 1);
        }
        parameters = OSSL_PARAM_BLD_to_param(builder);
        assert_true(EVP_PKEY_fromdata_init(maker) == 1 && EVP_PKEY_fromdata(maker, &faulty, EVP_PKEY_KEYPAIR, parameters) == 1);
        support_assert_ok(token_rsabssa_private_new(&token_rsabssa_sha384_pss_deterministic, good, &good_key, &error), &error);
        support_assert_ok(token_rsabssa_private_new(&token_rsabssa_sha384_pss_deterministic, faulty, &faulty_key, &error),
                          &error);
        support_assert_error(token_rsabssa_blind_sign(faulty_key, BASE_BYTES_OF(blinded), result, &error), &error,
                             BASE_ERROR_CRYPTO);
        assert_string_equal(error.message, "the RSA operation gave a wrong result; it was withheld");
        assert_memory_equal(result, untouched, sizeof(result));
        support_assert_ok(token_rsabssa_blind_sign(good_key, BASE_BYTES_OF(blinded), result, &error), &error);
        for (size_t i = 0; i < BASE_COUNT(names); i++)
                BN_clear_free(numbers[i]);
        OSSL_PARAM_free(parameters);
        OSSL_PARAM_BLD_free(builder);
        EVP_PKEY_CTX_free(maker);
}

static int set_up(void **state)
{
        return support_run_set_up(TOKEN_TYPE_BLIND_RSA, state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(evaluate_other_length_is_malformed),
                cmocka_unit_test(evaluate_other_type_or_key_is_refused),
                cmocka_unit_test(evaluate_message_not_below_modulus_is_malformed),
                cmocka_unit_test(evaluate_without_room_is_a_limit),
                cmocka_unit_test(evaluate_private_operation_is_blinded),
                cmocka_unit_test(blind_sign_wrong_result_is_withheld),
        };

        return cmocka_run_group_tests(tests, set_up, support_run_tear_down);
}
