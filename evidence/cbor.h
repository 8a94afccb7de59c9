/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deterministic CBOR (RFC 8949, section 4.2.1), the subset of docs/evidence.cddl: unsigned and negative integers, byte
 * and text strings, arrays, maps, booleans and null. Used by attesterd and attester-issuer.
 *
 * Why our own: the libraries that Debian has (libcbor, tinycbor) neither refuse non-deterministic encodings nor bound what
 * a message can make them allocate. This reader allocates nothing, and since it is pulled by code that knows the schema
 * it has no recursion: the depth of a message is the depth of its schema.
 */
#pragma once

#include "base/buffer.h"

/* Writers append to a buffer; its `failed` is checked once, at the end. The caller writes map keys in ascending order. */
void evidence_cbor_put_uint(struct base_buffer *to, uint64_t value);
void evidence_cbor_put_int(struct base_buffer *to, int64_t value);
void evidence_cbor_put_bytes(struct base_buffer *to, struct base_bytes bytes);
void evidence_cbor_put_text(struct base_buffer *to, const char *utf8);
void evidence_cbor_put_array(struct base_buffer *to, size_t count);
void evidence_cbor_put_map(struct base_buffer *to, size_t count);
void evidence_cbor_put_bool(struct base_buffer *to, bool value);
void evidence_cbor_put_null(struct base_buffer *to);

/*
 * Readers take one item (for arrays and maps: its head) and advance. They return false, with reader and output as they
 * were, if the next item is of another type, is not in its shortest form, is out of the given bounds, or is cut off.
 * Strings point into the bytes that are read.
 */
bool evidence_cbor_get_uint(struct base_reader *reader, uint64_t max, uint64_t *ret) BASE_MUST_CHECK;
bool evidence_cbor_get_int(struct base_reader *reader, int64_t *ret) BASE_MUST_CHECK;
bool evidence_cbor_get_bytes(struct base_reader *reader, size_t min, size_t max, struct base_bytes *ret) BASE_MUST_CHECK;
/* A byte string of exactly `len` bytes, copied. */
bool evidence_cbor_copy_bytes(struct base_reader *reader, void *ret, size_t len) BASE_MUST_CHECK;
/* Bounds count bytes. Refuses what is not UTF-8 (RFC 3629) and U+0000. */
bool evidence_cbor_get_text(struct base_reader *reader, size_t min, size_t max, struct base_bytes *ret) BASE_MUST_CHECK;
/* Whether text is UTF-8 without U+0000: what get_text() accepts and put_text() must be given. */
bool evidence_cbor_text_ok(struct base_bytes text);
bool evidence_cbor_get_array(struct base_reader *reader, size_t min, size_t max, size_t *ret) BASE_MUST_CHECK;
bool evidence_cbor_get_bool(struct base_reader *reader, bool *ret) BASE_MUST_CHECK;
bool evidence_cbor_get_null(struct base_reader *reader) BASE_MUST_CHECK;

/* A map that is being read: how many pairs are left, and the encoded key before, for the order. */
struct evidence_cbor_map {
        size_t left;
        struct base_bytes previous;
};

bool evidence_cbor_get_map(struct base_reader *reader, size_t min, size_t max, struct evidence_cbor_map *ret) BASE_MUST_CHECK;
/* The next key, an integer or a text. False also if no pair is left or the key does not ascend (RFC 8949, 4.2.1). */
bool evidence_cbor_map_next_int(struct base_reader *reader, struct evidence_cbor_map *map, int64_t *ret) BASE_MUST_CHECK;
bool evidence_cbor_map_next_text(struct base_reader *reader, struct evidence_cbor_map *map, size_t min, size_t max,
                                 struct base_bytes *ret) BASE_MUST_CHECK;
/* Whether the next key is the integer `key`; takes it if so. For maps whose keys are known and may be optional. */
bool evidence_cbor_map_take(struct base_reader *reader, struct evidence_cbor_map *map, int64_t key) BASE_MUST_CHECK;
