/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The collectors: one a family of facts, one file each. Each sets its facts in `to`, unreadable ones too, and may add to
 * `diagnostics` (NULL if not wanted). Used by posture.c's table only.
 * Errors: NO_MEMORY, LIMIT_EXCEEDED (number of facts).
 */
#pragma once

#include "attesterd/posture/posture.h"

typedef bool posture_collector(const struct posture_sources *sources, struct policy_facts *to,
                               struct policy_diagnostics *diagnostics, struct base_error *error);

/* os.id os.version os.build os.support_end os.reboot_required */
posture_collector posture_collect_os BASE_MUST_CHECK;
/* kernel.release kernel.lockdown kernel.taint kernel.module_sig_enforce */
posture_collector posture_collect_kernel BASE_MUST_CHECK;
/* boot.secure_boot boot.setup_mode */
posture_collector posture_collect_boot BASE_MUST_CHECK;
/* custom.* */
posture_collector posture_collect_custom BASE_MUST_CHECK;
