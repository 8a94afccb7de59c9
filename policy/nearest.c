/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define NAME_BYTES_MAX 32
#define EDITS_MAX      2

static size_t least(size_t a, size_t b)
{
        return a < b ? a : b;
}

/* Levenshtein's distance, without regard to case. Both are at most NAME_BYTES_MAX long. */
static size_t distance(const char *a, const char *b)
{
        size_t row[NAME_BYTES_MAX + 1];
        size_t b_len = strlen(b);

        for (size_t j = 0; j <= b_len; j++)
                row[j] = j;
        for (size_t i = 1; a[i - 1] != '\0'; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= b_len; j++) {
                        bool same = tolower((unsigned char) a[i - 1]) == tolower((unsigned char) b[j - 1]);
                        size_t above = row[j];

                        row[j] = least(diagonal + !same, least(row[j - 1], above) + 1);
                        diagonal = above;
                }
        }
        return row[b_len];
}

const char *policy_nearest_name(const char *found, const char *const *known, size_t count)
{
        const char *nearest = NULL;
        size_t fewest = EDITS_MAX + 1;

        if (strlen(found) > NAME_BYTES_MAX)
                return NULL;
        for (size_t i = 0; i < count; i++) {
                size_t edits = distance(found, known[i]);

                if (edits < fewest) {
                        fewest = edits;
                        nearest = known[i];
                }
        }
        return nearest;
}
