/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects and sessions that a connection which broke left loaded in the TPM. A resource manager flushes them; a TPM without
 * one keeps them until it restarts, and has three slots or so. Runs on attesterd's TPM thread; may be included by tpm/ alone.
 */
#pragma once

#include "tpm/connection.h"

#define TPM_LEFTOVERS_MAX 64 /* of each kind, looked at in one go */

/*
 * Whether what is loaded can only be ours, so that flushing it takes nothing from anybody: through this TCTI string there is
 * no resource manager, and one program has the TPM to itself: "device:/dev/tpm0" (the kernel lets one open it at a time) and
 * simulators. Behind tpmrm0 and tabrmd, and where it is not known, the answer is no.
 */
bool tpm_leftovers_are_ours(const char *tcti);

/*
 * Flushes every transient object and every loaded session. The connection must hold none that it still needs.
 * Errors: TPM_UNAVAILABLE, TPM_FAILED. Source: TPM 2.0 part 3, TPM2_GetCapability(TPM_CAP_HANDLES) and TPM2_FlushContext.
 */
bool tpm_leftovers_flush(struct tpm_connection *connection, struct base_error *error) BASE_MUST_CHECK;
