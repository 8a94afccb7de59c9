/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/nativehost/agent_call.h"
#include "client/library/bus.h"

#include <inttypes.h>
#include <string.h>

#define AGENT_NAME      "org.attesterd.Client1"
#define AGENT_PATH      "/org/attesterd/Client"
#define AGENT_INTERFACE "org.attesterd.Client1"
#define ERROR_PREFIX    "org.attesterd.Error."

static bool append_arguments(DBusMessage *message, const struct nativehost_request *request, struct base_error *error)
{
        dbus_bool_t interactive = request->interactive;
        DBusMessageIter iterator, dictionary;

        dbus_message_iter_init_append(message, &iterator);
        if (!client_bus_append_string(&iterator, request->challenge, error) ||
            !client_bus_append_string(&iterator, request->origin, error))
                return false;
        if (!dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "{sv}", &dictionary) ||
            !client_bus_append_entry(&dictionary, "interactive", DBUS_TYPE_BOOLEAN, &interactive) ||
            !dbus_message_iter_close_container(&iterator, &dictionary))
                return base_error_set_no_memory(error);
        return true;
}

bool nativehost_call_message(const struct nativehost_request *request, DBusMessage **ret, struct base_error *error)
{
        const char *member = request->method == NATIVEHOST_AUTHORIZE ? "GetAuthorization" : "GetStatus";
        client_auto_message DBusMessage *message = dbus_message_new_method_call(AGENT_NAME, AGENT_PATH, AGENT_INTERFACE, member);

        if (message == NULL)
                return base_error_set_no_memory(error);
        if (request->method == NATIVEHOST_AUTHORIZE && !append_arguments(message, request, error))
                return false;
        *ret = BASE_STEAL(message);
        return true;
}

struct bus_error_row {
        const char *prefix;
        enum base_error_code code;
        const char *sentence;
};

/* What the bus or libdbus says in the agent's stead. */
static const struct bus_error_row bus_errors[] = {
        { DBUS_ERROR_SERVICE_UNKNOWN, BASE_ERROR_DAEMON_UNREACHABLE,
          "attester-agent is not installed, or this session does not know it yet: log out and in again" },
        { DBUS_ERROR_NO_REPLY, BASE_ERROR_TIMEOUT, "attester-agent did not answer; try again" },
        { DBUS_ERROR_DISCONNECTED, BASE_ERROR_DAEMON_UNREACHABLE, "the session bus closed the connection; try again" },
        { DBUS_ERROR_ACCESS_DENIED, BASE_ERROR_NOT_AUTHORIZED, "the session bus does not let the browser call attester-agent" },
        { DBUS_ERROR_UNKNOWN_METHOD, BASE_ERROR_UNSUPPORTED,
          "the running attester-agent is another version: log out and in again" },
        { "org.freedesktop.DBus.Error.", BASE_ERROR_DAEMON_UNREACHABLE,
          "attester-agent did not start; \"systemctl --user status attester-agent\" tells why" },
};

static void answer_failure(const struct nativehost_request *request, DBusMessage *reply, struct base_buffer *to)
{
        const char *name = dbus_message_get_error_name(reply);
        const char *text = NULL;

        if (name == NULL)
                name = "";
        if (strncmp(name, ERROR_PREFIX, strlen(ERROR_PREFIX)) == 0) {
                (void) dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
                nativehost_answer_error(to, request, name + strlen(ERROR_PREFIX), text == NULL ? "" : text);
                return;
        }
        for (size_t i = 0; i < BASE_COUNT(bus_errors); i++) {
                const struct bus_error_row *row = &bus_errors[i];

                if (strncmp(name, row->prefix, strlen(row->prefix)) == 0) {
                        nativehost_answer_error(to, request, base_error_name(row->code), row->sentence);
                        return;
                }
        }
        nativehost_answer_error(to, request, base_error_name(BASE_ERROR_MALFORMED),
                                "attester-agent's answer makes no sense: is it another version?");
}

