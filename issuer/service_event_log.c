/* SPDX-License-Identifier: BSD-2-Clause */
/* POST /event-log: docs/PROTOCOL.md. */
#include "issuer/service_internal.h"

#include "evidence/header.h"

static bool refuse(struct issuer_verdict *verdict, unsigned status, enum base_error_code code, const char *sentence)
{
        verdict->status = status;
        return base_error_set(&verdict->error, code, "%s", sentence);
}

static bool process(struct issuer_service *service, const struct issuer_http_request *request, struct issuer_verdict *verdict)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = issuer_service_snapshot(service);

        if (!issuer_http_request_is_media_type(request, ISSUER_EVENT_LOG_MEDIA_TYPE))
                return refuse(verdict, 415, BASE_ERROR_UNSUPPORTED, "The body must be " ISSUER_EVENT_LOG_MEDIA_TYPE ".");
        if (issuer_http_request_field_count(request, EVIDENCE_HEADER_NAME) > 1)
                return refuse(verdict, 400, BASE_ERROR_EVIDENCE_INVALID,
                              "There is more than one " EVIDENCE_HEADER_NAME " field.");
        issuer_verifier_take_event_log(&service->verifier, snapshot, issuer_http_request_field(request, EVIDENCE_HEADER_NAME),
                                       request->body, verdict);
        return verdict->status == 204;
}

void issuer_service_on_event_log(const struct issuer_http_request *request, struct issuer_http_response *response, void *context)
{
        struct issuer_service *service = context;
        issuer_auto_verdict struct issuer_verdict verdict = { .status = 204 };
        bool accepted = process(service, request, &verdict);

        if (accepted)
                response->status = 204;
        else
                issuer_service_refuse(service, &verdict, response);
        issuer_service_log(service, request, "event-log", accepted ? "accepted" : "refused", &verdict);
}
