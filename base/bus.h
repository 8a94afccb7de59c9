/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program's place on a message bus: connects, takes a name, and does both again with back-off when the bus goes away.
 * Nothing here blocks once the socket is open. Used by attesterd and attester-agent; may be included by the folders that
 * may include libdbus.
 */
#pragma once

#include "base/error.h"

#include <dbus/dbus.h>
#include <systemd/sd-event.h>

#define BASE_BUS_BACKOFF_MIN_MS     100               /* between attempts to connect: doubles ... */
#define BASE_BUS_BACKOFF_MAX_MS     5000              /* ... up to this */
#define BASE_BUS_CALL_TIMEOUT_MS    10000             /* of calls to the bus itself */
#define BASE_BUS_RECEIVED_BYTES_MAX (4 * 1024 * 1024) /* received and not yet dispatched; more waits in the socket */

#define BASE_BUS_ADDRESS_BYTES_MAX 512

/*
 * The session bus of the environment, or where systemd puts it, written to `space` if need be; NULL if neither
 * DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set.
 */
const char *base_bus_session_address(char *space, size_t space_size);

struct base_bus_events {
        void (*call)(void *context, DBusMessage *message);              /* a method call to us; its reference is the bus's */
        void (*peer_gone)(void *context, const char *unique_name);      /* one that base_bus_watch_peer() named */
        void (*signal)(void *context, DBusMessage *message);            /* to everybody, of a rule; NULL: not wanted */
        void (*up)(void *context);                                      /* connected, and the name is ours */
        void (*down)(void *context);                                    /* the connection is lost, and every peer with it */
        void (*refused)(void *context, const struct base_error *error); /* the name is not to be had; no retry follows */
        void (*failed)(void *context, const struct base_error *error);  /* an attempt to connect failed; a retry follows */
        void *context;
};

struct base_bus;

/*
 * Starts to connect to `address` (as in DBUS_SYSTEM_BUS_ADDRESS) and to take `name` (NULL: none). The caller frees `ret`,
 * which must not happen within an event. Errors: NO_MEMORY.
 */
bool base_bus_new(sd_event *event, const char *address, const char *name, const struct base_bus_events *events,
                  struct base_bus **ret, struct base_error *error) BASE_MUST_CHECK;
/* Sends what is queued, as far as the socket takes it within a second, and disconnects without an event. NULL is fine. */
void base_bus_free(struct base_bus *bus);
BASE_DEFINE_CLEANUP(struct base_bus, base_bus_free)

/* Queues a message; without a connection it is dropped. Takes no reference of the caller's. */
void base_bus_send(struct base_bus *bus, DBusMessage *message);

/* Answers `call`, if it wants an answer. Takes the reference of `reply`; NULL is no answer, for want of memory. */
void base_bus_answer(struct base_bus *bus, DBusMessage *call, DBusMessage *reply);

/* `reply` is a method return or an error, never NULL; valid during the call. */
typedef void base_bus_reply(void *context, DBusMessage *reply);

/*
 * Calls a method; `callback` runs once, from the loop, also when the timeout passes or the connection goes. The caller
 * owns `ret`: base_bus_call_drop() ends its interest, before or after the callback, also within it.
 * Errors: NO_MEMORY, DAEMON_UNREACHABLE (no connection).
 */
bool base_bus_call(struct base_bus *bus, DBusMessage *message, int timeout_ms, base_bus_reply *callback, void *context,
                   DBusPendingCall **ret, struct base_error *error) BASE_MUST_CHECK;
/* Cancels if it is still pending, and sets *call to NULL. */
void base_bus_call_drop(DBusPendingCall **call);

/* Asks for one peer_gone() when this unique name leaves the bus. */
void base_bus_watch_peer(struct base_bus *bus, const char *unique_name);
void base_bus_unwatch_peer(struct base_bus *bus, const char *unique_name);

/*
 * Asks for the signals that match `rule`, until the connection goes: to be called by each up(). A signal that was sent to
 * us alone is never passed on, since the bus has then not held it to a rule's sender.
 */
void base_bus_subscribe(struct base_bus *bus, const char *rule);

/*
 * Gives the name back, so that the bus starts the program anew for who calls next; `callback` runs behind the calls that
 * were sent before. As base_bus_call() otherwise.
 */
bool base_bus_release_name(struct base_bus *bus, base_bus_reply *callback, void *context, DBusPendingCall **ret,
                           struct base_error *error) BASE_MUST_CHECK;

/* Whether messages wait that the socket did not take yet. */
bool base_bus_is_sending(const struct base_bus *bus);
