/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/agent/fetch.h"

#include <string.h>

struct agent_fetch {
        LIST_ENTRY(agent_fetch) of_all;
        struct agent_fetches *fetches;
        struct agent_cache_id id;
        bool cacheable;
        char *issuer;
        struct attester_key key; /* `encoded` is the fetch's own */
        struct client_call limits;
        struct agent_verdict window;
        unsigned generation; /* of the cache */
        struct client_batch batch;
        DBusPendingCall *pending;
        TAILQ_HEAD(, agent_fetch_waiter) waiters;
        size_t waiter_count;
};

struct agent_fetches {
        struct base_bus *system;
        struct agent_cache *cache;
        struct agent_fetches_events events;
        size_t count;
        LIST_HEAD(, agent_fetch) all;
};

bool agent_fetches_new(struct base_bus *system, struct agent_cache *cache, const struct agent_fetches_events *events,
                       struct agent_fetches **ret, struct base_error *error)
{
        struct agent_fetches *fetches = calloc(1, sizeof(*fetches));

        if (fetches == NULL)
                return base_error_set_no_memory(error);
        *fetches = (struct agent_fetches){ .system = system, .cache = cache, .events = *events };
        LIST_INIT(&fetches->all);
        *ret = fetches;
        return true;
}

static void fetch_free(struct agent_fetch *fetch)
{
        LIST_REMOVE(fetch, of_all);
        fetch->fetches->count--;
        base_bus_call_drop(&fetch->pending);
        client_batch_clear(&fetch->batch);
        free(fetch->issuer);
        free(fetch->key.encoded);
        explicit_bzero(fetch, sizeof(*fetch));
        free(fetch);
}

void agent_fetches_free(struct agent_fetches *fetches)
{
        if (fetches == NULL)
                return;
        while (!LIST_EMPTY(&fetches->all))
                fetch_free(LIST_FIRST(&fetches->all));
        free(fetches);
}

size_t agent_fetches_count(const struct agent_fetches *fetches)
{
        return fetches->count;
}

static struct agent_fetch_waiter *waiter_next(struct agent_fetch *fetch)
{
        struct agent_fetch_waiter *waiter = TAILQ_FIRST(&fetch->waiters);

        if (waiter == NULL)
                return NULL;
        TAILQ_REMOVE(&fetch->waiters, waiter, next);
        fetch->waiter_count--;
        waiter->fetch = NULL;
        return waiter;
}

static void fetch_fail(struct agent_fetch *fetch, const struct base_error *error)
{
        struct agent_fetch_waiter *waiter;

        while ((waiter = waiter_next(fetch)) != NULL)
                waiter->done(waiter->context, BASE_BYTES(NULL, 0), NULL, error);
        fetch_free(fetch);
}

static void on_reply(void *context, DBusMessage *reply);

/* Blinds and sends `count` requests. */
static bool fetch_send(struct agent_fetch *fetch, size_t count, struct base_error *error)
{
        client_auto_message DBusMessage *message = NULL;
        const struct client_window window = {
                .unreadable = fetch->window.kind == AGENT_VERDICT_UNREADABLE ? fetch->window.reason : NULL,
                .focused = fetch->window.kind == AGENT_VERDICT_FOCUSED,
        };

        client_batch_clear(&fetch->batch);
        fetch->generation = fetch->fetches->cache == NULL ? 0 : agent_cache_generation(fetch->fetches->cache);
        if (fetch->cacheable) {
                struct attester_options options = fetch->limits.options;

                /* Shared: nobody's time cuts another's. */
                options.timeout_ms = 0;
                fetch->limits = client_call_start(&options);
        }
        return client_batch_blind(&fetch->batch, &fetch->key, fetch->id.digest, count, error) &&
               client_batch_message(&fetch->batch, &fetch->limits, fetch->window.kind == AGENT_VERDICT_UNSAID ? NULL : &window,
                                    fetch->issuer, &message, error) &&
               base_bus_call(fetch->fetches->system, message, (int) client_call_left_ms(&fetch->limits), on_reply, fetch,
                             &fetch->pending, error);
}

/* Those who wait come first, in their order; the cache takes the rest unless it was thrown away meanwhile. */
static void tokens_give(struct agent_fetch *fetch, const struct base_buffer *tokens, const struct attester_info *info)
{
        struct agent_cache *cache = fetch->fetches->cache;

        for (size_t i = 0; i < fetch->batch.count; i++) {
                struct agent_fetch_waiter *waiter = waiter_next(fetch);

                if (waiter != NULL)
                        waiter->done(waiter->context, base_buffer_bytes(&tokens[i]), info, NULL);
                else if (fetch->cacheable && cache != NULL && fetch->generation == agent_cache_generation(cache))
                        agent_cache_put(cache, &fetch->id, fetch->window.kind == AGENT_VERDICT_FOCUSED,
                                        base_buffer_bytes(&tokens[i]));
        }
}

/* An issuer whose answer to one request does not verify is not believed in the others. */
static bool tokens_read(struct agent_fetch *fetch, DBusMessage *reply, struct base_buffer *tokens, struct attester_info *info,
                        struct base_error *error)
{
        struct base_bytes responses[CLIENT_BATCH_MAX];

