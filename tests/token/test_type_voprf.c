/* SPDX-License-Identifier: BSD-2-Clause */
/* Token type 0x0001: the published vectors, keys at rest, the honest way, and every way that must fail. */
#include "tests/stride.h"
#include "tests/token/support.h"
#include "token/challenge.h"
#include "token/module.h"

#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <string.h>

#define BYTES_MAX 1024

/* --- vectors --- */

static void check_issuance(const json_t *object)
{
        base_auto_token_public_key struct token_public_key *key = NULL;
        base_auto_token_issuer_key struct token_issuer_key *issuer = NULL;
        base_auto_token_client_state struct token_client_state *client = NULL;
        base_auto_buffer struct base_buffer scalar = BASE_BUFFER_INIT(BYTES_MAX), public_key = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer encoded_challenge = BASE_BUFFER_INIT(BYTES_MAX), drawn = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(BYTES_MAX), expected_request = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(BYTES_MAX),
                                            expected_response = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(BYTES_MAX), expected_token = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer r = BASE_BUFFER_INIT(BYTES_MAX);
        uint8_t digest[TOKEN_DIGEST_LEN];
        struct support_script client_script, issuer_script;
        struct base_random client_random, issuer_random;
        struct base_error error = BASE_ERROR_INIT;
        struct token_challenge challenge;

        support_member_bytes(object, "skS", &scalar);
        support_member_bytes(object, "pkS", &public_key);
        support_member_bytes(object, "token_challenge", &encoded_challenge);
        support_member_bytes(object, "nonce", &drawn);
        support_member_bytes(object, "blind", &drawn);
        support_member_bytes(object, "token_request", &expected_request);
        support_member_bytes(object, "token_response", &expected_response);
        support_member_bytes(object, "token", &expected_token);
        client_script = (struct support_script){ .bytes = base_buffer_bytes(&drawn) };
        client_random = support_script_random(&client_script);

        support_voprf_issuer(base_buffer_bytes(&scalar), &issuer);
        support_assert_bytes(token_public_key_encoded(token_issuer_key_public(issuer)), base_buffer_bytes(&public_key));
        support_assert_ok(token_public_key_decode(TOKEN_TYPE_VOPRF, base_buffer_bytes(&public_key), &key, &error), &error);
        support_assert_ok(token_challenge_decode(base_buffer_bytes(&encoded_challenge), &challenge, &error), &error);
        assert_int_equal(challenge.type, TOKEN_TYPE_VOPRF);
        support_assert_ok(token_challenge_digest(base_buffer_bytes(&encoded_challenge), digest, &error), &error);
        support_assert_ok(token_client_blind(key, digest, &client_random, &request, &client, &error), &error);
        assert_int_equal(client_script.position, drawn.len);
        support_assert_bytes(base_buffer_bytes(&request), base_buffer_bytes(&expected_request));
        assert_int_equal(expected_response.len, 49 + 96);
        support_voprf_randomness(BASE_BYTES(expected_response.data + 49, 96), base_buffer_bytes(&scalar), &r);
        issuer_script = (struct support_script){ .bytes = base_buffer_bytes(&r) };
        issuer_random = support_script_random(&issuer_script);
        support_assert_ok(token_issuer_evaluate_with(issuer, &issuer_random, base_buffer_bytes(&request), &response, &error),
                          &error);
        support_assert_bytes(base_buffer_bytes(&response), base_buffer_bytes(&expected_response));
        support_assert_ok(token_client_finalize(client, base_buffer_bytes(&response), &token, &error), &error);
        support_assert_bytes(base_buffer_bytes(&token), base_buffer_bytes(&expected_token));
        support_assert_ok(token_issuer_verify(issuer, base_buffer_bytes(&token), digest, &error), &error);
}

static void issuance_rfc9578_vectors_match(void **state)
{
        json_t *vectors = support_vectors_load("priv_verif_rfc9578.go.json", 5);
        json_t *object;
        size_t i;

        json_array_foreach(vectors, i, object) check_issuance(object);
        json_decref(vectors);
}

static void verify_needs_the_private_key(void **state)
{
        struct support_run *run = *state;
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_issuer_verify(run->issuer, base_buffer_bytes(&run->token), support_challenge_digest, &error),
                          &error);
        support_assert_error(token_verify(run->key, base_buffer_bytes(&run->token), support_challenge_digest, &error), &error,
                             BASE_ERROR_UNSUPPORTED);
        assert_string_equal(error.message, "a token of type 0x0001 can be verified only with the issuer's private key");
}

