/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/fair.h"

struct attesterd_fair_user {
        TAILQ_ENTRY(attesterd_fair_user) of_queue;
        TAILQ_HEAD(, attesterd_fair_item) items;
        uid_t uid;
};

void attesterd_fair_init(struct attesterd_fair_queue *queue)
{
        TAILQ_INIT(&queue->users);
        queue->count = 0;
}

static struct attesterd_fair_user *find(struct attesterd_fair_queue *queue, uid_t uid)
{
        struct attesterd_fair_user *user;

        TAILQ_FOREACH(user, &queue->users, of_queue)
        if (user->uid == uid)
                return user;
        return NULL;
}

bool attesterd_fair_push(struct attesterd_fair_queue *queue, struct attesterd_fair_item *item, uid_t uid, void *owner,
                         struct base_error *error)
{
        struct attesterd_fair_user *user = find(queue, uid);

        if (user == NULL) {
                user = calloc(1, sizeof(*user));
                if (user == NULL)
                        return base_error_set_no_memory(error);
                user->uid = uid;
                TAILQ_INIT(&user->items);
                TAILQ_INSERT_TAIL(&queue->users, user, of_queue);
        }
        item->user = user;
        item->owner = owner;
        TAILQ_INSERT_TAIL(&user->items, item, of_user);
        queue->count++;
        return true;
}

void attesterd_fair_remove(struct attesterd_fair_queue *queue, struct attesterd_fair_item *item)
{
        struct attesterd_fair_user *user = item->user;

        if (user == NULL)
                return;
        TAILQ_REMOVE(&user->items, item, of_user);
        item->user = NULL;
        queue->count--;
        if (TAILQ_EMPTY(&user->items)) {
                TAILQ_REMOVE(&queue->users, user, of_queue);
                free(user);
        }
}

void *attesterd_fair_pop(struct attesterd_fair_queue *queue)
{
        struct attesterd_fair_user *user = TAILQ_FIRST(&queue->users);
        struct attesterd_fair_item *item;

        if (user == NULL)
                return NULL;
        item = TAILQ_FIRST(&user->items);
        TAILQ_REMOVE(&queue->users, user, of_queue);
        TAILQ_INSERT_TAIL(&queue->users, user, of_queue);
        attesterd_fair_remove(queue, item);
        return item->owner;
}
