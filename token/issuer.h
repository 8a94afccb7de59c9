/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Issuer private keys and the issuer's half of issuance. A key never changes after it was made or loaded, and several
 * threads may use one object at a time. Runs in attester-issuer; may be included by issuer/.
 */
#pragma once

#include "token/key.h"

#define TOKEN_ISSUER_KEY_TEXT_MAX 8192

struct token_issuer_key;

void token_issuer_key_free(struct token_issuer_key *key);
BASE_DEFINE_CLEANUP(struct token_issuer_key, token_issuer_key_free)
#define base_auto_token_issuer_key BASE_CLEANUP(token_issuer_key_free_p)

/*
 * Makes a new key from OpenSSL's own generator: for 0x0002 RSA 2048 with exponent 65537, for 0x0001 EC on P-384.
 * Errors: UNSUPPORTED, CRYPTO.
 */
bool token_issuer_key_generate(uint16_t type, struct token_issuer_key **ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Loads what token_issuer_key_save() wrote, an unencrypted PEM whose parts must belong together: for 0x0002 of an
 * rsaEncryption key of 2048 bits, PKCS#8 or PKCS#1; for 0x0001 of an EC key on P-384, PKCS#8 or SEC 1. The text stays the
 * caller's, who keeps it in wiped memory.
 * Errors: UNSUPPORTED (the type), LIMIT_EXCEEDED (longer than TOKEN_ISSUER_KEY_TEXT_MAX), CRYPTO (any other key).
 */
bool token_issuer_key_load(uint16_t type, struct base_bytes text, struct token_issuer_key **ret,
                           struct base_error *error) BASE_MUST_CHECK;

/* The private operation of a key that lives elsewhere. */
struct token_issuer_operation {
        /*
         * Writes number^d mod n: as many bytes as the modulus has, and so has `number`, which is below it. From any thread. What
         * it writes is checked with the public key before anybody sees it.
         */
        bool (*sign)(void *context, struct base_bytes number, uint8_t *ret, struct base_error *error);
        void (*free)(void *context);
        void *context;
};

/*
 * A key of type 0x0002 by its public half (big-endian) and the operation, which is tried once. Takes `operation->context` over,
 * also on failure. Errors: CRYPTO (not 2048 bits, or the operation does not belong to the public half), or what the operation
 * sets.
 */
bool token_issuer_key_new_external(struct base_bytes modulus, struct base_bytes exponent,
                                   const struct token_issuer_operation *operation, struct token_issuer_key **ret,
                                   struct base_error *error) BASE_MUST_CHECK;

/* Appends the private key as text; UNSUPPORTED for one that lives elsewhere. Errors: CRYPTO, LIMIT_EXCEEDED (the buffer). */
bool token_issuer_key_save(const struct token_issuer_key *key, struct base_buffer *ret, struct base_error *error) BASE_MUST_CHECK;

/* The public half, owned by the key; take a reference to keep it longer. */
struct token_public_key *token_issuer_key_public(const struct token_issuer_key *key);

/*
 * Answers one TokenRequest: appends the TokenResponse to `ret_response`. For 0x0002 the result of the private operation
 * is checked with the public key before it is released, so that a computation fault cannot give the key away; for 0x0001
 * the response has the proof (RFC 9497, section 2.2) that the client checks.
 * Errors: MALFORMED (length; for 0x0002 a blinded message that is not below the modulus; for 0x0001 one that is not the
 * compressed encoding of a point of P-384 other than the identity), UNSUPPORTED (the type),
 * NOT_FOUND (type or truncated key id are not this key's), CRYPTO, LIMIT_EXCEEDED (the buffer). RFC 9578 answers the
 * first three with 422. Source: RFC 9578, sections 5.2 and 6.2; RFC 9474, section 4.3;
 * RFC 9497, section 3.3.2.
 */
bool token_issuer_evaluate(const struct token_issuer_key *key, struct base_bytes request, struct base_buffer *ret_response,
                           struct base_error *error) BASE_MUST_CHECK;

/*
 * As token_verify(), for the holder of the private key: this works also for types that nobody else can verify.
 */
bool token_issuer_verify(const struct token_issuer_key *key, struct base_bytes token,
                         const uint8_t challenge_digest[static TOKEN_DIGEST_LEN], struct base_error *error) BASE_MUST_CHECK;
