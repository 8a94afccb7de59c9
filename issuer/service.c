/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/service_internal.h"

#include "base/privilege.h"
#include "evidence/enrollment.h"
#include "evidence/eventlog/log.h"
#include "evidence/header.h"
#include "token/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define NONCE_TEXT_MAX 64

struct issuer_snapshot *issuer_service_snapshot(struct issuer_service *service)
{
        struct issuer_snapshot *snapshot;

        pthread_mutex_lock(&service->lock);
        snapshot = issuer_snapshot_ref(service->snapshot);
        pthread_mutex_unlock(&service->lock);
        return snapshot;
}

struct issuer_refusals *issuer_service_refusals(struct issuer_service *service)
{
        return service->refusals;
}

/* The state directory stays the one that the registry was opened in. */
static bool load(struct issuer_service *service, const struct issuer_config *config, struct base_error *error)
{
        struct issuer_snapshot *fresh = NULL;
        struct issuer_snapshot *old;

        if (!issuer_snapshot_load(config, service->clock->wall_seconds(service->clock->context), service->config->state_directory,
                                  &fresh, error))
                return false;
        pthread_mutex_lock(&service->lock);
        old = service->snapshot;
        service->snapshot = fresh;
        pthread_mutex_unlock(&service->lock);
        issuer_snapshot_unref(old);
        return true;
}

bool issuer_service_reload(struct issuer_service *service, struct base_error *error)
{
        issuer_auto_config struct issuer_config config = { 0 };

        return issuer_config_load(service->config->file, &config, error) && load(service, &config, error);
}

void issuer_service_note_reload(struct issuer_service *service, bool ok)
{
        issuer_metrics_note_reload(&service->metrics, ok);
}

bool issuer_service_rotates_keys(struct issuer_service *service)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = issuer_service_snapshot(service);

        return snapshot->rotate_days > 0;
}

/*
 * Before a key is read there, or made. Two processes in one directory would rotate its keys against each other, and each would
 * refuse nonces of the other.
 */
static bool take_state_directory(struct issuer_service *service, const char *path, struct base_error *error)
{
        service->state_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (service->state_fd < 0)
                return base_error_set_errno(error, errno, "cannot open the state directory %s", path);
        if (!base_privilege_check_private(service->state_fd, path, error))
                return false;
        if (flock(service->state_fd, LOCK_EX | LOCK_NB) == 0)
                return true;
        if (errno == EWOULDBLOCK)
                return base_error_set(error, BASE_ERROR_BUSY,
                                      "another attester-issuer serves from the state directory %s: stop it, or give this one "
                                      "another StateDirectory=",
                                      path);
        return base_error_set_errno(error, errno, "cannot lock the state directory %s", path);
}

static bool open_state(struct issuer_service *service, struct base_error *error)
{
        const struct issuer_config *config = service->config;
        base_auto_free char *path = NULL;

        if (asprintf(&path, "%s/" ISSUER_REGISTRY_FILE, config->state_directory) < 0)
                return base_error_set_no_memory(error);
        return issuer_registry_open(path, service->random, &service->registry, error) &&
               issuer_enrollment_secret_load(config->state_directory, service->random, &service->enrollment_secret, error) &&
               issuer_replay_new(config->nonce_lifetime_s, ISSUER_REPLAY_ENTRIES_MAX, service->random, &service->replay, error);
}

bool issuer_service_new(const struct issuer_config *config, struct issuer_events *events, const struct base_clock *clock,
                        const struct base_random *random, struct issuer_service **ret, struct base_error *error)
{
        issuer_auto_service struct issuer_service *service = calloc(1, sizeof(*service));

        if (service == NULL)
                return base_error_set_no_memory(error);
        (void) pthread_mutex_init(&service->lock, NULL);
        base_buffer_init(&service->enrollment_secret, ISSUER_ENROLLMENT_SECRET_LEN);
        service->state_fd = -1;
        service->config = config;
        service->events = events;
        service->clock = clock;
        service->random = random;
        if (!take_state_directory(service, config->state_directory, error) || !issuer_refusals_new(&service->refusals, error) ||
            !load(service, config, error) || !open_state(service, error))
                return false;
        service->verifier = (struct issuer_verifier){
                .registry = service->registry,
                .replay = service->replay,
                .clock = clock,
                .issuer = config->name,
                .require_evidence = config->require_evidence,
        };
        if (!random->fill(random->context, service->verifier.nonce_key, sizeof(service->verifier.nonce_key), error))
                return false;
        *ret = BASE_STEAL(service);
        return true;
}

void issuer_service_free(struct issuer_service *service)
{
        if (service == NULL)
                return;
        issuer_snapshot_unref(service->snapshot);
        issuer_registry_close(service->registry);
        issuer_replay_free(service->replay);
        issuer_refusals_free(service->refusals);
        base_close_p(&service->state_fd);
        base_buffer_clear(&service->enrollment_secret);
        explicit_bzero(service->verifier.nonce_key, sizeof(service->verifier.nonce_key));
        (void) pthread_mutex_destroy(&service->lock);
        free(service);
}

