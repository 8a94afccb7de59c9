/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages on their way to attester-net that its socket has not taken yet, and the CA bundles it knows. Runs in
 * attesterd; may be included by attesterd/net/.
 */
#pragma once

#include "attesterd/net/message.h"

#include <sys/queue.h>

struct net_packet {
        STAILQ_ENTRY(net_packet) link;
        uint64_t request_id; /* of a request or a piece of its body; 0: neither */
        bool in_pieces;      /* a piece, or a request whose body goes in pieces */
        struct base_buffer bytes;
};

STAILQ_HEAD(net_packet_list, net_packet);

struct net_bundle {
        uint8_t *data;
        size_t len;
        uint64_t last_use;
        bool known; /* this attester-net has been told, or will be by the queue */
};

struct net_queue {
        struct net_packet_list packets;
        size_t bytes;
        uint64_t uses;
        struct net_bundle bundles[NET_TRUST_SLOTS]; /* slot n is at n - 1; the one longest unused gives way */
};

void net_queue_init(struct net_queue *queue);
void net_queue_clear(struct net_queue *queue);

/* For a new attester-net: drops the messages and remembers that it knows no bundle. */
void net_queue_reset(struct net_queue *queue);

/*
 * Queues a request and before it the pieces of a long body, and before all, if attester-net does not know it yet, the request's
 * CA bundle. Errors: as net_request_check(); BUSY (NET_QUEUE_BYTES_MAX reached), NO_MEMORY. The queue is then as before.
 */
bool net_queue_put_request(struct net_queue *queue, uint64_t id, const struct net_request *request,
                           struct base_error *error) BASE_MUST_CHECK;

/* Takes a request back that is still queued; tells attester-net to stop one that is not. */
void net_queue_put_cancel(struct net_queue *queue, uint64_t id);

/* Writes what the socket takes. True if it is full and there is more; a broken socket is left for its reader to see. */
bool net_queue_flush(struct net_queue *queue, int fd);
