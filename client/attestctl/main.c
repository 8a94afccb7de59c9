/* SPDX-License-Identifier: BSD-2-Clause */
/* attestctl: finds the command, reads its options, runs it. */
#include "client/attestctl/command.h"
#include "client/attestctl/options.h"

#include <string.h>

static bool is_color_terminal(int fd)
{
        const char *terminal = getenv("TERM");

        return isatty(fd) && getenv("NO_COLOR") == NULL && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

/* The command that the words name, and how many words that took. */
static const struct attestctl_command *command_find(int argc, char **argv, int *ret_words)
{
        for (size_t i = 0; attestctl_commands[i] != NULL; i++) {
                const struct attestctl_command *command = attestctl_commands[i];
                bool has_second = command->subcommand != NULL;

                if (strcmp(argv[1], command->name) != 0)
                        continue;
                if (has_second && (argc < 3 || strcmp(argv[2], command->subcommand) != 0))
                        continue;
                *ret_words = has_second ? 2 : 1;
                return command;
        }
        return NULL;
}

static int command_run(struct attestctl *ctl, int argc, char **argv)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct base_error usage = BASE_ERROR_INIT;
        void *state = calloc(1, ctl->command->state_size + 1);
        bool help = false;
        int first, status;

        if (state == NULL)
                return base_error_exit_status(BASE_ERROR_NO_MEMORY);
        if (!attestctl_options_read(ctl, state, argc, argv, &first, &help, &usage)) {
                (void) fprintf(stderr, "attestctl: %s\n", usage.message);
                attestctl_options_usage(stderr, ctl->command);
                status = base_error_exit_status(BASE_ERROR_INVALID_ARGUMENT);
        } else if (help) {
                attestctl_options_help(stdout, ctl->command);
                status = 0;
        } else if (attester_new(ctl->bus_address, &ctl->attester, &error) < 0) {
                status = attestctl_fail(ctl, &error);
        } else {
                status = ctl->command->run(ctl, state, argv + first, argc - first);
        }
        attester_free(ctl->attester);
        free(state);
        return status;
}

int main(int argc, char **argv)
{
        struct attestctl ctl = {
                .color_out = is_color_terminal(STDOUT_FILENO),
                .color_err = is_color_terminal(STDERR_FILENO),
                .options = ATTESTER_OPTIONS_INIT,
        };
        int words = 0, status;

        ctl.options.interactive = true;
        if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
                attestctl_options_overview(stdout);
                return 0;
        }
        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                (void) puts("attestctl " ATTESTER_VERSION);
                return 0;
        }
        if (argc == 3 && strcmp(argv[1], "--completion") == 0 && attestctl_options_completion(stdout, argv[2]))
                return fflush(stdout) == 0 ? 0 : base_error_exit_status(BASE_ERROR_IO);
        if (argc >= 2)
                ctl.command = command_find(argc, argv, &words);
        if (ctl.command == NULL) {
                if (argc >= 2)
                        (void) fprintf(stderr, "attestctl: there is no command \"%s%s%s\"\n", argv[1], argc >= 3 ? " " : "",
                                       argc >= 3 ? argv[2] : "");
                attestctl_options_overview(stderr);
                return base_error_exit_status(BASE_ERROR_INVALID_ARGUMENT);
        }
        status = command_run(&ctl, argc - words, argv + words);
        if (fflush(stdout) != 0 && status == 0)
                status = base_error_exit_status(BASE_ERROR_IO);
        return status;
}
