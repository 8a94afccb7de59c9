/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/server.h"

#include "issuer/address.h"
#include "issuer/admin/admin.h"
#include "issuer/events.h"
#include "issuer/http.h"
#include "issuer/service.h"

#include "base/file.h"
#include "base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#define SWEEP_INTERVAL_US   1000000
#define ROTATE_INTERVAL_S   3600
#define DRAIN_TICKS_MAX     100 /* of a tenth of a second */
#define METRICS_CONNECTIONS 16

struct server {
        const struct issuer_config *config;
        struct issuer_events *events;
        struct issuer_service *service;
        struct issuer_http_server *http;
        struct issuer_http_server *metrics; /* NULL: none */
        struct issuer_admin *admin;         /* NULL: none */
        sd_event *loop;
        sd_event_source *sweep;
        unsigned seconds_since_rotation;
        unsigned drain_ticks; /* 0: serving */
};

static void server_clear(struct server *server)
{
        issuer_admin_stop(server->admin);
        issuer_http_server_free(server->metrics);
        issuer_http_server_free(server->http);
        issuer_service_free(server->service);
        issuer_events_close(server->events);
        sd_event_source_unref(server->sweep);
        sd_event_unref(server->loop);
}

static void log_event(struct server *server, const char *event, const char *detail, const struct base_error *failure)
{
        if (failure != NULL)
                base_log_event(BASE_EVENT_RELOAD_FAILED, BASE_LOG_NO_FIELDS, failure, "%s: what was in force stays in force",
                               event);
        issuer_events_write(server->events, &(struct issuer_event){
                                                    .event = event,
                                                    .outcome = failure == NULL ? "ok" : "failed",
                                                    .reason = failure == NULL ? NULL : base_error_name(failure->code),
                                                    .detail = failure == NULL ? detail : failure->message,
                                            });
}

static bool listen_on(struct server *server, const char *address, bool public, struct issuer_http_server **ret,
                      struct base_error *error)
{
        const struct issuer_config *config = server->config;
        bool tls = public && config->tls;
        struct issuer_http_options options = {
                .listen = address,
                .certificate_file = tls ? config->certificate : NULL,
                .key_file = tls ? config->certificate_key : NULL,
                .routes = public ? issuer_service_routes : issuer_service_metrics_routes,
                .route_count = public ? issuer_service_route_count : issuer_service_metrics_route_count,
                .context = server->service,
                .threads = public ? config->threads : 1,
                .connections_max = public ? config->connections_max : METRICS_CONNECTIONS,
                .idle_timeout_s = config->idle_timeout_s,
                .request_timeout_s = config->request_timeout_s,
                .clock = &base_system_clock,
        };

        return issuer_http_server_start(&options, ret, error);
}

static bool write_port_file(const struct server *server, const char *path, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(64);

        base_buffer_printf(&text, "%u\n", issuer_http_server_port(server->http));
        if (server->metrics != NULL || server->admin != NULL)
                base_buffer_printf(&text, "%u\n", server->metrics == NULL ? 0 : issuer_http_server_port(server->metrics));
        if (server->admin != NULL)
                base_buffer_printf(&text, "%u\n", issuer_http_server_port(issuer_admin_server(server->admin)));
        return base_file_replace_at(AT_FDCWD, path, base_buffer_bytes(&text), 0644, error);
}

static void reload(struct server *server)
{
        struct base_error error = BASE_ERROR_INIT;
        bool ok = issuer_events_reopen(server->events, &error) && issuer_service_reload(server->service, &error) &&
                  (!server->config->tls || issuer_http_server_reload(server->http, &error)) &&
                  (server->admin == NULL || issuer_http_server_reload(issuer_admin_server(server->admin), &error));

        issuer_service_note_reload(server->service, ok);
        log_event(server, "reload", "certificate, keys, policy and trust were read again", ok ? NULL : &error);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
        reload(context);
        return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
        struct server *server = context;

        (void) sd_notify(0, "STOPPING=1");
        log_event(server, "stop", "requests that are under way may end", NULL);
        if (server->drain_ticks == 0)
                server->drain_ticks = 1;
        issuer_http_server_drain(server->http);
        (void) sd_event_source_set_time(server->sweep, 0);
        return 0;
}

