/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/issuer.h"

#include "evidence/header.h"

#include <string.h>
#include <strings.h>

static uint64_t now_ms(const struct attesterd_issuer *issuer)
{
        return issuer->clock->monotonic_ms(issuer->clock->context);
}

static bool config_copy(const struct attesterd_issuer_config *from, struct attesterd_issuer_config *to)
{
        to->name = strdup(from->name);
        to->url = strdup(from->url);
        to->mirror = from->mirror == NULL ? NULL : strdup(from->mirror);
        to->attest = from->attest;
        to->ca_bundle_len = from->ca_bundle_len;
        if (to->name == NULL || to->url == NULL || (from->mirror != NULL && to->mirror == NULL))
                return false;
        if (from->ca_bundle == NULL)
                return true;
        to->ca_bundle = malloc(from->ca_bundle_len);
        if (to->ca_bundle == NULL)
                return false;
        memcpy(to->ca_bundle, from->ca_bundle, from->ca_bundle_len);
        return true;
}

bool attesterd_issuer_config_equal(const struct attesterd_issuer_config *a, const struct attesterd_issuer_config *b)
{
        const char *mirrors[] = { a->mirror == NULL ? "" : a->mirror, b->mirror == NULL ? "" : b->mirror };

        return strcmp(a->name, b->name) == 0 && strcmp(a->url, b->url) == 0 && strcmp(mirrors[0], mirrors[1]) == 0 &&
               a->attest == b->attest &&
               base_bytes_equal(BASE_BYTES(a->ca_bundle, a->ca_bundle_len), BASE_BYTES(b->ca_bundle, b->ca_bundle_len));
}

bool attesterd_issuer_new(const struct attesterd_issuer_config *config, const struct net_transport *transport,
                          const struct base_clock *clock, struct attesterd_issuer **ret, struct base_error *error)
{
        struct attesterd_issuer *issuer = calloc(1, sizeof(*issuer));

        if (issuer == NULL)
                return base_error_set_no_memory(error);
        issuer->references = 1;
        issuer->transport = transport;
        issuer->clock = clock;
        LIST_INIT(&issuer->directory_fetch.waiters);
        LIST_INIT(&issuer->nonce_fetch.waiters);
        LIST_INIT(&issuer->event_log.waiters);
        attesterd_lane_init(&issuer->lane);
        if (!config_copy(config, &issuer->config)) {
                attesterd_issuer_unref(issuer);
                return base_error_set_no_memory(error);
        }
        *ret = issuer;
        return true;
}

struct attesterd_issuer *attesterd_issuer_ref(struct attesterd_issuer *issuer)
{
        issuer->references++;
        return issuer;
}

static void fetch_cancel(struct attesterd_issuer *issuer, struct attesterd_fetch *fetch)
{
        if (fetch->id != 0)
                issuer->transport->cancel(issuer->transport->context, fetch->id);
        fetch->id = 0;
}

void attesterd_issuer_unref(struct attesterd_issuer *issuer)
{
        if (issuer == NULL || --issuer->references > 0)
                return;
        fetch_cancel(issuer, &issuer->directory_fetch);
        fetch_cancel(issuer, &issuer->nonce_fetch);
        free(issuer->directory);
        free(issuer->candidate);
        free(issuer->config.name);
        free(issuer->config.url);
        free(issuer->config.mirror);
        free(issuer->config.ca_bundle);
        free(issuer);
}

bool attesterd_media_type_is(const char *content_type, const char *wanted)
{
        size_t len = strlen(wanted);

        return strncasecmp(content_type, wanted, len) == 0 && strchr("; \t", content_type[len]) != NULL;
}

struct net_request attesterd_issuer_request(const struct attesterd_issuer *issuer, enum net_method method, const char *url)
{
        return (struct net_request){
                .method = method,
                .url = url,
                .ca_bundle = BASE_BYTES(issuer->config.ca_bundle, issuer->config.ca_bundle_len),
                .timeout_ms = ATTESTERD_FETCH_TIMEOUT_MS,
                .response_bytes_max = NET_RESPONSE_BODY_MAX,
        };
}

/* Ends a fetch: remembers a failure for a while, and tells who waits. */
static void fetch_done(struct attesterd_issuer *issuer, struct attesterd_fetch *fetch, const struct base_error *error)
{
        fetch->id = 0;
        if (error == NULL) {
                fetch->backoff_ms = 0;
                fetch->failure.code = BASE_ERROR_NONE;
        } else {
                fetch->backoff_ms = fetch->backoff_ms == 0 ? ATTESTERD_FETCH_BACKOFF_MIN_MS : fetch->backoff_ms * 2;
                if (fetch->backoff_ms > ATTESTERD_FETCH_BACKOFF_MAX_MS)
                        fetch->backoff_ms = ATTESTERD_FETCH_BACKOFF_MAX_MS;
                fetch->retry_ms = now_ms(issuer) + fetch->backoff_ms;
                (void) base_error_copy(&fetch->failure, error);
        }
        attesterd_waiters_wake(&fetch->waiters, error);
}

