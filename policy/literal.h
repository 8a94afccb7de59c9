/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Literal values, as expressions and custom fact files write them: true, 17, 12.5, debian, "any text". Used by the
 * expression parser and by attesterd's custom facts; may be included by the folders that may include policy/.
 */
#pragma once

#include "base/buffer.h"
#include "policy/facts.h"

/* A value without a fact's name around it. */
struct policy_literal {
        enum policy_fact_type type; /* never UNREADABLE */
        bool boolean;
        int64_t integer;
        char text[POLICY_FACT_TEXT_BYTES_MAX + 1]; /* as written, without quotes and escapes; of every type */
};

/*
 * Parses one literal that is the whole of `text`: true or false, an integer in 64 bits, a span of time (7d: an
 * INTEGER of seconds, whose text stays "7d"; units s, m, h, d, w), a version (starts with a digit), a bare word (ASCII letters,
 * digits, `_`, `-`; starts with a letter), or a string in double quotes, in which \" and \\ stand for the characters. Errors:
 * MALFORMED with what is wrong, LIMIT_EXCEEDED; the message says no position, `ret_offset` is the byte of `text` that it is
 * about.
 */
bool policy_literal_parse(struct base_bytes text, struct policy_literal *ret, size_t *ret_offset,
                          struct base_error *error) BASE_MUST_CHECK;
