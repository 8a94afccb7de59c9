/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the main() of a program on a message bus is made of: options, the signals that end it. Used by attesterd and
 * attester-agent; may be included by their main files.
 */
#pragma once

#include "base/error.h"

#include <systemd/sd-event.h>

#define BASE_PROGRAM_EXIT_USAGE  2
#define BASE_PROGRAM_OPTIONS_MAX 32

/* A long option. */
struct base_option {
        const char *name;
        bool has_argument;
        /* Takes the argument (NULL if it has none), which is borrowed; false with the reason printed. */
        bool (*set)(const char *argument, void *to);
        void *to;
};

bool base_option_set_text(const char *argument, void *to); /* a const char * */
bool base_option_set_true(const char *argument, void *to); /* a bool */

struct base_program {
        const char *name;
        const char *version;
        const char *usage; /* whole lines */
        const struct base_option *options;
        size_t option_count; /* at most BASE_PROGRAM_OPTIONS_MAX - 3 */
};

/*
 * Parses the options of `program`, and --log-level, --version and --help, and does what these say. True: go on. False: exit with
 * *ret_status; what there is to say has been printed.
 */
bool base_program_parse(const struct base_program *program, int argc, char **argv, int *ret_status) BASE_MUST_CHECK;

/*
 * A loop that SIGINT and SIGTERM end with status 0; SIGPIPE is ignored. Before any thread starts, so that signals reach the loop
 * alone. Errors: NO_MEMORY.
 */
bool base_program_event_new(sd_event **ret, struct base_error *error) BASE_MUST_CHECK;
void base_program_event_unref(sd_event **event);
#define base_auto_event BASE_CLEANUP(base_program_event_unref)
