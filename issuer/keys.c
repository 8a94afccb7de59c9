/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/keys.h"

#include "issuer/tls.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define KEY_FILE_FORMAT        "token-key-%u-%" PRIu64 ".pem"
#define KEY_FILE_PREFIX        "token-key-"
#define ENROLLMENT_SECRET_FILE "enrollment-secret"
#define GENERATE_ATTEMPTS      64 /* a truncated id that is taken is drawn again */

void issuer_keys_clear(struct issuer_keys *keys)
{
        for (size_t i = 0; i < keys->count; i++)
                token_issuer_key_free(keys->items[i].key);
        keys->count = 0;
}

const struct issuer_key *issuer_keys_find(const struct issuer_keys *keys, uint16_t type, uint8_t truncated_id)
{
        for (size_t i = 0; i < keys->count; i++)
                if (keys->items[i].type == type && keys->items[i].truncated_id == truncated_id)
                        return &keys->items[i];
        return NULL;
}

static uint8_t truncated_id_of(const struct token_issuer_key *key)
{
        return token_public_key_id(token_issuer_key_public(key))[TOKEN_KEY_ID_LEN - 1];
}

void issuer_key_file_name(uint16_t type, uint64_t not_before, char ret[static ISSUER_KEY_FILE_NAME_MAX])
{
        (void) snprintf(ret, ISSUER_KEY_FILE_NAME_MAX, KEY_FILE_FORMAT, type, not_before);
}

static bool path_of(const char *directory, uint16_t type, uint64_t not_before, char **ret, struct base_error *error)
{
        char name[ISSUER_KEY_FILE_NAME_MAX];

        issuer_key_file_name(type, not_before, name);
        return asprintf(ret, "%s/%s", directory, name) >= 0 || base_error_set_no_memory(error);
}

/* A type's place in the order of preference. */
static size_t rank_of(uint16_t type)
{
        size_t rank = 0;

        while (token_type_at(rank) != NULL && token_type_at(rank)->id != type)
                rank++;
        return rank;
}

/* Whether the key comes before one of that type and time. */
static bool precedes(const struct issuer_key *key, uint16_t type, uint64_t not_before)
{
        return key->type == type ? key->not_before >= not_before : rank_of(key->type) < rank_of(type);
}

static bool check_room(const struct issuer_keys *keys, struct base_error *error)
{
        return keys->count < ISSUER_KEYS_MAX ||
               base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "there are more than %d token keys", ISSUER_KEYS_MAX);
}

bool issuer_keys_insert(struct issuer_keys *keys, struct token_issuer_key *key, uint16_t type, uint64_t not_before,
                        struct base_error *error)
{
        uint8_t id = truncated_id_of(key);
        size_t at = 0;

        if (!check_room(keys, error))
                return false;
        if (issuer_keys_find(keys, type, id) != NULL)
                return base_error_set(error, BASE_ERROR_STATE_INVALID, "two token keys have the same truncated key id %02x", id);
        while (at < keys->count && precedes(&keys->items[at], type, not_before))
                at++;
        memmove(&keys->items[at + 1], &keys->items[at], (keys->count - at) * sizeof(keys->items[0]));
        keys->items[at] = (struct issuer_key){ .key = key, .type = type, .truncated_id = id, .not_before = not_before };
        keys->count++;
        return true;
}

static bool generate(const char *directory, struct issuer_keys *keys, uint16_t type, uint64_t not_before,
                     struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        base_auto_token_issuer_key struct token_issuer_key *key = NULL;
        base_auto_free char *path = NULL;

        if (!check_room(keys, error))
                return false;
        for (unsigned attempt = 0; key == NULL || issuer_keys_find(keys, type, truncated_id_of(key)) != NULL; attempt++) {
                token_issuer_key_free(BASE_STEAL(key));
                if (attempt == GENERATE_ATTEMPTS)
                        return base_error_set(error, BASE_ERROR_INTERNAL, "no free truncated key id was found");
                if (!token_issuer_key_generate(type, &key, error))
                        return false;
        }
        if (!token_issuer_key_save(key, &text, error) || !path_of(directory, type, not_before, &path, error) ||
            !base_file_replace_at(AT_FDCWD, path, base_buffer_bytes(&text), 0600, error) ||
            !issuer_keys_insert(keys, key, type, not_before, error))
                return false;
        key = NULL;
        return true;
}

static bool load_file(const char *directory, const char *name, unsigned types, struct issuer_keys *keys, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
        base_auto_token_issuer_key struct token_issuer_key *key = NULL;
        base_auto_free char *path = NULL;
        unsigned type;
        uint64_t not_before;
        int end = 0;
        struct base_error reason = BASE_ERROR_INIT;

        if (asprintf(&path, "%s/%s", directory, name) < 0)
                return base_error_set_no_memory(error);
        if (sscanf(name, "token-key-%u-%" SCNu64 ".pem%n", &type, &not_before, &end) != 2 || name[end] != '\0' || end == 0 ||
            type > UINT16_MAX)
                return base_error_set(error, BASE_ERROR_STATE_INVALID, "%s is not the name of a token key file", path);
        if (token_type_find((uint16_t) type) != NULL && (types & ISSUER_TYPE_BIT(type)) == 0)
                return true;
        if (!issuer_secret_file_read(path, &text, &reason) ||
            !token_issuer_key_load((uint16_t) type, base_buffer_bytes(&text), &key, &reason) ||
            !issuer_keys_insert(keys, key, (uint16_t) type, not_before, &reason)) {
                (void) base_error_set(error, BASE_ERROR_STATE_INVALID, "the token key %s cannot be used: %s", path,
                                      reason.message);
                base_error_set_detail(error, "%s", reason.detail);
                return false;
        }
        key = NULL;
        return true;
}

