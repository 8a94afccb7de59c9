/* SPDX-License-Identifier: BSD-2-Clause */
/* GetAuthorization, from the challenge to the Authorization value. Runs in attester-agent; may be included by client/agent. */
#pragma once

#include "client/agent/agent.h"

/* Answers the call, at once or later. */
void agent_request_start(struct agent *agent, struct agent_call *call);
