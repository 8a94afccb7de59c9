/* SPDX-License-Identifier: BSD-2-Clause */
/* attester-gate: options, configuration, run. */
#include "base/privilege.h"
#include "issuer/gate/run.h"

#include <getopt.h>
#include <string.h>

static const char usage[] =
        "usage: attester-gate [--config FILE] [--listen ADDRESS] [--port-file FILE] [--check] [--allow-root]\n"
        "  --config FILE     configuration (default: /etc/attesterd/attester-gate.conf)\n"
        "  --listen ADDRESS  in place of Listen=; port 0 takes a free one\n"
        "  --port-file FILE  write the bound ports there\n"
        "  --check           only check the configuration\n"
        "  --allow-root      start as root, for tests\n"
        "  --help, --version\n";

static int fail(const struct base_error *error)
{
        (void) fprintf(stderr, "attester-gate: %s\n", error->message);
        return base_error_exit_status(error->code);
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },    { "listen", required_argument, NULL, 'l' },
                { "port-file", required_argument, NULL, 'p' }, { "check", no_argument, NULL, 'k' },
                { "allow-root", no_argument, NULL, 'r' },      { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },         { 0 },
        };
        const char *path = "/etc/attesterd/attester-gate.conf", *listen = NULL, *port_file = NULL;
        struct base_error error = BASE_ERROR_INIT;
        struct gate_config config;
        bool check = false, allow_root = false;
        int letter;

        while ((letter = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (letter == 'c')
                        path = optarg;
                else if (letter == 'l')
                        listen = optarg;
                else if (letter == 'p')
                        port_file = optarg;
                else if (letter == 'k')
                        check = true;
                else if (letter == 'r')
                        allow_root = true;
                else if (letter == 'v')
                        return puts("attester-gate " ATTESTER_VERSION) < 0;
                else {
                        (void) fputs(usage, letter == 'h' ? stdout : stderr);
                        return letter == 'h' ? 0 : base_error_exit_status(BASE_ERROR_INVALID_ARGUMENT);
                }
        }
        if (optind != argc || (listen != NULL && strlen(listen) >= sizeof(config.listen))) {
                (void) fputs(usage, stderr);
                return base_error_exit_status(BASE_ERROR_INVALID_ARGUMENT);
        }
        if (!gate_config_load(path, &config, &error))
                return fail(&error);
        if (listen != NULL)
                (void) snprintf(config.listen, sizeof(config.listen), "%s", listen);
        if (check)
                return 0;
        return base_privilege_refuse_root(allow_root, &error) && gate_run(&config, port_file, &error) ? 0 : fail(&error);
}
