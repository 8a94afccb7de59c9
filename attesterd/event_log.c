/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/event_log.h"

#include "attesterd/exchange.h"
#include "base/file.h"
#include "base/log.h"
#include "evidence/eventlog/log.h"

#include <string.h>
#include <unistd.h>

struct attesterd_event_log {
        LIST_ENTRY(attesterd_event_log) of_daemon;
        struct attesterd_daemon *daemon;
        struct attesterd_issuer *issuer; /* a reference */
        char *uri;                       /* the directory may be fetched anew meanwhile */
        struct base_buffer bytes;
        struct attesterd_exchange exchange;
};

static void log_free(struct attesterd_event_log *log)
{
        LIST_REMOVE(log, of_daemon);
        attesterd_exchange_clear(&log->exchange);
        base_buffer_clear(&log->bytes);
        free(log->uri);
        attesterd_issuer_unref(log->issuer);
        free(log);
}

/* Whoever is woken asks the issuer again, with or without the log. */
static void end(struct attesterd_event_log *log, const struct base_error *error)
{
        struct attesterd_issuer *issuer = attesterd_issuer_ref(log->issuer);
        struct attesterd_log_state *state = &issuer->event_log;

        if (error == NULL) {
                base_log(BASE_LOG_INFO, "the issuer %s has taken this boot's event log of %zu bytes", issuer->config.name,
                         log->bytes.len);
                state->accepted++;
        } else {
                base_log_error(BASE_LOG_WARNING, error, "the issuer %s cannot be given this boot's event log",
                               issuer->config.name);
        }
        state->sending = false;
        state->not_before_ms = attesterd_daemon_now_ms(log->daemon) +
                               (error == NULL ? ATTESTERD_EVENT_LOG_AGAIN_MS : ATTESTERD_EVENT_LOG_FAILED_MS);
        log_free(log);
        attesterd_waiters_wake(&state->waiters, NULL);
        attesterd_issuer_unref(issuer);
}

static void on_done(void *context, struct attesterd_exchange *exchange, const struct attesterd_denials *denials,
                    const struct base_error *error)
{
        (void) exchange;
        (void) denials;
        end(context, error);
}

static bool start(struct attesterd_event_log *log, struct base_error *error)
{
        struct attesterd_daemon *daemon = log->daemon;
        policy_auto_facts struct policy_facts none = POLICY_FACTS_INIT;

        log->uri = strdup(log->issuer->directory->event_log_uri);
        if (log->uri == NULL)
                return base_error_set_no_memory(error);
        if (!base_file_read_at(daemon->root_fd, ATTESTERD_EVENT_LOG_FILE, &log->bytes, error))
                return false;
        log->exchange = (struct attesterd_exchange){
                .daemon = daemon,
                .issuer = log->issuer,
                .request_uri = log->uri,
                .attested = true,
                .kind = ATTESTERD_EXCHANGE_EVENT_LOG,
                .uid = getuid(),
                .body = base_buffer_bytes(&log->bytes),
                .deadline_ms = attesterd_daemon_now_ms(daemon) + ATTESTERD_EVENT_LOG_TIMEOUT_MS,
                .done = on_done,
                .context = log,
        };
        return attesterd_exchange_start(&log->exchange, &none, error);
}

void attesterd_event_log_send(struct attesterd_daemon *daemon, struct attesterd_issuer *issuer)
{
        struct attesterd_log_state *state = &issuer->event_log;
        struct base_error error = BASE_ERROR_INIT;
        struct attesterd_event_log *log;

        if (state->sending || issuer->directory->event_log_uri[0] == '\0' ||
            attesterd_daemon_now_ms(daemon) < state->not_before_ms)
                return;
        log = calloc(1, sizeof(*log));
        if (log == NULL)
                return;
        state->sending = true;
        log->daemon = daemon;
        log->issuer = attesterd_issuer_ref(issuer);
        base_buffer_init(&log->bytes, EVIDENCE_EVENTLOG_BYTES_MAX);
        LIST_INSERT_HEAD(&daemon->event_logs, log, of_daemon);
        if (!start(log, &error))
                end(log, &error);
}

void attesterd_event_logs_clear(struct attesterd_daemon *daemon)
{
        while (!LIST_EMPTY(&daemon->event_logs))
                log_free(LIST_FIRST(&daemon->event_logs));
}
