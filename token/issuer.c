/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/issuer.h"

#include "token/module.h"

struct token_issuer_key {
        const struct token_type *type;
        void *module_key;
        struct token_public_key *public_key;
};

void token_issuer_key_free(struct token_issuer_key *key)
{
        if (key == NULL)
                return;
        key->type->module->issuer_key_free(key->module_key);
        token_public_key_unref(key->public_key);
        free(key);
}

/* Takes over `module_key`, also on failure. */
static bool issuer_key_new(const struct token_type *type, void *module_key, struct token_issuer_key **ret,
                           struct base_error *error)
{
        base_auto_token_issuer_key struct token_issuer_key *key = calloc(1, sizeof(*key));
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(TOKEN_PUBLIC_KEY_BYTES_MAX);

        if (key == NULL) {
                type->module->issuer_key_free(module_key);
                return base_error_set_no_memory(error);
        }
        key->type = type;
        key->module_key = module_key;
        if (!type->module->issuer_key_public(module_key, &encoded, error) ||
            !token_public_key_decode(type->id, base_buffer_bytes(&encoded), &key->public_key, error))
                return false;
        *ret = BASE_STEAL(key);
        return true;
}

bool token_issuer_key_generate(uint16_t type_id, struct token_issuer_key **ret, struct base_error *error)
{
        const struct token_type *type;
        void *module_key;

        return token_type_require(type_id, &type, error) && type->module->issuer_key_generate(&module_key, error) &&
               issuer_key_new(type, module_key, ret, error);
}

bool token_issuer_key_load(uint16_t type_id, struct base_bytes text, struct token_issuer_key **ret, struct base_error *error)
{
        const struct token_type *type;
        void *module_key;

        if (!token_type_require(type_id, &type, error))
                return false;
        if (text.len > TOKEN_ISSUER_KEY_TEXT_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "an issuer key of %zu bytes is too long", text.len);
        return type->module->issuer_key_load(text, &module_key, error) && issuer_key_new(type, module_key, ret, error);
}

bool token_issuer_key_new_external(struct base_bytes modulus, struct base_bytes exponent,
                                   const struct token_issuer_operation *operation, struct token_issuer_key **ret,
                                   struct base_error *error)
{
        const struct token_type *type = token_type_find(TOKEN_TYPE_BLIND_RSA);
        void *module_key;

        return token_blind_rsa_key_new_external(modulus, exponent, operation, &module_key, error) &&
               issuer_key_new(type, module_key, ret, error);
}

bool token_issuer_key_save(const struct token_issuer_key *key, struct base_buffer *ret, struct base_error *error)
{
        return key->type->module->issuer_key_save(key->module_key, ret, error);
}

struct token_public_key *token_issuer_key_public(const struct token_issuer_key *key)
{
        return key->public_key;
}

bool token_issuer_evaluate(const struct token_issuer_key *key, struct base_bytes request, struct base_buffer *ret_response,
                           struct base_error *error)
{
        return token_issuer_evaluate_with(key, &base_system_random, request, ret_response, error);
}

bool token_issuer_evaluate_with(const struct token_issuer_key *key, const struct base_random *random, struct base_bytes bytes,
                                struct base_buffer *ret_response, struct base_error *error)
{
        uint8_t response[TOKEN_RESPONSE_BYTES_MAX];
        struct token_request request;

        if (!token_request_decode(bytes, &request, error))
                return false;
        if (request.type != key->type || request.truncated_key_id != token_public_key_id(key->public_key)[TOKEN_KEY_ID_LEN - 1])
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "the token request is for another key than 0x…%02x",
                                      token_public_key_id(key->public_key)[TOKEN_KEY_ID_LEN - 1]);
        if (!key->type->module->issuer_evaluate(key->module_key, request.blinded, random, response, error))
                return false;
        base_buffer_put(ret_response, response, key->type->response_len);
        if (!base_buffer_ok(ret_response))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for the token response");
        return true;
}

bool token_issuer_verify(const struct token_issuer_key *key, struct base_bytes bytes,
                         const uint8_t challenge_digest[static TOKEN_DIGEST_LEN], struct base_error *error)
{
        struct token token;

        return token_check_binding(key->public_key, bytes, challenge_digest, &token, error) &&
               key->type->module->issuer_verify(key->module_key, token.input, token.authenticator, error);
}
