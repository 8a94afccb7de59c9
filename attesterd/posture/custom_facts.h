/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of facts that an administrator states: `name = value` lines. Used by the collector of custom.* only.
 */
#pragma once

#include "base/buffer.h"
#include "policy/facts.h"

#define POSTURE_CUSTOM_FILE_BYTES_MAX (16 * 1024)
#define POSTURE_CUSTOM_FACTS_MAX      64 /* of all files together */

/*
 * Sets the fact custom.NAME for each line `NAME = value` of a file; values are literals (see policy/literal.h). Empty
 * lines and lines that start with '#' or ';' say nothing. `source` becomes the facts' source and names the file in errors.
 * Errors: CONFIG_INVALID or LIMIT_EXCEEDED as "source:line:column: what", NO_MEMORY; `to` may then hold some of the facts.
 */
bool posture_custom_facts_parse(struct base_bytes text, const char *source, struct policy_facts *to,
                                struct base_error *error) BASE_MUST_CHECK;
