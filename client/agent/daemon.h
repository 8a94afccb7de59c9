/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the agent knows of attesterd: its properties and its copies of the issuers' directories, asked when needed, once for
 * all who wait, and forgotten when attesterd or the bus says that they changed. Runs in attester-agent; may be included by
 * client/agent.
 */
#pragma once

#include "base/bus.h"
#include "base/system.h"
#include "client/library/query.h"

#include <sys/queue.h>

#define AGENT_DAEMON_DIRECTORIES_MAX      16
#define AGENT_DAEMON_DIRECTORY_AGE_MAX_MS (5 * 60000) /* attesterd asks the issuer itself, at its own pace */

struct agent_daemon;

/* Someone who waits for an answer. Zeroed means: does not wait. */
struct agent_waiter {
        LIST_ENTRY(agent_waiter) next;
        bool waiting;
        void (*done)(void *context, const struct base_error *error); /* `error` NULL: the answer is there; runs once */
        void *context;
};

void agent_waiter_cancel(struct agent_waiter *waiter);

struct agent_daemon_events {
        void (*directory)(void *context, const struct attester_issuer *directory); /* one was fetched again */
        void *context;
};

/* `system` and `clock` must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool agent_daemon_new(struct base_bus *system, const struct base_clock *clock, const struct agent_daemon_events *events,
                      struct agent_daemon **ret, struct base_error *error) BASE_MUST_CHECK;
/* Whoever still waits is told CANCELLED. */
void agent_daemon_free(struct agent_daemon *daemon);

/* Forgets the properties, or all. */
void agent_daemon_forget_status(struct agent_daemon *daemon);
void agent_daemon_forget(struct agent_daemon *daemon);

/* What is known, or NULL; valid until the loop goes on. A directory's name compares without regard to case. */
const struct attester_status *agent_daemon_status(const struct agent_daemon *daemon);
const struct attester_issuer *agent_daemon_directory(const struct agent_daemon *daemon, const char *issuer);

/* Asks, whatever is known; the waiter is called from the loop. Errors: DAEMON_UNREACHABLE, INVALID_ARGUMENT, NO_MEMORY. */
bool agent_daemon_ask_status(struct agent_daemon *daemon, struct agent_waiter *waiter, struct base_error *error) BASE_MUST_CHECK;
bool agent_daemon_ask_directory(struct agent_daemon *daemon, const char *issuer, struct agent_waiter *waiter,
                                struct base_error *error) BASE_MUST_CHECK;
