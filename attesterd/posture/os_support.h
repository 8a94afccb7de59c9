/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long the operating system gets updates. Used by the collector of os.* only.
 */
#pragma once

#include "attesterd/posture/os_release.h"
#include "attesterd/posture/posture.h"

/*
 * Sets os.support_end and os.supported from a release that was read from `path`, or from the tables of releases.
 * Errors: NO_MEMORY, LIMIT_EXCEEDED (number of facts).
 */
bool posture_set_support(const struct posture_sources *sources, struct policy_facts *to, const struct posture_os_release *release,
                         const char *path, struct base_error *error) BASE_MUST_CHECK;