static void issuer_verify_any_flipped_bit_fails(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer bad = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        for (size_t bit = 16; bit < 8 * run->token.len; bit += TEST_STRIDE) {
                support_flip_bit(base_buffer_bytes(&run->token), bit, &bad);
                support_assert_error(token_issuer_verify(run->issuer, base_buffer_bytes(&bad), support_challenge_digest, &error),
                                     &error, BASE_ERROR_TOKEN_INVALID);
        }
}

/* With the other key's id written into the token its authenticator is what fails. */
static void issuer_verify_other_key_fails(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer bad = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(
                token_issuer_verify(run->other_issuer, base_buffer_bytes(&run->token), support_challenge_digest, &error), &error,
                BASE_ERROR_TOKEN_INVALID);
        base_buffer_put_bytes(&bad, base_buffer_bytes(&run->token));
        memcpy(bad.data + TOKEN_INPUT_LEN - TOKEN_KEY_ID_LEN, token_public_key_id(token_issuer_key_public(run->other_issuer)),
               TOKEN_KEY_ID_LEN);
        support_assert_error(token_issuer_verify(run->other_issuer, base_buffer_bytes(&bad), support_challenge_digest, &error),
                             &error, BASE_ERROR_TOKEN_INVALID);
        assert_string_equal(error.message, "the token's authenticator is not the issuer's");
}

static void finalize_any_flipped_bit_fails(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer bad = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);

        for (size_t bit = 0; bit < 8 * run->response.len; bit += TEST_STRIDE) {
                struct base_error error = BASE_ERROR_INIT;

                support_flip_bit(base_buffer_bytes(&run->response), bit, &bad);
                assert_false(token_client_finalize(run->client, base_buffer_bytes(&bad), &token, &error));
                assert_true(error.code == BASE_ERROR_TOKEN_INVALID || error.code == BASE_ERROR_MALFORMED);
                assert_int_equal(token.len, 0);
        }
}

static void finalize_other_length_is_malformed(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer longer = BASE_BUFFER_INIT(BYTES_MAX), token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_put_bytes(&longer, base_buffer_bytes(&run->response));
        base_buffer_put_u8(&longer, 0);
        for (size_t len = 0; len <= longer.len; len++)
                if (len != run->response.len)
                        support_assert_error(token_client_finalize(run->client, BASE_BYTES(longer.data, len), &token, &error),
                                             &error, BASE_ERROR_MALFORMED);
}

static void finalize_answer_to_another_request_or_of_another_key_fails(void **state)
{
        struct support_run *run = *state;
        base_auto_token_client_state struct token_client_state *client = NULL;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(BYTES_MAX), response = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_client_blind(run->key, support_challenge_digest, &base_system_random, &request, &client, &error),
                          &error);
        support_assert_error(token_client_finalize(client, base_buffer_bytes(&run->response), &token, &error), &error,
                             BASE_ERROR_TOKEN_INVALID);
        request.data[2] = token_public_key_id(token_issuer_key_public(run->other_issuer))[TOKEN_KEY_ID_LEN - 1];
        support_assert_ok(token_issuer_evaluate(run->other_issuer, base_buffer_bytes(&request), &response, &error), &error);
        support_assert_error(token_client_finalize(client, base_buffer_bytes(&response), &token, &error), &error,
                             BASE_ERROR_TOKEN_INVALID);
        assert_int_equal(token.len, 0);
}

