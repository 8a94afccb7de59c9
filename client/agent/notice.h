/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells the person who waits, by the desktop's notification service, that policy refused a token and what to do about it. Says
 * nothing about the website: a locked screen shows notices, too. Runs in attester-agent; may be included by client/agent.
 */
#pragma once

#include "base/bus.h"
#include "client/agent/notice_memory.h"

#define AGENT_NOTICE_REMEDIES_MAX 4     /* in one notice */
#define AGENT_NOTICE_RULES_MAX    32    /* of one refusal that are looked at */
#define AGENT_NOTICE_TIMEOUT_MS   5000  /* of the call */
#define AGENT_NOTICE_RETRY_MS     60000 /* when there is no notification service */
#define AGENT_NOTICE_BODY_MAX     8192

struct agent_notices {
        const struct base_clock *clock;
        bool on;
        const char *locale; /* as in $LANG; NULL: none */
        struct agent_notice_memory memory;
        DBusPendingCall *pending;
        char told[AGENT_NOTICE_RULES_MAX][128]; /* rules of the notice that is on its way */
        size_t told_count;
        uint64_t retry_ms; /* no notice before that, by the monotonic clock */
};

/*
 * A refusal of a person's request came: `reply` is attesterd's error, PolicyDenied, with the failed rules as second argument.
 * Sends one notice for the rules that the person was not told of within a day. Waits for nothing, and reports nothing: at most
 * one notice is on its way, and what could not be told is told at a later refusal.
 * Source: Desktop Notifications Specification 1.2.
 */
void agent_notices_refused(struct agent_notices *notices, struct base_bus *session, DBusMessage *reply);
void agent_notices_clear(struct agent_notices *notices);

/* Appends `text` as a notice's body may have it: without markup of its own, and on one line. */
void agent_notice_append_text(struct base_buffer *to, const char *text);
