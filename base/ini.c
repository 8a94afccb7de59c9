/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ini.h"

#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

struct parser {
        const char *file;
        struct base_reader reader;
        unsigned line; /* number of the last physical line read */
        char *section;
        base_ini_visitor *visitor;
        void *context;
};

static bool fail_at(const struct parser *parser, unsigned line, unsigned column, const char *what, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: %s", parser->file, line, column, what);
}

/* The next physical line without its newline; false at the end. */
static bool next_line(struct parser *parser, struct base_bytes *ret)
{
        struct base_reader *reader = &parser->reader;
        const uint8_t *start;
        const uint8_t *newline;
        size_t len;

        if (base_reader_at_end(reader))
                return false;
        start = reader->data + reader->position;
        newline = memchr(start, '\n', base_reader_left(reader));
        len = newline == NULL ? base_reader_left(reader) : (size_t) (newline - start);
        *ret = BASE_BYTES(start, len);
        reader->position += newline == NULL ? len : len + 1;
        parser->line++;
        return true;
}

static size_t leading_space(struct base_bytes line)
{
        size_t i = 0;

        while (i < line.len && isspace(line.data[i]))
                i++;
        return i;
}

static bool is_blank(struct base_bytes line)
{
        return leading_space(line) == line.len;
}

static bool is_comment(struct base_bytes line)
{
        return !is_blank(line) && strchr("#;", line.data[leading_space(line)]) != NULL;
}

/* Joins continued lines into `to`; comment lines between them are dropped, as systemd does. */
static bool read_logical_line(struct parser *parser, struct base_bytes line, struct base_buffer *to, struct base_error *error)
{
        unsigned start = parser->line;

        for (;;) {
                bool continued = line.len > 0 && line.data[line.len - 1] == '\\';

                if (memchr(line.data, '\0', line.len) != NULL)
                        return fail_at(parser, parser->line, 1, "a NUL byte is not allowed", error);
                base_buffer_put(to, line.data, continued ? line.len - 1 : line.len);
                if (!continued)
                        break;
                base_buffer_put_u8(to, ' ');
                do {
                        if (!next_line(parser, &line))
                                return fail_at(parser, start, 1, "the last line ends in a backslash", error);
                } while (is_comment(line));
        }
        if (!base_buffer_ok(to))
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s:%u:1: the entry is longer than %d bytes",
                                      parser->file, start, BASE_INI_LINE_BYTES_MAX);
        return true;
}

static char *trim_end(char *start, char *end)
{
        while (end > start && isspace((unsigned char) end[-1]))
                end--;
        *end = '\0';
        return start;
}

static char *skip_space(char *text)
{
        while (isspace((unsigned char) *text))
                text++;
        return text;
}

static bool parse_section(struct parser *parser, char *text, unsigned line, struct base_error *error)
{
        char *name = skip_space(text) + 1;
        char *close = strchr(name, ']');
        struct base_ini_entry entry = { .file = parser->file, .line = line };

        if (close == NULL)
                return fail_at(parser, line, (unsigned) (name - text), "the section name has no closing ']'", error);
        if (*skip_space(close + 1) != '\0')
                return fail_at(parser, line, (unsigned) (close - text + 2), "unexpected text after ']'", error);
        name = skip_space(name);
        (void) trim_end(name, close);
        if (*name == '\0')
                return fail_at(parser, line, (unsigned) (name - text + 1), "the section name is empty", error);
        free(parser->section);
        parser->section = strdup(name);
        if (parser->section == NULL)
                return base_error_set_no_memory(error);
        entry.section = parser->section;
        entry.key_column = entry.value_column = (unsigned) (name - text + 1);
        return parser->visitor(&entry, parser->context, error);
}

static bool parse_entry(struct parser *parser, char *text, unsigned line, struct base_error *error)
{
        char *key = skip_space(text);
        char *equals = strchr(key, '=');
        char *value;
        struct base_ini_entry entry = { .file = parser->file, .section = parser->section, .line = line };

        if (equals == NULL)
                return fail_at(parser, line, (unsigned) (key - text + 1), "expected \"Key=Value\" or \"[Section]\"", error);
        if (equals == key)
                return fail_at(parser, line, (unsigned) (key - text + 1), "the key before '=' is empty", error);
        if (parser->section == NULL)
                return fail_at(parser, line, (unsigned) (key - text + 1), "an entry stands before the first [Section]", error);
        value = skip_space(equals + 1);
        (void) trim_end(value, value + strlen(value));
        entry.key = trim_end(key, equals);
        entry.value = value;
        entry.key_column = (unsigned) (key - text + 1);
        entry.value_column = (unsigned) (value - text + 1);
        return parser->visitor(&entry, parser->context, error);
}

