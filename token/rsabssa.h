/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSA blind signatures with appendix, RSABSSA (RFC 9474), all four named variants and any key size. Private to token/.
 * Keys are immutable once made and may be used by several threads at a time.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/system.h"
#include "token/crypto.h"
#include "token/issuer.h"
#include "token/pss.h"

#define TOKEN_RSABSSA_MODULUS_MAX TOKEN_PSS_ENCODED_MAX
#define TOKEN_RSABSSA_SALT_MAX    EVP_MAX_MD_SIZE
#define TOKEN_RSABSSA_PREFIX_LEN  32

struct token_rsabssa_variant {
        const char *hash; /* OpenSSL's name */
        size_t salt_len;
        bool randomize; /* PrepareRandomize, or PrepareIdentity */
};

/* RSABSSA-SHA384-PSS-Deterministic, the variant of token type 0x0002. */
extern const struct token_rsabssa_variant token_rsabssa_sha384_pss_deterministic;

struct token_rsabssa_public {
        const struct token_rsabssa_variant *variant;
        EVP_MD *hash;
        struct token_pss pss;
        BIGNUM *n;
        BIGNUM *e;
        BN_MONT_CTX *mont;
        size_t len; /* of the modulus, and so of every blinded message and signature */
};

struct token_rsabssa_private {
        EVP_PKEY *pkey;                          /* NULL: the key lives elsewhere, and `operation` is how to use it */
        EVP_PKEY_CTX *signer;                    /* set up for raw RSA; copied for each operation */
        struct token_issuer_operation operation; /* all NULL with `pkey` */
        struct token_rsabssa_public *public_key;
};

/* Copies n (odd, big-endian) and e. Errors: CRYPTO, NO_MEMORY. */
bool token_rsabssa_public_new(const struct token_rsabssa_variant *variant, struct base_bytes n, struct base_bytes e,
                              struct token_rsabssa_public **ret, struct base_error *error) BASE_MUST_CHECK;
void token_rsabssa_public_free(struct token_rsabssa_public *key);
BASE_DEFINE_CLEANUP(struct token_rsabssa_public, token_rsabssa_public_free)

/* Takes a reference to an RSA key. Errors: CRYPTO, NO_MEMORY. */
bool token_rsabssa_private_new(const struct token_rsabssa_variant *variant, EVP_PKEY *pkey, struct token_rsabssa_private **ret,
                               struct base_error *error) BASE_MUST_CHECK;
/* A key of which only the public half is here. Takes `operation->context` over, also on failure. Errors: CRYPTO, NO_MEMORY. */
bool token_rsabssa_private_new_external(const struct token_rsabssa_variant *variant, struct base_bytes n, struct base_bytes e,
                                        const struct token_issuer_operation *operation, struct token_rsabssa_private **ret,
                                        struct base_error *error) BASE_MUST_CHECK;
void token_rsabssa_private_free(struct token_rsabssa_private *key);
BASE_DEFINE_CLEANUP(struct token_rsabssa_private, token_rsabssa_private_free)

/* Section 4.1: appends the message as it is signed. Errors: CRYPTO, LIMIT_EXCEEDED (the buffer). */
bool token_rsabssa_prepare(const struct token_rsabssa_public *key, struct base_bytes message, const struct base_random *random,
                           struct base_buffer *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Section 4.2: writes `len` bytes to `ret_blinded`; the caller frees `ret_inverse` with BN_clear_free(). Draws the salt,
 * then the blind. Errors: CRYPTO (also if the key has no inverse for what was drawn: then its modulus is not one),
 * NO_MEMORY.
 */
bool token_rsabssa_blind(const struct token_rsabssa_public *key, struct base_bytes prepared, const struct base_random *random,
                         uint8_t *ret_blinded, BIGNUM **ret_inverse, struct base_error *error) BASE_MUST_CHECK;

/*
 * Section 4.3: writes `len` bytes to `ret`, after the result was found to be right.
 * Errors: MALFORMED (not `len` bytes, or not below the modulus), CRYPTO.
 */
bool token_rsabssa_blind_sign(const struct token_rsabssa_private *key, struct base_bytes blinded, uint8_t *ret,
                              struct base_error *error) BASE_MUST_CHECK;

/*
 * Section 4.4: writes the signature, `len` bytes, after it was verified.
 * Errors: MALFORMED (not `len` bytes, or not below the modulus), TOKEN_INVALID, CRYPTO.
 */
bool token_rsabssa_finalize(const struct token_rsabssa_public *key, struct base_bytes prepared, const BIGNUM *inverse,
                            struct base_bytes blind_signature, uint8_t *ret, struct base_error *error) BASE_MUST_CHECK;

/* Section 4.5: RSASSA-PSS-VERIFY (RFC 8017, section 8.1.2). Errors: TOKEN_INVALID, CRYPTO. */
bool token_rsabssa_verify(const struct token_rsabssa_public *key, struct base_bytes prepared, struct base_bytes signature,
                          struct base_error *error) BASE_MUST_CHECK;
