/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Issuer public keys, and what the holder of one can check. A key never changes after it was decoded, and several
 * threads may use one object at a time; the reference count is atomic. Used by client and origin gate; may be included
 * by client/ and issuer/.
 */
#pragma once

#include "token/message.h"

struct token_public_key;

/*
 * Decodes a key as an issuer directory and the token-key parameter carry it. For 0x0002 that is the one DER encoding
 * RFC 9578, section 6.5, allows: id-RSASSA-PSS with SHA-384, MGF1-SHA-384 and salt length 48, a modulus of 2048 bits,
 * and a public exponent that is odd and within 65537 … 2^32 - 1 (our limit). For 0x0001 it is the compressed point of 49
 * bytes (RFC 9578, section 8.2.1).
 * The caller unrefs `ret`. Errors: UNSUPPORTED (the type), CRYPTO (any other key), NO_MEMORY.
 */
bool token_public_key_decode(uint16_t type, struct base_bytes encoded, struct token_public_key **ret,
                             struct base_error *error) BASE_MUST_CHECK;

struct token_public_key *token_public_key_ref(struct token_public_key *key);
/* Gives a reference back; accepts NULL. */
void token_public_key_unref(struct token_public_key *key);
BASE_DEFINE_CLEANUP(struct token_public_key, token_public_key_unref)
#define base_auto_token_public_key BASE_CLEANUP(token_public_key_unref_p)

const struct token_type *token_public_key_type(const struct token_public_key *key);

/* The bytes it was decoded from; owned by the key. */
struct base_bytes token_public_key_encoded(const struct token_public_key *key);

/* SHA-256 of the encoded key, TOKEN_KEY_ID_LEN bytes, owned by the key; the last is the truncated key id. */
const uint8_t *token_public_key_id(const struct token_public_key *key);

/*
 * Checks a token for redemption: type and key id are those of `key`, it was made for the challenge with this digest,
 * and its authenticator is the issuer's. Whether it was spent before is the caller's to know.
 * Errors: TOKEN_INVALID (any of these, the message says which), MALFORMED, UNSUPPORTED (also for a token of type 0x0001
 * that fits so far: only token_issuer_verify() can tell), CRYPTO.
 * Source: RFC 9577, section 2.2.3; RFC 9578, section 6.4.
 */
bool token_verify(const struct token_public_key *key, struct base_bytes token,
                  const uint8_t challenge_digest[static TOKEN_DIGEST_LEN], struct base_error *error) BASE_MUST_CHECK;