static bool check_status(const struct attesterd_issuer *issuer, const char *what, unsigned status, struct base_error *error)
{
        if (status >= 200 && status <= 299)
                return true;
        return base_error_set(error, status >= 500 || status == 429 ? BASE_ERROR_ISSUER_UNREACHABLE : BASE_ERROR_ISSUER_REJECTED,
                              "the issuer %s answers %u when asked for its %s", issuer->config.name, status, what);
}

/* Puts the candidate in force. */
static void take_candidate(struct attesterd_issuer *issuer)
{
        free(issuer->directory);
        issuer->directory = BASE_STEAL(issuer->candidate);
        issuer->fetched_seconds = issuer->clock->wall_seconds(issuer->clock->context);
        issuer->fetched_ms = now_ms(issuer);
        issuer->expires_ms = issuer->fetched_ms + issuer->candidate_age_ms;
}

static bool read_directory(struct attesterd_issuer *issuer, const struct net_response *response, struct base_error *error)
{
        base_auto_free struct evidence_directory *directory = calloc(1, sizeof(*directory));
        struct base_error problem = BASE_ERROR_INIT;
        uint64_t age_ms = response->has_max_age ? (uint64_t) response->max_age_seconds * 1000
                                                : ATTESTERD_DIRECTORY_AGE_DEFAULT_MS;

        if (directory == NULL)
                return base_error_set_no_memory(error);
        if (!check_status(issuer, "directory", response->status, error))
                return false;
        if (!attesterd_media_type_is(response->content_type, EVIDENCE_DIRECTORY_MEDIA_TYPE))
                return base_error_set(error, BASE_ERROR_ISSUER_REJECTED, "what the issuer %s gives is not an issuer directory",
                                      issuer->config.name);
        if (!evidence_directory_parse(response->body, issuer->config.url, directory, &problem)) {
                (void) base_error_set(error, BASE_ERROR_ISSUER_REJECTED, "the issuer %s has an unusable directory: %s",
                                      issuer->config.name, problem.message);
                return false;
        }
        if (age_ms < ATTESTERD_DIRECTORY_AGE_MIN_MS)
                age_ms = ATTESTERD_DIRECTORY_AGE_MIN_MS;
        if (age_ms > ATTESTERD_DIRECTORY_AGE_MAX_MS)
                age_ms = ATTESTERD_DIRECTORY_AGE_MAX_MS;
        issuer->candidate = BASE_STEAL(directory);
        issuer->candidate_age_ms = age_ms;
        return true;
}

/* The candidate has been compared, or cannot be: `problem` says why it is not to be used. */
static void end_directory_fetch(struct attesterd_issuer *issuer, const struct base_error *problem)
{
        bool good = problem->code == BASE_ERROR_NONE;

        if (good)
                take_candidate(issuer);
        free(issuer->candidate);
        issuer->candidate = NULL;
        fetch_done(issuer, &issuer->directory_fetch, good ? NULL : problem);
}

static void on_mirror(void *context, const struct net_response *response, const struct base_error *error)
{
        struct attesterd_issuer *issuer = attesterd_issuer_ref(context);
        struct base_error problem = BASE_ERROR_INIT;

        if (attesterd_mirror_compare(&issuer->mirror, &issuer->config, issuer->candidate, response, error, &problem) &&
            issuer->mirror.state == ATTESTERD_MIRROR_UNREACHABLE && issuer->candidate_age_ms > ATTESTERD_MIRROR_AGAIN_MS)
                issuer->candidate_age_ms = ATTESTERD_MIRROR_AGAIN_MS;
        end_directory_fetch(issuer, &problem);
        attesterd_issuer_unref(issuer);
}

/* The fetch goes on there. */
static bool ask_mirror(struct attesterd_issuer *issuer, struct base_error *error)
{
        struct net_request request = attesterd_issuer_request(issuer, NET_METHOD_GET, issuer->config.mirror);

        request.accept = EVIDENCE_DIRECTORY_MEDIA_TYPE;
        request.timeout_ms = ATTESTERD_MIRROR_TIMEOUT_MS;
        return issuer->transport->fetch(issuer->transport->context, &request, on_mirror, issuer, &issuer->directory_fetch.id,
                                        error);
}

static void on_directory(void *context, const struct net_response *response, const struct base_error *error)
{
        struct attesterd_issuer *issuer = attesterd_issuer_ref(context);
        struct base_error problem = BASE_ERROR_INIT;
        bool goes_on = false;

        if (error != NULL)
                (void) base_error_copy(&problem, error);
        else
                goes_on = read_directory(issuer, response, &problem) && issuer->config.mirror != NULL &&
                          ask_mirror(issuer, &problem);
        if (!goes_on)
                end_directory_fetch(issuer, &problem);
        attesterd_issuer_unref(issuer);
}

