/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What attester-agent gives up once it runs. A unit cannot do this for it: see attester-agent.service. Runs in attester-agent;
 * may be included by client/agent.
 */
#pragma once

#include "base/error.h"

/*
 * No core dumps, no tracing, no reading of its memory by the user's other programs; no new privileges; no other programs, no
 * sockets but Unix sockets, no memory that can be written and run, and no calls that only an attacker makes: those fail with
 * EPERM. Built without libseccomp, calls are not filtered. Errors: IO, NO_MEMORY.
 */
bool agent_sandbox_enter(struct base_error *error) BASE_MUST_CHECK;
