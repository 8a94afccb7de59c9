/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What request after request would put into the log alike, put there once. Used by attesterd; may be included by attesterd/.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ATTESTERD_NOTICE_APART_MS (60ull * 1000)      /* two notices that differ; what comes in between is not told */
#define ATTESTERD_NOTICE_AGAIN_MS (60ull * 60 * 1000) /* the same once more */

struct attesterd_notice {
        bool given;
        uint64_t given_ms; /* monotonic */
        uint64_t digest;   /* of its text */
};

/* Whether `text` is to be told now; if so, it counts as told. */
bool attesterd_notice_due(struct attesterd_notice *notice, const char *text, uint64_t now_ms);
