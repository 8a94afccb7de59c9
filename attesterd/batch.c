/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/batch.h"

#include <string.h>

/* One quote under way. It outlives its items, which may be cancelled, since the TPM's job cannot be taken back. */
struct attesterd_batch {
        struct attesterd_batcher *batcher;
        uint64_t started_ms;
        struct evidence_tree *tree;
        size_t count;
        struct attesterd_batch_item *items[]; /* NULL: cancelled */
};

struct attesterd_batcher {
        sd_event *event;
        const struct base_clock *clock;
        struct attesterd_quoter quoter;
        struct attesterd_fair_queue waiting;
        struct attesterd_batch *current;
        struct attesterd_linger linger;
        uint64_t last_quote_ms;
        sd_event_source *start; /* fires when the batch is to be quoted */
};

static void on_quote(void *context, const struct tpm_quote *quote, const struct base_error *error);

static uint64_t now_ms(const struct attesterd_batcher *batcher)
{
        return batcher->clock->monotonic_ms(batcher->clock->context);
}

static void batch_free(struct attesterd_batch *batch)
{
        if (batch == NULL)
                return;
        evidence_tree_free(batch->tree);
        free(batch);
}

static struct attesterd_batch *batch_take(struct attesterd_batcher *batcher, struct base_error *error)
{
        size_t count = batcher->waiting.count < EVIDENCE_TREE_LEAVES_MAX ? batcher->waiting.count : EVIDENCE_TREE_LEAVES_MAX;
        struct attesterd_batch *batch = calloc(1, sizeof(*batch) + count * sizeof(struct attesterd_batch_item *));

        if (batch == NULL) {
                (void) base_error_set_no_memory(error);
                return NULL;
        }
        batch->batcher = batcher;
        batch->count = count;
        for (size_t i = 0; i < count; i++) {
                struct attesterd_batch_item *item = attesterd_fair_pop(&batcher->waiting);

                attesterd_linger_note_taken(&batcher->linger, item->uid);
                item->batch = batch;
                item->index = i;
                batch->items[i] = item;
        }
        return batch;
}

static bool batch_quote(struct attesterd_batch *batch, struct base_error *error)
{
        struct attesterd_batcher *batcher = batch->batcher;
        base_auto_free uint8_t(*leaves)[EVIDENCE_HASH_LEN] = calloc(batch->count, sizeof(*leaves));
        uint8_t qualifying_data[TPM_QUALIFYING_DATA_LEN];

        if (leaves == NULL)
                return base_error_set_no_memory(error);
        for (size_t i = 0; i < batch->count; i++)
                memcpy(leaves[i], batch->items[i]->leaf, EVIDENCE_HASH_LEN);
        return evidence_tree_new((const uint8_t(*)[EVIDENCE_HASH_LEN]) leaves, batch->count, &batch->tree, error) &&
               evidence_tree_qualifying_data(batch->tree, qualifying_data, error) &&
               batcher->quoter.quote(batcher->quoter.context, qualifying_data, on_quote, batch, error);
}

/* Hands out quote or error; a callback may cancel items of this batch and submit to the next. */
static void batch_finish(struct attesterd_batch *batch, const struct tpm_quote *quote, const struct base_error *error)
{
        for (size_t i = 0; i < batch->count; i++) {
                struct attesterd_batch_item *item = batch->items[i];
                struct attesterd_batch_share share = { .quote = quote, .sharers = batch->count };
                struct base_error problem = BASE_ERROR_INIT;

                if (item == NULL)
                        continue;
                batch->items[i] = NULL;
                item->batch = NULL;
                if (quote == NULL)
                        item->callback(item->context, NULL, error);
                else if (evidence_tree_prove(batch->tree, i, &share.proof, &problem))
                        item->callback(item->context, &share, NULL);
                else
                        item->callback(item->context, NULL, &problem);
        }
        batch_free(batch);
}

static void start_after(struct attesterd_batcher *batcher, uint64_t delay_ms)
{
        (void) sd_event_source_set_time_relative(batcher->start, delay_ms * 1000);
        (void) sd_event_source_set_enabled(batcher->start, SD_EVENT_ONESHOT);
}

