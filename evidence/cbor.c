/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/cbor.h"

#include <string.h>

/* Major types, RFC 8949, section 3.1. */
enum {
        MAJOR_UINT = 0,
        MAJOR_NEGINT = 1,
        MAJOR_BYTES = 2,
        MAJOR_TEXT = 3,
        MAJOR_ARRAY = 4,
        MAJOR_MAP = 5,
        MAJOR_SIMPLE = 7,
};

#define SIMPLE_FALSE 20
#define SIMPLE_TRUE  21
#define SIMPLE_NULL  22

/* Additional information of a head: the value itself, or the width of the value that follows. */
#define INFO_U8  24
#define INFO_U16 25
#define INFO_U32 26
#define INFO_U64 27

static void put_head(struct base_buffer *to, unsigned major, uint64_t value)
{
        uint8_t type = (uint8_t) (major << 5);

        if (value < INFO_U8) {
                base_buffer_put_u8(to, type | (uint8_t) value);
        } else if (value <= UINT8_MAX) {
                base_buffer_put_u8(to, type | INFO_U8);
                base_buffer_put_u8(to, (uint8_t) value);
        } else if (value <= UINT16_MAX) {
                base_buffer_put_u8(to, type | INFO_U16);
                base_buffer_put_u16(to, (uint16_t) value);
        } else if (value <= UINT32_MAX) {
                base_buffer_put_u8(to, type | INFO_U32);
                base_buffer_put_u32(to, (uint32_t) value);
        } else {
                base_buffer_put_u8(to, type | INFO_U64);
                base_buffer_put_u64(to, value);
        }
}

void evidence_cbor_put_uint(struct base_buffer *to, uint64_t value)
{
        put_head(to, MAJOR_UINT, value);
}

void evidence_cbor_put_int(struct base_buffer *to, int64_t value)
{
        if (value >= 0)
                put_head(to, MAJOR_UINT, (uint64_t) value);
        else
                put_head(to, MAJOR_NEGINT, (uint64_t) (-1 - value));
}

void evidence_cbor_put_bytes(struct base_buffer *to, struct base_bytes bytes)
{
        put_head(to, MAJOR_BYTES, bytes.len);
        base_buffer_put_bytes(to, bytes);
}

void evidence_cbor_put_text(struct base_buffer *to, const char *utf8)
{
        put_head(to, MAJOR_TEXT, strlen(utf8));
        base_buffer_put_string(to, utf8);
}

void evidence_cbor_put_array(struct base_buffer *to, size_t count)
{
        put_head(to, MAJOR_ARRAY, count);
}

void evidence_cbor_put_map(struct base_buffer *to, size_t count)
{
        put_head(to, MAJOR_MAP, count);
}

void evidence_cbor_put_bool(struct base_buffer *to, bool value)
{
        put_head(to, MAJOR_SIMPLE, value ? SIMPLE_TRUE : SIMPLE_FALSE);
}

void evidence_cbor_put_null(struct base_buffer *to)
{
        put_head(to, MAJOR_SIMPLE, SIMPLE_NULL);
}

/* The head's value in its shortest form only; reserved and indefinite forms (28..31) have none. */
static bool get_value(struct base_reader *reader, unsigned info, uint64_t *ret)
{
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;

        if (info < INFO_U8) {
                *ret = info;
                return true;
        }
        switch (info) {
        case INFO_U8:
                if (!base_reader_get_u8(reader, &u8) || u8 < INFO_U8)
                        return false;
                *ret = u8;
                return true;
        case INFO_U16:
                if (!base_reader_get_u16(reader, &u16) || u16 <= UINT8_MAX)
                        return false;
                *ret = u16;
                return true;
        case INFO_U32:
                if (!base_reader_get_u32(reader, &u32) || u32 <= UINT16_MAX)
                        return false;
                *ret = u32;
                return true;
        case INFO_U64:
                return base_reader_get_u64(reader, ret) && *ret > UINT32_MAX;
        default:
                return false;
        }
}

static bool get_head(struct base_reader *reader, unsigned *ret_major, uint64_t *ret_value)
{
        uint8_t initial;

        if (!base_reader_get_u8(reader, &initial))
                return false;
        *ret_major = initial >> 5;
        return get_value(reader, initial & 0x1f, ret_value);
}

/* A head of the given type whose value is within bounds. */
static bool expect_head(struct base_reader *reader, unsigned major, uint64_t min, uint64_t max, uint64_t *ret)
{
        struct base_reader ahead = *reader;
        unsigned found;
        uint64_t value;

        if (!get_head(&ahead, &found, &value) || found != major || value < min || value > max)
                return false;
        *reader = ahead;
        *ret = value;
        return true;
}

bool evidence_cbor_get_uint(struct base_reader *reader, uint64_t max, uint64_t *ret)
{
        return expect_head(reader, MAJOR_UINT, 0, max, ret);
}

bool evidence_cbor_get_int(struct base_reader *reader, int64_t *ret)
{
        uint64_t value;

        if (expect_head(reader, MAJOR_UINT, 0, INT64_MAX, &value)) {
                *ret = (int64_t) value;
                return true;
        }
        if (expect_head(reader, MAJOR_NEGINT, 0, INT64_MAX, &value)) {
                *ret = -1 - (int64_t) value;
                return true;
        }
        return false;
}

