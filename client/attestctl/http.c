/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#define CONNECT_TIMEOUT_MS 10000

struct exchange {
        CURL *curl;
        const struct attestctl_http_request *request;
        struct attestctl_http_response *response;
        bool stopped; /* by the receiver of the body */
};

void attestctl_http_response_init(struct attestctl_http_response *response)
{
        *response = (struct attestctl_http_response){
                .www_authenticate = BASE_BUFFER_INIT(ATTESTCTL_HTTP_FIELD_BYTES_MAX),
                .refusal = BASE_BUFFER_INIT(ATTESTCTL_HTTP_REFUSAL_BYTES_MAX + 1),
        };
}

void attestctl_http_response_clear(struct attestctl_http_response *response)
{
        base_buffer_clear(&response->www_authenticate);
        base_buffer_clear(&response->refusal);
        attestctl_http_response_init(response);
}

/* The value of the field line if it has this name, without white space around it. */
static bool field_is(struct base_bytes line, const char *name, struct base_bytes *ret_value)
{
        size_t name_len = strlen(name);

        if (line.len <= name_len || strncasecmp((const char *) line.data, name, name_len) != 0 || line.data[name_len] != ':')
                return false;
        line = BASE_BYTES(line.data + name_len + 1, line.len - name_len - 1);
        while (line.len > 0 && strchr(" \t\r\n", line.data[0]) != NULL)
                line = BASE_BYTES(line.data + 1, line.len - 1);
        while (line.len > 0 && strchr(" \t\r\n", line.data[line.len - 1]) != NULL)
                line.len--;
        *ret_value = line;
        return true;
}

static size_t header_take(char *data, size_t size, size_t count, void *context)
{
        struct exchange *exchange = context;
        struct attestctl_http_response *response = exchange->response;
        struct base_bytes line = BASE_BYTES(data, size * count), value;

        /* A status line starts a response: what an interim one said does not count. */
        if (line.len >= strlen("HTTP/") && strncasecmp(data, "HTTP/", strlen("HTTP/")) == 0) {
                base_buffer_reset(&response->www_authenticate);
                response->reason[0] = '\0';
        } else if (field_is(line, "WWW-Authenticate", &value) && value.len > 0) {
                if (response->www_authenticate.len > 0)
                        base_buffer_put_string(&response->www_authenticate, ", ");
                base_buffer_put_bytes(&response->www_authenticate, value);
        } else if (field_is(line, "X-Attester-Reason", &value)) {
                (void) snprintf(response->reason, sizeof(response->reason), "%.*s", (int) value.len, (const char *) value.data);
        }
        return base_buffer_ok(&response->www_authenticate) ? size * count : 0;
}

static size_t body_take(char *data, size_t size, size_t count, void *context)
{
        struct exchange *exchange = context;
        struct base_buffer *refusal = &exchange->response->refusal;
        size_t len = size * count;
        long status = 0;

        (void) curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200 && status < 300) {
                exchange->stopped = !exchange->request->write(exchange->request->write_context, data, len);
                return exchange->stopped ? 0 : len;
        }
        /* Only the start of a refusal is of interest; the rest is read and dropped. */
        if (refusal->len < ATTESTCTL_HTTP_REFUSAL_BYTES_MAX) {
                size_t room = ATTESTCTL_HTTP_REFUSAL_BYTES_MAX - refusal->len;

                base_buffer_put(refusal, data, len < room ? len : room);
        }
        return len;
}

/* Appends; frees the list and returns false if there is no memory. */
static bool list_append(struct curl_slist **list, const char *line)
{
        struct curl_slist *longer = curl_slist_append(*list, line);

        if (longer == NULL)
                return false;
        *list = longer;
        return true;
}

static bool headers_make(const struct attestctl_http_request *request, struct curl_slist **ret)
{
        /* Expect: 100-continue would make a POST wait for a second at servers that do not know it. */
        if (!list_append(ret, "Expect:"))
                return false;
        for (size_t i = 0; i < request->header_count; i++)
                if (!list_append(ret, request->headers[i]))
                        return false;
        if (request->authorization != NULL) {
                base_auto_buffer struct base_buffer line = BASE_BUFFER_INIT(ATTESTCTL_HTTP_FIELD_BYTES_MAX);

                base_buffer_printf(&line, "Authorization: %s", request->authorization);
                return base_buffer_c_string(&line) != NULL && list_append(ret, base_buffer_c_string(&line));
        }
        return true;
}

static void curl_configure(CURL *curl, const struct attestctl_http_request *request, struct exchange *exchange,
                           struct curl_slist *headers, char *reason)
{
        (void) curl_easy_setopt(curl, CURLOPT_URL, request->url);
        (void) curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        (void) curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
        (void) curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void) curl_easy_setopt(curl, CURLOPT_USERAGENT, "attestctl/" ATTESTER_VERSION);
        (void) curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long) CONNECT_TIMEOUT_MS);
        (void) curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) request->timeout_ms);
        (void) curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        (void) curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, header_take);
        (void) curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
        (void) curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_take);
        (void) curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
        (void) curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
        if (request->ca_file != NULL)
                (void) curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
        if (request->body != NULL)
                (void) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
        if (request->method != NULL && strcmp(request->method, "HEAD") == 0)
                (void) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        else if (request->method != NULL)
                (void) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static bool transfer_failed(CURLcode code, const char *reason, const struct exchange *exchange, struct base_error *error)
{
        if (exchange->stopped)
                return base_error_set(error, BASE_ERROR_CANCELLED, "the body could not be written");
        if (!base_buffer_ok(&exchange->response->www_authenticate))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the website's WWW-Authenticate is longer than %d bytes",
                                      ATTESTCTL_HTTP_FIELD_BYTES_MAX);
        return base_error_set(error, code == CURLE_OPERATION_TIMEDOUT ? BASE_ERROR_TIMEOUT : BASE_ERROR_IO, "%s",
                              reason[0] != '\0' ? reason : curl_easy_strerror(code));
}

bool attestctl_http_perform(const struct attestctl_http_request *request, struct attestctl_http_response *ret,
                            struct base_error *error)
{
        char reason[CURL_ERROR_SIZE] = "";
        struct exchange exchange = { .curl = curl_easy_init(), .request = request, .response = ret };
        struct curl_slist *headers = NULL;
        char *redirect = NULL;
        bool success = false;
        CURLcode code;

        if (exchange.curl == NULL || !headers_make(request, &headers)) {
                (void) base_error_set_no_memory(error);
        } else {
                curl_configure(exchange.curl, request, &exchange, headers, reason);
                code = curl_easy_perform(exchange.curl);
                success = code == CURLE_OK || transfer_failed(code, reason, &exchange, error);
                (void) curl_easy_getinfo(exchange.curl, CURLINFO_RESPONSE_CODE, &ret->status);
                if (curl_easy_getinfo(exchange.curl, CURLINFO_REDIRECT_URL, &redirect) == CURLE_OK && redirect != NULL)
                        (void) snprintf(ret->redirect, sizeof(ret->redirect), "%s", redirect);
        }
        for (struct curl_slist *item = headers; request->authorization != NULL && item != NULL; item = item->next)
                explicit_bzero(item->data, strlen(item->data));
        curl_slist_free_all(headers);
        curl_easy_cleanup(exchange.curl);
        return success;
}

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
        origin.secure = strcmp(origin.scheme, "https") == 0 || is_loopback(origin.host);
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
