/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Method calls that are being worked on and the callers they came from. A caller's uid and process come from the bus, once,
 * and hold until it leaves the bus; then its calls are cancelled. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/limits.h"
#include "attesterd/login.h"
#include "attesterd/refusal.h"
#include "base/bus.h"

#include <sys/queue.h>

#define ATTESTERD_CALLERS_MAX            1024 /* remembered at once; idle ones are forgotten first */
#define ATTESTERD_CALLS_UNIDENTIFIED_MAX 64   /* of one caller, until the bus has told who it is */

struct attesterd_callers;
struct attesterd_caller;

struct attesterd_call {
        LIST_ENTRY(attesterd_call) of_caller;
        struct attesterd_callers *callers;
        struct attesterd_caller *caller;
        DBusMessage *message;
        uid_t uid;
        pid_t pid;
        bool may_tell_focus; /* of the group of attester-agent */
        uint64_t started_ms;
        bool started;    /* identified */
        unsigned weight; /* counted against its user's limits */
        /*
         * Set by whoever works on the call. Called at most once, when the caller goes away or the daemon stops: the work
         * is to be undone and freed, and the call not to be touched again.
         */
        void (*cancel)(void *work);
        void *work;
};

/* Runs when the caller of a call is known and within its limits; the call must be replied to, failed, or wait for cancel. */
typedef void attesterd_call_start(void *context, struct attesterd_call *call);

/* All but `ret` must outlive it. The caller frees `ret`. Errors: NO_MEMORY. */
bool attesterd_callers_new(struct base_bus *bus, struct attesterd_limits *limits, struct attesterd_refusals *refusals,
                           const struct base_clock *clock, attesterd_call_start *start, void *context,
                           struct attesterd_callers **ret, struct base_error *error) BASE_MUST_CHECK;
void attesterd_callers_free(struct attesterd_callers *callers);

/* The effective or a supplementary group of who may tell which window is in focus; without this, nobody may. */
void attesterd_callers_set_focus_group(struct attesterd_callers *callers, gid_t group);

/* Takes a method call in. It is answered with an error if its user has too many. */
void attesterd_callers_accept(struct attesterd_callers *callers, DBusMessage *message);

/* Forgets one caller, and cancels its calls. */
void attesterd_callers_peer_gone(struct attesterd_callers *callers, const char *unique_name);

/* Cancels all calls and forgets all callers; with `reason` they are told. */
void attesterd_callers_forget_all(struct attesterd_callers *callers, const struct base_error *reason);

/* Counts `more` requests of this call against its user's limits. Errors: RATE_LIMITED, BUSY. */
bool attesterd_call_weigh(struct attesterd_call *call, unsigned more, struct base_error *error) BASE_MUST_CHECK;

/* The login session that the caller belongs to; the caller's own, so that it outlives the call. */
struct attesterd_session *attesterd_call_session(struct attesterd_call *call);

/* Each ends the call, which is freed. Takes the reference of `reply`; NULL is an answer of NoMemory. */
void attesterd_call_reply(struct attesterd_call *call, DBusMessage *reply);
void attesterd_call_fail(struct attesterd_call *call, const struct base_error *error);
