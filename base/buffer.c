/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buffer.h"

#include <stdarg.h>
#include <string.h>

#define SMALLEST_CAPACITY 64

struct base_bytes base_bytes_from_string(const char *string)
{
        return BASE_BYTES(string, strlen(string));
}

bool base_bytes_equal(struct base_bytes a, struct base_bytes b)
{
        uint8_t difference = 0;

        if (a.len != b.len)
                return false;
        for (size_t i = 0; i < a.len; i++)
                difference |= (uint8_t) (a.data[i] ^ b.data[i]);
        return difference == 0;
}

void base_buffer_init(struct base_buffer *buffer, size_t limit)
{
        *buffer = (struct base_buffer) BASE_BUFFER_INIT(limit);
}

void base_buffer_clear(struct base_buffer *buffer)
{
        if (buffer->data != NULL) {
                explicit_bzero(buffer->data, buffer->capacity);
                free(buffer->data);
        }
        base_buffer_init(buffer, buffer->limit);
}

void base_buffer_reset(struct base_buffer *buffer)
{
        if (buffer->data != NULL)
                explicit_bzero(buffer->data, buffer->len);
        buffer->len = 0;
        buffer->failed = false;
}

/* One byte more than asked is always there, so that base_buffer_c_string() needs no allocation of its own. */
static bool reserve(struct base_buffer *buffer, size_t more)
{
        size_t capacity = buffer->capacity;
        uint8_t *data;

        if (buffer->failed)
                return false;
        if (more > buffer->limit - buffer->len) {
                buffer->failed = true;
                return false;
        }
        if (buffer->len + more + 1 <= capacity)
                return true;
        if (capacity < SMALLEST_CAPACITY)
                capacity = SMALLEST_CAPACITY;
        while (capacity < buffer->len + more + 1)
                capacity *= 2;
        data = malloc(capacity);
        if (data == NULL) {
                buffer->failed = true;
                return false;
        }
        if (buffer->data != NULL) {
                memcpy(data, buffer->data, buffer->len);
                explicit_bzero(buffer->data, buffer->capacity);
                free(buffer->data);
        }
        buffer->data = data;
        buffer->capacity = capacity;
        return true;
}

void base_buffer_put(struct base_buffer *buffer, const void *data, size_t len)
{
        if (!reserve(buffer, len) || len == 0)
                return;
        memcpy(buffer->data + buffer->len, data, len);
        buffer->len += len;
}

void base_buffer_put_bytes(struct base_buffer *buffer, struct base_bytes bytes)
{
        base_buffer_put(buffer, bytes.data, bytes.len);
}

static void put_big_endian(struct base_buffer *buffer, uint64_t value, size_t width)
{
        uint8_t bytes[sizeof(value)];

        for (size_t i = 0; i < width; i++)
                bytes[i] = (uint8_t) (value >> (8 * (width - 1 - i)));
        base_buffer_put(buffer, bytes, width);
}

void base_buffer_put_u8(struct base_buffer *buffer, uint8_t value)
{
        put_big_endian(buffer, value, 1);
}

void base_buffer_put_u16(struct base_buffer *buffer, uint16_t value)
{
        put_big_endian(buffer, value, 2);
}

void base_buffer_put_u32(struct base_buffer *buffer, uint32_t value)
{
        put_big_endian(buffer, value, 4);
}

void base_buffer_put_u64(struct base_buffer *buffer, uint64_t value)
{
        put_big_endian(buffer, value, 8);
}

void base_buffer_put_string(struct base_buffer *buffer, const char *string)
{
        base_buffer_put(buffer, string, strlen(string));
}

void base_buffer_printf(struct base_buffer *buffer, const char *format, ...)
{
        va_list arguments;
        va_list again;
        int len;

        va_start(arguments, format);
        va_copy(again, arguments);
        len = vsnprintf(NULL, 0, format, arguments);
        va_end(arguments);
        if (len < 0)
                buffer->failed = true;
        else if (reserve(buffer, (size_t) len)) {
                (void) vsnprintf((char *) buffer->data + buffer->len, (size_t) len + 1, format, again);
                buffer->len += (size_t) len;
        }
        va_end(again);
}

uint8_t *base_buffer_extend(struct base_buffer *buffer, size_t len)
{
        uint8_t *start;

        if (!reserve(buffer, len))
                return NULL;
        start = buffer->data + buffer->len;
        memset(start, 0, len);
        buffer->len += len;
        return start;
}

void base_buffer_consume(struct base_buffer *buffer, size_t len)
{
        if (len >= buffer->len) {
                bool failed = buffer->failed;

                base_buffer_reset(buffer);
                buffer->failed = failed;
                return;
        }
        memmove(buffer->data, buffer->data + len, buffer->len - len);
        explicit_bzero(buffer->data + buffer->len - len, len);
        buffer->len -= len;
}

const char *base_buffer_c_string(struct base_buffer *buffer)
{
        if (!reserve(buffer, 0))
                return NULL;
        buffer->data[buffer->len] = '\0';
        return (const char *) buffer->data;
}

bool base_reader_get_bytes(struct base_reader *reader, size_t len, struct base_bytes *ret)
{
        if (len > base_reader_left(reader))
                return false;
        *ret = BASE_BYTES(reader->data == NULL ? NULL : reader->data + reader->position, len);
        reader->position += len;
        return true;
}

bool base_reader_copy(struct base_reader *reader, void *ret, size_t len)
{
        struct base_bytes bytes;

        if (!base_reader_get_bytes(reader, len, &bytes))
                return false;
        if (len > 0)
                memcpy(ret, bytes.data, len);
        return true;
}

static bool get_big_endian(struct base_reader *reader, size_t width, uint64_t *ret)
{
        struct base_bytes bytes;
        uint64_t value = 0;

        if (!base_reader_get_bytes(reader, width, &bytes))
                return false;
        for (size_t i = 0; i < width; i++)
                value = value << 8 | bytes.data[i];
        *ret = value;
        return true;
}

bool base_reader_get_u8(struct base_reader *reader, uint8_t *ret)
{
        uint64_t value;

        if (!get_big_endian(reader, sizeof(*ret), &value))
                return false;
        *ret = (uint8_t) value;
        return true;
}

bool base_reader_get_u16(struct base_reader *reader, uint16_t *ret)
{
        uint64_t value;

        if (!get_big_endian(reader, sizeof(*ret), &value))
                return false;
        *ret = (uint16_t) value;
        return true;
}

bool base_reader_get_u32(struct base_reader *reader, uint32_t *ret)
{
        uint64_t value;

        if (!get_big_endian(reader, sizeof(*ret), &value))
                return false;
        *ret = (uint32_t) value;
        return true;
}

bool base_reader_get_u64(struct base_reader *reader, uint64_t *ret)
{
        return get_big_endian(reader, sizeof(*ret), ret);
}

bool base_reader_get_u16_prefixed(struct base_reader *reader, struct base_bytes *ret)
{
        struct base_reader trial = *reader;
        uint16_t len;

        if (!base_reader_get_u16(&trial, &len) || !base_reader_get_bytes(&trial, len, ret))
                return false;
        *reader = trial;
        return true;
}
