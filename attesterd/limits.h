/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much each user may ask of the daemon: a token bucket and a bound on unanswered calls a uid, and one bound for all.
 * Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/config.h"
#include "base/system.h"

#include <sys/types.h>

#define ATTESTERD_USERS_MAX 1024 /* uids remembered at once; those whose bucket is full again are forgotten first */

struct attesterd_limits;

/* `clock` must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool attesterd_limits_new(const struct attesterd_limits_config *config, const struct base_clock *clock,
                          struct attesterd_limits **ret, struct base_error *error) BASE_MUST_CHECK;
void attesterd_limits_free(struct attesterd_limits *limits);

/* Replaces the figures; what is in flight stays counted. */
void attesterd_limits_configure(struct attesterd_limits *limits, const struct attesterd_limits_config *config);

/*
 * Counts `weight` (a call, or the token requests in it) of `uid` as in flight, until attesterd_limits_leave().
 * Errors: RATE_LIMITED (this user has too many), BUSY (all users together, or too many users).
 */
bool attesterd_limits_enter(struct attesterd_limits *limits, uid_t uid, unsigned weight,
                            struct base_error *error) BASE_MUST_CHECK;
void attesterd_limits_leave(struct attesterd_limits *limits, uid_t uid, unsigned weight);

/*
 * Takes `cost` from the bucket of `uid`, which must be in flight; all or nothing. A cost above the burst is as the burst.
 * Errors: RATE_LIMITED, which says when to retry.
 */
bool attesterd_limits_spend(struct attesterd_limits *limits, uid_t uid, unsigned cost, struct base_error *error) BASE_MUST_CHECK;
