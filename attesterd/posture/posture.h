/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures the device's posture: reads files of the running system into policy facts. Every fact of this folder is
 * `reported`: the daemon says so. What cannot be read is an unreadable fact with its reason, never "false"; nothing that
 * a person named (users, the host, the machine id) is read. Runs in attesterd; may be included by attesterd/.
 */
#pragma once

#include "base/system.h"
#include "policy/diagnostics.h"
#include "policy/facts.h"

#include <sys/types.h>

/* What a snapshot can take over from those before it, known to be unchanged. For one root, and one thread. */
struct posture_cache;

/* The caller frees `ret`. Errors: NO_MEMORY. */
bool posture_cache_new(struct posture_cache **ret, struct base_error *error) BASE_MUST_CHECK;
void posture_cache_free(struct posture_cache *cache);

/* The edge to the system, so that tests can measure a tree of their own. */
struct posture_sources {
        int root_fd;       /* directory that stands for "/" */
        uid_t trusted_uid; /* owner that custom fact files must have: 0 on a real system */
        const struct base_clock *clock;
        struct posture_cache *cache; /* NULL: all is read anew */
};

/* Who measures: families of facts, as bits. */
#define POSTURE_COLLECTORS_ALL UINT32_MAX
/* Those that set a fact of this name; 0: it is none of the posture. */
uint32_t posture_collectors_of(const char *fact);

/*
 * Measures what the `wanted` collectors know, and sets it in `to`, unreadable facts too. `diagnostics` (NULL if not wanted) gets
 * a line for each custom fact file that was refused. Errors: NO_MEMORY, LIMIT_EXCEEDED (`to` held so much already that a fact
 * does not fit); some facts may then be set.
 */
bool posture_collect(const struct posture_sources *sources, uint32_t wanted, struct policy_facts *to,
                     struct policy_diagnostics *diagnostics, struct base_error *error) BASE_MUST_CHECK;

/* What the TPM says of itself: TPM2_GetCapability(TPM_CAP_TPM_PROPERTIES), TPM 2.0 part 2, section 6.13. */
struct posture_tpm {
        const char *manufacturer; /* TPM_PT_MANUFACTURER as text, trimmed: "IFX", "STM" */
        const char *firmware;     /* the firmware version as text: "7.85.4555.0" */
        bool simulated;           /* a simulator, not a chip */
};

/*
 * Sets tpm.manufacturer, tpm.firmware, tpm.simulated and tpm.weak; with `tpm` NULL all are unreadable for `reason`. A text
 * that is not clean makes the facts that need it unreadable.
 * Errors: NO_MEMORY, LIMIT_EXCEEDED.
 */
bool posture_set_tpm(struct policy_facts *to, const struct posture_tpm *tpm, const char *reason,
                     struct base_error *error) BASE_MUST_CHECK;
