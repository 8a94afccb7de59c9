/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a libdbus connection on an sd-event loop: watches, timeouts and dispatch, and nothing else. Used by
 * base/bus; may be included by it.
 */
#pragma once

#include "base/error.h"

#include <dbus/dbus.h>
#include <systemd/sd-event.h>

struct base_dbus_glue;

/*
 * Attaches `connection` to `event`. Both must outlive the glue. At most one message is dispatched per turn of the loop, so
 * that a peer that floods the connection does not starve the loop's other sources. The caller frees `ret`.
 * Errors: NO_MEMORY.
 */
bool base_dbus_glue_new(sd_event *event, DBusConnection *connection, struct base_dbus_glue **ret,
                        struct base_error *error) BASE_MUST_CHECK;

/* Detaches. NULL is fine. Not to be called from within the connection's dispatch. */
void base_dbus_glue_free(struct base_dbus_glue *glue);
