/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/bundle.h"

#include "attesterd/bundle_record.h"
#include "attesterd/daemon.h"
#include "base/file.h"
#include "base/log.h"

#include <inttypes.h>
#include <string.h>

#define INSTALLED "bundle"
#define NEXT      "bundle.next" /* what INSTALLED will be once the TPM has counted it */

/* What is known of a bundle once its bytes are gone. `record.bundle` is not set. */
struct known {
        bool present;
        struct attesterd_bundle_record record;
        char fleet[POLICY_BUNDLE_FLEET_BYTES_MAX + 1];
        uint64_t version;
        uint64_t not_after;
        uint8_t digest[BASE_SHA256_LEN];
        char signer[POLICY_SIGNER_BYTES_MAX];
};

/* A bundle that would be in force. */
struct candidate {
        struct known known;
        struct policy *policy;    /* NULL: it may not be in force */
        struct base_error reason; /* why not */
};

enum work {
        WORK_NONE,
        WORK_LOAD,      /* the TPM is asked for its counter */
        WORK_PREPARE,   /* as the first step of an installation */
        WORK_INCREMENT, /* and the second */
};

/* An installation, and who wants to know its outcome. */
struct request {
        struct base_buffer bytes;
        attesterd_bundle_installed *callback; /* NULL: nobody */
        void *context;
        bool there;
};

struct attesterd_bundles {
        struct attesterd_daemon *daemon;
        struct known installed; /* what the state directory has, whether in force or not */
        bool confirmed;         /* it is in force, and the TPM agrees or need not be asked */
        enum work work;
        bool load_again;          /* wanted while something else was on its way */
        struct candidate current; /* of a load, or what is being installed */
        struct candidate next;    /* of a load: NEXT */
        struct request request;   /* being installed */
        struct request waiting;   /* until a load has ended */
};

static void request_clear(struct request *request)
{
        base_buffer_clear(&request->bytes);
        *request = (struct request){ .bytes = BASE_BUFFER_INIT(POLICY_BUNDLE_BYTES_MAX) };
}

static void candidate_clear(struct candidate *candidate)
{
        policy_free(candidate->policy);
        *candidate = (struct candidate){ .policy = NULL };
}

static void install(struct attesterd_bundles *bundles);

static void end_work(struct attesterd_bundles *bundles)
{
        candidate_clear(&bundles->current);
        candidate_clear(&bundles->next);
        request_clear(&bundles->request);
        bundles->work = WORK_NONE;
        if (bundles->load_again) {
                bundles->load_again = false;
                (void) attesterd_bundles_load(bundles);
        }
        if (bundles->waiting.there && bundles->work == WORK_NONE) {
                bundles->request = bundles->waiting;
                bundles->waiting = (struct request){ .there = false };
                request_clear(&bundles->waiting);
                install(bundles);
        }
}

bool attesterd_bundles_new(struct attesterd_daemon *daemon, struct attesterd_bundles **ret, struct base_error *error)
{
        struct attesterd_bundles *bundles = calloc(1, sizeof(*bundles));

        if (bundles == NULL)
                return base_error_set_no_memory(error);
        bundles->daemon = daemon;
        request_clear(&bundles->request);
        request_clear(&bundles->waiting);
        *ret = bundles;
        return true;
}

void attesterd_bundles_free(struct attesterd_bundles *bundles)
{
        if (bundles == NULL)
                return;
        candidate_clear(&bundles->current);
        candidate_clear(&bundles->next);
        request_clear(&bundles->request);
        request_clear(&bundles->waiting);
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

/*
 * Verifies a bundle as of `now`, by the keys that earlier bundles named if the configuration is still the one that they were
 * installed under: an administrator's new word counts more.
 */
static bool verify(const struct attesterd_bundles *bundles, const struct policy_bundle *bundle,
                   const struct attesterd_bundle_record *before, uint64_t now, struct known *ret, struct base_error *error)
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

static bool describe(const struct policy_bundle *bundle, struct known *ret, struct base_error *error)
{
        (void) strcpy(ret->fleet, bundle->fleet);
        ret->version = bundle->version;
        ret->not_after = bundle->not_after;
        ret->present = true;
        return policy_bundle_digest(bundle, ret->digest, error);
}

/* ---- what is in force ---- */

/* Of what cannot be in force now, or is in force all the same. */
static bool report(struct attesterd_bundles *bundles, const struct base_error *error)
{
        struct attesterd_daemon *daemon = bundles->daemon;

        daemon->policy_error = *error;
        base_log_event(BASE_EVENT_POLICY_BROKEN, BASE_LOG_NO_FIELDS, error, "%s",
                       daemon->policy == NULL ? "no policy is in force and no request passes"
                                              : "the policy of before stays in force");
        attesterd_daemon_announce(daemon);
        return false;
}

/* Takes the candidate over. `doubt` (NULL: none) is what is to be said of it all the same. */
static void put_in_force(struct attesterd_bundles *bundles, struct candidate *candidate, const struct base_error *doubt)
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
                (void) report(bundles, doubt);
}

