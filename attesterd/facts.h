/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's facts as requests see them: measured posture and what the TPM says of itself, measured at most once a second
 * however many ask. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/posture/posture.h"
#include "attesterd/waiter.h"
#include "base/system.h"
#include "tpm/worker.h"

#include <systemd/sd-event.h>

#define ATTESTERD_FACTS_AGE_MAX_MS      1000
#define ATTESTERD_FACTS_TPM_WAIT_MAX_MS 2000 /* how long a request waits to hear whether a TPM that was away is back */

struct attesterd_facts;

/* The arguments must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool attesterd_facts_new(sd_event *event, const struct base_clock *clock, const struct posture_sources *sources,
                         struct tpm_worker *worker, struct attesterd_facts **ret, struct base_error *error) BASE_MUST_CHECK;
/* After the worker has ended its jobs. */
void attesterd_facts_free(struct attesterd_facts *facts);

/*
 * True if the TPM's state is known. Else asks it, and `waiter` is told, always without an error and within
 * ATTESTERD_FACTS_TPM_WAIT_MAX_MS, to go on with what is known then.
 */
bool attesterd_facts_ready(struct attesterd_facts *facts, struct attesterd_waiter *waiter) BASE_MUST_CHECK;

/* The TPM's state has changed: what was measured with the old one is not used again. */
void attesterd_facts_note_tpm(struct attesterd_facts *facts);

/*
 * The present facts of these collectors (posture_collectors_of()), perhaps others too, and the TPM's; they say when they were
 * measured by CLOCK_BOOTTIME. Valid until the next call. Errors: NO_MEMORY, LIMIT_EXCEEDED.
 */
bool attesterd_facts_get(struct attesterd_facts *facts, uint32_t collectors, const struct policy_facts **ret,
                         struct base_error *error) BASE_MUST_CHECK;
