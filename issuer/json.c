/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/json.h"

#include "base/encode.h"

#include <inttypes.h>
#include <string.h>

void issuer_json_put_string(struct base_buffer *to, const char *text)
{
        if (text == NULL) {
                base_buffer_put_string(to, "null");
                return;
        }
        base_buffer_put_u8(to, '"');
        while (*text != '\0') {
                size_t len = base_utf8_sequence_len(text);

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
