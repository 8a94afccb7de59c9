/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/varint.h"

/* The two highest bits of the first byte say how many bytes there are: 1, 2, 4 or 8. */
static unsigned length_code(uint64_t value)
{
        if (value < UINT64_C(1) << 6)
                return 0;
        if (value < UINT64_C(1) << 14)
                return 1;
        return value < UINT64_C(1) << 30 ? 2 : 3;
}

void base_varint_put(struct base_buffer *buffer, uint64_t value)
{
        unsigned code = length_code(value);
        uint64_t coded = value | (uint64_t) code << ((8u << code) - 2);
        uint8_t bytes[8];

        if (value > BASE_VARINT_MAX) {
                buffer->failed = true;
                return;
        }
        for (unsigned i = 0; i < 1u << code; i++)
                bytes[i] = (uint8_t) (coded >> (8 * ((1u << code) - 1 - i)));
        base_buffer_put(buffer, bytes, 1u << code);
}

bool base_varint_get(struct base_reader *reader, uint64_t *ret)
{
        struct base_reader ahead = *reader;
        uint8_t byte;
        uint64_t value;
        unsigned code;

        if (!base_reader_get_u8(&ahead, &byte))
                return false;
        code = byte >> 6;
        value = byte & 0x3f;
        for (unsigned i = 1; i < 1u << code; i++) {
                if (!base_reader_get_u8(&ahead, &byte))
                        return false;
                value = value << 8 | byte;
        }
        if (length_code(value) != code)
                return false;
        *reader = ahead;
        *ret = value;
        return true;
}
