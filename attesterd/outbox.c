/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/outbox.h"

static void on_response(void *context, const struct net_response *response, const struct base_error *error);

void attesterd_lane_init(struct attesterd_lane *lane)
{
        attesterd_fair_init(&lane->queue);
        lane->in_flight = 0;
}

/*
 * With many issuers that do not answer, each next one may still use three quarters of what the others leave free.
 */
static bool lane_may_send(const struct attesterd_outbox *outbox, const struct attesterd_lane *lane)
{
        size_t others = outbox->in_flight - lane->in_flight;

        return outbox->in_flight < ATTESTERD_POSTS_IN_FLIGHT_MAX && lane->in_flight < ATTESTERD_POSTS_PER_ISSUER_MAX &&
               lane->in_flight < (ATTESTERD_POSTS_IN_FLIGHT_MAX - others) * 3 / 4 + 1;
}

static void lane_drop_if_empty(struct attesterd_outbox *outbox, struct attesterd_lane *lane)
{
        if (lane->queue.count == 0)
                TAILQ_REMOVE(&outbox->lanes, lane, of_outbox);
}

static bool send_post(struct attesterd_outbox *outbox, struct attesterd_post *post, struct base_error *error)
{
        uint64_t now_ms = outbox->clock->monotonic_ms(outbox->clock->context);
        uint64_t left_ms = post->deadline_ms > now_ms ? post->deadline_ms - now_ms : 0;

        if (left_ms < NET_TIMEOUT_MS_MIN)
                left_ms = NET_TIMEOUT_MS_MIN;
        post->request.timeout_ms = left_ms < NET_TIMEOUT_MS_MAX ? (uint32_t) left_ms : NET_TIMEOUT_MS_MAX;
        if (!outbox->transport.fetch(outbox->transport.context, &post->request, on_response, post, &post->id, error)) {
                post->id = 0;
                return false;
        }
        outbox->in_flight++;
        post->lane->in_flight++;
        return true;
}

/* The next lane, in turn, that has something queued and may send; NULL if there is none. */
static struct attesterd_lane *next_lane(struct attesterd_outbox *outbox)
{
        struct attesterd_lane *lane;

        TAILQ_FOREACH(lane, &outbox->lanes, of_outbox)
        if (lane_may_send(outbox, lane)) {
                TAILQ_REMOVE(&outbox->lanes, lane, of_outbox);
                TAILQ_INSERT_TAIL(&outbox->lanes, lane, of_outbox);
                return lane;
        }
        return NULL;
}

/* A callback of a post that fails here may post and cancel. */
static int on_pump(sd_event_source *source, void *userdata)
{
        struct attesterd_outbox *outbox = userdata;

        (void) source;
        for (;;) {
                struct attesterd_lane *lane = next_lane(outbox);
                struct base_error error = BASE_ERROR_INIT;
                struct attesterd_post *post;

                if (lane == NULL)
                        return 0;
                post = attesterd_fair_pop(&lane->queue);
                lane_drop_if_empty(outbox, lane);
                if (send_post(outbox, post, &error))
                        continue;
                post->outbox = NULL;
                post->callback(post->context, NULL, &error);
        }
}

bool attesterd_outbox_init(struct attesterd_outbox *outbox, sd_event *event, const struct net_transport *transport,
                           const struct base_clock *clock, struct base_error *error)
{
        *outbox = (struct attesterd_outbox){ .transport = *transport, .clock = clock };
        TAILQ_INIT(&outbox->lanes);
        if (sd_event_add_defer(event, &outbox->pump, on_pump, outbox) < 0 ||
            sd_event_source_set_enabled(outbox->pump, SD_EVENT_OFF) < 0)
                return base_error_set_no_memory(error);
        return true;
}

void attesterd_outbox_clear(struct attesterd_outbox *outbox)
{
        outbox->pump = sd_event_source_disable_unref(outbox->pump);
}

static void pump_soon(struct attesterd_outbox *outbox)
{
        if (!TAILQ_EMPTY(&outbox->lanes))
                (void) sd_event_source_set_enabled(outbox->pump, SD_EVENT_ONESHOT);
}

static void post_ended(struct attesterd_post *post)
{
        post->outbox->in_flight--;
        post->lane->in_flight--;
        post->outbox = NULL;
        post->id = 0;
}

static void on_response(void *context, const struct net_response *response, const struct base_error *error)
{
        struct attesterd_post *post = context;
        struct attesterd_outbox *outbox = post->outbox;

        post_ended(post);
        pump_soon(outbox);
        post->callback(post->context, response, error);
}

bool attesterd_outbox_post(struct attesterd_outbox *outbox, struct attesterd_lane *lane, struct attesterd_post *post, uid_t uid,
                           struct base_error *error)
{
        post->outbox = outbox;
        post->lane = lane;
        post->id = 0;
        if (lane->queue.count == 0 && lane_may_send(outbox, lane)) {
                if (send_post(outbox, post, error))
                        return true;
                post->outbox = NULL;
                return false;
        }
        if (!attesterd_fair_push(&lane->queue, &post->queued, uid, post, error)) {
                post->outbox = NULL;
                return false;
        }
        if (lane->queue.count == 1)
                TAILQ_INSERT_TAIL(&outbox->lanes, lane, of_outbox);
        return true;
}

void attesterd_outbox_cancel(struct attesterd_post *post)
{
        struct attesterd_outbox *outbox = post->outbox;

        if (outbox == NULL)
                return;
        if (post->id == 0) {
                attesterd_fair_remove(&post->lane->queue, &post->queued);
                lane_drop_if_empty(outbox, post->lane);
                post->outbox = NULL;
                return;
        }
        outbox->transport.cancel(outbox->transport.context, post->id);
        post_ended(post);
        pump_soon(outbox);
}
