/* SPDX-License-Identifier: BSD-2-Clause */
/* What is read writes to the same bytes: there is one form of each number. */
#include "base/varint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct base_reader reader = base_reader_over(BASE_BYTES(data, size));
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(8);
        uint64_t value;

        if (!base_varint_get(&reader, &value)) {
                if (reader.position != 0)
                        abort();
                return 0;
        }
        base_varint_put(&again, value);
        if (!base_bytes_equal(base_buffer_bytes(&again), BASE_BYTES(data, reader.position)))
                abort();
        return 0;
}
