/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Method calls to attesterd: the messages. Runs in the calling program or in attester-agent; may be included by
 * client/library and client/agent.
 */
#pragma once

#include "client/library/public.h"

#include <dbus/dbus.h>

#define CLIENT_BUS_MESSAGE_BYTES_MAX (1024 * 1024)

#define CLIENT_BUS_ATTESTER   "org.attesterd.Attester1"
#define CLIENT_BUS_ADMIN      "org.attesterd.Admin1"
#define CLIENT_BUS_PROPERTIES "org.freedesktop.DBus.Properties"

static inline void client_message_unref_p(DBusMessage **message)
{
        if (*message != NULL)
                dbus_message_unref(*message);
}

#define client_auto_message BASE_CLEANUP(client_message_unref_p)

/* Makes a call to attesterd's object; the caller unrefs it. Errors: NO_MEMORY. */
bool client_bus_method(const char *interface, const char *member, DBusMessage **ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Appends one string argument, of the caller or of a website. Errors: INVALID_ARGUMENT (not UTF-8, which libdbus would
 * abort on), NO_MEMORY.
 */
bool client_bus_append_string(DBusMessageIter *to, const char *value, struct base_error *error) BASE_MUST_CHECK;

/* Appends one entry to an a{sv}: a basic value that `value` points to. False without memory. */
bool client_bus_append_entry(DBusMessageIter *dictionary, const char *name, int type, const void *value) BASE_MUST_CHECK;

/* Of messages, as the environment has it: what setlocale(3) would find. NULL: none that has translations. */
const char *client_bus_locale(void);

/* What attester-agent, and no other program, says of the window in front: see org.attesterd.Attester1.xml. */
struct client_window {
        const char *unreadable; /* why it cannot tell; NULL: it can */
        bool focused;           /* the window is the program's that asks */
};

/*
 * Appends the a{sv} of options that RequestTokens and Evaluate take: interactive, timeout-ms, locale if the environment has one,
 * and window-… unless `window` is NULL. Errors: NO_MEMORY.
 */
bool client_bus_append_options(DBusMessageIter *to, const struct client_call *call, const struct client_window *window,
                               struct base_error *error) BASE_MUST_CHECK;

/*
 * Whether `reply` is a method's return of this signature. Errors: DAEMON_UNREACHABLE, TIMEOUT, MALFORMED (another signature),
 * NOT_AUTHORIZED (the bus's policy), UNSUPPORTED (a daemon without this method), and org.attesterd.Error.* as the daemon
 * said it.
 */
bool client_bus_check(const struct client_call *call, DBusMessage *reply, const char *signature,
                      struct base_error *error) BASE_MUST_CHECK;
