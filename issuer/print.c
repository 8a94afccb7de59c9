/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/print.h"

#include <stdio.h>
#include <time.h>

void issuer_print_time(uint64_t seconds)
{
        time_t time = (time_t) seconds;
        struct tm utc;
        char text[32] = "never";

        if (seconds != 0 && gmtime_r(&time, &utc) != NULL)
                (void) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
        (void) printf("  %-20s", text);
}
