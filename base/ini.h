/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INI files in the manner of systemd: [Section name] lines, Key=Value lines, comments from '#' or ';' at the start of a
 * line, a trailing backslash that continues a value on the next line (read as one space), and drop-in directories.
 * Used by every program that has configuration; may be included by every folder.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define BASE_INI_FILE_BYTES_MAX (1024 * 1024)
#define BASE_INI_LINE_BYTES_MAX 8192
#define BASE_INI_FILES_MAX      256

struct base_ini_entry {
        const char *file;
        const char *section;   /* between the brackets, trimmed; never NULL */
        const char *key;       /* NULL for the section line itself */
        const char *value;     /* trimmed; "" when empty; NULL for the section line */
        unsigned line;         /* where the entry starts; from 1 */
        unsigned key_column;   /* where the key starts; from 1; for a section line, the column of its name */
        unsigned value_column; /* where the value starts; for a section line, as key_column */
};

/* Called for each section line and each entry, in order. Return false with `error` set to stop. */
typedef bool base_ini_visitor(const struct base_ini_entry *entry, void *context, struct base_error *error);

/*
 * Parses `text`; `file` is the name for messages. The entry's strings live until the visitor returns.
 * Errors: CONFIG_INVALID or LIMIT_EXCEEDED as "file:line:column: what", or what the visitor set.
 */
bool base_ini_parse(const char *file, struct base_bytes text, base_ini_visitor *visitor, void *context,
                    struct base_error *error) BASE_MUST_CHECK;

/* Reads one file and parses it. Errors also: NOT_FOUND, IO. */
bool base_ini_parse_file(const char *path, base_ini_visitor *visitor, void *context, struct base_error *error) BASE_MUST_CHECK;

struct base_ini_files {
        char **paths;
        size_t count;
};

void base_ini_files_clear(struct base_ini_files *files);
#define base_auto_ini_files BASE_CLEANUP(base_ini_files_clear)

/*
 * Lists the files that apply, in the order in which they are to be read, as systemd's drop-in directories do: of
 * files called `*suffix` in the `count` directories, one name counts once and the earliest directory that has it
 * wins; sorted by name; a link to /dev/null masks its name. Directories that do not exist are skipped.
 * Pass directories highest precedence first (/etc, /run, /usr/lib). The caller clears `ret`.
 * Errors: LIMIT_EXCEEDED (more than BASE_INI_FILES_MAX), IO.
 */
bool base_ini_list(const char *const *directories, size_t count, const char *suffix, struct base_ini_files *ret,
                   struct base_error *error) BASE_MUST_CHECK;
