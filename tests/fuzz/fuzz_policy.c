/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole policy file: loads it, and evaluates what loads. */
#include "policy/policy.h"

static void check_diagnostics(const struct policy_diagnostics *diagnostics)
{
        char text[BASE_ERROR_TEXT_MAX];

        for (size_t i = 0; i < diagnostics->count; i++) {
                policy_diagnostic_print(&diagnostics->items[i], text, sizeof(text));
                if (!policy_text_valid(text) || text[0] == '\0')
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct policy_diagnostics diagnostics;
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;
        policy_auto_policy struct policy *policy = NULL;
        struct base_error error = BASE_ERROR_INIT;

        diagnostics.count = 0;
        diagnostics.dropped = 0;
        if (!policy_load_buffer("input", BASE_BYTES(data, size), &diagnostics, &policy, &error)) {
                if (diagnostics.count == 0 || error.code == BASE_ERROR_NONE)
                        abort();
                check_diagnostics(&diagnostics);
                return 0;
        }
        if (!policy_facts_set_boolean(&facts, "x.y", true, (struct policy_origin){ .source = "" }, NULL) ||
            !policy_evaluate(policy, &facts, NULL, &results, &error) || results.count != policy->count)
                abort();
        for (size_t i = 0; i < results.count; i++)
                if ((results.items[i].outcome == POLICY_OUTCOME_PASS) != (results.items[i].reason == NULL))
                        abort();
        return 0;
}
