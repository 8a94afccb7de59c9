/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts on the bus. libdbus ends a program that hands it a string which is not UTF-8, and a message cut to its size may
 * end within a character: whatever was not made here goes through these. Used by
 * attesterd and attester-agent; may be included by the folders that may include libdbus.
 */
#pragma once

#include "base/error.h"

#include <dbus/dbus.h>

/* Appends a string; one that is not UTF-8 has '?' in place of every byte that is not ASCII. False without memory. */
bool base_dbus_text_append(DBusMessageIter *to, const char *text) BASE_MUST_CHECK;

/* The error reply that stands for `error`, with its message as the first argument; NULL without memory. */
DBusMessage *base_dbus_text_error(DBusMessage *call, const struct base_error *error);
