/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/waiter.h"

void attesterd_waiter_add(struct attesterd_waiters *waiters, struct attesterd_waiter *waiter)
{
        LIST_INSERT_HEAD(waiters, waiter, of_list);
        waiter->waiting = true;
}

void attesterd_waiter_cancel(struct attesterd_waiter *waiter)
{
        if (!waiter->waiting)
                return;
        LIST_REMOVE(waiter, of_list);
        waiter->waiting = false;
}

void attesterd_waiters_wake(struct attesterd_waiters *waiters, const struct base_error *error)
{
        struct attesterd_waiters woken = LIST_HEAD_INITIALIZER(woken);
        struct attesterd_waiter *waiter;

        /* Who is woken may wait again, or cancel others that are yet to be woken. */
        while ((waiter = LIST_FIRST(waiters)) != NULL) {
                LIST_REMOVE(waiter, of_list);
                LIST_INSERT_HEAD(&woken, waiter, of_list);
        }
        while ((waiter = LIST_FIRST(&woken)) != NULL) {
                attesterd_waiter_cancel(waiter);
                waiter->done(waiter->context, error);
        }
}
