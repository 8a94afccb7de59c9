/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which evidence was accepted already. An entry is kept for at least one nonce lifetime; after that the evidence's nonce
 * is stale, so it need not be known any more. Nothing is written to disk: nonces do not outlive the process either. Any
 * number of threads may use one object. Used by attester-issuer; may be included by issuer/.
 */
#pragma once

#include "base/error.h"
#include "base/system.h"

#define ISSUER_REPLAY_ENTRIES_MAX (1 << 18) /* of one lifetime; 32 bytes each, two lifetimes are kept */
#define ISSUER_REPLAY_KEY_LEN     32
#define ISSUER_REPLAY_SHARE_OF    8 /* devices that could fill it together */

struct issuer_replay;

/* Errors: NO_MEMORY, CRYPTO (no randomness for the table's salt). */
bool issuer_replay_new(unsigned lifetime_s, size_t entries_max, const struct base_random *random, struct issuer_replay **ret,
                       struct base_error *error) BASE_MUST_CHECK;
void issuer_replay_free(struct issuer_replay *replay);
BASE_DEFINE_CLEANUP(struct issuer_replay, issuer_replay_free)
#define issuer_auto_replay BASE_CLEANUP(issuer_replay_free_p)

enum issuer_replay_outcome {
        ISSUER_REPLAY_NEW, /* and from now on known */
        ISSUER_REPLAY_SEEN,
        ISSUER_REPLAY_FULL,  /* nothing unexpired is ever forgotten to make room */
        ISSUER_REPLAY_SHARE, /* this device has had its share of the room; others still have theirs */
};

/* `now_ms` is monotonic. `key` is a hash. `device` is any number of its own: it gets an ISSUER_REPLAY_SHARE_OF of the room. */
enum issuer_replay_outcome issuer_replay_add(struct issuer_replay *replay, const uint8_t key[static ISSUER_REPLAY_KEY_LEN],
                                             uint64_t device, uint64_t now_ms) BASE_MUST_CHECK;
