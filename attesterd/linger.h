/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a batch waits, while the TPM is idle, for more requests to share its quote. Pure arithmetic over what the batcher
 * tells it. Used by attesterd; may be included by attesterd/.
 *
 * Callers that ask again as soon as they are answered fall into two groups, one in the TPM and one in the exchange with the
 * issuer, which then take turns and never meet: every quote serves half of them, and each waits for two. With w requests of a
 * user here, h with issuers for another H, and quotes of Q: going now finishes them after w·Q + h·2Q together, lingering after
 * (w + h)·(Q + H). Lingering is better if H < Q·h/(w + h). So a user lingers from when h > w, for as long as requests keep
 * coming back and one quote's time at most: what came in meanwhile has its quote within two.
 *
 * Only those linger who gain: a batch leaves as soon as one user in it has nothing, or little, at issuers. So a user alone waits
 * for one quote, and a user beside one with hundreds of callers never waits for these.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#define ATTESTERD_LINGER_PEERS_MIN     8  /* a user with fewer requests at issuers does not linger */
#define ATTESTERD_LINGER_QUIET_DIVISOR 4  /* it ends when nothing of this user came for this part of a quote's time, */
#define ATTESTERD_LINGER_TAIL_DIVISOR  16 /* or this part when nothing is at issuers: the last answered may ask again */

struct attesterd_linger_user;

struct attesterd_linger {
        LIST_HEAD(, attesterd_linger_user) users; /* with something waiting or at an issuer */
};

void attesterd_linger_init(struct attesterd_linger *linger);
void attesterd_linger_clear(struct attesterd_linger *linger);

/* A request of `uid` waits for its quote. Errors: NO_MEMORY. */
bool attesterd_linger_note_waiting(struct attesterd_linger *linger, uid_t uid, uint64_t now_ms,
                                   struct base_error *error) BASE_MUST_CHECK;
/* It waits no longer: it is in a batch, or taken back. */
void attesterd_linger_note_taken(struct attesterd_linger *linger, uid_t uid);
/* A request of `uid` that had its quote is with its issuer. Errors: NO_MEMORY. */
bool attesterd_linger_note_sent(struct attesterd_linger *linger, uid_t uid, struct base_error *error) BASE_MUST_CHECK;
/* It is back, or given up. */
void attesterd_linger_note_back(struct attesterd_linger *linger, uid_t uid);

/*
 * How many milliseconds from now a batch of what waits is to be quoted, on an idle TPM whose quotes take `quote_ms`: 0 is at
 * once. Holds until the next note. With nothing waiting it is 0.
 */
uint64_t attesterd_linger_ms(struct attesterd_linger *linger, uint64_t now_ms, uint64_t quote_ms);
