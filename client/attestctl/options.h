/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the options of a command and writes its help, from its table. Runs in attestctl; client/attestctl only. */
#pragma once

#include "client/attestctl/command.h"

#define ATTESTCTL_COMMANDS_MAX 32

/* The options of every command; ends with a zero row. */
extern const struct base_option attestctl_common_options[];

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
/* Completion for a shell, see base/completion.h; false for any other. */
bool attestctl_options_completion(FILE *to, const char *shell) BASE_MUST_CHECK;
