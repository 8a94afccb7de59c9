/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the options of a command and writes its help, from its table. Runs in attestctl; client/attestctl only. */
#pragma once

#include "client/attestctl/command.h"

#define ATTESTCTL_OPTIONS_MAX 24 /* of one command, the common ones included */

/* The options of every command; ends with a zero row. */
extern const struct attestctl_option attestctl_common_options[];

/*
 * Reads options of `ctl->command`; argv[0] is the command's word. `*ret_first` is the index of the first argument,
 * `*ret_help` whether help is wanted, in which case the arguments were not counted. Errors: INVALID_ARGUMENT.
 */
bool attestctl_options_read(struct attestctl *ctl, void *state, int argc, char **argv, int *ret_first, bool *ret_help,
                            struct base_error *error) BASE_MUST_CHECK;

void attestctl_options_usage(FILE *to, const struct attestctl_command *command);
void attestctl_options_help(FILE *to, const struct attestctl_command *command);
/* The list of all commands. */
void attestctl_options_overview(FILE *to);
