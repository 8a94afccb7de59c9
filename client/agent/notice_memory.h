/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which refusals the person was told of within a day, so that nobody is told twice. Kept in a file, since the agent ends when
 * it is idle; the file has digests of rules' names and times, and nothing about websites. Runs in attester-agent; may be
 * included by client/agent.
 */
#pragma once

#include "base/error.h"
#include "base/hash.h"
#include "base/system.h"

#define AGENT_NOTICE_CAUSES_MAX 64 /* remembered; when it is full nothing more is said until one is old */
#define AGENT_NOTICE_DAY_S      (24 * 60 * 60)
#define AGENT_NOTICE_PATH_MAX   512                            /* with the NUL */
#define AGENT_NOTICE_FILE_MAX   (AGENT_NOTICE_CAUSES_MAX * 96) /* bytes */

struct agent_notice_cause {
        uint8_t digest[BASE_SHA256_LEN];
        uint64_t told_s; /* seconds since 1970 */
};

struct agent_notice_memory {
        char directory[AGENT_NOTICE_PATH_MAX]; /* "": nothing is kept in a file */
        struct agent_notice_cause causes[AGENT_NOTICE_CAUSES_MAX];
        size_t count;
};

/*
 * Reads the file `notices` below `state_home` (XDG_STATE_HOME, or NULL: HOME's .local/state), if there is any; one that is
 * damaged counts as empty. Paths that are not absolute are not used.
 * Source: the XDG Base Directory Specification.
 */
void agent_notice_memory_load(struct agent_notice_memory *memory, const char *state_home, const char *home);

/* Reads the content of such a file: lines "DIGEST SECONDS". False, and no causes, if it is damaged. */
bool agent_notice_memory_parse(struct agent_notice_memory *memory, struct base_bytes text) BASE_MUST_CHECK;

/* Whether a rule was told of less than a day before `now_s`. A time that is not yet does not count. */
bool agent_notice_memory_has(const struct agent_notice_memory *memory, const char *rule, uint64_t now_s);

/* Notes a rule as told of at `now_s`, in place of one that is old; false if there is no room. */
bool agent_notice_memory_add(struct agent_notice_memory *memory, const char *rule, uint64_t now_s) BASE_MUST_CHECK;
void agent_notice_memory_remove(struct agent_notice_memory *memory, const char *rule);

/* Writes the file, and the directories above it. Errors: IO. */
bool agent_notice_memory_save(const struct agent_notice_memory *memory, struct base_error *error) BASE_MUST_CHECK;