static void on_nonce(void *context, const struct net_response *response, const struct base_error *error)
{
        struct attesterd_issuer *issuer = attesterd_issuer_ref(context);
        struct base_error problem = BASE_ERROR_INIT;

        if (error != NULL)
                (void) base_error_copy(&problem, error);
        else if (check_status(issuer, "nonce", response->status, &problem)) {
                attesterd_issuer_note_nonce(issuer, response);
                issuer->nonce_ms = now_ms(issuer);
        }
        fetch_done(issuer, &issuer->nonce_fetch, problem.code == BASE_ERROR_NONE ? NULL : &problem);
        attesterd_issuer_unref(issuer);
}

/* Joins the fetch that is under way, or starts one unless the last has failed just now. */
static enum attesterd_issuer_state fetch_join(struct attesterd_issuer *issuer, struct attesterd_fetch *fetch,
                                              const struct net_request *request, net_fetch_callback *callback,
                                              struct attesterd_waiter *waiter, struct base_error *error)
{
        if (fetch->id == 0 && fetch->failure.code != BASE_ERROR_NONE && now_ms(issuer) < fetch->retry_ms) {
                (void) base_error_copy(error, &fetch->failure);
                return ATTESTERD_ISSUER_FAILED;
        }
        if (fetch->id == 0 &&
            !issuer->transport->fetch(issuer->transport->context, request, callback, issuer, &fetch->id, error)) {
                fetch->id = 0;
                return ATTESTERD_ISSUER_FAILED;
        }
        attesterd_waiter_add(&fetch->waiters, waiter);
        return ATTESTERD_ISSUER_WAIT;
}

enum attesterd_issuer_state attesterd_issuer_need_directory(struct attesterd_issuer *issuer, struct attesterd_waiter *waiter,
                                                            struct base_error *error)
{
        struct net_request request = attesterd_issuer_request(issuer, NET_METHOD_GET, issuer->config.url);

        if (issuer->directory != NULL && now_ms(issuer) < issuer->expires_ms)
                return ATTESTERD_ISSUER_READY;
        request.accept = EVIDENCE_DIRECTORY_MEDIA_TYPE;
        return fetch_join(issuer, &issuer->directory_fetch, &request, on_directory, waiter, error);
}

enum attesterd_issuer_state attesterd_issuer_need_nonce(struct attesterd_issuer *issuer, struct attesterd_waiter *waiter,
                                                        struct base_error *error)
{
        struct net_request request = attesterd_issuer_request(issuer, NET_METHOD_GET, issuer->directory->nonce_uri);

        if (issuer->directory->nonce_uri[0] == '\0')
                return ATTESTERD_ISSUER_READY;
        if (issuer->nonce_ms != 0 && now_ms(issuer) - issuer->nonce_ms < ATTESTERD_NONCE_FRESH_MS)
                return ATTESTERD_ISSUER_READY;
        return fetch_join(issuer, &issuer->nonce_fetch, &request, on_nonce, waiter, error);
}

bool attesterd_issuer_attested(const struct attesterd_issuer *issuer)
{
        return issuer->config.attest && issuer->directory->has_attestation;
}

void attesterd_issuer_note_nonce(struct attesterd_issuer *issuer, const struct net_response *response)
{
        base_auto_buffer struct base_buffer nonce = BASE_BUFFER_INIT(EVIDENCE_NONCE_BYTES_MAX);

        if (!evidence_header_decode(response->attestation_nonce, strlen(response->attestation_nonce), &nonce) ||
            nonce.len < EVIDENCE_NONCE_BYTES_MIN)
                return;
        memcpy(issuer->nonce, nonce.data, nonce.len);
        issuer->nonce_len = nonce.len;
        issuer->nonce_ms = now_ms(issuer);
}

bool attesterd_issuer_takes_batches(const struct attesterd_issuer *issuer)
{
        return now_ms(issuer) >= issuer->batches_from_ms;
}

void attesterd_issuer_note_batches_refused(struct attesterd_issuer *issuer)
{
        issuer->batches_from_ms = now_ms(issuer) + ATTESTERD_BATCHES_REFUSED_MS;
}

void attesterd_issuer_doubt_directory(struct attesterd_issuer *issuer)
{
        if (issuer->expires_ms > issuer->fetched_ms + ATTESTERD_DIRECTORY_AGE_DOUBT_MS)
                issuer->expires_ms = issuer->fetched_ms + ATTESTERD_DIRECTORY_AGE_DOUBT_MS;
}

void attesterd_issuers_free(struct attesterd_issuer **issuers, size_t count)
{
        for (size_t i = 0; i < count; i++)
                attesterd_issuer_unref(issuers[i]);
        free(issuers);
}
