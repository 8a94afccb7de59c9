/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The object /org/attesterd on the bus: the table of its methods, and what every D-Bus object answers (introspection,
 * properties, errors for what is not there). The XML files beside this one are the definition; a test holds the tables to
 * them. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/daemon.h"
#include "base/bus_object.h"

struct attesterd_method {
        struct base_bus_method call;
        /* Gets a call whose signature is `in` and whose caller is known and within limits; ends it sooner or later. */
        void (*handler)(struct attesterd_daemon *daemon, struct attesterd_call *call);
};

/* Ends with a row whose handler is NULL. */
extern const struct attesterd_method attesterd_methods[];

/* Answers a method call, or passes it to the callers if it needs to be known who asks. */
void attesterd_interface_dispatch(struct attesterd_daemon *daemon, DBusMessage *message);

/* Runs the handler of a call that came through attesterd_interface_dispatch() and the callers. */
void attesterd_interface_run(struct attesterd_daemon *daemon, struct attesterd_call *call);
