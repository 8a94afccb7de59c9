/* SPDX-License-Identifier: BSD-2-Clause */
/* Issuance and redemption with a fresh key: the honest way, and every way that must fail. */
#include "tests/token/support.h"
#include "token/client.h"
#include "token/crypto.h"
#include "token/issuer.h"
#include "token/spki.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <string.h>

static void get_modulus(const struct token_public_key *key, struct token_spki *ret)
{
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_spki_decode(token_public_key_encoded(key), ret, &error), &error);
}

static void verify_honest_token_passes(void **state)
{
        struct support_run *run = *state;
        struct base_error error = BASE_ERROR_INIT;
        struct token token;

        support_assert_ok(token_verify(run->key, base_buffer_bytes(&run->token), support_challenge_digest, &error), &error);
        support_assert_ok(token_issuer_verify(run->issuer, base_buffer_bytes(&run->token), support_challenge_digest, &error),
                          &error);
        support_assert_ok(token_decode(base_buffer_bytes(&run->token), &token, &error), &error);
        support_assert_bytes(token.challenge_digest, BASE_BYTES_OF(support_challenge_digest));
        support_assert_bytes(token.key_id, BASE_BYTES(token_public_key_id(run->key), TOKEN_KEY_ID_LEN));
}

/* OpenSSL's RSASSA-PSS-VERIFY is not ours and agrees. */
static void verify_honest_token_passes_openssl(void **state)
{
        struct support_run *run = *state;
        BASE_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *pkey = NULL;
        BASE_CLEANUP(EVP_PKEY_CTX_free_p) EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        BASE_CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        struct base_error error = BASE_ERROR_INIT;
        EVP_PKEY_CTX *verifier;
        OSSL_PARAM *parameters;
        struct token_spki spki;
        struct token token;
        BIGNUM *n;

        get_modulus(run->key, &spki);
        n = BN_bin2bn(spki.modulus, sizeof(spki.modulus), NULL);
        assert_true(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
                    OSSL_PARAM_BLD_push_uint(builder, OSSL_PKEY_PARAM_RSA_E, spki.exponent));
        parameters = OSSL_PARAM_BLD_to_param(builder);
        assert_true(EVP_PKEY_fromdata_init(maker) == 1 && EVP_PKEY_fromdata(maker, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) == 1);
        OSSL_PARAM_free(parameters);
        OSSL_PARAM_BLD_free(builder);
        BN_free(n);
        support_assert_ok(token_decode(base_buffer_bytes(&run->token), &token, &error), &error);
        assert_int_equal(EVP_DigestVerifyInit_ex(context, &verifier, "SHA384", NULL, NULL, pkey, NULL), 1);
        assert_true(EVP_PKEY_CTX_set_rsa_padding(verifier, RSA_PKCS1_PSS_PADDING) == 1 &&
                    EVP_PKEY_CTX_set_rsa_pss_saltlen(verifier, 48) == 1);
        assert_int_equal(
                EVP_DigestVerify(context, token.authenticator.data, token.authenticator.len, token.input.data, token.input.len),
                1);
}

static void verify_any_flipped_bit_fails(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer bad = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);

        for (size_t bit = 0; bit < 8 * run->token.len; bit++) {
                struct base_error error = BASE_ERROR_INIT;

                support_flip_bit(base_buffer_bytes(&run->token), bit, &bad);
                support_assert_error(token_verify(run->key, base_buffer_bytes(&bad), support_challenge_digest, &error), &error,
                                     bit < 16 ? BASE_ERROR_UNSUPPORTED : BASE_ERROR_TOKEN_INVALID);
        }
}

static void verify_other_challenge_fails(void **state)
{
        static const uint8_t other_digest[TOKEN_DIGEST_LEN] = { 1, 2, 4 };
        struct support_run *run = *state;
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(token_verify(run->key, base_buffer_bytes(&run->token), other_digest, &error), &error,
                             BASE_ERROR_TOKEN_INVALID);
        support_assert_error(token_issuer_verify(run->issuer, base_buffer_bytes(&run->token), other_digest, &error), &error,
                             BASE_ERROR_TOKEN_INVALID);
}

