/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the main() of a program is made of: options, the signals that end it. Used by attesterd, attester-agent, attester-issuer
 * and attester-gate; may be included by their main files.
 */
#pragma once

#include "base/error.h"
#include "base/option.h"

#include <systemd/sd-event.h>

#define BASE_PROGRAM_EXIT_USAGE  2
#define BASE_PROGRAM_OPTIONS_MAX (BASE_OPTIONS_MAX - 3) /* of the program's own */

bool base_option_set_text(const char *argument, void *to); /* a const char * */
bool base_option_set_true(const char *argument, void *to); /* a bool */
/* Sets the level of the log; `to` is not used. */
bool base_option_set_log_level(const char *argument, void *to);
#define BASE_OPTION_LOG_LEVEL                                                                                                    \
        {                                                                                                                        \
                .name = "log-level", .argument = "LEVEL", .help = "error, warning, notice, info or debug",                       \
                .set = base_option_set_log_level,                                                                                \
        }

struct base_program {
        const char *name;
        const char *version;
        const char *about;                 /* whole lines */
        const struct base_option *options; /* long ones */
        size_t option_count;               /* at most BASE_PROGRAM_OPTIONS_MAX */
        const struct base_command *commands;
        size_t command_count; /* 0: there are no words besides options */
};

/*
 * Parses the options of `program`, and --version and --help, and does what these say; --completion SHELL, which the help leaves
 * out, prints the completion for a shell. True: go on; the words of a command are at `argv[optind]`, unless there are none.
 * False: exit with *ret_status; what there is to say has been printed.
 */
bool base_program_parse(const struct base_program *program, int argc, char **argv, int *ret_status) BASE_MUST_CHECK;

/*
 * A loop that SIGINT and SIGTERM end with status 0; SIGPIPE is ignored. Before any thread starts, so that signals reach the loop
 * alone. Errors: NO_MEMORY.
 */
bool base_program_event_new(sd_event **ret, struct base_error *error) BASE_MUST_CHECK;
void base_program_event_unref(sd_event **event);
#define base_auto_event BASE_CLEANUP(base_program_event_unref)
