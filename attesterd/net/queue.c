/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/queue.h"

#include "attesterd/net/client.h"
#include "attesterd/net/request.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void packet_free(struct net_packet *packet)
{
        base_buffer_clear(&packet->bytes);
        free(packet);
}

BASE_DEFINE_CLEANUP(struct net_packet, packet_free)
#define auto_packet BASE_CLEANUP(packet_free_p)

static struct net_packet *packet_new(uint64_t request_id)
{
        struct net_packet *packet = calloc(1, sizeof(*packet));

        if (packet == NULL)
                return NULL;
        packet->request_id = request_id;
        base_buffer_init(&packet->bytes, NET_MESSAGE_BYTES_MAX);
        return packet;
}

static void append(struct net_queue *queue, struct net_packet *packet)
{
        STAILQ_INSERT_TAIL(&queue->packets, packet, link);
        queue->bytes += packet->bytes.len;
}

static void prepend(struct net_queue *queue, struct net_packet *packet)
{
        STAILQ_INSERT_HEAD(&queue->packets, packet, link);
        queue->bytes += packet->bytes.len;
}

static void drop(struct net_queue *queue, struct net_packet *packet)
{
        STAILQ_REMOVE(&queue->packets, packet, net_packet, link);
        queue->bytes -= packet->bytes.len;
        packet_free(packet);
}

void net_queue_init(struct net_queue *queue)
{
        *queue = (struct net_queue){ 0 };
        STAILQ_INIT(&queue->packets);
}

void net_queue_reset(struct net_queue *queue)
{
        while (!STAILQ_EMPTY(&queue->packets))
                drop(queue, STAILQ_FIRST(&queue->packets));
        for (size_t i = 0; i < NET_TRUST_SLOTS; i++)
                queue->bundles[i].known = false;
}

void net_queue_clear(struct net_queue *queue)
{
        net_queue_reset(queue);
        for (size_t i = 0; i < NET_TRUST_SLOTS; i++)
                free(queue->bundles[i].data);
        net_queue_init(queue);
}

/* The slot that has this bundle; failing that an empty one, or the one longest unused. */
static struct net_bundle *find_bundle(struct net_queue *queue, struct base_bytes ca_bundle, bool *ret_same)
{
        struct net_bundle *oldest = &queue->bundles[0];

        *ret_same = true;
        for (size_t i = 0; i < NET_TRUST_SLOTS; i++) {
                struct net_bundle *bundle = &queue->bundles[i];

                if (bundle->len == ca_bundle.len && memcmp(bundle->data, ca_bundle.data, ca_bundle.len) == 0)
                        return bundle;
                if (bundle->last_use < oldest->last_use)
                        oldest = bundle;
        }
        *ret_same = false;
        return oldest;
}

/*
 * Finds the slot for a request's bundle. If attester-net must be told of it, `ret_packet` is the message; nothing that it
 * was told before changes until that message is queued.
 */
static bool choose_slot(struct net_queue *queue, struct base_bytes ca_bundle, struct net_bundle **ret,
                        struct net_packet **ret_packet, struct base_error *error)
{
        auto_packet struct net_packet *packet = NULL;
        struct net_bundle *bundle;
        bool same;

        bundle = find_bundle(queue, ca_bundle, &same);
        if (!same) {
                uint8_t *copy = malloc(ca_bundle.len);

                if (copy == NULL)
                        return base_error_set_no_memory(error);
                memcpy(copy, ca_bundle.data, ca_bundle.len);
                free(bundle->data);
                *bundle = (struct net_bundle){ .data = copy, .len = ca_bundle.len };
        }
        bundle->last_use = ++queue->uses;
        if (!bundle->known) {
                packet = packet_new(0);
                if (packet == NULL)
                        return base_error_set_no_memory(error);
                if (!net_message_put_trust(&packet->bytes, (unsigned) (bundle - queue->bundles) + 1, ca_bundle, error))
                        return false;
        }
        *ret = bundle;
        *ret_packet = BASE_STEAL(packet);
        return true;
}

static void list_clear(struct net_packet_list *list)
{
        struct net_packet *packet;

        while ((packet = STAILQ_FIRST(list)) != NULL) {
                STAILQ_REMOVE_HEAD(list, link);
                packet_free(packet);
        }
}

