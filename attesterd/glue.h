/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a libdbus connection on an sd-event loop: watches, timeouts and dispatch, and nothing else. Used by attesterd; may
 * be included by attesterd/.
 */
#pragma once

#include "base/error.h"

#include <dbus/dbus.h>
#include <systemd/sd-event.h>

struct attesterd_glue;

/*
 * Attaches `connection` to `event`. Both must outlive the glue. At most one message is dispatched per turn of the loop, so
 * that a peer that floods the connection does not starve the loop's other sources. The caller frees `ret`.
 * Errors: NO_MEMORY.
 */
bool attesterd_glue_new(sd_event *event, DBusConnection *connection, struct attesterd_glue **ret,
                        struct base_error *error) BASE_MUST_CHECK;

/* Detaches. NULL is fine. Not to be called from within the connection's dispatch. */
void attesterd_glue_free(struct attesterd_glue *glue);
