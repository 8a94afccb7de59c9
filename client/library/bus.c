/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/library/bus.h"

#include <string.h>

#define NAME             "org.attesterd"
#define OBJECT           "/org/attesterd"
#define ERROR_PREFIX     "org.attesterd.Error."
#define LOCALE_BYTES_MAX 32 /* what the daemon takes */

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

const char *client_bus_locale(void)
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
        const char *locale = client_bus_locale();
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
