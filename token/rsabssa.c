/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/rsabssa.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <string.h>

/* A draw misses the range with a chance below one half, unless the random source is broken. */
#define BLIND_DRAWS_MAX 128

const struct token_rsabssa_variant token_rsabssa_sha384_pss_deterministic = { .hash = "SHA384", .salt_len = 48 };

void token_rsabssa_public_free(struct token_rsabssa_public *key)
{
        if (key == NULL)
                return;
        BN_MONT_CTX_free(key->mont);
        BN_free(key->n);
        BN_free(key->e);
        EVP_MD_free(key->hash);
        free(key);
}

bool token_rsabssa_public_new(const struct token_rsabssa_variant *variant, struct base_bytes n, struct base_bytes e,
                              struct token_rsabssa_public **ret, struct base_error *error)
{
        BASE_CLEANUP(token_rsabssa_public_free_p) struct token_rsabssa_public *key = calloc(1, sizeof(*key));
        BASE_CLEANUP(BN_CTX_free_p) BN_CTX *context = BN_CTX_new();

        if (key == NULL || context == NULL)
                return base_error_set_no_memory(error);
        if (n.len > TOKEN_RSABSSA_MODULUS_MAX || e.len > n.len || variant->salt_len > TOKEN_RSABSSA_SALT_MAX)
                return base_error_set(error, BASE_ERROR_CRYPTO, "the RSA key is too large");
        key->variant = variant;
        key->hash = EVP_MD_fetch(NULL, variant->hash, NULL);
        key->n = BN_bin2bn(n.data, (int) n.len, NULL);
        key->e = BN_bin2bn(e.data, (int) e.len, NULL);
        key->mont = BN_MONT_CTX_new();
        if (key->hash == NULL || key->n == NULL || key->e == NULL || key->mont == NULL ||
            BN_MONT_CTX_set(key->mont, key->n, context) != 1)
                return token_crypto_error(error, "the RSA key is not usable");
        key->len = (size_t) BN_num_bytes(key->n);
        key->pss = (struct token_pss){
                .hash = key->hash,
                .salt_len = variant->salt_len,
                .encoded_bits = (size_t) BN_num_bits(key->n) - 1,
        };
        if (token_pss_encoded_len(&key->pss) < (size_t) EVP_MD_get_size(key->hash) + variant->salt_len + 2)
                return base_error_set(error, BASE_ERROR_CRYPTO, "the RSA key is too small");
        *ret = BASE_STEAL(key);
        return true;
}

void token_rsabssa_private_free(struct token_rsabssa_private *key)
{
        if (key == NULL)
                return;
        if (key->operation.free != NULL)
                key->operation.free(key->operation.context);
        EVP_PKEY_CTX_free(key->signer);
        EVP_PKEY_free(key->pkey);
        token_rsabssa_public_free(key->public_key);
        free(key);
}

static bool public_half(const struct token_rsabssa_variant *variant, EVP_PKEY *pkey, struct token_rsabssa_public **ret,
                        struct base_error *error)
{
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *n = NULL;
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *e = NULL;
        uint8_t n_bytes[TOKEN_RSABSSA_MODULUS_MAX], e_bytes[TOKEN_RSABSSA_MODULUS_MAX];

        if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
            EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1 || BN_num_bytes(n) > TOKEN_RSABSSA_MODULUS_MAX ||
            BN_num_bytes(e) > TOKEN_RSABSSA_MODULUS_MAX)
                return token_crypto_error(error, "the RSA key is not usable");
        return token_rsabssa_public_new(variant, BASE_BYTES(n_bytes, BN_bn2bin(n, n_bytes)),
                                        BASE_BYTES(e_bytes, BN_bn2bin(e, e_bytes)), ret, error);
}

bool token_rsabssa_private_new(const struct token_rsabssa_variant *variant, EVP_PKEY *pkey, struct token_rsabssa_private **ret,
                               struct base_error *error)
{
        BASE_CLEANUP(token_rsabssa_private_free_p) struct token_rsabssa_private *key = calloc(1, sizeof(*key));

