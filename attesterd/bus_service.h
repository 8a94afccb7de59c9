/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another service of the system bus that the daemon asks for facts: logind, fwupd, PackageKit. Asked when a fact is first needed,
 * and listened to from then on; never waited for longer than ATTESTERD_BUS_SERVICE_WAIT_MAX_MS. Used by attesterd; may be
 * included by attesterd/.
 */
#pragma once

#include "attesterd/waiter.h"
#include "base/bus.h"
#include "base/system.h"
#include "policy/facts.h"

#define ATTESTERD_BUS_SERVICE_WAIT_MAX_MS      1000  /* that a request waits for the calls which one fact needs */
#define ATTESTERD_BUS_SERVICE_RETRY_MS         10000 /* a service that failed is not asked again so soon, unless it starts anew */
#define ATTESTERD_BUS_SERVICE_REASON_BYTES_MAX 128   /* with the NUL */

/* Embedded in who asks; the first six are set by it. */
struct attesterd_bus_service {
        struct base_bus *bus;
        const struct base_clock *clock;
        const char *name;         /* on the bus */
        const char *title;        /* for people */
        const char *const *rules; /* of its signals, each with its name as sender; ends with NULL */
        bool never_start;         /* it is asked only while it runs */
        bool subscribed;
        bool absent; /* nobody has the name, and nobody can, or is to, be started for it */
};

/* True if `signal` says that the service started or ended; it is not absent any more when it started. */
bool attesterd_bus_service_owner_changed(struct attesterd_bus_service *service, DBusMessage *signal,
                                         bool *ret_started) BASE_MUST_CHECK;

/* The connection to the bus is gone, and what was subscribed to with it. */
void attesterd_bus_service_down(struct attesterd_bus_service *service);

enum attesterd_bus_answer {
        ATTESTERD_BUS_ANSWER_NONE, /* not asked, or what was said does not count any more */
        ATTESTERD_BUS_ANSWER_KNOWN,
        ATTESTERD_BUS_ANSWER_FAILED, /* see `reason` */
};

/* A question, of one call or of several one after another, and what came of it. Embedded in who asks, who sets the first five. */
struct attesterd_bus_question {
        struct attesterd_bus_service *service;
        void (*ask)(void *context); /* makes the first call */
        void *context;              /* of `ask` and of the calls' callbacks */
        uint64_t age_max_ms;        /* how long an answer holds; 0: until it is doubted or forgotten */
        uint64_t wait_max_ms;       /* for all the calls together; each waits for ATTESTERD_BUS_SERVICE_WAIT_MAX_MS at most */
        enum attesterd_bus_answer state;
        bool asking;       /* the state is that of before */
        bool stale;        /* the state holds for requests that are on their way; the next one asks again */
        uint64_t since_ms; /* when it was asked, or settled */
        uint64_t told_ms;  /* when the service last said something of it, by CLOCK_BOOTTIME */
        char reason[ATTESTERD_BUS_SERVICE_REASON_BYTES_MAX];
        DBusPendingCall *pending;
        struct attesterd_waiters waiters;
};

/* Nobody may wait any more. */
void attesterd_bus_question_clear(struct attesterd_bus_question *question);

/*
 * True if the answer is known, or not to be had. Else asks, and `waiter` (NULL: nobody waits) is told within the question's
 * wait_max_ms, always without an error, to look again.
 */
bool attesterd_bus_question_ready(struct attesterd_bus_question *question, struct attesterd_waiter *waiter);

/*
 * Calls a method with basic arguments as dbus_message_append_args() takes them, ended by DBUS_TYPE_INVALID, in place of the call
 * before; the first of all subscribes to the service's signals. False if it cannot be made: the question has failed then.
 */
bool attesterd_bus_question_call(struct attesterd_bus_question *question, const char *path, const char *interface,
                                 const char *member, base_bus_reply *callback, ...);

/* True if `reply` has this signature; else the question has failed, and it is noticed if the service is absent. */
bool attesterd_bus_question_check(struct attesterd_bus_question *question, DBusMessage *reply, const char *signature);

/* Each ends the question, if it is asked, and tells who waits: there is an answer; there is none, for `reason`. */
void attesterd_bus_question_answered(struct attesterd_bus_question *question);
void attesterd_bus_question_fail(struct attesterd_bus_question *question, const char *reason);
/* The same, and as if nobody had ever asked. */
void attesterd_bus_question_forget(struct attesterd_bus_question *question);

/* Why there is no answer, as a reason of an unreadable fact; what the answer's facts come from, and when. */
const char *attesterd_bus_question_reason(const struct attesterd_bus_question *question);
struct policy_origin attesterd_bus_question_origin(const struct attesterd_bus_question *question);

/* Moves `entries`, within an a{sv}, to the value of the next entry whose name it gives; NULL at the end. */
const char *attesterd_bus_service_next_entry(DBusMessageIter *entries, DBusMessageIter *ret_value);
