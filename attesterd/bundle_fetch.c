/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/bundle_fetch.h"

#include "attesterd/daemon.h"
#include "base/log.h"

#include <string.h>

#define ACCURACY_MAX_US (30 * 1000 * 1000ull) /* a tenth of the wait at most, so that the timer meets others */
#define NOW_MS          1
#define STATUS_OK       200
#define STATUS_SAME     304
#define MS_PER_S        1000ull
#define FAILURES_MAX    16 /* beyond which the pause does not grow */

struct attesterd_bundle_fetch {
        struct attesterd_daemon *daemon;
        sd_event_source *timer;
        char url[ATTESTERD_URL_BYTES_MAX + 1]; /* "": none is configured */
        char etag[NET_ETAG_BYTES_MAX + 1];     /* of what is installed, as this URL gave it; "": not known */
        char new_etag[NET_ETAG_BYTES_MAX + 1]; /* of what is being installed */
        uint64_t id;                           /* in the transport; 0: none */
        bool installing;
        unsigned failures; /* in a row */
};

uint64_t attesterd_bundle_fetch_spread_ms(uint32_t seconds, uint32_t random)
{
        uint64_t ms = seconds * MS_PER_S, width = ms * 2 * ATTESTERD_BUNDLE_SPREAD / 100;

        return ms - width / 2 + width * random / UINT32_MAX;
}

uint32_t attesterd_bundle_fetch_pause_s(unsigned failures)
{
        uint64_t seconds = ATTESTERD_BUNDLE_RETRY_S;

        if (failures == 0)
                return ATTESTERD_BUNDLE_INTERVAL_S;
        seconds <<= (failures < FAILURES_MAX ? failures : FAILURES_MAX) - 1;
        return seconds < ATTESTERD_BUNDLE_INTERVAL_S ? (uint32_t) seconds : ATTESTERD_BUNDLE_INTERVAL_S;
}

static uint32_t random_bits(const struct attesterd_bundle_fetch *fetch)
{
        const struct base_random *random = fetch->daemon->random;
        uint32_t bits = 0;

        (void) !random->fill(random->context, &bits, sizeof(bits), NULL);
        return bits;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context);

static void set_timer(struct attesterd_bundle_fetch *fetch, uint64_t in_ms)
{
        uint64_t accuracy_us = in_ms * 100 < ACCURACY_MAX_US ? in_ms * 100 : ACCURACY_MAX_US;

        fetch->timer = sd_event_source_disable_unref(fetch->timer);
        if (sd_event_add_time_relative(fetch->daemon->event, &fetch->timer, CLOCK_BOOTTIME, in_ms * 1000, accuracy_us, on_timer,
                                       fetch) < 0)
                base_log(BASE_LOG_ERROR, "there is no timer to fetch policy bundles with");
}

/* Ends one attempt; the next one comes after a pause. `wait_s` is what the server asks for; 0: nothing. */
static void finish(struct attesterd_bundle_fetch *fetch, const struct base_error *error, uint32_t wait_s)
{
        struct attesterd_daemon *daemon = fetch->daemon;
        uint32_t pause_s;

        fetch->failures = error == NULL ? 0 : fetch->failures + 1;
        daemon->policy_fetch_failure = (struct attesterd_bundle_failure){ .at = 0 };
        if (error != NULL) {
                daemon->policy_fetch_failure.error = *error;
                daemon->policy_fetch_failure.at = daemon->clock->wall_seconds(daemon->clock->context);
        }
        attesterd_daemon_announce(daemon);
        pause_s = attesterd_bundle_fetch_pause_s(fetch->failures);
        if (wait_s > pause_s)
                pause_s = wait_s < ATTESTERD_BUNDLE_INTERVAL_S ? wait_s : ATTESTERD_BUNDLE_INTERVAL_S;
        if (error != NULL)
                base_log_error(fetch->failures == 1 ? BASE_LOG_WARNING : BASE_LOG_INFO, error,
                               "the policy bundle could not be fetched, attempt %u", fetch->failures);
        set_timer(fetch, attesterd_bundle_fetch_spread_ms(pause_s, random_bits(fetch)));
}

static void on_installed(void *context, uint64_t version, const struct base_error *error)
{
        struct attesterd_bundle_fetch *fetch = context;

        (void) version;
        fetch->installing = false;
        /* What was refused is fetched whole again: it may be the clock, or the TPM. */
        if (error == NULL)
                (void) strcpy(fetch->etag, fetch->new_etag);
        finish(fetch, error, 0);
}

