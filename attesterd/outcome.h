/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How requests end, as the administrator's journal tells it: that tokens of an issuer are refused and why, and that they are had
 * again. It is about the device and not about who asked. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/denials.h"
#include "attesterd/issuer.h"

/* `error` NULL: there were tokens. `denials` NULL: no rule failed. What was told a short while ago is not told again. */
void attesterd_outcome_tell(struct attesterd_issuer *issuer, const struct attesterd_denials *denials,
                            const struct base_error *error);
