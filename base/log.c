/* SPDX-License-Identifier: BSD-2-Clause */
/* The level is the one piece of process-wide state in the tree: a logger that had to be passed would reach every call. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define LINE_MAX_BYTES 2048

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

/* systemd sets JOURNAL_STREAM to the device and inode of the stream it connected; it may since have been redirected. */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat status;

        return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &status) == 0 &&
               status.st_dev == device && status.st_ino == inode;
}

static void write_line(enum base_log_level level, const char *error_name, const char *line)
{
        if (stderr_is_journal()) {
                (void) sd_journal_send("PRIORITY=%d", (int) level, "MESSAGE=%s", line,
                                       error_name == NULL ? NULL : "ATTESTER_ERROR=%s", error_name, NULL);
                return;
        }
        (void) fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
}

void base_log(enum base_log_level level, const char *format, ...)
{
        char line[LINE_MAX_BYTES];
        va_list arguments;

        if (level > current_level)
                return;
        va_start(arguments, format);
        (void) vsnprintf(line, sizeof(line), format, arguments);
        va_end(arguments);
        write_line(level, NULL, line);
}

void base_log_error(enum base_log_level level, const struct base_error *error, const char *format, ...)
{
        char context[LINE_MAX_BYTES / 2];
        char line[LINE_MAX_BYTES + 2 * BASE_ERROR_TEXT_MAX];
        va_list arguments;

        if (level > current_level)
                return;
        va_start(arguments, format);
        (void) vsnprintf(context, sizeof(context), format, arguments);
        va_end(arguments);
        if (error->detail[0] != '\0')
                (void) snprintf(line, sizeof(line), "%s: %s (%s)", context, error->message, error->detail);
        else
                (void) snprintf(line, sizeof(line), "%s: %s", context, error->message);
        write_line(level, base_error_name(error->code), line);
}
