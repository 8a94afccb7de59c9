/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/keys_list.h"

#include "issuer/keys.h"
#include "issuer/pkcs11.h"
#include "issuer/print.h"

#include "base/encode.h"

#include <string.h>

const struct base_command issuer_keys_list_command = { "keys", "list", "", "the token keys and their files" };

static void print_key(const struct issuer_key *key)
{
        const uint8_t *id = token_public_key_id(token_issuer_key_public(key->key));
        base_auto_buffer struct base_buffer hex = BASE_BUFFER_INIT(2 * TOKEN_KEY_ID_LEN + 1);
        char file[ISSUER_KEY_FILE_NAME_MAX];

        base_hex_encode(&hex, BASE_BYTES(id, TOKEN_KEY_ID_LEN));
        issuer_key_file_name(key->type, key->not_before, file);
        if (key->in_token)
                (void) snprintf(file, sizeof(file), "in the PKCS #11 token");
        (void) printf("0x%04x  %-22s  %-64s", key->type, token_type_find(key->type)->name,
                      hex.len == 0 ? "" : base_buffer_c_string(&hex));
        issuer_print_time(key->not_before);
        (void) printf("  %s\n", file);
}

bool issuer_keys_command(const struct issuer_config *config, char *const *words, size_t count, struct base_error *error)
{
        issuer_auto_keys struct issuer_keys keys = { 0 };

        if (count != 1 || strcmp(words[0], "list") != 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "after \"keys\" comes list");
        if (!issuer_keys_read(config->state_directory, issuer_pkcs11_other_types(config), &keys, error) ||
            !issuer_pkcs11_add_keys(config, &keys, error))
                return false;
        (void) printf("%-30s  %-64s  %-20s  %s\n", "TYPE", "KEY ID", "NOT BEFORE", "FILE");
        for (size_t i = 0; i < keys.count; i++)
                print_key(&keys.items[i]);
        return true;
}
