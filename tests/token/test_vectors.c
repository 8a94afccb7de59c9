/* SPDX-License-Identifier: BSD-2-Clause */
/* The published vectors, byte for byte: RFC 9578 (type 0x0002), RFC 9577 (tokens) and RFC 9474 (all variants). */
#include "base/hash.h"
#include "tests/token/support.h"
#include "token/challenge.h"
#include "token/client.h"
#include "token/issuer.h"
#include "token/rsabssa.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

#define BYTES_MAX 8192

/* All members of an issuance vector. */
struct issuance_vector {
        struct base_buffer private_key, public_key, challenge, request, response, token, randomness;
};

static void issuance_vector_load(const json_t *object, struct issuance_vector *ret)
{
        struct base_buffer *buffers[] = { &ret->private_key, &ret->public_key, &ret->challenge, &ret->request,
                                          &ret->response,    &ret->token,      &ret->randomness };

        for (size_t i = 0; i < BASE_COUNT(buffers); i++)
                base_buffer_init(buffers[i], BYTES_MAX);
        support_member_bytes(object, "skS", &ret->private_key);
        support_member_bytes(object, "pkS", &ret->public_key);
        support_member_bytes(object, "token_challenge", &ret->challenge);
        support_member_bytes(object, "token_request", &ret->request);
        support_member_bytes(object, "token_response", &ret->response);
        support_member_bytes(object, "token", &ret->token);
        support_member_bytes(object, "nonce", &ret->randomness);
        support_member_bytes(object, "salt", &ret->randomness);
        support_member_bytes(object, "blind", &ret->randomness);
}

static void issuance_vector_clear(struct issuance_vector *vector)
{
        base_buffer_clear(&vector->private_key);
        base_buffer_clear(&vector->public_key);
        base_buffer_clear(&vector->challenge);
        base_buffer_clear(&vector->request);
        base_buffer_clear(&vector->response);
        base_buffer_clear(&vector->token);
        base_buffer_clear(&vector->randomness);
}

static void check_issuance(const struct issuance_vector *vector)
{
        base_auto_token_public_key struct token_public_key *key = NULL;
        base_auto_token_issuer_key struct token_issuer_key *issuer = NULL;
        base_auto_token_client_state struct token_client_state *state = NULL;
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(BYTES_MAX);
        struct support_script script = { .bytes = base_buffer_bytes(&vector->randomness) };
        struct base_random random = support_script_random(&script);
        struct base_error error = BASE_ERROR_INIT;
        struct token_challenge challenge;
        uint8_t digest[TOKEN_DIGEST_LEN];

        support_assert_ok(token_public_key_decode(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&vector->public_key), &key, &error),
                          &error);
        support_assert_bytes(token_public_key_encoded(key), base_buffer_bytes(&vector->public_key));
        support_assert_ok(token_issuer_key_load(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&vector->private_key), &issuer, &error),
                          &error);
        support_assert_bytes(token_public_key_encoded(token_issuer_key_public(issuer)), base_buffer_bytes(&vector->public_key));

        support_assert_ok(token_challenge_decode(base_buffer_bytes(&vector->challenge), &challenge, &error), &error);
        support_assert_ok(token_challenge_encode(&challenge, &request, &error), &error);
        support_assert_bytes(base_buffer_bytes(&request), base_buffer_bytes(&vector->challenge));
        base_buffer_reset(&request);

        support_assert_ok(token_challenge_digest(base_buffer_bytes(&vector->challenge), digest, &error), &error);
        support_assert_ok(token_client_blind(key, digest, &random, &request, &state, &error), &error);
        assert_int_equal(script.position, script.bytes.len);
        support_assert_bytes(base_buffer_bytes(&request), base_buffer_bytes(&vector->request));
        support_assert_ok(token_issuer_evaluate(issuer, base_buffer_bytes(&request), &response, &error), &error);
        support_assert_bytes(base_buffer_bytes(&response), base_buffer_bytes(&vector->response));
        support_assert_ok(token_client_finalize(state, base_buffer_bytes(&response), &token, &error), &error);
        support_assert_bytes(base_buffer_bytes(&token), base_buffer_bytes(&vector->token));
        support_assert_ok(token_verify(key, base_buffer_bytes(&token), digest, &error), &error);
        support_assert_ok(token_issuer_verify(issuer, base_buffer_bytes(&token), digest, &error), &error);
}

static void issuance_rfc9578_vectors_match(void **unused)
{
        json_t *vectors = support_vectors_load("pub_verif_rfc9578.go.json", 5);
        json_t *object;
        size_t i;

        json_array_foreach(vectors, i, object)
        {
                struct issuance_vector vector;

                issuance_vector_load(object, &vector);
                check_issuance(&vector);
                issuance_vector_clear(&vector);
        }
        json_decref(vectors);
}

