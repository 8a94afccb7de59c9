/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/exchange.h"

#include "attesterd/net/answer.h"

#include <string.h>
#include <strings.h>

/* A name, `: ` and a value. */
#define HEADER_LINE_BYTES_MAX (NET_HEADER_NAME_BYTES_MAX + 2 + NET_HEADER_VALUE_BYTES_MAX + 1)

struct net_trust *net_trust_new(struct base_bytes ca_bundle)
{
        struct net_trust *trust = malloc(sizeof(*trust) + ca_bundle.len);

        if (trust == NULL)
                return NULL;
        trust->references = 1;
        trust->len = ca_bundle.len;
        memcpy(trust->data, ca_bundle.data, ca_bundle.len);
        return trust;
}

struct net_trust *net_trust_ref(struct net_trust *trust)
{
        if (trust != NULL)
                trust->references++;
        return trust;
}

void net_trust_unref(struct net_trust *trust)
{
        if (trust != NULL && --trust->references == 0)
                free(trust);
}

void net_exchange_free(struct net_exchange *exchange)
{
        if (exchange == NULL)
                return;
        curl_easy_cleanup(exchange->easy);
        curl_slist_free_all(exchange->headers);
        net_trust_unref(exchange->trust);
        base_buffer_clear(&exchange->body);
        free(exchange);
}

/* A short count makes curl give the transfer up. */
static size_t on_body(char *data, size_t size, size_t count, void *context)
{
        struct net_exchange *exchange = context;

        base_buffer_put(&exchange->body, data, size * count);
        if (base_buffer_ok(&exchange->body))
                return size * count;
        exchange->too_large = true;
        return 0;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
        struct net_exchange *exchange = context;

        exchange->header_bytes += size * count;
        if (exchange->header_bytes <= NET_RESPONSE_HEADERS_BYTES_MAX)
                return size * count;
        exchange->too_large = true;
        return 0;
}

static bool add_header(struct net_exchange *exchange, const char *name, const char *value)
{
        char line[HEADER_LINE_BYTES_MAX];
        struct curl_slist *longer;

        /* Without a value curl leaves the header out that it would send of itself. */
        (void) snprintf(line, sizeof(line), value == NULL ? "%s:" : "%s: %s", name, value);
        longer = curl_slist_append(exchange->headers, line);
        explicit_bzero(line, sizeof(line));
        if (longer == NULL)
                return false;
        exchange->headers = longer;
        return true;
}

static bool add_headers(struct net_exchange *exchange, const struct net_request *request)
{
        if (!add_header(exchange, "Content-Type", request->content_type) || !add_header(exchange, "Accept", request->accept) ||
            !add_header(exchange, "Expect", NULL))
                return false;
        for (size_t i = 0; i < request->header_count; i++) {
                if (!add_header(exchange, request->headers[i].name, request->headers[i].value))
                        return false;
                exchange->conditional = exchange->conditional || strcasecmp(request->headers[i].name, "If-None-Match") == 0;
        }
        return curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers) == CURLE_OK;
}

static bool set_request(struct net_exchange *exchange, const struct net_request *request)
{
        CURL *easy = exchange->easy;
        uint32_t connect_ms = request->timeout_ms;
        bool ok;

        if (connect_ms > NET_CONNECT_TIMEOUT_MS_MAX)
                connect_ms = NET_CONNECT_TIMEOUT_MS_MAX;
        ok = curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) request->timeout_ms) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) connect_ms) == CURLE_OK;
        if (ok && request->method == NET_METHOD_POST)
                ok = curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
                     curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long) request->body.len) == CURLE_OK &&
                     curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, (const char *) request->body.data) == CURLE_OK;
        return ok && add_headers(exchange, request);
}

/* Nothing but https, verified, and nothing that follows, remembers or looks anywhere else. */
static bool set_security(struct net_exchange *exchange, bool proxy_from_environment)
{
        CURL *easy = exchange->easy;

        return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
               (proxy_from_environment || curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK);
}