/* With the other key's id written into the token the signature is what fails. */
static void verify_other_key_fails(void **state)
{
        struct support_run *run = *state;
        struct token_public_key *other = token_issuer_key_public(run->other_issuer);
        base_auto_buffer struct base_buffer forged = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(token_verify(other, base_buffer_bytes(&run->token), support_challenge_digest, &error), &error,
                             BASE_ERROR_TOKEN_INVALID);
        assert_string_equal(error.message, "the token was issued under another key");
        base_buffer_put_bytes(&forged, base_buffer_bytes(&run->token));
        memcpy(forged.data + TOKEN_INPUT_LEN - TOKEN_KEY_ID_LEN, token_public_key_id(other), TOKEN_KEY_ID_LEN);
        support_assert_error(token_verify(other, base_buffer_bytes(&forged), support_challenge_digest, &error), &error,
                             BASE_ERROR_TOKEN_INVALID);
        assert_string_equal(error.message, "the issuer's signature does not verify");
        support_assert_error(token_issuer_verify(run->other_issuer, base_buffer_bytes(&forged), support_challenge_digest, &error),
                             &error, BASE_ERROR_TOKEN_INVALID);
}

static void verify_signature_out_of_range_fails(void **state)
{
        static const uint8_t fills[] = { 0x00, 0xff };
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer bad = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct token_spki spki;

        base_buffer_put_bytes(&bad, base_buffer_bytes(&run->token));
        for (size_t i = 0; i < BASE_COUNT(fills); i++) {
                memset(bad.data + TOKEN_INPUT_LEN, fills[i], TOKEN_AUTHENTICATOR_MAX);
                support_assert_error(token_verify(run->key, base_buffer_bytes(&bad), support_challenge_digest, &error), &error,
                                     BASE_ERROR_TOKEN_INVALID);
        }
        get_modulus(run->key, &spki);
        memcpy(bad.data + TOKEN_INPUT_LEN, spki.modulus, sizeof(spki.modulus));
        support_assert_error(token_verify(run->key, base_buffer_bytes(&bad), support_challenge_digest, &error), &error,
                             BASE_ERROR_TOKEN_INVALID);
}

static void verify_other_length_is_malformed(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer longer = BASE_BUFFER_INIT(2 * TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        for (size_t len = 0; len < run->token.len; len++)
                support_assert_error(token_verify(run->key, BASE_BYTES(run->token.data, len), support_challenge_digest, &error),
                                     &error, BASE_ERROR_MALFORMED);
        base_buffer_put_bytes(&longer, base_buffer_bytes(&run->token));
        base_buffer_put_u8(&longer, 0);
        support_assert_error(token_verify(run->key, base_buffer_bytes(&longer), support_challenge_digest, &error), &error,
                             BASE_ERROR_MALFORMED);
}

static void assert_finalize_fails(const struct token_client_state *client, struct base_bytes response, enum base_error_code code)
{
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(token_client_finalize(client, response, &token, &error), &error, code);
        assert_int_equal(token.len, 0);
}

static void finalize_any_flipped_bit_fails(void **state)
{
        struct support_run *run = *state;
        struct token_spki spki;

        get_modulus(run->key, &spki);
        for (size_t bit = 0; bit < 8 * run->response.len; bit++) {
                base_auto_buffer struct base_buffer bad = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);

                support_flip_bit(base_buffer_bytes(&run->response), bit, &bad);
                assert_finalize_fails(run->client, base_buffer_bytes(&bad),
                                      memcmp(bad.data, spki.modulus, sizeof(spki.modulus)) < 0 ? BASE_ERROR_TOKEN_INVALID
                                                                                               : BASE_ERROR_MALFORMED);
        }
}

static void finalize_other_length_or_range_is_malformed(void **state)
{
        struct support_run *run = *state;
        uint8_t bytes[TOKEN_RESPONSE_BYTES_MAX + 1];
        struct token_spki spki;

        memcpy(bytes, run->response.data, run->response.len);
        bytes[run->response.len] = 0;
        for (size_t len = 0; len <= sizeof(bytes); len++)
                if (len != run->response.len)
                        assert_finalize_fails(run->client, BASE_BYTES(bytes, len), BASE_ERROR_MALFORMED);
        get_modulus(run->key, &spki);
        assert_finalize_fails(run->client, BASE_BYTES_OF(spki.modulus), BASE_ERROR_MALFORMED);
        memset(bytes, 0xff, sizeof(bytes));
        assert_finalize_fails(run->client, BASE_BYTES(bytes, run->response.len), BASE_ERROR_MALFORMED);
        memset(bytes, 0, sizeof(bytes));
        assert_finalize_fails(run->client, BASE_BYTES(bytes, run->response.len), BASE_ERROR_TOKEN_INVALID);
}

static void finalize_answer_to_another_request_fails(void **state)
{
        struct support_run *run = *state;
        base_auto_token_client_state struct token_client_state *client = NULL;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_client_blind(run->key, support_challenge_digest, &base_system_random, &request, &client, &error),
                          &error);
        assert_false(base_bytes_equal(base_buffer_bytes(&request), base_buffer_bytes(&run->request)));
        assert_finalize_fails(client, base_buffer_bytes(&run->response), BASE_ERROR_TOKEN_INVALID);
}

