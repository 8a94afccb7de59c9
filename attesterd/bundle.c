/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/bundle_work.h"

#include "base/file.h"
#include "base/log.h"

#include <inttypes.h>
#include <string.h>

void attesterd_bundle_request_clear(struct attesterd_bundle_request *request)
{
        base_buffer_clear(&request->bytes);
        *request = (struct attesterd_bundle_request){ .bytes = BASE_BUFFER_INIT(POLICY_BUNDLE_BYTES_MAX) };
}

void attesterd_bundle_candidate_clear(struct attesterd_bundle_candidate *candidate)
{
        policy_free(candidate->policy);
        *candidate = (struct attesterd_bundle_candidate){ .policy = NULL };
}

void attesterd_bundle_end_work(struct attesterd_bundles *bundles)
{
        attesterd_bundle_candidate_clear(&bundles->current);
        attesterd_bundle_candidate_clear(&bundles->next);
        attesterd_bundle_request_clear(&bundles->request);
        bundles->work = ATTESTERD_BUNDLE_WORK_NONE;
        if (bundles->load_again) {
                bundles->load_again = false;
                (void) attesterd_bundles_load(bundles);
        }
        if (bundles->waiting.there && bundles->work == ATTESTERD_BUNDLE_WORK_NONE) {
                bundles->request = bundles->waiting;
                bundles->waiting = (struct attesterd_bundle_request){ .there = false };
                attesterd_bundle_request_clear(&bundles->waiting);
                attesterd_bundle_install_request(bundles);
        }
}

bool attesterd_bundles_new(struct attesterd_daemon *daemon, struct attesterd_bundles **ret, struct base_error *error)
{
        struct attesterd_bundles *bundles = calloc(1, sizeof(*bundles));

        if (bundles == NULL)
                return base_error_set_no_memory(error);
        bundles->daemon = daemon;
        attesterd_bundle_request_clear(&bundles->request);
        attesterd_bundle_request_clear(&bundles->waiting);
        *ret = bundles;
        return true;
}

void attesterd_bundles_free(struct attesterd_bundles *bundles)
{
        if (bundles == NULL)
                return;
        attesterd_bundle_candidate_clear(&bundles->current);
        attesterd_bundle_candidate_clear(&bundles->next);
        attesterd_bundle_request_clear(&bundles->request);
        attesterd_bundle_request_clear(&bundles->waiting);
        free(bundles);
}

/* ---- whom to believe ---- */

/* Tells one configuration of trusted keys from another. */
static bool configured_digest(const struct attesterd_policy_config *config, uint8_t ret[static BASE_SHA256_LEN],
                              struct base_error *error)
{
        size_t count;
        const struct policy_anchor *anchors = policy_trust_anchors(config->trust, &count);

        return base_sha256(&BASE_BYTES(anchors, count * sizeof(anchors[0])), 1, ret, error);
}

bool attesterd_bundle_verify(const struct attesterd_bundles *bundles, const struct policy_bundle *bundle,
                             const struct attesterd_bundle_record *before, uint64_t now, struct attesterd_known_bundle *ret,
                             struct base_error *error)
{
        const struct attesterd_policy_config *config = &bundles->daemon->config->policy;
        struct policy_trust_check check = { .trust = config->trust, .fleet = config->fleet, .now = now };
        uint8_t configured[BASE_SHA256_LEN];

        if (!configured_digest(config, configured, error))
                return false;
        if (before != NULL && memcmp(before->configured, configured, sizeof(configured)) == 0) {
                check.anchors = before->anchors;
                check.anchor_count = before->anchor_count;
        }
        if (!policy_trust_verify(&check, bundle, ret->signer, error))
                return false;
        memcpy(ret->record.configured, configured, sizeof(configured));
        ret->record.anchor_count = bundle->anchor_count != 0 ? bundle->anchor_count : check.anchor_count;
        if (ret->record.anchor_count > 0)
                memmove(ret->record.anchors, bundle->anchor_count != 0 ? bundle->anchors : check.anchors,
                        ret->record.anchor_count * sizeof(ret->record.anchors[0]));
        return true;
}

bool attesterd_bundle_describe(const struct policy_bundle *bundle, struct attesterd_known_bundle *ret, struct base_error *error)
{
        (void) strcpy(ret->fleet, bundle->fleet);
        ret->version = bundle->version;
        ret->not_after = bundle->not_after;
        ret->present = true;
        return policy_bundle_digest(bundle, ret->digest, error);
}

/* ---- what is in force ---- */

