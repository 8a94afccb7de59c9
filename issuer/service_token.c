/* SPDX-License-Identifier: BSD-2-Clause */
/* POST /token-request: docs/PROTOCOL.md and RFC 9578, sections 5.2 and 6.2; batches are service_batch.c's. */
#include "issuer/service_internal.h"

#include "evidence/header.h"

bool issuer_service_refuse_with(struct issuer_verdict *verdict, unsigned status, enum base_error_code code, const char *sentence)
{
        verdict->status = status;
        return base_error_set(&verdict->error, code, "%s", sentence);
}

/* Content that names no key of ours gets 422 (RFC 9578, section 6.2); only what cannot hold a type and a key id is 400. */
static const struct issuer_key *choose_key(const struct issuer_snapshot *snapshot, struct base_bytes body,
                                           struct issuer_verdict *verdict)
{
        struct token_request request;
        struct base_error reason = BASE_ERROR_INIT;
        const struct issuer_key *key;

        if (!token_request_decode(body, &request, &reason)) {
                verdict->status = body.len < TOKEN_REQUEST_HEADER_LEN && reason.code != BASE_ERROR_UNSUPPORTED ? 400 : 422;
                (void) base_error_copy(&verdict->error, &reason);
                return NULL;
        }
        key = issuer_keys_find(&snapshot->keys, request.type->id, request.truncated_key_id);
        if (key == NULL)
                (void) issuer_service_refuse_with(
                        verdict, 422, BASE_ERROR_NOT_FOUND,
                        "The request is for a key that this issuer does not have; read its directory again.");
        return key;
}

static bool issue(struct issuer_service *service, const struct issuer_key *key, struct base_bytes body,
                  struct base_buffer *ret_response, struct issuer_verdict *verdict)
{
        struct base_error reason = BASE_ERROR_INIT;

        if (token_issuer_evaluate(key->key, body, ret_response, &reason)) {
                issuer_metrics_count_token(&service->metrics, token_type_find(key->type));
                return true;
        }
        if (reason.code == BASE_ERROR_MALFORMED || reason.code == BASE_ERROR_UNSUPPORTED || reason.code == BASE_ERROR_NOT_FOUND) {
                verdict->status = 422;
                return base_error_copy(&verdict->error, &reason);
        }
        issuer_verdict_set_failure(verdict, &reason);
        return false;
}

static bool answer_single(struct issuer_service *service, const struct issuer_http_request *request,
                          struct base_buffer *ret_response, struct issuer_verdict *verdict)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = issuer_service_snapshot(service);
        const struct issuer_key *key = choose_key(snapshot, request->body, verdict);

        if (key == NULL)
                return false;
        issuer_verifier_judge(&service->verifier, snapshot, issuer_http_request_field(request, EVIDENCE_HEADER_NAME),
                              request->body, 1, verdict);
        return verdict->status == 200 && issue(service, key, request->body, ret_response, verdict);
}

/* A batch comes to the same place as a single request: the media type tells them apart. */
static bool answer(struct issuer_service *service, const struct issuer_http_request *request, bool batch,
                   struct base_buffer *ret_response, struct issuer_verdict *verdict)
{
        if (!batch && !issuer_http_request_is_media_type(request, TOKEN_MEDIA_TYPE_REQUEST))
                return issuer_service_refuse_with(verdict, 415, BASE_ERROR_UNSUPPORTED,
                                                  "The body must be " TOKEN_MEDIA_TYPE_REQUEST
                                                  " or " TOKEN_MEDIA_TYPE_BATCH_REQUEST ".");
        if (issuer_http_request_field_count(request, EVIDENCE_HEADER_NAME) > 1)
                return issuer_service_refuse_with(verdict, 400, BASE_ERROR_EVIDENCE_INVALID,
                                                  "There is more than one " EVIDENCE_HEADER_NAME " field.");
        return batch ? issuer_service_answer_batch(service, request, ret_response, verdict)
                     : answer_single(service, request, ret_response, verdict);
}

void issuer_service_on_token_request(const struct issuer_http_request *request, struct issuer_http_response *response,
                                     void *context)
{
        struct issuer_service *service = context;
        bool batch = issuer_http_request_is_media_type(request, TOKEN_MEDIA_TYPE_BATCH_REQUEST);
        issuer_auto_verdict struct issuer_verdict verdict = { .status = 200 };
        base_auto_buffer struct base_buffer token_response = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
        bool issued = answer(service, request, batch, &token_response, &verdict);

        if (verdict.event_log_wanted)
                issuer_http_response_put_field(response, EVIDENCE_EVENT_LOG_HEADER_NAME, EVIDENCE_EVENT_LOG_WANTED);
        if (issued)
                issuer_http_response_put_body(response, verdict.status,
                                              batch ? TOKEN_MEDIA_TYPE_BATCH_RESPONSE : TOKEN_MEDIA_TYPE_RESPONSE,
                                              base_buffer_bytes(&token_response));
        else
                issuer_service_refuse(service, &verdict, response);
        issuer_service_log(service, request, "token-request", issued ? "issued" : "refused", &verdict);
}
