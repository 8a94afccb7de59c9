/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The token requests of one call on their way to an issuer: as one batch, which is one post with one evidence, or, if they do not
 * fit one or the issuer does not take it, one by one. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/exchange.h"
#include "attesterd/token_batch.h"

#define ATTESTERD_TOKEN_REQUEST_BYTES_MAX 4096

/* Zeroed, it is one that was not started. */
struct attesterd_issuance {
        /* Set by the owner before the start; what is pointed to outlives the issuance. */
        struct attesterd_daemon *daemon;
        struct attesterd_issuer *issuer; /* with its directory */
        const struct attesterd_asker *asker;
        uid_t uid;
        uint64_t deadline_ms;
        bool attested;
        struct base_bytes requests[ATTESTERD_TOKEN_REQUESTS_MAX];
        size_t count;
        /*
         * Called once, with NULL when all requests have their response, unless the issuance is cleared before; otherwise
         * `denials` is as an exchange has it. May clear the issuance.
         */
        void (*done)(void *context, const struct attesterd_denials *denials, const struct base_error *error);
        void *context;

        struct base_bytes responses[ATTESTERD_TOKEN_REQUESTS_MAX]; /* TokenResponses, in the requests' order */
        bool batched;                                              /* they came as one batch */

        bool batch_refused;
        struct base_buffer batch; /* the body */
        char *request_uri;
        struct attesterd_exchange *exchanges; /* one of the batch, or one for each request */
        size_t exchange_count;
        size_t answered;
};

/* Errors: any; `done` is then not called. */
bool attesterd_issuance_start(struct attesterd_issuance *issuance, struct base_error *error) BASE_MUST_CHECK;
/* Takes everything back, and frees it. */
void attesterd_issuance_clear(struct attesterd_issuance *issuance);

/* Exchanges with issuers that the TPM quote of this one served, a batch counting once; 0 without evidence. */
size_t attesterd_issuance_quote_sharers(const struct attesterd_issuance *issuance);
/* When its last quote was there, on the monotonic clock; 0 without evidence. */
uint64_t attesterd_issuance_quoted_ms(const struct attesterd_issuance *issuance);