static void on_response(void *context, const struct net_response *response, const struct base_error *error)
{
        struct attesterd_bundle_fetch *fetch = context;
        struct base_error problem = BASE_ERROR_INIT;

        fetch->id = 0;
        if (error != NULL) {
                finish(fetch, error, 0);
        } else if (response->status == STATUS_SAME) {
                finish(fetch, NULL, 0);
        } else if (response->status == STATUS_OK) {
                (void) snprintf(fetch->new_etag, sizeof(fetch->new_etag), "%s", response->etag);
                fetch->installing = true;
                attesterd_bundles_install(fetch->daemon->bundles, response->body, on_installed, fetch);
        } else {
                (void) base_error_set(&problem, BASE_ERROR_ISSUER_REJECTED, "%s answered with HTTP status %u", fetch->url,
                                      response->status);
                finish(fetch, &problem, response->has_retry_after ? response->retry_after_seconds : 0);
        }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
        struct attesterd_bundle_fetch *fetch = context;
        const struct attesterd_policy_config *config = &fetch->daemon->config->policy;
        struct net_transport *transport = &fetch->daemon->transport;
        struct net_request request = {
                .method = NET_METHOD_GET,
                .url = fetch->url,
                .ca_bundle = BASE_BYTES(config->ca_bundle, config->ca_bundle_len),
                .accept = "application/octet-stream",
                .timeout_ms = ATTESTERD_BUNDLE_TIMEOUT_MS,
                .response_bytes_max = POLICY_BUNDLE_BYTES_MAX,
        };
        struct base_error error = BASE_ERROR_INIT;

        (void) source;
        (void) usec;
        fetch->timer = sd_event_source_disable_unref(fetch->timer);
        /* What is installed is asked for whole if it is not in force as it should be. */
        if (fetch->etag[0] != '\0' && fetch->daemon->policy_error.code == BASE_ERROR_NONE)
                request.headers[request.header_count++] = (struct net_header){ "If-None-Match", fetch->etag };
        if (!transport->fetch(transport->context, &request, on_response, fetch, &fetch->id, &error)) {
                fetch->id = 0;
                finish(fetch, &error, 0);
        }
        return 0;
}

bool attesterd_bundle_fetch_new(struct attesterd_daemon *daemon, struct attesterd_bundle_fetch **ret, struct base_error *error)
{
        struct attesterd_bundle_fetch *fetch = calloc(1, sizeof(*fetch));

        if (fetch == NULL)
                return base_error_set_no_memory(error);
        fetch->daemon = daemon;
        *ret = fetch;
        return true;
}

static void stop(struct attesterd_bundle_fetch *fetch)
{
        fetch->timer = sd_event_source_disable_unref(fetch->timer);
        if (fetch->id != 0)
                fetch->daemon->transport.cancel(fetch->daemon->transport.context, fetch->id);
        fetch->id = 0;
}

void attesterd_bundle_fetch_free(struct attesterd_bundle_fetch *fetch)
{
        if (fetch == NULL)
                return;
        stop(fetch);
        attesterd_bundles_forget(fetch->daemon->bundles, fetch);
        free(fetch);
}

/* At any time within so many seconds. */
static void set_timer_within(struct attesterd_bundle_fetch *fetch, uint32_t seconds)
{
        set_timer(fetch, NOW_MS + seconds * MS_PER_S * random_bits(fetch) / UINT32_MAX);
}

void attesterd_bundle_fetch_configure(struct attesterd_bundle_fetch *fetch, bool now)
{
        const struct attesterd_daemon *daemon = fetch->daemon;
        const char *url = daemon->config->policy.url == NULL ? "" : daemon->config->policy.url;
        uint32_t within_s = attesterd_bundles_is_installed(daemon->bundles) ? ATTESTERD_BUNDLE_FIRST_S
                                                                            : ATTESTERD_BUNDLE_FIRST_EVER_S;

        stop(fetch);
        if (strcmp(url, fetch->url) != 0) {
                (void) snprintf(fetch->url, sizeof(fetch->url), "%s", url);
                fetch->etag[0] = '\0';
                fetch->failures = 0;
                fetch->daemon->policy_fetch_failure = (struct attesterd_bundle_failure){ .at = 0 };
        }
        /* One that is being installed sets the timer when it is done. */
        if (url[0] != '\0' && !fetch->installing)
                set_timer_within(fetch, now ? 0 : within_s);
}

void attesterd_bundle_fetch_hurry(struct attesterd_bundle_fetch *fetch)
{
        /* Without a timer there is no URL, or one is on its way. */
        if (fetch->timer != NULL)
                set_timer_within(fetch, ATTESTERD_BUNDLE_FIRST_EVER_S);
}
