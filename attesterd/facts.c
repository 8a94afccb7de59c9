/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/facts.h"

#include "base/hash.h"
#include "base/log.h"

#include <string.h>

#define CUSTOM "custom.name"

struct attesterd_facts {
        const struct base_clock *clock;
        struct posture_sources sources;
        struct tpm_worker *worker;
        struct policy_facts measured;
        uint32_t collected; /* by whom so far; 0: nothing is measured */
        uint64_t measured_ms;
        uint8_t refused[BASE_SHA256_LEN]; /* of what was last said of custom facts that do not count */
        uint64_t tpm_ms;                  /* when the TPM's state was last told */
        bool asking;                      /* a status job is under way */
        struct attesterd_waiters waiters;
        sd_event_source *bound;
};

static int on_bound(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct attesterd_facts *facts = userdata;

        (void) source;
        (void) usec;
        attesterd_waiters_wake(&facts->waiters, NULL);
        return 0;
}

bool attesterd_facts_new(sd_event *event, const struct base_clock *clock, const struct posture_sources *sources,
                         struct tpm_worker *worker, struct attesterd_facts **ret, struct base_error *error)
{
        struct attesterd_facts *facts = calloc(1, sizeof(*facts));

        if (facts == NULL)
                return base_error_set_no_memory(error);
        facts->clock = clock;
        facts->sources = *sources;
        if (!posture_cache_new(&facts->sources.cache, error)) {
                free(facts);
                return false;
        }
        facts->worker = worker;
        policy_facts_init(&facts->measured);
        LIST_INIT(&facts->waiters);
        if (sd_event_add_time_relative(event, &facts->bound, CLOCK_MONOTONIC, 0, 0, on_bound, facts) < 0 ||
            sd_event_source_set_enabled(facts->bound, SD_EVENT_OFF) < 0) {
                attesterd_facts_free(facts);
                return base_error_set_no_memory(error);
        }
        *ret = facts;
        return true;
}

void attesterd_facts_free(struct attesterd_facts *facts)
{
        if (facts == NULL)
                return;
        policy_facts_clear(&facts->measured);
        posture_cache_free(facts->sources.cache);
        (void) sd_event_source_disable_unref(facts->bound);
        free(facts);
}

static uint64_t now_ms(const struct attesterd_facts *facts)
{
        return facts->clock->boottime_ms(facts->clock->context);
}

void attesterd_facts_note_tpm(struct attesterd_facts *facts)
{
        facts->collected = 0;
        facts->tpm_ms = now_ms(facts);
}

static void on_status(void *context, const struct tpm_status *status, const struct base_error *error)
{
        struct attesterd_facts *facts = context;

        (void) status;
        (void) error;
        facts->asking = false;
        attesterd_facts_note_tpm(facts);
        (void) sd_event_source_set_enabled(facts->bound, SD_EVENT_OFF);
        attesterd_waiters_wake(&facts->waiters, NULL);
}

bool attesterd_facts_ready(struct attesterd_facts *facts, struct attesterd_waiter *waiter)
{
        if (tpm_worker_known_status(facts->worker)->state == TPM_STATE_READY)
                return true;
        if (!facts->asking) {
                if (!tpm_worker_status(facts->worker, on_status, facts, NULL))
                        return true;
                facts->asking = true;
        }
        if (LIST_EMPTY(&facts->waiters)) {
                (void) sd_event_source_set_time_relative(facts->bound, ATTESTERD_FACTS_TPM_WAIT_MAX_MS * 1000);
                (void) sd_event_source_set_enabled(facts->bound, SD_EVENT_ONESHOT);
        }
        attesterd_waiter_add(&facts->waiters, waiter);
        return false;
}

static bool set_tpm(struct attesterd_facts *facts, struct base_error *error)
{
        const struct tpm_status *status = tpm_worker_known_status(facts->worker);
        const struct posture_tpm tpm = {
                .manufacturer = status->manufacturer,
                .firmware = status->firmware,
                .simulated = status->simulated,
        };

        if (status->state == TPM_STATE_READY && status->manufacturer[0] != '\0')
                return posture_set_tpm(&facts->measured, &tpm, NULL, error);
        return posture_set_tpm(&facts->measured, NULL,
                               status->reason.code == BASE_ERROR_NONE ? "the TPM has not answered yet" : status->reason.message,
                               error);
}

/* What the files say follows, collector by collector. */
static bool begin(struct attesterd_facts *facts, uint64_t now, struct base_error *error)
{
        facts->collected = 0;
        facts->measured_ms = now;
        policy_facts_clear(&facts->measured);
        if (!set_tpm(facts, error))
                return false;
        policy_facts_stamp(&facts->measured, facts->tpm_ms);
        return true;
}

/* Once, as long as it stays so. */
static void tell_refused(struct attesterd_facts *facts, const struct policy_diagnostics *refused)
{
        const struct base_bytes bytes = BASE_BYTES((const uint8_t *) refused->items, refused->count * sizeof(refused->items[0]));
        char text[POLICY_DIAGNOSTIC_FILE_BYTES_MAX + POLICY_DIAGNOSTIC_WHAT_BYTES_MAX];
        uint8_t digest[BASE_SHA256_LEN];

        if (!base_sha256(&bytes, 1, digest, NULL) || memcmp(digest, facts->refused, sizeof(digest)) == 0)
                return;
        memcpy(facts->refused, digest, sizeof(digest));
        for (size_t i = 0; i < refused->count; i++) {
                policy_diagnostic_print(&refused->items[i], text, sizeof(text));
                base_log(BASE_LOG_WARNING, "custom facts that do not count: %s", text);
        }
}

static bool collect(struct attesterd_facts *facts, uint32_t collectors, struct base_error *error)
{
        bool custom = (collectors & posture_collectors_of(CUSTOM)) != 0;
        base_auto_free struct policy_diagnostics *refused = custom ? calloc(1, sizeof(*refused)) : NULL;

        if (custom && refused == NULL)
                return base_error_set_no_memory(error);
        if (!posture_collect(&facts->sources, collectors, &facts->measured, refused, error))
                return false;
        if (custom)
                tell_refused(facts, refused);
        return true;
}

bool attesterd_facts_get(struct attesterd_facts *facts, uint32_t collectors, const struct policy_facts **ret,
                         struct base_error *error)
{
        uint64_t now = now_ms(facts);
        uint32_t missing;

        if ((facts->collected == 0 || now - facts->measured_ms > ATTESTERD_FACTS_AGE_MAX_MS) && !begin(facts, now, error))
                return false;
        missing = collectors & ~facts->collected;
        if (missing != 0) {
                uint32_t before = facts->collected;

                facts->collected = 0;
                if (!collect(facts, missing, error))
                        return false;
                policy_facts_stamp(&facts->measured, now);
                facts->collected = before | missing;
        }
        *ret = &facts->measured;
        return true;
}
