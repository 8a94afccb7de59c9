/* SPDX-License-Identifier: BSD-2-Clause */
/* attester-gate: options, configuration, run. */
#include "base/privilege.h"
#include "base/program.h"
#include "issuer/gate/run.h"

#include <string.h>

#define DEFAULT_CONFIG_FILE "/etc/attesterd/attester-gate.conf"

static int fail(const struct base_error *error)
{
        (void) fprintf(stderr, "attester-gate: %s\n", error->message);
        return base_error_exit_status(error->code);
}

struct options {
        const char *config;
        const char *listen;
        const char *port_file;
        bool check;
        bool allow_root;
};

static bool set_listen(const char *argument, void *to)
{
        if (strlen(argument) < sizeof(((struct gate_config *) NULL)->listen))
                return base_option_set_text(argument, to);
        (void) fprintf(stderr, "attester-gate: --listen is too long for an address\n");
        return false;
}

/* True: go on. False: exit with *ret_status. */
static bool parse_options(int argc, char **argv, struct options *options, int *ret_status)
{
        const struct base_option known[] = {
                { 0, "config", "FILE", "configuration (default " DEFAULT_CONFIG_FILE ")", base_option_set_text,
                  &options->config },
                { 0, "listen", "ADDRESS", "in place of Listen=; port 0 takes a free one", set_listen, &options->listen },
                { 0, "port-file", "FILE", "write the bound ports there", base_option_set_text, &options->port_file },
                { 0, "check", NULL, "only check the configuration", base_option_set_true, &options->check },
                { 0, "allow-root", NULL, "start as root, for tests", base_option_set_true, &options->allow_root },
        };
        const struct base_program program = {
                .name = "attester-gate",
                .version = ATTESTER_VERSION,
                .about = "Makes challenges and checks tokens for a web server; see attester-gate(8).\n",
                .options = known,
                .option_count = BASE_COUNT(known),
        };

        return base_program_parse(&program, argc, argv, ret_status);
}

int main(int argc, char **argv)
{
        struct options options = { .config = DEFAULT_CONFIG_FILE };
        struct base_error error = BASE_ERROR_INIT;
        struct gate_config config;
        int status;

        if (!parse_options(argc, argv, &options, &status))
                return status;
        if (!gate_config_load(options.config, &config, &error))
                return fail(&error);
        if (options.listen != NULL)
                (void) snprintf(config.listen, sizeof(config.listen), "%s", options.listen);
        if (options.check)
                return 0;
        return base_privilege_refuse_root(options.allow_root, &error) && gate_run(&config, options.port_file, &error)
                       ? 0
                       : fail(&error);
}