        if (key == NULL)
                return base_error_set_no_memory(error);
        if (!public_half(variant, pkey, &key->public_key, error))
                return false;
        if (EVP_PKEY_up_ref(pkey) != 1)
                return token_crypto_error(error, "the RSA key is not usable");
        key->pkey = pkey;
        key->signer = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        if (key->signer == NULL || EVP_PKEY_sign_init(key->signer) != 1 ||
            EVP_PKEY_CTX_set_rsa_padding(key->signer, RSA_NO_PADDING) != 1)
                return token_crypto_error(error, "the RSA key is not usable");
        *ret = BASE_STEAL(key);
        return true;
}

bool token_rsabssa_private_new_external(const struct token_rsabssa_variant *variant, struct base_bytes n, struct base_bytes e,
                                        const struct token_issuer_operation *operation, struct token_rsabssa_private **ret,
                                        struct base_error *error)
{
        BASE_CLEANUP(token_rsabssa_private_free_p) struct token_rsabssa_private *key = calloc(1, sizeof(*key));

        if (key == NULL) {
                operation->free(operation->context);
                return base_error_set_no_memory(error);
        }
        key->operation = *operation;
        if (!token_rsabssa_public_new(variant, n, e, &key->public_key, error))
                return false;
        *ret = BASE_STEAL(key);
        return true;
}

bool token_rsabssa_prepare(const struct token_rsabssa_public *key, struct base_bytes message, const struct base_random *random,
                           struct base_buffer *ret, struct base_error *error)
{
        uint8_t prefix[TOKEN_RSABSSA_PREFIX_LEN];
        size_t prefix_len = key->variant->randomize ? sizeof(prefix) : 0;

        if (prefix_len > 0 && !random->fill(random->context, prefix, prefix_len, error))
                return false;
        base_buffer_put(ret, prefix, prefix_len);
        base_buffer_put_bytes(ret, message);
        if (!base_buffer_ok(ret))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for the message");
        return true;
}

/* Uniform in 1 … n - 1, by rejection. */
static bool draw_blind(const struct token_rsabssa_public *key, const struct base_random *random, BIGNUM *ret,
                       struct base_error *error)
{
        uint8_t bytes[TOKEN_RSABSSA_MODULUS_MAX];
        uint8_t top = (uint8_t) (0xff >> (8 * key->len - (size_t) BN_num_bits(key->n)));
        bool found = false, ok = true;

        for (unsigned i = 0; ok && !found && i < BLIND_DRAWS_MAX; i++) {
                ok = random->fill(random->context, bytes, key->len, error);
                if (!ok)
                        break;
                bytes[0] &= top;
                ok = BN_bin2bn(bytes, (int) key->len, ret) != NULL || base_error_set_no_memory(error);
                found = ok && !BN_is_zero(ret) && BN_ucmp(ret, key->n) < 0;
        }
        explicit_bzero(bytes, sizeof(bytes));
        if (ok && !found)
                return base_error_set(error, BASE_ERROR_CRYPTO, "the random source does not give a blind");
        return ok;
}

/*
 * *ret_inverse = r^-1 and blinded = m * r^e. The inverse is taken of m * r and then multiplied by m: that also finds, at
 * no further cost, an m that shares a factor with n, which section 4.2 wants refused. r itself carries no
 * BN_FLG_CONSTTIME, since that would be for a secret exponent: here only the base is secret, and Montgomery
 * multiplication takes the same time for any.
 */
