/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/library/bus.h"

#include <string.h>

#define NAME             "org.attesterd"
#define OBJECT           "/org/attesterd"
#define ERROR_PREFIX     "org.attesterd.Error."
#define DRAIN_MAX        1024 /* messages that nobody asked for, dropped before one call */
#define LOCALE_BYTES_MAX 32   /* what the daemon takes */

static void connection_close(struct attester *attester)
{
        if (attester->connection == NULL)
                return;
        dbus_connection_close(attester->connection);
        dbus_connection_unref(attester->connection);
        attester->connection = NULL;
}

int attester_new(const char *bus_address, struct attester **ret, struct attester_error *error)
{
        struct base_error failure = BASE_ERROR_INIT;
        struct attester *attester = calloc(1, sizeof(*attester));

        if (attester == NULL || (bus_address != NULL && (attester->bus_address = strdup(bus_address)) == NULL)) {
                free(attester);
                (void) base_error_set_no_memory(&failure);
                return client_error_export(&failure, error);
        }
        *ret = attester;
        return 0;
}

void attester_free(struct attester *attester)
{
        if (attester == NULL)
                return;
        connection_close(attester);
        free(attester->bus_address);
        free(attester);
}

/* Sets the error of a bus that cannot be reached, or that went away. Frees `reason`. Always returns false. */
static bool unreachable(DBusError *reason, struct base_error *error)
{
        (void) base_error_set(error, BASE_ERROR_DAEMON_UNREACHABLE, "the system bus cannot be reached: %s",
                              reason->message != NULL ? reason->message : "no reason given");
        base_error_set_detail(error, "%s", reason->name != NULL ? reason->name : "no error name");
        dbus_error_free(reason);
        return false;
}

static bool connection_open(struct attester *attester, struct base_error *error)
{
        DBusError reason = DBUS_ERROR_INIT;
        DBusConnection *connection;

        if (attester->bus_address == NULL) {
                connection = dbus_bus_get_private(DBUS_BUS_SYSTEM, &reason);
                if (connection == NULL)
                        return unreachable(&reason, error);
                dbus_connection_set_exit_on_disconnect(connection, FALSE);
        } else {
                connection = dbus_connection_open_private(attester->bus_address, &reason);
                if (connection == NULL)
                        return unreachable(&reason, error);
                dbus_connection_set_exit_on_disconnect(connection, FALSE);
                if (!dbus_bus_register(connection, &reason)) {
                        dbus_connection_close(connection);
                        dbus_connection_unref(connection);
                        return unreachable(&reason, error);
                }
        }
        dbus_connection_set_max_message_size(connection, CLIENT_BUS_MESSAGE_BYTES_MAX);
        attester->connection = connection;
        return true;
}

/* Notices a bus that closed the connection since the last call, and drops what nobody asked for. */
static bool connection_ready(struct attester *attester, struct base_error *error)
{
        if (attester->connection != NULL) {
                (void) dbus_connection_read_write(attester->connection, 0);
                for (unsigned i = 0; i < DRAIN_MAX; i++)
                        if (dbus_connection_dispatch(attester->connection) != DBUS_DISPATCH_DATA_REMAINS)
                                break;
                if (!dbus_connection_get_is_connected(attester->connection))
                        connection_close(attester);
        }
        return attester->connection != NULL || connection_open(attester, error);
}

bool client_bus_method(const char *interface, const char *member, DBusMessage **ret, struct base_error *error)
{
        DBusMessage *message = dbus_message_new_method_call(NAME, OBJECT, interface, member);

        if (message == NULL)
                return base_error_set_no_memory(error);
        *ret = message;
        return true;
}

bool client_bus_append_string(DBusMessageIter *to, const char *value, struct base_error *error)
{
        if (!dbus_validate_utf8(value, NULL))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a name that is not UTF-8 was passed");
        if (!dbus_message_iter_append_basic(to, DBUS_TYPE_STRING, &value))
                return base_error_set_no_memory(error);
        return true;
}

bool client_bus_append_entry(DBusMessageIter *dictionary, const char *name, int type, const void *value)
{
        const char signature[2] = { (char) type, '\0' };
        DBusMessageIter entry, variant;

        return dbus_message_iter_open_container(dictionary, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
               dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &name) &&
               dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, signature, &variant) &&
               dbus_message_iter_append_basic(&variant, type, value) && dbus_message_iter_close_container(&entry, &variant) &&
               dbus_message_iter_close_container(dictionary, &entry);
}

/* Of messages: what setlocale(3) would find. NULL: none that has translations. */
static const char *message_locale(void)
{
        static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

        for (size_t i = 0; i < BASE_COUNT(names); i++) {
                const char *locale = getenv(names[i]);

                if (locale != NULL && locale[0] != '\0')
                        return strlen(locale) <= LOCALE_BYTES_MAX && dbus_validate_utf8(locale, NULL) ? locale : NULL;
        }
        return NULL;
}

static bool append_window(DBusMessageIter *dictionary, const struct client_window *window)
{
        dbus_bool_t focused = window->focused;

        if (window->unreadable != NULL)
                return client_bus_append_entry(dictionary, "window-unreadable", DBUS_TYPE_STRING, &window->unreadable);
        return client_bus_append_entry(dictionary, "window-focused", DBUS_TYPE_BOOLEAN, &focused);
}

