/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks whether the window in front belongs to the program that called the agent. A process is started for each question: it
 * alone talks to the display, which may hang or lie, and it holds neither the agent's group nor its tokens' memory. Runs in
 * attester-agent; may be included by client/agent.
 */
#pragma once

#include "base/bus.h"
#include "client/agent/focus/verdict.h"

#include <sys/types.h>

#define AGENT_FOCUS_QUESTIONS_MAX 32   /* at a time; more are unreadable */
#define AGENT_FOCUS_WAIT_MAX_MS   1000 /* for the bus, and for the display */

/* Who asks questions. */
struct agent_focus {
        sd_event *event;
        struct base_bus *session;
        bool believed; /* the agent is installed setgid, so that attesterd believes what it says */
        size_t count;
};

/* One question. Zeroed: none was asked. */
struct agent_focus_question {
        struct agent_focus *focus; /* NULL: not waiting */
        DBusPendingCall *pending;  /* for the caller's process */
        pid_t child;               /* 0: none */
        int answer_fd;
        sd_event_source *answer;
        sd_event_source *deadline;
        struct agent_verdict verdict;
        void (*done)(void *context, const struct agent_verdict *verdict);
        void *context;
};

/* Whether this process was started with a group that its user does not have. */
bool agent_focus_is_believed(void);

/*
 * Asks about the program behind a unique name of the session bus. `done` runs once, from the loop or before this returns, unless
 * the question is dropped before.
 */
void agent_focus_ask(struct agent_focus *focus, struct agent_focus_question *question, const char *unique_name);

/* Does nothing for one that is not waiting. */
void agent_focus_drop(struct agent_focus_question *question);
