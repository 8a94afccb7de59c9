/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/position.h"

#include <ctype.h>
#include <string.h>

/* Takes a line off `rest`, without its newline; an empty one at the end. */
static struct base_bytes take_line(struct base_bytes *rest)
{
        const uint8_t *newline = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
        struct base_bytes line = BASE_BYTES(rest->data, newline == NULL ? rest->len : (size_t) (newline - rest->data));
        size_t taken = newline == NULL ? line.len : line.len + 1;

        if (rest->len > 0)
                *rest = BASE_BYTES(rest->data + taken, rest->len - taken);
        return line;
}

static size_t space_len(struct base_bytes line)
{
        size_t len = 0;

        while (len < line.len && isspace(line.data[len]))
                len++;
        return len;
}

static bool is_comment(struct base_bytes line)
{
        size_t at = space_len(line);

        return at < line.len && (line.data[at] == '#' || line.data[at] == ';');
}

static struct base_bytes from_line(struct base_bytes text, unsigned line)
{
        for (unsigned i = 1; i < line; i++)
                (void) take_line(&text);
        return text;
}

struct policy_position policy_position_in_file(struct base_bytes text, unsigned line, unsigned column)
{
        struct base_bytes rest = from_line(text, line);

        for (;;) {
                struct base_bytes current = take_line(&rest);

                /* A backslash reads as one space, so a line that is continued counts with all its bytes. */
                if (current.len == 0 || current.data[current.len - 1] != '\\' || column <= current.len)
                        return (struct policy_position){ .line = line, .column = column };
                column -= (unsigned) current.len;
                do {
                        line++;
                        current = rest;
                        current = take_line(&current);
                        if (is_comment(current))
                                (void) take_line(&rest);
                } while (is_comment(current));
        }
}

struct policy_position policy_position_of_key(struct base_bytes text, unsigned line)
{
        struct base_bytes rest = from_line(text, line);

        return (struct policy_position){ .line = line, .column = (unsigned) space_len(take_line(&rest)) + 1 };
}
