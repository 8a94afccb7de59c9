/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys for all tests, made once with the build: to find the primes of one takes a third of a second, and the tests want
 * hundreds. usage: make_keys DIRECTORY; writes rsa-00.pem and so on, keys of 2048 bits, and voprf.pem, one of type 0x0001.
 * Each RSA key is another pair of a few primes: they differ, and nobody may take them for secret.
 */
#include "token/key_pem.h"

#include "base/file.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>

#define PRIMES     9
#define PRIME_BITS 1024
#define EXPONENT   65537
#define TEXT_MAX   8192

static void check(bool success)
{
        if (!success)
                abort();
}

static void write_key(int directory, const char *name, EVP_PKEY *key)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TEXT_MAX);
        struct base_error error = BASE_ERROR_INIT;

        check(token_key_pem_write(key, &text, &error));
        check(base_file_replace_at(directory, name, base_buffer_bytes(&text), 0600, &error));
}

static EVP_PKEY *key_from(BIGNUM *const numbers[], const char *const names[], size_t count)
{
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        OSSL_PARAM *parameters;
        EVP_PKEY *key = NULL;

        for (size_t i = 0; i < count; i++)
                check(OSSL_PARAM_BLD_push_BN(builder, names[i], numbers[i]) == 1);
        check((parameters = OSSL_PARAM_BLD_to_param(builder)) != NULL);
        check(EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters) == 1);
        OSSL_PARAM_free(parameters);
        OSSL_PARAM_BLD_free(builder);
        EVP_PKEY_CTX_free(context);
        return key;
}

/* RFC 8017, section 3.2. */
static EVP_PKEY *key_of_primes(BIGNUM *p, BIGNUM *q)
{
        static const char *const names[] = { OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,
                                             OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
                                             OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_EXPONENT1,
                                             OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
        BN_CTX *context = BN_CTX_new();
        BIGNUM *n = BN_new(), *e = BN_new(), *d = BN_new(), *d_p = BN_new(), *d_q = BN_new(), *q_inverse = BN_new();
        BIGNUM *p_1 = BN_dup(p), *q_1 = BN_dup(q), *phi = BN_new();
        BIGNUM *const numbers[] = { p, q, n, e, d, d_p, d_q, q_inverse };
        EVP_PKEY *key;

        check(BN_set_word(e, EXPONENT) && BN_sub_word(p_1, 1) && BN_sub_word(q_1, 1));
        check(BN_mul(n, p, q, context) && BN_mul(phi, p_1, q_1, context) && BN_mod_inverse(d, e, phi, context) != NULL);
        check(BN_mod(d_p, d, p_1, context) && BN_mod(d_q, d, q_1, context) && BN_mod_inverse(q_inverse, q, p, context) != NULL);
        key = key_from(numbers, names, BASE_COUNT(numbers));
        for (size_t i = 2; i < BASE_COUNT(numbers); i++)
                BN_free(numbers[i]);
        BN_free(p_1);
        BN_free(q_1);
        BN_free(phi);
        BN_CTX_free(context);
        return key;
}

static void make_rsa(int directory)
{
        BIGNUM *primes[PRIMES];
        unsigned made = 0;

        for (size_t i = 0; i < PRIMES; i++) {
                check((primes[i] = BN_new()) != NULL);
                do
                        check(BN_generate_prime_ex(primes[i], PRIME_BITS, 0, NULL, NULL, NULL) == 1);
                while (BN_mod_word(primes[i], EXPONENT) == 1);
                for (size_t j = 0; j < i; j++) {
                        EVP_PKEY *key = key_of_primes(primes[i], primes[j]);
                        char name[16];

                        (void) snprintf(name, sizeof(name), "rsa-%02u.pem", made++);
                        write_key(directory, name, key);
                        EVP_PKEY_free(key);
                }
        }
        for (size_t i = 0; i < PRIMES; i++)
                BN_free(primes[i]);
}

static void make_voprf(int directory)
{
        EVP_PKEY *key = EVP_EC_gen("P-384");

        check(key != NULL);
        write_key(directory, "voprf.pem", key);
        EVP_PKEY_free(key);
}

int main(int argc, char **argv)
{
        base_auto_close int directory = -1;

        check(argc == 2 && (directory = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
        make_rsa(directory);
        make_voprf(directory);
        return 0;
}