static bool blind_encoded(const struct token_rsabssa_public *key, const BIGNUM *m, const BIGNUM *r, BN_CTX *context,
                          BIGNUM *blinded, BIGNUM *inverse)
{
        BIGNUM *m_mont, *product, *power;
        bool ok;

        BN_CTX_start(context);
        m_mont = BN_CTX_get(context);
        product = BN_CTX_get(context);
        power = BN_CTX_get(context);
        ok = power != NULL && BN_to_montgomery(m_mont, m, key->mont, context) == 1 &&
             BN_mod_mul_montgomery(product, m_mont, r, key->mont, context) == 1;
        if (ok)
                BN_set_flags(product, BN_FLG_CONSTTIME);
        ok = ok && BN_mod_inverse(inverse, product, key->n, context) != NULL &&
             BN_mod_mul_montgomery(inverse, m_mont, inverse, key->mont, context) == 1 &&
             BN_mod_exp_mont(power, r, key->e, key->n, context, key->mont) == 1 &&
             BN_mod_mul_montgomery(blinded, m_mont, power, key->mont, context) == 1;
        BN_CTX_end(context);
        return ok;
}

bool token_rsabssa_blind(const struct token_rsabssa_public *key, struct base_bytes prepared, const struct base_random *random,
                         uint8_t *ret_blinded, BIGNUM **ret_inverse, struct base_error *error)
{
        BASE_CLEANUP(BN_CTX_free_p) BN_CTX *context = BN_CTX_secure_new();
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *inverse = BN_secure_new();
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *m = BN_secure_new();
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *r = BN_secure_new();
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *blinded = BN_new();
        uint8_t salt[TOKEN_RSABSSA_SALT_MAX], encoded[TOKEN_PSS_ENCODED_MAX];
        bool ok;

        if (context == NULL || inverse == NULL || m == NULL || r == NULL || blinded == NULL)
                return base_error_set_no_memory(error);
        ok = (key->pss.salt_len == 0 || random->fill(random->context, salt, key->pss.salt_len, error)) &&
             token_pss_encode(&key->pss, prepared, salt, encoded, error) &&
             (BN_bin2bn(encoded, (int) token_pss_encoded_len(&key->pss), m) != NULL || base_error_set_no_memory(error)) &&
             draw_blind(key, random, r, error);
        explicit_bzero(salt, sizeof(salt));
        explicit_bzero(encoded, sizeof(encoded));
        if (!ok)
                return false;
        if (!blind_encoded(key, m, r, context, blinded, inverse) ||
            BN_bn2binpad(blinded, ret_blinded, (int) key->len) != (int) key->len)
                return token_crypto_error(error, "the message could not be blinded with this token key");
        *ret_inverse = BASE_STEAL(inverse);
        return true;
}

/* Reads `len` bytes below n. */
static BIGNUM *read_number(const struct token_rsabssa_public *key, struct base_bytes bytes, const char *what,
                           struct base_error *error)
{
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *number = NULL;

        if (bytes.len != key->len) {
                (void) base_error_set(error, BASE_ERROR_MALFORMED, "%s has %zu bytes, not %zu", what, bytes.len, key->len);
                return NULL;
        }
        number = BN_bin2bn(bytes.data, (int) bytes.len, NULL);
        if (number == NULL) {
                (void) base_error_set_no_memory(error);
                return NULL;
        }
        if (BN_ucmp(number, key->n) >= 0) {
                (void) base_error_set(error, BASE_ERROR_MALFORMED, "%s is not below the key's modulus", what);
                return NULL;
        }
        return BASE_STEAL(number);
}

/* number^e mod n as `len` bytes. */
static bool public_operation(const struct token_rsabssa_public *key, const BIGNUM *number, uint8_t *ret, struct base_error *error)
{
        BASE_CLEANUP(BN_CTX_free_p) BN_CTX *context = BN_CTX_new();
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *result = BN_new();

        if (context == NULL || result == NULL)
                return base_error_set_no_memory(error);
        if (BN_mod_exp_mont(result, number, key->e, key->n, context, key->mont) != 1 ||
            BN_bn2binpad(result, ret, (int) key->len) != (int) key->len)
                return token_crypto_error(error, "the RSA operation failed");
        return true;
}

/* number^d mod n, unchecked. */
static bool private_operation(const struct token_rsabssa_private *key, struct base_bytes number, uint8_t *ret,
                              struct base_error *error)
{
        BASE_CLEANUP(EVP_PKEY_CTX_free_p) EVP_PKEY_CTX *signer = NULL;
        size_t len = key->public_key->len;