static bool set_trust(struct net_exchange *exchange)
{
        curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
        struct curl_blob blob = { .flags = CURL_BLOB_NOCOPY };

        if (exchange->trust != NULL) {
                blob.data = exchange->trust->data;
                blob.len = exchange->trust->len;
                return curl_easy_setopt(exchange->easy, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK &&
                       curl_easy_setopt(exchange->easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
        }
        /* OpenSSL reads of a hashed directory only what a chain needs; the file would put every CA into memory. */
        if (info->age >= CURLVERSION_TENTH && info->capath != NULL && strncmp(info->ssl_version, "OpenSSL/", 8) == 0)
                return curl_easy_setopt(exchange->easy, CURLOPT_CAINFO, NULL) == CURLE_OK &&
                       curl_easy_setopt(exchange->easy, CURLOPT_CAPATH, info->capath) == CURLE_OK;
        return true;
}

static bool set_callbacks(struct net_exchange *exchange, CURLSH *share)
{
        CURL *easy = exchange->easy;

        return curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_SHARE, share) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->curl_text) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange) == CURLE_OK;
}

struct net_exchange *net_exchange_new(const struct net_message *message, struct net_trust *trust, CURLSH *share,
                                      bool proxy_from_environment)
{
        net_auto_exchange struct net_exchange *exchange = calloc(1, sizeof(*exchange));

        if (exchange == NULL)
                return NULL;
        exchange->id = message->id;
        exchange->trust = net_trust_ref(trust);
        base_buffer_init(&exchange->body, message->request.response_bytes_max);
        exchange->easy = curl_easy_init();
        if (exchange->easy == NULL || !set_security(exchange, proxy_from_environment) || !set_trust(exchange) ||
            !set_callbacks(exchange, share) || !set_request(exchange, &message->request))
                return NULL;
        return BASE_STEAL(exchange);
}

static unsigned status_of(const struct net_exchange *exchange)
{
        long status = 0;

        (void) curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
        return status > 0 && status < 1000 ? (unsigned) status : 0;
}

static bool is_redirect(const struct net_exchange *exchange, unsigned status)
{
        return status / 100 == 3 && !(status == 304 && exchange->conditional);
}

bool net_exchange_is_response(const struct net_exchange *exchange, CURLcode code)
{
        unsigned status = status_of(exchange);

        return !exchange->too_large && code == CURLE_OK && !is_redirect(exchange, status) && status >= 200 && status <= 599;
}

bool net_exchange_finish(struct net_exchange *exchange, CURLcode code, size_t sent, struct base_buffer *to,
                         struct base_error *error)
{
        struct base_bytes body = base_buffer_bytes(&exchange->body);
        struct net_response response = { 0 };
        char detail[CURL_ERROR_SIZE + 32];

        if (exchange->too_large)
                return net_message_put_failure(to, exchange->id, NET_FAILURE_TOO_LARGE, "body or header over its limit", error);
        if (code != CURLE_OK) {
                (void) snprintf(detail, sizeof(detail), "curl %d: %s", (int) code,
                                exchange->curl_text[0] != '\0' ? exchange->curl_text : curl_easy_strerror(code));
                return net_message_put_failure(to, exchange->id, net_answer_failure(exchange->easy, code), detail, error);
        }
        net_answer_read_header(exchange->easy, &response);
        if (is_redirect(exchange, response.status))
                return net_message_put_failure(to, exchange->id, NET_FAILURE_REDIRECT, "HTTP status 3xx", error);
        if (!net_exchange_is_response(exchange, code))
                return net_message_put_failure(to, exchange->id, NET_FAILURE_NOT_HTTP, "HTTP status below 200 or above 599",
                                               error);
        response.body = sent == 0 ? body : BASE_BYTES(body.data + sent, body.len - sent);
        return net_message_put_response(to, exchange->id, &response, error);
}
