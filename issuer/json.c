/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/json.h"

#include <inttypes.h>
#include <string.h>

/* The length that the first byte of a UTF-8 sequence announces (RFC 3629), or 0. */
static size_t announced_len(unsigned char first)
{
        if (first < 0x80)
                return 1;
        if (first >= 0xC2 && first <= 0xDF)
                return 2;
        if ((first & 0xF0) == 0xE0)
                return 3;
        return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* The length of the well-formed sequence at `text`, which a NUL ends, or 0. */
static size_t sequence_len(const unsigned char *text)
{
        unsigned char first = text[0];
        size_t len = announced_len(first);

        for (size_t i = 1; i < len; i++)
                if ((text[i] & 0xC0) != 0x80)
                        return 0;
        /* Overlong forms, surrogates, and what is beyond U+10FFFF. */
        if (len == 3 && ((first == 0xE0 && text[1] < 0xA0) || (first == 0xED && text[1] > 0x9F)))
                return 0;
        if (len == 4 && ((first == 0xF0 && text[1] < 0x90) || (first == 0xF4 && text[1] > 0x8F)))
                return 0;
        return len;
}

void issuer_json_put_string(struct base_buffer *to, const char *text)
{
        if (text == NULL) {
                base_buffer_put_string(to, "null");
                return;
        }
        base_buffer_put_u8(to, '"');
        while (*text != '\0') {
                size_t len = sequence_len((const unsigned char *) text);

                if (*text == '"' || *text == '\\') {
                        base_buffer_put_u8(to, '\\');
                        base_buffer_put_u8(to, (uint8_t) *text);
                } else if (len == 1 && ((unsigned char) *text < 0x20 || *text == 0x7F)) {
                        base_buffer_printf(to, "\\u%04x", (unsigned char) *text);
                } else if (len == 2 && text[0] == '\xC2' && (unsigned char) text[1] < 0xA0) {
                        /* C1 controls: a terminal that shows the text would obey them. */
                        base_buffer_printf(to, "\\u%04x", (unsigned char) text[1]);
                } else if (len == 0) {
                        base_buffer_put_string(to, "\xEF\xBF\xBD");
                } else {
                        base_buffer_put(to, text, len);
                }
                text += len == 0 ? 1 : len;
        }
        base_buffer_put_u8(to, '"');
}

void issuer_json_put_name(struct base_buffer *to, const char *name)
{
        if (to->len > 0 && strchr("{[", to->data[to->len - 1]) == NULL)
                base_buffer_put_u8(to, ',');
        issuer_json_put_string(to, name);
        base_buffer_put_u8(to, ':');
}

void issuer_json_put_member_string(struct base_buffer *to, const char *name, const char *value)
{
        issuer_json_put_name(to, name);
        issuer_json_put_string(to, value);
}

void issuer_json_put_member_unsigned(struct base_buffer *to, const char *name, uint64_t value)
{
        issuer_json_put_name(to, name);
        base_buffer_printf(to, "%" PRIu64, value);
}
