/* SPDX-License-Identifier: BSD-2-Clause */
/* An issuer directory. Whatever it says, each URI that comes out is on the origin it was fetched from. */
#include "evidence/directory.h"

#include <string.h>

#define ORIGIN "https://issuer.example:8443"

static void check_uri(const char *uri)
{
        if (strncmp(uri, ORIGIN "/", sizeof(ORIGIN)) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct evidence_directory directory;
        struct base_error error = BASE_ERROR_INIT;

        if (!evidence_directory_parse(BASE_BYTES(data, size), ORIGIN EVIDENCE_DIRECTORY_PATH, &directory, &error)) {
                if (error.code == BASE_ERROR_NONE)
                        abort();
                return 0;
        }
        check_uri(directory.request_uri);
        if (directory.nonce_uri[0] != '\0')
                check_uri(directory.nonce_uri);
        if (directory.enroll_uri[0] != '\0')
                check_uri(directory.enroll_uri);
        if (directory.event_log_uri[0] != '\0')
                check_uri(directory.event_log_uri);
        return 0;
}
