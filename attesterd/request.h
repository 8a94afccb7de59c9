/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RequestTokens: the state machine of one call. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/daemon.h"

/* Handler of Attester1.RequestTokens; ends the call sooner or later. */
void attesterd_request_tokens(struct attesterd_daemon *daemon, struct attesterd_call *call);
