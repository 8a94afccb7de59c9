/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The collectors: one a family of facts, one file each. Each sets its facts in `to`, unreadable ones too, and may add to
 * `diagnostics` (NULL if not wanted). Used by posture.c's table only; policy/known_facts.c describes the facts.
 * Errors: NO_MEMORY, LIMIT_EXCEEDED (number of facts).
 */
#pragma once

#include "attesterd/posture/posture.h"

typedef bool posture_collector(const struct posture_sources *sources, struct policy_facts *to,
                               struct policy_diagnostics *diagnostics, struct base_error *error);

/* os.id os.version os.build os.support_end os.supported */
posture_collector posture_collect_os BASE_MUST_CHECK;
/* os.updates.age */
posture_collector posture_collect_updates_age BASE_MUST_CHECK;
/* os.updates.security */
posture_collector posture_collect_updates_security BASE_MUST_CHECK;
/* os.reboot_required */
posture_collector posture_collect_reboot BASE_MUST_CHECK;
/* kernel.* */
posture_collector posture_collect_kernel BASE_MUST_CHECK;
/* boot.secure_boot boot.setup_mode */
posture_collector posture_collect_boot BASE_MUST_CHECK;
/* ima.* */
posture_collector posture_collect_ima BASE_MUST_CHECK;
/* lsm.* */
posture_collector posture_collect_lsm BASE_MUST_CHECK;
/* disk.* */
posture_collector posture_collect_disk BASE_MUST_CHECK;
/* firewall.active */
posture_collector posture_collect_firewall BASE_MUST_CHECK;
/* malware.* */
posture_collector posture_collect_malware BASE_MUST_CHECK;
/* virt.* */
posture_collector posture_collect_virt BASE_MUST_CHECK;
/* firmware.vendor firmware.version firmware.date */
posture_collector posture_collect_firmware BASE_MUST_CHECK;
/* custom.* */
posture_collector posture_collect_custom BASE_MUST_CHECK;