#define auto_packet_list BASE_CLEANUP(list_clear)

/* Cuts a long body into pieces, and leaves the request without it. */
static bool cut_body(uint64_t id, struct net_request *request, struct net_packet_list *ret, size_t *ret_bytes,
                     struct base_error *error)
{
        struct base_bytes left = request->body;

        if (left.len <= NET_INLINE_BODY_MAX)
                return true;
        request->body = BASE_BYTES(NULL, 0);
        while (left.len > 0) {
                auto_packet struct net_packet *packet = packet_new(id);
                size_t len = left.len < NET_PIECE_BYTES_MAX ? left.len : NET_PIECE_BYTES_MAX;

                if (packet == NULL)
                        return base_error_set_no_memory(error);
                packet->in_pieces = true;
                if (!net_message_put_body(&packet->bytes, id, BASE_BYTES(left.data, len), error))
                        return false;
                left = BASE_BYTES(left.data + len, left.len - len);
                *ret_bytes += packet->bytes.len;
                STAILQ_INSERT_TAIL(ret, packet, link);
                packet = NULL;
        }
        return true;
}

bool net_queue_put_request(struct net_queue *queue, uint64_t id, const struct net_request *request, struct base_error *error)
{
        auto_packet_list struct net_packet_list pieces = STAILQ_HEAD_INITIALIZER(pieces);
        auto_packet struct net_packet *packet = packet_new(id);
        struct net_request shortened = *request;
        size_t pieces_bytes = 0;
        auto_packet struct net_packet *trust = NULL;
        struct net_bundle *bundle = NULL;
        unsigned slot = 0;

        if (packet == NULL)
                return base_error_set_no_memory(error);
        if (request->ca_bundle.len > 0) {
                if (!choose_slot(queue, request->ca_bundle, &bundle, &trust, error))
                        return false;
                slot = (unsigned) (bundle - queue->bundles) + 1;
        }
        if (!net_request_check(request, error) || !cut_body(id, &shortened, &pieces, &pieces_bytes, error) ||
            !net_message_put_request(&packet->bytes, id, slot, &shortened, error))
                return false;
        packet->in_pieces = pieces_bytes > 0;
        if (queue->bytes + packet->bytes.len + pieces_bytes + (trust != NULL ? trust->bytes.len : 0) > NET_QUEUE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_BUSY, "attester-net is behind with its requests: try again");
        if (trust != NULL) {
                append(queue, BASE_STEAL(trust));
                bundle->known = true;
        }
        STAILQ_CONCAT(&queue->packets, &pieces);
        queue->bytes += pieces_bytes;
        append(queue, BASE_STEAL(packet));
        return true;
}

void net_queue_put_cancel(struct net_queue *queue, uint64_t id)
{
        auto_packet struct net_packet *cancel = NULL;
        struct net_packet *packet, *next;
        bool found = false, in_pieces = false;

        for (packet = STAILQ_FIRST(&queue->packets); packet != NULL; packet = next) {
                next = STAILQ_NEXT(packet, link);
                if (packet->request_id != id)
                        continue;
                found = true;
                in_pieces = packet->in_pieces;
                drop(queue, packet);
        }
        if (found && !in_pieces)
                return;
        /* Without memory the request runs to its end, and its answer is for nobody. */
        cancel = packet_new(0);
        if (cancel == NULL || !net_message_put_cancel(&cancel->bytes, id, NULL))
                return;
        /* After pieces that were sent the other end expects this and nothing else. */
        if (found)
                prepend(queue, BASE_STEAL(cancel));
        else
                append(queue, BASE_STEAL(cancel));
}

bool net_queue_flush(struct net_queue *queue, int fd)
{
        struct net_packet *packet;

        while ((packet = STAILQ_FIRST(&queue->packets)) != NULL) {
                ssize_t len;

                do
                        len = send(fd, packet->bytes.data, packet->bytes.len, MSG_NOSIGNAL);
                while (len < 0 && errno == EINTR);
                if (len < 0)
                        return errno == EAGAIN || errno == ENOBUFS;
                drop(queue, packet);
        }
        return false;
}
