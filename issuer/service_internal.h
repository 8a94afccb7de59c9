/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the service share. May be included by issuer/service*.c only.
 */
#pragma once

#include "issuer/metrics.h"
#include "issuer/refusals.h"
#include "issuer/service.h"
#include "issuer/verifier.h"
#include "token/batch.h"

#include <pthread.h>

struct issuer_service {
        const struct issuer_config *config;
        struct issuer_events *events;
        const struct base_clock *clock;
        const struct base_random *random;
        int state_fd;                     /* of the state directory; its lock is this process's sign that it serves from there */
        struct issuer_registry *registry; /* owned */
        struct issuer_replay *replay;     /* owned */
        struct issuer_verifier verifier;
        struct base_buffer enrollment_secret;
        struct issuer_metrics metrics;
        struct issuer_refusals *refusals; /* owned */
        pthread_mutex_t lock;             /* of `snapshot`, the pointer */
        struct issuer_snapshot *snapshot;
};

/*
 * Sends a verdict that is not 200 as a problem and counts it. The event is written by issuer_service_log().
 */
void issuer_service_refuse(struct issuer_service *service, const struct issuer_verdict *verdict,
                           struct issuer_http_response *response);

/* Writes the event of a token request or an enrolment. */
void issuer_service_log(struct issuer_service *service, const struct issuer_http_request *request, const char *event,
                        const char *outcome, const struct issuer_verdict *verdict);

/* service_token.c */
bool issuer_service_refuse_with(struct issuer_verdict *verdict, unsigned status, enum base_error_code code, const char *sentence);

/*
 * service_batch.c: judges and answers a batch (draft-ietf-privacypass-batched-tokens-06, section 6). With a verdict of 200 or
 * 206 the GenericBatchTokenResponse was appended to `ret_response`.
 */
bool issuer_service_answer_batch(struct issuer_service *service, const struct issuer_http_request *request,
                                 struct base_buffer *ret_response, struct issuer_verdict *verdict);

/* service_token.c, service_enroll.c, service_event_log.c */
issuer_http_handler issuer_service_on_token_request;
issuer_http_handler issuer_service_on_enroll;
issuer_http_handler issuer_service_on_event_log;
