/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/journal.h"

#include "base/encode.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define MESSAGE_BYTES_MAX 8192
#define FIXED_FIELDS      3 /* PRIORITY, MESSAGE, MESSAGE_ID */

bool base_journal_is_stream(int fd)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat status;

        return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &status) == 0 &&
               status.st_dev == device && status.st_ino == inode;
}

/* Of a well-formed UTF-8 sequence. */
static uint32_t code_point(const unsigned char *text, size_t len)
{
        uint32_t code = len == 1 ? text[0] : text[0] & (0xffu >> (len + 1));

        for (size_t i = 1; i < len; i++)
                code = code << 6 | (text[i] & 0x3fu);
        return code;
}

/* Controls, line and paragraph separator, and what turns the direction of writing. */
static bool is_control(uint32_t code)
{
        return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x202e) ||
               (code >= 0x2066 && code <= 0x2069);
}

void base_journal_printable(const char *text, char *to, size_t size)
{
        size_t used = 0;

        while (*text != '\0') {
                size_t len = base_utf8_sequence_len(text);
                char escape[sizeof("\\xNN")];
                const char *shown = text;
                size_t shown_len = len;

                if (len == 0 || is_control(code_point((const unsigned char *) text, len))) {
                        (void) snprintf(escape, sizeof(escape), "\\x%02x", (unsigned char) *text);
                        shown = escape;
                        shown_len = strlen(escape);
                        len = 1;
                }
                if (used + shown_len >= size)
                        break;
                memcpy(to + used, shown, shown_len);
                used += shown_len;
                text += len;
        }
        to[used] = '\0';
}

/* "NAME=value" in `to`. */
static struct iovec assign(const char *name, const char *value, char *to, size_t size)
{
        size_t len = (size_t) snprintf(to, size, "%s=", name);

        base_journal_printable(value, to + len, size - len);
        return (struct iovec){ .iov_base = to, .iov_len = strlen(to) };
}

void base_journal_send(enum base_log_level level, enum base_event event, const char *message,
                       const struct base_event_field *fields, size_t count)
{
        char values[BASE_JOURNAL_FIELDS_MAX][BASE_JOURNAL_VALUE_BYTES_MAX];
        char text[MESSAGE_BYTES_MAX], priority[sizeof("PRIORITY=0")], message_id[sizeof("MESSAGE_ID=") + 32];
        struct iovec parts[FIXED_FIELDS + BASE_JOURNAL_FIELDS_MAX];
        size_t filled = 0;

        (void) snprintf(priority, sizeof(priority), "PRIORITY=%u", (unsigned) level % 10);
        parts[filled++] = (struct iovec){ .iov_base = priority, .iov_len = strlen(priority) };
        parts[filled++] = assign("MESSAGE", message, text, sizeof(text));
        if (base_event_message_id(event) != NULL)
                parts[filled++] = assign("MESSAGE_ID", base_event_message_id(event), message_id, sizeof(message_id));
        for (size_t i = 0, used = 0; i < count && used < BASE_JOURNAL_FIELDS_MAX; i++)
                if (fields[i].value != NULL && fields[i].value[0] != '\0') {
                        parts[filled++] = assign(base_event_field_name(fields[i].id), fields[i].value, values[used],
                                                 sizeof(values[used]));
                        used++;
                }
        (void) sd_journal_sendv(parts, (int) filled);
}
