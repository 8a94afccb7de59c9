/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TPM firmware whose keys are known to be weak. Used by the collector of tpm.* only.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>

/*
 * Whether a TPM is in the table, by TPM_PT_MANUFACTURER and the first two numbers of its firmware version ("7.61.2785.0").
 * False, without a result, if the version does not start with two numbers or the manufacturer is no text.
 */
bool posture_weak_tpm_find(const char *manufacturer, const char *firmware, bool *ret) BASE_MUST_CHECK;
