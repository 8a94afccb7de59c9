/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "Did you mean …?" Used by the loader of policy files and the table of known facts only.
 */
#pragma once

#include <stddef.h>

/*
 * The known name that one or two edits, or another case of letters, make of `found`; NULL if there is none or `found` is
 * longer than any name that is worth a guess.
 */
const char *policy_nearest_name(const char *found, const char *const *known, size_t count);
