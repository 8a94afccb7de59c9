/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/gate/server.h"
#include "issuer/gate/journal.h"

#include <inttypes.h>

#define AUTH_BODY_BYTES_MAX 16384 /* read and ignored: nginx is told to send none */
#define METRICS_BYTES_MAX   16384

#define AUTH_THREADS         4
#define AUTH_CONNECTIONS_MAX 1024
#define AUTH_IDLE_S          75 /* longer than nginx keeps an idle upstream connection by default (60 s) */
#define AUTH_REQUEST_S       90

#define OPERATOR_CONNECTIONS_MAX 32
#define OPERATOR_TIMEOUT_S       30

/* The host that the visitor asked for, or NULL if that is not one name. */
static const char *host_of(const struct issuer_http_request *request)
{
        const char *name = issuer_http_request_field_count(request, "X-Forwarded-Host") > 0 ? "X-Forwarded-Host" : "Host";

        return issuer_http_request_field_count(request, name) == 1 ? issuer_http_request_field(request, name) : NULL;
}

static void decision_log(const struct gate *gate, const struct issuer_http_request *request, const char *host,
                         enum gate_outcome outcome, const struct base_error *error)
{
        int origin = host != NULL ? gate_config_find_origin(gate->config, host) : -1;
        struct gate_event event = {
                .id = outcome == GATE_TOKEN_SPENT ? BASE_EVENT_TOKEN_SPENT
                      : outcome == GATE_INTERNAL  ? BASE_EVENT_GATE_FAULT
                                                  : BASE_EVENT_NONE,
                .event = "auth",
                .outcome = gate_outcome_name(outcome),
                .origin = origin >= 0 ? gate->config->origins[origin] : NULL,
                .detail = error->message,
                .elapsed_us = issuer_http_request_elapsed_us(request),
        };

        gate_journal_write(gate->clock, &event);
}

static void auth_handle(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        base_auto_buffer struct base_buffer challenge = BASE_BUFFER_INIT(GATE_CHALLENGE_BYTES_MAX);
        struct gate *gate = context;
        struct base_error error = BASE_ERROR_INIT;
        struct gate_request question = {
                .host = host_of(request),
                .authorization = issuer_http_request_field(request, "Authorization"),
                .authorization_twice = issuer_http_request_field_count(request, "Authorization") > 1,
        };
        enum gate_outcome outcome = gate_decide(gate, &question, &challenge, &error);
        const char *fields = challenge.len > 0 ? base_buffer_c_string(&challenge) : NULL;

        if (outcome == GATE_ACCEPTED)
                response->status = gate_outcome_status(outcome);
        else
                issuer_http_response_put_problem(response, gate_outcome_status(outcome), gate_outcome_code(outcome),
                                                 gate_outcome_sentence(outcome), "");
        if (fields != NULL)
                issuer_http_response_put_field(response, "WWW-Authenticate", fields);
        if (outcome != GATE_ACCEPTED && outcome != GATE_CHALLENGED)
                issuer_http_response_put_field(response, "X-Attester-Reason", gate_outcome_name(outcome));
        issuer_http_response_put_field(response, "Cache-Control", "no-store");
        decision_log(gate, request, question.host, outcome, &error);
}

static void metrics_handle(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(METRICS_BYTES_MAX);
        struct gate *gate = context;
        struct gate_store_counts counts = gate_store_count(gate->store);

        base_buffer_put_string(&text, "# HELP attester_gate_requests_total Decisions by outcome.\n"
                                      "# TYPE attester_gate_requests_total counter\n");
        for (int i = 0; i < GATE_OUTCOME_COUNT; i++)
                base_buffer_printf(&text, "attester_gate_requests_total{outcome=\"%s\"} %llu\n",
                                   gate_outcome_name((enum gate_outcome) i), atomic_load(&gate->outcomes[i]));
        base_buffer_printf(&text,
                           "# HELP attester_gate_challenges Challenges that are remembered.\n"
                           "# TYPE attester_gate_challenges gauge\nattester_gate_challenges %" PRIu64 "\n"
                           "# HELP attester_gate_challenges_evicted_total Outstanding challenges that were dropped for room.\n"
                           "# TYPE attester_gate_challenges_evicted_total counter\n"
                           "attester_gate_challenges_evicted_total %" PRIu64 "\n",
                           counts.held, counts.evicted);
        base_buffer_printf(&text,
                           "# HELP attester_gate_key_refreshes_failed_total Readings of the issuer's keys that failed.\n"
                           "# TYPE attester_gate_key_refreshes_failed_total counter\n"
                           "attester_gate_key_refreshes_failed_total %llu\n"
                           "# HELP attester_gate_keys_refreshed_timestamp_seconds When the issuer's keys were last read.\n"
                           "# TYPE attester_gate_keys_refreshed_timestamp_seconds gauge\nattester_gate_keys_refreshed_timestamp_seconds %llu\n",
                           atomic_load(&gate->refreshes_failed), atomic_load(&gate->refreshed_at_s));
        if (!base_buffer_ok(&text))
                response->failed = true;
        issuer_http_response_put_body(response, 200, "text/plain; version=0.0.4", base_buffer_bytes(&text));
}

static void health_handle(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct gate *gate = context;
        bool has_key = gate_has_key(gate);
        const char *text = has_key ? "ok\n" : "no issuer key\n";

        issuer_http_response_put_body(response, has_key ? 200 : 503, "text/plain", base_bytes_from_string(text));
}

static const struct issuer_http_route auth_routes[] = {
        { .path = "/auth", .body_max = AUTH_BODY_BYTES_MAX, .handler = auth_handle },
};

static const struct issuer_http_route operator_routes[] = {
        { .path = "/metrics", .methods = "GET", .handler = metrics_handle },
        { .path = "/healthz", .methods = "GET", .handler = health_handle },
};

bool gate_server_start(struct gate *gate, struct issuer_http_server **ret, struct base_error *error)
{
        struct issuer_http_options options = {
                .listen = gate->config->listen,
                .routes = auth_routes,
                .route_count = BASE_COUNT(auth_routes),
                .context = gate,
                .threads = AUTH_THREADS,
                .connections_max = AUTH_CONNECTIONS_MAX,
                .idle_timeout_s = AUTH_IDLE_S,
                .request_timeout_s = AUTH_REQUEST_S,
                .clock = gate->clock,
        };

        return issuer_http_server_start(&options, ret, error);
}

bool gate_server_start_metrics(struct gate *gate, struct issuer_http_server **ret, struct base_error *error)
{
        struct issuer_http_options options = {
                .listen = gate->config->metrics_listen,
                .routes = operator_routes,
                .route_count = BASE_COUNT(operator_routes),
                .context = gate,
                .threads = 1,
                .connections_max = OPERATOR_CONNECTIONS_MAX,
                .idle_timeout_s = OPERATOR_TIMEOUT_S,
                .request_timeout_s = OPERATOR_TIMEOUT_S,
                .clock = gate->clock,
        };

        return issuer_http_server_start(&options, ret, error);
}
