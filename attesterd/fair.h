/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue that is fair between users: items leave one a user in turn, and in order within a user, so that who queues a
 * thousand waits behind nobody's thousand but their own. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "base/error.h"

#include <sys/queue.h>
#include <sys/types.h>

struct attesterd_fair_user;

/* Embedded in what is queued, zero when it is not. */
struct attesterd_fair_item {
        TAILQ_ENTRY(attesterd_fair_item) of_user;
        struct attesterd_fair_user *user;
        void *owner; /* what pop returns; set by push */
};

struct attesterd_fair_queue {
        TAILQ_HEAD(, attesterd_fair_user) users; /* those with items; the first is next */
        size_t count;
};

void attesterd_fair_init(struct attesterd_fair_queue *queue);
/* Queues an item for `owner`. Errors: NO_MEMORY. */
bool attesterd_fair_push(struct attesterd_fair_queue *queue, struct attesterd_fair_item *item, uid_t uid, void *owner,
                         struct base_error *error) BASE_MUST_CHECK;
/* The owner of the next item, which is then not queued any more; NULL if there is none. */
void *attesterd_fair_pop(struct attesterd_fair_queue *queue);
/* Does nothing for an item that is not queued. */
void attesterd_fair_remove(struct attesterd_fair_queue *queue, struct attesterd_fair_item *item);
