/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of fake_attesterd write their answers with; whatever fails ends the program. */
#pragma once

#include <dbus/dbus.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline void check(bool success)
{
        if (!success)
                abort();
}

/* Whether the issuer of the call is called that. */
static inline bool is(const char *issuer, const char *name)
{
        return strcmp(issuer, name) == 0;
}

static inline void open_variant(DBusMessageIter *dictionary, const char *name, const char *signature, DBusMessageIter *entry,
                                DBusMessageIter *variant)
{
        check(dbus_message_iter_open_container(dictionary, DBUS_TYPE_DICT_ENTRY, NULL, entry));
        check(dbus_message_iter_append_basic(entry, DBUS_TYPE_STRING, &name));
        check(dbus_message_iter_open_container(entry, DBUS_TYPE_VARIANT, signature, variant));
}

static inline void close_variant(DBusMessageIter *dictionary, DBusMessageIter *entry, DBusMessageIter *variant)
{
        check(dbus_message_iter_close_container(entry, variant));
        check(dbus_message_iter_close_container(dictionary, entry));
}

static inline void put_basic(DBusMessageIter *dictionary, const char *name, int type, const void *value)
{
        const char signature[2] = { (char) type, '\0' };
        DBusMessageIter entry, variant;

        open_variant(dictionary, name, signature, &entry, &variant);
        check(dbus_message_iter_append_basic(&variant, type, value));
        close_variant(dictionary, &entry, &variant);
}

static inline void put_string(DBusMessageIter *dictionary, const char *name, const char *value)
{
        put_basic(dictionary, name, DBUS_TYPE_STRING, &value);
}

static inline void put_row(DBusMessageIter *array, const char *const *texts, size_t count)
{
        DBusMessageIter row;

        check(dbus_message_iter_open_container(array, DBUS_TYPE_STRUCT, NULL, &row));
        for (size_t i = 0; i < count; i++)
                check(dbus_message_iter_append_basic(&row, DBUS_TYPE_STRING, &texts[i]));
        check(dbus_message_iter_close_container(array, &row));
}
