/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options and commands of a program's command line, described once: for getopt, for the help and for shells' completion
 * (base/completion.h). Used by every program that a person calls; may be included by all.
 */
#pragma once

#include "base/cleanup.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define BASE_OPTIONS_MAX 32 /* of one command, common ones included */

struct base_option {
        char letter; /* unique among those read together; one that is no letter of the alphabet has no short form */
        const char *name;
        const char *argument; /* its name in the help, or NULL for a flag. FILE, DIR and PATH are completed as names of files */
        const char *help;
        /* For base_program_parse(): takes the argument (NULL for a flag), which is borrowed; false with the reason printed. */
        bool (*set)(const char *argument, void *to);
        void *to;
};

/* A command of a program that has several. */
struct base_command {
        const char *name;
        const char *subcommand;            /* NULL, or the second word */
        const char *arguments;             /* as in "ISSUER"; "" */
        const char *summary;               /* without a full stop */
        const struct base_option *options; /* its own; ends with a zero row; NULL: none */
};

bool base_option_has_short(const struct base_option *option);

/* What getopt_long(3) wants; a short option string that begins with ':' has it tell a missing argument from an unknown option. */
struct base_getopt {
        struct option longs[BASE_OPTIONS_MAX + 1];
        char shorts[2 * BASE_OPTIONS_MAX + 2];
        size_t count;
};

#define BASE_GETOPT_INIT                                                                                                         \
        {                                                                                                                        \
                .shorts = ":"                                                                                                    \
        }

/* Adds options up to the zero row; `options` may be NULL. The value of each is its letter. Those over BASE_OPTIONS_MAX are left
 * out. */
void base_getopt_add(struct base_getopt *tables, const struct base_option *options);

/* One line for each option: first `own`, then `common`; either may be NULL. */
void base_option_print_help(const struct base_option *own, const struct base_option *common, FILE *to);

/* One line for each command. */
void base_command_print_help(const struct base_command *commands, size_t count, FILE *to);
