/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the window in front belongs to the program that asks. The daemon sees no display: attester-agent says so with the
 * request of a program that asks through it, and is believed for its group. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/login.h"

#define ATTESTERD_FOCUS_GROUP             "attester-focus" /* the agent is installed setgid to it, and nobody is a member */
#define ATTESTERD_WINDOW_REASON_BYTES_MAX 128              /* with the NUL */

/* What the agent said of a request when the request reached it. */
struct attesterd_window {
        bool said;       /* false: nobody did */
        bool unreadable; /* it could not tell; see `reason` */
        bool focused;
        char reason[ATTESTERD_WINDOW_REASON_BYTES_MAX]; /* as it came: not checked */
};

/*
 * Sets window.focused. `session` is that of the agent; no window of one that is locked, remote or not in front is in focus.
 * Errors: NO_MEMORY, LIMIT_EXCEEDED.
 */
bool attesterd_window_set_fact(const struct attesterd_window *window, const struct attesterd_session *session,
                               struct policy_facts *to, struct base_error *error) BASE_MUST_CHECK;
