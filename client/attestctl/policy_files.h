/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies and facts from files, and what is wrong with these. Runs in attestctl; may be included by client/attestctl only. */
#pragma once

#include "client/attestctl/command.h"
#include "policy/facts_file.h"

#define ATTESTCTL_PATHS_MAX 256 /* files of facts, or of policies, of one command */

/* Paths that an option gave, one after another. */
struct attestctl_paths {
        const char *items[ATTESTCTL_PATHS_MAX];
        size_t count;
};

/* Errors: INVALID_ARGUMENT (too many). */
bool attestctl_paths_add(struct attestctl_paths *paths, const char *path, struct base_error *error) BASE_MUST_CHECK;

/*
 * Loads a policy from a file, from the files of a directory, or (NULL) from this system's directories. Returns 0, or the exit
 * status: what is wrong was then appended to `errors`, and printed unless JSON is wanted. The caller frees `ret`.
 */
int attestctl_policy_load(const struct attestctl *ctl, const char *path, json_t *errors, struct policy **ret);

/* The same for a file of facts. */
int attestctl_facts_file_load(const struct attestctl *ctl, const char *path, json_t *errors, struct policy_facts_file **ret);

/*
 * Appends all that is wrong to `errors`, and prints it unless JSON is wanted; `error` says it of `path` if the diagnostics have
 * nothing, as of a file that cannot be read. Returns the exit status.
 */
int attestctl_policy_report(const struct attestctl *ctl, struct policy_diagnostics *diagnostics, const char *path,
                            const struct base_error *error, json_t *errors);

/* Ends a command that could not read its files; gives `errors` up. Returns `status`. */
int attestctl_fail_files(const struct attestctl *ctl, int status, json_t *errors);
