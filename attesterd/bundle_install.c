/* SPDX-License-Identifier: BSD-2-Clause */
/* The way of a new policy bundle into the state directory, past the TPM's counter, and into force. */
#include "attesterd/bundle_work.h"

#include <inttypes.h>
#include <string.h>

static void finish(struct attesterd_bundles *bundles, const struct base_error *error)
{
        attesterd_bundle_installed *callback = BASE_STEAL(bundles->request.callback);

        if (error != NULL)
                (void) attesterd_bundle_report(bundles, error);
        if (callback != NULL)
                callback(bundles->request.context, bundles->installed.version, error);
        attesterd_bundle_end_work(bundles);
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

        if (!save(bundles, ATTESTERD_BUNDLE_INSTALLED, &error)) {
                finish(bundles, &error);
                return;
        }
        (void) unlinkat(bundles->daemon->state_dir_fd, ATTESTERD_BUNDLE_NEXT, 0);
        attesterd_bundle_put_in_force(bundles, &bundles->current, NULL);
        finish(bundles, NULL);
}

/* A failure leaves ATTESTERD_BUNDLE_NEXT where it is: the TPM may have counted it. */
static void on_incremented(void *context, const struct tpm_counter *counter, const struct base_error *error)
{
        struct attesterd_bundles *bundles = context;

        if (error != NULL && error->code == BASE_ERROR_CANCELLED)
                return;
        if (error != NULL) {
                finish(bundles, error);
                return;
        }
        bundles->current.known.record.counter = counter->value;
        settle(bundles);
}

static bool make_mark(const struct attesterd_known_bundle *bundle, struct tpm_counter_mark *ret, struct base_error *error)
{
        ret->version = bundle->version;
        return base_sha256(&BASE_BYTES((const uint8_t *) bundle->fleet, strlen(bundle->fleet)), 1, ret->fleet, error);
}

/* What the state directory does not know any more, the TPM does. */
static bool check_mark(const struct tpm_counter *counter, const struct tpm_counter_mark *new, struct base_error *error)
{
        const struct tpm_counter_mark *known = &counter->mark;

        return !counter->marked || memcmp(known->fleet, new->fleet, sizeof(new->fleet)) != 0 || new->version >= known->version ||
               base_error_set(error, BASE_ERROR_POLICY_ROLLED_BACK,
                              "the policy bundle has version %" PRIu64 ", and by the TPM's word this device has had %" PRIu64,
                              new->version, known->version);
}

static void on_prepared(void *context, const struct tpm_counter *counter, const struct base_error *error)
{
        struct attesterd_bundles *bundles = context;
        struct base_error problem = BASE_ERROR_INIT;
        struct tpm_counter_mark mark;

        if (error != NULL && error->code == BASE_ERROR_CANCELLED)
                return;
        if (error != NULL) {
                finish(bundles, error);
                return;
        }
        bundles->current.known.record.counted = true;
        bundles->current.known.record.counter = counter->value + 1;
        if (!make_mark(&bundles->current.known, &mark, &problem) || !check_mark(counter, &mark, &problem) ||
            !save(bundles, ATTESTERD_BUNDLE_NEXT, &problem) ||
            !tpm_worker_counter(bundles->daemon->worker, TPM_COUNTER_INCREMENT, &mark, on_incremented, bundles, &problem))
                finish(bundles, &problem);
        else
                bundles->work = ATTESTERD_BUNDLE_WORK_INCREMENT;
}

static bool check_version(const struct attesterd_known_bundle *installed, const struct attesterd_known_bundle *new,
                          struct base_error *error)
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
                              " as the installed one, and is another one; raise Version=",
                              new->version);
}

/* Makes the candidate of bytes from outside. */
static bool examine(struct attesterd_bundles *bundles, struct base_error *error)
{
        struct attesterd_daemon *daemon = bundles->daemon;
        struct attesterd_known_bundle *new = &bundles->current.known;
        struct policy_bundle bundle;

        new->record.installed_at = daemon->clock->wall_seconds(daemon->clock->context);
        return policy_bundle_parse(base_buffer_bytes(&bundles->request.bytes), &bundle, error) &&
               attesterd_bundle_describe(&bundle, new, error) &&
               attesterd_bundle_verify(bundles, &bundle, bundles->installed.present ? &bundles->installed.record : NULL,
                                       new->record.installed_at, new, error) &&
               check_version(&bundles->installed, new, error) &&
               policy_bundle_load(&bundle, NULL, &bundles->current.policy, error);
}

static bool is_done(const struct attesterd_bundles *bundles)
{
        return bundles->confirmed &&
               memcmp(bundles->installed.digest, bundles->current.known.digest, sizeof(bundles->installed.digest)) == 0;
}

void attesterd_bundle_install_request(struct attesterd_bundles *bundles)
{
        struct attesterd_daemon *daemon = bundles->daemon;
        struct base_error error = BASE_ERROR_INIT;

        bundles->work = ATTESTERD_BUNDLE_WORK_PREPARE;
        if (!examine(bundles, &error)) {
                finish(bundles, &error);
        } else if (is_done(bundles)) {
                daemon->policy_error = error;
                attesterd_daemon_announce(daemon);
                finish(bundles, NULL);
        } else if (!daemon->config->policy.counter) {
                settle(bundles);
        } else if (!tpm_worker_counter(daemon->worker, TPM_COUNTER_PREPARE, NULL, on_prepared, bundles, &error)) {
                finish(bundles, &error);
        }
}

static bool take(struct attesterd_bundle_request *request, struct base_bytes bytes, attesterd_bundle_installed *callback,
                 void *context, struct base_error *error)
{
        if (bytes.len > POLICY_BUNDLE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the policy bundle is larger than %d bytes",
                                      POLICY_BUNDLE_BYTES_MAX);
        base_buffer_put_bytes(&request->bytes, bytes);
        if (!base_buffer_ok(&request->bytes)) {
                attesterd_bundle_request_clear(request);
                return base_error_set_no_memory(error);
        }
        request->callback = callback;
        request->context = context;
        request->there = true;
        return true;
}

void attesterd_bundles_install(struct attesterd_bundles *bundles, struct base_bytes bytes, attesterd_bundle_installed *callback,
                               void *context)
{
        bool wait = bundles->work == ATTESTERD_BUNDLE_WORK_LOAD;
        struct base_error error = BASE_ERROR_INIT;

        if (bundles->daemon->config->policy.fleet[0] == '\0')
                (void) base_error_set(&error, BASE_ERROR_UNSUPPORTED,
                                      "this device takes no policy bundles: attesterd.conf names no fleet (Fleet=, BundleKey=)");
        else if (bundles->waiting.there || (bundles->work != ATTESTERD_BUNDLE_WORK_NONE && !wait))
                (void) base_error_set(&error, BASE_ERROR_BUSY, "a policy bundle is on its way already; retry in a moment");
        else if (!take(wait ? &bundles->waiting : &bundles->request, bytes, callback, context, &error))
                (void) attesterd_bundle_report(bundles, &error);
        else if (!wait)
                attesterd_bundle_install_request(bundles);
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