static void check_token_input(const json_t *object)
{
        base_auto_buffer struct base_buffer issuer_name = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer context = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer origin_info = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer nonce = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer key_id = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer expected = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer input = BASE_BUFFER_INIT(BYTES_MAX);
        struct token_challenge challenge = { .type = (uint16_t) strtoul(support_member(object, "token_type"), NULL, 16) };
        struct base_error error = BASE_ERROR_INIT;
        uint8_t digest[TOKEN_DIGEST_LEN];

        support_member_bytes(object, "issuer_name", &issuer_name);
        support_member_bytes(object, "redemption_context", &context);
        support_member_bytes(object, "origin_info", &origin_info);
        support_member_bytes(object, "nonce", &nonce);
        support_member_bytes(object, "token_key_id", &key_id);
        support_member_bytes(object, "token_authenticator_input", &expected);
        challenge.issuer_name = base_buffer_bytes(&issuer_name);
        challenge.redemption_context = base_buffer_bytes(&context);
        challenge.origin_info = base_buffer_bytes(&origin_info);
        support_assert_ok(token_challenge_encode(&challenge, &encoded, &error), &error);
        support_assert_ok(token_challenge_digest(base_buffer_bytes(&encoded), digest, &error), &error);
        support_assert_ok(token_input_encode(challenge.type, nonce.data, digest, key_id.data, &input, &error), &error);
        support_assert_bytes(base_buffer_bytes(&input), base_buffer_bytes(&expected));
}

static void token_input_rfc9577_vectors_match(void **unused)
{
        json_t *vectors = support_vectors_load("auth_scheme_token_v14.json", 5);
        json_t *object;
        size_t i;

        json_array_foreach(vectors, i, object) check_token_input(object);
        json_decref(vectors);
}

static BIGNUM *member_number(const json_t *object, const char *key)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(BYTES_MAX);
        BIGNUM *number;

        support_member_bytes(object, key, &bytes);
        number = BN_bin2bn(bytes.data, (int) bytes.len, NULL);
        assert_non_null(number);
        return number;
}

/* The RSA key of a vector of RFC 9474, with the CRT parts that it does not list. */
static EVP_PKEY *member_key(const json_t *object)
{
        static const char *const names[][2] = { { "n", OSSL_PKEY_PARAM_RSA_N },
                                                { "e", OSSL_PKEY_PARAM_RSA_E },
                                                { "d", OSSL_PKEY_PARAM_RSA_D },
                                                { "p", OSSL_PKEY_PARAM_RSA_FACTOR1 },
                                                { "q", OSSL_PKEY_PARAM_RSA_FACTOR2 } };
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        BN_CTX *context = BN_CTX_new();
        BIGNUM *numbers[BASE_COUNT(names)], *dp = BN_new(), *dq = BN_new(), *qinv = BN_new(), *less = BN_new();
        EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        OSSL_PARAM *parameters;
        EVP_PKEY *pkey = NULL;

        for (size_t i = 0; i < BASE_COUNT(names); i++) {
                numbers[i] = member_number(object, names[i][0]);
                assert_true(OSSL_PARAM_BLD_push_BN(builder, names[i][1], numbers[i]));
        }
        assert_true(BN_sub(less, numbers[3], BN_value_one()) && BN_mod(dp, numbers[2], less, context));
        assert_true(BN_sub(less, numbers[4], BN_value_one()) && BN_mod(dq, numbers[2], less, context));
        assert_non_null(BN_mod_inverse(qinv, numbers[4], numbers[3], context));
        assert_true(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_EXPONENT1, dp));
        assert_true(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_EXPONENT2, dq));
        assert_true(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, qinv));
        parameters = OSSL_PARAM_BLD_to_param(builder);
        assert_true(EVP_PKEY_fromdata_init(maker) == 1 && EVP_PKEY_fromdata(maker, &pkey, EVP_PKEY_KEYPAIR, parameters) == 1);
        OSSL_PARAM_free(parameters);
        OSSL_PARAM_BLD_free(builder);
        EVP_PKEY_CTX_free(maker);
        for (size_t i = 0; i < BASE_COUNT(numbers); i++)
                BN_free(numbers[i]);
        BN_free(dp);
        BN_free(dq);
        BN_free(qinv);
        BN_free(less);
        BN_CTX_free(context);
        return pkey;
}

/* What RFC 9474 draws: the prefix, the salt, and the blind, of which a vector lists the inverse. */
static void put_randomness(const json_t *object, struct base_buffer *ret)
{
        BN_CTX *context = BN_CTX_new();
        BIGNUM *n = member_number(object, "n"), *inverse = member_number(object, "inv");
        size_t len = (size_t) BN_num_bytes(n);

        support_member_bytes(object, "msg_prefix", ret);
        support_member_bytes(object, "salt", ret);
        assert_non_null(BN_mod_inverse(inverse, inverse, n, context));
        assert_int_equal(BN_bn2binpad(inverse, base_buffer_extend(ret, len), (int) len), len);
        BN_free(n);
        BN_free(inverse);
        BN_CTX_free(context);
}

