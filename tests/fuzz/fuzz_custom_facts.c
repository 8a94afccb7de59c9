/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/custom_facts.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        struct base_error error = BASE_ERROR_INIT;

        if (!posture_custom_facts_parse(BASE_BYTES(data, size), "input", &facts, &error) &&
            (error.code == BASE_ERROR_NONE || !policy_text_valid(error.message)))
                abort();
        for (size_t i = 0; i < facts.count; i++)
                if (strncmp(facts.items[i].name, "custom.", strlen("custom.")) != 0)
                        abort();
        return 0;
}
