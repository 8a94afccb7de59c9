/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a URL leads, as far as tokens are concerned. Runs in attestctl; may be included by client/attestctl only. */
#pragma once

#include "base/error.h"

#define ATTESTCTL_HTTP_URL_MAX 8192

struct attestctl_http_origin {
        char scheme[8];
        char host[264]; /* in brackets if it is an IPv6 address */
        unsigned port;
        char server_name[272]; /* host, and ":port" unless 443 */
        bool loopback;         /* this machine, by its spelling */
        bool secure;           /* https, or this machine */
};

/* Errors: INVALID_ARGUMENT (not an http or https URL, or one with a user name in it). */
bool attestctl_http_origin_read(const char *url, struct attestctl_http_origin *ret, struct base_error *error) BASE_MUST_CHECK;
bool attestctl_http_origin_equal(const struct attestctl_http_origin *a, const struct attestctl_http_origin *b);
