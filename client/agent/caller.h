/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Method calls that are being worked on, and the programs they came from: bounds on both, and an end to the work when the
 * program leaves the bus. Runs in attester-agent; may be included by client/agent.
 */
#pragma once

#include "base/bus.h"

#include <sys/queue.h>

#define AGENT_CALLS_PER_CALLER_MAX 32 /* unanswered at a time, of one connection to the bus */
#define AGENT_CALLS_MAX            96 /* of all: a system bus lets one connection wait for 128 replies */

struct agent_callers;
struct agent_caller;
struct agent_outbox;

struct agent_call {
        LIST_ENTRY(agent_call) of_caller;
        struct agent_callers *callers;
        struct agent_caller *caller;
        DBusMessage *message;
        /* Set by whoever keeps the call. Runs at most once, when the caller goes away: the work is to be undone and freed. */
        void (*cancel)(void *work);
        void *work;
};

/* `session` and `outbox` must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool agent_callers_new(struct base_bus *session, struct agent_outbox *outbox, struct agent_callers **ret,
                       struct base_error *error) BASE_MUST_CHECK;
/* Cancels all calls. */
void agent_callers_free(struct agent_callers *callers);

/* Takes a method call in. Errors: RATE_LIMITED (this caller has too many), BUSY (all together), NO_MEMORY. */
bool agent_callers_accept(struct agent_callers *callers, DBusMessage *message, struct agent_call **ret,
                          struct base_error *error) BASE_MUST_CHECK;

/* The call will not be answered at once: have it cancelled by cancel(work) if its caller leaves. */
void agent_call_keep(struct agent_call *call, void (*cancel)(void *work), void *work);

/* Each ends the call, which is freed. Takes the reference of `reply`; NULL is an answer of NoMemory. */
void agent_call_reply(struct agent_call *call, DBusMessage *reply);
void agent_call_fail(struct agent_call *call, const struct base_error *error);
/* As agent_call_reply(), but the `reply`'s first argument, a string, is wiped as soon as the bus has it. */
void agent_call_reply_secret(struct agent_call *call, DBusMessage *reply);

/* One that base_bus_watch_peer() named left the bus. */
void agent_callers_peer_gone(struct agent_callers *callers, const char *unique_name);

/* Calls that wait. */
size_t agent_callers_in_flight(const struct agent_callers *callers);
