/* SPDX-License-Identifier: BSD-2-Clause */
/* What decodes must encode back to the same text, up to padding and the case of hex digits. */
#include "base/encode.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(1 << 20);
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(1 << 21);
        size_t digits = size;

        if (base_base64_decode(&bytes, (const char *) data, size, BASE_BASE64_URL)) {
                base_base64_encode(&text, base_buffer_bytes(&bytes), BASE_BASE64_URL);
                while (digits > 0 && data[digits - 1] == '=')
                        digits--;
                if (text.len < digits || (digits > 0 && memcmp(text.data, data, digits) != 0))
                        abort();
        }
        base_buffer_reset(&bytes);
        if (base_hex_decode(&bytes, (const char *) data, size) && bytes.len != size / 2)
                abort();
        return 0;
}
