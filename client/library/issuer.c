/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's copy of an issuer's directory. */
#include "base/encode.h"
#include "base/hash.h"
#include "client/library/object.h"
#include "client/library/query.h"
#include "client/library/reply.h"

#include <string.h>

#define KEY_BYTES_MAX 4096

void attester_issuer_free(struct attester_issuer *issuer)
{
        if (issuer == NULL)
                return;
        free(issuer->name);
        free(issuer->request_uri);
        free(issuer->mirror);
        for (size_t i = 0; i < issuer->key_count; i++)
                free(issuer->keys[i].encoded);
        free(issuer->keys);
        free(issuer);
}

static bool key_id_write(struct attester_key *key, struct base_error *error)
{
        struct base_bytes encoded = BASE_BYTES(key->encoded, key->encoded_len);
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(sizeof(key->id));
        uint8_t digest[BASE_SHA256_LEN];

        if (!base_sha256(&encoded, 1, digest, error))
                return false;
        base_hex_encode(&text, BASE_BYTES_OF(digest));
        if (!base_buffer_ok(&text))
                return base_error_set_no_memory(error);
        memcpy(key->id, text.data, text.len);
        return true;
}

/* Reads one (qayt). */
static bool key_read(DBusMessageIter *fields, struct attester_key *key, struct base_error *error)
{
        DBusMessageIter bytes;
        const uint8_t *data = NULL;
        dbus_uint64_t not_before = 0;
        int len = 0;

        client_reply_take_basic(fields, &key->token_type);
        dbus_message_iter_recurse(fields, &bytes);
        dbus_message_iter_get_fixed_array(&bytes, &data, &len);
        if (len <= 0 || len > KEY_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_MALFORMED, "attesterd's answer has an issuer key of %d bytes", len);
        key->encoded = malloc((size_t) len);
        if (key->encoded == NULL)
                return base_error_set_no_memory(error);
        memcpy(key->encoded, data, (size_t) len);
        key->encoded_len = (size_t) len;
        (void) dbus_message_iter_next(fields);
        client_reply_take_basic(fields, &not_before);
        key->not_before = not_before;
        return key_id_write(key, error);
}

static bool keys_read(DBusMessageIter *value, struct attester_issuer *issuer, struct base_error *error)
{
        DBusMessageIter elements;

        if (issuer->keys != NULL)
                return base_error_set(error, BASE_ERROR_MALFORMED, "attesterd's answer has \"token-keys\" twice");
        if (!client_reply_enter_array(value, sizeof(*issuer->keys), &elements, &issuer->keys, &issuer->key_count, error))
                return false;
        for (size_t i = 0; i < issuer->key_count; i++, (void) dbus_message_iter_next(&elements)) {
                DBusMessageIter fields;

                dbus_message_iter_recurse(&elements, &fields);
                if (!key_read(&fields, &issuer->keys[i], error))
                        return false;
        }
        return true;
}

static bool entry_read(const char *name, DBusMessageIter *value, void *context, struct base_error *error)
{
        struct attester_issuer *issuer = context;

        if (strcmp(name, "name") == 0 && issuer->name == NULL)
                return client_reply_check_type(name, value, "s", error) && client_reply_take_string(value, &issuer->name, error);
        if (strcmp(name, "request-uri") == 0 && issuer->request_uri == NULL)
                return client_reply_check_type(name, value, "s", error) &&
                       client_reply_take_string(value, &issuer->request_uri, error);
        if (strcmp(name, "mirror") == 0 && issuer->mirror == NULL)
                return client_reply_check_type(name, value, "s", error) &&
                       client_reply_take_string(value, &issuer->mirror, error);
        if (strcmp(name, "token-keys") == 0)
                return client_reply_check_type(name, value, "a(qayt)", error) && keys_read(value, issuer, error);
        if (strcmp(name, "attestation") == 0) {
                dbus_bool_t attestation = FALSE;

                if (!client_reply_check_type(name, value, "b", error))
                        return false;
                client_reply_take_basic(value, &attestation);
                issuer->attestation = attestation;
        }
        if (strcmp(name, "fetched") == 0) {
                dbus_uint64_t fetched = 0;

                if (!client_reply_check_type(name, value, "t", error))
                        return false;
                client_reply_take_basic(value, &fetched);
                issuer->fetched = fetched;
        }
        return true;
}

bool client_issuer_message(const char *name, DBusMessage **ret, struct base_error *error)
{
        client_auto_message DBusMessage *message = NULL;
        DBusMessageIter iterator;

        if (!client_bus_method(CLIENT_BUS_ATTESTER, "GetIssuer", &message, error))
                return false;
        dbus_message_iter_init_append(message, &iterator);
        if (!client_bus_append_string(&iterator, name, error))
                return false;
        *ret = BASE_STEAL(message);
        return true;
}

bool client_issuer_read(DBusMessage *reply, const char *name, struct attester_issuer **ret, struct base_error *error)
{
        client_auto_issuer struct attester_issuer *issuer = calloc(1, sizeof(*issuer));
        DBusMessageIter iterator;

        if (issuer == NULL)
                return base_error_set_no_memory(error);
        (void) dbus_message_iter_init(reply, &iterator);
        if (!client_reply_visit(&iterator, entry_read, issuer, error))
                return false;
        if (issuer->name == NULL || issuer->request_uri == NULL)
                return base_error_set(error, BASE_ERROR_MALFORMED, "attesterd's answer about %s lacks its name or address", name);
        *ret = BASE_STEAL(issuer);
        return true;
}

int attester_get_issuer(struct attester *attester, const char *issuer, const struct attester_options *options,
                        struct attester_issuer **ret, struct attester_error *error)
{
        struct client_call call = client_call_start(options);
        struct base_error failure = BASE_ERROR_INIT;
        client_auto_message DBusMessage *message = NULL;
        client_auto_message DBusMessage *reply = NULL;

        if (!client_issuer_message(issuer, &message, &failure) ||
            !client_object_call(attester, &call, message, "a{sv}", &reply, &failure) ||
            !client_issuer_read(reply, issuer, ret, &failure))
                return client_error_export(&failure, error);
        return 0;
}
