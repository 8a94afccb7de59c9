/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/header.h"

#include "base/encode.h"

void evidence_header_encode(struct base_bytes value, struct base_buffer *to)
{
        base_buffer_put_u8(to, ':');
        base_base64_encode(to, value, BASE_BASE64);
        base_buffer_put_u8(to, ':');
}

bool evidence_header_decode(const char *text, size_t len, struct base_buffer *to)
{
        if (len > EVIDENCE_HEADER_TEXT_BYTES_MAX)
                return false;
        for (; len > 0 && text[0] == ' '; text++)
                len--;
        while (len > 0 && text[len - 1] == ' ')
                len--;
        return len >= 2 && text[0] == ':' && text[len - 1] == ':' && base_base64_decode(to, text + 1, len - 2, BASE_BASE64);
}
