/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/system.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static uint64_t system_wall_seconds(void *context)
{
        (void) context;
        return (uint64_t) time(NULL);
}

static uint64_t read_ms(clockid_t clock)
{
        struct timespec now;

        (void) clock_gettime(clock, &now);
        return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

static uint64_t system_monotonic_ms(void *context)
{
        (void) context;
        return read_ms(CLOCK_MONOTONIC);
}

static uint64_t system_boottime_ms(void *context)
{
        (void) context;
        return read_ms(CLOCK_BOOTTIME);
}

static bool system_fill(void *context, void *to, size_t len, struct base_error *error)
{
        uint8_t *position = to;

        (void) context;
        while (len > 0) {
                ssize_t got = getrandom(position, len, 0);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return base_error_set(error, BASE_ERROR_CRYPTO, "the kernel gives no random bytes");
                position += got;
                len -= (size_t) got;
        }
        return true;
}

const struct base_clock base_system_clock = {
        .wall_seconds = system_wall_seconds,
        .monotonic_ms = system_monotonic_ms,
        .boottime_ms = system_boottime_ms,
};
const struct base_random base_system_random = { .fill = system_fill };
