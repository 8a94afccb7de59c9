/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/admin/html.h"

#include "base/encode.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* U+202A to U+202E and U+2066 to U+2069: with these a name could show as another one. */
static bool changes_direction(const unsigned char *text, size_t len)
{
        return len == 3 && text[0] == 0xE2 &&
               ((text[1] == 0x80 && text[2] >= 0xAA && text[2] <= 0xAE) ||
                (text[1] == 0x81 && text[2] >= 0xA6 && text[2] <= 0xA9));
}

static bool is_control(const unsigned char *text, size_t len)
{
        return (len == 1 && (text[0] < 0x20 || text[0] == 0x7F)) || (len == 2 && text[0] == 0xC2 && text[1] < 0xA0);
}

static const char *entity(char c)
{
        switch (c) {
        case '&':
                return "&amp;";
        case '<':
                return "&lt;";
        case '>':
                return "&gt;";
        case '"':
                return "&quot;";
        case '\'':
                return "&#39;";
        case '`':
                return "&#96;";
        default:
                return NULL;
        }
}

void admin_html_put_text(struct base_buffer *to, const char *text)
{
        while (*text != '\0') {
                const unsigned char *bytes = (const unsigned char *) text;
                size_t len = base_utf8_sequence_len(text);
                const char *replaced = entity(*text);

                if (len == 0 || is_control(bytes, len) || changes_direction(bytes, len))
                        base_buffer_put_string(to, REPLACEMENT);
                else if (replaced != NULL)
                        base_buffer_put_string(to, replaced);
                else
                        base_buffer_put(to, text, len);
                text += len == 0 ? 1 : len;
        }
}

void admin_html_put_sentence(struct base_buffer *to, const char *message)
{
        char last = message[0] == '\0' ? '.' : message[strlen(message) - 1];

        if (message[0] >= 'a' && message[0] <= 'z')
                base_buffer_put_u8(to, (uint8_t) (*message++ - 'a' + 'A'));
        admin_html_put_text(to, message);
        if (strchr(".?!", last) == NULL)
                base_buffer_put_u8(to, '.');
}

void admin_html_put_query(struct base_buffer *to, const char *text)
{
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

        for (; *text != '\0'; text++) {
                if (strchr(plain, *text) != NULL)
                        base_buffer_put_u8(to, (uint8_t) *text);
                else
                        base_buffer_printf(to, "%%%02X", (unsigned char) *text);
        }
}

void admin_html_put_number(struct base_buffer *to, uint64_t number)
{
        char digits[24];
        int len = snprintf(digits, sizeof(digits), "%" PRIu64, number);

        for (int i = 0; i < len; i++) {
                if (i > 0 && (len - i) % 3 == 0)
                        base_buffer_put_u8(to, ',');
                base_buffer_put_u8(to, (uint8_t) digits[i]);
        }
}

static void put_formatted(struct base_buffer *to, uint64_t seconds, const char *format)
{
        time_t time = (time_t) seconds;
        struct tm utc;
        char text[40] = "?";

        if (gmtime_r(&time, &utc) != NULL)
                (void) strftime(text, sizeof(text), format, &utc);
        base_buffer_put_string(to, text);
}

void admin_html_put_time(struct base_buffer *to, uint64_t seconds)
{
        if (seconds == 0) {
                admin_html_put(to, "<span class=\"quiet\">never</span>");
                return;
        }
        admin_html_put(to, "<time datetime=\"");
        put_formatted(to, seconds, "%Y-%m-%dT%H:%M:%SZ");
        admin_html_put(to, "\" title=\"");
        put_formatted(to, seconds, "%Y-%m-%d %H:%M:%S UTC");
        admin_html_put(to, "\">");
        put_formatted(to, seconds, "%Y-%m-%d %H:%M");
        admin_html_put(to, "</time>");
}

void admin_html_put_date(struct base_buffer *to, uint64_t seconds)
{
        put_formatted(to, seconds, "%Y-%m-%d");
}

void admin_html_put_month_day(struct base_buffer *to, uint64_t seconds)
{
        put_formatted(to, seconds, "%b %-d");
}

void admin_html_put_duration(struct base_buffer *to, uint64_t seconds)
{
        static const struct {
                uint64_t seconds;
                const char *name;
        } units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
        size_t i = 0;

        while (i < BASE_COUNT(units) - 1 && seconds < 2 * units[i].seconds)
                i++;
        seconds /= units[i].seconds;
        admin_html_put_number(to, seconds);
        base_buffer_printf(to, " %s%s", units[i].name, seconds == 1 ? "" : "s");
}

void admin_html_put_hex(struct base_buffer *to, struct base_bytes bytes)
{
        base_hex_encode(to, bytes);
}
