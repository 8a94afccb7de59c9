/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/failure.h"

struct failure_row {
        enum base_error_code code;
        const char *before; /* the sentence, around the host's name */
        const char *after;
};

static const struct failure_row rows[NET_FAILURE_COUNT] = {
        [NET_FAILURE_NAME] = { BASE_ERROR_ISSUER_UNREACHABLE, "the name ",
                               " cannot be resolved: check the issuer's URL and this machine's DNS" },
        [NET_FAILURE_CONNECT] = { BASE_ERROR_ISSUER_UNREACHABLE, "no connection to ",
                                  ": check the network, and that the issuer is running" },
        [NET_FAILURE_PROXY] = { BASE_ERROR_ISSUER_UNREACHABLE, "no connection to ",
                                " through the proxy: check the proxy of attesterd's environment" },
        [NET_FAILURE_TLS] = { BASE_ERROR_ISSUER_UNREACHABLE, "no TLS connection to ", ": it must speak TLS 1.2 or later" },
        [NET_FAILURE_CERT_UNTRUSTED] = { BASE_ERROR_ISSUER_UNREACHABLE, "the certificate of ",
                                         " is not trusted: no authority of the CA bundle that applies to it signed it" },
        [NET_FAILURE_CERT_EXPIRED] = { BASE_ERROR_ISSUER_UNREACHABLE, "the certificate of ",
                                       " is not trusted: it has expired, or this machine's clock is ahead" },
        [NET_FAILURE_CERT_NOT_YET] = { BASE_ERROR_ISSUER_UNREACHABLE, "the certificate of ",
                                       " is not trusted: it is not valid yet, or this machine's clock is behind" },
        [NET_FAILURE_CERT_NAME] = { BASE_ERROR_ISSUER_UNREACHABLE, "the certificate of ",
                                    " is not trusted: it was issued for another name" },
        [NET_FAILURE_CA_BUNDLE] = { BASE_ERROR_CONFIG_INVALID, "the CA bundle for ",
                                    " has no usable certificate: it must be a PEM file" },
        [NET_FAILURE_INTERRUPTED] = { BASE_ERROR_ISSUER_UNREACHABLE, "the connection to ",
                                      " broke before its answer was whole: try again" },
        [NET_FAILURE_TIMEOUT] = { BASE_ERROR_TIMEOUT, "", " did not answer in time: try again later" },
        [NET_FAILURE_REDIRECT] = { BASE_ERROR_ISSUER_REJECTED, "",
                                   " answered with a redirect, which is not followed: correct the issuer's URL" },
        [NET_FAILURE_TOO_LARGE] = { BASE_ERROR_ISSUER_REJECTED, "", " answered with more than is accepted" },
        [NET_FAILURE_NOT_HTTP] = { BASE_ERROR_ISSUER_REJECTED, "", " answered with something that is not HTTP" },
        [NET_FAILURE_OVERLOADED] = { BASE_ERROR_BUSY, "too many requests are under way for one to ", ": try again" },
        [NET_FAILURE_NO_MEMORY] = { BASE_ERROR_NO_MEMORY, "out of memory for the request to ", "" },
        [NET_FAILURE_INTERNAL] = { BASE_ERROR_INTERNAL, "the request to ", " failed for a reason only the log tells" },
};

bool net_failure_to_error(enum net_failure failure, const char *host, const char *detail, struct base_error *error)
{
        const struct failure_row *row = failure >= 0 && failure < NET_FAILURE_COUNT ? &rows[failure]
                                                                                    : &rows[NET_FAILURE_INTERNAL];

        (void) base_error_set(error, row->code, "%s%s%s", row->before, host, row->after);
        base_error_set_detail(error, "attester-net: %s", detail);
        return false;
}
