/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/http_origin.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

/* Whether a host is this machine by its spelling, so that no name server has a say. */
static bool is_loopback(const char *host)
{
        struct in_addr address;

        if (inet_pton(AF_INET, host, &address) == 1)
                return (ntohl(address.s_addr) >> 24) == 127;
        return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

static bool url_part(CURLU *url, CURLUPart part, unsigned flags, char *ret, size_t ret_size)
{
        char *text = NULL;
        bool fits;

        if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
                return false;
        fits = strlen(text) < ret_size;
        if (fits)
                (void) snprintf(ret, ret_size, "%s", text);
        curl_free(text);
        return fits;
}

bool attestctl_http_origin_read(const char *url, struct attestctl_http_origin *ret, struct base_error *error)
{
        struct attestctl_http_origin origin = { .scheme = "" };
        char port[8] = "";
        char *user = NULL;
        CURLU *parsed = curl_url();
        bool complete, has_user;

        if (parsed == NULL)
                return base_error_set_no_memory(error);
        complete = strlen(url) < ATTESTCTL_HTTP_URL_MAX && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
                   url_part(parsed, CURLUPART_SCHEME, 0, origin.scheme, sizeof(origin.scheme)) &&
                   url_part(parsed, CURLUPART_HOST, 0, origin.host, sizeof(origin.host)) &&
                   url_part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof(port));
        has_user = curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK;
        curl_free(user);
        curl_url_cleanup(parsed);
        if (!complete || (strcmp(origin.scheme, "https") != 0 && strcmp(origin.scheme, "http") != 0))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "this is not an http or https URL");
        if (has_user)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a URL with a user name in it is not taken");
        origin.port = (unsigned) strtoul(port, NULL, 10);
        origin.loopback = is_loopback(origin.host);
        origin.secure = strcmp(origin.scheme, "https") == 0 || origin.loopback;
        if (origin.port == 443)
                (void) snprintf(origin.server_name, sizeof(origin.server_name), "%s", origin.host);
        else
                (void) snprintf(origin.server_name, sizeof(origin.server_name), "%s:%u", origin.host, origin.port);
        *ret = origin;
        return true;
}

bool attestctl_http_origin_equal(const struct attestctl_http_origin *a, const struct attestctl_http_origin *b)
{
        return strcmp(a->scheme, b->scheme) == 0 && strcasecmp(a->host, b->host) == 0 && a->port == b->port;
}
