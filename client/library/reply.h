/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the parts of attesterd's answers whose signature was checked before. Runs in the calling program; may be
 * included by client/library only.
 */
#pragma once

#include "base/error.h"

#include <dbus/dbus.h>
#include <stdint.h>

/* More elements than this in any array of an answer is refused. */
#define CLIENT_REPLY_ELEMENTS_MAX 4096

/*
 * Makes a zeroed array for the elements of the array at `array`, and enters it. `*ret` is NULL if there are none; the
 * caller frees it. Errors: LIMIT_EXCEEDED, NO_MEMORY.
 */
bool client_reply_enter_array(DBusMessageIter *array, size_t element_size, DBusMessageIter *ret_elements, void *ret,
                              size_t *ret_count, struct base_error *error) BASE_MUST_CHECK;

/* Copies the string at `from` and moves on. Errors: NO_MEMORY. */
bool client_reply_take_string(DBusMessageIter *from, char **ret, struct base_error *error) BASE_MUST_CHECK;

/* Reads the basic value at `from`, whose type the signature fixes, into `ret` and moves on. */
void client_reply_take_basic(DBusMessageIter *from, void *ret);

/*
 * Calls `visitor` for each entry of the a{sv} at `dictionary`, with the value inside the variant. Return false with
 * `error` set to stop.
 */
typedef bool client_reply_visitor(const char *name, DBusMessageIter *value, void *context, struct base_error *error);
bool client_reply_visit(DBusMessageIter *dictionary, client_reply_visitor *visitor, void *context,
                        struct base_error *error) BASE_MUST_CHECK;

/* Whether the value at `value` has this complete type. Errors: MALFORMED, naming the entry. */
bool client_reply_check_type(const char *name, DBusMessageIter *value, const char *signature,
                             struct base_error *error) BASE_MUST_CHECK;