bool base_ini_parse(const char *file, struct base_bytes text, base_ini_visitor *visitor, void *context, struct base_error *error)
{
        struct parser parser = { .file = file, .reader = base_reader_over(text), .visitor = visitor, .context = context };
        base_auto_buffer struct base_buffer logical = BASE_BUFFER_INIT(BASE_INI_LINE_BYTES_MAX);
        struct base_bytes line;
        bool ok = true;

        while (ok && next_line(&parser, &line)) {
                unsigned start = parser.line;
                const char *content;
                char *copy;

                if (is_blank(line) || is_comment(line))
                        continue;
                base_buffer_reset(&logical);
                ok = read_logical_line(&parser, line, &logical, error);
                if (!ok)
                        break;
                content = base_buffer_c_string(&logical);
                copy = content == NULL ? NULL : strdup(content);
                if (copy == NULL)
                        ok = base_error_set_no_memory(error);
                else if (*skip_space(copy) == '[')
                        ok = parse_section(&parser, copy, start, error);
                else
                        ok = parse_entry(&parser, copy, start, error);
                free(copy);
        }
        free(parser.section);
        return ok;
}

bool base_ini_parse_file(const char *path, base_ini_visitor *visitor, void *context, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(BASE_INI_FILE_BYTES_MAX);

        return base_file_read(path, &text, error) && base_ini_parse(path, base_buffer_bytes(&text), visitor, context, error);
}

void base_ini_files_clear(struct base_ini_files *files)
{
        for (size_t i = 0; i < files->count; i++)
                free(files->paths[i]);
        free(files->paths);
        *files = (struct base_ini_files){ 0 };
}

static const char *name_of(const char *path)
{
        return strrchr(path, '/') + 1;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(name_of(*(char *const *) a), name_of(*(char *const *) b));
}

static bool is_listed(const struct base_ini_files *files, const char *name)
{
        for (size_t i = 0; i < files->count; i++)
                if (strcmp(name_of(files->paths[i]), name) == 0)
                        return true;
        return false;
}

static bool is_masked(const char *path)
{
        char target[sizeof("/dev/null")];
        ssize_t len = readlink(path, target, sizeof(target));

        return len == (ssize_t) strlen("/dev/null") && memcmp(target, "/dev/null", (size_t) len) == 0;
}

static bool add_file(struct base_ini_files *files, const char *directory, const char *name, struct base_error *error)
{
        char *path = NULL;

        if (files->count == BASE_INI_FILES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s holds more than %d configuration files", directory,
                                      BASE_INI_FILES_MAX);
        if (asprintf(&path, "%s/%s", directory, name) < 0)
                return base_error_set_no_memory(error);
        files->paths[files->count++] = path;
        return true;
}

static bool list_directory(const char *directory, const char *suffix, struct base_ini_files *files, struct base_error *error)
{
        DIR *stream = opendir(directory);
        struct dirent *item;
        bool ok = true;

        if (stream == NULL && (errno == ENOENT || errno == ENOTDIR))
                return true;
        if (stream == NULL)
                return base_error_set_errno(error, errno, "cannot list %s", directory);
        while (ok && (item = readdir(stream)) != NULL) {
                size_t len = strlen(item->d_name);

                if (item->d_name[0] == '.' || len <= strlen(suffix) || strcmp(item->d_name + len - strlen(suffix), suffix) != 0)
                        continue;
                if (!is_listed(files, item->d_name))
                        ok = add_file(files, directory, item->d_name, error);
        }
        (void) closedir(stream);
        return ok;
}

/* A mask must hide the same name in later directories, so masked names leave the list only when all were read. */
static void drop_masked(struct base_ini_files *files)
{
        size_t kept = 0;

        for (size_t i = 0; i < files->count; i++) {
                if (is_masked(files->paths[i]))
                        free(files->paths[i]);
                else
                        files->paths[kept++] = files->paths[i];
        }
        files->count = kept;
}

bool base_ini_list(const char *const *directories, size_t count, const char *suffix, struct base_ini_files *ret,
                   struct base_error *error)
{
        base_auto_ini_files struct base_ini_files files = { .paths = calloc(BASE_INI_FILES_MAX, sizeof(char *)) };

        if (files.paths == NULL)
                return base_error_set_no_memory(error);
        for (size_t i = 0; i < count; i++)
                if (!list_directory(directories[i], suffix, &files, error))
                        return false;
        drop_masked(&files);
        qsort(files.paths, files.count, sizeof(char *), compare_names);
        *ret = files;
        files = (struct base_ini_files){ 0 };
        return true;
}
