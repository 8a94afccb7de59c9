/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/client.h"

#include "token/module.h"

#include <string.h>

struct token_client_state {
        struct token_public_key *key;
        struct base_buffer input; /* AuthenticatorInput: what the authenticator will be over */
        void *module_state;
};

void token_client_state_free(struct token_client_state *state)
{
        if (state == NULL)
                return;
        state->key->type->module->client_state_free(state->module_state);
        base_buffer_clear(&state->input);
        token_public_key_unref(state->key);
        free(state);
}

/* The whole TokenRequest. */
static bool make_request(struct token_client_state *state, const struct base_random *random, struct base_buffer *ret,
                         struct base_error *error)
{
        const struct token_type *type = state->key->type;
        uint8_t blinded[TOKEN_REQUEST_BYTES_MAX];

        if (!type->module->client_blind(state->key->module_key, base_buffer_bytes(&state->input), random, blinded,
                                        &state->module_state, error))
                return false;
        base_buffer_put_u16(ret, type->id);
        base_buffer_put_u8(ret, state->key->id[TOKEN_KEY_ID_LEN - 1]);
        base_buffer_put(ret, blinded, type->request_len - TOKEN_REQUEST_HEADER_LEN);
        return base_buffer_ok(ret) || base_error_set_no_memory(error);
}

bool token_client_blind(struct token_public_key *key, const uint8_t challenge_digest[static TOKEN_DIGEST_LEN],
                        const struct base_random *random, struct base_buffer *ret_request, struct token_client_state **ret_state,
                        struct base_error *error)
{
        base_auto_token_client_state struct token_client_state *state = calloc(1, sizeof(*state));
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(TOKEN_REQUEST_BYTES_MAX);
        uint8_t nonce[TOKEN_NONCE_LEN];

        if (state == NULL)
                return base_error_set_no_memory(error);
        state->key = token_public_key_ref(key);
        base_buffer_init(&state->input, TOKEN_INPUT_LEN);
        if (!random->fill(random->context, nonce, sizeof(nonce), error) ||
            !token_input_encode(key->type->id, nonce, challenge_digest, key->id, &state->input, error) ||
            !make_request(state, random, &request, error))
                return false;
        base_buffer_put_bytes(ret_request, base_buffer_bytes(&request));
        if (!base_buffer_ok(ret_request))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for the token request");
        *ret_state = BASE_STEAL(state);
        return true;
}

const struct token_type *token_client_state_type(const struct token_client_state *state)
{
        return state->key->type;
}

bool token_client_finalize(const struct token_client_state *state, struct base_bytes response, struct base_buffer *ret_token,
                           struct base_error *error)
{
        const struct token_type *type = state->key->type;
        struct base_bytes input = base_buffer_bytes(&state->input);
        uint8_t token[TOKEN_BYTES_MAX];
        bool ok;

        if (response.len != type->response_len)
                return base_error_set(error, BASE_ERROR_MALFORMED, "a token response of type 0x%04x has %zu bytes, not %zu",
                                      type->id, type->response_len, response.len);
        memcpy(token, input.data, TOKEN_INPUT_LEN);
        ok = type->module->client_finalize(state->key->module_key, state->module_state, input, response, token + TOKEN_INPUT_LEN,
                                           error);
        if (ok) {
                base_buffer_put(ret_token, token, TOKEN_INPUT_LEN + type->authenticator_len);
                ok = base_buffer_ok(ret_token) || base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for the token");
        }
        /* Whoever holds these bytes can spend the token. */
        explicit_bzero(token, sizeof(token));
        return ok;
}
