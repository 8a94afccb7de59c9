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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        policy_auto_expression struct policy_expression *expression = NULL;
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        char reason[POLICY_REASON_BYTES_MAX];
        struct base_error error = BASE_ERROR_INIT;
        enum policy_truth truth;
        size_t offset = SIZE_MAX;

        if (!policy_expression_parse(BASE_BYTES(data, size), &expression, &offset, &error)) {
                if (offset > size || !policy_text_valid(error.message))
                        abort();
                return 0;
        }
        fill(&facts);
        truth = policy_expression_evaluate(expression, &facts, reason);
        if ((truth == POLICY_TRUE) != (reason[0] == '\0') || !policy_text_valid(reason) ||
            truth != policy_expression_evaluate(expression, &facts, NULL))
                abort();
        return 0;
}
