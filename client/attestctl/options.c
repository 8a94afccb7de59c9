/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/options.h"
#include "client/attestctl/table.h"

#include <ctype.h>
#include <getopt.h>
#include <string.h>

#define TIMEOUT_TEXT_MAX 5 /* digits */

/* Letters from '1' on have no short form. */
enum common_option {
        OPTION_HELP = 'h',
        OPTION_JSON = '1',
        OPTION_BUS_ADDRESS = '2',
        OPTION_TIMEOUT = '3',
};

const struct attestctl_option attestctl_common_options[] = {
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

/* getopt's tables, made of the command's own options and the common ones. */
struct getopt_tables {
        struct option longs[ATTESTCTL_OPTIONS_MAX + 1];
        char shorts[ATTESTCTL_OPTIONS_MAX * 2 + 3];
};

static void tables_add(struct getopt_tables *tables, size_t *count, const struct attestctl_option *options)
{
        size_t end = strlen(tables->shorts);

        for (; options != NULL && options->name != NULL && *count < ATTESTCTL_OPTIONS_MAX; options++) {
                tables->longs[(*count)++] = (struct option){ options->name, options->argument != NULL, NULL, options->letter };
                if (!isalpha((unsigned char) options->letter))
                        continue;
                tables->shorts[end++] = options->letter;
                if (options->argument != NULL)
                        tables->shorts[end++] = ':';
        }
}

static bool is_own(const struct attestctl_command *command, int letter)
{
        for (const struct attestctl_option *option = command->options; option != NULL && option->name != NULL; option++)
                if (option->letter == letter)
                        return true;
        return false;
}

bool attestctl_options_read(struct attestctl *ctl, void *state, int argc, char **argv, int *ret_first, bool *ret_help,
                            struct base_error *error)
{
        const struct attestctl_command *command = ctl->command;
        struct getopt_tables tables = { .shorts = ":" };
        size_t count = 0;
        int letter;

        tables_add(&tables, &count, command->options);
        tables_add(&tables, &count, attestctl_common_options);
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

static void help_add(struct attestctl_table *table, const struct attestctl_option *options)
{
        for (; options != NULL && options->name != NULL; options++) {
                char text[96];
                char shorts[8] = "    ";

                if (isalpha((unsigned char) options->letter))
                        (void) snprintf(shorts, sizeof(shorts), "-%c, ", options->letter);
                (void) snprintf(text, sizeof(text), "  %s--%s%s%s", shorts, options->name, options->argument != NULL ? " " : "",
                                options->argument != NULL ? options->argument : "");
                attestctl_table_add(table, ATTESTCTL_PLAIN, text);
                attestctl_table_add(table, ATTESTCTL_PLAIN, options->help);
        }
}

void attestctl_options_help(FILE *to, const struct attestctl_command *command)
{
        attestctl_auto_table struct attestctl_table table;

        attestctl_options_usage(to, command);
        (void) fprintf(to, "\n%s.\n%s\n", command->summary, command->help);
        attestctl_table_init(&table, 2);
        help_add(&table, command->options);
        help_add(&table, attestctl_common_options);
        attestctl_table_print(&table, to, false);
}

void attestctl_options_overview(FILE *to)
{
        attestctl_auto_table struct attestctl_table table;

        (void) fputs("usage: attestctl COMMAND [OPTION…]\n\n", to);
        attestctl_table_init(&table, 2);
        for (size_t i = 0; attestctl_commands[i] != NULL; i++) {
                const struct attestctl_command *command = attestctl_commands[i];
                char text[96];

                (void) snprintf(text, sizeof(text), "  %s%s%s %s", command->name, command->subcommand != NULL ? " " : "",
                                command->subcommand != NULL ? command->subcommand : "", command->arguments);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, text);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, command->summary);
        }
        attestctl_table_print(&table, to, false);
        (void) fputs("\nEvery command takes --json, --bus-address, --timeout and --help. attestctl(1) has the exit statuses.\n",
                     to);
}
