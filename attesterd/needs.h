/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which sources of facts are to be asked: one that no rule names costs nothing. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/posture/posture.h"
#include "policy/policy.h"

/* Who else is asked, as bits. */
enum attesterd_service {
        ATTESTERD_SERVICE_SESSION = 1 << 0, /* logind, of the caller's session */
        ATTESTERD_SERVICE_LID = 1 << 1,     /* logind, of the machine */
        ATTESTERD_SERVICE_FWUPD = 1 << 2,
        ATTESTERD_SERVICE_PACKAGEKIT = 1 << 3,
        ATTESTERD_SERVICE_TPM = 1 << 4,
};

struct attesterd_needs {
        uint32_t collectors; /* as posture_collectors_of() has them */
        uint32_t services;
};

#define ATTESTERD_NEEDS_ALL ((struct attesterd_needs){ .collectors = POSTURE_COLLECTORS_ALL, .services = UINT32_MAX })

/* Those that the facts in the policy's rules come from; of a policy that is NULL, none. */
struct attesterd_needs attesterd_needs_of_policy(const struct policy *policy);
