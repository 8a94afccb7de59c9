/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks which window is in front, by what the environment says of the display, and whom it belongs to. Blocks. Runs in the
 * process that attester-agent starts to look; may be included by client/agent/focus.
 */
#pragma once

#include "client/agent/focus/verdict.h"

#include <sys/types.h>

struct agent_verdict agent_focus_look(pid_t caller);
