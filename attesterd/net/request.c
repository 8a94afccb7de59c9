/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/request.h"

#include <string.h>
#include <strings.h>

#define SCHEME        "https://"
#define ALPHANUMERICS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
/* RFC 3986, sections 2.2 and 2.3, and `%`; without `#`, which never goes to a server. */
#define URL_CHARACTERS   ALPHANUMERICS "-._~:/?[]@!$&'()*+,;=%"
#define NAME_CHARACTERS  ALPHANUMERICS "-._"
#define TOKEN_CHARACTERS ALPHANUMERICS "!#$%&'*+-.^_`|~" /* RFC 9110, section 5.6.2 */

/* Set by curl or from a field of the request, or changing how the message is framed or routed. */
static const char *const reserved_names[] = {
        "accept",  "connection",        "content-length",   "content-type",        "cookie", "expect",
        "host",    "http2-settings",    "keep-alive",       "proxy-authorization", "te",     "trailer",
        "upgrade", "transfer-encoding", "proxy-connection", "accept-encoding",
};

bool net_text_is_printable(const char *text)
{
        size_t len = strlen(text);

        for (size_t i = 0; i < len; i++)
                if (text[i] < 0x20 || text[i] > 0x7e)
                        return false;
        return len == 0 || (text[0] != ' ' && text[len - 1] != ' ');
}

/* The length of `:port` at `text`, 0 if there is none, -1 if it is not one. */
static int port_length(const char *text)
{
        unsigned long port;
        size_t digits;

        if (text[0] != ':')
                return 0;
        digits = strspn(text + 1, "0123456789");
        if (digits == 0 || digits > 5)
                return -1;
        port = strtoul(text + 1, NULL, 10);
        return port == 0 || port > 65535 ? -1 : (int) digits + 1;
}

bool net_url_get_host(const char *url, char ret[static NET_HOST_BYTES_MAX], struct base_error *error)
{
        const char *host = url + strlen(SCHEME);
        size_t len;
        int port;

        if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "the URL does not start with " SCHEME);
        if (host[0] == '[') {
                len = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
                len = len > 1 && host[len] == ']' ? len + 1 : 0;
        } else {
                len = strspn(host, NAME_CHARACTERS);
        }
        port = port_length(host + len);
        if (len == 0 || port < 0 || strchr("/?", host[len + (size_t) port]) == NULL)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "the URL has no plain host and port");
        len += (size_t) port;
        if (len >= NET_HOST_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the host in the URL is longer than %d characters",
                                      NET_HOST_BYTES_MAX - 1);
        memcpy(ret, host, len);
        ret[len] = '\0';
        return true;
}

static bool check_url(const char *url, struct base_error *error)
{
        char host[NET_HOST_BYTES_MAX];

        if (strnlen(url, NET_URL_BYTES_MAX + 1) > NET_URL_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the URL is longer than %d bytes", NET_URL_BYTES_MAX);
        if (url[strspn(url, URL_CHARACTERS)] != '\0')
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "the URL has a character that a URL to fetch has not");
        return net_url_get_host(url, host, error);
}

static bool check_value(const char *what, const char *value, size_t bytes_max, struct base_error *error)
{
        if (strnlen(value, bytes_max + 1) > bytes_max)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s is longer than %zu bytes", what, bytes_max);
        if (value[0] == '\0' || !net_text_is_printable(value))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "%s is empty, has a control character, or starts or ends with a space", what);
        return true;
}

static bool check_header(const struct net_header *header, struct base_error *error)
{
        if (strnlen(header->name, NET_HEADER_NAME_BYTES_MAX + 1) > NET_HEADER_NAME_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a header name is longer than %d bytes",
                                      NET_HEADER_NAME_BYTES_MAX);
        if (header->name[0] == '\0' || header->name[strspn(header->name, TOKEN_CHARACTERS)] != '\0')
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a header name is not a token");
        for (size_t i = 0; i < BASE_COUNT(reserved_names); i++)
                if (strcasecmp(header->name, reserved_names[i]) == 0)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "the header %s is not the caller's to set",
                                              reserved_names[i]);
        return check_value("a header value", header->value, NET_HEADER_VALUE_BYTES_MAX, error);
}

bool net_request_check(const struct net_request *request, struct base_error *error)
{
        if (request->method < 0 || request->method >= NET_METHOD_COUNT)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "the method is neither GET nor POST");
        if (!check_url(request->url, error))
                return false;
        if (request->ca_bundle.len > NET_CA_BUNDLE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the CA bundle is larger than %d bytes",
                                      NET_CA_BUNDLE_BYTES_MAX);
        if (request->content_type != NULL &&
            !check_value("the content type", request->content_type, NET_MEDIA_TYPE_BYTES_MAX, error))
                return false;
        if (request->accept != NULL && !check_value("the accepted type", request->accept, NET_MEDIA_TYPE_BYTES_MAX, error))
                return false;
        if (request->header_count > NET_REQUEST_HEADERS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "there are more than %d headers",
                                      NET_REQUEST_HEADERS_MAX);
        for (size_t i = 0; i < request->header_count; i++)
                if (!check_header(&request->headers[i], error))
                        return false;
        if (request->body.len > NET_REQUEST_BODY_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the body is larger than %d bytes", NET_REQUEST_BODY_MAX);
        if (request->method == NET_METHOD_GET && (request->body.len > 0 || request->content_type != NULL))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a GET has no body and no content type");
        if (request->timeout_ms < NET_TIMEOUT_MS_MIN || request->timeout_ms > NET_TIMEOUT_MS_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "the timeout is not within %d and %d milliseconds",
                                      NET_TIMEOUT_MS_MIN, NET_TIMEOUT_MS_MAX);
        if (request->response_bytes_max > NET_DOWNLOAD_BODY_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the answer's limit is more than %d bytes",
                                      NET_DOWNLOAD_BODY_MAX);
        return true;
}
