/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/program.h"

#include "base/completion.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>

/* The letters of the options: the program's own are numbered from 1, and none is a letter of the alphabet. */
enum letter {
        LETTER_COMPLETION = BASE_PROGRAM_OPTIONS_MAX + 1,
        LETTER_VERSION,
        LETTER_HELP,
};

bool base_option_set_text(const char *argument, void *to)
{
        *(const char **) to = argument;
        return true;
}

bool base_option_set_true(const char *argument, void *to)
{
        (void) argument;
        *(bool *) to = true;
        return true;
}

bool base_option_set_log_level(const char *argument, void *to)
{
        enum base_log_level level;

        (void) to;
        if (!base_log_level_from_string(argument, &level)) {
                (void) fprintf(stderr, "%s: there is no log level \"%s\"\n", program_invocation_short_name, argument);
                return false;
        }
        base_log_set_level(level);
        return true;
}

/* The program's options with a letter each, and those of all programs; ends with a zero row. */
static void make_options(const struct base_program *program, struct base_option options[static BASE_OPTIONS_MAX + 1])
{
        size_t count = 0;

        for (; count < program->option_count && count < BASE_PROGRAM_OPTIONS_MAX; count++) {
                options[count] = program->options[count];
                options[count].letter = (char) (count + 1);
        }
        options[count++] = (struct base_option){ .letter = LETTER_VERSION, .name = "version", .help = "print the version" };
        options[count++] = (struct base_option){ .letter = LETTER_HELP, .name = "help", .help = "print this help" };
        options[count] = (struct base_option){ 0 };
}

static void print_help(const struct base_program *program, const struct base_option *options, FILE *to)
{
        (void) fprintf(to, "usage: %s [OPTION…]%s\n%s\n", program->name, program->command_count > 0 ? " [COMMAND]" : "",
                       program->about);
        base_command_print_help(program->commands, program->command_count, to);
        if (program->command_count > 0)
                (void) fputc('\n', to);
        base_option_print_help(options, NULL, to);
}

static bool print_completion(const struct base_program *program, const struct base_option *options, const char *shell)
{
        const struct base_completion completion = {
                .program = program->name,
                .first = options,
                .common = options,
                .commands = program->commands,
                .command_count = program->command_count,
        };

        return base_completion_print(&completion, shell, stdout);
}

/* True: go on with the next. */
static bool take(const struct base_program *program, const struct base_option *options, int letter, int *ret_status)
{
        switch (letter) {
        case LETTER_VERSION:
                (void) printf("%s %s\n", program->name, program->version);
                break;
        case LETTER_HELP:
                print_help(program, options, stdout);
                break;
        case LETTER_COMPLETION:
                if (print_completion(program, options, optarg))
                        break;
                return false;
        case '?':
                print_help(program, options, stderr);
                return false;
        default:
                return options[letter - 1].set(optarg, options[letter - 1].to);
        }
        *ret_status = fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        return false;
}

bool base_program_parse(const struct base_program *program, int argc, char **argv, int *ret_status)
{
        static const struct base_option hidden[] = {
                { .letter = LETTER_COMPLETION, .name = "completion", .argument = "SHELL" },
                { 0 },
        };
        struct base_option options[BASE_OPTIONS_MAX + 1];
        struct base_getopt tables = { 0 };
        int letter;

        make_options(program, options);
        base_getopt_add(&tables, options);
        base_getopt_add(&tables, hidden);
        *ret_status = BASE_PROGRAM_EXIT_USAGE;
        while ((letter = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) != -1)
                if (!take(program, options, letter, ret_status))
                        return false;
        if (optind == argc || program->command_count > 0)
                return true;
        print_help(program, options, stderr);
        return false;
}

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        (void) info;
        (void) userdata;
        (void) sd_event_exit(sd_event_source_get_event(source), 0);
        return 0;
}

bool base_program_event_new(sd_event **ret, struct base_error *error)
{
        base_auto_event sd_event *event = NULL;
        sigset_t signals;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        if (sd_event_new(&event) < 0 || sd_event_add_signal(event, NULL, SIGTERM, on_end, NULL) < 0 ||
            sd_event_add_signal(event, NULL, SIGINT, on_end, NULL) < 0)
                return base_error_set(error, BASE_ERROR_NO_MEMORY, "no event loop: out of memory or file descriptors");
        *ret = BASE_STEAL(event);
        return true;
}

void base_program_event_unref(sd_event **event)
{
        (void) sd_event_unref(*event);
}
