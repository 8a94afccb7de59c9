/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a token type implements, and the insides of the key objects that all types share. Private to token/.
 *
 * A module deals in its own part of each message only: the blinded part of a TokenRequest, the whole TokenResponse and
 * the authenticator of a Token, each of exactly the length its row in type.c names. type, nonce, digests and key ids are
 * handled, and checked, outside. Its key objects are immutable once made.
 */
#pragma once

#include "base/system.h"
#include "token/batch.h"
#include "token/issuer.h"

#include <stdatomic.h>

struct token_module {
        bool (*public_key_decode)(struct base_bytes encoded, void **ret, struct base_error *error);
        void (*public_key_free)(void *public_key);

        /* `input` is the AuthenticatorInput; writes request_len - TOKEN_REQUEST_HEADER_LEN bytes. */
        bool (*client_blind)(const void *public_key, struct base_bytes input, const struct base_random *random,
                             uint8_t *ret_blinded, void **ret_state, struct base_error *error);
        void (*client_state_free)(void *state);
        /* `response` has the row's length; writes authenticator_len bytes, which are verified. */
        bool (*client_finalize)(const void *public_key, const void *state, struct base_bytes input, struct base_bytes response,
                                uint8_t *ret_authenticator, struct base_error *error);
        /* UNSUPPORTED for a type that only the issuer can verify. */
        bool (*verify)(const void *public_key, struct base_bytes input, struct base_bytes authenticator,
                       struct base_error *error);

        bool (*issuer_key_generate)(void **ret, struct base_error *error);
        bool (*issuer_key_load)(struct base_bytes text, void **ret, struct base_error *error);
        bool (*issuer_key_save)(const void *issuer_key, struct base_buffer *ret, struct base_error *error);
        void (*issuer_key_free)(void *issuer_key);
        /* Appends the encoded public half. */
        bool (*issuer_key_public)(const void *issuer_key, struct base_buffer *ret, struct base_error *error);
        /* Writes response_len bytes. A type whose answer follows from the request draws nothing. */
        bool (*issuer_evaluate)(const void *issuer_key, struct base_bytes blinded, const struct base_random *random,
                                uint8_t *ret_response, struct base_error *error);
        bool (*issuer_verify)(const void *issuer_key, struct base_bytes input, struct base_bytes authenticator,
                              struct base_error *error);
};

extern const struct token_module token_blind_rsa_module;
extern const struct token_module token_voprf_module;

/* As token_issuer_key_new_external(), of the module's own key object. */
bool token_blind_rsa_key_new_external(struct base_bytes modulus, struct base_bytes exponent,
                                      const struct token_issuer_operation *operation, void **ret,
                                      struct base_error *error) BASE_MUST_CHECK;

struct token_public_key {
        atomic_uint references;
        const struct token_type *type;
        struct base_buffer encoded;
        uint8_t id[TOKEN_KEY_ID_LEN];
        void *module_key;
};

/* All of token_verify() that comes before the authenticator. */
bool token_check_binding(const struct token_public_key *key, struct base_bytes bytes, const uint8_t *challenge_digest,
                         struct token *ret, struct base_error *error) BASE_MUST_CHECK;

/* As those without _with, but with the randomness of 0x0001's proofs from elsewhere: published vectors fix it. */
bool token_issuer_evaluate_with(const struct token_issuer_key *key, const struct base_random *random, struct base_bytes request,
                                struct base_buffer *ret_response, struct base_error *error) BASE_MUST_CHECK;

bool token_batch_evaluate_with(const struct token_batch_keys *keys, const struct base_random *random, struct base_bytes request,
                               struct base_buffer *ret_response, size_t *ret_issued, size_t *ret_count,
                               struct base_error *error) BASE_MUST_CHECK;

/* The row of a type; UNSUPPORTED if there is none. */
bool token_type_require(uint16_t id, const struct token_type **ret, struct base_error *error) BASE_MUST_CHECK;
