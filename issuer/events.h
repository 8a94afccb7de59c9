/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The issuer's journal: one line of JSON for each decision, to standard output or a file. It names the device by its
 * identifier and says why, and never holds a request, a token, a key or an address. Used by attester-issuer; may be
 * included by issuer/.
 */
#pragma once

#include "base/error.h"
#include "base/event.h"
#include "base/system.h"

#define ISSUER_EVENT_BYTES_MAX 8192

struct issuer_events;

/* `path` is appended to (made with mode 0640); NULL: standard output. `clock` must outlive it. Errors: IO, NO_MEMORY. */
bool issuer_events_open(const char *path, const struct base_clock *clock, struct issuer_events **ret,
                        struct base_error *error) BASE_MUST_CHECK;
void issuer_events_close(struct issuer_events *events);
BASE_DEFINE_CLEANUP(struct issuer_events, issuer_events_close)
#define issuer_auto_events BASE_CLEANUP(issuer_events_close_p)

/* Opens the file again, after it was rotated. Errors: IO; the old one stays in use. */
bool issuer_events_reopen(struct issuer_events *events, struct base_error *error) BASE_MUST_CHECK;

struct issuer_event {
        const char *event;      /* "token-request", "enroll", "admin", "start", "reload", … */
        const char *outcome;    /* "issued", "refused", "challenged", "enrolled", "ok", "failed" */
        unsigned status;        /* of the HTTP response; 0: none */
        const char *reason;     /* an error's name; NULL: none */
        const char *detail;     /* sentence; NULL: none */
        const char *device;     /* identifier; NULL or "": not known */
        const char *who;        /* the operator who asked for it; NULL: nobody did */
        const char *rules;      /* JSON array of the rules that failed, or NULL */
        const char *rule_names; /* their names, with spaces between them; NULL or "": none */
        enum base_event id;     /* in the journal */
        uint64_t elapsed_us;
};

/*
 * Writes one line, whole, from any thread. A line that cannot be written is lost; serving goes on. Where standard output is the
 * system's journal the line is the entry's MESSAGE, beside its MESSAGE_ID and fields (docs/journal.md).
 */
void issuer_events_write(struct issuer_events *events, const struct issuer_event *event);

/* The same to the system's journal, whatever standard output is: by a command beside the running issuer. Without a journal it is
 * lost. */
void issuer_events_send(const struct base_clock *clock, const struct issuer_event *event);
