/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/policy.h"
#include "policy/rollout.h"
#include "policy/span.h"

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

/* Whether the rule holds for this issuer and device; writes why not. */
static bool is_meant(const struct policy_rule *rule, const struct policy_context *context, bool *ret,
                     char reason[POLICY_REASON_BYTES_MAX], struct base_error *error)
{
        *ret = false;
        if (rule->issuer != NULL && (context->issuer == NULL || strcmp(rule->issuer, context->issuer) != 0)) {
                (void) snprintf(reason, POLICY_REASON_BYTES_MAX, "it holds for the issuer %s", rule->issuer);
                return true;
        }
        if (!policy_rollout_includes(rule->name, rule->rollout_percent, context->device, ret, error))
                return false;
        if (!*ret)
                (void) snprintf(reason, POLICY_REASON_BYTES_MAX, "it is rolled out to %u%% of the devices, and not to this one",
                                rule->rollout_percent);
        return true;
}

/* What a rule that does not pass comes to. */
static bool judge_failure(const struct policy_rule *rule, const struct policy_context *context, struct policy_result *result,
                          struct base_error *error)
{
        if (rule->severity == POLICY_SEVERITY_WARN) {
                result->outcome = POLICY_OUTCOME_WARN;
                return true;
        }
        result->outcome = POLICY_OUTCOME_FAIL;
        if (rule->grace_s == 0 || context->graces == NULL)
                return true;
        if (!policy_graces_note_failure(context->graces, rule->name, rule->grace_s, context->now, &result->grace_left_s, error))
                return false;
        if (result->grace_left_s > 0)
                result->outcome = POLICY_OUTCOME_GRACE;
        return true;
}

/* Writes the reason of a rule that does not pass. */
static bool judge(const struct policy_rule *rule, const struct policy_facts *facts, const struct policy_context *context,
                  struct policy_result *result, char reason[POLICY_REASON_BYTES_MAX], struct base_error *error)
{
        bool meant;

        result->outcome = POLICY_OUTCOME_SKIPPED;
        if (!is_meant(rule, context, &meant, reason, error))
                return false;
        if (!meant ||
            (rule->when_expression != NULL && policy_expression_evaluate(rule->when_expression, facts, reason) == POLICY_FALSE))
                return true;
        if (policy_expression_evaluate(rule->require_expression, facts, reason) != POLICY_TRUE)
                return judge_failure(rule, context, result, error);
        result->outcome = POLICY_OUTCOME_PASS;
        if (rule->grace_s > 0 && context->graces != NULL)
                policy_graces_note_pass(context->graces, rule->name, rule->grace_s, context->now);
        return true;
}

static bool set_reason(struct policy_result *result, const char *reason, struct base_error *error)
{
        char left[24];
        int done = 0;

        switch (result->outcome) {
        case POLICY_OUTCOME_PASS:
                return true;
        case POLICY_OUTCOME_SKIPPED:
                done = asprintf(&result->reason, "does not apply: %s", reason);
                break;
        case POLICY_OUTCOME_GRACE:
                policy_span_print((int64_t) result->grace_left_s, left, sizeof(left));
                done = asprintf(&result->reason, "%s; it is let pass for %s", reason, left);
                break;
        default:
                result->reason = strdup(reason);
        }
        if (done >= 0 && result->reason != NULL)
                return true;
        result->reason = NULL;
        return base_error_set_no_memory(error);
}

static void summarize(struct policy_results *results)
{
        if (results->count == 0)
                (void) snprintf(results->summary, sizeof(results->summary), "the policy has no rules");
        else if (results->failed > 0)
                (void) snprintf(results->summary, sizeof(results->summary), "%zu of %zu rules fail", results->failed,
                                results->count);
        else if (results->graced > 0)
                (void) snprintf(results->summary, sizeof(results->summary),
                                "no rule fails: %zu pass, %zu warn, %zu in grace, %zu do not apply",
                                results->count - results->skipped - results->warned - results->graced, results->warned,
                                results->graced, results->skipped);
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

bool policy_evaluate(const struct policy *policy, const struct policy_facts *facts, const struct policy_context *context,
                     struct policy_results *ret, struct base_error *error)
{
        static const struct policy_context nobody = { .issuer = NULL };
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;
        char reason[POLICY_REASON_BYTES_MAX];

        results.items = calloc(policy->count + 1, sizeof(*results.items));
        if (results.items == NULL)
                return base_error_set_no_memory(error);
        for (; results.count < policy->count; results.count++) {
                struct policy_result *result = &results.items[results.count];

                result->rule = &policy->rules[results.count];
                if (!judge(result->rule, facts, context == NULL ? &nobody : context, result, reason, error) ||
                    !set_reason(result, reason, error))
                        return false;
                results.failed += result->outcome == POLICY_OUTCOME_FAIL;
                results.skipped += result->outcome == POLICY_OUTCOME_SKIPPED;
                results.warned += result->outcome == POLICY_OUTCOME_WARN;
                results.graced += result->outcome == POLICY_OUTCOME_GRACE;
        }
        results.pass = results.failed == 0;
        summarize(&results);
        *ret = results;
        results = (struct policy_results) POLICY_RESULTS_INIT;
        return true;
}

void policy_rule_visit_facts(const struct policy_rule *rule, void (*visitor)(const char *fact_name, void *context),
                             void *context)
{
        if (rule->when_expression != NULL)
                policy_expression_visit_facts(rule->when_expression, visitor, context);
        policy_expression_visit_facts(rule->require_expression, visitor, context);
}

bool policy_has_grace(const struct policy *policy)
{
        for (size_t i = 0; i < policy->count; i++)
                if (policy->rules[i].grace_s > 0)
                        return true;
        return false;
}

const char *policy_outcome_name(enum policy_outcome outcome)
{
        static const char *const names[POLICY_OUTCOME_COUNT] = {
                [POLICY_OUTCOME_PASS] = "pass", [POLICY_OUTCOME_FAIL] = "fail",   [POLICY_OUTCOME_SKIPPED] = "skipped",
                [POLICY_OUTCOME_WARN] = "warn", [POLICY_OUTCOME_GRACE] = "grace",
        };

        return names[outcome];
}
