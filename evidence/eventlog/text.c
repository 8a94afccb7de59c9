/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/cbor.h"
#include "evidence/eventlog/internal.h"

#define REPLACEMENT 0xfffdu

static bool is_high_surrogate(uint32_t unit)
{
        return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(uint32_t unit)
{
        return unit >= 0xdc00 && unit <= 0xdfff;
}

static size_t encode(uint32_t character, char ret[static 4])
{
        if (character < 0x80) {
                ret[0] = (char) character;
                return 1;
        }
        if (character < 0x800) {
                ret[0] = (char) (0xc0 | character >> 6);
                ret[1] = (char) (0x80 | (character & 0x3f));
                return 2;
        }
        if (character < 0x10000) {
                ret[0] = (char) (0xe0 | character >> 12);
                ret[1] = (char) (0x80 | (character >> 6 & 0x3f));
                ret[2] = (char) (0x80 | (character & 0x3f));
                return 3;
        }
        ret[0] = (char) (0xf0 | character >> 18);
        ret[1] = (char) (0x80 | (character >> 12 & 0x3f));
        ret[2] = (char) (0x80 | (character >> 6 & 0x3f));
        ret[3] = (char) (0x80 | (character & 0x3f));
        return 4;
}

/* The next character; false at the end or at U+0000. */
static bool next(struct base_reader *reader, uint32_t *ret)
{
        struct base_reader ahead;
        uint16_t unit, low;

        if (!little_get_u16(reader, &unit) || unit == 0)
                return false;
        *ret = unit;
        if (is_low_surrogate(unit) || is_high_surrogate(unit))
                *ret = REPLACEMENT;
        ahead = *reader;
        if (is_high_surrogate(unit) && little_get_u16(&ahead, &low) && is_low_surrogate(low)) {
                *ret = 0x10000 + ((uint32_t) (unit - 0xd800) << 10) + (uint32_t) (low - 0xdc00);
                *reader = ahead;
        }
        return true;
}

bool evidence_eventlog_utf8(struct base_bytes utf16, char *ret, size_t size)
{
        struct base_reader reader = base_reader_over(utf16);
        uint32_t character;
        size_t len = 0;

        ret[0] = '\0';
        if (utf16.len % 2 != 0)
                return false;
        while (next(&reader, &character)) {
                char bytes[4];
                size_t count = encode(character, bytes);

                if (len + count >= size) {
                        ret[0] = '\0';
                        return false;
                }
                memcpy(ret + len, bytes, count);
                len += count;
        }
        ret[len] = '\0';
        return true;
}

bool evidence_eventlog_text(struct base_bytes bytes, char *ret, size_t size)
{
        size_t len = strnlen((const char *) bytes.data, bytes.len);
        bool is_utf8;

        ret[0] = '\0';
        if (len >= size)
                return false;
        is_utf8 = evidence_cbor_text_ok(BASE_BYTES(bytes.data, len));
        for (size_t i = 0; i < len; i++)
                ret[i] = bytes.data[i] >= 0x80 && !is_utf8 ? '?' : (char) bytes.data[i];
        ret[len] = '\0';
        return true;
}
