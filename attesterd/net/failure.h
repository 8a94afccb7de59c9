/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why an exchange failed. attester-net names one of these reasons; the sentence that a person reads is written by the
 * daemon's end, so that a compromised attester-net cannot put words into it. May be included by attesterd/net/.
 */
#pragma once

#include "base/error.h"

#define NET_FAILURE_DETAIL_BYTES_MAX 255

enum net_failure {
        NET_FAILURE_NAME, /* the host's name does not resolve */
        NET_FAILURE_CONNECT,
        NET_FAILURE_PROXY,
        NET_FAILURE_TLS, /* no common version or cipher, or the handshake broke off */
        NET_FAILURE_CERT_UNTRUSTED,
        NET_FAILURE_CERT_EXPIRED,
        NET_FAILURE_CERT_NOT_YET,
        NET_FAILURE_CERT_NAME,
        NET_FAILURE_CA_BUNDLE,   /* the bundle to trust has no usable certificate */
        NET_FAILURE_INTERRUPTED, /* the connection ended before the answer did */
        NET_FAILURE_TIMEOUT,
        NET_FAILURE_REDIRECT,
        NET_FAILURE_TOO_LARGE,
        NET_FAILURE_NOT_HTTP,
        NET_FAILURE_OVERLOADED, /* attester-net has as many requests as it takes */
        NET_FAILURE_NO_MEMORY,
        NET_FAILURE_INTERNAL,
        NET_FAILURE_COUNT,
};

/* Sets code and sentence for `failure` of a request to `host`, and `detail` for the log. Always returns false. */
bool net_failure_to_error(enum net_failure failure, const char *host, const char *detail, struct base_error *error);
