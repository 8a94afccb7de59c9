/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Completion of a program's command line for bash, zsh and fish, from the tables that its help comes from. Programs print it when
 * the packages are built; may be included by all.
 */
#pragma once

#include "base/option.h"

struct base_completion {
        const char *program;
        const struct base_option *first;     /* where no command was given; ends with a zero row */
        const struct base_option *common;    /* of every command, besides its own; the same */
        const struct base_command *commands; /* those with the same first word stand together */
        size_t command_count;                /* 0: a program without commands */
        const char *issuers;                 /* a shell's command that prints what an argument ISSUER may be, or NULL */
};

/* Prints the script for "bash", "zsh" or "fish"; false for any other shell. */
bool base_completion_print(const struct base_completion *completion, const char *shell, FILE *to) BASE_MUST_CHECK;
