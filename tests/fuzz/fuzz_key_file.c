/* SPDX-License-Identifier: BSD-2-Clause */
/* The key file: what decodes encodes to the same bytes, and is within the limits. */
#include "base/hash.h"
#include "tpm/key_file.h"

#include <stdlib.h>
#include <string.h>

/* The checksum is set right, so that the parser behind it gets something to do. */
static void fuzz_decode(uint8_t *copy, size_t size)
{
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(TPM_KEY_FILE_BYTES_MAX);
        struct base_bytes body;
        struct tpm_key_file file;

        if (size > BASE_SHA256_LEN) {
                body = BASE_BYTES(copy, size - BASE_SHA256_LEN);
                if (!base_sha256(&body, 1, copy + body.len, NULL))
                        abort();
        }
        if (!tpm_key_file_decode(BASE_BYTES(copy, size), &file, NULL))
                return;
        if (!tpm_key_file_encode(&file, &again, NULL) || !base_bytes_equal(base_buffer_bytes(&again), BASE_BYTES(copy, size)))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct tpm_key_file file;
        uint8_t *copy = malloc(size + 1);

        if (copy == NULL)
                return 0;
        memcpy(copy, data, size);
        (void) !tpm_key_file_decode(BASE_BYTES(copy, size), &file, NULL);
        fuzz_decode(copy, size);
        free(copy);
        return 0;
}