static void evaluate_other_encodings_of_the_element_are_malformed(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer bad = BASE_BUFFER_INIT(BYTES_MAX), response = BASE_BUFFER_INIT(BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_put_bytes(&bad, base_buffer_bytes(&run->request));
        for (unsigned first = 0; first < 256; first++) {
                bad.data[TOKEN_REQUEST_HEADER_LEN] = (uint8_t) first;
                if (first != 2 && first != 3)
                        support_assert_error(token_issuer_evaluate(run->issuer, base_buffer_bytes(&bad), &response, &error),
                                             &error, BASE_ERROR_MALFORMED);
        }
        memset(bad.data + TOKEN_REQUEST_HEADER_LEN, 0, 49); /* the identity, as some write it */
        support_assert_error(token_issuer_evaluate(run->issuer, base_buffer_bytes(&bad), &response, &error), &error,
                             BASE_ERROR_MALFORMED);
        memset(bad.data + TOKEN_REQUEST_HEADER_LEN + 1, 0xff, 48); /* not below p */
        bad.data[TOKEN_REQUEST_HEADER_LEN] = 2;
        support_assert_error(token_issuer_evaluate(run->issuer, base_buffer_bytes(&bad), &response, &error), &error,
                             BASE_ERROR_MALFORMED);
        for (size_t len = 2; len < run->request.len; len++)
                support_assert_error(token_issuer_evaluate(run->issuer, BASE_BYTES(run->request.data, len), &response, &error),
                                     &error, BASE_ERROR_MALFORMED);
        assert_int_equal(response.len, 0);
}

/* The same proof randomness for two requests would give the key away. */
static void evaluate_twice_draws_anew(void **state)
{
        struct support_run *run = *state;
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_issuer_evaluate(run->issuer, base_buffer_bytes(&run->request), &response, &error), &error);
        assert_memory_equal(response.data, run->response.data, 49);
        assert_memory_not_equal(response.data + 49, run->response.data + 49, 96);
}

static bool constant_fill(void *context, void *to, size_t len, struct base_error *error)
{
        (void) error;
        memset(to, *(const int *) context, len);
        return true;
}

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
                support_assert_error(
                        token_issuer_evaluate_with(run->issuer, &stuck, base_buffer_bytes(&run->request), &request, &error),
                        &error, BASE_ERROR_CRYPTO);
                assert_int_equal(request.len, 0);
                assert_null(client);
        }
}

/* --- keys --- */

static void public_key_decode_other_forms_are_refused(void **state)
{
        struct support_run *run = *state;
        struct base_bytes good = token_public_key_encoded(run->key);
        base_auto_buffer struct base_buffer bad = BASE_BUFFER_INIT(BYTES_MAX);
        struct token_public_key *key = NULL;
        struct base_error error = BASE_ERROR_INIT;

        assert_int_equal(good.len, 49);
        base_buffer_put_bytes(&bad, good);
        base_buffer_put_u8(&bad, 0);
        for (size_t len = 0; len <= bad.len; len++)
                if (len != good.len)
                        support_assert_error(token_public_key_decode(TOKEN_TYPE_VOPRF, BASE_BYTES(bad.data, len), &key, &error),
                                             &error, BASE_ERROR_CRYPTO);
        bad.data[0] = 4;
        support_assert_error(token_public_key_decode(TOKEN_TYPE_VOPRF, BASE_BYTES(bad.data, 49), &key, &error), &error,
                             BASE_ERROR_CRYPTO);
        memset(bad.data, 0, 49);
        support_assert_error(token_public_key_decode(TOKEN_TYPE_VOPRF, BASE_BYTES(bad.data, 49), &key, &error), &error,
                             BASE_ERROR_CRYPTO);
        support_assert_error(token_public_key_decode(TOKEN_TYPE_BLIND_RSA, good, &key, &error), &error, BASE_ERROR_CRYPTO);
        assert_null(key);
}

static void put_pem(EVP_PKEY *pkey, const char *structure, int selection, const char *password, struct base_buffer *ret)
{
        OSSL_ENCODER_CTX *encoder = OSSL_ENCODER_CTX_new_for_pkey(pkey, selection, "PEM", structure, NULL);
        unsigned char *data = NULL;
        size_t len = 0;

        if (password != NULL)
                assert_true(OSSL_ENCODER_CTX_set_cipher(encoder, "AES-256-CBC", NULL) == 1 &&
                            OSSL_ENCODER_CTX_set_passphrase(encoder, (const unsigned char *) password, strlen(password)) == 1);
        assert_int_equal(OSSL_ENCODER_to_data(encoder, &data, &len), 1);
        base_buffer_reset(ret);
        base_buffer_put(ret, data, len);
        OPENSSL_free(data);
        OSSL_ENCODER_CTX_free(encoder);
}

