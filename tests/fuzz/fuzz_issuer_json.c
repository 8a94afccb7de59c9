/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/json.h"

#include "policy/facts.h"

#include <string.h>

/* Whatever a device reports, a line of the journal stays one line of UTF-8, and the string ends where it should. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(65536);
        base_auto_buffer struct base_buffer json = BASE_BUFFER_INIT(8 * 65536);
        const char *written;
        bool escaped = false;

        base_buffer_put(&text, data, size);
        if (base_buffer_c_string(&text) == NULL)
                return 0;
        issuer_json_put_string(&json, base_buffer_c_string(&text));
        written = base_buffer_c_string(&json);
        if (written == NULL || !policy_text_valid(written) || written[0] != '"' || written[json.len - 1] != '"')
                abort();
        for (size_t i = 1; i + 1 < json.len; i++) {
                if (!escaped && written[i] == '"')
                        abort();
                escaped = !escaped && written[i] == '\\';
        }
        if (escaped)
                abort();
        return 0;
}
