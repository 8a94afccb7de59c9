/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that wait for one and the same thing. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "base/error.h"

#include <sys/queue.h>

/* Embedded in who waits. `done` gets NULL when it is time to ask again, else why that is of no use. */
struct attesterd_waiter {
        LIST_ENTRY(attesterd_waiter) of_list;
        bool waiting;
        void (*done)(void *context, const struct base_error *error);
        void *context;
};
LIST_HEAD(attesterd_waiters, attesterd_waiter);

void attesterd_waiter_add(struct attesterd_waiters *waiters, struct attesterd_waiter *waiter);
/* Does nothing for one that does not wait. */
void attesterd_waiter_cancel(struct attesterd_waiter *waiter);
/* Empties the list and tells each. */
void attesterd_waiters_wake(struct attesterd_waiters *waiters, const struct base_error *error);
