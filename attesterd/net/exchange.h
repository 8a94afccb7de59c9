/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request to an issuer as a curl transfer, and what of its answer goes back to attesterd. Runs in attester-net; may be
 * included by attester-net's own files.
 */
#pragma once

#include "attesterd/net/message.h"

#include <curl/curl.h>
#include <sys/queue.h>

#define NET_RESPONSE_HEADERS_BYTES_MAX 16384
#define NET_CONNECT_TIMEOUT_MS_MAX     10000

/* A CA bundle, shared by the slot that names it and the exchanges that use it. */
struct net_trust {
        unsigned references;
        size_t len;
        uint8_t data[];
};

struct net_trust *net_trust_new(struct base_bytes ca_bundle); /* with one reference; NULL: no memory */
struct net_trust *net_trust_ref(struct net_trust *trust);     /* both accept NULL */
void net_trust_unref(struct net_trust *trust);

struct net_exchange {
        TAILQ_ENTRY(net_exchange) link;
        uint64_t id;
        CURL *easy;
        struct curl_slist *headers;
        struct net_trust *trust; /* NULL: the system's */
        struct base_buffer body;
        size_t header_bytes;
        bool too_large;
        bool conditional; /* 304 is an answer */
        char curl_text[CURL_ERROR_SIZE];
};

/*
 * Prepares the transfer that `message` (a REQUEST) asks for; copies what it needs of it, and takes a reference to `trust`.
 * The easy handle's private pointer is the exchange. NULL: no memory.
 */
struct net_exchange *net_exchange_new(const struct net_message *message, struct net_trust *trust, CURLSH *share,
                                      bool proxy_from_environment);
void net_exchange_free(struct net_exchange *exchange);
BASE_DEFINE_CLEANUP(struct net_exchange, net_exchange_free)
#define net_auto_exchange BASE_CLEANUP(net_exchange_free_p)

/*
 * Writes the RESPONSE or FAILURE message of a transfer that ended with `code`. Of a response, what is in `sent` bytes of the body
 * went before. Errors: NO_MEMORY.
 */
bool net_exchange_finish(struct net_exchange *exchange, CURLcode code, size_t sent, struct base_buffer *to,
                         struct base_error *error) BASE_MUST_CHECK;

/* Whether a transfer that ended with `code` is a response, and not a failure. */
bool net_exchange_is_response(const struct net_exchange *exchange, CURLcode code);
