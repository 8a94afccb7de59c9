/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/mountinfo.h"

#include <string.h>

#define NUMBER_DIGITS_MAX 9

/* Takes what stands before the separator, or the rest. */
static struct base_bytes take(struct base_bytes *from, char separator)
{
        const uint8_t *end = from->len == 0 ? NULL : memchr(from->data, separator, from->len);
        struct base_bytes taken = BASE_BYTES(from->data, end == NULL ? from->len : (size_t) (end - from->data));
        size_t len = end == NULL ? taken.len : taken.len + 1;

        if (from->len > 0)
                *from = BASE_BYTES(from->data + len, from->len - len);
        return taken;
}

static bool is(struct base_bytes value, const char *text)
{
        return base_bytes_equal(value, base_bytes_from_string(text));
}

static bool parse_number(struct base_bytes digits, unsigned *ret)
{
        unsigned number = 0;

        if (digits.len == 0 || digits.len > NUMBER_DIGITS_MAX)
                return false;
        for (size_t i = 0; i < digits.len; i++) {
                if (digits.data[i] < '0' || digits.data[i] > '9')
                        return false;
                number = number * 10 + (digits.data[i] - '0');
        }
        *ret = number;
        return true;
}

static bool is_octal(const uint8_t *at)
{
        return at[0] >= '0' && at[0] <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' && at[2] <= '7';
}

/* Space, tab, newline and backslash stand as \040 and so on. False if it does not fit or holds a NUL. */
static bool unescape(struct base_bytes from, char to[POSTURE_MOUNT_TEXT_MAX])
{
        size_t put = 0;

        for (size_t at = 0; at < from.len; at++) {
                uint8_t c = from.data[at];

                if (c == '\\' && from.len - at > 3 && is_octal(from.data + at + 1)) {
                        c = (uint8_t) ((from.data[at + 1] - '0') << 6 | (from.data[at + 2] - '0') << 3 |
                                       (from.data[at + 3] - '0'));
                        at += 3;
                }
                if (c == '\0' || put + 1 == POSTURE_MOUNT_TEXT_MAX)
                        return false;
                to[put++] = (char) c;
        }
        to[put] = '\0';
        return true;
}

/* "36 35 98:0 /root /mount options optional… - type source super-options" */
static bool parse_mount(struct base_bytes line, char point[POSTURE_MOUNT_TEXT_MAX], struct posture_mount *mount)
{
        struct base_bytes device;

        (void) take(&line, ' ');
        (void) take(&line, ' ');
        device = take(&line, ' ');
        (void) take(&line, ' ');
        if (!unescape(take(&line, ' '), point) || point[0] != '/' || !parse_number(take(&device, ':'), &mount->major) ||
            !parse_number(device, &mount->minor))
                return false;
        while (line.len > 0 && !is(take(&line, ' '), "-"))
                continue;
        if (line.len == 0 || !unescape(take(&line, ' '), mount->type) || mount->type[0] == '\0')
                return false;
        if (!unescape(take(&line, ' '), mount->source))
                mount->source[0] = '\0';
        return true;
}

static bool lies_below(const char *path, const char *point)
{
        size_t len = strlen(point);

        return len == 1 || (strncmp(path, point, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

bool posture_mountinfo_find(struct base_bytes text, const char *path, struct posture_mount *ret)
{
        size_t longest = 0;

        while (text.len > 0) {
                char point[POSTURE_MOUNT_TEXT_MAX];
                struct posture_mount mount;

                if (!parse_mount(take(&text, '\n'), point, &mount) || strlen(point) < longest || !lies_below(path, point))
                        continue;
                longest = strlen(point);
                *ret = mount;
        }
        return longest > 0;
}

bool posture_swaps_begin(struct base_bytes *text)
{
        struct base_bytes line = take(text, '\n');

        return is(BASE_BYTES(line.data, line.len < strlen("Filename") ? line.len : strlen("Filename")), "Filename");
}

int posture_swaps_next(struct base_bytes *text, struct posture_swap *ret)
{
        struct base_bytes type;
        struct base_bytes line;
        struct posture_swap swap;

        if (text->len == 0)
                return 0;
        line = take(text, '\n');
        if (!unescape(take(&line, ' '), swap.path) || swap.path[0] != '/')
                return -1;
        while (line.len > 0 && line.data[0] == ' ')
                (void) take(&line, ' ');
        type = take(&line, '\t');
        swap.is_file = is(type, "file");
        if (!swap.is_file && !is(type, "partition"))
                return -1;
        *ret = swap;
        return 1;
}
