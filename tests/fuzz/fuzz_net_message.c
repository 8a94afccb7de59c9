/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/message.h"

#include <string.h>

/* There is one encoding of each message: what decodes must encode to the same bytes. */
static bool encode(const struct net_message *message, struct base_buffer *to)
{
        switch (message->kind) {
        case NET_MESSAGE_REQUEST:
                return net_message_put_request(to, message->id, message->trust_slot, &message->request, NULL);
        case NET_MESSAGE_BODY:
                return net_message_put_body(to, message->id, message->piece, NULL);
        case NET_MESSAGE_TRUST:
                return net_message_put_trust(to, message->trust_slot, message->ca_bundle, NULL);
        case NET_MESSAGE_CANCEL:
                return net_message_put_cancel(to, message->id, NULL);
        case NET_MESSAGE_RESPONSE:
                return net_message_put_response(to, message->id, &message->response, NULL);
        case NET_MESSAGE_FAILURE:
                return net_message_put_failure(to, message->id, message->failure, message->failure_detail, NULL);
        default:
                return false;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (int direction = NET_TO_CHILD; direction <= NET_FROM_CHILD; direction++) {
                base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(NET_MESSAGE_BYTES_MAX);
                struct base_error error = BASE_ERROR_INIT;
                struct net_message message;

                if (!net_message_decode(BASE_BYTES(data, size), (enum net_direction) direction, &message, &error)) {
                        if (error.code == BASE_ERROR_NONE)
                                abort();
                        continue;
                }
                if (!encode(&message, &again) || again.len != size || memcmp(again.data, data, size) != 0)
                        abort();
        }
        return 0;
}
