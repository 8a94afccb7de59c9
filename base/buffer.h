/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Byte views, a bounded growing buffer to write network-order data to, and a cursor to read it from.
 * A buffer wipes every byte it gives back to the allocator, so it may hold secrets. Used by every program; may be
 * included by every folder.
 */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that somebody else owns. */
struct base_bytes {
        const uint8_t *data;
        size_t len;
};

#define BASE_BYTES(pointer, length) ((struct base_bytes){ .data = (const uint8_t *) (pointer), .len = (length) })
#define BASE_BYTES_OF(array)        BASE_BYTES((array), sizeof(array))

struct base_bytes base_bytes_from_string(const char *string);

/* Compares lengths and then contents. The contents compare is constant time for equal lengths. */
bool base_bytes_equal(struct base_bytes a, struct base_bytes b);

/*
 * A growing buffer that never exceeds `limit`. A put that would, or that finds no memory, sets `failed` and changes
 * nothing; puts after that do nothing, so that a writer checks once, at its end, with base_buffer_ok().
 */
struct base_buffer {
        uint8_t *data;
        size_t len;
        size_t capacity;
        size_t limit;
        bool failed;
};

#define BASE_BUFFER_INIT(limit_bytes)                                                                                            \
        {                                                                                                                        \
                .limit = (limit_bytes)                                                                                           \
        }

void base_buffer_init(struct base_buffer *buffer, size_t limit);
/* Wipes and frees; the buffer is empty and usable afterwards, with its old limit. */
void base_buffer_clear(struct base_buffer *buffer);
/* Wipes and forgets the content but keeps the memory. Resets `failed`. */
void base_buffer_reset(struct base_buffer *buffer);

#define base_auto_buffer BASE_CLEANUP(base_buffer_clear)

static inline bool base_buffer_ok(const struct base_buffer *buffer)
{
        return !buffer->failed;
}

static inline struct base_bytes base_buffer_bytes(const struct base_buffer *buffer)
{
        return BASE_BYTES(buffer->data, buffer->len);
}

void base_buffer_put(struct base_buffer *buffer, const void *data, size_t len);
void base_buffer_put_bytes(struct base_buffer *buffer, struct base_bytes bytes);
void base_buffer_put_u8(struct base_buffer *buffer, uint8_t value);
void base_buffer_put_u16(struct base_buffer *buffer, uint16_t value);
void base_buffer_put_u32(struct base_buffer *buffer, uint32_t value);
void base_buffer_put_u64(struct base_buffer *buffer, uint64_t value);
void base_buffer_put_string(struct base_buffer *buffer, const char *string);
void base_buffer_printf(struct base_buffer *buffer, const char *format, ...) BASE_PRINTF(2, 3);
/* Appends `len` zero bytes and returns where they start; NULL (and `failed`) if they do not fit. */
uint8_t *base_buffer_extend(struct base_buffer *buffer, size_t len);
/* Drops the first `len` bytes (at most all of them). */
void base_buffer_consume(struct base_buffer *buffer, size_t len);
/* The content as a NUL-terminated string, owned by the buffer and valid until its next change; NULL if failed. */
const char *base_buffer_c_string(struct base_buffer *buffer);

/*
 * A cursor over bytes that somebody else owns. Every get either succeeds whole or returns false and leaves cursor and
 * output as they were.
 */
struct base_reader {
        const uint8_t *data;
        size_t len;
        size_t position;
};

static inline struct base_reader base_reader_over(struct base_bytes bytes)
{
        return (struct base_reader){ .data = bytes.data, .len = bytes.len };
}

static inline size_t base_reader_left(const struct base_reader *reader)
{
        return reader->len - reader->position;
}

static inline bool base_reader_at_end(const struct base_reader *reader)
{
        return reader->position == reader->len;
}

bool base_reader_get_u8(struct base_reader *reader, uint8_t *ret) BASE_MUST_CHECK;
bool base_reader_get_u16(struct base_reader *reader, uint16_t *ret) BASE_MUST_CHECK;
bool base_reader_get_u32(struct base_reader *reader, uint32_t *ret) BASE_MUST_CHECK;
bool base_reader_get_u64(struct base_reader *reader, uint64_t *ret) BASE_MUST_CHECK;
/* `ret` points into the bytes that are read. */
bool base_reader_get_bytes(struct base_reader *reader, size_t len, struct base_bytes *ret) BASE_MUST_CHECK;
bool base_reader_copy(struct base_reader *reader, void *ret, size_t len) BASE_MUST_CHECK;
/* A 16-bit length in network order and that many bytes, as TLS vectors and TPM2B structures have it. */
bool base_reader_get_u16_prefixed(struct base_reader *reader, struct base_bytes *ret) BASE_MUST_CHECK;
