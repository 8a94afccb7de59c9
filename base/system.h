/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seams to the system's clocks and randomness: a table of functions, so that tests can stand in for either.
 * Used by every program; may be included by every folder.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

struct base_clock {
        uint64_t (*wall_seconds)(void *context); /* since 1970-01-01 UTC; may jump */
        uint64_t (*monotonic_ms)(void *context); /* never goes back */
        void *context;
        uint64_t (*boottime_ms)(void *context); /* as monotonic_ms, and goes on while the machine sleeps */
};

struct base_random {
        /* Fills `len` bytes from a cryptographically secure source. Errors: CRYPTO. */
        bool (*fill)(void *context, void *to, size_t len, struct base_error *error);
        void *context;
};

extern const struct base_clock base_system_clock;
extern const struct base_random base_system_random; /* getrandom(2) */
