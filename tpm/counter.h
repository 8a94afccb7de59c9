/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A counter in the TPM's NV memory that only goes up: it tells a state directory of now from one of before; and beside it a mark,
 * which says what was counted when there is no state directory. Runs on attesterd's
 * TPM thread; may be included by tpm/ alone.
 *
 * A new counter starts above every value that any counter of this TPM ever had, so one that was deleted and made again is
 * noticed. Source: TPM 2.0 part 1, section 37.2.4 (NV counters); part 3, TPM2_NV_DefineSpace, TPM2_NV_Increment, TPM2_NV_Read.
 */
#pragma once

#include "tpm/hierarchy.h"
#include "tpm/worker.h"

/*
 * Does `step` and gives counter and mark as they are afterwards. `new` is the mark that INCREMENT leaves, else not used.
 * Errors: NOT_FOUND (all but PREPARE: there is no counter), TPM_UNAVAILABLE, TPM_FAILED (also: the index is something else's, no
 * room in NV memory, the owner hierarchy has a password).
 */
bool tpm_counter_step(struct tpm_connection *connection, const struct tpm_srk *srk, enum tpm_counter_step step,
                      const struct tpm_counter_mark *new, struct tpm_counter *ret, struct base_error *error) BASE_MUST_CHECK;
