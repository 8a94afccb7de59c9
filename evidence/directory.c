/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/directory.h"

#include "base/encode.h"
#include "evidence/claims.h"

#include <jansson.h>
#include <string.h>

static bool malformed(struct base_error *error, const char *member, const char *what)
{
        return base_error_set(error, BASE_ERROR_MALFORMED, "The issuer directory is malformed: \"%s\" %s.", member, what);
}

/* Resolves the member into `ret`; an absent optional one gives "". */
static bool get_uri(const json_t *object, const char *member, bool required, const char *url,
                    char ret[static EVIDENCE_URI_MAX + 1], struct base_error *error)
{
        const json_t *value = json_object_get(object, member);

        ret[0] = '\0';
        if (value == NULL && !required)
                return true;
        if (!json_is_string(value))
                return malformed(error, member, value == NULL ? "is missing" : "is not a string");
        return evidence_uri_resolve(url, json_string_value(value), ret, error) || base_error_prefix(error, "%s", member);
}

/* A non-negative integer; an absent optional one gives 0. */
static bool get_number(const json_t *object, const char *member, bool required, uint64_t max, uint64_t *ret,
                       struct base_error *error)
{
        const json_t *value = json_object_get(object, member);

        *ret = 0;
        if (value == NULL && !required)
                return true;
        if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t) json_integer_value(value) > max)
                return malformed(error, member, value == NULL ? "is missing" : "is not a number in its range");
        *ret = (uint64_t) json_integer_value(value);
        return true;
}

static bool get_key(const json_t *object, struct evidence_directory_key *key, struct base_error *error)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(EVIDENCE_DIRECTORY_BYTES_MAX);
        const json_t *text;
        uint64_t type;

        if (!json_is_object(object))
                return malformed(error, "token-keys", "holds something that is not an object");
        if (!get_number(object, "token-type", true, UINT16_MAX, &type, error) ||
            !get_number(object, "not-before", false, INT64_MAX, &key->not_before, error))
                return false;
        text = json_object_get(object, "token-key");
        if (!json_is_string(text) ||
            !base_base64_decode(&bytes, json_string_value(text), json_string_length(text), BASE_BASE64_URL) || bytes.len == 0)
                return malformed(error, "token-key", "is not base64url");
        if (bytes.len > sizeof(key->bytes))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED,
                                      "A token key of the issuer directory is longer than %d bytes.",
                                      EVIDENCE_DIRECTORY_KEY_BYTES_MAX);
        key->token_type = (uint16_t) type;
        memcpy(key->bytes, bytes.data, bytes.len);
        key->len = bytes.len;
        return true;
}

static bool get_keys(const json_t *root, struct evidence_directory *directory, struct base_error *error)
{
        const json_t *keys = json_object_get(root, "token-keys");
        size_t count = json_array_size(keys);

        if (!json_is_array(keys) || count == 0)
                return malformed(error, "token-keys", "is not an array with a key");
        if (count > EVIDENCE_DIRECTORY_KEYS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "The issuer directory has more than %d token keys.",
                                      EVIDENCE_DIRECTORY_KEYS_MAX);
        for (size_t i = 0; i < count; i++)
                if (!get_key(json_array_get(keys, i), &directory->keys[i], error))
                        return false;
        directory->key_count = count;
        return true;
}

static bool get_attestation(const json_t *root, const char *url, struct evidence_directory *directory, struct base_error *error)
{
        const json_t *attestation = json_object_get(root, "attestation");
        const json_t *profile = json_object_get(attestation, "profile");

        if (attestation == NULL)
                return true;
        if (!json_is_string(profile))
                return malformed(error, "attestation", "is not an object with a profile");
        if (strcmp(json_string_value(profile), EVIDENCE_PROFILE) != 0)
                return true;
        directory->has_attestation = true;
        return get_uri(attestation, "nonce-uri", false, url, directory->nonce_uri, error) &&
               get_uri(attestation, "enroll-uri", false, url, directory->enroll_uri, error) &&
               get_uri(attestation, "event-log-uri", false, url, directory->event_log_uri, error);
}

static bool get_directory(const json_t *root, const char *url, struct evidence_directory *directory, struct base_error *error)
{
        return get_uri(root, "issuer-request-uri", true, url, directory->request_uri, error) &&
               get_keys(root, directory, error) && get_attestation(root, url, directory, error);
}

bool evidence_directory_parse(struct base_bytes body, const char *url, struct evidence_directory *ret, struct base_error *error)
{
        base_auto_free struct evidence_directory *directory = NULL;
        json_error_t parse_error;
        json_t *root;
        bool ok;

        if (body.len > EVIDENCE_DIRECTORY_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "The issuer directory is larger than %d bytes.",
                                      EVIDENCE_DIRECTORY_BYTES_MAX);
        directory = calloc(1, sizeof(*directory));
        if (directory == NULL)
                return base_error_set_no_memory(error);
        root = json_loadb((const char *) body.data, body.len, JSON_REJECT_DUPLICATES, &parse_error);
        if (!json_is_object(root)) {
                json_decref(root);
                return base_error_set(error, BASE_ERROR_MALFORMED, "The issuer directory is not a JSON object.");
        }
        ok = get_directory(root, url, directory, error);
        json_decref(root);
        if (ok)
                *ret = *directory;
        return ok;
}
