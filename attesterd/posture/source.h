/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the files that facts come from, and setting the facts. Used by the collectors of this folder only.
 */
#pragma once

#include "attesterd/posture/posture.h"
#include "base/buffer.h"

#define POSTURE_REASON_BYTES_MAX (POLICY_FACT_TEXT_BYTES_MAX + 1)
#define POSTURE_LINE_BYTES_MAX   POLICY_FACT_TEXT_BYTES_MAX

/*
 * Appends a regular file (or a node of procfs, sysfs, efivarfs) below the root to `to`. `path` is absolute, as on the
 * running system. Not being able to is a result: returns 0 or an errno(3); EFBIG if the file passes the buffer's limit, EISDIR or
 * EINVAL if it is no regular file.
 */
int posture_source_read(const struct posture_sources *sources, const char *path, struct base_buffer *to) BASE_MUST_CHECK;

/* As posture_source_read(), of an open file. */
int posture_source_read_fd(int fd, struct base_buffer *to) BASE_MUST_CHECK;

/* Reads a file of one short line, without the white space at its end. EILSEQ if it holds more than clean text. */
int posture_source_read_line(const struct posture_sources *sources, const char *path,
                             char ret[POSTURE_LINE_BYTES_MAX + 1]) BASE_MUST_CHECK;

/* 0 if something has that path below the root (a link counts, wherever it points), ENOENT, or another errno(3). */
int posture_source_exists(const struct posture_sources *sources, const char *path) BASE_MUST_CHECK;

/* "/etc/os-release: permission denied". */
void posture_source_reason(char ret[POSTURE_REASON_BYTES_MAX], const char *path, int error_number);

/*
 * Each sets a `reported` fact that was read from `source`. A text that no fact can hold makes the fact unreadable.
 * Errors: NO_MEMORY, LIMIT_EXCEEDED (number of facts).
 */
bool posture_set_boolean(struct policy_facts *to, const char *name, bool value, const char *source,
                         struct base_error *error) BASE_MUST_CHECK;
bool posture_set_integer(struct policy_facts *to, const char *name, int64_t value, const char *source,
                         struct base_error *error) BASE_MUST_CHECK;
bool posture_set_text(struct policy_facts *to, const char *name, enum policy_fact_type type, const char *text, const char *source,
                      struct base_error *error) BASE_MUST_CHECK;
bool posture_set_unreadable(struct policy_facts *to, const char *name, const char *reason, const char *source,
                            struct base_error *error) BASE_MUST_CHECK;
/* Unreadable for an errno(3) that reading `source` gave. */
bool posture_set_errno(struct policy_facts *to, const char *name, int error_number, const char *source,
                       struct base_error *error) BASE_MUST_CHECK;
