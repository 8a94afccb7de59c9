/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/net/answer.h"

#include "attesterd/net/request.h"

#include <string.h>
#include <strings.h>

/* X509_V_ERR_… of OpenSSL's x509_vfy.h, which the daemon's folder does not include; see openssl-verification-options(1). */
#define VERIFY_OK            0
#define VERIFY_UNSPECIFIED   1
#define VERIFY_NOT_YET_VALID 9
#define VERIFY_EXPIRED       10
#define VERIFY_HOST_MISMATCH 62
#define VERIFY_IP_MISMATCH   64

#define BLANKS " \t"

static bool parse_seconds(const char *text, size_t len, uint32_t *ret)
{
        uint64_t value = 0;

        if (len == 0)
                return false;
        for (size_t i = 0; i < len; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return false;
                value = value * 10 + (uint64_t) (text[i] - '0');
                if (value > UINT32_MAX)
                        value = UINT32_MAX;
        }
        *ret = (uint32_t) value;
        return true;
}

static bool directive_is(const char *directive, size_t len, const char *name)
{
        return len == strlen(name) && strncasecmp(directive, name, len) == 0;
}

static bool parse_directive(const char *directive, size_t len, uint32_t *ret)
{
        const char *equals = memchr(directive, '=', len);
        size_t name_len = equals == NULL ? len : (size_t) (equals - directive);
        const char *value = directive + name_len + 1;
        size_t value_len = len - name_len;

        if (directive_is(directive, name_len, "no-store") || directive_is(directive, name_len, "no-cache")) {
                *ret = 0;
                return true;
        }
        if (equals == NULL || !directive_is(directive, name_len, "max-age"))
                return false;
        value_len--;
        if (value_len >= 2 && value[0] == '"' && value[value_len - 1] == '"') {
                value++;
                value_len -= 2;
        }
        return parse_seconds(value, value_len, ret);
}

bool net_answer_parse_max_age(const char *value, uint32_t *ret)
{
        uint32_t smallest = UINT32_MAX;
        bool found = false;

        for (const char *at = value; *at != '\0';) {
                size_t len;
                uint32_t seconds;

                at += strspn(at, BLANKS ",");
                len = strcspn(at, BLANKS ",");
                if (parse_directive(at, len, &seconds)) {
                        found = true;
                        if (seconds < smallest)
                                smallest = seconds;
                }
                at += len;
        }
        if (found)
                *ret = smallest;
        return found;
}

bool net_answer_parse_retry_after(const char *value, uint32_t *ret)
{
        return parse_seconds(value, strlen(value), ret);
}

/* The last of the fields of that name in the final response, "" if none. */
static const char *field(CURL *easy, const char *name)
{
        struct curl_header *header;
        size_t last;

        if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
                return "";
        last = header->amount - 1;
        if (last > 0 && curl_easy_header(easy, name, last, CURLH_HEADER, -1, &header) != CURLHE_OK)
                return "";
        return header->value;
}

static const char *field_text(CURL *easy, const char *name, size_t bytes_max)
{
        const char *value = field(easy, name);

        return strnlen(value, bytes_max + 1) <= bytes_max && net_text_is_printable(value) ? value : "";
}

static void read_max_age(CURL *easy, struct net_response *response)
{
        struct curl_header *header;

        for (size_t i = 0; curl_easy_header(easy, "Cache-Control", i, CURLH_HEADER, -1, &header) == CURLHE_OK; i++) {
                uint32_t seconds;

                if (!net_answer_parse_max_age(header->value, &seconds))
                        continue;
                if (!response->has_max_age || seconds < response->max_age_seconds)
                        response->max_age_seconds = seconds;
                response->has_max_age = true;
        }
}

void net_answer_read_header(CURL *easy, struct net_response *ret)
{
        long status = 0;

        (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        ret->status = status > 0 && status < 1000 ? (unsigned) status : 0;
        ret->content_type = field_text(easy, "Content-Type", NET_MEDIA_TYPE_BYTES_MAX);
        ret->attestation_nonce = field_text(easy, "Attestation-Nonce", NET_NONCE_BYTES_MAX);
        ret->etag = field_text(easy, "ETag", NET_ETAG_BYTES_MAX);
        ret->event_log_wanted = strcmp(field_text(easy, "Attestation-Event-Log", sizeof("wanted") - 1), "wanted") == 0;
        read_max_age(easy, ret);
        ret->has_retry_after = net_answer_parse_retry_after(field(easy, "Retry-After"), &ret->retry_after_seconds);
}

static enum net_failure certificate_failure(CURL *easy)
{
        long verify_result = VERIFY_OK;

        (void) curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verify_result);
        switch (verify_result) {
        case VERIFY_OK:          /* the chain is good: it is curl that compared the names… */
        case VERIFY_UNSPECIFIED: /* …and the value that it starts from, when it does so before it takes the result over */
        case VERIFY_HOST_MISMATCH:
        case VERIFY_IP_MISMATCH:
                return NET_FAILURE_CERT_NAME;
        case VERIFY_NOT_YET_VALID:
                return NET_FAILURE_CERT_NOT_YET;
        case VERIFY_EXPIRED:
                return NET_FAILURE_CERT_EXPIRED;
        default:
                return NET_FAILURE_CERT_UNTRUSTED;
        }
}

/* curl calls a header line over its own limit "out of memory" too; before the request is sent there is no such line. */
static enum net_failure memory_failure(CURL *easy)
{
        curl_off_t before_request_us = 0;

        (void) curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &before_request_us);
        return before_request_us > 0 ? NET_FAILURE_TOO_LARGE : NET_FAILURE_NO_MEMORY;
}

enum net_failure net_answer_failure(CURL *easy, CURLcode code)
{
        switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
                return NET_FAILURE_NAME;
        case CURLE_COULDNT_CONNECT:
        case CURLE_INTERFACE_FAILED:
                return NET_FAILURE_CONNECT;
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_PROXY:
                return NET_FAILURE_PROXY;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_ENGINE_NOTFOUND:
                return NET_FAILURE_TLS;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
                return certificate_failure(easy);
        case CURLE_SSL_CACERT_BADFILE:
                return NET_FAILURE_CA_BUNDLE;
        case CURLE_PARTIAL_FILE:
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
                return NET_FAILURE_INTERRUPTED;
        case CURLE_OPERATION_TIMEDOUT:
                return NET_FAILURE_TIMEOUT;
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: the URL is https, or it would not have come here */
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
        case CURLE_BAD_CONTENT_ENCODING:
                return NET_FAILURE_NOT_HTTP;
        case CURLE_OUT_OF_MEMORY:
                return memory_failure(easy);
        default:
                return NET_FAILURE_INTERNAL;
        }
}
