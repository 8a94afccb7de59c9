/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One token request on its way: claims, a share of a quote, evidence, the post to the issuer, one retry if the issuer's
 * nonce was stale, the token response. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/daemon.h"
#include "attesterd/denials.h"
#include "attesterd/evaluation.h"

#define ATTESTERD_TOKEN_REQUEST_BYTES_MAX 4096

struct attesterd_exchange {
        /* Set by the owner before the start. */
        struct attesterd_daemon *daemon;
        struct attesterd_issuer *issuer; /* borrowed; its directory was there when the request began */
        const char *request_uri;         /* borrowed */
        bool attested;
        const struct attesterd_asker *asker; /* borrowed; not of an event log */
        bool is_event_log;                   /* the body is an event log, `request_uri` takes those, and no token comes back */
        uid_t uid;
        struct base_bytes token_request; /* borrowed; or the event log */
        uint64_t deadline_ms;
        /*
         * Called once, with NULL when `response` is there, unless the exchange is cleared before. `denials` holds the
         * issuer's rules if the error is POLICY_DENIED. May clear the exchange.
         */
        void (*done)(void *context, struct attesterd_exchange *exchange, const struct attesterd_denials *denials,
                     const struct base_error *error);
        void *context;

        struct base_buffer response; /* the TokenResponse */
        size_t sharers;              /* requests that the quote served; 0 without evidence */
        uint64_t quoted_ms;          /* when its quote was there, on the monotonic clock; 0 without evidence */

        struct attesterd_batch_item item;
        struct attesterd_post post;
        struct base_buffer claims;
        struct base_buffer header;
        uint8_t nonce[EVIDENCE_NONCE_BYTES_MAX]; /* in the claims */
        size_t nonce_len;
        bool retried;
        bool log_waited;        /* for the event log to reach the issuer: once */
        unsigned logs_accepted; /* by the issuer, when the evidence was made */
        struct attesterd_waiter log_waiter;
        bool posted; /* counted as an exchange by the batcher */
};

/* Starts; `facts` are those of the request, and used before it returns. Errors: any; `done` is then not called. */
bool attesterd_exchange_start(struct attesterd_exchange *exchange, const struct policy_facts *facts,
                              struct base_error *error) BASE_MUST_CHECK;

/* Takes it back wherever it is, and frees what it holds. Fine for a zeroed one. */
void attesterd_exchange_clear(struct attesterd_exchange *exchange);
