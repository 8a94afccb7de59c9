/* SPDX-License-Identifier: BSD-2-Clause */
/* Token type 0x0002, Blind RSA (2048-bit): RFC 9578, section 6. */
#include "token/key_pem.h"
#include "token/module.h"
#include "token/rsabssa.h"
#include "token/spki.h"

#include <openssl/rsa.h>

#define MODULUS_BITS 2048

static const struct token_rsabssa_variant *const variant = &token_rsabssa_sha384_pss_deterministic;

static bool public_key_decode(struct base_bytes encoded, void **ret, struct base_error *error)
{
        struct token_rsabssa_public *key;
        struct token_spki spki;
        uint8_t exponent[4];

        if (!token_spki_decode(encoded, &spki, error))
                return false;
        for (size_t i = 0; i < sizeof(exponent); i++)
                exponent[i] = (uint8_t) (spki.exponent >> (8 * (sizeof(exponent) - 1 - i)));
        if (!token_rsabssa_public_new(variant, BASE_BYTES_OF(spki.modulus), BASE_BYTES_OF(exponent), &key, error))
                return false;
        *ret = key;
        return true;
}

static void public_key_free(void *public_key)
{
        token_rsabssa_public_free(public_key);
}

static bool client_blind(const void *public_key, struct base_bytes input, const struct base_random *random, uint8_t *ret_blinded,
                         void **ret_state, struct base_error *error)
{
        BIGNUM *inverse;

        if (!token_rsabssa_blind(public_key, input, random, ret_blinded, &inverse, error))
                return false;
        *ret_state = inverse;
        return true;
}

static void client_state_free(void *state)
{
        BN_clear_free(state);
}

static bool client_finalize(const void *public_key, const void *state, struct base_bytes input, struct base_bytes response,
                            uint8_t *ret_authenticator, struct base_error *error)
{
        return token_rsabssa_finalize(public_key, input, state, response, ret_authenticator, error);
}

static bool verify(const void *public_key, struct base_bytes input, struct base_bytes authenticator, struct base_error *error)
{
        return token_rsabssa_verify(public_key, input, authenticator, error);
}

static bool issuer_key_new(EVP_PKEY *pkey, void **ret, struct base_error *error)
{
        struct token_rsabssa_private *key;

        if (!token_rsabssa_private_new(variant, pkey, &key, error))
                return false;
        *ret = key;
        return true;
}

static bool issuer_key_generate(void **ret, struct base_error *error)
{
        BASE_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *pkey = EVP_RSA_gen(MODULUS_BITS);

        if (pkey == NULL)
                return token_crypto_error(error, "no RSA key could be generated");
        return issuer_key_new(pkey, ret, error);
}

static bool issuer_key_load(struct base_bytes text, void **ret, struct base_error *error)
{
        BASE_CLEANUP(EVP_PKEY_free_p) EVP_PKEY *pkey = NULL;

        if (!token_key_pem_read(text, "RSA", "an RSA key", &pkey, error))
                return false;
        if (EVP_PKEY_get_bits(pkey) != MODULUS_BITS)
                return base_error_set(error, BASE_ERROR_CRYPTO, "the issuer key has %d bits, not %d", EVP_PKEY_get_bits(pkey),
                                      MODULUS_BITS);
        return issuer_key_new(pkey, ret, error);
}

bool token_blind_rsa_key_new_external(struct base_bytes modulus, struct base_bytes exponent,
                                      const struct token_issuer_operation *operation, void **ret, struct base_error *error)
{
        BASE_CLEANUP(token_rsabssa_private_free_p) struct token_rsabssa_private *key = NULL;
        uint8_t two[MODULUS_BITS / 8] = { [MODULUS_BITS / 8 - 1] = 2 }, signature[MODULUS_BITS / 8];

        if (!token_rsabssa_private_new_external(variant, modulus, exponent, operation, &key, error))
                return false;
        if (BN_num_bits(key->public_key->n) != MODULUS_BITS)
                return base_error_set(error, BASE_ERROR_CRYPTO, "the issuer key has %d bits, not %d",
                                      BN_num_bits(key->public_key->n), MODULUS_BITS);
        if (!token_rsabssa_blind_sign(key, BASE_BYTES_OF(two), signature, error))
                return false;
        *ret = BASE_STEAL(key);
        return true;
}

static bool issuer_key_save(const void *issuer_key, struct base_buffer *ret, struct base_error *error)
{
        const struct token_rsabssa_private *key = issuer_key;

        if (key->pkey == NULL)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED, "the issuer key does not leave the place where it lives");
        return token_key_pem_write(key->pkey, ret, error);
}

static void issuer_key_free(void *issuer_key)
{
        token_rsabssa_private_free(issuer_key);
}

static bool issuer_key_public(const void *issuer_key, struct base_buffer *ret, struct base_error *error)
{
        const struct token_rsabssa_private *key = issuer_key;
        const struct token_rsabssa_public *half = key->public_key;
        struct token_spki spki;

        if (BN_num_bits(half->e) > 32 || BN_bn2binpad(half->n, spki.modulus, sizeof(spki.modulus)) != sizeof(spki.modulus))
                return base_error_set(error, BASE_ERROR_CRYPTO, "the issuer key's public exponent is out of range");
        spki.exponent = (uint32_t) BN_get_word(half->e);
        return token_spki_encode(&spki, ret, error);
}

static bool issuer_evaluate(const void *issuer_key, struct base_bytes blinded, const struct base_random *random,
                            uint8_t *ret_response, struct base_error *error)
{
        return token_rsabssa_blind_sign(issuer_key, blinded, ret_response, error);
}

static bool issuer_verify(const void *issuer_key, struct base_bytes input, struct base_bytes authenticator,
                          struct base_error *error)
{
        const struct token_rsabssa_private *key = issuer_key;

        return token_rsabssa_verify(key->public_key, input, authenticator, error);
}

const struct token_module token_blind_rsa_module = {
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
