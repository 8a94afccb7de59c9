/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/gate/fetch.h"
#include "evidence/directory.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

struct transfer {
        struct base_buffer *body;
        bool (*stop)(void);
};

static size_t body_take(char *data, size_t size, size_t count, void *context)
{
        struct transfer *transfer = context;

        base_buffer_put(transfer->body, data, size * count);
        return base_buffer_ok(transfer->body) ? size * count : 0;
}

static int progress(void *context, curl_off_t total, curl_off_t now, curl_off_t upload_total, curl_off_t upload_now)
{
        const struct transfer *transfer = context;

        return transfer->stop();
}

static bool transfer_failed(CURLcode code, const char *reason, const struct transfer *transfer, struct base_error *error)
{
        const char *text = reason[0] != '\0' ? reason : curl_easy_strerror(code);

        if (!base_buffer_ok(transfer->body))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the issuer's directory is larger than %zu bytes",
                                      transfer->body->limit);
        if (code == CURLE_ABORTED_BY_CALLBACK)
                return base_error_set(error, BASE_ERROR_CANCELLED, "the gate is stopping");
        if (code == CURLE_OPERATION_TIMEDOUT)
                return base_error_set(error, BASE_ERROR_TIMEOUT, "the issuer's directory: %s", text);
        return base_error_set(error, BASE_ERROR_ISSUER_UNREACHABLE, "the issuer's directory: %s", text);
}

static bool answer_check(CURL *curl, struct base_error *error)
{
        const char *type = NULL;
        long status = 0;

        (void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        (void) curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
        if (status != 200)
                return base_error_set(error, BASE_ERROR_ISSUER_REJECTED, "the issuer's directory was answered with HTTP %ld",
                                      status);
        if (type == NULL || strncasecmp(type, EVIDENCE_DIRECTORY_MEDIA_TYPE, strlen(EVIDENCE_DIRECTORY_MEDIA_TYPE)) != 0)
                return base_error_set(error, BASE_ERROR_ISSUER_REJECTED, "the issuer's directory is not of type %s",
                                      EVIDENCE_DIRECTORY_MEDIA_TYPE);
        return true;
}

bool gate_fetch(const char *url, const char *ca_file, bool (*stop)(void), struct base_buffer *ret, struct base_error *error)
{
        struct transfer transfer = { .body = ret, .stop = stop };
        char reason[CURL_ERROR_SIZE] = "";
        CURL *curl = curl_easy_init();
        CURLcode code;
        bool success;

        if (curl == NULL)
                return base_error_set_no_memory(error);
        (void) curl_easy_setopt(curl, CURLOPT_URL, url);
        (void) curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        (void) curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
        (void) curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void) curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) GATE_FETCH_TIMEOUT_MS);
        (void) curl_easy_setopt(curl, CURLOPT_USERAGENT, "attester-gate/" ATTESTER_VERSION);
        (void) curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_take);
        (void) curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
        (void) curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        (void) curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
        (void) curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
        (void) curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
        if (ca_file[0] != '\0')
                (void) curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
        code = curl_easy_perform(curl);
        success = code == CURLE_OK ? answer_check(curl, error) : transfer_failed(code, reason, &transfer, error);
        curl_easy_cleanup(curl);
        return success;
}
