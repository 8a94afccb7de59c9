/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One post to an issuer on its way: claims, a share of a quote, evidence, the post itself, one retry if the issuer's nonce was
 * stale, the answer. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/daemon.h"
#include "attesterd/denials.h"
#include "attesterd/evaluation.h"

enum attesterd_exchange_kind {
        ATTESTERD_EXCHANGE_TOKEN,     /* a TokenRequest; the answer is a TokenResponse */
        ATTESTERD_EXCHANGE_BATCH,     /* several of them, and their answers, as attesterd/token_batch.h joins and splits them */
        ATTESTERD_EXCHANGE_EVENT_LOG, /* an event log, to a `request_uri` that takes those; no answer */
        ATTESTERD_EXCHANGE_KIND_COUNT,
};

struct attesterd_exchange {
        /* Set by the owner before the start. */
        struct attesterd_daemon *daemon;
        struct attesterd_issuer *issuer; /* borrowed; its directory was there when the request began */
        const char *request_uri;         /* borrowed */
        bool attested;
        const struct attesterd_asker *asker; /* borrowed; not of an event log */
        enum attesterd_exchange_kind kind;
        uid_t uid;
        struct base_bytes body; /* borrowed */
        uint64_t deadline_ms;
        /*
         * Called once, with NULL when `response` is there, unless the exchange is cleared before. `denials` holds the
         * issuer's rules if the error is POLICY_DENIED. The error of a batch is UNSUPPORTED if it was refused as issuers
         * do that do not know batches. May clear the exchange.
         */
        void (*done)(void *context, struct attesterd_exchange *exchange, const struct attesterd_denials *denials,
                     const struct base_error *error);
        void *context;

        struct base_buffer response;
        size_t sharers;     /* exchanges that the quote served; 0 without evidence */
        uint64_t quoted_ms; /* when its quote was there, on the monotonic clock; 0 without evidence */

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
