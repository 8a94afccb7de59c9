/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"
#include "base/system.h"
#include "client/attestctl/commands.h"
#include "client/attestctl/policy_bundle.h"
#include "policy/bundle_trust.h"

#include <string.h>

struct verify_state {
        const char *trust;
        const char *fleet;
};

static bool take_option(void *state, char letter, const char *value, struct base_error *error)
{
        struct verify_state *verify = state;

        *(letter == 't' ? &verify->trust : &verify->fleet) = value;
        return true;
}

static bool check(const struct verify_state *verify, const struct policy_bundle *bundle, char ret_signer[POLICY_SIGNER_BYTES_MAX],
                  struct base_error *error)
{
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(POLICY_TRUST_PEM_BYTES_MAX);
        policy_auto_trust struct policy_trust *trust = NULL;
        struct policy_trust_check against = {
                .fleet = verify->fleet,
                .now = base_system_clock.wall_seconds(base_system_clock.context),
        };

        if (verify->trust == NULL)
                return policy_bundle_signatures_check(bundle, ret_signer, error);
        if (!base_file_read(verify->trust, &pem, error))
                return false;
        if (!policy_trust_new(base_buffer_bytes(&pem), &trust, error))
                return base_error_prefix(error, "%s", verify->trust);
        against.trust = trust;
        return policy_trust_verify(&against, bundle, ret_signer, error);
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(POLICY_BUNDLE_BYTES_MAX);
        const struct verify_state *verify = state;
        policy_auto_policy struct policy *policy = NULL;
        struct base_error error = BASE_ERROR_INIT;
        char signer[POLICY_SIGNER_BYTES_MAX];
        struct policy_bundle bundle;

        if ((verify->trust == NULL) != (verify->fleet == NULL)) {
                (void) base_error_set(&error, BASE_ERROR_INVALID_ARGUMENT,
                                      "give --trust FILE and --fleet NAME together, or none");
                return attestctl_fail_own(ctl, &error);
        }
        if (!base_file_read(arguments[0], &bytes, &error))
                return attestctl_fail_own(ctl, &error);
        if (!policy_bundle_parse(base_buffer_bytes(&bytes), &bundle, &error) || !check(verify, &bundle, signer, &error) ||
            !policy_bundle_load(&bundle, NULL, &policy, &error)) {
                (void) base_error_prefix(&error, "%s", arguments[0]);
                return attestctl_fail_own(ctl, &error);
        }
        return attestctl_bundle_report(ctl, &bundle, policy, signer, verify->trust != NULL);
}

static const struct base_option options[] = {
        { 't', "trust", "FILE", "whom to trust, as BundleKey= of the devices: public keys and authorities in PEM" },
        { 'f', "fleet", "NAME", "for which fleet it has to be" },
        { 0 },
};

const struct attestctl_command attestctl_policy_verify_command = {
        .name = "policy",
        .subcommand = "verify",
        .arguments = "FILE",
        .summary = "Show what is in a signed policy bundle and who signed it",
        .help = "\nNeeds no daemon. With --trust and --fleet it says what a device with this configuration says of its first "
                "bundle; "
                "without\nthem the signatures are checked, and not whose they are.\n",
        .arguments_min = 1,
        .arguments_max = 1,
        .options = options,
        .take_option = take_option,
        .state_size = sizeof(struct verify_state),
        .run = run,
};
