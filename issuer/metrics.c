/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/metrics.h"

#include <inttypes.h>

static const unsigned statuses[ISSUER_METRICS_STATUSES] = { 200, 204, 206, 304, 400, 401, 403, 404,
                                                            405, 413, 415, 422, 429, 500, 503 };
static const uint64_t bounds_us[ISSUER_METRICS_BUCKETS - 1] = { 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 1000000 };
static const char *const endpoints[ISSUER_ENDPOINT_COUNT] = {
        [ISSUER_ENDPOINT_DIRECTORY] = "directory", [ISSUER_ENDPOINT_TOKEN] = "token-request", [ISSUER_ENDPOINT_NONCE] = "nonce",
        [ISSUER_ENDPOINT_ENROLL] = "enroll",       [ISSUER_ENDPOINT_EVENT_LOG] = "event-log",
};

void issuer_metrics_count_request(struct issuer_metrics *metrics, enum issuer_endpoint endpoint, unsigned status)
{
        for (size_t i = 0; i < ISSUER_METRICS_STATUSES; i++)
                if (statuses[i] == status)
                        atomic_fetch_add(&metrics->requests[endpoint][i], 1);
}

void issuer_metrics_count_refusal(struct issuer_metrics *metrics, enum base_error_code code)
{
        atomic_fetch_add(&metrics->refusals[code], 1);
}

void issuer_metrics_count_token(struct issuer_metrics *metrics, const struct token_type *type)
{
        for (size_t i = 0; i < ISSUER_METRICS_TOKEN_TYPES; i++)
                if (token_type_at(i) == type)
                        atomic_fetch_add(&metrics->tokens[i], 1);
}

void issuer_metrics_count_latency(struct issuer_metrics *metrics, uint64_t elapsed_us)
{
        size_t i = 0;

        while (i < ISSUER_METRICS_BUCKETS - 1 && elapsed_us > bounds_us[i])
                i++;
        atomic_fetch_add(&metrics->latency[i], 1);
        atomic_fetch_add(&metrics->latency_sum_us, elapsed_us);
}

void issuer_metrics_note_reload(struct issuer_metrics *metrics, bool ok)
{
        atomic_store(&metrics->reload_failed, !ok);
}

static void put_head(struct base_buffer *to, const char *name, const char *type, const char *help)
{
        base_buffer_printf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_requests(struct issuer_metrics *metrics, struct base_buffer *to)
{
        put_head(to, "attester_issuer_requests_total", "counter", "Requests by endpoint and status.");
        for (size_t i = 0; i < ISSUER_ENDPOINT_COUNT; i++)
                for (size_t j = 0; j < ISSUER_METRICS_STATUSES; j++) {
                        unsigned long long value = atomic_load(&metrics->requests[i][j]);

                        if (value > 0)
                                base_buffer_printf(to, "attester_issuer_requests_total{endpoint=\"%s\",status=\"%u\"} %llu\n",
                                                   endpoints[i], statuses[j], value);
                }
}

static void put_refusals(struct issuer_metrics *metrics, struct base_buffer *to)
{
        put_head(to, "attester_issuer_refusals_total", "counter", "Refused token requests and enrolments by reason.");
        for (size_t i = 0; i < BASE_ERROR_CODE_COUNT; i++) {
                unsigned long long value = atomic_load(&metrics->refusals[i]);

                if (value > 0)
                        base_buffer_printf(to, "attester_issuer_refusals_total{reason=\"%s\"} %llu\n",
                                           base_error_name((enum base_error_code) i), value);
        }
}

static void put_latency(struct issuer_metrics *metrics, struct base_buffer *to)
{
        unsigned long long below = 0;

        put_head(to, "attester_issuer_token_request_seconds", "histogram", "Time to answer a token request.");
        for (size_t i = 0; i < ISSUER_METRICS_BUCKETS; i++) {
                below += atomic_load(&metrics->latency[i]);
                if (i < ISSUER_METRICS_BUCKETS - 1)
                        base_buffer_printf(to, "attester_issuer_token_request_seconds_bucket{le=\"%g\"} %llu\n",
                                           (double) bounds_us[i] / 1e6, below);
        }
        base_buffer_printf(to,
                           "attester_issuer_token_request_seconds_bucket{le=\"+Inf\"} %llu\n"
                           "attester_issuer_token_request_seconds_sum %.6f\n"
                           "attester_issuer_token_request_seconds_count %llu\n",
                           below, (double) atomic_load(&metrics->latency_sum_us) / 1e6, below);
}

static void put_tokens(struct issuer_metrics *metrics, struct base_buffer *to)
{
        put_head(to, "attester_issuer_tokens_issued_total", "counter", "Tokens issued by token type.");
        for (size_t i = 0; i < ISSUER_METRICS_TOKEN_TYPES && token_type_at(i) != NULL; i++)
                base_buffer_printf(to, "attester_issuer_tokens_issued_total{type=\"0x%04x\"} %llu\n", token_type_at(i)->id,
                                   atomic_load(&metrics->tokens[i]));
}

static void put_keys(const struct issuer_metrics_gauges *gauges, struct base_buffer *to)
{
        put_head(to, "attester_issuer_token_key_not_before_timestamp_seconds", "gauge",
                 "From when on clients are to use the newest token key of a type.");
        for (size_t i = 0; i < ISSUER_METRICS_TOKEN_TYPES && token_type_at(i) != NULL; i++)
                if (gauges->key_not_before[i] != 0)
                        base_buffer_printf(
                                to, "attester_issuer_token_key_not_before_timestamp_seconds{type=\"0x%04x\"} %" PRIu64 "\n",
                                token_type_at(i)->id, gauges->key_not_before[i]);
}

void issuer_metrics_print(struct issuer_metrics *metrics, const struct issuer_metrics_gauges *gauges, struct base_buffer *to)
{
        put_requests(metrics, to);
        put_refusals(metrics, to);
        put_latency(metrics, to);
        put_tokens(metrics, to);
        put_keys(gauges, to);
        put_head(to, "attester_issuer_nonces_issued_total", "counter", "Nonces given out.");
        base_buffer_printf(to, "attester_issuer_nonces_issued_total %llu\n", atomic_load(&metrics->nonces));
        put_head(to, "attester_issuer_enrollments_total", "counter", "Enrolments completed.");
        base_buffer_printf(to, "attester_issuer_enrollments_total %llu\n", atomic_load(&metrics->enrollments));
        put_head(to, "attester_issuer_last_reload_successful", "gauge",
                 "Whether the start or the last reload read configuration, certificate, keys, policy and trust.");
        base_buffer_printf(to, "attester_issuer_last_reload_successful %d\n", atomic_load(&metrics->reload_failed) ? 0 : 1);
        put_head(to, "attester_issuer_devices", "gauge", "Devices in the registry by standing.");
        base_buffer_printf(to,
                           "attester_issuer_devices{status=\"active\"} %" PRIu64 "\n"
                           "attester_issuer_devices{status=\"revoked\"} %" PRIu64 "\n",
                           gauges->devices_active, gauges->devices_revoked);
}
