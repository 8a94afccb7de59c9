/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's half of issuance: blinds, and makes a token of what the issuer answers. Runs in the user's process,
 * never in the daemon; may be included by client/ (and by tests of others).
 */
#pragma once

#include "token/key.h"

struct base_random;

/* What a client keeps between request and response. Holds secrets (wiped when freed) and a reference to the key. */
struct token_client_state;

void token_client_state_free(struct token_client_state *state);
BASE_DEFINE_CLEANUP(struct token_client_state, token_client_state_free)
#define base_auto_token_client_state BASE_CLEANUP(token_client_state_free_p)

/*
 * Makes one TokenRequest for the challenge with this digest, with a fresh nonce and a fresh blind. Appends the request
 * to `ret_request`. The caller frees `ret_state`; a state serves one response.
 * Randomness is drawn in this order: nonce; for 0x0002 then the salt and the blind, for 0x0001 then the
 * blind; a blind is drawn again while out of range.
 * Errors: CRYPTO, NO_MEMORY, LIMIT_EXCEEDED (the buffer). Source: RFC 9578, sections 5.1 and 6.1; RFC 9474, section 4.2;
 * RFC 9497, section 3.3.2.
 */
bool token_client_blind(struct token_public_key *key, const uint8_t challenge_digest[static TOKEN_DIGEST_LEN],
                        const struct base_random *random, struct base_buffer *ret_request, struct token_client_state **ret_state,
                        struct base_error *error) BASE_MUST_CHECK;

/* The type of the token that this will be. */
const struct token_type *token_client_state_type(const struct token_client_state *state);

/*
 * Unblinds a TokenResponse, verifies with the issuer's key the outcome (0x0002) or the proof that it was used (0x0001),
 * and only then appends the Token to `ret_token`.
 * Errors: MALFORMED (the response's length or range), TOKEN_INVALID (it is not this key's answer to this request),
 * CRYPTO, LIMIT_EXCEEDED (the buffer). Source: RFC 9578, sections 5.3 and 6.3; RFC 9474, section 4.4.
 */
bool token_client_finalize(const struct token_client_state *state, struct base_bytes response, struct base_buffer *ret_token,
                           struct base_error *error) BASE_MUST_CHECK;
