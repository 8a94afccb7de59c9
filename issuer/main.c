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
#include "base/program.h"
#include "base/system.h"

#include <string.h>

struct command {
        const char *config_file;
        struct issuer_server_options server;
        bool check_only;
        bool allow_root;
};

/* True: go on with the words at argv[optind]. False: exit with *ret_status. */
static bool parse_options(int argc, char **argv, struct command *command, int *ret_status)
{
        const struct base_option known[] = {
                { 0, "config", "FILE", "configuration (default " ISSUER_CONFIG_FILE ")", base_option_set_text,
                  &command->config_file },
                { 0, "listen", "ADDRESS", "listen there instead; port 0 picks a free one", base_option_set_text,
                  &command->server.listen },
                { 0, "port-file", "FILE", "write the bound port there when ready", base_option_set_text,
                  &command->server.port_file },
                { 0, "log-file", "FILE", "write events there instead of standard output", base_option_set_text,
                  &command->server.log_file },
                { 0, "check-config", NULL, "read everything that the configuration names, start nothing", base_option_set_true,
                  &command->check_only },
                { 0, "allow-root", NULL, "start as root, for tests", base_option_set_true, &command->allow_root },
        };
        struct base_command commands[ISSUER_DEVICES_COMMANDS + 1];
        const struct base_program program = {
                .name = "attester-issuer",
                .version = ATTESTER_VERSION,
                .about = "Verifies attestation evidence and issues Privacy Pass tokens; see attester-issuer(8).\n",
                .options = known,
                .option_count = BASE_COUNT(known),
                .commands = commands,
                .command_count = BASE_COUNT(commands),
        };

        issuer_devices_describe(commands);
        commands[ISSUER_DEVICES_COMMANDS] = issuer_keys_list_command;
        return base_program_parse(&program, argc, argv, ret_status);
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
        int status;

        if (!parse_options(argc, argv, &command, &status))
                return status;
        if (run(&command, argv + optind, (size_t) (argc - optind), &error))
                return 0;
        base_log_error(BASE_LOG_ERROR, &error, "cannot go on");
        return base_error_exit_status(error.code);
}
