/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/rollout.h"

#include "base/hash.h"
#include "policy/policy.h"

#include <string.h>

#define LABEL "attesterd rollout 1"

bool policy_rollout_includes(const char *rule, unsigned percent, struct base_bytes device, bool *ret, struct base_error *error)
{
        /* The NUL of the name is a part of it: no id continues it. */
        struct base_bytes pieces[] = { BASE_BYTES(LABEL, sizeof(LABEL)), BASE_BYTES(rule, strlen(rule) + 1), device };
        uint8_t digest[BASE_SHA256_LEN];
        uint32_t place;

        if (percent >= POLICY_ROLLOUT_ALL || device.len == 0) {
                *ret = true;
                return true;
        }
        if (!base_sha256(pieces, BASE_COUNT(pieces), digest, error))
                return false;
        place = (uint32_t) digest[0] << 24 | (uint32_t) digest[1] << 16 | (uint32_t) digest[2] << 8 | digest[3];
        *ret = (uint64_t) place * POLICY_ROLLOUT_ALL < (uint64_t) percent << 32;
        return true;
}