static void drain(struct server *server)
{
        issuer_http_server_drain(server->http);
        if (issuer_http_server_connection_count(server->http) == 0 || server->drain_ticks++ > DRAIN_TICKS_MAX)
                (void) sd_event_exit(server->loop, 0);
}

static int on_sweep(sd_event_source *source, uint64_t usec, void *context)
{
        struct server *server = context;
        uint64_t interval = server->drain_ticks > 0 ? SWEEP_INTERVAL_US / 10 : SWEEP_INTERVAL_US;

        issuer_http_server_sweep(server->http);
        if (server->metrics != NULL)
                issuer_http_server_sweep(server->metrics);
        if (server->admin != NULL)
                issuer_http_server_sweep(issuer_admin_server(server->admin));
        if (server->drain_ticks > 0)
                drain(server);
        else if (issuer_service_rotates_keys(server->service) && ++server->seconds_since_rotation >= ROTATE_INTERVAL_S) {
                server->seconds_since_rotation = 0;
                reload(server);
        }
        (void) sd_event_source_set_time_relative(source, interval);
        return sd_event_source_set_enabled(source, SD_EVENT_ON);
}

static bool set_up_loop(struct server *server, struct base_error *error)
{
        int result = sd_event_new(&server->loop);

        if (result >= 0)
                result = sd_event_add_signal(server->loop, NULL, SIGTERM, on_stop, server);
        if (result >= 0)
                result = sd_event_add_signal(server->loop, NULL, SIGINT, on_stop, server);
        if (result >= 0)
                result = sd_event_add_signal(server->loop, NULL, SIGHUP, on_reload, server);
        if (result >= 0)
                result = sd_event_add_time_relative(server->loop, &server->sweep, CLOCK_MONOTONIC, SWEEP_INTERVAL_US, 0, on_sweep,
                                                    server);
        if (result >= 0)
                result = sd_event_source_set_enabled(server->sweep, SD_EVENT_ON);
        return result >= 0 || base_error_set_errno(error, -result, "cannot set up the event loop");
}

static bool start(struct server *server, const struct issuer_server_options *options, struct base_error *error)
{
        const struct issuer_config *config = server->config;
        char detail[ISSUER_ADDRESS_TEXT_MAX + 64];

        if (!issuer_events_open(options->log_file, &base_system_clock, &server->events, error) ||
            !issuer_service_new(config, server->events, &base_system_clock, &base_system_random, &server->service, error) ||
            !set_up_loop(server, error) ||
            !listen_on(server, options->listen != NULL ? options->listen : config->listen, true, &server->http, error) ||
            (config->metrics_listen != NULL && !listen_on(server, config->metrics_listen, false, &server->metrics, error)) ||
            (config->admin_listen != NULL && !issuer_admin_start(config, server->service, server->events, &base_system_clock,
                                                                 &base_system_random, &server->admin, error)) ||
            (options->port_file != NULL && !write_port_file(server, options->port_file, error)))
                return false;
        if (config->ek_requirement == ISSUER_EK_ANY)
                base_log(BASE_LOG_WARNING, "RequireEkCertificate=no: any TPM may enrol, a simulated one too");
        if (!config->require_evidence)
                base_log(BASE_LOG_WARNING, "RequireEvidence=no: anybody gets tokens");
        if (config->policy_directory == NULL)
                base_log(BASE_LOG_WARNING, "no Policy=: every enrolled device gets tokens, whatever its state");
        (void) snprintf(detail, sizeof(detail), "%s listens on %s", config->name, issuer_http_server_address(server->http));
        log_event(server, "start", detail, NULL);
        (void) sd_notifyf(0, "READY=1\nSTATUS=%s", detail);
        return true;
}

bool issuer_server_run(struct issuer_config *config, const struct issuer_server_options *options, struct base_error *error)
{
        BASE_CLEANUP(server_clear) struct server server = { .config = config };
        sigset_t signals;
        int result;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        if (!start(&server, options, error))
                return false;
        result = sd_event_loop(server.loop);
        return result >= 0 || base_error_set_errno(error, -result, "the event loop failed");
}
