/* SPDX-License-Identifier: BSD-2-Clause */
/* Which devices a rule is rolled out to. Used by the evaluation of policies only. */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

/*
 * Whether `percent` of the devices are enough to include this one: SHA-256 over the device's id and the rule's name says where
 * it stands, from 0 to 100, so that a device stays in when the percentage grows, and other rules begin with other devices. An
 * empty id is always in. Errors: CRYPTO.
 */
bool policy_rollout_includes(const char *rule, unsigned percent, struct base_bytes device, bool *ret,
                             struct base_error *error) BASE_MUST_CHECK;
