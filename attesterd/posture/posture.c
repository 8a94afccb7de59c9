/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/posture.h"

#include "attesterd/posture/collectors.h"
#include "attesterd/posture/source.h"

#define TPM_SOURCE "TPM2_GetCapability"

static posture_collector *const collectors[] = {
        posture_collect_os,
        posture_collect_kernel,
        posture_collect_boot,
        posture_collect_custom,
};

bool posture_collect(const struct posture_sources *sources, struct policy_facts *to, struct policy_diagnostics *diagnostics,
                     struct base_error *error)
{
        for (size_t i = 0; i < BASE_COUNT(collectors); i++)
                if (!collectors[i](sources, to, diagnostics, error))
                        return false;
        return true;
}

bool posture_set_tpm(struct policy_facts *to, const struct posture_tpm *tpm, const char *reason, struct base_error *error)
{
        if (tpm == NULL)
                return posture_set_unreadable(to, "tpm.manufacturer", reason, TPM_SOURCE, error) &&
                       posture_set_unreadable(to, "tpm.firmware", reason, TPM_SOURCE, error) &&
                       posture_set_unreadable(to, "tpm.simulated", reason, TPM_SOURCE, error);
        return posture_set_text(to, "tpm.manufacturer", POLICY_FACT_STRING, tpm->manufacturer, TPM_SOURCE, error) &&
               posture_set_text(to, "tpm.firmware", POLICY_FACT_VERSION, tpm->firmware, TPM_SOURCE, error) &&
               posture_set_boolean(to, "tpm.simulated", tpm->simulated, TPM_SOURCE, error);
}