/* Decides when what waits is quoted; the quote itself starts from the loop, so that requests of one turn share it. */
static void schedule(struct attesterd_batcher *batcher)
{
        if (batcher->current != NULL || batcher->waiting.count == 0)
                (void) sd_event_source_set_enabled(batcher->start, SD_EVENT_OFF);
        else if (batcher->waiting.count >= EVIDENCE_TREE_LEAVES_MAX)
                start_after(batcher, 0);
        else
                start_after(batcher, attesterd_linger_ms(&batcher->linger, now_ms(batcher), batcher->last_quote_ms));
}

static int on_start(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct attesterd_batcher *batcher = userdata;
        struct base_error error = BASE_ERROR_INIT;
        struct attesterd_batch *batch;

        (void) source;
        (void) usec;
        batch = batch_take(batcher, &error);
        if (batch == NULL) {
                start_after(batcher, 100);
                return 0;
        }
        batch->started_ms = now_ms(batcher);
        batcher->current = batch;
        if (!batch_quote(batch, &error)) {
                batcher->current = NULL;
                batch_finish(batch, NULL, &error);
                schedule(batcher);
        }
        return 0;
}

static void on_quote(void *context, const struct tpm_quote *quote, const struct base_error *error)
{
        struct attesterd_batch *batch = context;
        struct attesterd_batcher *batcher = batch->batcher;

        batcher->last_quote_ms = now_ms(batcher) - batch->started_ms;
        batcher->current = NULL;
        batch_finish(batch, quote, error);
        schedule(batcher);
}

bool attesterd_batcher_new(sd_event *event, const struct base_clock *clock, const struct attesterd_quoter *quoter,
                           struct attesterd_batcher **ret, struct base_error *error)
{
        struct attesterd_batcher *batcher = calloc(1, sizeof(*batcher));

        if (batcher == NULL)
                return base_error_set_no_memory(error);
        batcher->event = sd_event_ref(event);
        batcher->clock = clock;
        batcher->quoter = *quoter;
        attesterd_fair_init(&batcher->waiting);
        attesterd_linger_init(&batcher->linger);
        if (sd_event_add_time_relative(event, &batcher->start, CLOCK_MONOTONIC, 0, 1, on_start, batcher) < 0 ||
            sd_event_source_set_enabled(batcher->start, SD_EVENT_OFF) < 0) {
                attesterd_batcher_free(batcher);
                return base_error_set_no_memory(error);
        }
        *ret = batcher;
        return true;
}

void attesterd_batcher_free(struct attesterd_batcher *batcher)
{
        if (batcher == NULL)
                return;
        while (attesterd_fair_pop(&batcher->waiting) != NULL)
                continue;
        attesterd_linger_clear(&batcher->linger);
        (void) sd_event_source_disable_unref(batcher->start);
        (void) sd_event_unref(batcher->event);
        free(batcher);
}

bool attesterd_batch_submit(struct attesterd_batcher *batcher, struct attesterd_batch_item *item, uid_t uid,
                            struct base_error *error)
{
        if (!attesterd_linger_note_waiting(&batcher->linger, uid, now_ms(batcher), error))
                return false;
        if (!attesterd_fair_push(&batcher->waiting, &item->queued, uid, item, error)) {
                attesterd_linger_note_taken(&batcher->linger, uid);
                return false;
        }
        item->uid = uid;
        schedule(batcher);
        return true;
}

void attesterd_batch_cancel(struct attesterd_batcher *batcher, struct attesterd_batch_item *item)
{
        if (item->batch != NULL) {
                item->batch->items[item->index] = NULL;
                item->batch = NULL;
                return;
        }
        if (item->queued.user == NULL)
                return;
        attesterd_fair_remove(&batcher->waiting, &item->queued);
        attesterd_linger_note_taken(&batcher->linger, item->uid);
        schedule(batcher);
}

bool attesterd_batch_exchange_begin(struct attesterd_batcher *batcher, uid_t uid, struct base_error *error)
{
        return attesterd_linger_note_sent(&batcher->linger, uid, error);
}

void attesterd_batch_exchange_end(struct attesterd_batcher *batcher, uid_t uid)
{
        attesterd_linger_note_back(&batcher->linger, uid);
        schedule(batcher);
}
