/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bare round trip under the daemon: token requests over one kept-alive TLS connection straight to the issuer.
 * Usage: bench_exchange DIRECTORY-URL CA-FILE SPKI-BASE64URL COUNT; prints one JSON object. For bench_system.py.
 */
#include "base/encode.h"
#include "base/system.h"
#include "token/client.h"

#include <curl/curl.h>
#include <string.h>
#include <time.h>

#define COUNT_MAX     100000
#define WARM_UP       20
#define TIMEOUT_MS    10000L
#define URL_BYTES_MAX 1024

static size_t take(char *data, size_t size, size_t count, void *context)
{
        base_buffer_put(context, data, size * count);
        return size * count;
}

static double now(void)
{
        struct timespec time;

        (void) clock_gettime(CLOCK_MONOTONIC, &time);
        return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return x < y ? -1 : x > y;
}

/* One blinded request, one POST, one finalized token: as the daemon's client does, without bus and daemon. */
static double exchange(CURL *curl, struct token_public_key *key)
{
        static const uint8_t challenge_digest[TOKEN_DIGEST_LEN] = { 1 };
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(4096);
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(4096);
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(4096);
        base_auto_token_client_state struct token_client_state *state = NULL;
        struct base_error error = BASE_ERROR_INIT;
        double started;

        if (!token_client_blind(key, challenge_digest, &base_system_random, &request, &state, &error))
                return -1;
        started = now();
        (void) curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long) request.len);
        (void) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.data);
        (void) curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response);
        if (curl_easy_perform(curl) != CURLE_OK || !token_client_finalize(state, base_buffer_bytes(&response), &token, &error))
                return -1;
        return now() - started;
}

int main(int argc, char **argv)
{
        base_auto_buffer struct base_buffer spki = BASE_BUFFER_INIT(4096);
        base_auto_token_public_key struct token_public_key *key = NULL;
        struct base_error error = BASE_ERROR_INIT;
        size_t count = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
        char url[URL_BYTES_MAX];
        struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/private-token-request");
        CURL *curl = curl_easy_init();
        double *latencies;

        if (count < 1 || count > COUNT_MAX || curl == NULL)
                return 2;
        latencies = calloc(count, sizeof(double));
        if (latencies == NULL || !base_base64_decode(&spki, argv[3], strlen(argv[3]), BASE_BASE64_URL) ||
            !token_public_key_decode(2, base_buffer_bytes(&spki), &key, &error))
                return 2;
        (void) snprintf(url, sizeof(url), "%.*s/token-request", (int) (strstr(argv[1], "/.well-known") - argv[1]), argv[1]);
        (void) curl_easy_setopt(curl, CURLOPT_URL, url);
        (void) curl_easy_setopt(curl, CURLOPT_CAINFO, argv[2]);
        (void) curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        (void) curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
        (void) curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
        for (size_t i = 0; i < WARM_UP + count; i++) {
                double seconds = exchange(curl, key);

                if (seconds < 0) {
                        (void) fprintf(stderr, "bench_exchange: the issuer's answer does not finalize\n");
                        return 1;
                }
                if (i >= WARM_UP)
                        latencies[i - WARM_UP] = seconds;
        }
        qsort(latencies, count, sizeof(double), compare);
        (void) printf("{\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", latencies[count / 2] * 1e3, latencies[count * 99 / 100] * 1e3);
        free(latencies);
        curl_slist_free_all(headers);
        curl_easy_cleanup(curl);
        return 0;
}
