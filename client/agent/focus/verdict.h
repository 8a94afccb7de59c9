/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the window in front belongs to a program. Of fixed size, since it comes through a pipe from the process that looked.
 * Runs in attester-agent; may be included by client/agent.
 */
#pragma once

#include "base/error.h"

#define AGENT_VERDICT_REASON_BYTES_MAX 120 /* with the NUL; attesterd takes 127 bytes */

enum agent_verdict_kind {
        AGENT_VERDICT_UNSAID, /* the agent is not installed so that it would be believed */
        AGENT_VERDICT_FOCUSED,
        AGENT_VERDICT_ELSEWHERE,
        AGENT_VERDICT_UNREADABLE, /* see `reason` */
};

struct agent_verdict {
        enum agent_verdict_kind kind;
        char reason[AGENT_VERDICT_REASON_BYTES_MAX];
};

/* Unreadable, for a reason that completes "window.focused could not be read: …". */
static inline struct agent_verdict agent_verdict_unreadable(const char *reason)
{
        struct agent_verdict verdict = { .kind = AGENT_VERDICT_UNREADABLE };

        (void) snprintf(verdict.reason, sizeof(verdict.reason), "%s", reason);
        return verdict;
}
