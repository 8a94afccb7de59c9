/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/pkcs11.h"

#include "issuer/tls.h"

/* The newer one is to be preferred, and no time is known of either. */
#define CURRENT_NOT_BEFORE  1
#define PREVIOUS_NOT_BEFORE 0

unsigned issuer_pkcs11_other_types(const struct issuer_config *config)
{
        return config->token_types & ~(config->pkcs11 != NULL ? ISSUER_TYPE_BIT(TOKEN_TYPE_BLIND_RSA) : 0);
}

/* A line's end is not part of the PIN. */
bool issuer_pkcs11_read_pin(const char *path, struct base_buffer *to, struct base_error *error)
{
        if (!issuer_secret_file_read(path, to, error))
                return false;
        while (to->len > 0 && (to->data[to->len - 1] == '\n' || to->data[to->len - 1] == '\r'))
                to->len--;
        return to->len > 0 || base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s holds no PIN", path);
}

static bool add(const struct issuer_config *config, const char *uri, uint64_t not_before, struct pkcs11_source **source,
                struct issuer_keys *keys, struct base_error *error)
{
        base_auto_token_issuer_key struct token_issuer_key *key = NULL;
        uint8_t truncated_id;

        if (!issuer_pkcs11_open(uri, config->pkcs11_pin_file, source, &key, error))
                return base_error_prefix(error, "%s", uri);
        truncated_id = token_public_key_id(token_issuer_key_public(key))[TOKEN_KEY_ID_LEN - 1];
        if (!issuer_keys_insert(keys, key, TOKEN_TYPE_BLIND_RSA, not_before, error))
                return base_error_prefix(error, "%s", uri);
        key = NULL;
        for (size_t i = 0; i < keys->count; i++)
                if (keys->items[i].type == TOKEN_TYPE_BLIND_RSA && keys->items[i].truncated_id == truncated_id)
                        keys->items[i].in_token = true;
        return true;
}

bool issuer_pkcs11_add_keys(const struct issuer_config *config, struct issuer_keys *keys, struct base_error *error)
{
        struct pkcs11_source *source = NULL;
        bool done;

        if (config->pkcs11 == NULL)
                return true;
        done = add(config, config->pkcs11, CURRENT_NOT_BEFORE, &source, keys, error) &&
               (config->pkcs11_previous == NULL ||
                add(config, config->pkcs11_previous, PREVIOUS_NOT_BEFORE, &source, keys, error));
        issuer_pkcs11_close_source(source);
        return done;
}
