/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/client/fake_policy.h"

#include "tests/client/fake_message.h"

#include <stdint.h>
#include <stdio.h>

/* The locale that a caller of RequestTokens gave, or "". */
static const char *locale_of(DBusMessage *message)
{
        DBusMessageIter iterator, entries, entry, value;
        const char *name, *locale = "";

        check(dbus_message_iter_init(message, &iterator) && dbus_message_iter_next(&iterator) &&
              dbus_message_iter_next(&iterator));
        dbus_message_iter_recurse(&iterator, &entries);
        for (; dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY; (void) dbus_message_iter_next(&entries)) {
                dbus_message_iter_recurse(&entries, &entry);
                dbus_message_iter_get_basic(&entry, &name);
                check(dbus_message_iter_next(&entry));
                dbus_message_iter_recurse(&entry, &value);
                if (strcmp(name, "locale") == 0)
                        dbus_message_iter_get_basic(&value, &locale);
        }
        return locale;
}

void fake_policy_put_denials(const char *issuer, DBusMessage *message, DBusMessage *reply)
{
        bool german = strncmp(locale_of(message), "de", 2) == 0;
        const char *unlock = german ? "Entsperren <b>Sie</b> & warten." : "Unlock <b>it</b> & wait.";
        DBusMessageIter iterator, array;
        char name[16];

        dbus_message_iter_init_append(reply, &iterator);
        check(dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "(ssss)", &array));
        if (is(issuer, "denied.example"))
                put_row(&array, (const char *const[]){ "unlocked", "fail", "it is locked", unlock }, 4);
        put_row(&array, (const char *const[]){ "disk", "fail", "the disk is <open>", "" }, 4);
        for (int i = 0; i < 8 && is(issuer, "denied-often.example"); i++) {
                (void) snprintf(name, sizeof(name), "rule-%d", i);
                put_row(&array, (const char *const[]){ name, "fail", "", name }, 4);
        }
        check(dbus_message_iter_close_container(&iterator, &array));
}

/* The first `count` facts of four. */
static void put_facts(DBusMessageIter *iterator, size_t count)
{
        DBusMessageIter array, row, variant, reason_row;
        const char *names[] = { "boot.secure_boot", "kernel.taint", "os.id", "disk.root_encrypted" };
        const char *sources[] = { "efivars", "/proc/sys/kernel/tainted", "/etc/os-release\033[31m", "sysfs" };
        const char *signatures[] = { "b", "x", "s", "(s)" };
        const char *provenance = "reported", *text = "debian", *reason = "no such device";
        dbus_bool_t boolean = TRUE;
        dbus_int64_t integer = -12;
        dbus_uint64_t ages[] = { 0, 1, 7200, 0 };

        check(dbus_message_iter_open_container(iterator, DBUS_TYPE_ARRAY, "(svsst)", &array));
        for (size_t i = 0; i < count; i++) {
                check(dbus_message_iter_open_container(&array, DBUS_TYPE_STRUCT, NULL, &row));
                check(dbus_message_iter_append_basic(&row, DBUS_TYPE_STRING, &names[i]));
                check(dbus_message_iter_open_container(&row, DBUS_TYPE_VARIANT, signatures[i], &variant));
                if (i == 0)
                        check(dbus_message_iter_append_basic(&variant, DBUS_TYPE_BOOLEAN, &boolean));
                if (i == 1)
                        check(dbus_message_iter_append_basic(&variant, DBUS_TYPE_INT64, &integer));
                if (i == 2)
                        check(dbus_message_iter_append_basic(&variant, DBUS_TYPE_STRING, &text));
                if (i == 3) {
                        check(dbus_message_iter_open_container(&variant, DBUS_TYPE_STRUCT, NULL, &reason_row));
                        check(dbus_message_iter_append_basic(&reason_row, DBUS_TYPE_STRING, &reason));
                        check(dbus_message_iter_close_container(&variant, &reason_row));
                }
                check(dbus_message_iter_close_container(&row, &variant));
                check(dbus_message_iter_append_basic(&row, DBUS_TYPE_STRING, &provenance));
                check(dbus_message_iter_append_basic(&row, DBUS_TYPE_STRING, &sources[i]));
                check(dbus_message_iter_append_basic(&row, DBUS_TYPE_UINT64, &ages[i]));
                check(dbus_message_iter_close_container(&array, &row));
        }
        check(dbus_message_iter_close_container(iterator, &array));
}

void fake_policy_get_facts(DBusMessage *reply)
{
        DBusMessageIter iterator;

        dbus_message_iter_init_append(reply, &iterator);
        put_facts(&iterator, 4);
}

static void put_explained(DBusMessageIter *array, const char *const texts[static 6], const char *fact)
{
        DBusMessageIter row, names;

        check(dbus_message_iter_open_container(array, DBUS_TYPE_STRUCT, NULL, &row));
        for (size_t i = 0; i < 6; i++)
                check(dbus_message_iter_append_basic(&row, DBUS_TYPE_STRING, &texts[i]));
        check(dbus_message_iter_open_container(&row, DBUS_TYPE_ARRAY, "s", &names));
        check(dbus_message_iter_append_basic(&names, DBUS_TYPE_STRING, &fact));
        check(dbus_message_iter_close_container(&row, &names));
        check(dbus_message_iter_close_container(array, &row));
}

void fake_policy_explain(const char *issuer, DBusMessage *reply)
{
        bool denied = is(issuer, "fail-PolicyDenied.example");
        dbus_bool_t passed = !denied;
        DBusMessageIter iterator, array;

        dbus_message_iter_init_append(reply, &iterator);
        check(dbus_message_iter_append_basic(&iterator, DBUS_TYPE_BOOLEAN, &passed));
        check(dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "(ssssssas)", &array));
        put_explained(&array, (const char *const[]){ "secure-boot", "", "boot.secure_boot", "pass", "", "Turn on Secure Boot." },
                      "boot.secure_boot");
        if (denied)
                put_explained(&array,
                              (const char *const[]){ "taint", "os.id == debian", "kernel.taint == 0", "fail",
                                                     "kernel.taint is -12, needed 0", "Remove the module\033[31m." },
                              "kernel.taint");
        if (denied)
                put_explained(&array, (const char *const[]){ "room", "", "custom.room == x", "fail", "no such fact", "" },
                              "custom.room");
        check(dbus_message_iter_close_container(&iterator, &array));
        put_facts(&iterator, 2);
}

void fake_policy_evaluate(const char *issuer, DBusMessage *reply)
{
        bool denied = is(issuer, "fail-PolicyDenied.example");
        dbus_bool_t passed = !denied;
        DBusMessageIter iterator, array;

        dbus_message_iter_init_append(reply, &iterator);
        check(dbus_message_iter_append_basic(&iterator, DBUS_TYPE_BOOLEAN, &passed));
        check(dbus_message_iter_open_container(&iterator, DBUS_TYPE_ARRAY, "(ssss)", &array));
        put_row(&array, (const char *const[]){ "secure-boot", "pass", "", "Turn on Secure Boot." }, 4);
        put_row(&array, (const char *const[]){ "in-focus", "skipped", "nobody is waiting", "" }, 4);
        if (denied)
                put_row(&array,
                        (const char *const[]){ "os-current", "fail", "os.version is 11.9, needed >= 12.5",
                                               "Run Software Updates, then restart." },
                        4);
        check(dbus_message_iter_close_container(&iterator, &array));
}
