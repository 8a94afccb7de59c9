/* SPDX-License-Identifier: BSD-2-Clause */
/* tpm.*: what the TPM says of itself, and what is known about such TPMs. */
#include "attesterd/posture/fact.h"
#include "attesterd/posture/posture.h"
#include "attesterd/posture/weak_tpm.h"

#define SOURCE "TPM2_GetCapability"

static const char *const facts[] = { "tpm.manufacturer", "tpm.firmware", "tpm.simulated", "tpm.weak" };

static bool set_weak(struct policy_facts *to, const struct posture_tpm *tpm, struct base_error *error)
{
        bool weak;

        if (!posture_weak_tpm_find(tpm->manufacturer, tpm->firmware, &weak))
                return posture_set_unreadable(to, "tpm.weak", "the firmware's version is not one of numbers", SOURCE, error);
        return posture_set_boolean(to, "tpm.weak", weak, SOURCE, error);
}

bool posture_set_tpm(struct policy_facts *to, const struct posture_tpm *tpm, const char *reason, struct base_error *error)
{
        if (tpm == NULL) {
                for (size_t i = 0; i < BASE_COUNT(facts); i++)
                        if (!posture_set_unreadable(to, facts[i], reason, SOURCE, error))
                                return false;
                return true;
        }
        return posture_set_text(to, "tpm.manufacturer", POLICY_FACT_STRING, tpm->manufacturer, SOURCE, error) &&
               posture_set_text(to, "tpm.firmware", POLICY_FACT_VERSION, tpm->firmware, SOURCE, error) &&
               posture_set_boolean(to, "tpm.simulated", tpm->simulated, SOURCE, error) && set_weak(to, tpm, error);
}
