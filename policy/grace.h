/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is remembered of rules with Grace= that failed: the daemon keeps it for its device, the issuer for each of its. Used by
 * attesterd and attester-issuer; may be included by the folders that may include policy/.
 *
 * Grace counts from the first failure that was seen. It is granted anew only after the rule was seen to pass and was not seen to
 * fail for as long as the grace is: a device that passes for a moment, stays away or asks more often gains nothing.
 */
#pragma once

#include "base/error.h"

#include <stdint.h>

#define POLICY_GRACES_MAX     1024
#define POLICY_GRACE_RULE_MAX 64 /* POLICY_RULE_NAME_BYTES_MAX */

struct policy_grace {
        char rule[POLICY_GRACE_RULE_MAX + 1];
        uint64_t failing_since; /* seconds since 1970, of the first failure; 0: there is nothing to remember any more */
        uint64_t passing_since; /* of the first pass since; 0: it has not passed */
        bool changed;           /* since policy_graces_settle() */
};

/* In no order, each rule once. */
struct policy_graces {
        struct policy_grace *items;
        size_t count;
        bool changed; /* some item is */
};

#define POLICY_GRACES_INIT                                                                                                       \
        {                                                                                                                        \
                0                                                                                                                \
        }

void policy_graces_clear(struct policy_graces *graces);
#define policy_auto_graces BASE_CLEANUP(policy_graces_clear)

/* Errors: NO_MEMORY. */
bool policy_graces_copy(const struct policy_graces *from, struct policy_graces *ret, struct base_error *error) BASE_MUST_CHECK;

/*
 * Adds what was kept elsewhere. Errors: INVALID_ARGUMENT (no name of a rule, there already, no first failure), LIMIT_EXCEEDED
 * (POLICY_GRACES_MAX), NO_MEMORY.
 */
bool policy_graces_add(struct policy_graces *graces, const char *rule, uint64_t failing_since, uint64_t passing_since,
                       struct base_error *error) BASE_MUST_CHECK;

/* The rule's, or NULL; owned by the table, valid until its next change. */
const struct policy_grace *policy_graces_find(const struct policy_graces *graces, const char *rule);

/*
 * Notes that a rule with a grace of `grace_s` fails (or passes) at `now`. `ret_left_s` is the grace that is left to a rule that
 * fails; 0: none, which is also what a full table grants. A time in the future, from before a clock was set back, becomes `now`.
 * Errors: NO_MEMORY.
 */
bool policy_graces_note_failure(struct policy_graces *graces, const char *rule, uint32_t grace_s, uint64_t now,
                                uint64_t *ret_left_s, struct base_error *error) BASE_MUST_CHECK;
void policy_graces_note_pass(struct policy_graces *graces, const char *rule, uint32_t grace_s, uint64_t now);

/* Moves all times by as much as the clock was found to have been set. */
void policy_graces_shift(struct policy_graces *graces, int64_t seconds);

/* All changes are kept elsewhere now: drops what there is nothing to remember of. */
void policy_graces_settle(struct policy_graces *graces);
