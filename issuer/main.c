/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/admin/admin.h"
#include "issuer/config.h"
#include "issuer/devices.h"
#include "issuer/keys_list.h"
#include "issuer/server.h"
#include "issuer/snapshot.h"
#include "issuer/tls.h"

#include "base/log.h"
#include "base/privilege.h"
#include "base/system.h"

#include <getopt.h>
#include <string.h>

static const char usage[] = "attester-issuer [OPTION…] [devices list | revoke ID | restore ID | group ID NAME |\n"
                            "                 approve ID | approved | disapprove STATE [GROUP]] [keys list]\n"
                            "Verifies attestation evidence and issues Privacy Pass tokens; see attester-issuer(8).\n"
                            "\n"
                            "  --config FILE     configuration (" ISSUER_CONFIG_FILE ")\n"
                            "  --listen ADDRESS  listen there instead; port 0 picks a free one\n"
                            "  --port-file FILE  write the bound port there when ready\n"
                            "  --log-file FILE   write events there instead of standard output\n"
                            "  --check-config    read everything that the configuration names, start nothing\n"
                            "  --allow-root      start as root, for tests\n"
                            "  --version, --help\n";

enum option_code {
        OPTION_CONFIG = 256,
        OPTION_LISTEN,
        OPTION_PORT_FILE,
        OPTION_LOG_FILE,
        OPTION_CHECK_CONFIG,
        OPTION_ALLOW_ROOT,
        OPTION_VERSION,
        OPTION_HELP,
};

static const struct option long_options[] = {
        { "config", required_argument, NULL, OPTION_CONFIG },
        { "listen", required_argument, NULL, OPTION_LISTEN },
        { "port-file", required_argument, NULL, OPTION_PORT_FILE },
        { "log-file", required_argument, NULL, OPTION_LOG_FILE },
        { "check-config", no_argument, NULL, OPTION_CHECK_CONFIG },
        { "allow-root", no_argument, NULL, OPTION_ALLOW_ROOT },
        { "version", no_argument, NULL, OPTION_VERSION },
        { "help", no_argument, NULL, OPTION_HELP },
        { NULL, 0, NULL, 0 },
};

struct command {
        const char *config_file;
        struct issuer_server_options server;
        bool check_only;
        bool allow_root;
        bool print_only; /* --version or --help was answered */
};

static bool parse_options(int argc, char **argv, struct command *command)
{
        int option;

        while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
                switch (option) {
                case OPTION_CONFIG:
                        command->config_file = optarg;
                        break;
                case OPTION_LISTEN:
                        command->server.listen = optarg;
                        break;
                case OPTION_PORT_FILE:
                        command->server.port_file = optarg;
                        break;
                case OPTION_LOG_FILE:
                        command->server.log_file = optarg;
                        break;
                case OPTION_CHECK_CONFIG:
                        command->check_only = true;
                        break;
                case OPTION_ALLOW_ROOT:
                        command->allow_root = true;
                        break;
                case OPTION_VERSION:
                        (void) puts("attester-issuer " ATTESTER_VERSION);
                        command->print_only = true;
                        return true;
                case OPTION_HELP:
                        (void) fputs(usage, stdout);
                        command->print_only = true;
                        return true;
                default:
                        return false;
                }
        }
        return true;
}

static bool check_config(const struct issuer_config *config, struct base_error *error)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = NULL;
        issuer_auto_tls_files struct issuer_tls_files files = { 0 };

        return (!config->tls || issuer_tls_files_load(config->certificate, config->certificate_key, &files, error)) &&
               (config->admin_listen == NULL || issuer_admin_check(config, error)) &&
               issuer_snapshot_load(config, base_system_clock.wall_seconds(base_system_clock.context), NULL, &snapshot, error);
}

static bool run(const struct command *command, char *const *words, size_t word_count, struct base_error *error)
{
        issuer_auto_config struct issuer_config config = { 0 };

        if (!issuer_config_load(command->config_file, &config, error))
                return false;
        if (word_count > 0 && strcmp(words[0], "devices") != 0 && strcmp(words[0], "keys") != 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "there is no command \"%s\"; see --help", words[0]);
        if (command->check_only && word_count == 0)
                return check_config(&config, error);
        /* Files that root made in the state directory would be in the service's way. */
        if (!base_privilege_refuse_root(command->allow_root, error))
                return false;
        if (word_count > 0 && strcmp(words[0], "keys") == 0)
                return issuer_keys_command(&config, words + 1, word_count - 1, error);
        if (word_count > 0)
                return issuer_devices_command(&config, words + 1, word_count - 1, error);
        return issuer_server_run(&config, &command->server, error);
}

int main(int argc, char **argv)
{
        struct command command = { .config_file = ISSUER_CONFIG_FILE };
        struct base_error error = BASE_ERROR_INIT;

        if (!parse_options(argc, argv, &command)) {
                (void) fputs(usage, stderr);
                return base_error_exit_status(BASE_ERROR_INVALID_ARGUMENT);
        }
        if (command.print_only)
                return 0;
        if (run(&command, argv + optind, (size_t) (argc - optind), &error))
                return 0;
        base_log_error(BASE_LOG_ERROR, &error, "cannot go on");
        return base_error_exit_status(error.code);
}
