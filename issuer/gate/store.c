/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/gate/store.h"

#include <pthread.h>
#include <string.h>

struct slot {
        uint8_t digest[TOKEN_DIGEST_LEN];
        uint64_t expires_ms; /* monotonic */
        struct gate_key *key;
        uint32_t origin;
        bool spent;
};

struct gate_store {
        pthread_mutex_t lock;
        const struct base_clock *clock;
        uint64_t lifetime_ms;
        struct slot *slots; /* a ring, oldest first */
        uint32_t capacity;
        uint32_t oldest;
        uint32_t count;
        uint32_t *buckets; /* slot number + 1, or 0; linear probing; never more than half full */
        uint32_t bucket_mask;
        uint64_t evicted;
};

static uint64_t now_ms(const struct gate_store *store)
{
        return store->clock->monotonic_ms(store->clock->context);
}

/* Where a digest's search starts. Only digests of our own random challenges are inserted, so nobody can choose them. */
static uint32_t bucket_home(const struct gate_store *store, const uint8_t *digest)
{
        uint32_t start;

        memcpy(&start, digest, sizeof(start));
        return start & store->bucket_mask;
}

/* The bucket that holds the digest, or the empty one where the search ends. */
static uint32_t bucket_find(const struct gate_store *store, const uint8_t *digest)
{
        uint32_t bucket = bucket_home(store, digest);

        while (store->buckets[bucket] != 0 &&
               memcmp(store->slots[store->buckets[bucket] - 1].digest, digest, TOKEN_DIGEST_LEN) != 0)
                bucket = (bucket + 1) & store->bucket_mask;
        return bucket;
}

/* Empties a bucket and moves those behind it up, so that no search ends too early. */
static void bucket_clear(struct gate_store *store, uint32_t hole)
{
        uint32_t bucket = hole;

        store->buckets[hole] = 0;
        for (;;) {
                uint32_t home;

                bucket = (bucket + 1) & store->bucket_mask;
                if (store->buckets[bucket] == 0)
                        return;
                home = bucket_home(store, store->slots[store->buckets[bucket] - 1].digest);
                /* Stays where it is if its home lies behind the hole, seen in the direction of the search. */
                if (((bucket - home) & store->bucket_mask) < ((bucket - hole) & store->bucket_mask))
                        continue;
                store->buckets[hole] = store->buckets[bucket];
                store->buckets[bucket] = 0;
                hole = bucket;
        }
}

static void oldest_drop(struct gate_store *store)
{
        struct slot *slot = &store->slots[store->oldest];

        bucket_clear(store, bucket_find(store, slot->digest));
        gate_key_unref(slot->key);
        *slot = (struct slot){ .key = NULL };
        store->oldest = (store->oldest + 1) % store->capacity;
        store->count--;
}

bool gate_store_new(uint32_t capacity, uint64_t lifetime_ms, const struct base_clock *clock, struct gate_store **ret,
                    struct base_error *error)
{
        struct gate_store *store = calloc(1, sizeof(*store));
        uint32_t buckets = 2;

        if (store == NULL)
                return base_error_set_no_memory(error);
        while (buckets < 2 * capacity)
                buckets *= 2;
        *store = (struct gate_store){
                .clock = clock,
                .lifetime_ms = lifetime_ms,
                .capacity = capacity,
                .bucket_mask = buckets - 1,
                .slots = calloc(capacity, sizeof(*store->slots)),
                .buckets = calloc(buckets, sizeof(*store->buckets)),
        };
        if (store->slots == NULL || store->buckets == NULL || pthread_mutex_init(&store->lock, NULL) != 0) {
                free(store->slots);
                free(store->buckets);
                free(store);
                return base_error_set_no_memory(error);
        }
        *ret = store;
        return true;
}

void gate_store_free(struct gate_store *store)
{
        if (store == NULL)
                return;
        while (store->count > 0)
                oldest_drop(store);
        (void) pthread_mutex_destroy(&store->lock);
        free(store->slots);
        free(store->buckets);
        free(store);
}

/* Makes room, and drops what has been expired for a whole lifetime. */
static void slots_trim(struct gate_store *store, uint64_t now)
{
        while (store->count > 0 && now >= store->slots[store->oldest].expires_ms + store->lifetime_ms)
                oldest_drop(store);
        if (store->count < store->capacity)
                return;
        store->evicted += !store->slots[store->oldest].spent && now < store->slots[store->oldest].expires_ms;
        oldest_drop(store);
}

void gate_store_add(struct gate_store *store, const uint8_t digest[static TOKEN_DIGEST_LEN], uint32_t origin,
                    struct gate_key *key)
{
        uint32_t bucket, number;

        (void) pthread_mutex_lock(&store->lock);
        slots_trim(store, now_ms(store));
        bucket = bucket_find(store, digest);
        if (store->buckets[bucket] == 0) {
                number = (store->oldest + store->count) % store->capacity;
                store->slots[number] = (struct slot){
                        .expires_ms = now_ms(store) + store->lifetime_ms,
                        .key = gate_key_ref(key),
                        .origin = origin,
                };
                memcpy(store->slots[number].digest, digest, TOKEN_DIGEST_LEN);
                store->buckets[bucket] = number + 1;
                store->count++;
        }
        (void) pthread_mutex_unlock(&store->lock);
}

/* The slot of a digest, or NULL, and its state now. Call with the lock held. */
static struct slot *slot_find(const struct gate_store *store, const uint8_t *digest, enum gate_store_state *ret_state)
{
        uint32_t bucket = bucket_find(store, digest);
        struct slot *slot = store->buckets[bucket] != 0 ? &store->slots[store->buckets[bucket] - 1] : NULL;

        if (slot == NULL)
                *ret_state = GATE_STORE_UNKNOWN;
        else if (slot->spent)
                *ret_state = GATE_STORE_SPENT;
        else
                *ret_state = now_ms(store) >= slot->expires_ms ? GATE_STORE_EXPIRED : GATE_STORE_OUTSTANDING;
        return slot;
}

enum gate_store_state gate_store_find(struct gate_store *store, const uint8_t digest[static TOKEN_DIGEST_LEN],
                                      uint32_t *ret_origin, struct gate_key **ret_key)
{
        enum gate_store_state state;
        struct slot *slot;

        (void) pthread_mutex_lock(&store->lock);
        slot = slot_find(store, digest, &state);
        if (state == GATE_STORE_OUTSTANDING) {
                *ret_origin = slot->origin;
                *ret_key = gate_key_ref(slot->key);
        }
        (void) pthread_mutex_unlock(&store->lock);
        return state;
}

enum gate_store_state gate_store_spend(struct gate_store *store, const uint8_t digest[static TOKEN_DIGEST_LEN])
{
        enum gate_store_state state;
        struct slot *slot;

        (void) pthread_mutex_lock(&store->lock);
        slot = slot_find(store, digest, &state);
        if (state == GATE_STORE_OUTSTANDING)
                slot->spent = true;
        (void) pthread_mutex_unlock(&store->lock);
        return state;
}

struct gate_store_counts gate_store_count(struct gate_store *store)
{
        struct gate_store_counts counts;

        (void) pthread_mutex_lock(&store->lock);
        counts = (struct gate_store_counts){ .held = store->count, .evicted = store->evicted };
        (void) pthread_mutex_unlock(&store->lock);
        return counts;
}
