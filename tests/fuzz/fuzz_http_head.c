/* SPDX-License-Identifier: BSD-2-Clause */
/* A website's header, line by line: what is kept is within its limits, and a final response is not replaced. */
#include "client/attestctl/http_head.h"

#include <string.h>

static void check(const struct attestctl_http_head *head)
{
        if (head->raw.len > ATTESTCTL_HTTP_HEAD_BYTES_MAX || head->www_authenticate.len > ATTESTCTL_HTTP_FIELD_BYTES_MAX ||
            memchr(head->reason, '\0', sizeof(head->reason)) == NULL ||
            (head->asks_for_token && head->www_authenticate.len == 0) || (head->status == 0) != (head->raw.len == 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct attestctl_http_head head;
        struct base_error error = BASE_ERROR_INIT;
        size_t final_len = 0;
        bool taken = true;

        attestctl_http_head_init(&head);
        while (size > 0 && taken) {
                const uint8_t *end = memchr(data, '\n', size);
                size_t len = end != NULL ? (size_t) (end - data) + 1 : size;

                taken = attestctl_http_head_take(&head, BASE_BYTES(data, len), &error);
                if (!taken && error.code != BASE_ERROR_LIMIT_EXCEEDED)
                        abort();
                if (taken)
                        check(&head);
                if (final_len != 0 && head.raw.len != final_len)
                        abort();
                if (head.whole && (head.status < 100 || head.status > 199))
                        final_len = head.raw.len;
                data += len;
                size -= len;
        }
        attestctl_http_head_clear(&head);
        return 0;
}
