/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/gate/keys.h"
#include "base/encode.h"
#include "base/file.h"
#include "evidence/directory.h"

#include <pthread.h>
#include <string.h>

#define KEY_FILE_BYTES_MAX 4096

struct key_list {
        struct gate_key *items[GATE_KEYS_MAX];
        uint64_t not_before[GATE_KEYS_MAX];
        size_t count;
};

struct gate_keys {
        pthread_mutex_t lock;
        struct key_list list;
};

static void key_list_clear(struct key_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                gate_key_unref(list->items[i]);
        list->count = 0;
}

bool gate_keys_new(struct gate_keys **ret, struct base_error *error)
{
        struct gate_keys *keys = calloc(1, sizeof(*keys));

        if (keys == NULL || pthread_mutex_init(&keys->lock, NULL) != 0) {
                free(keys);
                return base_error_set_no_memory(error);
        }
        *ret = keys;
        return true;
}

void gate_keys_free(struct gate_keys *keys)
{
        if (keys == NULL)
                return;
        key_list_clear(&keys->list);
        (void) pthread_mutex_destroy(&keys->lock);
        free(keys);
}

/* Puts a list in place of the present one, which `list` holds afterwards. */
static void list_swap(struct gate_keys *keys, struct key_list *list)
{
        struct key_list old;

        (void) pthread_mutex_lock(&keys->lock);
        old = keys->list;
        keys->list = *list;
        (void) pthread_mutex_unlock(&keys->lock);
        *list = old;
}

/* Takes a reference. */
static void list_add(struct key_list *list, struct gate_key *key, uint64_t not_before)
{
        list->items[list->count] = gate_key_ref(key);
        list->not_before[list->count++] = not_before;
}

static uint16_t type_of(const struct gate_key *key)
{
        return token_public_key_type(gate_key_public(key))->id;
}

static bool add_public(struct key_list *list, struct base_bytes encoded, uint64_t not_before, struct base_error *error)
{
        base_auto_token_public_key struct token_public_key *public_key = NULL;
        gate_auto_key struct gate_key *key = NULL;

        if (!token_public_key_decode(TOKEN_TYPE_BLIND_RSA, encoded, &public_key, error) ||
            !gate_key_new_public(public_key, &key, error))
                return false;
        public_key = NULL;
        list_add(list, key, not_before);
        return true;
}

static bool add_public_file(struct key_list *list, const char *path, struct base_error *error)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(KEY_FILE_BYTES_MAX);
        base_auto_buffer struct base_buffer decoded = BASE_BUFFER_INIT(KEY_FILE_BYTES_MAX);
        struct base_bytes key;
        size_t text_len;

        if (!base_file_read(path, &content, error))
                return false;
        key = base_buffer_bytes(&content);
        for (text_len = key.len; text_len > 0 && strchr(" \t\r\n", key.data[text_len - 1]) != NULL; text_len--)
                ;
        if (base_base64_decode(&decoded, (const char *) content.data, text_len, BASE_BASE64_URL))
                key = base_buffer_bytes(&decoded);
        return add_public(list, key, 0, error) || base_error_prefix(error, "%s", path);
}

static bool add_files(struct key_list *list, const struct gate_config *config, struct base_error *error)
{
        for (size_t i = 0; i < config->private_key_count; i++) {
                gate_auto_key struct gate_key *key = NULL;

                if (!gate_key_new_private(config->private_key_files[i], &key, error))
                        return base_error_prefix(error, "TokenPrivateKeyFile=");
                list_add(list, key, 0);
        }
        return config->key_file[0] == '\0' || add_public_file(list, config->key_file, error) ||
               base_error_prefix(error, "TokenKeyFile=");
}

/* The key with the id that `encoded` has, or NULL. */
static struct gate_key *find_private(const struct key_list *files, struct base_bytes encoded)
{
        for (size_t i = 0; i < files->count; i++)
                if (base_bytes_equal(token_public_key_encoded(gate_key_public(files->items[i])), encoded))
                        return files->items[i];
        return NULL;
}

static bool add_directory(struct key_list *list, const struct key_list *files, struct base_bytes body, const char *url,
                          struct base_error *error)
{
        base_auto_free struct evidence_directory *directory = calloc(1, sizeof(*directory));

        if (directory == NULL)
                return base_error_set_no_memory(error);
        if (!evidence_directory_parse(body, url, directory, error))
                return base_error_prefix(error, "the issuer's directory");
        for (size_t i = 0; i < directory->key_count && list->count < GATE_KEYS_MAX; i++) {
                const struct evidence_directory_key *key = &directory->keys[i];
                struct base_bytes encoded = BASE_BYTES(key->bytes, key->len);
                struct gate_key *private_key = key->token_type == TOKEN_TYPE_VOPRF ? find_private(files, encoded) : NULL;

                if (private_key != NULL)
                        list_add(list, private_key, key->not_before);
                else if (key->token_type == TOKEN_TYPE_BLIND_RSA && !add_public(list, encoded, key->not_before, error))
                        return base_error_prefix(error, "key %zu of the issuer's directory", i + 1);
        }
        return list->count > 0 ||
               base_error_set(error, BASE_ERROR_ISSUER_REJECTED,
                              "the issuer's directory has no key for token type 0x%04x, and none of TokenPrivateKeyFile=",
                              (unsigned) TOKEN_TYPE_BLIND_RSA);
}

bool gate_keys_load(struct gate_keys *keys, const struct gate_config *config, struct base_bytes directory,
                    struct base_error *error)
{
        BASE_CLEANUP(key_list_clear) struct key_list files = { .count = 0 };
        BASE_CLEANUP(key_list_clear) struct key_list listed = { .count = 0 };
        bool by_directory = config->directory_url[0] != '\0';

        if (!add_files(&files, config, error) ||
            (by_directory && !add_directory(&listed, &files, directory, config->directory_url, error)))
                return false;
        list_swap(keys, by_directory ? &listed : &files);
        return true;
}

bool gate_keys_check_files(const struct gate_config *config, struct base_error *error)
{
        BASE_CLEANUP(key_list_clear) struct key_list files = { .count = 0 };

        return add_files(&files, config, error);
}

struct gate_key *gate_keys_current(struct gate_keys *keys, uint16_t type, uint64_t now_s)
{
        struct gate_key *key = NULL;

        (void) pthread_mutex_lock(&keys->lock);
        for (size_t i = 0; i < keys->list.count && key == NULL; i++)
                if (type_of(keys->list.items[i]) == type && keys->list.not_before[i] <= now_s)
                        key = gate_key_ref(keys->list.items[i]);
        (void) pthread_mutex_unlock(&keys->lock);
        return key;
}

size_t gate_keys_count(struct gate_keys *keys, uint16_t type)
{
        size_t count = 0;

        (void) pthread_mutex_lock(&keys->lock);
        for (size_t i = 0; i < keys->list.count; i++)
                count += type_of(keys->list.items[i]) == type;
        (void) pthread_mutex_unlock(&keys->lock);
        return count;
}
