/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/program.h"

#include "base/log.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum option_id {
        OPTION_LOG_LEVEL = 256,
        OPTION_VERSION,
        OPTION_HELP,
        OPTION_FIRST, /* those of the program, in order */
};

static const struct option common[] = {
        { "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
        { "version", no_argument, NULL, OPTION_VERSION },
        { "help", no_argument, NULL, OPTION_HELP },
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

static bool set_log_level(const struct base_program *program, const char *name)
{
        enum base_log_level level;

        if (!base_log_level_from_string(name, &level)) {
                (void) fprintf(stderr, "%s: there is no log level \"%s\"\n", program->name, name);
                return false;
        }
        base_log_set_level(level);
        return true;
}

static void make_table(const struct base_program *program, struct option table[static BASE_PROGRAM_OPTIONS_MAX + 1])
{
        size_t count = 0;

        for (; count < BASE_COUNT(common); count++)
                table[count] = common[count];
        for (size_t i = 0; i < program->option_count && count < BASE_PROGRAM_OPTIONS_MAX; i++)
                table[count++] = (struct option){
                        .name = program->options[i].name,
                        .has_arg = program->options[i].has_argument ? required_argument : no_argument,
                        .val = OPTION_FIRST + (int) i,
                };
        table[count] = (struct option){ NULL };
}

/* True: go on with the next. */
static bool take(const struct base_program *program, int id, int *ret_status)
{
        const struct base_option *option;

        switch (id) {
        case OPTION_LOG_LEVEL:
                return set_log_level(program, optarg);
        case OPTION_VERSION:
                *ret_status = printf("%s %s\n", program->name, program->version) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
                return false;
        case OPTION_HELP:
                *ret_status = fputs(program->usage, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
                return false;
        default:
                if (id < OPTION_FIRST) {
                        (void) fputs(program->usage, stderr);
                        return false;
                }
                option = &program->options[id - OPTION_FIRST];
                return option->set(optarg, option->to);
        }
}

bool base_program_parse(const struct base_program *program, int argc, char **argv, int *ret_status)
{
        struct option table[BASE_PROGRAM_OPTIONS_MAX + 1];
        int id;

        make_table(program, table);
        *ret_status = BASE_PROGRAM_EXIT_USAGE;
        while ((id = getopt_long(argc, argv, "", table, NULL)) != -1)
                if (!take(program, id, ret_status))
                        return false;
        if (optind == argc)
                return true;
        (void) fputs(program->usage, stderr);
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
