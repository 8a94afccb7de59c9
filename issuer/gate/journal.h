/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate's log: one line of JSON an event, to standard error. It names outcome and origin, never a token, a challenge or
 * an address: a log of the gate must not tell who visited. May be included by issuer/gate only.
 */
#pragma once

#include "base/error.h"
#include "base/event.h"
#include "base/system.h"

struct gate_event {
        const char *event;   /* "start", "auth", "keys", "reload", "stop" */
        const char *outcome; /* "ok", "failed", or the outcome of a decision */
        const char *origin;  /* configured name; NULL: none */
        const char *detail;  /* sentence; NULL or "": none */
        enum base_event id;  /* in the system's journal */
        uint64_t elapsed_us; /* 0: not measured */
};

/*
 * Writes one line, whole, from any thread. A line that cannot be written is lost. Where standard error is the system's journal
 * the line is the entry's MESSAGE, beside its MESSAGE_ID and fields (docs/journal.md).
 */
void gate_journal_write(const struct base_clock *clock, const struct gate_event *event);
