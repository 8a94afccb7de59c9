/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens that wait for a challenge to come again. Only challenges without a redemption context can; tokens are kept by the
 * digest of the whole challenge and by the key, so that a token bound to one website cannot serve another. Of a website
 * nothing else is remembered. Pure: no bus, no loop. Runs in attester-agent; may be included by client/agent.
 */
#pragma once

#include "base/system.h"
#include "client/agent/vault.h"
#include "client/library/attester.h"

#include <sys/queue.h>

#define AGENT_CACHE_ENTRIES_MAX      64           /* challenges; the one met longest ago gives way */
#define AGENT_CACHE_TOKENS_MAX       16           /* of one challenge */
#define AGENT_CACHE_TOKEN_AGE_MAX_MS (60 * 60000) /* how old what a token rests on may be */
#define AGENT_CACHE_ENTRY_AGE_MAX_MS (60 * 60000) /* since the challenge was met last */

struct agent_cache_id {
        uint8_t digest[TOKEN_DIGEST_LEN]; /* of the challenge */
        char key_id[65];
};

struct agent_cache_token {
        uint8_t *slot;
        size_t len;
        bool for_focus; /* fetched for a program in focus: no other gets it */
        uint64_t fetched_ms;
};

struct agent_cache_entry {
        TAILQ_ENTRY(agent_cache_entry) of_all; /* met longest ago first */
        struct agent_cache_id id;
        char *issuer;
        struct attester_key key; /* `encoded` is the entry's own */
        unsigned meetings;
        uint64_t met_ms;
        uint64_t ahead_ms;                                       /* when to fetch ahead; 0: not planned */
        struct agent_cache_token tokens[AGENT_CACHE_TOKENS_MAX]; /* oldest first */
        size_t token_count;
};

struct agent_cache;

/* `clock` must outlive `ret`, which the caller frees. Errors: NO_MEMORY, IO (memory cannot be locked). */
bool agent_cache_new(const struct base_clock *clock, struct agent_cache **ret, struct base_error *error) BASE_MUST_CHECK;
void agent_cache_free(struct agent_cache *cache);

/* Sets `ret` to the id of a challenge and key. */
void agent_cache_id_set(struct agent_cache_id *ret, const uint8_t digest[static TOKEN_DIGEST_LEN],
                        const struct attester_key *key);
bool agent_cache_id_equal(const struct agent_cache_id *a, const struct agent_cache_id *b);

/*
 * Counts one meeting of a cacheable challenge; gives its entry, which the cache owns until the next call of expire, retain,
 * clear or meet. NULL: out of memory.
 */
struct agent_cache_entry *agent_cache_meet(struct agent_cache *cache, const struct agent_cache_id *id, const char *issuer,
                                           const struct attester_key *key);

/* The same without counting a meeting; NULL: not met. */
struct agent_cache_entry *agent_cache_find(struct agent_cache *cache, const struct agent_cache_id *id);

/* Moves the oldest token that the program may get to `ret` (appended); false if there is none. A token is given once. */
bool agent_cache_take(struct agent_cache *cache, struct agent_cache_entry *entry, bool in_focus, struct base_buffer *ret);

/* Keeps a token if its challenge is still known and there is room. */
void agent_cache_put(struct agent_cache *cache, const struct agent_cache_id *id, bool for_focus, struct base_bytes token);

/* Wipes all tokens and forgets all challenges. Whoever is fetching for the cache notices by the generation. */
void agent_cache_clear(struct agent_cache *cache);
unsigned agent_cache_generation(const struct agent_cache *cache);

/* Forgets what rests on keys of this issuer that are not in its directory any more. */
void agent_cache_retain(struct agent_cache *cache, const struct attester_issuer *directory);

/* Forgets what is too old. */
void agent_cache_expire(struct agent_cache *cache);

/* An entry whose fetch ahead is due, and is then no longer planned; NULL: none. */
struct agent_cache_entry *agent_cache_due(struct agent_cache *cache);

/* When the next fetch ahead or expiry is due, in milliseconds of the clock; UINT64_MAX: never. */
uint64_t agent_cache_next_ms(const struct agent_cache *cache);

size_t agent_cache_token_count(const struct agent_cache *cache);
/* Whether tokens wait or are about to be fetched. */
bool agent_cache_is_idle(const struct agent_cache *cache);