void issuer_service_refuse(struct issuer_service *service, const struct issuer_verdict *verdict,
                           struct issuer_http_response *response)
{
        base_auto_buffer struct base_buffer members = BASE_BUFFER_INIT(ISSUER_RULES_BYTES_MAX + 16);
        char seconds[16];

        if (verdict->rules.len > 0) {
                base_buffer_put_string(&members, "\"rules\":");
                base_buffer_put_bytes(&members, base_buffer_bytes(&verdict->rules));
        }
        issuer_http_response_put_problem(response, verdict->status, verdict->error.code, verdict->error.message,
                                         members.len == 0 ? "" : base_buffer_c_string(&members));
        if (verdict->retry_after_s > 0) {
                (void) snprintf(seconds, sizeof(seconds), "%u", verdict->retry_after_s);
                issuer_http_response_put_field(response, "Retry-After", seconds);
        }
        issuer_metrics_count_refusal(&service->metrics, verdict->error.code);
}

static void log_warning(struct issuer_service *service, const struct issuer_http_request *request,
                        const struct issuer_verdict *verdict)
{
        issuer_events_write(service->events, &(struct issuer_event){
                                                     .id = BASE_EVENT_DEVICE_COPIED,
                                                     .event = "clone",
                                                     .outcome = "noticed",
                                                     .detail = verdict->warning,
                                                     .device = verdict->device,
                                                     .elapsed_us = issuer_http_request_elapsed_us(request),
                                             });
}

/* What an operator looks for; the rest is everyday. */
static enum base_event event_of(const struct issuer_verdict *verdict, const char *outcome)
{
        if (verdict->status == 503)
                return BASE_EVENT_ISSUER_FAULT;
        if (verdict->status == 429)
                return BASE_EVENT_QUOTA_REACHED;
        if (verdict->status == 403)
                return BASE_EVENT_DEVICE_REFUSED;
        return strcmp(outcome, "enrolled") == 0 ? BASE_EVENT_DEVICE_ENROLLED : BASE_EVENT_NONE;
}

void issuer_service_log(struct issuer_service *service, const struct issuer_http_request *request, const char *event,
                        const char *outcome, const struct issuer_verdict *verdict)
{
        bool refused = verdict->error.code != BASE_ERROR_NONE;
        base_auto_buffer struct base_buffer rules = BASE_BUFFER_INIT(ISSUER_RULES_BYTES_MAX + 1);
        char detail[2 * BASE_ERROR_TEXT_MAX + 8] = "";

        if (verdict->warning[0] != '\0')
                log_warning(service, request, verdict);
        /* A 401 asks for fresh evidence, as every device meets it now and then: it is counted for all of them together. */
        if (refused)
                issuer_refusals_note(service->refusals, event, verdict->status == 401 ? "" : verdict->device, verdict->status,
                                     verdict->error.code, verdict->reasons[0] == '\0' ? verdict->error.message : verdict->reasons,
                                     service->clock->wall_seconds(service->clock->context));
        if (refused)
                (void) snprintf(detail, sizeof(detail), verdict->error.detail[0] == '\0' ? "%s" : "%s (%s)",
                                verdict->error.message, verdict->error.detail);
        else
                (void) snprintf(detail, sizeof(detail), "%s", verdict->basis);
        base_buffer_put_bytes(&rules, base_buffer_bytes(&verdict->rules));
        issuer_events_write(service->events, &(struct issuer_event){
                                                     .id = event_of(verdict, outcome),
                                                     .event = event,
                                                     .outcome = outcome,
                                                     .status = verdict->status,
                                                     .reason = refused ? base_error_name(verdict->error.code) : NULL,
                                                     .detail = detail,
                                                     .device = verdict->device,
                                                     .rules = rules.len == 0 ? NULL : base_buffer_c_string(&rules),
                                                     .rule_names = verdict->rule_names,
                                                     .elapsed_us = issuer_http_request_elapsed_us(request),
                                             });
}

/* What every response of the attestation endpoints carries. */
static void put_nonce(struct issuer_service *service, struct issuer_http_response *response)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(NONCE_TEXT_MAX);
        struct base_error ignored = BASE_ERROR_INIT;
        uint8_t nonce[EVIDENCE_NONCE_LEN];

        issuer_http_response_put_field(response, "Cache-Control", "no-store");
        if (!evidence_nonce_issue(BASE_BYTES_OF(service->verifier.nonce_key),
                                  service->clock->wall_seconds(service->clock->context), service->config->nonce_lifetime_s,
                                  service->random, nonce, &ignored)) {
                response->failed = true;
                return;
        }
        evidence_header_encode(BASE_BYTES_OF(nonce), &text);
        if (base_buffer_c_string(&text) == NULL) {
                response->failed = true;
                return;
        }
        issuer_http_response_put_field(response, EVIDENCE_NONCE_HEADER_NAME, base_buffer_c_string(&text));
        atomic_fetch_add(&service->metrics.nonces, 1);
}

