/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/issuance.h"

#include "base/log.h"

#include <string.h>

static void exchanges_free(struct attesterd_issuance *issuance)
{
        for (size_t i = 0; i < issuance->exchange_count; i++)
                attesterd_exchange_clear(&issuance->exchanges[i]);
        free(issuance->exchanges);
        issuance->exchanges = NULL;
        issuance->exchange_count = 0;
        issuance->answered = 0;
}

void attesterd_issuance_clear(struct attesterd_issuance *issuance)
{
        exchanges_free(issuance);
        base_buffer_clear(&issuance->batch);
        free(issuance->request_uri);
        issuance->request_uri = NULL;
}

static bool split(struct attesterd_issuance *issuance, struct base_error *error)
{
        if (attesterd_token_batch_split(issuance->issuer->config.name, issuance->requests, issuance->count,
                                        base_buffer_bytes(&issuance->exchanges[0].response), issuance->responses, error))
                return true;
        /* It may have replaced the key of the request that it did not answer. */
        attesterd_issuer_doubt_directory(issuance->issuer);
        return false;
}

/* All exchanges have their answer. */
static void succeed(struct attesterd_issuance *issuance)
{
        struct base_error error = BASE_ERROR_INIT;

        if (issuance->batched) {
                if (split(issuance, &error))
                        issuance->done(issuance->context, NULL, NULL);
                else
                        issuance->done(issuance->context, NULL, &error);
                return;
        }
        for (size_t i = 0; i < issuance->count; i++)
                issuance->responses[i] = base_buffer_bytes(&issuance->exchanges[i].response);
        if (issuance->batch_refused && attesterd_issuer_takes_batches(issuance->issuer)) {
                attesterd_issuer_note_batches_refused(issuance->issuer);
                base_log(BASE_LOG_INFO,
                         "the issuer %s takes no batches of token requests: for %u minutes it gets them one by one",
                         issuance->issuer->config.name, (unsigned) (ATTESTERD_BATCHES_REFUSED_MS / 60000));
        }
        issuance->done(issuance->context, NULL, NULL);
}

static bool start(struct attesterd_issuance *issuance, bool batched, struct base_error *error);

static void on_exchange(void *context, struct attesterd_exchange *exchange, const struct attesterd_denials *denials,
                        const struct base_error *error)
{
        struct attesterd_issuance *issuance = context;
        struct base_error problem = BASE_ERROR_INIT;

        (void) exchange;
        if (error == NULL) {
                if (++issuance->answered == issuance->exchange_count)
                        succeed(issuance);
        } else if (issuance->batched && error->code == BASE_ERROR_UNSUPPORTED) {
                issuance->batch_refused = true;
                exchanges_free(issuance);
                if (!start(issuance, false, &problem))
                        issuance->done(issuance->context, NULL, &problem);
        } else {
                issuance->done(issuance->context, denials, error);
        }
}

static struct attesterd_exchange exchange_of(struct attesterd_issuance *issuance, size_t i)
{
        return (struct attesterd_exchange){
                .daemon = issuance->daemon,
                .issuer = issuance->issuer,
                .request_uri = issuance->request_uri,
                .attested = issuance->attested,
                .asker = issuance->asker,
                .kind = issuance->batched ? ATTESTERD_EXCHANGE_BATCH : ATTESTERD_EXCHANGE_TOKEN,
                .uid = issuance->uid,
                .body = issuance->batched ? base_buffer_bytes(&issuance->batch) : issuance->requests[i],
                .deadline_ms = issuance->deadline_ms,
                .done = on_exchange,
                .context = issuance,
        };
}

static bool start(struct attesterd_issuance *issuance, bool batched, struct base_error *error)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        size_t count = batched ? 1 : issuance->count;

        issuance->batched = batched;
        if (issuance->attested &&
            !attesterd_evaluation_facts(issuance->daemon, issuance->issuer->config.name, issuance->asker, &facts, error))
                return false;
        issuance->exchanges = calloc(count, sizeof(*issuance->exchanges));
        if (issuance->exchanges == NULL)
                return base_error_set_no_memory(error);
        issuance->exchange_count = count;
        for (size_t i = 0; i < count; i++) {
                issuance->exchanges[i] = exchange_of(issuance, i);
                if (!attesterd_exchange_start(&issuance->exchanges[i], &facts, error))
                        return false;
        }
        return true;
}

bool attesterd_issuance_start(struct attesterd_issuance *issuance, struct base_error *error)
{
        bool batched = attesterd_token_batch_fits(issuance->requests, issuance->count) &&
                       attesterd_issuer_takes_batches(issuance->issuer);

        base_buffer_init(&issuance->batch, ATTESTERD_TOKEN_BATCH_BYTES_MAX);
        issuance->request_uri = strdup(issuance->issuer->directory->request_uri);
        if (issuance->request_uri == NULL)
                return base_error_set_no_memory(error);
        if (batched && !attesterd_token_batch_join(issuance->requests, issuance->count, &issuance->batch, error))
                return false;
        return start(issuance, batched, error);
}

size_t attesterd_issuance_quote_sharers(const struct attesterd_issuance *issuance)
{
        size_t most = 0;

        for (size_t i = 0; i < issuance->exchange_count; i++)
                if (issuance->exchanges[i].sharers > most)
                        most = issuance->exchanges[i].sharers;
        return most;
}

uint64_t attesterd_issuance_quoted_ms(const struct attesterd_issuance *issuance)
{
        uint64_t last_ms = 0;

        for (size_t i = 0; i < issuance->exchange_count; i++)
                if (issuance->exchanges[i].quoted_ms > last_ms)
                        last_ms = issuance->exchanges[i].quoted_ms;
        return last_ms;
}
