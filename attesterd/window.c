/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/window.h"

#define FACT   "window.focused"
#define SOURCE "attester-agent"

bool attesterd_window_set_fact(const struct attesterd_window *window, const struct attesterd_session *session,
                               struct policy_facts *to, struct base_error *error)
{
        const struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED, .source = SOURCE };
        const char *reason;

        if (!window->said)
                return policy_facts_set_unreadable(to, FACT, "the program did not ask through attester-agent, which sees windows",
                                                   origin, error);
        if (window->unreadable)
                return policy_facts_set_unreadable(to, FACT, window->reason, origin, error);
        if (session->question.state != ATTESTERD_BUS_ANSWER_KNOWN && window->focused) {
                (void) attesterd_session_is_in_front(session, &reason);
                return policy_facts_set_unreadable(to, FACT, reason, origin, error);
        }
        return policy_facts_set_boolean(to, FACT, window->focused && attesterd_session_is_in_front(session, &reason), origin,
                                        error);
}
