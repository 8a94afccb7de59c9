/* SPDX-License-Identifier: BSD-2-Clause */
/* A key that lives elsewhere: what its operation computes is released only if it is right. */
#include "tests/cmocka.h"

#include "token/client.h"
#include "token/issuer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#define MODULUS_LEN 256

/* What a module does with the key, and what goes wrong. */
struct module {
        EVP_PKEY *key;
        unsigned uses;
        unsigned right_uses; /* then the result has one bit turned */
        bool fails;
        bool freed;
};

struct fixture {
        EVP_PKEY *key;
        uint8_t modulus[MODULUS_LEN];
        uint8_t exponent[3];
};

static bool sign(void *context, struct base_bytes number, uint8_t *ret, struct base_error *error)
{
        struct module *module = context;
        EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new(module->key, NULL);
        size_t len = MODULUS_LEN;

        assert_int_equal(number.len, MODULUS_LEN);
        assert_int_equal(EVP_PKEY_sign_init(signer), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(signer, RSA_NO_PADDING), 1);
        assert_int_equal(EVP_PKEY_sign(signer, ret, &len, number.data, number.len), 1);
        EVP_PKEY_CTX_free(signer);
        if (module->fails)
                return base_error_set(error, BASE_ERROR_IO, "the token is gone");
        if (++module->uses > module->right_uses)
                ret[MODULUS_LEN - 1] ^= 1;
        return true;
}

static void release(void *context)
{
        ((struct module *) context)->freed = true;
}

static bool open_key(const struct fixture *fixture, struct module *module, struct token_issuer_key **ret,
                     struct base_error *error)
{
        const struct token_issuer_operation operation = { .sign = sign, .free = release, .context = module };

        return token_issuer_key_new_external(BASE_BYTES_OF(fixture->modulus), BASE_BYTES_OF(fixture->exponent), &operation, ret,
                                             error);
}

static void make_request(const struct token_issuer_key *key, struct base_buffer *ret)
{
        struct token_public_key *half = token_issuer_key_public(key);
        uint8_t blinded[MODULUS_LEN] = { [MODULUS_LEN - 1] = 7 };

        base_buffer_put_u16(ret, TOKEN_TYPE_BLIND_RSA);
        base_buffer_put_u8(ret, token_public_key_id(half)[TOKEN_KEY_ID_LEN - 1]);
        base_buffer_put(ret, blinded, sizeof(blinded));
}

static void external_key_signs_and_is_freed(void **state)
{
        const struct fixture *fixture = *state;
        struct module module = { .key = fixture->key, .right_uses = 10 };
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(512), response = BASE_BUFFER_INIT(512);
        struct token_issuer_key *key = NULL;
        struct base_error error = BASE_ERROR_INIT;

        assert_true(open_key(fixture, &module, &key, &error));
        make_request(key, &request);
        assert_true(token_issuer_evaluate(key, base_buffer_bytes(&request), &response, &error));
        assert_int_equal(response.len, MODULUS_LEN);
        base_buffer_reset(&response);
        assert_false(token_issuer_key_save(key, &response, &error));
        assert_int_equal(error.code, BASE_ERROR_UNSUPPORTED);
        assert_false(module.freed);
        token_issuer_key_free(key);
        assert_true(module.freed);
}

static void external_key_wrong_result_is_withheld(void **state)
{
        const struct fixture *fixture = *state;
        struct module module = { .key = fixture->key, .right_uses = 1 };
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(512), response = BASE_BUFFER_INIT(512);
        base_auto_token_issuer_key struct token_issuer_key *key = NULL;
        struct base_error error = BASE_ERROR_INIT;

        assert_true(open_key(fixture, &module, &key, &error));
        make_request(key, &request);
        assert_false(token_issuer_evaluate(key, base_buffer_bytes(&request), &response, &error));
        assert_int_equal(error.code, BASE_ERROR_CRYPTO);
        assert_non_null(strstr(error.message, "withheld"));
        assert_int_equal(response.len, 0);
        module.fails = true;
        assert_false(token_issuer_evaluate(key, base_buffer_bytes(&request), &response, &error));
        assert_int_equal(error.code, BASE_ERROR_IO);
        assert_int_equal(response.len, 0);
}

static void external_key_that_is_not_the_public_halfs_is_refused(void **state)
{
        struct fixture other = *(const struct fixture *) *state;
        struct module module = { .key = other.key };
        struct token_issuer_key *key = NULL;
        struct base_error error = BASE_ERROR_INIT;

        assert_false(open_key(&other, &module, &key, &error));
        assert_int_equal(error.code, BASE_ERROR_CRYPTO);
        assert_true(module.freed);
        other.modulus[0] = 0x7f; /* one bit shorter */
        module = (struct module){ .key = other.key, .right_uses = 10 };
        assert_false(open_key(&other, &module, &key, &error));
        assert_int_equal(error.code, BASE_ERROR_CRYPTO);
        assert_int_equal(module.uses, 0);
        assert_true(module.freed);
}

static int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        BIGNUM *n = NULL, *e = NULL;

        fixture->key = EVP_RSA_gen(8 * MODULUS_LEN);
        assert_int_equal(EVP_PKEY_get_bn_param(fixture->key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
        assert_int_equal(EVP_PKEY_get_bn_param(fixture->key, OSSL_PKEY_PARAM_RSA_E, &e), 1);
        assert_int_equal(BN_bn2binpad(n, fixture->modulus, sizeof(fixture->modulus)), sizeof(fixture->modulus));
        assert_int_equal(BN_bn2binpad(e, fixture->exponent, sizeof(fixture->exponent)), sizeof(fixture->exponent));
        BN_free(n);
        BN_free(e);
        *state = fixture;
        return 0;
}

static int tear_down(void **state)
{
        EVP_PKEY_free(((struct fixture *) *state)->key);
        free(*state);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(external_key_signs_and_is_freed),
                cmocka_unit_test(external_key_wrong_result_is_withheld),
                cmocka_unit_test(external_key_that_is_not_the_public_halfs_is_refused),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