bool attesterd_bundle_report(struct attesterd_bundles *bundles, const struct base_error *error)
{
        struct attesterd_daemon *daemon = bundles->daemon;

        daemon->policy_error = *error;
        base_log_event(BASE_EVENT_POLICY_BROKEN, BASE_LOG_NO_FIELDS, error, "%s",
                       daemon->policy == NULL ? "no policy is in force and no request passes"
                                              : "the policy of before stays in force");
        attesterd_daemon_announce(daemon);
        return false;
}

void attesterd_bundle_put_in_force(struct attesterd_bundles *bundles, struct attesterd_bundle_candidate *candidate,
                                   const struct base_error *doubt)
{
        struct attesterd_daemon *daemon = bundles->daemon;
        uint64_t now = daemon->clock->wall_seconds(daemon->clock->context);
        struct base_error expired = BASE_ERROR_INIT;

        bundles->installed = candidate->known;
        bundles->confirmed = doubt == NULL;
        attesterd_daemon_set_policy(daemon, BASE_STEAL(candidate->policy));
        base_log(BASE_LOG_NOTICE, "policy bundle version %" PRIu64 " of fleet %s, signed by %s, is in force",
                 candidate->known.version, candidate->known.fleet, candidate->known.signer);
        if (doubt == NULL && candidate->known.not_after != 0 && now > candidate->known.not_after) {
                (void) base_error_set(&expired, BASE_ERROR_POLICY_NOT_CURRENT,
                                      "the policy bundle has expired and stays in force; a newer one is needed");
                doubt = &expired;
        }
        if (doubt != NULL)
                (void) attesterd_bundle_report(bundles, doubt);
}

/* Of another fleet's policy, or one from files, nothing stays. */
static void drop_foreign_policy(struct attesterd_bundles *bundles)
{
        struct attesterd_daemon *daemon = bundles->daemon;

        if (bundles->installed.present && strcmp(bundles->installed.fleet, daemon->config->policy.fleet) == 0)
                return;
        bundles->installed = (struct attesterd_known_bundle){ .present = false };
        bundles->confirmed = false;
        policy_free(daemon->policy);
        daemon->policy = NULL;
}

/* ---- loading ---- */

/* Reads a record, verifies its bundle as of its installation, and loads its policy. The candidate says what is wrong. */
static void read_candidate(const struct attesterd_bundles *bundles, const char *name, struct attesterd_bundle_candidate *ret)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(ATTESTERD_BUNDLE_RECORD_BYTES_MAX);
        struct attesterd_bundle_record record;
        struct policy_bundle bundle;

        if (!base_file_read_at(bundles->daemon->state_dir_fd, name, &bytes, &ret->reason) ||
            !attesterd_bundle_record_parse(base_buffer_bytes(&bytes), &record, &ret->reason) ||
            !policy_bundle_parse(record.bundle, &bundle, &ret->reason) ||
            !attesterd_bundle_describe(&bundle, &ret->known, &ret->reason))
                return;
        ret->known.record = record;
        ret->known.record.bundle = BASE_BYTES(NULL, 0);
        if (!attesterd_bundle_verify(bundles, &bundle, &record, record.installed_at, &ret->known, &ret->reason) ||
            !policy_bundle_load(&bundle, NULL, &ret->policy, &ret->reason))
                ret->policy = NULL;
}

/* The TPM counted ATTESTERD_BUNDLE_NEXT, but the daemon ended before it could say so. */
static bool promote_next(struct attesterd_bundles *bundles)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(ATTESTERD_BUNDLE_RECORD_BYTES_MAX);
        int directory_fd = bundles->daemon->state_dir_fd;
        struct base_error error = BASE_ERROR_INIT;

        if (base_file_read_at(directory_fd, ATTESTERD_BUNDLE_NEXT, &bytes, &error) &&
            base_file_replace_at(directory_fd, ATTESTERD_BUNDLE_INSTALLED, base_buffer_bytes(&bytes), 0600, &error)) {
                (void) unlinkat(directory_fd, ATTESTERD_BUNDLE_NEXT, 0);
                return true;
        }
        return attesterd_bundle_report(bundles, &error);
}

static bool is_counted(const struct attesterd_bundle_candidate *candidate, uint64_t value)
{
        return candidate->policy != NULL && candidate->known.record.counted && candidate->known.record.counter == value;
}

