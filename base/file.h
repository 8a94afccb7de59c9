/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounded reads and atomic replacement of small files. Used by every program; may be included by every folder.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#include <sys/types.h>

/*
 * Appends the whole of a file (or of a sysfs, procfs or efivarfs node) to `to`.
 * `directory_fd` and `path` are as for openat(2). A read that would pass the buffer's limit is LIMIT_EXCEEDED.
 * Errors: NOT_FOUND (no such file), LIMIT_EXCEEDED, IO; each names the path.
 */
bool base_file_read_at(int directory_fd, const char *path, struct base_buffer *to, struct base_error *error) BASE_MUST_CHECK;

/* As base_file_read_at() from the current directory. */
bool base_file_read(const char *path, struct base_buffer *to, struct base_error *error) BASE_MUST_CHECK;

/*
 * Replaces a file so that after a crash at any instant either the old or the new content is there, whole: writes a
 * temporary file beside it, fsync(2)s it, renames it over `name`, and fsyncs the directory.
 * Errors: IO; the old content is then still in place.
 */
bool base_file_replace_at(int directory_fd, const char *name, struct base_bytes content, mode_t mode,
                          struct base_error *error) BASE_MUST_CHECK;