/* The encoded message that the vector lists (all but one do), found again by the public operation on its signature. */
static void check_encoded(const json_t *object, const struct token_rsabssa_public *key, struct base_bytes input,
                          struct base_bytes salt)
{
        base_auto_buffer struct base_buffer expected = BASE_BUFFER_INIT(BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        uint8_t encoded[TOKEN_PSS_ENCODED_MAX];

        if (json_object_get(object, "encoded_msg") == NULL)
                return;
        support_member_bytes(object, "encoded_msg", &expected);
        support_assert_ok(token_pss_encode(&key->pss, input, salt.data, encoded, &error), &error);
        support_assert_bytes(BASE_BYTES(encoded, token_pss_encoded_len(&key->pss)), base_buffer_bytes(&expected));
        assert_true(token_pss_verify(&key->pss, input, encoded));
}

static void check_blind_signature(const json_t *object, const struct token_rsabssa_variant *variant)
{
        BASE_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *pkey = member_key(object);
        BASE_CLEANUP(token_rsabssa_private_free_p) struct token_rsabssa_private *key = NULL;
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *inverse = NULL;
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *expected_inverse = member_number(object, "inv");
        base_auto_buffer struct base_buffer randomness = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer message = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer input = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer salt = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer expected = BASE_BUFFER_INIT(BYTES_MAX);
        uint8_t blinded[TOKEN_RSABSSA_MODULUS_MAX], blind_signature[TOKEN_RSABSSA_MODULUS_MAX],
                signature[TOKEN_RSABSSA_MODULUS_MAX];
        struct base_error error = BASE_ERROR_INIT;
        struct support_script script;
        struct base_random random;
        size_t len;

        put_randomness(object, &randomness);
        script = (struct support_script){ .bytes = base_buffer_bytes(&randomness) };
        random = support_script_random(&script);
        support_assert_ok(token_rsabssa_private_new(variant, pkey, &key, &error), &error);
        len = key->public_key->len;
        assert_int_equal(len, 512);

        support_member_bytes(object, "msg", &message);
        support_assert_ok(token_rsabssa_prepare(key->public_key, base_buffer_bytes(&message), &random, &input, &error), &error);
        support_member_bytes(object, "input_msg", &expected);
        support_assert_bytes(base_buffer_bytes(&input), base_buffer_bytes(&expected));
        support_member_bytes(object, "salt", &salt);
        check_encoded(object, key->public_key, base_buffer_bytes(&input), base_buffer_bytes(&salt));

        support_assert_ok(token_rsabssa_blind(key->public_key, base_buffer_bytes(&input), &random, blinded, &inverse, &error),
                          &error);
        assert_int_equal(script.position, script.bytes.len);
        assert_int_equal(BN_cmp(inverse, expected_inverse), 0);
        base_buffer_reset(&expected);
        support_member_bytes(object, "blinded_msg", &expected);
        support_assert_bytes(BASE_BYTES(blinded, len), base_buffer_bytes(&expected));

        support_assert_ok(token_rsabssa_blind_sign(key, BASE_BYTES(blinded, len), blind_signature, &error), &error);
        base_buffer_reset(&expected);
        support_member_bytes(object, "blind_sig", &expected);
        support_assert_bytes(BASE_BYTES(blind_signature, len), base_buffer_bytes(&expected));

        support_assert_ok(token_rsabssa_finalize(key->public_key, base_buffer_bytes(&input), inverse,
                                                 BASE_BYTES(blind_signature, len), signature, &error),
                          &error);
        base_buffer_reset(&expected);
        support_member_bytes(object, "sig", &expected);
        support_assert_bytes(BASE_BYTES(signature, len), base_buffer_bytes(&expected));
}

static void rsabssa_rfc9474_vectors_match(void **unused)
{
        static const struct {
                const char *name;
                struct token_rsabssa_variant variant;
        } variants[] = {
                { "RSABSSA-SHA384-PSS-Randomized", { .hash = "SHA384", .salt_len = 48, .randomize = true } },
                { "RSABSSA-SHA384-PSSZERO-Randomized", { .hash = "SHA384", .salt_len = 0, .randomize = true } },
                { "RSABSSA-SHA384-PSS-Deterministic", { .hash = "SHA384", .salt_len = 48 } },
                { "RSABSSA-SHA384-PSSZERO-Deterministic", { .hash = "SHA384", .salt_len = 0 } },
        };
        json_t *vectors = support_vectors_load("rfc9474.json", BASE_COUNT(variants));

        for (size_t i = 0; i < BASE_COUNT(variants); i++) {
                const json_t *object = json_array_get(vectors, i);

                assert_string_equal(support_member(object, "name"), variants[i].name);
                check_blind_signature(object, &variants[i].variant);
        }
        json_decref(vectors);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(issuance_rfc9578_vectors_match),
                cmocka_unit_test(token_input_rfc9577_vectors_match),
                cmocka_unit_test(rsabssa_rfc9474_vectors_match),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
