/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the public interface and the inside of libattester: errors out, options in, strings. Runs in the calling
 * program or in attester-agent; may be included by client/library and client/agent.
 */
#pragma once

#include "base/error.h"
#include "client/library/attester.h"

/* Fills in `ret` (NULL: not wanted) from an error of ours. Always returns -1, for `return client_error_export(...)`. */
int client_error_export(const struct base_error *from, struct attester_error *ret);

/* The options of one call, whatever version of the struct the caller was built with, and when its time is up. */
struct client_call {
        struct attester_options options;
        uint64_t deadline_ms; /* of base_system_clock.monotonic_ms() */
};

/* Reads `options` (NULL: defaults) and starts the clock. */
struct client_call client_call_start(const struct attester_options *options);

/* Milliseconds until the deadline, 0 behind it. */
uint32_t client_call_left_ms(const struct client_call *call);

/* Tells the caller's trace function, if there is one. */
void client_call_trace(const struct client_call *call, enum attester_step step, const char *format, ...) BASE_PRINTF(3, 4);