/* An issuer that signs with another key than the client was told of. Redrawn until the answer is in this key's range. */
static void finalize_answer_of_another_key_fails(void **state)
{
        struct support_run *run = *state;
        struct token_public_key *other = token_issuer_key_public(run->other_issuer);
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);
        base_auto_token_client_state struct token_client_state *client = NULL;
        struct base_error error = BASE_ERROR_INIT;
        struct token_spki spki;
        bool in_range = false;

        get_modulus(run->key, &spki);
        for (unsigned i = 0; !in_range && i < 200; i++) {
                base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);

                token_client_state_free(BASE_STEAL(client));
                base_buffer_reset(&response);
                support_assert_ok(
                        token_client_blind(run->key, support_challenge_digest, &base_system_random, &request, &client, &error),
                        &error);
                request.data[TOKEN_REQUEST_HEADER_LEN - 1] = token_public_key_id(other)[TOKEN_KEY_ID_LEN - 1];
                in_range = token_issuer_evaluate(run->other_issuer, base_buffer_bytes(&request), &response, &error) &&
                           memcmp(response.data, spki.modulus, sizeof(spki.modulus)) < 0;
        }
        assert_true(in_range);
        assert_finalize_fails(client, base_buffer_bytes(&response), BASE_ERROR_TOKEN_INVALID);
}

static void finalize_without_room_is_a_limit(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer small = BASE_BUFFER_INIT(TOKEN_BYTES_MAX - 1);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(token_client_finalize(run->client, base_buffer_bytes(&run->response), &small, &error), &error,
                             BASE_ERROR_LIMIT_EXCEEDED);
        assert_int_equal(small.len, 0);
}

static void finalize_after_key_was_released_still_works(void **state)
{
        struct support_run *run = *state;
        base_auto_token_client_state struct token_client_state *client = NULL;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct token_public_key *key = NULL;
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_public_key_decode(TOKEN_TYPE_BLIND_RSA, token_public_key_encoded(run->key), &key, &error),
                          &error);
        support_assert_ok(token_client_blind(key, support_challenge_digest, &base_system_random, &request, &client, &error),
                          &error);
        token_public_key_unref(key);
        support_assert_ok(token_issuer_evaluate(run->issuer, base_buffer_bytes(&request), &response, &error), &error);
        support_assert_ok(token_client_finalize(client, base_buffer_bytes(&response), &token, &error), &error);
}

static void blind_without_randomness_fails(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
        struct token_client_state *client = NULL;
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(
                token_client_blind(run->key, support_challenge_digest, &support_broken_random, &request, &client, &error), &error,
                BASE_ERROR_CRYPTO);
        assert_int_equal(request.len, 0);
        assert_null(client);
}

static bool constant_fill(void *context, void *to, size_t len, struct base_error *error)
{
        (void) error;
        memset(to, *(const int *) context, len);
        return true;
}

/* A blind of 0, or one that is never below n, would give the message away or never come; neither may loop for ever. */
static void blind_with_stuck_randomness_fails(void **state)
{
        int fills[] = { 0x00, 0xff };
        struct support_run *run = *state;

        for (size_t i = 0; i < BASE_COUNT(fills); i++) {
                base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
                const struct base_random stuck = { .fill = constant_fill, .context = &fills[i] };
                struct token_client_state *client = NULL;
                struct base_error error = BASE_ERROR_INIT;

                support_assert_error(token_client_blind(run->key, support_challenge_digest, &stuck, &request, &client, &error),
                                     &error, BASE_ERROR_CRYPTO);
                assert_int_equal(request.len, 0);
                assert_null(client);
        }
}

/* 2^2048 - 1 and 0 are drawn again; what comes third is used. */
static void blind_out_of_range_is_drawn_again(void **state)
{
        struct support_run *run = *state;
        base_auto_token_client_state struct token_client_state *client = NULL;
        base_auto_buffer struct base_buffer drawn = BASE_BUFFER_INIT(4096);
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct support_script script;
        struct base_random random;

        memset(base_buffer_extend(&drawn, TOKEN_NONCE_LEN + 48), 5, TOKEN_NONCE_LEN + 48);
        memset(base_buffer_extend(&drawn, 256), 0xff, 256);
        memset(base_buffer_extend(&drawn, 256), 0x00, 256);
        memset(base_buffer_extend(&drawn, 256), 0x55, 256);
        script = (struct support_script){ .bytes = base_buffer_bytes(&drawn) };
        random = support_script_random(&script);
        support_assert_ok(token_client_blind(run->key, support_challenge_digest, &random, &request, &client, &error), &error);
        assert_int_equal(script.position, drawn.len);
}

