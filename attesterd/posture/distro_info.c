/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/distro_info.h"

#include <string.h>

#define LONG_TERM " LTS"

bool posture_date_valid(const char *text)
{
        const char *form = "dddd-dd-dd";

        for (; *form != '\0'; form++, text++)
                if (*form == 'd' ? *text < '0' || *text > '9' : *text != *form)
                        return false;
        return *text == '\0';
}

/* Takes what stands before `separator`, or the rest; false at the end. */
static bool take(struct base_bytes *from, char separator, struct base_bytes *ret)
{
        const uint8_t *end;

        if (from->len == 0)
                return false;
        end = memchr(from->data, separator, from->len);
        *ret = BASE_BYTES(from->data, end == NULL ? from->len : (size_t) (end - from->data));
        *from = BASE_BYTES(from->data + ret->len, from->len - ret->len);
        if (end != NULL)
                *from = BASE_BYTES(from->data + 1, from->len - 1);
        return true;
}

static bool is(struct base_bytes value, const char *text)
{
        return base_bytes_equal(value, base_bytes_from_string(text));
}

/* The index of the column of that name; -1 if there is none. */
static int find_column(struct base_bytes header, const char *name)
{
        struct base_bytes value;

        for (int column = 0; take(&header, ',', &value); column++)
                if (is(value, name))
                        return column;
        return -1;
}

/* Whether a line is about a version; `ret` is then the value in `column`, empty if the line ends before. */
static bool match(struct base_bytes line, const char *version, int column, struct base_bytes *ret)
{
        size_t len = strlen(version);
        struct base_bytes value;

        if (!take(&line, ',', &value) || value.len < len || memcmp(value.data, version, len) != 0 ||
            (value.len > len && !is(BASE_BYTES(value.data + len, value.len - len), LONG_TERM)))
                return false;
        *ret = BASE_BYTES("", 0);
        for (int at = 1; take(&line, ',', &value) && at <= column; at++)
                if (at == column)
                        *ret = value;
        return true;
}

const char *posture_distro_info_end(struct base_bytes csv, const char *version, char ret[POSTURE_DATE_LEN + 1])
{
        char date[POSTURE_DATE_LEN + 1] = "";
        struct base_bytes value;
        struct base_bytes line;
        int column;

        if (*version == '\0' || !take(&csv, '\n', &line) || (column = find_column(line, "eol")) <= 0)
                return "the table of releases has no column eol";
        while (take(&csv, '\n', &line)) {
                if (!match(line, version, column, &value))
                        continue;
                if (value.len == POSTURE_DATE_LEN)
                        memcpy(date, value.data, value.len);
                if (!posture_date_valid(date))
                        return "the table of releases has no end for this version";
                memcpy(ret, date, sizeof(date));
                return NULL;
        }
        return "the table of releases does not know this version";
}
