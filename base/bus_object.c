/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bus_object.h"

#include "base/dbus_text.h"

#include <string.h>

static const struct base_bus_node *find_node(const struct base_bus_object *object, DBusMessage *message)
{
        for (size_t i = 0; i < object->node_count; i++)
                if (dbus_message_has_path(message, object->nodes[i].path))
                        return &object->nodes[i];
        return NULL;
}

static DBusMessage *introspect(const struct base_bus_node *node, DBusMessage *message)
{
        DBusMessage *reply = dbus_message_new_method_return(message);

        if (reply == NULL || dbus_message_append_args(reply, DBUS_TYPE_STRING, &node->text, DBUS_TYPE_INVALID))
                return reply;
        dbus_message_unref(reply);
        return NULL;
}

static bool find_method(const struct base_bus_object *object, DBusMessage *message, size_t *ret_index, bool *ret_interface_known)
{
        const char *interface = dbus_message_get_interface(message), *member = dbus_message_get_member(message);
        const struct base_bus_method *method;

        *ret_interface_known = interface == NULL;
        for (size_t i = 0; (method = object->method(i)) != NULL; i++) {
                if (interface != NULL && strcmp(method->interface, interface) != 0)
                        continue;
                *ret_interface_known = true;
                if (strcmp(method->member, member) != 0)
                        continue;
                *ret_index = i;
                return true;
        }
        return false;
}

static DBusMessage *wrong_signature(const struct base_bus_method *method, DBusMessage *message)
{
        struct base_error error = BASE_ERROR_INIT;

        (void) base_error_set(&error, BASE_ERROR_INVALID_ARGUMENT, "%s takes arguments of signature \"%s\", not \"%s\"",
                              method->member, method->in, dbus_message_get_signature(message));
        return base_dbus_text_error(message, &error);
}

bool base_bus_object_find(const struct base_bus_object *object, DBusMessage *message, size_t *ret_index, DBusMessage **ret_reply)
{
        const struct base_bus_node *node = find_node(object, message);
        bool interface_known = false;
        size_t index = 0;

        if (node != NULL && dbus_message_is_method_call(message, DBUS_INTERFACE_INTROSPECTABLE, "Introspect")) {
                *ret_reply = introspect(node, message);
        } else if (!dbus_message_has_path(message, object->path)) {
                *ret_reply = dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_OBJECT, "there is no such object");
        } else if (find_method(object, message, &index, &interface_known)) {
                if (dbus_message_has_signature(message, object->method(index)->in)) {
                        *ret_index = index;
                        return true;
                }
                *ret_reply = wrong_signature(object->method(index), message);
        } else if (interface_known) {
                *ret_reply = dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_METHOD, "there is no such method");
        } else {
                *ret_reply = dbus_message_new_error(message, DBUS_ERROR_UNKNOWN_INTERFACE, "there is no such interface");
        }
        return false;
}
