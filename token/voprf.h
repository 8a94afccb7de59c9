/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * (Verifiable) oblivious pseudorandom functions over P-384 with SHA-384: RFC 9497, modes OPRF and VOPRF. Private to
 * token/. Keys are immutable once made and may be used by several threads at a time.
 *
 * Whatever depends on a private key, a blind or the randomness of a proof takes the same steps for all values.
 */
#pragma once

#include "base/system.h"
#include "token/hash_to_curve.h"

#define TOKEN_VOPRF_ELEMENT_LEN TOKEN_P384_ELEMENT_LEN       /* Ne */
#define TOKEN_VOPRF_SCALAR_LEN  TOKEN_P384_SCALAR_LEN        /* Ns */
#define TOKEN_VOPRF_PROOF_LEN   (2 * TOKEN_VOPRF_SCALAR_LEN) /* c and s */
#define TOKEN_VOPRF_OUTPUT_LEN  TOKEN_HASH_LEN               /* Nh */
#define TOKEN_VOPRF_INPUT_MAX   65535                        /* bytes of an input; RFC 9497, section 1.2 */
#define TOKEN_VOPRF_BATCH_MAX   16                           /* elements under one proof */

enum token_voprf_mode {
        TOKEN_VOPRF_MODE_OPRF = 0,
        TOKEN_VOPRF_MODE_VOPRF = 1, /* the mode of token type 0x0001 */
};

struct token_voprf_public {
        enum token_voprf_mode mode;
        EVP_MD *hash;
        uint8_t encoded[TOKEN_VOPRF_ELEMENT_LEN];
        struct token_p384_comb generator, key;
};

struct token_voprf_private {
        struct token_number scalar;
        struct token_voprf_public *public_key;
};

/* What the client keeps of one blinded input; secret. */
struct token_voprf_blind {
        struct token_number blind;
        struct token_p384_point element; /* as it was sent */
        uint8_t encoded[TOKEN_VOPRF_ELEMENT_LEN];
};

/* Errors: CRYPTO (not the compressed encoding of a point other than the identity), NO_MEMORY. */
bool token_voprf_public_new(enum token_voprf_mode mode, struct base_bytes encoded, struct token_voprf_public **ret,
                            struct base_error *error) BASE_MUST_CHECK;
void token_voprf_public_free(struct token_voprf_public *key);
BASE_DEFINE_CLEANUP(struct token_voprf_public, token_voprf_public_free)

/* From a big-endian scalar. Errors: CRYPTO (not 48 bytes, or not within 1 … n - 1), NO_MEMORY. */
bool token_voprf_private_new(enum token_voprf_mode mode, struct base_bytes scalar, struct token_voprf_private **ret,
                             struct base_error *error) BASE_MUST_CHECK;
void token_voprf_private_free(struct token_voprf_private *key);
BASE_DEFINE_CLEANUP(struct token_voprf_private, token_voprf_private_free)

/* DeriveKeyPair (section 3.2.1): seed of 32 bytes, public info. Errors: CRYPTO, LIMIT_EXCEEDED (info), NO_MEMORY. */
bool token_voprf_private_derive(enum token_voprf_mode mode, const uint8_t seed[static 32], struct base_bytes info,
                                struct token_voprf_private **ret, struct base_error *error) BASE_MUST_CHECK;

/* Blind (section 3.3.1). Draws 48 bytes, again while they are not a scalar. Errors: CRYPTO, LIMIT_EXCEEDED (the input). */
bool token_voprf_blind(const struct token_voprf_public *key, struct base_bytes input, const struct base_random *random,
                       struct token_voprf_blind *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * BlindEvaluate (sections 3.3.1 and 3.3.2) of `count` elements, one behind the other in `blinded`. Writes as many
 * elements to `ret_evaluated` and, in mode VOPRF, one proof over all of them to `ret_proof`. Draws the proof's randomness.
 * Errors: MALFORMED (an element), LIMIT_EXCEEDED (count), CRYPTO; the outputs then have no meaning and no secret.
 */
bool token_voprf_evaluate(const struct token_voprf_private *key, const uint8_t *blinded, size_t count,
                          const struct base_random *random, uint8_t *ret_evaluated, uint8_t *ret_proof,
                          struct base_error *error) BASE_MUST_CHECK;

/*
 * Finalize (sections 3.3.1 and 3.3.2): checks the proof in mode VOPRF, and only then writes `count` outputs.
 * Errors: MALFORMED (an element, or a scalar of the proof), TOKEN_INVALID (the proof), LIMIT_EXCEEDED, CRYPTO.
 */
bool token_voprf_finalize(const struct token_voprf_public *key, const struct base_bytes *inputs,
                          const struct token_voprf_blind *blinds, size_t count, const uint8_t *evaluated, const uint8_t *proof,
                          uint8_t *ret_outputs, struct base_error *error) BASE_MUST_CHECK;

/* Evaluate (section 3.3.1): what Finalize gives for this input. Errors: CRYPTO, LIMIT_EXCEEDED (the input). */
bool token_voprf_output(const struct token_voprf_private *key, struct base_bytes input,
                        uint8_t ret[static TOKEN_VOPRF_OUTPUT_LEN], struct base_error *error) BASE_MUST_CHECK;
