/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/gate/key.h"

#include "issuer/tls.h"

#include <stdatomic.h>

struct gate_key {
        atomic_uint references;
        struct token_public_key *public_key;  /* owned; NULL if there is a private key */
        struct token_issuer_key *private_key; /* owned */
};

static struct gate_key *key_new(struct base_error *error)
{
        struct gate_key *key = calloc(1, sizeof(*key));

        if (key == NULL)
                (void) base_error_set_no_memory(error);
        else
                atomic_init(&key->references, 1);
        return key;
}

bool gate_key_new_public(struct token_public_key *public_key, struct gate_key **ret, struct base_error *error)
{
        struct gate_key *key = key_new(error);

        if (key == NULL)
                return false;
        key->public_key = public_key;
        *ret = key;
        return true;
}

bool gate_key_new_private(const char *path, struct gate_key **ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        gate_auto_key struct gate_key *key = key_new(error);

        if (key == NULL || !issuer_own_secret_file_read(path, &text, error))
                return false;
        if (!token_issuer_key_load(TOKEN_TYPE_VOPRF, base_buffer_bytes(&text), &key->private_key, error))
                return base_error_prefix(error, "%s", path);
        *ret = BASE_STEAL(key);
        return true;
}

struct gate_key *gate_key_ref(struct gate_key *key)
{
        atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
        return key;
}

void gate_key_unref(struct gate_key *key)
{
        if (key == NULL || atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) != 1)
                return;
        token_public_key_unref(key->public_key);
        token_issuer_key_free(key->private_key);
        free(key);
}

const struct token_public_key *gate_key_public(const struct gate_key *key)
{
        return key->private_key != NULL ? token_issuer_key_public(key->private_key) : key->public_key;
}

bool gate_key_verify(const struct gate_key *key, struct base_bytes token, const uint8_t challenge_digest[static TOKEN_DIGEST_LEN],
                     struct base_error *error)
{
        return key->private_key != NULL ? token_issuer_verify(key->private_key, token, challenge_digest, error)
                                        : token_verify(key->public_key, token, challenge_digest, error);
}
