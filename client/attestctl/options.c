/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/options.h"

#include "base/completion.h"

#include <string.h>

#define TIMEOUT_TEXT_MAX 5 /* digits */

/* Letters from '1' on have no short form. */
enum common_option {
        OPTION_HELP = 'h',
        OPTION_JSON = '1',
        OPTION_BUS_ADDRESS = '2',
        OPTION_TIMEOUT = '3',
};

const struct base_option attestctl_common_options[] = {
        { OPTION_JSON, "json", NULL, "print JSON" },
        { OPTION_BUS_ADDRESS, "bus-address", "ADDRESS", "D-Bus address to use in place of the system bus" },
        { OPTION_TIMEOUT, "timeout", "MS", "give up after so many milliseconds (default and most: 60000)" },
        { OPTION_HELP, "help", NULL, "print this help" },
        { 0 },
};

static bool timeout_read(const char *value, uint32_t *ret, struct base_error *error)
{
        unsigned long number = strtoul(value, NULL, 10);

        if (value[strspn(value, "0123456789")] != '\0' || strlen(value) > TIMEOUT_TEXT_MAX || number == 0 ||
            number > ATTESTER_TIMEOUT_MS_DEFAULT)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "--timeout takes 1 to %u milliseconds, not \"%s\"",
                                      ATTESTER_TIMEOUT_MS_DEFAULT, value);
        *ret = (uint32_t) number;
        return true;
}

static bool is_own(const struct attestctl_command *command, int letter)
{
        for (const struct base_option *option = command->options; option != NULL && option->name != NULL; option++)
                if (option->letter == letter)
                        return true;
        return false;
}

bool attestctl_options_read(struct attestctl *ctl, void *state, int argc, char **argv, int *ret_first, bool *ret_help,
                            struct base_error *error)
{
        const struct attestctl_command *command = ctl->command;
        struct base_getopt tables = BASE_GETOPT_INIT;
        int letter;

        base_getopt_add(&tables, command->options);
        base_getopt_add(&tables, attestctl_common_options);
        opterr = 0;
        while ((letter = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) >= 0) {
                if (letter == '?')
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "there is no option %s", argv[optind - 1]);
                if (letter == ':')
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "%s takes a value", argv[optind - 1]);
                if (is_own(command, letter)) {
                        if (!command->take_option(state, (char) letter, optarg, error))
                                return false;
                } else if (letter == OPTION_HELP) {
                        *ret_help = true;
                } else if (letter == OPTION_JSON) {
                        ctl->json = true;
                } else if (letter == OPTION_BUS_ADDRESS) {
                        ctl->bus_address = optarg;
                } else if (!timeout_read(optarg, &ctl->options.timeout_ms, error)) {
                        return false;
                }
        }
        if (!*ret_help && (argc - optind < command->arguments_min || argc - optind > command->arguments_max))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "%s",
                                      argc - optind < command->arguments_min ? "an argument is missing" : "too many arguments");
        *ret_first = optind;
        return true;
}

void attestctl_options_usage(FILE *to, const struct attestctl_command *command)
{
        (void) fprintf(to, "usage: attestctl %s%s%s [OPTION…]%s%s\n", command->name, command->subcommand != NULL ? " " : "",
                       command->subcommand != NULL ? command->subcommand : "", command->arguments[0] != '\0' ? " " : "",
                       command->arguments);
}

void attestctl_options_help(FILE *to, const struct attestctl_command *command)
{
        attestctl_options_usage(to, command);
        (void) fprintf(to, "\n%s.\n%s\n", command->summary, command->help);
        base_option_print_help(command->options, attestctl_common_options, to);
}

static size_t commands_describe(struct base_command ret[static ATTESTCTL_COMMANDS_MAX])
{
        size_t count = 0;

        for (; attestctl_commands[count] != NULL && count < ATTESTCTL_COMMANDS_MAX; count++) {
                const struct attestctl_command *command = attestctl_commands[count];

                ret[count] = (struct base_command){ command->name, command->subcommand, command->arguments, command->summary,
                                                    command->options };
        }
        return count;
}

void attestctl_options_overview(FILE *to)
{
        struct base_command commands[ATTESTCTL_COMMANDS_MAX];
        size_t count = commands_describe(commands);

        (void) fputs("usage: attestctl COMMAND [OPTION…]\n\n", to);
        base_command_print_help(commands, count, to);
        (void) fputs(
                "\nEvery command takes --json, --bus-address, --timeout and --help; attestctl --version prints the version.\n"
                "attestctl(1) has the exit statuses.\n",
                to);
}

bool attestctl_options_completion(FILE *to, const char *shell)
{
        static const struct base_option first[] = {
                { .letter = '1', .name = "help", .help = "print the list of commands" },
                { .letter = '2', .name = "version", .help = "print the version" },
                { 0 },
        };
        struct base_command commands[ATTESTCTL_COMMANDS_MAX];
        const struct base_completion completion = {
                .program = "attestctl",
                .first = first,
                .common = attestctl_common_options,
                .commands = commands,
                .command_count = commands_describe(commands),
                .issuers = "attestctl issuers --json --timeout 1000 2>/dev/null | "
                           "grep -o '\"name\": *\"[^\"]*\"' | cut -d '\"' -f 4",
        };

        return base_completion_print(&completion, shell, to);
}