static void close_directory(DIR **directory)
{
        if (*directory != NULL)
                (void) closedir(*directory);
}

/* What a write that a crash cut off left behind; it was never used. */
static bool is_remnant(const char *name)
{
        size_t len = strlen(name);

        return len > 4 && strcmp(name + len - 4, ".new") == 0;
}

static bool read_directory(const char *path, unsigned types, bool remove_remnants, struct issuer_keys *keys,
                           struct base_error *error)
{
        BASE_CLEANUP(close_directory) DIR *directory = opendir(path);
        struct dirent *entry;

        if (directory == NULL)
                return base_error_set_errno(error, errno, "cannot open the state directory %s", path);
        while ((entry = readdir(directory)) != NULL) {
                if (strncmp(entry->d_name, KEY_FILE_PREFIX, strlen(KEY_FILE_PREFIX)) != 0)
                        continue;
                if (is_remnant(entry->d_name)) {
                        if (remove_remnants)
                                (void) unlinkat(dirfd(directory), entry->d_name, 0);
                        continue;
                }
                if (!load_file(path, entry->d_name, types, keys, error))
                        return false;
        }
        return true;
}

bool issuer_keys_read(const char *state_directory, unsigned types, struct issuer_keys *ret, struct base_error *error)
{
        issuer_auto_keys struct issuer_keys keys = { 0 };

        if (!read_directory(state_directory, types, false, &keys, error))
                return false;
        *ret = keys;
        keys.count = 0;
        return true;
}

/* The keys of one type, which lie together, are those from `ret_first` to before `ret_end`. */
static void find_type(const struct issuer_keys *keys, uint16_t type, size_t *ret_first, size_t *ret_end)
{
        size_t first = 0, end;

        while (first < keys->count && keys->items[first].type != type)
                first++;
        for (end = first; end < keys->count && keys->items[end].type == type; end++)
                ;
        *ret_first = first;
        *ret_end = end;
}

static bool remove_key(const char *directory, struct issuer_keys *keys, size_t at, struct base_error *error)
{
        struct issuer_key *key = &keys->items[at];
        base_auto_free char *path = NULL;

        if (!path_of(directory, key->type, key->not_before, &path, error))
                return false;
        if (unlink(path) < 0)
                return base_error_set_errno(error, errno, "cannot remove the old token key %s", path);
        token_issuer_key_free(key->key);
        keys->count--;
        memmove(key, key + 1, (keys->count - at) * sizeof(*key));
        return true;
}

/* Makes what is missing of one type, and removes what is past its time. */
static bool renew(const char *directory, struct issuer_keys *keys, uint16_t type, uint64_t now, unsigned days,
                  struct base_error *error)
{
        size_t first, end;

        find_type(keys, type, &first, &end);
        if (first == end)
                return generate(directory, keys, type, now, error);
        if (days == 0)
                return true;
        for (; end - first > 1 && keys->items[end - 2].not_before + ISSUER_KEY_OVERLAP_S <= now; end--)
                if (!remove_key(directory, keys, end - 1, error))
                        return false;
        return keys->items[first].not_before + days * 86400ULL > now ||
               generate(directory, keys, type, now + ISSUER_KEY_LEAD_S, error);
}

bool issuer_keys_load(const char *state_directory, unsigned types, uint64_t now, unsigned rotate_days, struct issuer_keys *ret,
                      struct base_error *error)
{
        issuer_auto_keys struct issuer_keys keys = { 0 };
        const struct token_type *type;

        if (!read_directory(state_directory, types, true, &keys, error))
                return false;
        for (size_t i = 0; (type = token_type_at(i)) != NULL; i++)
                if ((types & ISSUER_TYPE_BIT(type->id)) != 0 && !renew(state_directory, &keys, type->id, now, rotate_days, error))
                        return false;
        *ret = keys;
        keys.count = 0;
        return true;
}

bool issuer_enrollment_secret_load(const char *state_directory, const struct base_random *random, struct base_buffer *ret,
                                   struct base_error *error)
{
        base_auto_free char *path = NULL;
        struct base_error reason = BASE_ERROR_INIT;
        uint8_t *fresh;

        if (asprintf(&path, "%s/" ENROLLMENT_SECRET_FILE, state_directory) < 0)
                return base_error_set_no_memory(error);
        base_buffer_reset(ret);
        if (issuer_secret_file_read(path, ret, &reason))
                return ret->len == ISSUER_ENROLLMENT_SECRET_LEN ||
                       base_error_set(error, BASE_ERROR_STATE_INVALID,
                                      "the enrolment secret %s is damaged: remove it, and enrolments "
                                      "under way start again",
                                      path);
        if (reason.code == BASE_ERROR_CONFIG_INVALID || reason.code == BASE_ERROR_LIMIT_EXCEEDED)
                return base_error_set(error, BASE_ERROR_STATE_INVALID, "%s", reason.message);
        if (reason.code != BASE_ERROR_NOT_FOUND)
                return base_error_copy(error, &reason);
        fresh = base_buffer_extend(ret, ISSUER_ENROLLMENT_SECRET_LEN);
        if (fresh == NULL)
                return base_error_set_no_memory(error);
        return random->fill(random->context, fresh, ISSUER_ENROLLMENT_SECRET_LEN, error) &&
               base_file_replace_at(AT_FDCWD, path, base_buffer_bytes(ret), 0600, error);
}
