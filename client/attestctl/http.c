/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/http.h"
#include "base/system.h"

#include <curl/curl.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000

struct exchange {
        CURL *curl;
        const struct attestctl_http_request *request;
        struct attestctl_http_response *response;
        uint64_t body_position; /* in the request's body */
        bool head_failed;
        struct base_error head_error;
        bool has_body; /* something of it; then `wanted` is decided */
        bool wanted;
        bool stopped;    /* by the receiver of the body */
        bool unreadable; /* the request's body */
};

void attestctl_http_response_init(struct attestctl_http_response *response)
{
        *response = (struct attestctl_http_response){
                .refusal = BASE_BUFFER_INIT(ATTESTCTL_HTTP_REFUSAL_BYTES_MAX + 1),
        };
        attestctl_http_head_init(&response->head);
}

void attestctl_http_response_clear(struct attestctl_http_response *response)
{
        attestctl_http_head_clear(&response->head);
        base_buffer_clear(&response->refusal);
        attestctl_http_response_init(response);
}

static size_t header_take(char *data, size_t size, size_t count, void *context)
{
        struct exchange *exchange = context;
        struct base_bytes line = BASE_BYTES(data, size * count);

        exchange->head_failed = !attestctl_http_head_take(&exchange->response->head, line, &exchange->head_error);
        return exchange->head_failed ? 0 : line.len;
}

static size_t body_take(char *data, size_t size, size_t count, void *context)
{
        struct exchange *exchange = context;
        const struct attestctl_http_request *request = exchange->request;
        struct base_buffer *refusal = &exchange->response->refusal;
        size_t len = size * count;

        if (!exchange->has_body)
                exchange->wanted = request->wants(request->context, exchange->response);
        exchange->has_body = true;
        if (exchange->wanted) {
                exchange->stopped = !request->write(request->context, data, len);
                return exchange->stopped ? 0 : len;
        }
        /* Only the start of a refusal is of interest; the rest is read and dropped. */
        if (refusal->len < ATTESTCTL_HTTP_REFUSAL_BYTES_MAX) {
                size_t room = ATTESTCTL_HTTP_REFUSAL_BYTES_MAX - refusal->len;

                base_buffer_put(refusal, data, len < room ? len : room);
        }
        return len;
}

static size_t body_give(char *to, size_t size, size_t count, void *context)
{
        struct exchange *exchange = context;
        ssize_t got = attestctl_http_body_read(exchange->request->body, exchange->body_position, to, size * count);

        exchange->unreadable = got < 0;
        if (got < 0)
                return CURL_READFUNC_ABORT;
        exchange->body_position += (uint64_t) got;
        return (size_t) got;
}

static int body_seek(void *context, curl_off_t offset, int whence)
{
        struct exchange *exchange = context;

        if (whence != SEEK_SET || offset < 0 || (uint64_t) offset > exchange->request->body->size)
                return CURL_SEEKFUNC_FAIL;
        exchange->body_position = (uint64_t) offset;
        return CURL_SEEKFUNC_OK;
}

static int progress_tell(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
        const struct exchange *exchange = context;
        bool is_upload = down == 0 && up > 0;

        exchange->request->progress(exchange->request->context, (uint64_t) (is_upload ? up : down),
                                    (uint64_t) (is_upload ? up_total : down_total));
        return 0;
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

static uint32_t left_ms(const struct attestctl_http_request *request)
{
        uint64_t now_ms = base_system_clock.monotonic_ms(base_system_clock.context);
        uint64_t left = now_ms < request->deadline_ms ? request->deadline_ms - now_ms : 0;

        return left < INT32_MAX ? (uint32_t) left : INT32_MAX;
}

/* A body of a megabyte or more is announced by `Expect: 100-continue`, and need not be sent to who refuses it. */
static void curl_configure_body(CURL *curl, const struct attestctl_http_request *request, struct exchange *exchange)
{
        bool takes_body = request->method != NULL &&
                          (strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0 ||
                           strcmp(request->method, "PATCH") == 0);

        if (request->body != NULL) {
                (void) curl_easy_setopt(curl, CURLOPT_POST, 1L);
                (void) curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body->size);
                (void) curl_easy_setopt(curl, CURLOPT_READFUNCTION, body_give);
                (void) curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
                (void) curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, body_seek);
                (void) curl_easy_setopt(curl, CURLOPT_SEEKDATA, exchange);
        } else if (takes_body) {
                (void) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
        }
        if (request->method != NULL && strcmp(request->method, "HEAD") == 0)
                (void) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        else if (request->method != NULL)
                (void) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
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
        (void) curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        (void) curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long) (request->silence_ms + 999) / 1000);
        if (request->deadline_ms != UINT64_MAX)
                (void) curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) left_ms(request));
        (void) curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        /* A proxy on the way to an https website gets none of our headers, and none of its own count as the website's. */
        (void) curl_easy_setopt(curl, CURLOPT_HEADEROPT, (long) CURLHEADER_SEPARATE);
        (void) curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        if (request->direct)
                (void) curl_easy_setopt(curl, CURLOPT_PROXY, "");
        if (request->compressed)
                (void) curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
        (void) curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, header_take);
        (void) curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
        (void) curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_take);
        (void) curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
        (void) curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
        if (request->progress != NULL) {
                (void) curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
                (void) curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress_tell);
                (void) curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
        }
        if (request->ca_file != NULL)
                (void) curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
        curl_configure_body(curl, request, exchange);
}

static bool transfer_failed(CURLcode code, const char *reason, const struct exchange *exchange, struct base_error *error)
{
        if (exchange->stopped)
                return base_error_set(error, BASE_ERROR_CANCELLED, "the body could not be written");
        if (exchange->unreadable)
                return base_error_set(error, BASE_ERROR_CANCELLED, "the request's body could not be read");
        if (exchange->head_failed)
                return base_error_copy(error, &exchange->head_error);
        return base_error_set(error, code == CURLE_OPERATION_TIMEDOUT ? BASE_ERROR_TIMEOUT : BASE_ERROR_IO, "%s",
                              reason[0] != '\0' ? reason : curl_easy_strerror(code));
}

bool attestctl_http_perform(const struct attestctl_http_request *request, struct attestctl_http_response *ret,
                            struct base_error *error)
{
        char reason[CURL_ERROR_SIZE] = "";
        struct exchange exchange = { .request = request, .response = ret };
        struct curl_slist *headers = NULL;
        char *redirect = NULL;
        bool success = false;
        CURLcode code;

        /* To libcurl 0 would mean for ever. */
        if (left_ms(request) == 0)
                return base_error_set(error, BASE_ERROR_TIMEOUT, "there was no time left for a request");
        exchange.curl = curl_easy_init();
        if (exchange.curl == NULL || !headers_make(request, &headers)) {
                (void) base_error_set_no_memory(error);
        } else {
                curl_configure(exchange.curl, request, &exchange, headers, reason);
                code = curl_easy_perform(exchange.curl);
                success = code == CURLE_OK || transfer_failed(code, reason, &exchange, error);
                if (curl_easy_getinfo(exchange.curl, CURLINFO_REDIRECT_URL, &redirect) == CURLE_OK && redirect != NULL &&
                    strlen(redirect) < sizeof(ret->redirect))
                        (void) snprintf(ret->redirect, sizeof(ret->redirect), "%s", redirect);
        }
        for (struct curl_slist *item = headers; request->authorization != NULL && item != NULL; item = item->next)
                explicit_bzero(item->data, strlen(item->data));
        curl_slist_free_all(headers);
        curl_easy_cleanup(exchange.curl);
        return success;
}
