/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/dbus_text.h"

#include <string.h>

bool base_dbus_text_append(DBusMessageIter *to, const char *text)
{
        base_auto_free char *clean = NULL;
        const char *value;

        if (dbus_validate_utf8(text, NULL))
                return dbus_message_iter_append_basic(to, DBUS_TYPE_STRING, &text);
        clean = strdup(text);
        if (clean == NULL)
                return false;
        for (char *c = clean; *c != '\0'; c++)
                if ((unsigned char) *c >= 0x80)
                        *c = '?';
        value = clean;
        return dbus_message_iter_append_basic(to, DBUS_TYPE_STRING, &value);
}

DBusMessage *base_dbus_text_error(DBusMessage *call, const struct base_error *error)
{
        DBusMessage *message = dbus_message_new_error(call, base_error_dbus_name(error->code), NULL);
        DBusMessageIter to;

        if (message == NULL)
                return NULL;
        dbus_message_iter_init_append(message, &to);
        if (base_dbus_text_append(&to, error->message))
                return message;
        dbus_message_unref(message);
        return NULL;
}