/* Of another fleet's policy, or one from files, nothing stays. */
static void drop_foreign_policy(struct attesterd_bundles *bundles)
{
        struct attesterd_daemon *daemon = bundles->daemon;

        if (bundles->installed.present && strcmp(bundles->installed.fleet, daemon->config->policy.fleet) == 0)
                return;
        bundles->installed = (struct known){ .present = false };
        bundles->confirmed = false;
        policy_free(daemon->policy);
        daemon->policy = NULL;
}

/* ---- loading ---- */

/* Reads a record, verifies its bundle as of its installation, and loads its policy. The candidate says what is wrong. */
static void read_candidate(const struct attesterd_bundles *bundles, const char *name, struct candidate *ret)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(ATTESTERD_BUNDLE_RECORD_BYTES_MAX);
        struct attesterd_bundle_record record;
        struct policy_bundle bundle;

        if (!base_file_read_at(bundles->daemon->state_dir_fd, name, &bytes, &ret->reason) ||
            !attesterd_bundle_record_parse(base_buffer_bytes(&bytes), &record, &ret->reason) ||
            !policy_bundle_parse(record.bundle, &bundle, &ret->reason) || !describe(&bundle, &ret->known, &ret->reason))
                return;
        ret->known.record = record;
        ret->known.record.bundle = BASE_BYTES(NULL, 0);
        if (!verify(bundles, &bundle, &record, record.installed_at, &ret->known, &ret->reason) ||
            !policy_bundle_load(&bundle, NULL, &ret->policy, &ret->reason))
                ret->policy = NULL;
}

/* The TPM counted NEXT, but the daemon ended before it could say so. */
static bool promote_next(struct attesterd_bundles *bundles)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(ATTESTERD_BUNDLE_RECORD_BYTES_MAX);
        int directory_fd = bundles->daemon->state_dir_fd;
        struct base_error error = BASE_ERROR_INIT;

        if (base_file_read_at(directory_fd, NEXT, &bytes, &error) &&
            base_file_replace_at(directory_fd, INSTALLED, base_buffer_bytes(&bytes), 0600, &error)) {
                (void) unlinkat(directory_fd, NEXT, 0);
                return true;
        }
        return report(bundles, &error);
}

static bool is_counted(const struct candidate *candidate, uint64_t value)
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
        (void) report(bundles, &error);
        if (bundles->daemon->policy == NULL)
                attesterd_bundle_fetch_hurry(bundles->daemon->bundle_fetch);
}

static void on_load_counter(void *context, const uint64_t *value, const struct base_error *error)
{
        struct attesterd_bundles *bundles = context;
        struct base_error doubt = BASE_ERROR_INIT;

        if (error != NULL && error->code == BASE_ERROR_CANCELLED)
                return;
        bundles->confirmed = false;
        if (value != NULL && is_counted(&bundles->current, *value))
                put_in_force(bundles, &bundles->current, NULL);
        else if (value != NULL && is_counted(&bundles->next, *value) && promote_next(bundles))
                put_in_force(bundles, &bundles->next, NULL);
        else if (value != NULL)
                say_rolled_back(bundles, "the state directory is of an earlier time, or the counter was used by something else");
        else if (error->code == BASE_ERROR_NOT_FOUND)
                say_rolled_back(bundles, "the TPM was cleared, or its counter removed");
        else if (bundles->current.policy != NULL) {
                doubt = *error;
                (void) base_error_prefix(&doubt, "whether the policy bundle is the newest cannot be told");
                put_in_force(bundles, &bundles->current, &doubt);
        } else {
                (void) report(bundles, error);
        }
        end_work(bundles);
}

/* What nothing counts is in force as it is. */
static bool load_uncounted(struct attesterd_bundles *bundles)
{
        bool done = bundles->current.policy != NULL;

        if (done)
                put_in_force(bundles, &bundles->current, NULL);
        else
                done = report(bundles, &bundles->current.reason);
        candidate_clear(&bundles->current);
        return done;
}

