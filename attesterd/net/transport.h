/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What attesterd asks of an issuer and what comes back, and the seam between the daemon's issuer logic and the wire:
 * attester-net's client implements it, tests plug in a fake. Used by attesterd and attester-net; may be included by
 * attesterd/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

/* Limits of one exchange, lengths without the NUL. A request beyond them is refused, an answer beyond them is an error. */
#define NET_URL_BYTES_MAX          2048
#define NET_MEDIA_TYPE_BYTES_MAX   128
#define NET_REQUEST_HEADERS_MAX    4
#define NET_HEADER_NAME_BYTES_MAX  64
#define NET_HEADER_VALUE_BYTES_MAX 8192
#define NET_REQUEST_BODY_MAX       (1024 * 1024) /* a firmware's event log is the largest */
#define NET_RESPONSE_BODY_MAX      32768         /* of an issuer */
#define NET_DOWNLOAD_BODY_MAX      (256 * 1024)  /* of anybody: a policy bundle is the largest */
#define NET_ETAG_BYTES_MAX         128
#define NET_CA_BUNDLE_BYTES_MAX    61440 /* PEM */
#define NET_TIMEOUT_MS_MIN         10
#define NET_TIMEOUT_MS_MAX         120000

enum net_method {
        NET_METHOD_GET,
        NET_METHOD_POST,
        NET_METHOD_COUNT,
};

struct net_header {
        const char *name;
        const char *value;
};

/* Everything in it is borrowed for the call it is passed to, and may be gone afterwards. */
struct net_request {
        enum net_method method;
        const char *url;             /* absolute; https only; no user, password or fragment */
        struct base_bytes ca_bundle; /* PEM certificates to trust for this issuer, and no others; empty: the system's */
        const char *content_type;    /* NULL: none */
        const char *accept;          /* NULL: none */
        struct net_header headers[NET_REQUEST_HEADERS_MAX]; /* beside those two; Host, Content-Length… are refused */
        size_t header_count;
        struct base_bytes body;      /* POST only */
        uint32_t timeout_ms;         /* for all of it: name, connection, TLS, answer */
        uint32_t response_bytes_max; /* of the body; at most NET_DOWNLOAD_BODY_MAX */
};

/* An HTTP answer of any status but a redirect; 304 only to a request with If-None-Match. Valid until the callback that got it
 * returns. */
struct net_response {
        unsigned status;               /* 200–299, 304, 400–599 */
        const char *content_type;      /* as sent, parameters included; "" if none */
        const char *attestation_nonce; /* the field's value as sent (an RFC 9651 byte sequence, unparsed); "" if none */
        const char *etag;              /* as sent; "" if none, or longer than NET_ETAG_BYTES_MAX */
        bool event_log_wanted;         /* Attestation-Event-Log: wanted */
        bool has_max_age;              /* Cache-Control: max-age; no-store and no-cache read as 0 */
        uint32_t max_age_seconds;
        bool has_retry_after; /* Retry-After in seconds; a date is read as absent */
        uint32_t retry_after_seconds;
        struct base_bytes body;
};

/*
 * Called once for each fetch that was accepted and not cancelled, from the event loop and never from inside fetch.
 * Exactly one of `response` and `error` is set. The callback may fetch and cancel.
 * Errors: ISSUER_UNREACHABLE (name, connection, TLS, certificate, attester-net died), ISSUER_REJECTED (redirect, too
 * large, not HTTP), CONFIG_INVALID (the CA bundle), TIMEOUT, CANCELLED (the client is freed), BUSY, LIMIT_EXCEEDED, NO_MEMORY,
 * INTERNAL.
 */
typedef void net_fetch_callback(void *context, const struct net_response *response, const struct base_error *error);

struct net_transport {
        /*
         * Starts a request; `ret_id` (NULL if not wanted) names it for cancel and is never 0.
         * Errors: INVALID_ARGUMENT and LIMIT_EXCEEDED (the request), BUSY (too many in flight), ISSUER_UNREACHABLE
         * (attester-net cannot be started, or is not yet to be restarted), NO_MEMORY, IO. `callback` is then not called.
         */
        bool (*fetch)(void *context, const struct net_request *request, net_fetch_callback *callback, void *callback_context,
                      uint64_t *ret_id, struct base_error *error);
        /* Forgets a request: its callback is not called any more. Does nothing for an id that is no longer in flight. */
        void (*cancel)(void *context, uint64_t id);
        void *context;
};