static bool get_string(struct base_reader *reader, unsigned major, size_t min, size_t max, struct base_bytes *ret)
{
        struct base_reader ahead = *reader;
        uint64_t len;

        if (!expect_head(&ahead, major, min, max, &len) || !base_reader_get_bytes(&ahead, (size_t) len, ret))
                return false;
        *reader = ahead;
        return true;
}

bool evidence_cbor_get_bytes(struct base_reader *reader, size_t min, size_t max, struct base_bytes *ret)
{
        return get_string(reader, MAJOR_BYTES, min, max, ret);
}

bool evidence_cbor_copy_bytes(struct base_reader *reader, void *ret, size_t len)
{
        struct base_bytes bytes;

        if (!get_string(reader, MAJOR_BYTES, len, len, &bytes))
                return false;
        if (len > 0)
                memcpy(ret, bytes.data, len);
        return true;
}

/* Length of the well-formed sequence that starts at `at` (RFC 3629, section 4), 0 if there is none. */
static size_t utf8_sequence_len(const uint8_t *at, size_t left)
{
        uint8_t lead = at[0], low = 0x80, high = 0xbf;
        size_t len;

        if (lead < 0x80)
                return lead == 0 ? 0 : 1;
        if (lead < 0xc2 || lead > 0xf4)
                return 0;
        len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (lead == 0xe0)
                low = 0xa0; /* shorter forms */
        else if (lead == 0xed)
                high = 0x9f; /* surrogates */
        else if (lead == 0xf0)
                low = 0x90;
        else if (lead == 0xf4)
                high = 0x8f; /* beyond U+10FFFF */
        if (len > left || at[1] < low || at[1] > high)
                return 0;
        for (size_t i = 2; i < len; i++)
                if (at[i] < 0x80 || at[i] > 0xbf)
                        return 0;
        return len;
}

bool evidence_cbor_text_ok(struct base_bytes text)
{
        for (size_t at = 0; at < text.len;) {
                size_t len = utf8_sequence_len(text.data + at, text.len - at);

                if (len == 0)
                        return false;
                at += len;
        }
        return true;
}

bool evidence_cbor_get_text(struct base_reader *reader, size_t min, size_t max, struct base_bytes *ret)
{
        struct base_reader ahead = *reader;
        struct base_bytes text;

        if (!get_string(&ahead, MAJOR_TEXT, min, max, &text) || !evidence_cbor_text_ok(text))
                return false;
        *reader = ahead;
        *ret = text;
        return true;
}

bool evidence_cbor_get_array(struct base_reader *reader, size_t min, size_t max, size_t *ret)
{
        uint64_t count;

        if (!expect_head(reader, MAJOR_ARRAY, min, max, &count))
                return false;
        *ret = (size_t) count;
        return true;
}

bool evidence_cbor_get_bool(struct base_reader *reader, bool *ret)
{
        uint64_t value;

        if (!expect_head(reader, MAJOR_SIMPLE, SIMPLE_FALSE, SIMPLE_TRUE, &value))
                return false;
        *ret = value == SIMPLE_TRUE;
        return true;
}

bool evidence_cbor_get_null(struct base_reader *reader)
{
        uint64_t value;

        return expect_head(reader, MAJOR_SIMPLE, SIMPLE_NULL, SIMPLE_NULL, &value);
}

bool evidence_cbor_get_map(struct base_reader *reader, size_t min, size_t max, struct evidence_cbor_map *ret)
{
        uint64_t count;

        if (!expect_head(reader, MAJOR_MAP, min, max, &count))
                return false;
        *ret = (struct evidence_cbor_map){ .left = (size_t) count };
        return true;
}

/* Accounts for the key between `before` and `after`. Encoded keys ascend bytewise; no encoding is a prefix of another. */
static bool map_accept_key(struct base_reader *reader, const struct base_reader *after, struct evidence_cbor_map *map)
{
        struct base_bytes key = BASE_BYTES(reader->data + reader->position, after->position - reader->position);
        size_t common = key.len < map->previous.len ? key.len : map->previous.len;

        if (map->left == 0 || (common > 0 && memcmp(map->previous.data, key.data, common) >= 0))
                return false;
        map->left--;
        map->previous = key;
        *reader = *after;
        return true;
}

bool evidence_cbor_map_next_int(struct base_reader *reader, struct evidence_cbor_map *map, int64_t *ret)
{
        struct base_reader after = *reader;
        int64_t key;

        if (!evidence_cbor_get_int(&after, &key) || !map_accept_key(reader, &after, map))
                return false;
        *ret = key;
        return true;
}

bool evidence_cbor_map_next_text(struct base_reader *reader, struct evidence_cbor_map *map, size_t min, size_t max,
                                 struct base_bytes *ret)
{
        struct base_reader after = *reader;
        struct base_bytes key;

        if (!evidence_cbor_get_text(&after, min, max, &key) || !map_accept_key(reader, &after, map))
                return false;
        *ret = key;
        return true;
}

bool evidence_cbor_map_take(struct base_reader *reader, struct evidence_cbor_map *map, int64_t key)
{
        struct base_reader after = *reader;
        int64_t found;

        return evidence_cbor_get_int(&after, &found) && found == key && map_accept_key(reader, &after, map);
}
