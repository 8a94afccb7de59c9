/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules that stand between a person and a token, whether the device's own policy or the issuer's found so. Used by
 * attesterd; may be included by attesterd/.
 */
#pragma once

#include "policy/policy.h"

#include <dbus/dbus.h>

#define ATTESTERD_DENIALS_MAX 32 /* more are left out */

struct attesterd_denial {
        char *rule;
        char *reason;
        char *remedy;
};

struct attesterd_denials {
        size_t count;
        struct attesterd_denial items[ATTESTERD_DENIALS_MAX];
};

void attesterd_denials_clear(struct attesterd_denials *denials);
#define attesterd_auto_denials BASE_CLEANUP(attesterd_denials_clear)

/* Adds copies; texts that policy_text_valid() refuses become "", and a full list leaves it out. Errors: NO_MEMORY. */
bool attesterd_denials_add(struct attesterd_denials *denials, const char *rule, const char *reason, const char *remedy,
                           struct base_error *error) BASE_MUST_CHECK;

/* Adds the failed rules of an evaluation, with the remedies of a locale. Errors: NO_MEMORY. */
bool attesterd_denials_add_results(struct attesterd_denials *denials, const struct policy_results *results, const char *locale,
                                   struct base_error *error) BASE_MUST_CHECK;

/* Sets POLICY_DENIED: "`who` RULE: REASON. REMEDY; RULE: …", cut to fit. Always returns false. */
bool attesterd_denials_error(const struct attesterd_denials *denials, const char *who, struct base_error *error);

/* An error reply with the message and, as second argument, the rules as Evaluate gives them. NULL without memory. */
DBusMessage *attesterd_denials_message(const struct attesterd_denials *denials, DBusMessage *call,
                                       const struct base_error *error);

/* Appends one (ssss) of Evaluate to an array of them. */
bool attesterd_rule_append(DBusMessageIter *array, const char *rule, const char *outcome, const char *reason, const char *remedy);
