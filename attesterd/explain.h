/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts, and rules with the facts that they name, as GetFacts and Explain carry them. Used by attesterd; may be included by
 * attesterd/.
 */
#pragma once

#include "policy/policy.h"

#include <dbus/dbus.h>

#define ATTESTERD_EXPLAIN_FACTS "(svsst)"
#define ATTESTERD_EXPLAIN_RULES "(ssssssas)"

/*
 * Appends an array of ATTESTERD_EXPLAIN_FACTS: all of `facts`, or with `results` those that its rules name. `now_ms` is by the
 * clock that the facts say their time in. False without memory.
 */
bool attesterd_explain_append_facts(DBusMessageIter *to, const struct policy_facts *facts, const struct policy_results *results,
                                    uint64_t now_ms) BASE_MUST_CHECK;

/* Appends an array of ATTESTERD_EXPLAIN_RULES, with the remedies of a locale. False without memory. */
bool attesterd_explain_append_rules(DBusMessageIter *to, const struct policy_results *results,
                                    const char *locale) BASE_MUST_CHECK;
