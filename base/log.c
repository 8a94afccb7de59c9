/* SPDX-License-Identifier: BSD-2-Clause */
/* The level is the one piece of process-wide state in the tree: a logger that had to be passed would reach every call. */
#include "base/log.h"

#include "base/journal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define CONTEXT_BYTES_MAX   1024
#define LINE_BYTES_MAX      (CONTEXT_BYTES_MAX + 2 * BASE_ERROR_TEXT_MAX + 8)
#define PRINTABLE_BYTES_MAX (4 * LINE_BYTES_MAX) /* an escape is four bytes long */

static enum base_log_level current_level = BASE_LOG_NOTICE;

void base_log_set_level(enum base_log_level level)
{
        current_level = level;
}

bool base_log_level_from_string(const char *name, enum base_log_level *ret)
{
        static const struct {
                const char *name;
                enum base_log_level level;
        } levels[] = {
                { "error", BASE_LOG_ERROR }, { "warning", BASE_LOG_WARNING }, { "notice", BASE_LOG_NOTICE },
                { "info", BASE_LOG_INFO },   { "debug", BASE_LOG_DEBUG },
        };

        for (size_t i = 0; i < BASE_COUNT(levels); i++)
                if (strcmp(levels[i].name, name) == 0) {
                        *ret = levels[i].level;
                        return true;
                }
        return false;
}

static void write_line(enum base_log_level level, enum base_event event, const struct base_event_field *fields, size_t count,
                       const char *line)
{
        char printable[PRINTABLE_BYTES_MAX];

        if (base_journal_is_stream(STDERR_FILENO)) {
                base_journal_send(level, event, line, fields, count);
                return;
        }
        base_journal_printable(line, printable, sizeof(printable));
        (void) fprintf(stderr, "%s: %s\n", program_invocation_short_name, printable);
}

/* `error` NULL: none. */
static void write_formatted(enum base_log_level level, enum base_event event, const struct base_event_field *fields, size_t count,
                            const struct base_error *error, const char *format, va_list arguments)
{
        struct base_event_field with_error[BASE_JOURNAL_FIELDS_MAX];
        char context[CONTEXT_BYTES_MAX], line[LINE_BYTES_MAX];
        size_t filled = 0;

        if (level > current_level)
                return;
        (void) vsnprintf(context, sizeof(context), format, arguments);
        if (error == NULL) {
                write_line(level, event, fields, count, context);
                return;
        }
        (void) snprintf(line, sizeof(line), error->detail[0] == '\0' ? "%s: %s" : "%s: %s (%s)", context, error->message,
                        error->detail);
        with_error[filled++] = (struct base_event_field){ BASE_EVENT_FIELD_ERROR, base_error_name(error->code) };
        for (size_t i = 0; i < count && filled < BASE_COUNT(with_error); i++)
                with_error[filled++] = fields[i];
        write_line(level, event, with_error, filled, line);
}

void base_log(enum base_log_level level, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        write_formatted(level, BASE_EVENT_NONE, BASE_LOG_NO_FIELDS, NULL, format, arguments);
        va_end(arguments);
}

void base_log_error(enum base_log_level level, const struct base_error *error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        write_formatted(level, BASE_EVENT_NONE, BASE_LOG_NO_FIELDS, error, format, arguments);
        va_end(arguments);
}

void base_log_event(enum base_event event, const struct base_event_field *fields, size_t count, const struct base_error *error,
                    const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        write_formatted(base_event_level(event), event, fields, count, error, format, arguments);
        va_end(arguments);
}