/* A basic value; one of another type is null. */
static void put_value(struct base_buffer *to, DBusMessageIter *value)
{
        DBusBasicValue basic = { .u64 = 0 };

        switch (dbus_message_iter_get_arg_type(value)) {
        case DBUS_TYPE_STRING:
                dbus_message_iter_get_basic(value, &basic.str);
                nativehost_json_put_string(to, basic.str);
                return;
        case DBUS_TYPE_BOOLEAN:
                dbus_message_iter_get_basic(value, &basic.bool_val);
                base_buffer_put_string(to, basic.bool_val ? "true" : "false");
                return;
        case DBUS_TYPE_UINT16:
                dbus_message_iter_get_basic(value, &basic.u16);
                base_buffer_printf(to, "%" PRIu16, basic.u16);
                return;
        case DBUS_TYPE_UINT32:
                dbus_message_iter_get_basic(value, &basic.u32);
                base_buffer_printf(to, "%" PRIu32, (uint32_t) basic.u32);
                return;
        case DBUS_TYPE_UINT64:
                dbus_message_iter_get_basic(value, &basic.u64);
                base_buffer_printf(to, "%" PRIu64, (uint64_t) basic.u64);
                return;
        default:
                base_buffer_put_string(to, "null");
        }
}

static void put_dictionary(struct base_buffer *to, DBusMessageIter *dictionary)
{
        DBusMessageIter entries, entry, value;
        const char *separator = "";
        const char *name = NULL;

        base_buffer_put_u8(to, '{');
        for (dbus_message_iter_recurse(dictionary, &entries); dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY;
             (void) dbus_message_iter_next(&entries)) {
                dbus_message_iter_recurse(&entries, &entry);
                dbus_message_iter_get_basic(&entry, &name);
                (void) dbus_message_iter_next(&entry);
                dbus_message_iter_recurse(&entry, &value);
                base_buffer_put_string(to, separator);
                nativehost_json_put_string(to, name);
                base_buffer_put_u8(to, ':');
                put_value(to, &value);
                separator = ",";
        }
        base_buffer_put_u8(to, '}');
}

/* libdbus hands the text out as const, since changing it is nobody's business; nobody reads this one again. */
static void wipe(const char *text)
{
        char *secret = NULL;

        memcpy(&secret, &text, sizeof(secret));
        explicit_bzero(secret, strlen(secret));
}

static void answer_authorization(const struct nativehost_request *request, DBusMessage *reply, struct base_buffer *to)
{
        const char *authorization = NULL;
        DBusMessageIter iterator;

        (void) dbus_message_iter_init(reply, &iterator);
        dbus_message_iter_get_basic(&iterator, &authorization);
        (void) dbus_message_iter_next(&iterator);
        nativehost_answer_start(to, request);
        base_buffer_put_string(to, ",\"authorization\":");
        nativehost_json_put_string(to, authorization);
        base_buffer_put_string(to, ",\"info\":");
        put_dictionary(to, &iterator);
        nativehost_answer_end(to);
        wipe(authorization);
}

static void answer_status(const struct nativehost_request *request, DBusMessage *reply, struct base_buffer *to)
{
        DBusMessageIter iterator;

        (void) dbus_message_iter_init(reply, &iterator);
        nativehost_answer_start(to, request);
        base_buffer_put_string(to, ",\"status\":");
        put_dictionary(to, &iterator);
        nativehost_answer_end(to);
}

void nativehost_call_answer(const struct nativehost_request *request, DBusMessage *reply, struct base_buffer *to)
{
        const char *signature = request->method == NATIVEHOST_AUTHORIZE ? "sa{sv}" : "a{sv}";

        if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_METHOD_RETURN || !dbus_message_has_signature(reply, signature))
                answer_failure(request, reply, to);
        else if (request->method == NATIVEHOST_AUTHORIZE)
                answer_authorization(request, reply, to);
        else
                answer_status(request, reply, to);
}
