/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spans of time as people write them: 30m, 12h, 7d. Used by the parser of literals and by explanations only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a text is an optional minus, digits and one of the units s, m, h, d, w. */
bool policy_span_is(const char *text);

/* The seconds of such a text; false if they do not fit in 64 bits. */
bool policy_span_parse(const char *text, int64_t *ret);

/* Writes seconds in the largest unit that they fill, as in "10d"; what is left is cut off. */
void policy_span_print(int64_t seconds, char *ret, size_t ret_size);
