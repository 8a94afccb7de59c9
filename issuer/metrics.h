/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters for operators, in the Prometheus text format. No label names a device. Any thread may count. Used by
 * attester-issuer; may be included by issuer/.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "token/type.h"

#include <stdatomic.h>

enum issuer_endpoint {
        ISSUER_ENDPOINT_DIRECTORY,
        ISSUER_ENDPOINT_TOKEN,
        ISSUER_ENDPOINT_NONCE,
        ISSUER_ENDPOINT_ENROLL,
        ISSUER_ENDPOINT_EVENT_LOG,
        ISSUER_ENDPOINT_COUNT,
};

#define ISSUER_METRICS_STATUSES    15
#define ISSUER_METRICS_BUCKETS     10
#define ISSUER_METRICS_TOKEN_TYPES 2 /* the rows of token_type_at() */

/* All zero to begin with. */
struct issuer_metrics {
        atomic_ullong requests[ISSUER_ENDPOINT_COUNT][ISSUER_METRICS_STATUSES];
        atomic_ullong refusals[BASE_ERROR_CODE_COUNT]; /* of token requests and enrolments */
        atomic_ullong tokens[ISSUER_METRICS_TOKEN_TYPES];
        atomic_ullong nonces;
        atomic_ullong enrollments;
        atomic_bool reload_failed;                     /* the last one */
        atomic_ullong latency[ISSUER_METRICS_BUCKETS]; /* of token requests; the last is +Inf */
        atomic_ullong latency_sum_us;
};

void issuer_metrics_count_request(struct issuer_metrics *metrics, enum issuer_endpoint endpoint, unsigned status);
void issuer_metrics_count_refusal(struct issuer_metrics *metrics, enum base_error_code code);
void issuer_metrics_count_token(struct issuer_metrics *metrics, const struct token_type *type);
void issuer_metrics_count_latency(struct issuer_metrics *metrics, uint64_t elapsed_us);

void issuer_metrics_note_reload(struct issuer_metrics *metrics, bool ok);

/* What others count. */
struct issuer_metrics_gauges {
        uint64_t devices_active, devices_revoked;
        uint64_t key_not_before[ISSUER_METRICS_TOKEN_TYPES]; /* of the newest key of each type, seconds since 1970; 0: there is
                                                                none */
};

/* Appends the text format, version 0.0.4. */
void issuer_metrics_print(struct issuer_metrics *metrics, const struct issuer_metrics_gauges *gauges, struct base_buffer *to);
