/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fetches the fleet's policy bundle from BundleUrl=, now and then. Used by attesterd; may be included by attesterd/.
 *
 * Spread at random, so that a fleet does not ask all at once: first soon after the start, then every
 * ATTESTERD_BUNDLE_INTERVAL_S, and after a failure after ATTESTERD_BUNDLE_RETRY_S, which doubles up to that. The machine is not
 * woken for it. No caller ever waits for a fetch.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

#define ATTESTERD_BUNDLE_INTERVAL_S   (6 * 60 * 60)
#define ATTESTERD_BUNDLE_RETRY_S      (5 * 60)
#define ATTESTERD_BUNDLE_SPREAD       20  /* percent, to either side */
#define ATTESTERD_BUNDLE_FIRST_S      300 /* the first one at some time within this ... */
#define ATTESTERD_BUNDLE_FIRST_EVER_S 10  /* ... or this, while there is no bundle */
#define ATTESTERD_BUNDLE_TIMEOUT_MS   60000

struct attesterd_daemon;
struct attesterd_bundle_fetch;

/* `daemon` must outlive `ret`, which the caller frees before the transport and after the bundles' callbacks. Errors: NO_MEMORY.
 */
bool attesterd_bundle_fetch_new(struct attesterd_daemon *daemon, struct attesterd_bundle_fetch **ret,
                                struct base_error *error) BASE_MUST_CHECK;
void attesterd_bundle_fetch_free(struct attesterd_bundle_fetch *fetch);

/* Takes the configuration over; what is known of attempts at another URL is forgotten. With `now` a fetch starts at once, as
 * somebody wants it who has the configuration read again. */
void attesterd_bundle_fetch_configure(struct attesterd_bundle_fetch *fetch, bool now);

/* How the last attempt failed, be it to fetch or to install what came. */
struct attesterd_bundle_failure {
        struct base_error error; /* no error: it did not, or there was none yet */
        uint64_t at;             /* seconds since 1970 */
};

/* There is no policy in force, and the newest bundle would mend that: it is fetched within ATTESTERD_BUNDLE_FIRST_EVER_S. */
void attesterd_bundle_fetch_hurry(struct attesterd_bundle_fetch *fetch);

/*
 * How long to wait, in milliseconds: `seconds` give or take ATTESTERD_BUNDLE_SPREAD percent. `random` is any 32 bits.
 */
uint64_t attesterd_bundle_fetch_spread_ms(uint32_t seconds, uint32_t random);

/* How long to wait after so many failures in a row, before it is spread; 0: after a success. */
uint32_t attesterd_bundle_fetch_pause_s(unsigned failures);
