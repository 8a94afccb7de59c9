/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One file descriptor to wait for: behind it stand the socket that libdbus watches and a timer. Runs in the calling
 * program; may be included by client/library only.
 */
#pragma once

#include "base/error.h"

#include <dbus/dbus.h>
#include <stdint.h>

#define CLIENT_POLLER_WATCHES_MAX 4 /* libdbus has two of a connection, one for each direction */

struct client_poller {
        int fd;     /* of epoll; readable when client_poller_run() has something to do */
        int timer;  /* behind it */
        int socket; /* behind it, or -1; libdbus owns it */
        DBusWatch *watches[CLIENT_POLLER_WATCHES_MAX];
};

/* Errors: IO (no file descriptors), NO_MEMORY. */
bool client_poller_init(struct client_poller *poller, struct base_error *error) BASE_MUST_CHECK;
/* The connection is closed or detached before. */
void client_poller_clear(struct client_poller *poller);

/* Watches the socket of `connection` until that is closed or detached. One at a time. Errors: NO_MEMORY. */
bool client_poller_attach(struct client_poller *poller, DBusConnection *connection, struct base_error *error) BASE_MUST_CHECK;
void client_poller_detach(DBusConnection *connection);

/* Reads and writes what the socket gives and takes now. Does not wait. A timer that went off stays so until it is armed again. */
void client_poller_run(struct client_poller *poller);

/* When `fd` becomes readable though nothing arrives, in milliseconds of CLOCK_MONOTONIC; 0: now; UINT64_MAX: never. */
void client_poller_arm(const struct client_poller *poller, uint64_t at_ms);

/* Waits until `fd` is readable, or `timeout_ms` at most. */
void client_poller_wait(const struct client_poller *poller, uint32_t timeout_ms);
