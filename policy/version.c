/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/version.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *skip_ignored(const char *at)
{
        while (*at != '\0' && !is_digit(*at) && !is_letter(*at) && strchr("-.~^", *at) == NULL)
                at++;
        return at;
}

static size_t run_len(const char *at, bool (*member)(char))
{
        size_t len = 0;

        while (member(at[len]))
                len++;
        return len;
}

static int compare_sizes(size_t a, size_t b)
{
        return (a > b) - (a < b);
}

/* Consumes a run of digits of each; an empty run is older than any number. */
static int compare_numbers(const char **a, const char **b)
{
        size_t a_len = run_len(*a, is_digit);
        size_t b_len = run_len(*b, is_digit);
        int order = compare_sizes(a_len > 0, b_len > 0);
        const char *a_digits = *a;
        const char *b_digits = *b;

        *a += a_len;
        *b += b_len;
        while (*a_digits == '0' && a_len > 0)
                a_digits++, a_len--;
        while (*b_digits == '0' && b_len > 0)
                b_digits++, b_len--;
        if (order == 0)
                order = compare_sizes(a_len, b_len);
        return order != 0 ? order : memcmp(a_digits, b_digits, a_len);
}

static int compare_letters(const char **a, const char **b)
{
        size_t a_len = run_len(*a, is_letter);
        size_t b_len = run_len(*b, is_letter);
        int order = memcmp(*a, *b, a_len < b_len ? a_len : b_len);

        *a += a_len;
        *b += b_len;
        return order != 0 ? order : compare_sizes(a_len, b_len);
}

/* If one text stands at `mark` it is the older one; if both do, both step over it. */
static int compare_mark(char mark, const char **a, const char **b)
{
        int order = compare_sizes(**a != mark, **b != mark);

        if (order == 0 && **a == mark) {
                (*a)++;
                (*b)++;
        }
        return order;
}

int policy_version_compare(const char *a, const char *b)
{
        int order = 0;

        while (order == 0) {
                a = skip_ignored(a);
                b = skip_ignored(b);
                if (*a == '~' || *b == '~')
                        order = compare_mark('~', &a, &b);
                else if (*a == '\0' || *b == '\0')
                        return compare_sizes(*a != '\0', *b != '\0');
                else if (*a == '-' || *b == '-')
                        order = compare_mark('-', &a, &b);
                else if (*a == '^' || *b == '^')
                        order = compare_mark('^', &a, &b);
                else if (*a == '.' || *b == '.')
                        order = compare_mark('.', &a, &b);
                else if (is_digit(*a) || is_digit(*b))
                        order = compare_numbers(&a, &b);
                else
                        order = compare_letters(&a, &b);
        }
        return order;
}
