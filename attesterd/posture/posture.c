/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/posture.h"

#include "attesterd/posture/collectors.h"
#include "attesterd/posture/source.h"

static posture_collector *const collectors[] = {
        posture_collect_os,   posture_collect_updates,  posture_collect_reboot, posture_collect_kernel,   posture_collect_boot,
        posture_collect_ima,  posture_collect_lsm,      posture_collect_disk,   posture_collect_firewall, posture_collect_malware,
        posture_collect_virt, posture_collect_firmware, posture_collect_custom,
};

bool posture_collect(const struct posture_sources *sources, struct policy_facts *to, struct policy_diagnostics *diagnostics,
                     struct base_error *error)
{
        for (size_t i = 0; i < BASE_COUNT(collectors); i++)
                if (!collectors[i](sources, to, diagnostics, error))
                        return false;
        return true;
}
