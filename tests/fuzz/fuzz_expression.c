/* SPDX-License-Identifier: BSD-2-Clause */
/* One expression, evaluated over a set with a fact of every type. */
#include "policy/expression.h"

#include <string.h>

static void fill(struct policy_facts *facts)
{
        struct policy_origin reported = { .provenance = POLICY_PROVENANCE_REPORTED };
        struct policy_origin hardware = { .provenance = POLICY_PROVENANCE_HARDWARE };

        if (!policy_facts_set_boolean(facts, "a.b", true, hardware, NULL) ||
            !policy_facts_set_boolean(facts, "a.f", false, reported, NULL) ||
            !policy_facts_set_integer(facts, "a.i", 7, reported, NULL) ||
            !policy_facts_set_string(facts, "a.s", "debian", reported, NULL) ||
            !policy_facts_set_version(facts, "a.v", "12.5", reported, NULL) ||
            !policy_facts_set_unreadable(facts, "a.u", "no", reported, NULL))
                abort();
}

struct problems {
        size_t count;
        size_t size;
};

static void take_problem(size_t offset, const char *what, void *context)
{
        struct problems *problems = context;

        if (offset > problems->size || !policy_text_valid(what) || ++problems->count >= POLICY_EXPRESSION_PROBLEMS_MAX)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        policy_auto_expression struct policy_expression *expression = NULL;
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        char reason[POLICY_REASON_BYTES_MAX];
        struct base_error error = BASE_ERROR_INIT;
        enum policy_truth truth;
        struct problems problems = { .size = size };
        size_t offset = SIZE_MAX;

        if (!policy_expression_parse(BASE_BYTES(data, size), &expression, &offset, &error)) {
                if (offset > size || !policy_text_valid(error.message))
                        abort();
                policy_expression_report_others(BASE_BYTES(data, size), take_problem, &problems);
                return 0;
        }
        policy_expression_report_others(BASE_BYTES(data, size), take_problem, &problems);
        if (problems.count != 0)
                abort();
        fill(&facts);
        truth = policy_expression_evaluate(expression, &facts, reason);
        if ((truth == POLICY_TRUE) != (reason[0] == '\0') || !policy_text_valid(reason) ||
            truth != policy_expression_evaluate(expression, &facts, NULL))
                abort();
        return 0;
}
