/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/linger.h"

struct attesterd_linger_user {
        LIST_ENTRY(attesterd_linger_user) of_all;
        uid_t uid;
        size_t waiting;
        size_t out; /* at issuers */
        uint64_t last_ms;
        bool lingers;
        uint64_t since_ms; /* when it lingers */
};

void attesterd_linger_init(struct attesterd_linger *linger)
{
        LIST_INIT(&linger->users);
}

static struct attesterd_linger_user *find(struct attesterd_linger *linger, uid_t uid)
{
        struct attesterd_linger_user *user;

        LIST_FOREACH(user, &linger->users, of_all)
        if (user->uid == uid)
                return user;
        return NULL;
}

static struct attesterd_linger_user *find_or_add(struct attesterd_linger *linger, uid_t uid, struct base_error *error)
{
        struct attesterd_linger_user *user = find(linger, uid);

        if (user != NULL)
                return user;
        user = calloc(1, sizeof(*user));
        if (user == NULL) {
                (void) base_error_set_no_memory(error);
                return NULL;
        }
        user->uid = uid;
        LIST_INSERT_HEAD(&linger->users, user, of_all);
        return user;
}

static void user_free(struct attesterd_linger_user *user)
{
        LIST_REMOVE(user, of_all);
        free(user);
}

static void forget_if_idle(struct attesterd_linger_user *user)
{
        if (user->waiting == 0)
                user->lingers = false;
        if (user->waiting == 0 && user->out == 0)
                user_free(user);
}

void attesterd_linger_clear(struct attesterd_linger *linger)
{
        while (!LIST_EMPTY(&linger->users))
                user_free(LIST_FIRST(&linger->users));
}

bool attesterd_linger_note_waiting(struct attesterd_linger *linger, uid_t uid, uint64_t now_ms, struct base_error *error)
{
        struct attesterd_linger_user *user = find_or_add(linger, uid, error);

        if (user == NULL)
                return false;
        user->waiting++;
        user->last_ms = now_ms;
        return true;
}

void attesterd_linger_note_taken(struct attesterd_linger *linger, uid_t uid)
{
        struct attesterd_linger_user *user = find(linger, uid);

        user->waiting--;
        forget_if_idle(user);
}

bool attesterd_linger_note_sent(struct attesterd_linger *linger, uid_t uid, struct base_error *error)
{
        struct attesterd_linger_user *user = find_or_add(linger, uid, error);

        if (user == NULL)
                return false;
        user->out++;
        return true;
}

void attesterd_linger_note_back(struct attesterd_linger *linger, uid_t uid)
{
        struct attesterd_linger_user *user = find(linger, uid);

        user->out--;
        forget_if_idle(user);
}

/* When this user has waited enough for its others. */
static uint64_t user_end_ms(struct attesterd_linger_user *user, uint64_t now_ms, uint64_t quote_ms)
{
        uint64_t quiet_ms = quote_ms / (user->out > 0 ? ATTESTERD_LINGER_QUIET_DIVISOR : ATTESTERD_LINGER_TAIL_DIVISOR);
        uint64_t end_ms;

        if (!user->lingers) {
                if (user->out < ATTESTERD_LINGER_PEERS_MIN || user->out <= user->waiting)
                        return now_ms;
                user->lingers = true;
                user->since_ms = now_ms;
        }
        end_ms = (user->last_ms > user->since_ms ? user->last_ms : user->since_ms) + quiet_ms;
        return end_ms < user->since_ms + quote_ms ? end_ms : user->since_ms + quote_ms;
}

uint64_t attesterd_linger_ms(struct attesterd_linger *linger, uint64_t now_ms, uint64_t quote_ms)
{
        struct attesterd_linger_user *user;
        uint64_t first_ms = UINT64_MAX;

        LIST_FOREACH(user, &linger->users, of_all)
        {
                uint64_t end_ms = user->waiting == 0 ? UINT64_MAX : user_end_ms(user, now_ms, quote_ms);

                if (end_ms < first_ms)
                        first_ms = end_ms;
        }
        return first_ms == UINT64_MAX || first_ms <= now_ms ? 0 : first_ms - now_ms;
}