static void say_rolled_back(struct attesterd_bundles *bundles, const char *what)
{
        struct base_error error = BASE_ERROR_INIT;

        if (bundles->installed.present && !bundles->installed.record.counted)
                what = "it was installed with RollbackCounter=no";
        (void) base_error_set(&error, BASE_ERROR_POLICY_ROLLED_BACK,
                              "the installed policy bundle (version %" PRIu64
                              ") is not the one that the TPM counted last: %s; install "
                              "the fleet's newest one (attestctl policy install)",
                              bundles->installed.version, what);
        (void) attesterd_bundle_report(bundles, &error);
        if (bundles->daemon->policy == NULL)
                attesterd_bundle_fetch_hurry(bundles->daemon->bundle_fetch);
}

static void on_load_counter(void *context, const struct tpm_counter *counter, const struct base_error *error)
{
        struct attesterd_bundles *bundles = context;
        struct base_error doubt = BASE_ERROR_INIT;

        if (error != NULL && error->code == BASE_ERROR_CANCELLED)
                return;
        bundles->confirmed = false;
        if (counter != NULL && is_counted(&bundles->current, counter->value))
                attesterd_bundle_put_in_force(bundles, &bundles->current, NULL);
        else if (counter != NULL && is_counted(&bundles->next, counter->value) && promote_next(bundles))
                attesterd_bundle_put_in_force(bundles, &bundles->next, NULL);
        else if (counter != NULL)
                say_rolled_back(bundles, "the state directory is of an earlier time, or the counter was used by something else");
        else if (error->code == BASE_ERROR_NOT_FOUND)
                say_rolled_back(bundles, "the TPM was cleared, or its counter removed");
        else if (bundles->current.policy != NULL) {
                doubt = *error;
                (void) base_error_prefix(&doubt, "whether the policy bundle is the newest cannot be told");
                attesterd_bundle_put_in_force(bundles, &bundles->current, &doubt);
        } else {
                (void) attesterd_bundle_report(bundles, error);
        }
        attesterd_bundle_end_work(bundles);
}

/* What nothing counts is in force as it is. */
static bool load_uncounted(struct attesterd_bundles *bundles)
{
        bool done = bundles->current.policy != NULL;

        if (done)
                attesterd_bundle_put_in_force(bundles, &bundles->current, NULL);
        else
                done = attesterd_bundle_report(bundles, &bundles->current.reason);
        attesterd_bundle_candidate_clear(&bundles->current);
        return done;
}

bool attesterd_bundles_load(struct attesterd_bundles *bundles)
{
        struct attesterd_daemon *daemon = bundles->daemon;
        struct base_error error = BASE_ERROR_INIT;

        if (bundles->work != ATTESTERD_BUNDLE_WORK_NONE) {
                bundles->load_again = true;
                return true;
        }
        drop_foreign_policy(bundles);
        read_candidate(bundles, ATTESTERD_BUNDLE_INSTALLED, &bundles->current);
        if (bundles->current.known.present && strcmp(bundles->current.known.fleet, daemon->config->policy.fleet) == 0)
                bundles->installed = bundles->current.known;
        if (bundles->current.reason.code == BASE_ERROR_NOT_FOUND)
                (void) base_error_set(&bundles->current.reason, BASE_ERROR_NOT_FOUND,
                                      "no policy bundle of fleet %s is installed yet: attestctl policy install BUNDLE",
                                      daemon->config->policy.fleet);
        if (!daemon->config->policy.counter)
                return load_uncounted(bundles);
        read_candidate(bundles, ATTESTERD_BUNDLE_NEXT, &bundles->next);
        if (bundles->current.policy == NULL && bundles->next.policy == NULL)
                return load_uncounted(bundles);
        if (daemon->policy == NULL)
                (void) base_error_set(&daemon->policy_error, BASE_ERROR_BUSY,
                                      "the policy bundle is being compared with the TPM's counter; retry in a moment");
        if (!tpm_worker_counter(daemon->worker, TPM_COUNTER_READ, NULL, on_load_counter, bundles, &error)) {
                attesterd_bundle_candidate_clear(&bundles->current);
                attesterd_bundle_candidate_clear(&bundles->next);
                return attesterd_bundle_report(bundles, &error);
        }
        bundles->work = ATTESTERD_BUNDLE_WORK_LOAD;
        return true;
}

void attesterd_bundles_tpm_ready(struct attesterd_bundles *bundles)
{
        bool wanted = bundles->daemon->config->policy.fleet[0] != '\0' && bundles->installed.present && !bundles->confirmed;

        if (wanted && bundles->work == ATTESTERD_BUNDLE_WORK_NONE &&
            bundles->daemon->policy_error.code != BASE_ERROR_POLICY_ROLLED_BACK)
                (void) attesterd_bundles_load(bundles);
}

bool attesterd_bundles_is_installed(const struct attesterd_bundles *bundles)
{
        return bundles->installed.present;
}
