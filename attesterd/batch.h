/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lets requests share TPM quotes. The TPM quotes one batch at a time; what arrives meanwhile is the next batch. Used by
 * attesterd; may be included by attesterd/.
 * When the TPM falls idle the waiting requests are quoted at once, unless their user has many more at issuers
 * (attesterd/linger.h).
 */
#pragma once

#include "attesterd/fair.h"
#include "attesterd/linger.h"
#include "base/system.h"
#include "evidence/merkle.h"
#include "tpm/worker.h"

#include <systemd/sd-event.h>

/* The edge to the TPM: as tpm_worker_quote(). */
struct attesterd_quoter {
        bool (*quote)(void *context, const uint8_t qualifying_data[static TPM_QUALIFYING_DATA_LEN], tpm_quote_callback *callback,
                      void *callback_context, struct base_error *error);
        void *context;
};

struct attesterd_batcher;
struct attesterd_batch;

/* What an item gets: valid during the callback. */
struct attesterd_batch_share {
        const struct tpm_quote *quote;
        struct evidence_proof proof;
        size_t sharers; /* items in this quote */
};

/* Exactly one of `share` and `error` is set. May submit and cancel any items. */
typedef void attesterd_batch_callback(void *context, const struct attesterd_batch_share *share, const struct base_error *error);

/* Embedded in a request; zero when not submitted. */
struct attesterd_batch_item {
        struct attesterd_fair_item queued;
        struct attesterd_batch *batch; /* being quoted */
        size_t index;                  /* in it */
        uid_t uid;                     /* set by submit */
        uint8_t leaf[EVIDENCE_HASH_LEN];
        attesterd_batch_callback *callback;
        void *context;
};

/* `clock` and the quoter's context must outlive `ret`, which the caller frees. Errors: NO_MEMORY. */
bool attesterd_batcher_new(sd_event *event, const struct base_clock *clock, const struct attesterd_quoter *quoter,
                           struct attesterd_batcher **ret, struct base_error *error) BASE_MUST_CHECK;
/* After the quoter has ended its jobs; items that still wait are forgotten. */
void attesterd_batcher_free(struct attesterd_batcher *batcher);

/*
 * Queues `item`, whose `leaf`, `callback` and `context` are set; the callback runs once, from the loop, unless the item is
 * cancelled. Errors: NO_MEMORY.
 */
bool attesterd_batch_submit(struct attesterd_batcher *batcher, struct attesterd_batch_item *item, uid_t uid,
                            struct base_error *error) BASE_MUST_CHECK;
/* Forgets an item, queued or being quoted; nothing for one that is neither. */
void attesterd_batch_cancel(struct attesterd_batcher *batcher, struct attesterd_batch_item *item);

/*
 * Say that a request of `uid` that had its quote is with its issuer, and, once for each that began, that it is back.
 * Errors: NO_MEMORY.
 */
bool attesterd_batch_exchange_begin(struct attesterd_batcher *batcher, uid_t uid, struct base_error *error) BASE_MUST_CHECK;
void attesterd_batch_exchange_end(struct attesterd_batcher *batcher, uid_t uid);
