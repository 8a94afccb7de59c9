/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One HTTP exchange, by libcurl, which stays behind this header. Runs in attestctl; may be included by client/attestctl
 * only.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define ATTESTCTL_HTTP_FIELD_BYTES_MAX   65536 /* of all WWW-Authenticate fields together */
#define ATTESTCTL_HTTP_REFUSAL_BYTES_MAX 65536 /* kept of a body that is not 2xx */
#define ATTESTCTL_HTTP_HEADERS_MAX       32
#define ATTESTCTL_HTTP_URL_MAX           8192
#define ATTESTCTL_HTTP_REASON_MAX        128

struct attestctl_http_request {
        const char *url;
        const char *method; /* NULL: GET, or POST with a body */
        const char *body;   /* NULL: none */
        const char *ca_file;
        const char *headers[ATTESTCTL_HTTP_HEADERS_MAX]; /* "Name: value" */
        size_t header_count;
        const char *authorization; /* NULL, or the value of Authorization */
        uint32_t timeout_ms;
        /* Where a 2xx body goes, piece by piece. Return false to stop. */
        bool (*write)(void *context, const void *data, size_t len);
        void *write_context;
};

struct attestctl_http_response {
        long status;
        struct base_buffer www_authenticate;    /* all fields of that name, joined with ", " */
        struct base_buffer refusal;             /* the start of a body that is not 2xx */
        char reason[ATTESTCTL_HTTP_REASON_MAX]; /* X-Attester-Reason, or "" */
        char redirect[ATTESTCTL_HTTP_URL_MAX];  /* absolute, or "" */
};

void attestctl_http_response_init(struct attestctl_http_response *response);
void attestctl_http_response_clear(struct attestctl_http_response *response);
#define attestctl_auto_http_response BASE_CLEANUP(attestctl_http_response_clear)

/*
 * Performs it. Redirects are not followed; no cookie or credential is kept. Call with an empty response.
 * Errors: IO (name, connection, TLS), TIMEOUT, LIMIT_EXCEEDED (fields), CANCELLED (`write` stopped it), NO_MEMORY.
 */
bool attestctl_http_perform(const struct attestctl_http_request *request, struct attestctl_http_response *ret,
                            struct base_error *error) BASE_MUST_CHECK;

/* Where a URL leads, as far as tokens are concerned. */
struct attestctl_http_origin {
        char scheme[8];
        char host[264]; /* in brackets if it is an IPv6 address */
        unsigned port;
        char server_name[272]; /* host, and ":port" unless 443 */
        bool secure;           /* https, or a loopback address */
};

/* Errors: INVALID_ARGUMENT (not an http or https URL, or one with a user name in it). */
bool attestctl_http_origin_read(const char *url, struct attestctl_http_origin *ret, struct base_error *error) BASE_MUST_CHECK;
bool attestctl_http_origin_equal(const struct attestctl_http_origin *a, const struct attestctl_http_origin *b);
