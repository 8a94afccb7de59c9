/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A private connection to the system bus, and the method calls that are under way on it. Nothing here waits but
 * client_connection_wait() and, on it, client_object_call(). Runs in the calling program; may be included by client/library
 * only.
 */
#pragma once

#include "client/library/bus.h"
#include "client/library/poller.h"

#include <sys/queue.h>

#define CLIENT_CONNECTION_DEFAULT_ADDRESS "unix:path=/run/dbus/system_bus_socket"

/* Gets an answer of the signature that was asked for, or why there is none (then `reply` is NULL). */
typedef void client_request_done(void *context, DBusMessage *reply, const struct base_error *error);

/* One method call. Zeroed means: not under way. */
struct client_request {
        LIST_ENTRY(client_request) next;
        const struct client_call *call;
        const char *signature;
        client_request_done *done; /* runs once, from client_connection_run(); may send again */
        void *context;
        DBusPendingCall *pending; /* NULL: not under way */
};

struct client_connection {
        const char *address; /* NULL: the system bus */
        struct client_poller poller;
        DBusConnection *bus; /* NULL: not connected */
        LIST_HEAD(, client_request) requests;
        struct client_request hello;
        struct client_call hello_call;
};

/* `address` must outlive the connection. Errors: IO, NO_MEMORY. */
bool client_connection_init(struct client_connection *connection, const char *address, struct base_error *error) BASE_MUST_CHECK;
/* No request is under way any more. */
void client_connection_clear(struct client_connection *connection);

/*
 * Notices a bus that went away, and connects if need be; only the connect(2) of a local socket is waited for. To be called
 * before the first of several requests. Errors: DAEMON_UNREACHABLE, NO_MEMORY.
 */
bool client_connection_ready(struct client_connection *connection, struct base_error *error) BASE_MUST_CHECK;

/*
 * Sends `message`; `request->done` and `->context` are set. `call` must outlive the request; when its time is up the request
 * ends with TIMEOUT. Errors: TIMEOUT, DAEMON_UNREACHABLE (not connected), NO_MEMORY; `done` is not called then.
 * `done` gets: those of client_bus_check(), TIMEOUT, DAEMON_UNREACHABLE.
 */
bool client_request_send(struct client_connection *connection, struct client_request *request, const struct client_call *call,
                         DBusMessage *message, const char *signature, struct base_error *error) BASE_MUST_CHECK;
/* Forgets a request, whether it is under way or not; `done` is not called. */
void client_request_drop(struct client_request *request);

/* Does what can be done now: sends, receives, ends requests. Does not wait. */
void client_connection_run(struct client_connection *connection);

/* Sets the timer of `connection->poller`: to now if `more`, or else to when client_connection_run() is needed in any case. */
void client_connection_arm(const struct client_connection *connection, bool more);

/* Waits until client_connection_run() has something to do, and runs it. Bounded while a request is under way. */
void client_connection_wait(struct client_connection *connection);
