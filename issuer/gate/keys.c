/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/gate/keys.h"
#include "base/encode.h"
#include "base/file.h"
#include "evidence/directory.h"

#include <pthread.h>
#include <string.h>

#define KEY_FILE_BYTES_MAX 4096

struct key_list {
        struct token_public_key *items[GATE_KEYS_MAX];
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
                token_public_key_unref(list->items[i]);
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

bool gate_keys_load_file(struct gate_keys *keys, const char *path, struct base_error *error)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(KEY_FILE_BYTES_MAX);
        base_auto_buffer struct base_buffer decoded = BASE_BUFFER_INIT(KEY_FILE_BYTES_MAX);
        BASE_CLEANUP(key_list_clear) struct key_list list = { .count = 0 };
        struct base_bytes key;
        size_t text_len;

        if (!base_file_read(path, &content, error))
                return false;
        key = base_buffer_bytes(&content);
        for (text_len = key.len; text_len > 0 && strchr(" \t\r\n", key.data[text_len - 1]) != NULL; text_len--)
                ;
        if (base_base64_decode(&decoded, (const char *) content.data, text_len, BASE_BASE64_URL))
                key = base_buffer_bytes(&decoded);
        if (!token_public_key_decode(TOKEN_TYPE_BLIND_RSA, key, &list.items[0], error))
                return base_error_prefix(error, "%s", path);
        list.count = 1;
        list_swap(keys, &list);
        return true;
}

bool gate_keys_load_directory(struct gate_keys *keys, struct base_bytes body, const char *url, struct base_error *error)
{
        base_auto_free struct evidence_directory *directory = calloc(1, sizeof(*directory));
        BASE_CLEANUP(key_list_clear) struct key_list list = { .count = 0 };

        if (directory == NULL)
                return base_error_set_no_memory(error);
        if (!evidence_directory_parse(body, url, directory, error))
                return base_error_prefix(error, "the issuer's directory");
        for (size_t i = 0; i < directory->key_count && list.count < GATE_KEYS_MAX; i++) {
                const struct evidence_directory_key *key = &directory->keys[i];

                if (key->token_type != TOKEN_TYPE_BLIND_RSA)
                        continue;
                if (!token_public_key_decode(key->token_type, BASE_BYTES(key->bytes, key->len), &list.items[list.count], error))
                        return base_error_prefix(error, "key %zu of the issuer's directory", i + 1);
                list.not_before[list.count++] = key->not_before;
        }
        if (list.count == 0)
                return base_error_set(error, BASE_ERROR_ISSUER_REJECTED,
                                      "the issuer's directory has no key for token type 0x%04x", (unsigned) TOKEN_TYPE_BLIND_RSA);
        list_swap(keys, &list);
        return true;
}

struct token_public_key *gate_keys_current(struct gate_keys *keys, uint64_t now_s)
{
        struct token_public_key *key = NULL;

        (void) pthread_mutex_lock(&keys->lock);
        for (size_t i = 0; i < keys->list.count && key == NULL; i++)
                if (keys->list.not_before[i] <= now_s)
                        key = token_public_key_ref(keys->list.items[i]);
        (void) pthread_mutex_unlock(&keys->lock);
        return key;
}
