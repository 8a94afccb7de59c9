/* SPDX-License-Identifier: BSD-2-Clause */
/* GetStatus. Runs in attester-agent; may be included by client/agent. */
#pragma once

#include "client/agent/agent.h"

/* Answers the call, at once or when attesterd has told its state. */
void agent_status_start(struct agent *agent, struct agent_call *call);
