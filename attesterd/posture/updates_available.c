/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/updates_available.h"

#include <string.h>

#define DIGITS_MAX 9

/* Takes the number that a line starts with, and the space behind it. */
static bool take_number(struct base_bytes *line, int64_t *ret)
{
        int64_t number = 0;
        size_t len = 0;

        while (len < line->len && line->data[len] >= '0' && line->data[len] <= '9')
                number = len < DIGITS_MAX ? number * 10 + (line->data[len++] - '0') : (len++, number);
        if (len == 0 || len > DIGITS_MAX || len == line->len || line->data[len] != ' ')
                return false;
        *line = BASE_BYTES(line->data + len + 1, line->len - len - 1);
        *ret = number;
        return true;
}

static bool starts_with(struct base_bytes line, const char *text)
{
        return line.len >= strlen(text) && memcmp(line.data, text, strlen(text)) == 0;
}

static bool contains(struct base_bytes line, const char *text)
{
        return memmem(line.data, line.len, text, strlen(text)) != NULL;
}

bool posture_updates_available_parse(struct base_bytes text, int64_t *ret_security)
{
        bool found = false;
        int64_t security = 0;

        while (text.len > 0) {
                const uint8_t *newline = memchr(text.data, '\n', text.len);
                struct base_bytes line = BASE_BYTES(text.data, newline == NULL ? text.len : (size_t) (newline - text.data));
                size_t taken = newline == NULL ? line.len : line.len + 1;
                int64_t count;

                text = BASE_BYTES(text.data + taken, text.len - taken);
                if (!take_number(&line, &count))
                        continue;
                if (starts_with(line, "update can be applied") || starts_with(line, "updates can be applied"))
                        found = true;
                else if (starts_with(line, "of these updates ") && contains(line, "security update"))
                        security += count;
        }
        if (found)
                *ret_security = security;
        return found;
}
