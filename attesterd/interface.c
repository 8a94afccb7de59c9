/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/interface.h"

#include "attesterd/admin.h"
#include "attesterd/introspection.h"
#include "attesterd/query.h"
#include "attesterd/request.h"
#include "base/dbus_text.h"

#include <string.h>

const struct attesterd_method attesterd_methods[] = {
        { ATTESTERD_INTERFACE, "RequestTokens", "saaya{sv}", "aaya{sv}", attesterd_request_tokens },
        { ATTESTERD_INTERFACE, "GetIssuer", "s", "a{sv}", attesterd_query_issuer },
        { ATTESTERD_INTERFACE, "GetFacts", "", "a(svss)", attesterd_query_facts },
        { ATTESTERD_INTERFACE, "Evaluate", "sa{sv}", "ba(ssss)", attesterd_query_evaluate },
        { ATTESTERD_ADMIN_INTERFACE, "Enroll", "s", "s", attesterd_admin_enroll },
        { ATTESTERD_ADMIN_INTERFACE, "Reload", "", "", attesterd_admin_reload },
        { ATTESTERD_ADMIN_INTERFACE, "Reseal", "", "", attesterd_admin_reseal },
        { ATTESTERD_ADMIN_INTERFACE, "RotateKey", "", "", attesterd_admin_rotate_key },
        { ATTESTERD_ADMIN_INTERFACE, "InstallPolicy", "ss", "", attesterd_admin_install_policy },
        { NULL, NULL, NULL, NULL, NULL },
};

static void send_reply(struct attesterd_daemon *daemon, DBusMessage *call, DBusMessage *reply)
{
        if (reply == NULL)
                return;
        if (!dbus_message_get_no_reply(call))
                base_bus_send(daemon->bus, reply);
        dbus_message_unref(reply);
}

/* Our object, and the way to it. */
static const struct {
        const char *path;
        const char *text;
} nodes[] = {
        { ATTESTERD_OBJECT_PATH, ATTESTERD_INTROSPECTION },
        { "/org", "<node><node name=\"attesterd\"/></node>\n" },
        { "/", "<node><node name=\"org\"/></node>\n" },
};

/* False if it is another call, or there is no such object. */
static bool introspect(struct attesterd_daemon *daemon, DBusMessage *message)
{
        if (!dbus_message_is_method_call(message, DBUS_INTERFACE_INTROSPECTABLE, "Introspect"))
                return false;
        for (size_t i = 0; i < BASE_COUNT(nodes); i++) {
                DBusMessage *reply;

                if (!dbus_message_has_path(message, nodes[i].path))
                        continue;
                reply = dbus_message_new_method_return(message);
                if (reply != NULL)
                        (void) dbus_message_append_args(reply, DBUS_TYPE_STRING, &nodes[i].text, DBUS_TYPE_INVALID);
                send_reply(daemon, message, reply);
                return true;
        }
        return false;
}

/* The method of a call; an interface need not be given (D-Bus specification, "Message types"). */
static const struct attesterd_method *find_method(DBusMessage *message, bool *ret_interface_known)
{
        const char *interface = dbus_message_get_interface(message), *member = dbus_message_get_member(message);

        *ret_interface_known = interface == NULL;
        for (const struct attesterd_method *method = attesterd_methods; method->member != NULL; method++) {
                if (interface != NULL && strcmp(method->interface, interface) != 0)
                        continue;
                *ret_interface_known = true;
                if (strcmp(method->member, member) == 0)
                        return method;
        }
        return NULL;
}

void attesterd_interface_dispatch(struct attesterd_daemon *daemon, DBusMessage *message)
{
        struct base_error error = BASE_ERROR_INIT;
        const struct attesterd_method *method;
        bool interface_known;

        if (introspect(daemon, message))
                return;
        if (!dbus_message_has_path(message, ATTESTERD_OBJECT_PATH)) {
                send_reply(daemon, message,
                           dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_OBJECT, "there is no such object"));
                return;
        }
        if (dbus_message_has_interface(message, DBUS_INTERFACE_PROPERTIES)) {
                send_reply(daemon, message, attesterd_properties_answer(daemon->properties, message));
                return;
        }
        method = find_method(message, &interface_known);
        if (!interface_known) {
                send_reply(daemon, message,
                           dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_INTERFACE, "there is no such interface"));
        } else if (method == NULL) {
                send_reply(daemon, message,
                           dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_METHOD, "there is no such method"));
        } else if (!dbus_message_has_signature(message, method->in)) {
                (void) base_error_set(&error, BASE_ERROR_INVALID_ARGUMENT, "%s takes arguments of signature \"%s\", not \"%s\"",
                                      method->member, method->in, dbus_message_get_signature(message));
                send_reply(daemon, message, base_dbus_text_error(message, &error));
        } else {
                attesterd_callers_accept(daemon->callers, message);
        }
}

void attesterd_interface_run(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        bool interface_known;

        find_method(call->message, &interface_known)->handler(daemon, call);
}
