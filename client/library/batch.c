/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/library/batch.h"
#include "base/system.h"
#include "client/library/reply.h"

#include <string.h>

void client_batch_clear(struct client_batch *batch)
{
        for (size_t i = 0; i < batch->count; i++) {
                token_client_state_free(batch->states[i]);
                base_buffer_clear(&batch->requests[i]);
        }
        *batch = (struct client_batch){ .count = 0 };
}

bool client_batch_blind(struct client_batch *batch, const struct attester_key *key, const uint8_t digest[static TOKEN_DIGEST_LEN],
                        size_t count, struct base_error *error)
{
        base_auto_token_public_key struct token_public_key *decoded = NULL;

        if (!token_public_key_decode(key->token_type, BASE_BYTES(key->encoded, key->encoded_len), &decoded, error))
                return base_error_prefix(error, "the issuer's key");
        for (size_t i = 0; i < count; i++) {
                batch->states[i] = NULL;
                base_buffer_init(&batch->requests[i], TOKEN_REQUEST_BYTES_MAX);
                batch->count = i + 1;
                if (!token_client_blind(decoded, digest, &base_system_random, &batch->requests[i], &batch->states[i], error))
                        return false;
        }
        return true;
}

static bool append_requests(DBusMessageIter *to, const struct client_batch *batch, struct base_error *error)
{
        DBusMessageIter list, bytes;

        if (!dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "ay", &list))
                return base_error_set_no_memory(error);
        for (size_t i = 0; i < batch->count; i++)
                if (!dbus_message_iter_open_container(&list, DBUS_TYPE_ARRAY, "y", &bytes) ||
                    !dbus_message_iter_append_fixed_array(&bytes, DBUS_TYPE_BYTE, &batch->requests[i].data,
                                                          (int) batch->requests[i].len) ||
                    !dbus_message_iter_close_container(&list, &bytes))
                        return base_error_set_no_memory(error);
        return dbus_message_iter_close_container(to, &list) || base_error_set_no_memory(error);
}

bool client_batch_message(const struct client_batch *batch, const struct client_call *call, const struct client_window *window,
                          const char *issuer, DBusMessage **ret, struct base_error *error)
{
        client_auto_message DBusMessage *message = NULL;
        DBusMessageIter iterator;

        if (!client_bus_method(CLIENT_BUS_ATTESTER, "RequestTokens", &message, error))
                return false;
        dbus_message_iter_init_append(message, &iterator);
        if (!client_bus_append_string(&iterator, issuer, error) || !append_requests(&iterator, batch, error) ||
            !client_bus_append_options(&iterator, call, window, error))
                return false;
        dbus_message_set_allow_interactive_authorization(message, call->options.interactive);
        *ret = BASE_STEAL(message);
        return true;
}

static bool info_read(const char *name, DBusMessageIter *value, void *context, struct base_error *error)
{
        struct attester_info *info = context;
        dbus_bool_t attested = FALSE;

        if (strcmp(name, "quote-shared-by") == 0) {
                if (!client_reply_check_type(name, value, "u", error))
                        return false;
                client_reply_take_basic(value, &info->quote_shared_by);
        } else if (strcmp(name, "elapsed-ms") == 0) {
                if (!client_reply_check_type(name, value, "u", error))
                        return false;
                client_reply_take_basic(value, &info->elapsed_ms);
        } else if (strcmp(name, "attested") == 0) {
                if (!client_reply_check_type(name, value, "b", error))
                        return false;
                client_reply_take_basic(value, &attested);
                info->attested = attested;
        }
        return true;
}

bool client_batch_read(const struct client_batch *batch, DBusMessage *reply, struct base_bytes responses[static CLIENT_BATCH_MAX],
                       struct attester_info *info, struct base_error *error)
{
        DBusMessageIter iterator, list;
        int count;

        (void) dbus_message_iter_init(reply, &iterator);
        count = dbus_message_iter_get_element_count(&iterator);
        if (count < 0 || (size_t) count != batch->count)
                return base_error_set(error, BASE_ERROR_MALFORMED, "attesterd answered %zu token requests with %d responses",
                                      batch->count, count);
        dbus_message_iter_recurse(&iterator, &list);
        for (size_t i = 0; i < batch->count; i++, (void) dbus_message_iter_next(&list)) {
                DBusMessageIter bytes;
                const uint8_t *data = NULL;
                int len = 0;

                dbus_message_iter_recurse(&list, &bytes);
                dbus_message_iter_get_fixed_array(&bytes, &data, &len);
                responses[i] = BASE_BYTES(data, (size_t) len);
        }
        (void) dbus_message_iter_next(&iterator);
        return client_reply_visit(&iterator, info_read, info, error);
}

bool client_batch_finalize(const struct client_batch *batch, size_t i, const char *issuer, struct base_bytes response,
                           struct base_buffer *token, struct base_error *error)
{
        return token_client_finalize(batch->states[i], response, token, error) ||
               base_error_prefix(error, "the answer of %s does not fit the request", issuer);
}
