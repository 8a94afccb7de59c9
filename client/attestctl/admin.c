/* SPDX-License-Identifier: BSD-2-Clause */
/* What only an administrator may ask for: enroll, reseal, reload. */
#include "client/attestctl/commands.h"
#include "client/attestctl/table.h"

static int done(const struct attestctl *ctl, const char *text)
{
        if (ctl->json)
                return attestctl_print_json(json_pack("{s:b}", "done", true));
        (void) puts(text);
        return 0;
}

static int enroll_run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        char *device = NULL;
        int status = 0;

        if (attester_enroll(ctl->attester, arguments[0], &ctl->options, &device, &error) < 0)
                return attestctl_fail(ctl, &error);
        if (ctl->json) {
                status = attestctl_print_json(json_pack("{s:o, s:o}", "issuer", attestctl_json_string(arguments[0]), "device",
                                                        attestctl_json_string(device)));
        } else {
                attestctl_print(stdout, ctl->color_out, ATTESTCTL_PLAIN, arguments[0]);
                (void) fputs(" knows this device as ", stdout);
                attestctl_print(stdout, ctl->color_out, ATTESTCTL_HEADING, device);
                (void) fputc('\n', stdout);
        }
        attester_string_free(device);
        return status;
}

static int reseal_run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;

        if (attester_reseal(ctl->attester, &ctl->options, &error) < 0)
                return attestctl_fail(ctl, &error);
        return done(ctl, "A new key is sealed to the present boot state. Enrol again: attestctl enroll ISSUER");
}

static int reload_run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;

        if (attester_reload(ctl->attester, &ctl->options, &error) < 0)
                return attestctl_fail(ctl, &error);
        return done(ctl, "Configuration and policy were read again.");
}

const struct attestctl_command attestctl_enroll_command = {
        .name = "enroll",
        .arguments = "ISSUER",
        .summary = "Prove to an issuer that this device's key lives in its TPM",
        .help = "\nFor administrators. Makes the key if there is none yet.\n",
        .arguments_min = 1,
        .arguments_max = 1,
        .run = enroll_run,
};

const struct attestctl_command attestctl_reseal_command = {
        .name = "reseal",
        .arguments = "",
        .summary = "Replace the key by one that is sealed to the present boot state",
        .help = "\nFor administrators, after a change of firmware or boot loader that is meant. Enrol again afterwards.\n",
        .run = reseal_run,
};

const struct attestctl_command attestctl_reload_command = {
        .name = "reload",
        .arguments = "",
        .summary = "Have the daemon read configuration and policy again",
        .help = "\nFor administrators.\n",
        .run = reload_run,
};
