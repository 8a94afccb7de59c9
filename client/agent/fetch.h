/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens on their way: one call of RequestTokens at a time for each challenge and key, for the requests that wait for it
 * and for the cache. Runs in attester-agent; may be included by client/agent.
 */
#pragma once

#include "base/bus.h"
#include "client/agent/cache.h"
#include "client/agent/focus/verdict.h"
#include "client/library/batch.h"

#define AGENT_FETCH_SPARE       1  /* tokens asked for beyond those that are waited for, if they can wait */
#define AGENT_FETCH_AHEAD       8  /* tokens of a fetch ahead: always so many, so that the number tells nothing */
#define AGENT_FETCH_AHEAD_BELOW 2  /* plan one when so few are left ... */
#define AGENT_FETCH_MEETINGS    2  /* ... of a challenge that was met so often */
#define AGENT_FETCHES_MAX       64 /* at a time, with no one waiting */

struct agent_fetches;

/* One token for one request. */
struct agent_fetch_waiter {
        TAILQ_ENTRY(agent_fetch_waiter) next;
        struct agent_fetch *fetch; /* NULL: does not wait */
        /* Runs once: with a token, which is wiped afterwards, or with an error. */
        void (*done)(void *context, struct base_bytes token, const struct attester_info *info, const struct base_error *error);
        void *context;
};

struct agent_fetches_events {
        /* attesterd's own reason, which knows no website, and its answer; `interactive`: to a person's request */
        void (*refused)(void *context, const struct base_error *error, DBusMessage *reply, bool interactive);
        void *context;
};

/* All but `ret` must outlive it; the caller frees `ret`. `cache` may be NULL. Errors: NO_MEMORY. */
bool agent_fetches_new(struct base_bus *system, struct agent_cache *cache, const struct agent_fetches_events *events,
                       struct agent_fetches **ret, struct base_error *error) BASE_MUST_CHECK;
/* Nobody may wait any more. */
void agent_fetches_free(struct agent_fetches *fetches);

/* What to fetch. */
struct agent_fetch_order {
        struct agent_cache_id id;
        const char *issuer;
        const struct attester_key *key;
        bool cacheable;
        struct client_call limits;   /* of a fetch that is not shared */
        struct agent_verdict window; /* of the program that asks; a fetch is shared among those of one kind */
};

/*
 * Has the waiter wait for a token: of a fetch for the same challenge that is on its way if the token is cacheable, or of a
 * new one. Errors: DAEMON_UNREACHABLE, CRYPTO (the key), NO_MEMORY.
 */
bool agent_fetch_join(struct agent_fetches *fetches, const struct agent_fetch_order *order, struct agent_fetch_waiter *waiter,
                      struct base_error *error) BASE_MUST_CHECK;
/* Stops waiting; a fetch that serves nothing else is given up. */
void agent_fetch_leave(struct agent_fetch_waiter *waiter);

/* Fetches ahead for a challenge; what fails is not tried again before it is met again. `believed`: attesterd listens to us. */
void agent_fetch_ahead(struct agent_fetches *fetches, const struct agent_cache_entry *entry, bool believed);

size_t agent_fetches_count(const struct agent_fetches *fetches);
