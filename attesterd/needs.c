/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/needs.h"

#include <string.h>

static const struct {
        const char *fact;
        uint32_t services;
} asked[] = {
        { "firmware.hsi", ATTESTERD_SERVICE_FWUPD },
        { "os.updates.age", ATTESTERD_SERVICE_PACKAGEKIT },
        { "os.updates.security", ATTESTERD_SERVICE_PACKAGEKIT },
        { "session.active", ATTESTERD_SERVICE_SESSION },
        { "session.docked", ATTESTERD_SERVICE_LID },
        { "session.idle", ATTESTERD_SERVICE_SESSION },
        { "session.lid_closed", ATTESTERD_SERVICE_LID },
        { "session.locked", ATTESTERD_SERVICE_SESSION },
        { "session.remote", ATTESTERD_SERVICE_SESSION },
        { "session.type", ATTESTERD_SERVICE_SESSION },
        { "tpm.firmware", ATTESTERD_SERVICE_TPM },
        { "tpm.manufacturer", ATTESTERD_SERVICE_TPM },
        { "tpm.simulated", ATTESTERD_SERVICE_TPM },
        { "tpm.weak", ATTESTERD_SERVICE_TPM },
        { "window.focused", ATTESTERD_SERVICE_SESSION }, /* no window of a session that is not in front */
};

static void note_fact(const char *fact, void *context)
{
        struct attesterd_needs *needs = context;

        needs->collectors |= posture_collectors_of(fact);
        for (size_t i = 0; i < BASE_COUNT(asked); i++)
                if (strcmp(asked[i].fact, fact) == 0)
                        needs->services |= asked[i].services;
}

struct attesterd_needs attesterd_needs_of_policy(const struct policy *policy)
{
        struct attesterd_needs needs = { .services = 0 };

        for (size_t i = 0; policy != NULL && i < policy->count; i++)
                policy_rule_visit_facts(&policy->rules[i], note_fact, &needs);
        return needs;
}
