/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The login session that a caller belongs to, as logind has it. Asked when the caller's first request needs it, and kept up by
 * logind's signals. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/bus_service.h"

#include <sys/types.h>

#define ATTESTERD_SESSION_PATH_BYTES_MAX 256 /* of an object on the bus, with the NUL */
#define ATTESTERD_SESSION_TYPE_BYTES_MAX 16  /* "wayland", with the NUL */

struct attesterd_login;

/* One caller's session. Embedded in what is known of the caller; zeroed means: not asked. */
struct attesterd_session {
        LIST_ENTRY(attesterd_session) of_all;
        struct attesterd_login *login; /* NULL: not asked */
        uid_t uid;                     /* the caller's */
        pid_t pid;
        struct attesterd_bus_question question;
        char path[ATTESTERD_SESSION_PATH_BYTES_MAX];
        bool active;
        bool locked;
        bool remote;
        bool idle;
        bool on_seat; /* somebody can sit in front of it */
        uid_t owner;
        char type[ATTESTERD_SESSION_TYPE_BYTES_MAX];
};

/* Forgets; nobody may wait any more. */
void attesterd_session_clear(struct attesterd_session *session);

/* `bus` and `clock` must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool attesterd_login_new(struct base_bus *bus, const struct base_clock *clock, struct attesterd_login **ret,
                         struct base_error *error) BASE_MUST_CHECK;
/* After every session is cleared. */
void attesterd_login_free(struct attesterd_login *login);

/*
 * True if the session of this process is known, or not to be had. Else asks, and `waiter` is told within
 * ATTESTERD_BUS_SERVICE_WAIT_MAX_MS, always without an error, to ask again.
 * A process in no session's control group, as one that the user's service manager started, has its user's display session.
 * Source: org.freedesktop.login1(5): GetSessionByPID, GetUser, Display.
 */
bool attesterd_login_ready(struct attesterd_login *login, struct attesterd_session *session, uid_t uid, pid_t pid,
                           struct attesterd_waiter *waiter) BASE_MUST_CHECK;

/* Whether a person can be in front of it: known, active, on a seat, not remote, not locked. Else a reason, which is borrowed. */
bool attesterd_session_is_in_front(const struct attesterd_session *session, const char **ret_reason);

/* Sets session.*. Errors: NO_MEMORY, LIMIT_EXCEEDED. */
bool attesterd_session_set_facts(const struct attesterd_session *session, struct policy_facts *to,
                                 struct base_error *error) BASE_MUST_CHECK;

/* A signal of the bus came, of whatever rule; the connection went. */
void attesterd_login_signal(struct attesterd_login *login, DBusMessage *signal);
void attesterd_login_down(struct attesterd_login *login);
