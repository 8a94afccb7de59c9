/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of the daemon that puts configuration and policy in force: at start and again at every reload. */
#include "attesterd/daemon.h"

#include "base/log.h"

#include <limits.h>
#include <string.h>
#include <systemd/sd-daemon.h>

bool attesterd_daemon_find_issuer(const struct attesterd_daemon *daemon, const char *name, struct attesterd_issuer **ret,
                                  struct base_error *error)
{
        for (size_t i = 0; i < daemon->issuer_count; i++)
                if (strcmp(daemon->issuers[i]->config.name, name) == 0) {
                        *ret = daemon->issuers[i];
                        return true;
                }
        return base_error_set(error, BASE_ERROR_ISSUER_UNKNOWN, "the issuer \"%.*s\" is not configured on this machine",
                              ATTESTERD_ISSUER_NAME_BYTES_MAX, name);
}

/* The issuer that was there under the same configuration, with its directory and nonce; else a new one. */
static bool make_issuer(struct attesterd_daemon *daemon, const struct attesterd_issuer_config *config,
                        struct attesterd_issuer **ret, struct base_error *error)
{
        struct base_error problem = BASE_ERROR_INIT;
        struct attesterd_issuer *known;

        if (attesterd_daemon_find_issuer(daemon, config->name, &known, NULL) &&
            attesterd_issuer_config_equal(&known->config, config)) {
                *ret = attesterd_issuer_ref(known);
                return true;
        }
        if (!attesterd_issuer_new(config, &daemon->transport, daemon->clock, ret, error))
                return false;
        if (!attesterd_enrolment_load(daemon->state_dir_fd, config->name, &(*ret)->enrolment, &problem))
                base_log_error(BASE_LOG_WARNING, &problem, "the enrolment with %s", config->name);
        return true;
}

static bool apply_config(struct attesterd_daemon *daemon, struct attesterd_config *config, struct base_error *error)
{
        struct attesterd_issuer **issuers = calloc(config->issuer_count + 1, sizeof(struct attesterd_issuer *));

        if (issuers == NULL)
                return base_error_set_no_memory(error);
        for (size_t i = 0; i < config->issuer_count; i++)
                if (!make_issuer(daemon, &config->issuers[i], &issuers[i], error)) {
                        attesterd_issuers_free(issuers, i);
                        return false;
                }
        attesterd_issuers_free(daemon->issuers, daemon->issuer_count);
        daemon->issuers = issuers;
        daemon->issuer_count = config->issuer_count;
        if (daemon->limits != NULL)
                attesterd_limits_configure(daemon->limits, &config->limits);
        attesterd_config_free(daemon->config);
        daemon->config = config;
        return true;
}

bool attesterd_daemon_load_config(struct attesterd_daemon *daemon, struct base_error *error)
{
        struct attesterd_config *config = NULL;

        if (!attesterd_config_load(daemon->options.root, daemon->options.config_dir, &config, error))
                return false;
        if (apply_config(daemon, config, error))
                return true;
        attesterd_config_free(config);
        return false;
}

bool attesterd_daemon_load_policy(const struct attesterd_daemon *daemon, const char *overlay, struct policy **ret,
                                  struct base_error *error)
{
        char etc[PATH_MAX], run[PATH_MAX], usr[PATH_MAX];
        const char *const directories[] = { overlay, etc, run, usr };
        size_t skip = overlay == NULL ? 1 : 0;

        (void) snprintf(etc, sizeof(etc), "%s/policy.d", daemon->options.config_dir);
        (void) snprintf(run, sizeof(run), "%s/run/attesterd/policy.d", daemon->options.root);
        (void) snprintf(usr, sizeof(usr), "%s/usr/lib/attesterd/policy.d", daemon->options.root);
        return policy_load_directories(directories + skip, BASE_COUNT(directories) - skip, NULL, ret, error);
}

void attesterd_daemon_set_policy(struct attesterd_daemon *daemon, struct policy *policy)
{
        policy_free(daemon->policy);
        daemon->policy = policy;
        daemon->policy_needs = attesterd_needs_of_policy(policy);
        daemon->policy_error = (struct base_error) BASE_ERROR_INIT;
        attesterd_daemon_announce(daemon);
}

bool attesterd_daemon_reload_policy(struct attesterd_daemon *daemon)
{
        struct base_error error = BASE_ERROR_INIT;
        struct policy *policy = NULL;

        if (daemon->config->policy.fleet[0] != '\0')
                return attesterd_bundles_load(daemon->bundles);
        if (attesterd_daemon_load_policy(daemon, NULL, &policy, &error)) {
                attesterd_daemon_set_policy(daemon, policy);
                return true;
        }
        daemon->policy_error = error;
        base_log_event(BASE_EVENT_POLICY_BROKEN, BASE_LOG_NO_FIELDS, &error,
                       daemon->policy == NULL ? "no policy is in force and no request passes"
                                              : "the policy of before stays in force");
        return false;
}

bool attesterd_daemon_reload(struct attesterd_daemon *daemon, struct base_error *error)
{
        struct base_error problem = BASE_ERROR_INIT;
        bool config_loaded, policy_loaded;

        (void) sd_notify(0, "RELOADING=1\nSTATUS=Reading configuration and policy.");
        config_loaded = attesterd_daemon_load_config(daemon, &problem);
        daemon->config_error = problem;
        if (!config_loaded)
                base_log_event(BASE_EVENT_CONFIG_BROKEN, BASE_LOG_NO_FIELDS, &problem,
                               "the configuration of before stays in force");
        policy_loaded = attesterd_daemon_reload_policy(daemon);
        attesterd_bundle_fetch_configure(daemon->bundle_fetch, true);
        attesterd_daemon_announce(daemon);
        (void) sd_notify(0, "READY=1\nSTATUS=Serving.");
        if (!config_loaded)
                return base_error_copy(error, &daemon->config_error);
        return policy_loaded || base_error_copy(error, &daemon->policy_error);
}
