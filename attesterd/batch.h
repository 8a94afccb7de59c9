/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lets requests share TPM quotes. The TPM quotes one batch at a time; what arrives meanwhile is the next batch. Used by
 * attesterd; may be included by attesterd/.
 *
 * When the TPM falls idle the waiting requests are quoted at once, but for one case. Callers that ask again as soon as
 * they are answered fall into two groups, one in the TPM and one in the exchange with the issuer, which then take turns
 * and never meet: every quote serves half of them. So while many more requests are with the issuer than wait here, the
 * batch lingers a fraction of a quote's time for them to come back. With w waiting, h with the issuer for another H, and
 * quotes of Q: going now finishes them after w·Q + h·2Q together, lingering after (w + h)·(Q + H). Lingering is better if
 * H < Q·h/(w + h), so with h > w a linger of Q/2 pays.
 */
#pragma once

#include "attesterd/fair.h"
#include "base/system.h"
#include "evidence/merkle.h"
#include "tpm/worker.h"

#include <systemd/sd-event.h>

#define ATTESTERD_BATCH_LINGER_DIVISOR   2 /* linger at most this part of the last quote's time */
#define ATTESTERD_BATCH_LINGER_PEERS_MIN 8 /* with fewer requests at issuers there is no linger */

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

/* Says that a request that had its quote is with its issuer, and that it is back. */
void attesterd_batch_exchange_begin(struct attesterd_batcher *batcher);
void attesterd_batch_exchange_end(struct attesterd_batcher *batcher);