        if (!client_batch_read(&fetch->batch, reply, responses, info, error))
                return false;
        for (size_t i = 0; i < fetch->batch.count; i++)
                if (!client_batch_finalize(&fetch->batch, i, fetch->issuer, responses[i], &tokens[i], error))
                        return false;
        return true;
}

/* More waiters than tokens: goes on for the rest. */
static void fetch_go_on(struct agent_fetch *fetch)
{
        struct base_error error = BASE_ERROR_INIT;
        size_t count = fetch->waiter_count < CLIENT_BATCH_MAX ? fetch->waiter_count : CLIENT_BATCH_MAX;

        if (count == 0)
                fetch_free(fetch);
        else if (!fetch_send(fetch, count, &error))
                fetch_fail(fetch, &error);
}

static void on_reply(void *context, DBusMessage *reply)
{
        struct agent_fetch *fetch = context;
        struct agent_fetches *fetches = fetch->fetches;
        struct base_buffer tokens[CLIENT_BATCH_MAX];
        struct attester_info info = ATTESTER_INFO_INIT;
        struct base_error error = BASE_ERROR_INIT;

        base_bus_call_drop(&fetch->pending);
        for (size_t i = 0; i < CLIENT_BATCH_MAX; i++)
                base_buffer_init(&tokens[i], TOKEN_BYTES_MAX);
        if (client_bus_check(&fetch->limits, reply, CLIENT_BATCH_REPLY, &error) &&
            tokens_read(fetch, reply, tokens, &info, &error)) {
                tokens_give(fetch, tokens, &info);
                fetch_go_on(fetch);
        } else {
                fetches->events.refused(fetches->events.context, &error, reply, fetch->limits.options.interactive);
                fetch_fail(fetch, &error);
        }
        for (size_t i = 0; i < CLIENT_BATCH_MAX; i++)
                base_buffer_clear(&tokens[i]);
}

static struct agent_fetch *fetch_new(struct agent_fetches *fetches, const struct agent_fetch_order *order, size_t count,
                                     struct base_error *error)
{
        struct agent_fetch *fetch = calloc(1, sizeof(*fetch));

        if (fetch == NULL) {
                (void) base_error_set_no_memory(error);
                return NULL;
        }
        *fetch = (struct agent_fetch){
                .fetches = fetches,
                .id = order->id,
                .cacheable = order->cacheable,
                .key = *order->key,
                .limits = order->limits,
                .window = order->window,
        };
        TAILQ_INIT(&fetch->waiters);
        LIST_INSERT_HEAD(&fetches->all, fetch, of_all);
        fetches->count++;
        fetch->issuer = strdup(order->issuer);
        fetch->key.encoded = malloc(order->key->encoded_len);
        if (fetch->issuer != NULL && fetch->key.encoded != NULL) {
                memcpy(fetch->key.encoded, order->key->encoded, order->key->encoded_len);
                if (fetch_send(fetch, count, error))
                        return fetch;
        } else {
                (void) base_error_set_no_memory(error);
        }
        fetch_free(fetch);
        return NULL;
}

/* A person's request is not answered by what a program may get, nor one in focus by what others may, nor the other way round. */
static struct agent_fetch *find(const struct agent_fetches *fetches, const struct agent_fetch_order *order)
{
        struct agent_fetch *fetch;

        LIST_FOREACH(fetch, &fetches->all, of_all)
        if (fetch->cacheable && agent_cache_id_equal(&fetch->id, &order->id) &&
            fetch->limits.options.interactive == order->limits.options.interactive && fetch->window.kind == order->window.kind)
                return fetch;
        return NULL;
}

bool agent_fetch_join(struct agent_fetches *fetches, const struct agent_fetch_order *order, struct agent_fetch_waiter *waiter,
                      struct base_error *error)
{
        struct agent_fetch *fetch = order->cacheable ? find(fetches, order) : NULL;

        if (fetch == NULL)
                fetch = fetch_new(fetches, order, order->cacheable ? 1 + AGENT_FETCH_SPARE : 1, error);
        if (fetch == NULL)
                return false;
        TAILQ_INSERT_TAIL(&fetch->waiters, waiter, next);
        fetch->waiter_count++;
        waiter->fetch = fetch;
        return true;
}

void agent_fetch_leave(struct agent_fetch_waiter *waiter)
{
        struct agent_fetch *fetch = waiter->fetch;

        if (fetch == NULL)
                return;
        TAILQ_REMOVE(&fetch->waiters, waiter, next);
        fetch->waiter_count--;
        waiter->fetch = NULL;
        /* One without a pending call is giving its tokens out at this moment. */
        if (!fetch->cacheable && fetch->pending != NULL)
                fetch_free(fetch);
}

void agent_fetch_ahead(struct agent_fetches *fetches, const struct agent_cache_entry *entry, bool believed)
{
        struct agent_fetch_order order = {
                .id = entry->id, .issuer = entry->issuer, .key = &entry->key, .cacheable = true, .limits = client_call_start(NULL)
        };
        struct base_error ignored = BASE_ERROR_INIT;

        if (believed)
                order.window = agent_verdict_unreadable("nobody asks: the tokens are fetched ahead");
        if (fetches->count < AGENT_FETCHES_MAX && find(fetches, &order) == NULL)
                (void) fetch_new(fetches, &order, AGENT_FETCH_AHEAD, &ignored);
}
