/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the public functions have in common: the object, and a call that blocks. Runs in the calling program; may be included
 * by client/library only.
 */
#pragma once

#include "client/library/connection.h"

struct attester {
        char *bus_address; /* NULL: the system bus */
        struct client_connection connection;
        TAILQ_HEAD(, attester_operation) operations; /* of attester_authorize_start() */
        size_t operation_count;
        bool delivering; /* a callback runs */
        bool freed;      /* by that callback: attester_process() does it then */
};

/*
 * Connects if need be, sends `message` and waits for its answer, which must have `signature`; the caller unrefs it.
 * Errors: as client_connection_ready() and client_request_send().
 */
bool client_object_call(struct attester *attester, const struct client_call *call, DBusMessage *message, const char *signature,
                        DBusMessage **ret_reply, struct base_error *error) BASE_MUST_CHECK;

/* To be called at the end of each public function that may have changed what attester_process() has to do. */
void client_object_arm(struct attester *attester);
