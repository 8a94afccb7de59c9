/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The challenges that attester-gate has made: which are outstanding and which were redeemed. A token is good only for a
 * challenge that is in here, once; so a token that was spent is refused whether its challenge is still here (it is marked),
 * has left (it is unknown), or the gate was restarted (all are unknown). That is why nothing is written to disk, and why
 * no choice of what to drop can let a token be spent twice. May be included by issuer/gate only.
 *
 * All challenges live equally long, so they leave in the order in which they came. When the store is full the oldest
 * leaves early: a flood of requests without tokens costs those who were slowest to answer a second try, never anybody a
 * double spend. Any thread may use one store.
 */
#pragma once

#include "base/system.h"
#include "issuer/gate/key.h"

struct gate_store;

/* At most `capacity` challenges, good for `lifetime_ms`; the memory is taken now. Errors: NO_MEMORY. */
bool gate_store_new(uint32_t capacity, uint64_t lifetime_ms, const struct base_clock *clock, struct gate_store **ret,
                    struct base_error *error) BASE_MUST_CHECK;
void gate_store_free(struct gate_store *store);
BASE_DEFINE_CLEANUP(struct gate_store, gate_store_free)
#define gate_auto_store BASE_CLEANUP(gate_store_free_p)

/* Remembers a challenge by its digest, for an origin's index; takes a reference to the key that it names. */
void gate_store_add(struct gate_store *store, const uint8_t digest[static TOKEN_DIGEST_LEN], uint32_t origin,
                    struct gate_key *key);

enum gate_store_state {
        GATE_STORE_OUTSTANDING,
        GATE_STORE_UNKNOWN, /* never made here, before a restart, or gone */
        GATE_STORE_EXPIRED, /* kept for one more lifetime, to say so */
        GATE_STORE_SPENT,
};

/* Looks a challenge up. If OUTSTANDING, `ret_key` is a reference that the caller gives back. */
enum gate_store_state gate_store_find(struct gate_store *store, const uint8_t digest[static TOKEN_DIGEST_LEN],
                                      uint32_t *ret_origin, struct gate_key **ret_key);

/* Marks a challenge spent. OUTSTANDING is what it was before: exactly one caller gets that answer. */
enum gate_store_state gate_store_spend(struct gate_store *store, const uint8_t digest[static TOKEN_DIGEST_LEN]);

struct gate_store_counts {
        uint64_t held;    /* now, those that are kept to say so included */
        uint64_t evicted; /* since start: outstanding ones that left early */
};

struct gate_store_counts gate_store_count(struct gate_store *store);
