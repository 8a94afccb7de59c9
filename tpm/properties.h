/* SPDX-License-Identifier: BSD-2-Clause */
/* What the TPM says of itself. Runs on attesterd's TPM thread; may be included by tpm/ alone. */
#pragma once

#include "tpm/connection.h"
#include "tpm/worker.h"

/*
 * Fills in manufacturer, firmware and simulated. Errors: TPM_UNAVAILABLE, TPM_FAILED.
 * Source: TPM 2.0 part 3, TPM2_GetCapability(TPM_CAP_TPM_PROPERTIES); part 2, section 6.13.
 */
bool tpm_properties_read(struct tpm_connection *connection, const char *tcti, struct tpm_status *status,
                         struct base_error *error) BASE_MUST_CHECK;
