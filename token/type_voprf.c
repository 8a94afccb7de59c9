/* SPDX-License-Identifier: BSD-2-Clause */
/* Token type 0x0001, VOPRF (P-384, SHA-384): RFC 9578, section 5. */
#include "token/key_pem.h"
#include "token/module.h"
#include "token/voprf.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <string.h>

BASE_DEFINE_CLEANUP(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
BASE_DEFINE_CLEANUP(OSSL_PARAM, OSSL_PARAM_free)

#define GROUP_NAME "secp384r1" /* OpenSSL's name of P-384 */

static bool public_key_decode(struct base_bytes encoded, void **ret, struct base_error *error)
{
        struct token_voprf_public *key;

        if (!token_voprf_public_new(TOKEN_VOPRF_MODE_VOPRF, encoded, &key, error))
                return false;
        *ret = key;
        return true;
}

static void public_key_free(void *public_key)
{
        token_voprf_public_free(public_key);
}

static void client_state_free(void *state)
{
        if (state != NULL)
                explicit_bzero(state, sizeof(struct token_voprf_blind));
        free(state);
}

BASE_DEFINE_CLEANUP(void, client_state_free)

static bool client_blind(const void *public_key, struct base_bytes input, const struct base_random *random, uint8_t *ret_blinded,
                         void **ret_state, struct base_error *error)
{
        BASE_CLEANUP(client_state_free_p) void *state = calloc(1, sizeof(struct token_voprf_blind));
        struct token_voprf_blind *blind = state;

        if (blind == NULL)
                return base_error_set_no_memory(error);
        if (!token_voprf_blind(public_key, input, random, blind, error))
                return false;
        memcpy(ret_blinded, blind->encoded, sizeof(blind->encoded));
        *ret_state = BASE_STEAL(state);
        return true;
}

static bool client_finalize(const void *public_key, const void *state, struct base_bytes input, struct base_bytes response,
                            uint8_t *ret_authenticator, struct base_error *error)
{
        return token_voprf_finalize(public_key, &input, state, 1, response.data, response.data + TOKEN_VOPRF_ELEMENT_LEN,
                                    ret_authenticator, error);
}

static bool verify(const void *public_key, struct base_bytes input, struct base_bytes authenticator, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                              "a token of type 0x0001 can be verified only with the issuer's private key");
}

/* Takes the scalar out of OpenSSL's key. */
static bool issuer_key_new(const EVP_PKEY *pkey, void **ret, struct base_error *error)
{
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *number = NULL;
        uint8_t scalar[TOKEN_VOPRF_SCALAR_LEN];
        struct token_voprf_private *key;
        bool ok;

        if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1 ||
            BN_bn2binpad(number, scalar, sizeof(scalar)) != sizeof(scalar))
                return token_crypto_error(error, "the issuer key has no usable private part");
        ok = token_voprf_private_new(TOKEN_VOPRF_MODE_VOPRF, BASE_BYTES_OF(scalar), &key, error);
        explicit_bzero(scalar, sizeof(scalar));
        if (ok)
                *ret = key;
        return ok;
}

static bool issuer_key_generate(void **ret, struct base_error *error)
{
        BASE_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *pkey = EVP_EC_gen(GROUP_NAME);

        if (pkey == NULL)
                return token_crypto_error(error, "no P-384 key could be generated");
        return issuer_key_new(pkey, ret, error);
}

static bool issuer_key_load(struct base_bytes text, void **ret, struct base_error *error)
{
        BASE_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *pkey = NULL;
        size_t name_len = 0;
        char name[32];

        if (!token_key_pem_read(text, "EC", "an elliptic curve key", &pkey, error))
                return false;
        if (EVP_PKEY_get_group_name(pkey, name, sizeof(name), &name_len) != 1 || strcmp(name, GROUP_NAME) != 0)
                return token_crypto_error(error, "the issuer key is not of the curve P-384");
        return issuer_key_new(pkey, ret, error);
}

/* An OpenSSL key of the scalar and its point. */
static bool issuer_key_export(const struct token_voprf_private *key, EVP_PKEY **ret, struct base_error *error)
{
        BASE_CLEANUP(OSSL_PARAM_BLD_free_p) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        BASE_CLEANUP(OSSL_PARAM_free_p) OSSL_PARAM *parameters = NULL;
        BASE_CLEANUP(EVP_PKEY_CTX_free_p) EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *number = BN_secure_new();
        uint8_t scalar[TOKEN_VOPRF_SCALAR_LEN];
        bool ok;

        token_modular_encode(&token_modulus_order, &key->scalar, scalar);
        ok = builder != NULL && maker != NULL && number != NULL && BN_bin2bn(scalar, sizeof(scalar), number) != NULL;
        explicit_bzero(scalar, sizeof(scalar));
        ok = ok && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, GROUP_NAME, 0) == 1 &&
             OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1 &&
             OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, key->public_key->encoded,
                                              sizeof(key->public_key->encoded)) == 1;
        parameters = ok ? OSSL_PARAM_BLD_to_param(builder) : NULL;
        if (parameters == NULL || EVP_PKEY_fromdata_init(maker) != 1 ||
            EVP_PKEY_fromdata(maker, ret, EVP_PKEY_KEYPAIR, parameters) != 1)
                return token_crypto_error(error, "the issuer key could not be written");
        return true;
}

static bool issuer_key_save(const void *issuer_key, struct base_buffer *ret, struct base_error *error)
{
        BASE_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *pkey = NULL;

        return issuer_key_export(issuer_key, &pkey, error) && token_key_pem_write(pkey, ret, error);
}

static void issuer_key_free(void *issuer_key)
{
        token_voprf_private_free(issuer_key);
}

static bool issuer_key_public(const void *issuer_key, struct base_buffer *ret, struct base_error *error)
{
        const struct token_voprf_private *key = issuer_key;

        base_buffer_put(ret, key->public_key->encoded, sizeof(key->public_key->encoded));
        return base_buffer_ok(ret) || base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for the token key");
}

static bool issuer_evaluate(const void *issuer_key, struct base_bytes blinded, const struct base_random *random,
                            uint8_t *ret_response, struct base_error *error)
{
        return token_voprf_evaluate(issuer_key, blinded.data, 1, random, ret_response, ret_response + TOKEN_VOPRF_ELEMENT_LEN,
                                    error);
}

static bool issuer_verify(const void *issuer_key, struct base_bytes input, struct base_bytes authenticator,
                          struct base_error *error)
{
        uint8_t expected[TOKEN_VOPRF_OUTPUT_LEN];
        bool ok = token_voprf_output(issuer_key, input, expected, error) &&
                  (base_bytes_equal(authenticator, BASE_BYTES_OF(expected)) ||
                   base_error_set(error, BASE_ERROR_TOKEN_INVALID, "the token's authenticator is not the issuer's"));

        explicit_bzero(expected, sizeof(expected));
        return ok;
}

const struct token_module token_voprf_module = {
        .public_key_decode = public_key_decode,
        .public_key_free = public_key_free,
        .client_blind = client_blind,
        .client_state_free = client_state_free,
        .client_finalize = client_finalize,
        .verify = verify,
        .issuer_key_generate = issuer_key_generate,
        .issuer_key_load = issuer_key_load,
        .issuer_key_save = issuer_key_save,
        .issuer_key_free = issuer_key_free,
        .issuer_key_public = issuer_key_public,
        .issuer_evaluate = issuer_evaluate,
        .issuer_verify = issuer_verify,
};
