/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/span.h"

#include "base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Largest first. */
static const struct {
        char unit;
        int64_t seconds;
} units[] = {
        { 'w', 7 * 24 * 60 * 60 }, { 'd', 24 * 60 * 60 }, { 'h', 60 * 60 }, { 'm', 60 }, { 's', 1 },
};

bool policy_span_is(const char *text)
{
        const char *digits = text + (text[0] == '-');
        size_t len = strspn(digits, "0123456789");

        return len > 0 && digits[len] != '\0' && strchr("smhdw", digits[len]) != NULL && digits[len + 1] == '\0';
}

bool policy_span_parse(const char *text, int64_t *ret)
{
        char *unit;
        intmax_t count;

        errno = 0;
        count = strtoimax(text, &unit, 10);
        if (errno != 0)
                return false;
        for (size_t i = 0; i < BASE_COUNT(units); i++)
                if (units[i].unit == *unit)
                        return !__builtin_mul_overflow(count, units[i].seconds, ret);
        return false;
}

void policy_span_print(int64_t seconds, char *ret, size_t ret_size)
{
        size_t i = 1; /* nobody says weeks of an age */

        while (i + 1 < BASE_COUNT(units) && seconds / units[i].seconds == 0)
                i++;
        (void) snprintf(ret, ret_size, "%" PRId64 "%c", seconds / units[i].seconds, units[i].unit);
}
