/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/library/reply.h"

#include <string.h>

bool client_reply_enter_array(DBusMessageIter *array, size_t element_size, DBusMessageIter *ret_elements, void *ret,
                              size_t *ret_count, struct base_error *error)
{
        int count = dbus_message_iter_get_element_count(array);
        void *elements = NULL;

        if (count < 0 || count > CLIENT_REPLY_ELEMENTS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "attesterd answered a list of %d elements", count);
        if (count > 0 && (elements = calloc((size_t) count, element_size)) == NULL)
                return base_error_set_no_memory(error);
        dbus_message_iter_recurse(array, ret_elements);
        memcpy(ret, &elements, sizeof(elements));
        *ret_count = (size_t) count;
        return true;
}

bool client_reply_take_string(DBusMessageIter *from, char **ret, struct base_error *error)
{
        const char *value = NULL;
        char *copy;

        dbus_message_iter_get_basic(from, &value);
        copy = strdup(value);
        if (copy == NULL)
                return base_error_set_no_memory(error);
        (void) dbus_message_iter_next(from);
        *ret = copy;
        return true;
}

void client_reply_take_basic(DBusMessageIter *from, void *ret)
{
        dbus_message_iter_get_basic(from, ret);
        (void) dbus_message_iter_next(from);
}

bool client_reply_visit(DBusMessageIter *dictionary, client_reply_visitor *visitor, void *context, struct base_error *error)
{
        DBusMessageIter entries;

        dbus_message_iter_recurse(dictionary, &entries);
        for (; dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY; (void) dbus_message_iter_next(&entries)) {
                DBusMessageIter entry, value;
                const char *name = NULL;

                dbus_message_iter_recurse(&entries, &entry);
                client_reply_take_basic(&entry, &name);
                dbus_message_iter_recurse(&entry, &value);
                if (!visitor(name, &value, context, error))
                        return false;
        }
        return true;
}

bool client_reply_check_type(const char *name, DBusMessageIter *value, const char *signature, struct base_error *error)
{
        char *actual = dbus_message_iter_get_signature(value);
        bool same;

        if (actual == NULL)
                return base_error_set_no_memory(error);
        same = strcmp(actual, signature) == 0;
        if (!same)
                (void) base_error_set(error, BASE_ERROR_MALFORMED, "attesterd's answer has \"%s\" of type %s, not %s", name,
                                      actual, signature);
        dbus_free(actual);
        return same;
}
