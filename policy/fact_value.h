/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fact's value as a file of facts writes it: a literal of the expression language, `string` or `version` behind one that would
 * be read as something else, and `@hardware` or `@measured`; or `unreadable "reason"`. Used by the reader and writer of such
 * files only.
 */
#pragma once

#include "base/buffer.h"
#include "policy/facts.h"

/*
 * Parses a value and sets the fact `name`. A known fact (policy/known_facts.h) has its own type. Errors: POLICY_INVALID,
 * LIMIT_EXCEEDED; the message says no position, `ret_offset` is the byte of `text` that it is about. NO_MEMORY.
 */
bool policy_fact_value_parse(const char *name, struct base_bytes text, struct policy_facts *to, size_t *ret_offset,
                             struct base_error *error) BASE_MUST_CHECK;

/* Appends the value so that policy_fact_value_parse() reads the same fact, but for its source. */
void policy_fact_value_write(const struct policy_fact *fact, struct base_buffer *to);