bool client_bus_append_options(DBusMessageIter *to, const struct client_call *call, const struct client_window *window,
                               struct base_error *error)
{
        dbus_bool_t interactive = call->options.interactive;
        dbus_uint32_t timeout_ms = client_call_left_ms(call);
        const char *locale = message_locale();
        DBusMessageIter dictionary;

        if (!dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, "{sv}", &dictionary) ||
            !client_bus_append_entry(&dictionary, "interactive", DBUS_TYPE_BOOLEAN, &interactive) ||
            !client_bus_append_entry(&dictionary, "timeout-ms", DBUS_TYPE_UINT32, &timeout_ms) ||
            (locale != NULL && !client_bus_append_entry(&dictionary, "locale", DBUS_TYPE_STRING, &locale)) ||
            (window != NULL && !append_window(&dictionary, window)) || !dbus_message_iter_close_container(to, &dictionary))
                return base_error_set_no_memory(error);
        return true;
}

struct bus_error_row {
        const char *name;
        enum base_error_code code;
        const char *sentence;
};

/* What the bus itself answers in the daemon's stead. */
static const struct bus_error_row bus_errors[] = {
        { DBUS_ERROR_SERVICE_UNKNOWN, BASE_ERROR_DAEMON_UNREACHABLE, "attesterd is not running; start attesterd.service" },
        { DBUS_ERROR_NAME_HAS_NO_OWNER, BASE_ERROR_DAEMON_UNREACHABLE, "attesterd is not running; start attesterd.service" },
        { DBUS_ERROR_DISCONNECTED, BASE_ERROR_DAEMON_UNREACHABLE, "the system bus closed the connection; try again" },
        { DBUS_ERROR_ACCESS_DENIED, BASE_ERROR_NOT_AUTHORIZED, "the system bus does not let you call attesterd" },
        { DBUS_ERROR_UNKNOWN_METHOD, BASE_ERROR_UNSUPPORTED, "the running attesterd does not have this function; is it older?" },
        { DBUS_ERROR_UNKNOWN_INTERFACE, BASE_ERROR_UNSUPPORTED,
          "the running attesterd does not have this function; is it older?" },
        { DBUS_ERROR_UNKNOWN_PROPERTY, BASE_ERROR_UNSUPPORTED,
          "the running attesterd does not have this property; is it older?" },
        { DBUS_ERROR_LIMITS_EXCEEDED, BASE_ERROR_RATE_LIMITED, "the system bus refuses more calls for now; try again later" },
        { DBUS_ERROR_NO_MEMORY, BASE_ERROR_NO_MEMORY, "out of memory" },
};

/* Sets the error that an answer carries. Always returns false. */
static bool reply_failed(const DBusError *reason, const struct client_call *call, struct base_error *error)
{
        const char *sentence = reason->message != NULL && reason->message[0] != '\0' ? reason->message : "no reason was given";

        if (strncmp(reason->name, ERROR_PREFIX, strlen(ERROR_PREFIX)) == 0) {
                (void) base_error_set(error, base_error_from_dbus_name(reason->name), "%s", sentence);
        } else if (strcmp(reason->name, DBUS_ERROR_NO_REPLY) == 0 || strcmp(reason->name, DBUS_ERROR_TIMEOUT) == 0) {
                /* The bus says the same of a daemon that died during the call. */
                if (client_call_left_ms(call) == 0)
                        (void) base_error_set(error, BASE_ERROR_TIMEOUT, "attesterd did not answer within %u ms",
                                              (unsigned) call->options.timeout_ms);
                else
                        (void) base_error_set(error, BASE_ERROR_DAEMON_UNREACHABLE, "attesterd went away without an answer");
        } else {
                (void) base_error_set(error, BASE_ERROR_INTERNAL, "attesterd failed: %s", sentence);
                for (size_t i = 0; i < BASE_COUNT(bus_errors); i++)
                        if (strcmp(reason->name, bus_errors[i].name) == 0)
                                (void) base_error_set(error, bus_errors[i].code, "%s", bus_errors[i].sentence);
        }
        base_error_set_detail(error, "%s: %s", reason->name, sentence);
        return false;
}

bool client_bus_check(const struct client_call *call, DBusMessage *reply, const char *signature, struct base_error *error)
{
        DBusError reason = DBUS_ERROR_INIT;

        if (dbus_set_error_from_message(&reason, reply)) {
                (void) reply_failed(&reason, call, error);
                dbus_error_free(&reason);
                return false;
        }
        if (!dbus_message_has_signature(reply, signature)) {
                (void) base_error_set(error, BASE_ERROR_MALFORMED, "attesterd's answer is not what its interface promises");
                base_error_set_detail(error, "signature \"%s\", not \"%s\"", dbus_message_get_signature(reply), signature);
                return false;
        }
        return true;
}

bool client_bus_call(struct attester *attester, const struct client_call *call, DBusMessage *message, const char *signature,
                     DBusMessage **ret_reply, struct base_error *error)
{
        client_auto_message DBusMessage *reply = NULL;
        DBusError reason = DBUS_ERROR_INIT;

        if (!connection_ready(attester, error))
                return false;
        dbus_message_set_allow_interactive_authorization(message, call->options.interactive);
        reply = dbus_connection_send_with_reply_and_block(attester->connection, message, (int) client_call_left_ms(call),
                                                          &reason);
        if (reply == NULL) {
                (void) reply_failed(&reason, call, error);
                dbus_error_free(&reason);
                return false;
        }
        if (!client_bus_check(call, reply, signature, error))
                return false;
        *ret_reply = BASE_STEAL(reply);
        return true;
}
