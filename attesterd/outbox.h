/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Posts that go to issuers, a few at once: fair between an issuer's users, in order within one, and fair between issuers, so that
 * a slow one does not hold up the rest. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include "attesterd/fair.h"
#include "attesterd/net/transport.h"
#include "base/system.h"

#include <systemd/sd-event.h>

#define ATTESTERD_POSTS_IN_FLIGHT_MAX 224 /* leaves room in the transport for directories, nonces and enrolment */

/*
 * To one issuer: as many as one call can bring. attester-net has half as many connections to a host, so that one that falls
 * free finds the next post there. What is beyond waits here, where the order is fair and nothing is copied yet; curl keeps none.
 */
#define ATTESTERD_POSTS_PER_ISSUER_MAX 16

/* One issuer's queue, embedded in the issuer. */
struct attesterd_lane {
        TAILQ_ENTRY(attesterd_lane) of_outbox; /* while something is queued */
        struct attesterd_fair_queue queue;
        size_t in_flight;
};

struct attesterd_outbox {
        struct net_transport transport;
        const struct base_clock *clock;
        size_t in_flight;
        sd_event_source *pump;              /* sends from the queues */
        TAILQ_HEAD(, attesterd_lane) lanes; /* those with something queued; the first is next */
};

/* Embedded in a request; zero when not posted. What `request` points to lives until the callback or the cancel. */
struct attesterd_post {
        struct attesterd_fair_item queued;
        struct attesterd_outbox *outbox;
        struct attesterd_lane *lane;
        uint64_t id; /* in the transport; 0 while it is queued */
        struct net_request request;
        uint64_t deadline_ms; /* on the outbox's monotonic clock; the request's timeout_ms is set from it */
        net_fetch_callback *callback;
        void *context;
};

/* `clock` and the transport's context must outlive it. Errors: NO_MEMORY. */
bool attesterd_outbox_init(struct attesterd_outbox *outbox, sd_event *event, const struct net_transport *transport,
                           const struct base_clock *clock, struct base_error *error) BASE_MUST_CHECK;
/* When nothing is posted any more. */
void attesterd_outbox_clear(struct attesterd_outbox *outbox);
void attesterd_lane_init(struct attesterd_lane *lane);

/*
 * Sends now or later; `request`, `deadline_ms`, `callback` and `context` are set. The callback runs once, from the loop,
 * unless the post is cancelled. Errors: NO_MEMORY; those of net_transport.fetch but BUSY, now or by the callback.
 */
bool attesterd_outbox_post(struct attesterd_outbox *outbox, struct attesterd_lane *lane, struct attesterd_post *post, uid_t uid,
                           struct base_error *error) BASE_MUST_CHECK;
/* Does nothing for a post that is not under way. */
void attesterd_outbox_cancel(struct attesterd_post *post);
