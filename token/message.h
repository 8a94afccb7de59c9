/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Token (RFC 9577, section 2.2) and TokenRequest (RFC 9578, sections 5.1 and 6.1). A TokenResponse has no structure
 * that the types share: it is response_len bytes. Used by client, issuer and origin gate; may be included by client/
 * and issuer/.
 */
#pragma once

#include "token/type.h"

/* Views into the bytes that were decoded. */
struct token {
        const struct token_type *type;
        struct base_bytes input;            /* AuthenticatorInput: all but the authenticator */
        struct base_bytes nonce;            /* TOKEN_NONCE_LEN */
        struct base_bytes challenge_digest; /* TOKEN_DIGEST_LEN */
        struct base_bytes key_id;           /* TOKEN_KEY_ID_LEN */
        struct base_bytes authenticator;    /* type->authenticator_len */
};

struct token_request {
        const struct token_type *type;
        uint8_t truncated_key_id;  /* the last byte of the key id */
        struct base_bytes blinded; /* the type's own part */
};

/*
 * Reads exactly one Token. It says nothing about whether the token is genuine: see token_verify().
 * Errors: UNSUPPORTED (the type), MALFORMED (truncated or trailing bytes).
 */
bool token_decode(struct base_bytes bytes, struct token *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Appends the AuthenticatorInput of RFC 9577, section 2.2.3, from arrays of TOKEN_NONCE_LEN, TOKEN_DIGEST_LEN and
 * TOKEN_KEY_ID_LEN bytes. Errors: LIMIT_EXCEEDED (the buffer).
 */
bool token_input_encode(uint16_t type, const uint8_t *nonce, const uint8_t *challenge_digest, const uint8_t *key_id,
                        struct base_buffer *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Reads exactly one TokenRequest, so that an issuer can choose the key for token_issuer_evaluate().
 * Errors: UNSUPPORTED (the type), MALFORMED (truncated or trailing bytes).
 */
bool token_request_decode(struct base_bytes bytes, struct token_request *ret, struct base_error *error) BASE_MUST_CHECK;
