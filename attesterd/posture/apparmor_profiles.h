/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's list of AppArmor profiles. Used by the collector of lsm.* only.
 */
#pragma once

#include "base/buffer.h"

#define POSTURE_APPARMOR_PROFILES_BYTES_MAX (256 * 1024)

/*
 * Counts the lines "NAME (enforce)"; those in other modes are passed over. False if a line has no mode.
 * Source: security/apparmor/apparmorfs.c, seq_show_profile().
 */
bool posture_apparmor_profiles_count(struct base_bytes text, int64_t *ret_enforced) BASE_MUST_CHECK;