        if (key->pkey == NULL)
                return key->operation.sign(key->operation.context, number, ret, error);
        signer = EVP_PKEY_CTX_dup(key->signer);
        return (signer != NULL && EVP_PKEY_sign(signer, ret, &len, number.data, number.len) == 1 &&
                len == key->public_key->len) ||
               token_crypto_error(error, "the RSA operation failed");
}

bool token_rsabssa_blind_sign(const struct token_rsabssa_private *key, struct base_bytes blinded, uint8_t *ret,
                              struct base_error *error)
{
        const struct token_rsabssa_public *public_key = key->public_key;
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *number = read_number(public_key, blinded, "the blinded message", error);
        uint8_t signature[TOKEN_RSABSSA_MODULUS_MAX], check[TOKEN_RSABSSA_MODULUS_MAX];
        bool ok;

        if (number == NULL || !private_operation(key, blinded, signature, error))
                return false;
        if (BN_bin2bn(signature, (int) public_key->len, number) == NULL)
                return base_error_set_no_memory(error);
        /* A number above the modulus would be another spelling of a right result. */
        if (BN_ucmp(number, public_key->n) >= 0)
                return base_error_set(error, BASE_ERROR_CRYPTO, "the RSA operation gave a wrong result; it was withheld");
        ok = public_operation(public_key, number, check, error);
        if (ok && !base_bytes_equal(BASE_BYTES(check, public_key->len), blinded))
                ok = base_error_set(error, BASE_ERROR_CRYPTO, "the RSA operation gave a wrong result; it was withheld");
        if (ok)
                memcpy(ret, signature, public_key->len);
        explicit_bzero(signature, sizeof(signature));
        return ok;
}

bool token_rsabssa_verify(const struct token_rsabssa_public *key, struct base_bytes prepared, struct base_bytes signature,
                          struct base_error *error)
{
        struct base_error reason = BASE_ERROR_INIT;
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *number = read_number(key, signature, "the signature", &reason);
        uint8_t encoded[TOKEN_RSABSSA_MODULUS_MAX];
        size_t excess = key->len - token_pss_encoded_len(&key->pss);

        if (number == NULL && reason.code != BASE_ERROR_MALFORMED)
                return base_error_copy(error, &reason);
        if (number != NULL && !public_operation(key, number, encoded, error))
                return false;
        /* With 8k + 1 bits in the modulus the encoded message is a byte shorter than it. */
        if (number == NULL || (excess > 0 && encoded[0] != 0) || !token_pss_verify(&key->pss, prepared, encoded + excess))
                return base_error_set(error, BASE_ERROR_TOKEN_INVALID, "the issuer's signature does not verify");
        return true;
}

bool token_rsabssa_finalize(const struct token_rsabssa_public *key, struct base_bytes prepared, const BIGNUM *inverse,
                            struct base_bytes blind_signature, uint8_t *ret, struct base_error *error)
{
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *number = read_number(key, blind_signature, "the blind signature", error);
        BASE_CLEANUP(BN_CTX_free_p) BN_CTX *context = NULL;
        BASE_CLEANUP(BN_clear_free_p) BIGNUM *product = NULL;
        uint8_t signature[TOKEN_RSABSSA_MODULUS_MAX];
        bool ok;

        if (number == NULL)
                return false;
        context = BN_CTX_secure_new();
        product = BN_secure_new();
        if (context == NULL || product == NULL)
                return base_error_set_no_memory(error);
        if (BN_to_montgomery(product, inverse, key->mont, context) != 1 ||
            BN_mod_mul_montgomery(product, product, number, key->mont, context) != 1 ||
            BN_bn2binpad(product, signature, (int) key->len) != (int) key->len)
                return token_crypto_error(error, "the response could not be unblinded");
        ok = token_rsabssa_verify(key, prepared, BASE_BYTES(signature, key->len), error);
        if (ok)
                memcpy(ret, signature, key->len);
        explicit_bzero(signature, sizeof(signature));
        return ok;
}
