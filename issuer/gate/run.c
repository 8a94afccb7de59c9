/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/gate/run.h"
#include "base/file.h"
#include "evidence/directory.h"
#include "issuer/gate/fetch.h"
#include "issuer/gate/journal.h"
#include "issuer/gate/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#define SWEEP_INTERVAL_US 1000000u
#define RETRY_FIRST_MS    500u   /* after keys could not be read, while there are none: doubles ... */
#define RETRY_MS          30000u /* ... up to this, which holds at once if there are keys */
#define DRAIN_SWEEPS_MAX  5
#define MILLISECONDS      1000u
#define TIMER_ACCURACY_US 100000u

struct runner {
        struct gate gate;
        struct issuer_http_server *server;
        struct issuer_http_server *metrics; /* NULL: none */
        sd_event *event;
        sd_event_source *sweep_source;
        sd_event_source *refresh_source;
        uint64_t retry_ms;     /* when keys cannot be read the next time */
        unsigned drain_sweeps; /* left; 0: not draining */
};

static void journal(const struct runner *runner, const char *event, const char *outcome, const char *detail)
{
        bool keys_failed = strcmp(event, "keys") == 0 && strcmp(outcome, "failed") == 0;

        gate_journal_write(runner->gate.clock, &(struct gate_event){
                                                       .id = keys_failed ? BASE_EVENT_GATE_KEYS_FAILED : BASE_EVENT_NONE,
                                                       .event = event,
                                                       .outcome = outcome,
                                                       .detail = detail,
                                               });
}

