/* SPDX-License-Identifier: BSD-2-Clause */
/* A compromised attester-net: does to the daemon what the path of each request says. For test_net_client.c. */
#include "attesterd/net/message.h"
#include "attesterd/net/process.h"

#include <string.h>
#include <sys/socket.h>

static void put_response(struct base_buffer *to, uint64_t id)
{
        struct net_response response = { .status = 200, .content_type = "", .attestation_nonce = "", .etag = "" };

        if (!net_message_put_response(to, id, &response, NULL))
                abort();
}

/* The body in `count` pieces of the largest size, before the response. */
static void send_pieces(uint64_t id, unsigned count)
{
        static const uint8_t piece[NET_PIECE_BYTES_MAX];

        for (unsigned i = 0; i < count; i++) {
                base_auto_buffer struct base_buffer out = BASE_BUFFER_INIT(NET_MESSAGE_BYTES_MAX);

                if (!net_message_put_body(&out, id, BASE_BYTES_OF(piece), NULL))
                        abort();
                (void) send(NET_CHILD_FD, out.data, out.len, MSG_NOSIGNAL);
        }
}

static void misbehave(const struct net_message *message, const char *path)
{
        static uint8_t huge[NET_MESSAGE_BYTES_MAX + 1000];
        base_auto_buffer struct base_buffer out = BASE_BUFFER_INIT(sizeof(huge));

        put_response(&out, message->id);
        if (strcmp(path, "/fine") == 0)
                ;
        else if (strcmp(path, "/garbage") == 0)
                memset(out.data, 0xa5, out.len);
        else if (strcmp(path, "/truncated") == 0)
                out.len--;
        else if (strcmp(path, "/trailing") == 0)
                base_buffer_put_u8(&out, 0);
        else if (strcmp(path, "/huge") == 0)
                (void) base_buffer_extend(&out, sizeof(huge) - out.len);
        else if (strcmp(path, "/redirect") == 0)
                out.data[9] = 302 >> 8, out.data[10] = 302 & 0xff;
        else if (strcmp(path, "/request") == 0)
                out.data[0] = NET_MESSAGE_REQUEST;
        else if (strcmp(path, "/pieces") == 0)
                send_pieces(message->id, 3);
        else if (strcmp(path, "/flood") == 0)
                send_pieces(message->id, 4);
        else if (strcmp(path, "/stray") == 0)
                send_pieces(message->id + 1000, 4);
        else if (strcmp(path, "/unknown") == 0) {
                /* Answers for requests nobody made, and then the right one twice. */
                for (uint64_t id = 1000; id < 1100; id++) {
                        base_auto_buffer struct base_buffer other = BASE_BUFFER_INIT(1024);

                        put_response(&other, id);
                        (void) send(NET_CHILD_FD, other.data, other.len, MSG_NOSIGNAL);
                }
                (void) send(NET_CHILD_FD, out.data, out.len, MSG_NOSIGNAL);
        } else if (strcmp(path, "/exit") == 0)
                _exit(3);
        else if (strcmp(path, "/deaf") == 0)
                (void) pause();
        else
                return; /* silent */
        (void) send(NET_CHILD_FD, out.data, out.len, MSG_NOSIGNAL);
}

int main(void)
{
        static uint8_t packet[NET_MESSAGE_BYTES_MAX];
        ssize_t len;

        while ((len = recv(NET_CHILD_FD, packet, sizeof(packet), 0)) > 0) {
                struct net_message message;

                if (!net_message_decode(BASE_BYTES(packet, len), NET_TO_CHILD, &message, NULL))
                        return 2;
                if (message.kind == NET_MESSAGE_REQUEST)
                        misbehave(&message, strrchr(message.request.url, '/'));
        }
        return 0;
}
