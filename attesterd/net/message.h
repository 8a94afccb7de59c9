/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages between attesterd and attester-net: one a packet of a SOCK_SEQPACKET socket, numbers in network order,
 * strings with their length before and a NUL behind. There is one encoding of each message and the decoder accepts no
 * other. Both ends take the other for hostile. May be included by attesterd/net/.
 */
#pragma once

#include "attesterd/net/failure.h"
#include "attesterd/net/transport.h"

#define NET_MESSAGE_BYTES_MAX 65536
#define NET_TRUST_SLOTS       16    /* numbered from 1; 0 stands for the system's certificates */
#define NET_NONCE_BYTES_MAX   512   /* of a response's Attestation-Nonce */
#define NET_INLINE_BODY_MAX   8192  /* of a request; a longer body goes before it, in pieces */
#define NET_PIECE_BYTES_MAX   32768 /* and of a response what is not in pieces: its last, or only, bytes */

enum net_message_kind {
        NET_MESSAGE_REQUEST = 1, /* to attester-net */
        NET_MESSAGE_TRUST,       /* to attester-net: from now on this slot means these certificates */
        NET_MESSAGE_CANCEL,      /* to attester-net */
        NET_MESSAGE_RESPONSE,    /* from attester-net */
        NET_MESSAGE_FAILURE,     /* from attester-net */
        NET_MESSAGE_BODY,        /* either way: a piece of the body of the request or response that follows, and of no other */
};

enum net_direction {
        NET_TO_CHILD,
        NET_FROM_CHILD,
};

/* Decoded; everything points into the packet. Only the members of the kind are set. */
struct net_message {
        enum net_message_kind kind;
        uint64_t id;                 /* not 0; of all but TRUST */
        unsigned trust_slot;         /* of REQUEST and TRUST */
        struct base_bytes ca_bundle; /* of TRUST */
        struct base_bytes piece;     /* of BODY */
        struct net_request request;  /* checked; without ca_bundle */
        struct net_response response;
        enum net_failure failure;
        const char *failure_detail;
};

/*
 * Each appends one message to `to`, whose limit should be NET_MESSAGE_BYTES_MAX.
 * Errors: what net_request_check() finds; LIMIT_EXCEEDED (a bundle, or a part of a response), INVALID_ARGUMENT (a
 * response's status or text), NO_MEMORY. `to` is then of no use.
 */
bool net_message_put_request(struct base_buffer *to, uint64_t id, unsigned trust_slot, const struct net_request *request,
                             struct base_error *error) BASE_MUST_CHECK;
/* `piece` has 1 to NET_PIECE_BYTES_MAX bytes. */
bool net_message_put_body(struct base_buffer *to, uint64_t id, struct base_bytes piece, struct base_error *error) BASE_MUST_CHECK;
bool net_message_put_trust(struct base_buffer *to, unsigned trust_slot, struct base_bytes ca_bundle,
                           struct base_error *error) BASE_MUST_CHECK;
bool net_message_put_cancel(struct base_buffer *to, uint64_t id, struct base_error *error) BASE_MUST_CHECK;
bool net_message_put_response(struct base_buffer *to, uint64_t id, const struct net_response *response,
                              struct base_error *error) BASE_MUST_CHECK;
/* `detail` is cut to its limit, and what is not printable ASCII in it becomes `?`. */
bool net_message_put_failure(struct base_buffer *to, uint64_t id, enum net_failure failure, const char *detail,
                             struct base_error *error) BASE_MUST_CHECK;

/*
 * Decodes one packet that travelled in `direction`; `ret` points into it.
 * Errors: MALFORMED (also: a kind of the other direction, trailing bytes), INVALID_ARGUMENT, LIMIT_EXCEEDED.
 */
bool net_message_decode(struct base_bytes packet, enum net_direction direction, struct net_message *ret,
                        struct base_error *error) BASE_MUST_CHECK;
