/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a token to a literal: what the parsers of expressions and of lone literals share.
 */
#pragma once

#include "policy/lexer.h"
#include "policy/literal.h"

/* As policy_literal_parse(), of one token of `text`. */
bool policy_literal_from_token(struct base_bytes text, const struct policy_token *token, struct policy_literal *ret,
                               size_t *ret_offset, struct base_error *error) BASE_MUST_CHECK;
