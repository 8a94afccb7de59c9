/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the event log's own files share and nobody else may include: little-endian reads, hashes by TPM_ALG_ID, text.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#include <string.h>

/* As base_reader_get_u16() and so on, for the byte order of UEFI and of the kernel's lists. */
static inline bool little_get_u16(struct base_reader *reader, uint16_t *ret)
{
        uint8_t bytes[2];

        if (!base_reader_copy(reader, bytes, sizeof(bytes)))
                return false;
        *ret = (uint16_t) (bytes[0] | bytes[1] << 8);
        return true;
}

static inline bool little_get_u32(struct base_reader *reader, uint32_t *ret)
{
        uint8_t bytes[4];

        if (!base_reader_copy(reader, bytes, sizeof(bytes)))
                return false;
        *ret = (uint32_t) bytes[0] | (uint32_t) bytes[1] << 8 | (uint32_t) bytes[2] << 16 | (uint32_t) bytes[3] << 24;
        return true;
}

static inline bool little_get_u64(struct base_reader *reader, uint64_t *ret)
{
        uint8_t bytes[8];

        if (!base_reader_copy(reader, bytes, sizeof(bytes)))
                return false;
        *ret = 0;
        for (unsigned i = 0; i < sizeof(bytes); i++)
                *ret |= (uint64_t) bytes[i] << (8 * i);
        return true;
}

/* Whether `bytes` are those of the string, with its NUL if `with_nul`. */
static inline bool bytes_are_string(struct base_bytes bytes, const char *string, bool with_nul)
{
        size_t len = strlen(string) + (with_nul ? 1 : 0);

        return bytes.len == len && memcmp(bytes.data, string, len) == 0;
}

/* Hashes the concatenation of pieces by a TPM_ALG_ID of a PCR bank. `ret` has evidence_pcr_value_len() bytes. Errors: CRYPTO. */
bool evidence_eventlog_hash(uint16_t algorithm, const struct base_bytes *pieces, size_t count, uint8_t *ret,
                            struct base_error *error) BASE_MUST_CHECK;

/* value = hash(value || digest), as TPM2_PCR_Extend does. Errors: CRYPTO. */
bool evidence_eventlog_extend(uint16_t algorithm, uint8_t *value, const uint8_t *digest,
                              struct base_error *error) BASE_MUST_CHECK;

/* How much a bank is worth against collisions; 0 for one that is unknown. */
unsigned evidence_eventlog_strength(uint16_t algorithm);

/*
 * Writes UTF-16LE as UTF-8 with a NUL, up to the first U+0000 or the end; a surrogate that has no partner becomes U+FFFD. False,
 * with `ret` empty, if it does not fit or the length is odd.
 */
bool evidence_eventlog_utf8(struct base_bytes utf16, char *ret, size_t size) BASE_MUST_CHECK;

/* Copies text up to the first NUL or the end; if it is not UTF-8, bytes above 0x7f become "?". False if it does not fit. */
bool evidence_eventlog_text(struct base_bytes bytes, char *ret, size_t size) BASE_MUST_CHECK;
