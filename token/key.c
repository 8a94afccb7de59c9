/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/key.h"

#include "base/hash.h"
#include "token/module.h"

bool token_public_key_decode(uint16_t type_id, struct base_bytes encoded, struct token_public_key **ret, struct base_error *error)
{
        base_auto_token_public_key struct token_public_key *key = NULL;
        const struct token_type *type;

        if (!token_type_require(type_id, &type, error))
                return false;
        if (encoded.len > TOKEN_PUBLIC_KEY_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_CRYPTO, "a token key of %zu bytes is too long", encoded.len);
        key = calloc(1, sizeof(*key));
        if (key == NULL)
                return base_error_set_no_memory(error);
        atomic_init(&key->references, 1);
        key->type = type;
        base_buffer_init(&key->encoded, TOKEN_PUBLIC_KEY_BYTES_MAX);
        base_buffer_put_bytes(&key->encoded, encoded);
        if (!base_buffer_ok(&key->encoded))
                return base_error_set_no_memory(error);
        if (!base_sha256(&encoded, 1, key->id, error) || !type->module->public_key_decode(encoded, &key->module_key, error))
                return false;
        *ret = BASE_STEAL(key);
        return true;
}

struct token_public_key *token_public_key_ref(struct token_public_key *key)
{
        atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
        return key;
}

void token_public_key_unref(struct token_public_key *key)
{
        if (key == NULL || atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) != 1)
                return;
        key->type->module->public_key_free(key->module_key);
        base_buffer_clear(&key->encoded);
        free(key);
}

const struct token_type *token_public_key_type(const struct token_public_key *key)
{
        return key->type;
}

struct base_bytes token_public_key_encoded(const struct token_public_key *key)
{
        return base_buffer_bytes(&key->encoded);
}

const uint8_t *token_public_key_id(const struct token_public_key *key)
{
        return key->id;
}

bool token_check_binding(const struct token_public_key *key, struct base_bytes bytes, const uint8_t *challenge_digest,
                         struct token *ret, struct base_error *error)
{
        struct token token;

        if (!token_decode(bytes, &token, error))
                return false;
        if (token.type != key->type)
                return base_error_set(error, BASE_ERROR_TOKEN_INVALID, "the token's type is not that of the issuer's key");
        if (!base_bytes_equal(token.key_id, BASE_BYTES(key->id, TOKEN_KEY_ID_LEN)))
                return base_error_set(error, BASE_ERROR_TOKEN_INVALID, "the token was issued under another key");
        if (!base_bytes_equal(token.challenge_digest, BASE_BYTES(challenge_digest, TOKEN_DIGEST_LEN)))
                return base_error_set(error, BASE_ERROR_TOKEN_INVALID, "the token was issued for another challenge");
        *ret = token;
        return true;
}

bool token_verify(const struct token_public_key *key, struct base_bytes bytes,
                  const uint8_t challenge_digest[static TOKEN_DIGEST_LEN], struct base_error *error)
{
        struct token token;

        return token_check_binding(key, bytes, challenge_digest, &token, error) &&
               key->type->module->verify(key->module_key, token.input, token.authenticator, error);
}
