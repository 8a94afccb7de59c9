/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/admin.h"

#include "attesterd/authorize.h"
#include "attesterd/enroll.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define STAGING_DIRECTORY "staging" /* in the state directory: where a policy is checked before it is installed */
#define POLICY_DIRECTORY  "policy.d"

static void end(struct attesterd_call *call, bool done, const struct base_error *error)
{
        if (done)
                attesterd_call_reply(call, dbus_message_new_method_return(call->message));
        else
                attesterd_call_fail(call, error);
}

void attesterd_admin_enroll(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        attesterd_authorize(daemon, call, "org.attesterd.enroll", attesterd_enroll);
}

static void reload(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        struct base_error error = BASE_ERROR_INIT;
        bool done = attesterd_daemon_reload(daemon, &error);

        end(call, done, &error);
}

void attesterd_admin_reload(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        attesterd_authorize(daemon, call, "org.attesterd.reload", reload);
}

/* A new key under way in the TPM. */
struct rekey {
        struct attesterd_daemon *daemon;
        struct attesterd_call *call; /* NULL: cancelled; the key is made all the same */
        bool refuse_sealed;
};

static void on_rekey_cancel(void *work)
{
        struct rekey *rekey = work;

        rekey->call = NULL;
}

static void rekey_end(struct rekey *rekey, bool done, const struct base_error *error)
{
        if (!done)
                base_log_error(BASE_LOG_WARNING, error, "a new attestation key");
        if (rekey->call != NULL)
                end(rekey->call, done, error);
        free(rekey);
}

/* Whoever enrolled the old key does not know the new one. */
static void forget_enrolments(struct attesterd_daemon *daemon)
{
        for (size_t i = 0; i < daemon->issuer_count; i++) {
                struct base_error error = BASE_ERROR_INIT;

                daemon->issuers[i]->enrolment.enrolled = false;
                if (!attesterd_enrolment_remove(daemon->state_dir_fd, daemon->issuers[i]->config.name, &error))
                        base_log_error(BASE_LOG_WARNING, &error, "forgetting an enrolment");
        }
}

static void on_new_key(void *context, const struct tpm_identity *identity, const struct base_error *error)
{
        struct rekey *rekey = context;

        (void) identity;
        if (error == NULL) {
                base_log_event(BASE_EVENT_KEY_REPLACED, BASE_LOG_NO_FIELDS, NULL,
                               "there is a new attestation key; every issuer needs an enrolment");
                forget_enrolments(rekey->daemon);
                attesterd_daemon_announce(rekey->daemon);
        }
        rekey_end(rekey, error == NULL, error);
}

static void on_seal_state(void *context, const struct tpm_status *status, const struct base_error *error)
{
        struct rekey *rekey = context;
        struct base_error problem = BASE_ERROR_INIT;

        if (error != NULL)
                rekey_end(rekey, false, error);
        else if (rekey->call == NULL)
                free(rekey);
        else if (status->state != TPM_STATE_READY)
                rekey_end(rekey, false, &status->reason);
        else if (rekey->refuse_sealed && status->seal == TPM_SEAL_SEALED)
                rekey_end(rekey, false, &status->seal_reason);
        else if (!tpm_worker_create_key(rekey->daemon->worker, on_new_key, rekey, &problem))
                rekey_end(rekey, false, &problem);
}

static void start_rekey(struct attesterd_daemon *daemon, struct attesterd_call *call, bool refuse_sealed)
{
        struct rekey *rekey = calloc(1, sizeof(*rekey));
        struct base_error error = BASE_ERROR_INIT;

        if (rekey == NULL) {
                attesterd_call_reply(call, NULL);
                return;
        }
        *rekey = (struct rekey){ .daemon = daemon, .call = call, .refuse_sealed = refuse_sealed };
        if (!tpm_worker_status(daemon->worker, on_seal_state, rekey, &error)) {
                rekey_end(rekey, false, &error);
                return;
        }
        call->cancel = on_rekey_cancel;
        call->work = rekey;
}

static void reseal(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        start_rekey(daemon, call, false);
}

void attesterd_admin_reseal(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        attesterd_authorize(daemon, call, "org.attesterd.reseal", reseal);
}

static void rotate_key(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        start_rekey(daemon, call, true);
}

void attesterd_admin_rotate_key(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        attesterd_authorize(daemon, call, "org.attesterd.rotate-key", rotate_key);
}

/* The policy that there would be with this file, checked from a directory of its own that is above all others. */
static bool stage_policy(struct attesterd_daemon *daemon, const char *name, struct base_bytes content, struct policy **ret,
                         struct base_error *error)
{
        char directory[PATH_MAX], path[PATH_MAX + POLICY_BUNDLE_FILE_NAME_BYTES_MAX];
        bool loaded;

