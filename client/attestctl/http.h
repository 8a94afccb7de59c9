/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One HTTP exchange, by libcurl, which stays behind this header. Runs in attestctl; may be included by client/attestctl
 * only.
 */
#pragma once

#include "client/attestctl/http_body.h"
#include "client/attestctl/http_head.h"
#include "client/attestctl/http_origin.h"

#define ATTESTCTL_HTTP_REFUSAL_BYTES_MAX 65536 /* kept of a body that goes nowhere */
#define ATTESTCTL_HTTP_HEADERS_MAX       32

struct attestctl_http_response {
        struct attestctl_http_head head;
        struct base_buffer refusal;            /* the start of a body that was not wanted */
        char redirect[ATTESTCTL_HTTP_URL_MAX]; /* where the Location leads, absolute, or "" */
};

struct attestctl_http_request {
        const char *url;
        const char *method;                              /* NULL: GET, or POST with a body */
        const struct attestctl_http_body *body;          /* NULL: none */
        const char *ca_file;                             /* NULL: the system's */
        const char *headers[ATTESTCTL_HTTP_HEADERS_MAX]; /* "Name: value" */
        size_t header_count;
        const char *authorization; /* NULL, or the value of Authorization */
        uint32_t silence_ms;       /* the longest that nothing may arrive or leave; counted in whole seconds */
        uint64_t deadline_ms;      /* of base_system_clock.monotonic_ms(); UINT64_MAX: none */
        bool compressed;           /* ask for a compressed body, and unpack it */
        bool direct;               /* by no proxy, whatever the environment says */
        /* Whether the body of this response, whose head is there, goes to `write`. */
        bool (*wants)(void *context, const struct attestctl_http_response *response);
        /* Takes a piece of it. Return false to stop. */
        bool (*write)(void *context, const void *data, size_t len);
        /* Is told now and then what arrived and left; a total is 0 while it is not known. NULL: not wanted. */
        void (*progress)(void *context, uint64_t done, uint64_t total);
        void *context;
};

void attestctl_http_response_init(struct attestctl_http_response *response);
void attestctl_http_response_clear(struct attestctl_http_response *response);
#define attestctl_auto_http_response BASE_CLEANUP(attestctl_http_response_clear)

/*
 * Performs it, with the proxies that the environment names. Redirects are not followed; no connection, cookie or credential is
 * kept. Call with an empty response.
 * Errors: IO (name, connection, TLS), TIMEOUT, LIMIT_EXCEEDED (head), CANCELLED (`write` stopped it, or the body's file could not
 * be read), NO_MEMORY.
 */
bool attestctl_http_perform(const struct attestctl_http_request *request, struct attestctl_http_response *ret,
                            struct base_error *error) BASE_MUST_CHECK;