static void blind_without_room_is_a_limit(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer small = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX - 1);
        struct token_client_state *client = NULL;
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(token_client_blind(run->key, support_challenge_digest, &base_system_random, &small, &client, &error),
                             &error, BASE_ERROR_LIMIT_EXCEEDED);
        assert_int_equal(small.len, 0);
        assert_null(client);
}

/* n and the blind are multiples of 3. */
static void blind_without_inverse_fails(void **state)
{
        base_auto_token_public_key struct token_public_key *key = NULL;
        base_auto_token_client_state struct token_client_state *client = NULL;
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(TOKEN_SPKI_BYTES_MAX);
        base_auto_buffer struct base_buffer drawn = BASE_BUFFER_INIT(4096);
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
        struct token_spki spki = { .exponent = 65537 };
        struct base_error error = BASE_ERROR_INIT;
        struct support_script script;
        struct base_random random;

        memset(spki.modulus, 0xff, sizeof(spki.modulus)); /* 2^2048 - 1 */
        support_assert_ok(token_spki_encode(&spki, &encoded, &error), &error);
        support_assert_ok(token_public_key_decode(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&encoded), &key, &error), &error);
        memset(base_buffer_extend(&drawn, TOKEN_NONCE_LEN + 48), 5, TOKEN_NONCE_LEN + 48);
        memset(base_buffer_extend(&drawn, 256), 0x33, 256);
        script = (struct support_script){ .bytes = base_buffer_bytes(&drawn) };
        random = support_script_random(&script);
        support_assert_error(token_client_blind(key, support_challenge_digest, &random, &request, &client, &error), &error,
                             BASE_ERROR_CRYPTO);
        assert_int_equal(request.len, 0);
}

/* cmocka's assertions belong to the main thread, so a worker returns NULL for success. */
static void *issue_tokens(void *context)
{
        const struct support_run *run = context;

        for (unsigned i = 0; i < 20; i++) {
                base_auto_token_client_state struct token_client_state *client = NULL;
                base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
                base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);
                base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);

                if (!token_client_blind(run->key, support_challenge_digest, &base_system_random, &request, &client, NULL) ||
                    !token_issuer_evaluate(run->issuer, base_buffer_bytes(&request), &response, NULL) ||
                    !token_client_finalize(client, base_buffer_bytes(&response), &token, NULL) ||
                    !token_verify(run->key, base_buffer_bytes(&token), support_challenge_digest, NULL))
                        return context;
        }
        return NULL;
}

static void keys_shared_by_threads_issue_good_tokens(void **state)
{
        pthread_t workers[4];

        for (size_t i = 0; i < BASE_COUNT(workers); i++)
                assert_int_equal(pthread_create(&workers[i], NULL, issue_tokens, *state), 0);
        for (size_t i = 0; i < BASE_COUNT(workers); i++) {
                void *failed = NULL;

                assert_int_equal(pthread_join(workers[i], &failed), 0);
                assert_null(failed);
        }
}

static int set_up(void **state)
{
        return support_run_set_up(TOKEN_TYPE_BLIND_RSA, state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(verify_honest_token_passes),
                cmocka_unit_test(verify_honest_token_passes_openssl),
                cmocka_unit_test(verify_any_flipped_bit_fails),
                cmocka_unit_test(verify_other_challenge_fails),
                cmocka_unit_test(verify_other_key_fails),
                cmocka_unit_test(verify_signature_out_of_range_fails),
                cmocka_unit_test(verify_other_length_is_malformed),
                cmocka_unit_test(finalize_any_flipped_bit_fails),
                cmocka_unit_test(finalize_other_length_or_range_is_malformed),
                cmocka_unit_test(finalize_answer_to_another_request_fails),
                cmocka_unit_test(finalize_answer_of_another_key_fails),
                cmocka_unit_test(finalize_without_room_is_a_limit),
                cmocka_unit_test(finalize_after_key_was_released_still_works),
                cmocka_unit_test(blind_without_randomness_fails),
                cmocka_unit_test(blind_with_stuck_randomness_fails),
                cmocka_unit_test(blind_out_of_range_is_drawn_again),
                cmocka_unit_test(blind_without_room_is_a_limit),
                cmocka_unit_test(blind_without_inverse_fails),
                cmocka_unit_test(keys_shared_by_threads_issue_good_tokens),
        };

        return cmocka_run_group_tests(tests, set_up, support_run_tear_down);
}
