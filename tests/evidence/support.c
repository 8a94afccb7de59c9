/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/evidence/support.h"

#include "base/file.h"

#include <string.h>

void test_file_read(const char *path, struct base_buffer *to)
{
        struct base_error error;

        assert_ok(base_file_read(path, to, &error));
}

void test_data_read(const char *name, struct base_buffer *to)
{
        const char *directory = getenv("ATTESTER_TEST_DATA");
        char path[4096];

        assert_non_null(directory);
        (void) snprintf(path, sizeof(path), "%s/evidence/%s", directory, name);
        test_file_read(path, to);
}

static bool fill_counting(void *context, void *to, size_t len, struct base_error *error)
{
        for (size_t i = 0; i < len; i++)
                ((uint8_t *) to)[i] = (uint8_t) (i + 1);
        return true;
}

const struct base_random test_counting_random = { .fill = fill_counting };