static void finish_directory(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct issuer_service *service = context;

        issuer_metrics_count_request(&service->metrics, ISSUER_ENDPOINT_DIRECTORY, response->status);
}

static void finish_token(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct issuer_service *service = context;

        put_nonce(service, response);
        issuer_metrics_count_request(&service->metrics, ISSUER_ENDPOINT_TOKEN, response->status);
        issuer_metrics_count_latency(&service->metrics, issuer_http_request_elapsed_us(request));
}

static void finish_nonce(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct issuer_service *service = context;

        put_nonce(service, response);
        issuer_metrics_count_request(&service->metrics, ISSUER_ENDPOINT_NONCE, response->status);
}

static void finish_enroll(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct issuer_service *service = context;

        put_nonce(service, response);
        issuer_metrics_count_request(&service->metrics, ISSUER_ENDPOINT_ENROLL, response->status);
}

static void finish_event_log(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct issuer_service *service = context;

        put_nonce(service, response);
        issuer_metrics_count_request(&service->metrics, ISSUER_ENDPOINT_EVENT_LOG, response->status);
}

static void on_directory(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = issuer_service_snapshot(context);
        const char *known = issuer_http_request_field(request, "If-None-Match");
        char cache[32];

        (void) snprintf(cache, sizeof(cache), "public, max-age=%d", ISSUER_DIRECTORY_MAX_AGE_S);
        issuer_http_response_put_field(response, "Cache-Control", cache);
        issuer_http_response_put_field(response, "ETag", snapshot->etag);
        if (known != NULL && (strcmp(known, "*") == 0 || strstr(known, snapshot->etag) != NULL))
                response->status = 304;
        else
                issuer_http_response_put_body(response, 200, TOKEN_MEDIA_TYPE_DIRECTORY, base_buffer_bytes(&snapshot->directory));
}

static void on_nonce(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        response->status = 204;
}

static void on_health(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct issuer_service *service = context;
        struct base_error error = BASE_ERROR_INIT;
        uint64_t devices;

        issuer_http_response_put_field(response, "Cache-Control", "no-store");
        if (issuer_registry_count(service->registry, ISSUER_DEVICE_ACTIVE, &devices, &error))
                issuer_http_response_put_body(response, 200, "text/plain", base_bytes_from_string("ok\n"));
        else
                issuer_http_response_put_problem(response, 503, error.code, "The issuer's registry does not answer.", "");
}

/* Of each type the first one in the directory's order is the newest; those of a PKCS #11 token do not say since when. */
static void read_keys(struct issuer_service *service, struct issuer_metrics_gauges *gauges)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = issuer_service_snapshot(service);

        for (size_t i = 0; i < ISSUER_METRICS_TOKEN_TYPES && token_type_at(i) != NULL; i++)
                for (size_t j = snapshot->keys.count; j-- > 0;)
                        if (snapshot->keys.items[j].type == token_type_at(i)->id && !snapshot->keys.items[j].in_token)
                                gauges->key_not_before[i] = snapshot->keys.items[j].not_before;
}

static void on_metrics(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct issuer_service *service = context;
        struct base_error error = BASE_ERROR_INIT;
        struct issuer_metrics_gauges gauges = { 0 };

        if (!issuer_registry_count(service->registry, ISSUER_DEVICE_ACTIVE, &gauges.devices_active, &error) ||
            !issuer_registry_count(service->registry, ISSUER_DEVICE_REVOKED, &gauges.devices_revoked, &error)) {
                issuer_http_response_put_problem(response, 503, error.code, error.message, "");
                return;
        }
        read_keys(service, &gauges);
        issuer_http_response_put_body(response, 200, "text/plain; version=0.0.4", BASE_BYTES("", 0));
        issuer_metrics_print(&service->metrics, &gauges, &response->body);
}

const struct issuer_http_route issuer_service_routes[] = {
        { ISSUER_PATH_TOKEN, "POST", TOKEN_REQUEST_BYTES_MAX, issuer_service_on_token_request, finish_token,
          TOKEN_MEDIA_TYPE_BATCH_REQUEST, TOKEN_BATCH_REQUEST_BYTES_MAX },
        { ISSUER_PATH_NONCE, "GET", 0, on_nonce, finish_nonce },
        { ISSUER_PATH_ENROLL, "POST", EVIDENCE_ENROLLMENT_BYTES_MAX, issuer_service_on_enroll, finish_enroll },
        { ISSUER_PATH_EVENT_LOG, "POST", EVIDENCE_EVENTLOG_BYTES_MAX, issuer_service_on_event_log, finish_event_log },
        { ISSUER_PATH_DIRECTORY, "GET", 0, on_directory, finish_directory },
        { "/healthz", "GET", 0, on_health, NULL },
};
const size_t issuer_service_route_count = BASE_COUNT(issuer_service_routes);

const struct issuer_http_route issuer_service_metrics_routes[] = {
        { "/metrics", "GET", 0, on_metrics, NULL },
};
const size_t issuer_service_metrics_route_count = BASE_COUNT(issuer_service_metrics_routes);
