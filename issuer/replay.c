/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/replay.h"

#include <pthread.h>
#include <string.h>

#define COUNTERS 8192 /* a power of two; devices that share one share what it allows */

/* Open addressing with linear probing, at most half full. An all-zero slot is free: no hash that anybody found is zero. */
struct table {
        uint8_t (*slots)[ISSUER_REPLAY_KEY_LEN];
        uint32_t *counters; /* how many of the entries are a device's */
        size_t count;
};

/* `current` takes new entries for one lifetime, then becomes `previous`, which is emptied one lifetime later. */
struct issuer_replay {
        pthread_mutex_t lock;
        struct table current;
        struct table previous;
        size_t slot_count; /* a power of two */
        size_t entries_max;
        uint64_t lifetime_ms;
        uint64_t turn_ms; /* when the tables change places next; 0: not begun */
        uint64_t salt;    /* so that nobody can choose evidence that shares a slot */
};

static void table_free(struct table *table)
{
        free(table->slots);
        free(table->counters);
}

static bool table_new(struct table *table, size_t slots)
{
        table->slots = calloc(slots, ISSUER_REPLAY_KEY_LEN);
        table->counters = calloc(COUNTERS, sizeof(*table->counters));
        return table->slots != NULL && table->counters != NULL;
}

void issuer_replay_free(struct issuer_replay *replay)
{
        if (replay == NULL)
                return;
        (void) pthread_mutex_destroy(&replay->lock);
        table_free(&replay->current);
        table_free(&replay->previous);
        free(replay);
}

bool issuer_replay_new(unsigned lifetime_s, size_t entries_max, const struct base_random *random, struct issuer_replay **ret,
                       struct base_error *error)
{
        issuer_auto_replay struct issuer_replay *replay = calloc(1, sizeof(*replay));

        if (replay == NULL)
                return base_error_set_no_memory(error);
        (void) pthread_mutex_init(&replay->lock, NULL);
        replay->lifetime_ms = lifetime_s * 1000ULL;
        replay->entries_max = entries_max;
        for (replay->slot_count = 2; replay->slot_count < entries_max * 2;)
                replay->slot_count *= 2;
        if (!table_new(&replay->current, replay->slot_count) || !table_new(&replay->previous, replay->slot_count))
                return base_error_set_no_memory(error);
        if (!random->fill(random->context, &replay->salt, sizeof(replay->salt), error))
                return false;
        *ret = BASE_STEAL(replay);
        return true;
}

/* SplitMix64's finalizer. */
static size_t mix(const struct issuer_replay *replay, uint64_t number)
{
        number = (number ^ replay->salt) * 0xBF58476D1CE4E5B9ULL;
        number = (number ^ (number >> 27)) * 0x94D049BB133111EBULL;
        return (size_t) (number ^ (number >> 31));
}

static size_t first_slot(const struct issuer_replay *replay, const uint8_t *key)
{
        uint64_t number;

        memcpy(&number, key, sizeof(number));
        return mix(replay, number) & (replay->slot_count - 1);
}

/* The slot that holds `key`, or the free one where it belongs. */
static uint8_t *find_slot(const struct issuer_replay *replay, const struct table *table, const uint8_t *key, bool *ret_found)
{
        static const uint8_t free_slot[ISSUER_REPLAY_KEY_LEN];
        size_t at = first_slot(replay, key);

        for (;; at = (at + 1) & (replay->slot_count - 1)) {
                *ret_found = memcmp(table->slots[at], key, ISSUER_REPLAY_KEY_LEN) == 0;
                if (*ret_found || memcmp(table->slots[at], free_slot, ISSUER_REPLAY_KEY_LEN) == 0)
                        return table->slots[at];
        }
}

static void empty(struct issuer_replay *replay, struct table *table)
{
        if (table->count > 0)
                memset(table->slots, 0, replay->slot_count * ISSUER_REPLAY_KEY_LEN);
        memset(table->counters, 0, COUNTERS * sizeof(*table->counters));
        table->count = 0;
}

static void turn(struct issuer_replay *replay, uint64_t now_ms)
{
        struct table old = replay->previous;

        if (replay->turn_ms != 0 && now_ms < replay->turn_ms)
                return;
        if (replay->turn_ms != 0 && now_ms >= replay->turn_ms + replay->lifetime_ms)
                empty(replay, &replay->current);
        empty(replay, &old);
        replay->previous = replay->current;
        replay->current = old;
        replay->turn_ms = now_ms + replay->lifetime_ms;
}

static enum issuer_replay_outcome add(struct issuer_replay *replay, const uint8_t *key, uint64_t device)
{
        uint32_t *counter = &replay->current.counters[mix(replay, device) & (COUNTERS - 1)];
        bool found;
        uint8_t *slot;

        (void) find_slot(replay, &replay->previous, key, &found);
        if (found)
                return ISSUER_REPLAY_SEEN;
        slot = find_slot(replay, &replay->current, key, &found);
        if (found)
                return ISSUER_REPLAY_SEEN;
        if (replay->current.count == replay->entries_max)
                return ISSUER_REPLAY_FULL;
        if (*counter > replay->entries_max / ISSUER_REPLAY_SHARE_OF)
                return ISSUER_REPLAY_SHARE;
        memcpy(slot, key, ISSUER_REPLAY_KEY_LEN);
        replay->current.count++;
        (*counter)++;
        return ISSUER_REPLAY_NEW;
}

enum issuer_replay_outcome issuer_replay_add(struct issuer_replay *replay, const uint8_t key[static ISSUER_REPLAY_KEY_LEN],
                                             uint64_t device, uint64_t now_ms)
{
        enum issuer_replay_outcome outcome;

        pthread_mutex_lock(&replay->lock);
        turn(replay, now_ms);
        outcome = add(replay, key, device);
        pthread_mutex_unlock(&replay->lock);
        return outcome;
}