/* Whether a signal waits that asks the gate to stop: signals are blocked and go through the event loop. */
static bool stop_pending(void)
{
        sigset_t pending;

        return sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

/* Reads the issuer's keys again. On failure those of last time stay in use. */
static bool keys_refresh(struct runner *runner)
{
        base_auto_buffer struct base_buffer body = BASE_BUFFER_INIT(EVIDENCE_DIRECTORY_BYTES_MAX);
        const struct gate_config *config = runner->gate.config;
        struct base_error error = BASE_ERROR_INIT;
        char counts[64];
        bool success;

        success = (config->directory_url[0] == '\0' ||
                   gate_fetch(config->directory_url, config->ca_file, stop_pending, &body, &error)) &&
                  gate_keys_load(runner->gate.keys, config, base_buffer_bytes(&body), &error);
        if (success)
                atomic_store(&runner->gate.refreshed_at_s, runner->gate.clock->wall_seconds(runner->gate.clock->context));
        else
                atomic_fetch_add(&runner->gate.refreshes_failed, 1);
        (void) snprintf(counts, sizeof(counts), "%zu of type 0x0001, %zu of type 0x0002",
                        gate_keys_count(runner->gate.keys, TOKEN_TYPE_VOPRF),
                        gate_keys_count(runner->gate.keys, TOKEN_TYPE_BLIND_RSA));
        journal(runner, "keys", success ? "ok" : "failed", success ? counts : error.message);
        return success;
}

static int on_refresh(sd_event_source *source, uint64_t usec, void *context)
{
        struct runner *runner = context;
        uint64_t interval_ms = runner->gate.config->refresh_interval_s * 1000ull;
        uint64_t wait_ms;

        if (keys_refresh(runner)) {
                wait_ms = interval_ms;
                runner->retry_ms = RETRY_MS;
        } else {
                wait_ms = runner->retry_ms < interval_ms ? runner->retry_ms : interval_ms;
                runner->retry_ms = runner->retry_ms * 2 < RETRY_MS ? runner->retry_ms * 2 : RETRY_MS;
        }
        (void) sd_event_source_set_time_relative(source, wait_ms * MILLISECONDS);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_sweep(sd_event_source *source, uint64_t usec, void *context)
{
        struct runner *runner = context;

        issuer_http_server_sweep(runner->server);
        if (runner->metrics != NULL)
                issuer_http_server_sweep(runner->metrics);
        if (runner->drain_sweeps > 0 && (--runner->drain_sweeps == 0 || issuer_http_server_connection_count(runner->server) == 0))
                return sd_event_exit(runner->event, 0);
        (void) sd_event_source_set_time_relative(source, SWEEP_INTERVAL_US);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
        struct runner *runner = context;

        /* A second signal does not wait. */
        if (runner->drain_sweeps > 0)
                return sd_event_exit(runner->event, 0);
        journal(runner, "stop", "ok", NULL);
        (void) sd_notify(0, "STOPPING=1");
        issuer_http_server_drain(runner->server);
        if (issuer_http_server_connection_count(runner->server) == 0)
                return sd_event_exit(runner->event, 0);
        runner->drain_sweeps = DRAIN_SWEEPS_MAX;
        return 0;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
        struct runner *runner = context;

        (void) sd_event_source_set_time_relative(runner->refresh_source, 0);
        return sd_event_source_set_enabled(runner->refresh_source, SD_EVENT_ONESHOT);
}

static bool event_failed(int result, struct base_error *error)
{
        return result >= 0 || base_error_set_errno(error, -result, "the event loop");
}

static bool loop_prepare(struct runner *runner, struct base_error *error)
{
        sigset_t signals;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        return event_failed(sd_event_new(&runner->event), error) &&
               event_failed(sd_event_add_signal(runner->event, NULL, SIGTERM, on_stop, runner), error) &&
               event_failed(sd_event_add_signal(runner->event, NULL, SIGINT, on_stop, runner), error) &&
               event_failed(sd_event_add_signal(runner->event, NULL, SIGHUP, on_reload, runner), error) &&
               event_failed(sd_event_add_time_relative(runner->event, &runner->sweep_source, CLOCK_MONOTONIC, SWEEP_INTERVAL_US,
                                                       TIMER_ACCURACY_US, on_sweep, runner),
                            error) &&
               event_failed(sd_event_add_time_relative(runner->event, &runner->refresh_source, CLOCK_MONOTONIC, 0,
                                                       TIMER_ACCURACY_US, on_refresh, runner),
                            error);
}

static bool servers_start(struct runner *runner, const char *port_file, struct base_error *error)
{
        char ports[32];

        if (!gate_server_start(&runner->gate, &runner->server, error))
                return base_error_prefix(error, "Listen=");
        if (runner->gate.config->metrics_listen[0] != '\0' && !gate_server_start_metrics(&runner->gate, &runner->metrics, error))
                return base_error_prefix(error, "MetricsListen=");
        (void) snprintf(ports, sizeof(ports), "%u\n%u\n", (unsigned) issuer_http_server_port(runner->server),
                        runner->metrics != NULL ? (unsigned) issuer_http_server_port(runner->metrics) : 0);
        return port_file == NULL || base_file_replace_at(AT_FDCWD, port_file, base_bytes_from_string(ports), 0644, error);
}

static void runner_clear(struct runner *runner)
{
        issuer_http_server_free_p(&runner->server);
        issuer_http_server_free_p(&runner->metrics);
        (void) sd_event_source_unref(runner->sweep_source);
        (void) sd_event_source_unref(runner->refresh_source);
        (void) sd_event_unref(runner->event);
        gate_store_free(runner->gate.store);
        gate_keys_free(runner->gate.keys);
}

bool gate_run(const struct gate_config *config, const char *port_file, struct base_error *error)
{
        BASE_CLEANUP(runner_clear)
        struct runner runner = {
                .gate = { .config = config, .clock = &base_system_clock, .random = &base_system_random },
                .retry_ms = RETRY_FIRST_MS,
        };

        if (!gate_keys_new(&runner.gate.keys, error))
                return false;
        /* A key file that is not there is a mistake; a directory that is not there may come. */
        if (!(config->directory_url[0] == '\0' ? gate_keys_load(runner.gate.keys, config, BASE_BYTES("", 0), error)
                                               : gate_keys_check_files(config, error)))
                return false;
        if (!gate_store_new(config->challenges_max, (uint64_t) config->challenge_lifetime_s * 1000, runner.gate.clock,
                            &runner.gate.store, error) ||
            !loop_prepare(&runner, error) || !servers_start(&runner, port_file, error))
                return false;
        journal(&runner, "start", "ok", issuer_http_server_address(runner.server));
        (void) sd_notify(0, "READY=1");
        return event_failed(sd_event_loop(runner.event), error);
}