        (void) snprintf(directory, sizeof(directory), "%s/" STAGING_DIRECTORY, daemon->options.state_dir);
        (void) snprintf(path, sizeof(path), STAGING_DIRECTORY "/%s", name);
        if (mkdirat(daemon->state_dir_fd, STAGING_DIRECTORY, 0700) < 0 && errno != EEXIST)
                return base_error_set_errno(error, errno, "cannot make %s", directory);
        loaded = base_file_replace_at(daemon->state_dir_fd, path, content, 0600, error) &&
                 attesterd_daemon_load_policy(daemon, directory, ret, error);
        (void) unlinkat(daemon->state_dir_fd, path, 0);
        return loaded;
}

static bool install(struct attesterd_daemon *daemon, const char *name, struct base_bytes content, struct base_error *error)
{
        policy_auto_policy struct policy *policy = NULL;
        base_auto_close int directory = -1;
        char path[PATH_MAX];

        if (daemon->config->policy.fleet[0] != '\0')
                return base_error_set(
                        error, BASE_ERROR_UNSUPPORTED,
                        "this device takes its policy from signed bundles of the fleet %s (attesterd.conf), and from no "
                        "other file",
                        daemon->config->policy.fleet);
        if (!policy_file_name_valid(name))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                      "a policy file's name has at most %d letters, digits, '-', '_' and '.', and ends in .conf",
                                      POLICY_BUNDLE_FILE_NAME_BYTES_MAX);
        if (content.len > ATTESTERD_POLICY_CONTENT_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a policy file has at most %d bytes",
                                      ATTESTERD_POLICY_CONTENT_BYTES_MAX);
        if (!stage_policy(daemon, name, content, &policy, error))
                return false;
        (void) snprintf(path, sizeof(path), "%s/" POLICY_DIRECTORY, daemon->options.config_dir);
        (void) mkdir(path, 0755);
        directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return base_error_set_errno(error, errno, "cannot open %s", path);
        if (!base_file_replace_at(directory, name, content, 0644, error))
                return false;
        attesterd_daemon_set_policy(daemon, BASE_STEAL(policy));
        base_log_event(BASE_EVENT_POLICY_INSTALLED, BASE_LOG_FIELDS({ BASE_EVENT_FIELD_FILE, name }), NULL,
                       "policy file %s is installed", name);
        return true;
}

static void install_policy(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        struct base_error error = BASE_ERROR_INIT;
        const char *name, *content;
        bool done;

        (void) dbus_message_get_args(call->message, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING, &content, DBUS_TYPE_INVALID);
        done = install(daemon, name, base_bytes_from_string(content), &error);
        end(call, done, &error);
}

void attesterd_admin_install_policy(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        attesterd_authorize(daemon, call, "org.attesterd.install-policy", install_policy);
}

/* A policy bundle on its way. */
struct installation {
        struct attesterd_daemon *daemon;
        struct attesterd_call *call;
};

static void on_installation_cancel(void *work)
{
        struct installation *installation = work;

        attesterd_bundles_forget(installation->daemon->bundles, installation);
        free(installation);
}

static void on_installed(void *context, uint64_t version, const struct base_error *error)
{
        struct installation *installation = context;
        struct attesterd_call *call = installation->call;
        DBusMessage *reply = NULL;
        dbus_uint64_t number = version;

        free(installation);
        if (error != NULL) {
                attesterd_call_fail(call, error);
                return;
        }
        reply = dbus_message_new_method_return(call->message);
        if (reply != NULL && !dbus_message_append_args(reply, DBUS_TYPE_UINT64, &number, DBUS_TYPE_INVALID)) {
                dbus_message_unref(reply);
                reply = NULL;
        }
        attesterd_call_reply(call, reply);
}

static void install_policy_bundle(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        struct installation *installation = calloc(1, sizeof(*installation));
        const uint8_t *bytes = NULL;
        int len = 0;

        if (installation == NULL) {
                attesterd_call_reply(call, NULL);
                return;
        }
        *installation = (struct installation){ daemon, call };
        call->cancel = on_installation_cancel;
        call->work = installation;
        (void) dbus_message_get_args(call->message, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes, &len, DBUS_TYPE_INVALID);
        attesterd_bundles_install(daemon->bundles, BASE_BYTES(bytes, (size_t) len), on_installed, installation);
}

void attesterd_admin_install_policy_bundle(struct attesterd_daemon *daemon, struct attesterd_call *call)
{
        attesterd_authorize(daemon, call, "org.attesterd.install-policy", install_policy_bundle);
}
