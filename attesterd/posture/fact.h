/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setting the facts that were read. Used by the collectors of this folder only.
 */
#pragma once

#include "attesterd/posture/source.h"

/*
 * Each sets a `reported` fact that was read from `source`. A text that no fact can hold makes the fact unreadable.
 * Errors: NO_MEMORY, LIMIT_EXCEEDED (number of facts).
 */
bool posture_set_boolean(struct policy_facts *to, const char *name, bool value, const char *source,
                         struct base_error *error) BASE_MUST_CHECK;
bool posture_set_integer(struct policy_facts *to, const char *name, int64_t value, const char *source,
                         struct base_error *error) BASE_MUST_CHECK;
bool posture_set_text(struct policy_facts *to, const char *name, enum policy_fact_type type, const char *text, const char *source,
                      struct base_error *error) BASE_MUST_CHECK;
bool posture_set_unreadable(struct policy_facts *to, const char *name, const char *reason, const char *source,
                            struct base_error *error) BASE_MUST_CHECK;
/* Unreadable for an errno(3) that reading `source` gave. */
bool posture_set_errno(struct policy_facts *to, const char *name, int error_number, const char *source,
                       struct base_error *error) BASE_MUST_CHECK;
/* An INTEGER: the seconds from `then` to now. Unreadable if that is in the future, as after the clock was set back. */
bool posture_set_age(const struct posture_sources *sources, struct policy_facts *to, const char *name, int64_t then,
                     const char *source, struct base_error *error) BASE_MUST_CHECK;