bool attesterd_bundles_load(struct attesterd_bundles *bundles)
{
        struct attesterd_daemon *daemon = bundles->daemon;
        struct base_error error = BASE_ERROR_INIT;

        if (bundles->work != WORK_NONE) {
                bundles->load_again = true;
                return true;
        }
        drop_foreign_policy(bundles);
        read_candidate(bundles, INSTALLED, &bundles->current);
        if (bundles->current.known.present && strcmp(bundles->current.known.fleet, daemon->config->policy.fleet) == 0)
                bundles->installed = bundles->current.known;
        if (bundles->current.reason.code == BASE_ERROR_NOT_FOUND)
                (void) base_error_set(&bundles->current.reason, BASE_ERROR_NOT_FOUND,
                                      "no policy bundle of fleet %s is installed yet: attestctl policy install BUNDLE",
                                      daemon->config->policy.fleet);
        if (!daemon->config->policy.counter)
                return load_uncounted(bundles);
        read_candidate(bundles, NEXT, &bundles->next);
        if (bundles->current.policy == NULL && bundles->next.policy == NULL)
                return load_uncounted(bundles);
        if (daemon->policy == NULL)
                (void) base_error_set(&daemon->policy_error, BASE_ERROR_BUSY,
                                      "the policy bundle is being compared with the TPM's counter; retry in a moment");
        if (!tpm_worker_counter(daemon->worker, TPM_COUNTER_READ, on_load_counter, bundles, &error)) {
                candidate_clear(&bundles->current);
                candidate_clear(&bundles->next);
                return report(bundles, &error);
        }
        bundles->work = WORK_LOAD;
        return true;
}

void attesterd_bundles_tpm_ready(struct attesterd_bundles *bundles)
{
        bool wanted = bundles->daemon->config->policy.fleet[0] != '\0' && bundles->installed.present && !bundles->confirmed;

        if (wanted && bundles->work == WORK_NONE && bundles->daemon->policy_error.code != BASE_ERROR_POLICY_ROLLED_BACK)
                (void) attesterd_bundles_load(bundles);
}

/* ---- installing ---- */

static void finish(struct attesterd_bundles *bundles, const struct base_error *error)
{
        attesterd_bundle_installed *callback = BASE_STEAL(bundles->request.callback);

        if (error != NULL)
                (void) report(bundles, error);
        if (callback != NULL)
                callback(bundles->request.context, bundles->installed.version, error);
        end_work(bundles);
}

static bool save(struct attesterd_bundles *bundles, const char *name, struct base_error *error)
{
        struct attesterd_bundle_record record = bundles->current.known.record;

        record.bundle = base_buffer_bytes(&bundles->request.bytes);
        return attesterd_bundle_record_save(bundles->daemon->state_dir_fd, name, &record, error);
}

/* The last step: it is counted, or need not be. */
static void settle(struct attesterd_bundles *bundles)
{
        struct base_error error = BASE_ERROR_INIT;

        if (!save(bundles, INSTALLED, &error)) {
                finish(bundles, &error);
                return;
        }
        (void) unlinkat(bundles->daemon->state_dir_fd, NEXT, 0);
        put_in_force(bundles, &bundles->current, NULL);
        finish(bundles, NULL);
}

/* A failure leaves NEXT where it is: the TPM may have counted it. */
static void on_incremented(void *context, const uint64_t *value, const struct base_error *error)
{
        struct attesterd_bundles *bundles = context;

        if (error != NULL && error->code == BASE_ERROR_CANCELLED)
                return;
        if (error != NULL) {
                finish(bundles, error);
                return;
        }
        bundles->current.known.record.counter = *value;
        settle(bundles);
}

static void on_prepared(void *context, const uint64_t *value, const struct base_error *error)
{
        struct attesterd_bundles *bundles = context;
        struct base_error problem = BASE_ERROR_INIT;

        if (error != NULL && error->code == BASE_ERROR_CANCELLED)
                return;
        if (error != NULL) {
                finish(bundles, error);
                return;
        }
        bundles->current.known.record.counted = true;
        bundles->current.known.record.counter = *value + 1;
        if (!save(bundles, NEXT, &problem) ||
            !tpm_worker_counter(bundles->daemon->worker, TPM_COUNTER_INCREMENT, on_incremented, bundles, &problem))
                finish(bundles, &problem);
        else
                bundles->work = WORK_INCREMENT;
}

