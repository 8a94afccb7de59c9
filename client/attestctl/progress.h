/* SPDX-License-Identifier: BSD-2-Clause */
/* How far a transfer is, on a terminal. Runs in attestctl; may be included by client/attestctl only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTESTCTL_PROGRESS_DELAY_MS  1000 /* what is quicker needs none */
#define ATTESTCTL_PROGRESS_PERIOD_MS 200
#define ATTESTCTL_PROGRESS_TEXT_MAX  80

/* Zeroed means: shows nothing. */
struct attestctl_progress {
        bool wanted;
        bool shown;
        uint64_t started_ms; /* all of base_system_clock.monotonic_ms() */
        uint64_t shown_ms;
};

/* Starts the clock; `wanted` if standard error is a terminal. */
void attestctl_progress_start(struct attestctl_progress *progress);
/* Shows `done` of `total` bytes (0: not known), if it is time. */
void attestctl_progress_show(struct attestctl_progress *progress, uint64_t done, uint64_t total);
/* Takes it off the terminal. */
void attestctl_progress_end(struct attestctl_progress *progress);

/* The text: "[=======             ]  37 %  12.3 MiB of 33.0 MiB  4.1 MiB/s  5 s left", as much of it as is known. */
void attestctl_progress_format(uint64_t done, uint64_t total, uint64_t elapsed_ms, char *ret, size_t ret_size);