static void issuer_key_save_loads_to_the_same(void **state)
{
        struct support_run *run = *state;
        base_auto_token_issuer_key struct token_issuer_key *again = NULL;
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX), small = BASE_BUFFER_INIT(100);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_issuer_key_save(run->issuer, &text, &error), &error);
        assert_memory_equal(text.data, "-----BEGIN PRIVATE KEY-----\n", 28);
        support_assert_ok(token_issuer_key_load(TOKEN_TYPE_VOPRF, base_buffer_bytes(&text), &again, &error), &error);
        support_assert_bytes(token_public_key_encoded(token_issuer_key_public(again)), token_public_key_encoded(run->key));
        support_assert_ok(token_issuer_verify(again, base_buffer_bytes(&run->token), support_challenge_digest, &error), &error);
        support_assert_error(token_issuer_key_save(run->issuer, &small, &error), &error, BASE_ERROR_LIMIT_EXCEEDED);
        assert_int_equal(small.len, 0);
        token_issuer_key_free(BASE_STEAL(again));
        support_assert_error(token_issuer_key_load(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&text), &again, &error), &error,
                             BASE_ERROR_CRYPTO);
}

static void issuer_key_load_other_keys_and_forms(void **state)
{
        static const char *const curves[] = { "P-256", "P-521", "secp256k1", "brainpoolP384r1" };
        base_auto_token_issuer_key struct token_issuer_key *key = NULL;
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(2 * TOKEN_ISSUER_KEY_TEXT_MAX);
        struct base_error error = BASE_ERROR_INIT;
        EVP_PKEY *pkey;

        for (size_t i = 0; i < BASE_COUNT(curves); i++) {
                pkey = EVP_EC_gen(curves[i]);
                put_pem(pkey, "PrivateKeyInfo", EVP_PKEY_KEYPAIR, NULL, &text);
                support_assert_error(token_issuer_key_load(TOKEN_TYPE_VOPRF, base_buffer_bytes(&text), &key, &error), &error,
                                     BASE_ERROR_CRYPTO);
                EVP_PKEY_free(pkey);
        }
        pkey = EVP_EC_gen("P-384");
        put_pem(pkey, "EncryptedPrivateKeyInfo", EVP_PKEY_KEYPAIR, "secret", &text);
        support_assert_error(token_issuer_key_load(TOKEN_TYPE_VOPRF, base_buffer_bytes(&text), &key, &error), &error,
                             BASE_ERROR_CRYPTO);
        put_pem(pkey, "SubjectPublicKeyInfo", EVP_PKEY_PUBLIC_KEY, NULL, &text);
        support_assert_error(token_issuer_key_load(TOKEN_TYPE_VOPRF, base_buffer_bytes(&text), &key, &error), &error,
                             BASE_ERROR_CRYPTO);
        put_pem(pkey, "PrivateKeyInfo", EVP_PKEY_KEYPAIR, NULL, &text);
        support_assert_error(token_issuer_key_load(TOKEN_TYPE_VOPRF, BASE_BYTES(text.data, text.len / 2), &key, &error), &error,
                             BASE_ERROR_CRYPTO);
        support_assert_ok(token_issuer_key_load(TOKEN_TYPE_VOPRF, base_buffer_bytes(&text), &key, &error), &error);
        token_issuer_key_free(BASE_STEAL(key));
        put_pem(pkey, "type-specific", EVP_PKEY_KEYPAIR, NULL, &text); /* SEC 1 */
        support_assert_ok(token_issuer_key_load(TOKEN_TYPE_VOPRF, base_buffer_bytes(&text), &key, &error), &error);
        EVP_PKEY_free(pkey);
}

static int set_up(void **state)
{
        return support_run_set_up(TOKEN_TYPE_VOPRF, state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(issuance_rfc9578_vectors_match),
                cmocka_unit_test(verify_needs_the_private_key),
                cmocka_unit_test(issuer_verify_any_flipped_bit_fails),
                cmocka_unit_test(issuer_verify_other_key_fails),
                cmocka_unit_test(finalize_any_flipped_bit_fails),
                cmocka_unit_test(finalize_other_length_is_malformed),
                cmocka_unit_test(finalize_answer_to_another_request_or_of_another_key_fails),
                cmocka_unit_test(evaluate_other_encodings_of_the_element_are_malformed),
                cmocka_unit_test(evaluate_twice_draws_anew),
                cmocka_unit_test(blind_with_stuck_randomness_fails),
                cmocka_unit_test(public_key_decode_other_forms_are_refused),
                cmocka_unit_test(issuer_key_save_loads_to_the_same),
                cmocka_unit_test(issuer_key_load_other_keys_and_forms),
        };

        return cmocka_run_group_tests(tests, set_up, support_run_tear_down);
}