static bool check_version(const struct known *installed, const struct known *new, struct base_error *error)
{
        if (!installed->present || new->version > installed->version)
                return true;
        if (new->version < installed->version)
                return base_error_set(error, BASE_ERROR_POLICY_ROLLED_BACK,
                                      "the policy bundle has version %" PRIu64 ", and %" PRIu64 " is installed", new->version,
                                      installed->version);
        return memcmp(new->digest, installed->digest, sizeof(new->digest)) == 0 ||
               base_error_set(error, BASE_ERROR_POLICY_ROLLED_BACK,
                              "the policy bundle has version %" PRIu64
                              " as the installed one, and is another one; give it a higher "
                              "version",
                              new->version);
}

/* Makes the candidate of bytes from outside. */
static bool examine(struct attesterd_bundles *bundles, struct base_error *error)
{
        struct attesterd_daemon *daemon = bundles->daemon;
        struct known *new = &bundles->current.known;
        struct policy_bundle bundle;

        new->record.installed_at = daemon->clock->wall_seconds(daemon->clock->context);
        return policy_bundle_parse(base_buffer_bytes(&bundles->request.bytes), &bundle, error) && describe(&bundle, new, error) &&
               verify(bundles, &bundle, bundles->installed.present ? &bundles->installed.record : NULL, new->record.installed_at,
                      new, error) &&
               check_version(&bundles->installed, new, error) &&
               policy_bundle_load(&bundle, NULL, &bundles->current.policy, error);
}

static bool is_done(const struct attesterd_bundles *bundles)
{
        return bundles->confirmed &&
               memcmp(bundles->installed.digest, bundles->current.known.digest, sizeof(bundles->installed.digest)) == 0;
}

static void install(struct attesterd_bundles *bundles)
{
        struct attesterd_daemon *daemon = bundles->daemon;
        struct base_error error = BASE_ERROR_INIT;

        bundles->work = WORK_PREPARE;
        if (!examine(bundles, &error)) {
                finish(bundles, &error);
        } else if (is_done(bundles)) {
                daemon->policy_error = error;
                attesterd_daemon_announce(daemon);
                finish(bundles, NULL);
        } else if (!daemon->config->policy.counter) {
                settle(bundles);
        } else if (!tpm_worker_counter(daemon->worker, TPM_COUNTER_PREPARE, on_prepared, bundles, &error)) {
                finish(bundles, &error);
        }
}

static bool take(struct request *request, struct base_bytes bytes, attesterd_bundle_installed *callback, void *context,
                 struct base_error *error)
{
        if (bytes.len > POLICY_BUNDLE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the policy bundle is larger than %d bytes",
                                      POLICY_BUNDLE_BYTES_MAX);
        base_buffer_put_bytes(&request->bytes, bytes);
        if (!base_buffer_ok(&request->bytes))
                return base_error_set_no_memory(error);
        request->callback = callback;
        request->context = context;
        request->there = true;
        return true;
}

void attesterd_bundles_install(struct attesterd_bundles *bundles, struct base_bytes bytes, attesterd_bundle_installed *callback,
                               void *context)
{
        bool wait = bundles->work == WORK_LOAD;
        struct base_error error = BASE_ERROR_INIT;

        if (bundles->daemon->config->policy.fleet[0] == '\0')
                (void) base_error_set(&error, BASE_ERROR_UNSUPPORTED,
                                      "this device takes no policy bundles: attesterd.conf names no fleet (Fleet=, BundleKey=)");
        else if (bundles->waiting.there || (bundles->work != WORK_NONE && !wait))
                (void) base_error_set(&error, BASE_ERROR_BUSY, "a policy bundle is on its way already; retry in a moment");
        else if (!take(wait ? &bundles->waiting : &bundles->request, bytes, callback, context, &error))
                (void) report(bundles, &error);
        else if (!wait)
                install(bundles);
        if (error.code != BASE_ERROR_NONE)
                callback(context, 0, &error);
}

void attesterd_bundles_forget(struct attesterd_bundles *bundles, const void *context)
{
        if (bundles->request.context == context)
                bundles->request.callback = NULL;
        if (bundles->waiting.context == context)
                bundles->waiting.callback = NULL;
}

bool attesterd_bundles_is_installed(const struct attesterd_bundles *bundles)
{
        return bundles->installed.present;
}
