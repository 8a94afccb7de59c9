/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/answer.h"
#include "client/agent/outbox.h"
#include "client/library/bus.h"
#include "token/header.h"
#include "token/type.h"

#include <string.h>

#define AUTHORIZATION_BYTES_MAX (TOKEN_BYTES_MAX * 2 + 64)

void agent_answer_set(struct agent_answer *answer, const char *issuer, uint16_t token_type)
{
        (void) snprintf(answer->issuer, sizeof(answer->issuer), "%s", issuer);
        answer->token_type = token_type;
}

static bool append_info(DBusMessageIter *to, const struct agent_answer *answer)
{
        dbus_bool_t from_cache = answer->from_cache;
        dbus_uint32_t shared = answer->quote_shared_by;
        const char *issuer = answer->issuer;
        DBusMessageIter dictionary;

        return dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "{sv}", &dictionary) &&
               client_bus_append_entry(&dictionary, "issuer", DBUS_TYPE_STRING, &issuer) &&
               client_bus_append_entry(&dictionary, "token-type", DBUS_TYPE_UINT16, &answer->token_type) &&
               client_bus_append_entry(&dictionary, "from-cache", DBUS_TYPE_BOOLEAN, &from_cache) &&
               (shared == 0 || client_bus_append_entry(&dictionary, "quote-shared-by", DBUS_TYPE_UINT32, &shared)) &&
               dbus_message_iter_close_container(to, &dictionary);
}

/* The message is written around a text of the same length: libdbus moves it while it grows, and leaves copies behind. */
bool agent_answer_message(const struct agent_answer *answer, DBusMessage *call, struct base_bytes token, DBusMessage **ret,
                          struct base_error *error)
{
        client_auto_message DBusMessage *reply = dbus_message_new_method_return(call);
        base_auto_buffer struct base_buffer value = BASE_BUFFER_INIT(AUTHORIZATION_BYTES_MAX);
        char blank[AUTHORIZATION_BYTES_MAX + 1];
        const char *text = blank;
        DBusMessageIter iterator;

        if (!token_authorization_format(token, &value, error))
                return false;
        memset(blank, '-', value.len);
        blank[value.len] = '\0';
        if (reply == NULL)
                return base_error_set_no_memory(error);
        dbus_message_iter_init_append(reply, &iterator);
        if (!dbus_message_iter_append_basic(&iterator, DBUS_TYPE_STRING, &text) || !append_info(&iterator, answer))
                return base_error_set_no_memory(error);
        agent_outbox_fill(reply, base_buffer_bytes(&value));
        *ret = BASE_STEAL(reply);
        return true;
}
