/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's place on the message bus: connects, takes a name, and does both again with back-off when the bus goes
 * away. Nothing here blocks once the socket is open. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "base/error.h"

#include <dbus/dbus.h>
#include <systemd/sd-event.h>

#define ATTESTERD_BUS_BACKOFF_MIN_MS     100               /* between attempts to connect: doubles ... */
#define ATTESTERD_BUS_BACKOFF_MAX_MS     5000              /* ... up to this */
#define ATTESTERD_BUS_CALL_TIMEOUT_MS    10000             /* of calls to the bus itself */
#define ATTESTERD_BUS_RECEIVED_BYTES_MAX (4 * 1024 * 1024) /* received and not yet dispatched; more waits in the socket */

struct attesterd_bus_events {
        void (*call)(void *context, DBusMessage *message);              /* a method call to us; its reference is the bus's */
        void (*peer_gone)(void *context, const char *unique_name);      /* one that attesterd_bus_watch_peer() named */
        void (*up)(void *context);                                      /* the name is ours */
        void (*down)(void *context);                                    /* the connection is lost, and every peer with it */
        void (*refused)(void *context, const struct base_error *error); /* the name is not to be had; no retry follows */
        void (*failed)(void *context, const struct base_error *error);  /* an attempt to connect failed; a retry follows */
        void *context;
};

struct attesterd_bus;

/*
 * Starts to connect to `address` (as in DBUS_SYSTEM_BUS_ADDRESS) and to take `name`. The caller frees `ret`, which must
 * not happen within an event. Errors: NO_MEMORY.
 */
bool attesterd_bus_new(sd_event *event, const char *address, const char *name, const struct attesterd_bus_events *events,
                       struct attesterd_bus **ret, struct base_error *error) BASE_MUST_CHECK;
/* Sends what is queued, as far as the socket takes it within a second, and disconnects without an event. NULL is fine. */
void attesterd_bus_free(struct attesterd_bus *bus);
BASE_DEFINE_CLEANUP(struct attesterd_bus, attesterd_bus_free)

/* Queues a message; without a connection it is dropped. Takes no reference of the caller's. */
void attesterd_bus_send(struct attesterd_bus *bus, DBusMessage *message);

/* `reply` is a method return or an error, never NULL; valid during the call. */
typedef void attesterd_bus_reply(void *context, DBusMessage *reply);

/*
 * Calls a method; `callback` runs once, from the loop, also when the timeout passes or the connection goes. The caller
 * owns `ret`: attesterd_bus_call_drop() ends its interest, before or after the callback, also within it.
 * Errors: NO_MEMORY, DAEMON_UNREACHABLE (no connection).
 */
bool attesterd_bus_call(struct attesterd_bus *bus, DBusMessage *message, int timeout_ms, attesterd_bus_reply *callback,
                        void *context, DBusPendingCall **ret, struct base_error *error) BASE_MUST_CHECK;
/* Cancels if it is still pending, and sets *call to NULL. */
void attesterd_bus_call_drop(DBusPendingCall **call);

/* Asks for one peer_gone() when this unique name leaves the bus. */
void attesterd_bus_watch_peer(struct attesterd_bus *bus, const char *unique_name);
void attesterd_bus_unwatch_peer(struct attesterd_bus *bus, const char *unique_name);
