/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/policy.h"

#include <string.h>

void policy_results_clear(struct policy_results *results)
{
        if (results == NULL)
                return;
        for (size_t i = 0; i < results->count; i++)
                free(results->items[i].reason);
        free(results->items);
        *results = (struct policy_results) POLICY_RESULTS_INIT;
}

/* When= false skips; true and unknown apply. Writes the reason of a rule that does not pass. */
static enum policy_outcome evaluate_rule(const struct policy_rule *rule, const struct policy_facts *facts,
                                         char reason[POLICY_REASON_BYTES_MAX])
{
        if (rule->when_expression != NULL && policy_expression_evaluate(rule->when_expression, facts, reason) == POLICY_FALSE)
                return POLICY_OUTCOME_SKIPPED;
        if (policy_expression_evaluate(rule->require_expression, facts, reason) == POLICY_TRUE)
                return POLICY_OUTCOME_PASS;
        return rule->severity == POLICY_SEVERITY_WARN ? POLICY_OUTCOME_WARN : POLICY_OUTCOME_FAIL;
}

/* False without memory. */
static bool set_reason(struct policy_result *result, const char *reason)
{
        if (result->outcome == POLICY_OUTCOME_FAIL || result->outcome == POLICY_OUTCOME_WARN)
                result->reason = strdup(reason);
        else if (result->outcome == POLICY_OUTCOME_SKIPPED && asprintf(&result->reason, "does not apply: %s", reason) < 0)
                result->reason = NULL;
        return result->reason != NULL || result->outcome == POLICY_OUTCOME_PASS;
}

static void summarize(struct policy_results *results)
{
        if (results->count == 0)
                (void) snprintf(results->summary, sizeof(results->summary), "the policy has no rules");
        else if (results->failed > 0)
                (void) snprintf(results->summary, sizeof(results->summary), "%zu of %zu rules fail", results->failed,
                                results->count);
        else if (results->warned > 0)
                (void) snprintf(results->summary, sizeof(results->summary), "no rule fails: %zu pass, %zu warn, %zu do not apply",
                                results->count - results->skipped - results->warned, results->warned, results->skipped);
        else if (results->skipped > 0)
                (void) snprintf(results->summary, sizeof(results->summary),
                                "all rules that apply pass: %zu pass, %zu do not apply", results->count - results->skipped,
                                results->skipped);
        else
                (void) snprintf(results->summary, sizeof(results->summary), "all %zu rules pass", results->count);
}

bool policy_evaluate(const struct policy *policy, const struct policy_facts *facts, struct policy_results *ret,
                     struct base_error *error)
{
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;
        char reason[POLICY_REASON_BYTES_MAX];

        results.items = calloc(policy->count + 1, sizeof(*results.items));
        if (results.items == NULL)
                return base_error_set_no_memory(error);
        for (; results.count < policy->count; results.count++) {
                struct policy_result *result = &results.items[results.count];

                result->rule = &policy->rules[results.count];
                result->outcome = evaluate_rule(result->rule, facts, reason);
                results.failed += result->outcome == POLICY_OUTCOME_FAIL;
                results.skipped += result->outcome == POLICY_OUTCOME_SKIPPED;
                results.warned += result->outcome == POLICY_OUTCOME_WARN;
                if (!set_reason(result, reason))
                        return base_error_set_no_memory(error);
        }
        results.pass = results.failed == 0;
        summarize(&results);
        *ret = results;
        results = (struct policy_results) POLICY_RESULTS_INIT;
        return true;
}

const char *policy_outcome_name(enum policy_outcome outcome)
{
        static const char *const names[POLICY_OUTCOME_COUNT] = {
                [POLICY_OUTCOME_PASS] = "pass",
                [POLICY_OUTCOME_FAIL] = "fail",
                [POLICY_OUTCOME_SKIPPED] = "skipped",
                [POLICY_OUTCOME_WARN] = "warn",
        };

        return names[outcome];
}
