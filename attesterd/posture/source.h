/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the files that facts come from. Used by the collectors of this folder only.
 */
#pragma once

#include "attesterd/posture/posture.h"
#include "base/buffer.h"

#include <sys/stat.h>

#define POSTURE_REASON_BYTES_MAX (POLICY_FACT_TEXT_BYTES_MAX + 1)
#define POSTURE_LINE_BYTES_MAX   POLICY_FACT_TEXT_BYTES_MAX
#define POSTURE_PATH_BYTES_MAX   512  /* with the NUL; of paths that are put together from what directories hold */
#define POSTURE_NAMES_MAX        1024 /* of a directory that is listed */

/*
 * Appends a regular file (or a node of procfs, sysfs, efivarfs) below the root to `to`. `path` is absolute, as on the
 * running system. With a cache, what is known not to have changed since the last time is not read again. Not being able to is a
 * result: returns 0 or an errno(3); EFBIG if the file passes the buffer's limit, EISDIR or EINVAL if it is no regular file.
 */
int posture_source_read(const struct posture_sources *sources, const char *path, struct base_buffer *to) BASE_MUST_CHECK;

/* As posture_source_read(), of an open file. */
int posture_source_read_fd(int fd, struct base_buffer *to) BASE_MUST_CHECK;

/* Reads a file of one short line, without the white space at its end. EILSEQ if it holds more than clean text. */
int posture_source_read_line(const struct posture_sources *sources, const char *path,
                             char ret[POSTURE_LINE_BYTES_MAX + 1]) BASE_MUST_CHECK;

/*
 * Reads the beginning of a file into `ret` as a string, at most `ret_size` - 1 bytes and what comes before a NUL. Returns 0
 * or an errno(3).
 */
int posture_source_read_start(const struct posture_sources *sources, const char *path, char *ret,
                              size_t ret_size) BASE_MUST_CHECK;

/*
 * Calls `visit` for the names in a directory, in no order and without those that start with a dot, until it returns false.
 * Returns 0 or an errno(3); E2BIG if there are more than POSTURE_NAMES_MAX names.
 */
typedef bool posture_name_visitor(const char *name, void *context);
int posture_source_each_name(const struct posture_sources *sources, const char *path, posture_name_visitor *visit,
                             void *context) BASE_MUST_CHECK;

/*
 * Calls `take` for one piece of a regular file after another. Nothing is kept of it. Returns 0 or an errno(3); EFBIG if it has
 * more than `limit` bytes.
 */
typedef void posture_chunk_taker(struct base_bytes chunk, void *context);
int posture_source_each_chunk(const struct posture_sources *sources, const char *path, size_t limit, posture_chunk_taker *take,
                              void *context) BASE_MUST_CHECK;

/* fstatat(2), following links. Returns 0 or an errno(3). */
int posture_source_look(const struct posture_sources *sources, const char *path, struct stat *ret) BASE_MUST_CHECK;

/* Whether an inode's times are old enough that it cannot change again without their changing. */
bool posture_source_is_settled(const struct posture_sources *sources, const struct stat *status);

/* When the file or directory was last modified, in seconds since 1970. Returns 0 or an errno(3). */
int posture_source_modified(const struct posture_sources *sources, const char *path, int64_t *ret) BASE_MUST_CHECK;

/* The sources' clock, in seconds since 1970. */
int64_t posture_source_now(const struct posture_sources *sources);

/* 0 if something has that path below the root (a link counts, wherever it points), ENOENT, or another errno(3). */
int posture_source_exists(const struct posture_sources *sources, const char *path) BASE_MUST_CHECK;

/* "/etc/os-release: permission denied". */
void posture_source_reason(char ret[POSTURE_REASON_BYTES_MAX], const char *path, int error_number);
