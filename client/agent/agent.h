/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The agent as a whole: what its parts share, how they are put together, and when it ends. Runs in attester-agent; may be
 * included by client/agent.
 */
#pragma once

#include "client/agent/caller.h"
#include "client/agent/daemon.h"
#include "client/agent/fetch.h"
#include "client/agent/focus/focus.h"
#include "client/agent/notice.h"
#include "client/agent/outbox.h"

#define AGENT_BUS_NAME    "org.attesterd.Client1"
#define AGENT_OBJECT_PATH "/org/attesterd/Client"
#define AGENT_INTERFACE   "org.attesterd.Client1"

#define AGENT_IDLE_S_DEFAULT            600
#define AGENT_AHEAD_DELAY_MIN_S         20  /* between the meeting of a challenge and a fetch ahead for it: at least ... */
#define AGENT_AHEAD_DELAY_MAX_S_DEFAULT 300 /* ... and at most, evenly spread */

struct agent_options {
        const char *session_address;
        const char *system_address;
        unsigned ahead_delay_max_s; /* below the least delay, it is the least as well */
        unsigned idle_s;
        bool notices;           /* tell the person of refusals */
        const char *state_home; /* XDG_STATE_HOME and HOME, or NULL */
        const char *home;
};

struct agent {
        sd_event *event;
        struct agent_options options;
        const struct base_clock *clock;
        const struct base_random *random;
        struct base_bus *system;
        struct base_bus *session; /* NULL until the system bus was tried: the first caller should not come too early */
        struct agent_outbox *outbox;
        struct agent_callers *callers;
        struct agent_daemon *daemon;
        struct agent_cache *cache; /* NULL: memory cannot be locked, so that nothing is kept */
        struct agent_fetches *fetches;
        struct agent_focus focus;
        struct agent_notices notices;
        sd_event_source *post;
        sd_event_source *timer;
        uint64_t active_ms; /* when a call came last */
        DBusPendingCall *release;
        bool leaving;                   /* the name was given back */
        struct base_error last_refusal; /* attesterd's; code NONE: none yet */
        int exit_status;
};

/* Starts to connect. The caller frees `ret`, after the loop. Errors: NO_MEMORY. */
bool agent_new(sd_event *event, const struct agent_options *options, const struct base_clock *clock,
               const struct base_random *random, struct agent **ret, struct base_error *error) BASE_MUST_CHECK;
void agent_free(struct agent *agent);
BASE_DEFINE_CLEANUP(struct agent, agent_free)

/* Plans a fetch ahead if this challenge is met often and few tokens are left. */
void agent_plan_ahead(struct agent *agent, struct agent_cache_entry *entry);
