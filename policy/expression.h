/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The expressions of policy rules: small, total and typed; docs/policy.md describes the language. An expression is
 * parsed once and evaluated often, without allocation. Used by attesterd, attestctl and attester-issuer; may be included
 * by the folders that may include policy/.
 */
#pragma once

#include "base/buffer.h"
#include "policy/facts.h"

#define POLICY_EXPRESSION_BYTES_MAX 4096
#define POLICY_EXPRESSION_DEPTH_MAX 32  /* parentheses and `not` around a term */
#define POLICY_EXPRESSION_NODES_MAX 512 /* terms, `and`, `or`, `not` */
#define POLICY_EXPRESSION_SET_MAX   64  /* elements of one `in {…}` */
#define POLICY_REASON_BYTES_MAX     512 /* with the NUL */

#define POLICY_EXPRESSION_PROBLEMS_MAX      16  /* of one that does not parse */
#define POLICY_EXPRESSION_PROBLEM_BYTES_MAX 256 /* with the NUL */

struct policy_expression;

/*
 * Parses `text`, which is not kept. The caller frees `ret`.
 * Errors: POLICY_INVALID with what is wrong, or LIMIT_EXCEEDED; the message says no position, `ret_offset` is the byte of
 * `text` that it is about (at most its length). NO_MEMORY.
 */
bool policy_expression_parse(struct base_bytes text, struct policy_expression **ret, size_t *ret_offset,
                             struct base_error *error) BASE_MUST_CHECK;

/* `offset` is the byte of the text that `what` is about: where the fact's name or the value stands. */
typedef void policy_expression_reporter(size_t offset, const char *what, void *context);

/*
 * Of a text that policy_expression_parse() refused: goes on at the next `and`, `or` or ')' behind what is wrong and calls
 * `reporter` for all that is wrong besides, in the order of the text. With the first these are at most
 * POLICY_EXPRESSION_PROBLEMS_MAX.
 */
void policy_expression_report_others(struct base_bytes text, policy_expression_reporter *reporter, void *context);

/*
 * Checks the expression against the known facts (policy/known_facts.h): each name is known or of an open family, and is
 * compared with values of its type only. Calls `reporter` for all that is wrong, in the order of the text; false if anything is.
 */
bool policy_expression_check(const struct policy_expression *expression, policy_expression_reporter *reporter,
                             void *context) BASE_MUST_CHECK;

void policy_expression_free(struct policy_expression *expression);
BASE_DEFINE_CLEANUP(struct policy_expression, policy_expression_free)
#define policy_auto_expression BASE_CLEANUP(policy_expression_free_p)

/* Kleene's three values: UNKNOWN is what an unreadable, missing, too weakly attested or mistyped fact makes of a term. */
enum policy_truth {
        POLICY_FALSE,
        POLICY_TRUE,
        POLICY_UNKNOWN,
};

/*
 * Evaluates over `facts`; total: every expression has a value over every set. If the value is not TRUE, `ret_reason`
 * (NULL if not wanted) says why to a person, as in "os.version is 11.9, needed >= 12.5", cut to fit; if it is, "".
 */
enum policy_truth policy_expression_evaluate(const struct policy_expression *expression, const struct policy_facts *facts,
                                             char ret_reason[POLICY_REASON_BYTES_MAX]);

/* Calls `visitor` for each fact that the expression names, in the order of the text, repetitions included. */
void policy_expression_visit_facts(const struct policy_expression *expression,
                                   void (*visitor)(const char *fact_name, void *context), void *context);
