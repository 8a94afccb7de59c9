/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A batch of token requests: docs/PROTOCOL.md and draft-ietf-privacypass-batched-tokens-06, section 6. One piece of evidence is
 * for the whole body. What a batch costs is bounded by TOKEN_BATCH_MAX, and paid for only by a device in good standing.
 */
#include "issuer/service_internal.h"

#include "evidence/header.h"

#include <string.h>

static const struct token_issuer_key *find_key(void *context, uint16_t type, uint8_t truncated_key_id)
{
        const struct issuer_snapshot *snapshot = context;
        const struct issuer_key *key = issuer_keys_find(&snapshot->keys, type, truncated_key_id);

        return key == NULL ? NULL : key->key;
}

/* Whether a key of ours is asked for at all. */
static bool has_known_key(const struct token_batch_keys *keys, const struct token_batch_request *batch)
{
        for (size_t i = 0; i < batch->count; i++) {
                struct base_error ignored = BASE_ERROR_INIT;
                struct token_request request;

                if (token_request_decode(batch->items[i], &request, &ignored) &&
                    keys->find(keys->context, request.type->id, request.truncated_key_id) != NULL)
                        return true;
        }
        return false;
}

/* What is refused before the device is judged; `ret_count` is how many tokens are asked for. */
static bool read_batch(const struct token_batch_keys *keys, struct base_bytes body, size_t *ret_count,
                       struct issuer_verdict *verdict)
{
        struct token_batch_request batch;
        struct base_error reason = BASE_ERROR_INIT;

        if (!token_batch_request_decode(body, &batch, &reason)) {
                verdict->status = 422;
                return base_error_copy(&verdict->error, &reason);
        }
        *ret_count = batch.count;
        return has_known_key(keys, &batch) ||
               issuer_service_refuse_with(verdict, 400, BASE_ERROR_NOT_FOUND,
                                          "None of the batch's keys is this issuer's; read its directory again.");
}

static void count_tokens(struct issuer_service *service, struct base_bytes response)
{
        struct base_error ignored = BASE_ERROR_INIT;
        struct token_batch_response answers;

        if (!token_batch_response_decode(response, &answers, &ignored))
                return;
        for (size_t i = 0; i < answers.count; i++)
                if (answers.items[i].type != NULL)
                        issuer_metrics_count_token(&service->metrics, answers.items[i].type);
}

static void note_count(struct issuer_verdict *verdict, size_t issued, size_t count)
{
        char basis[ISSUER_BASIS_BYTES_MAX];

        memcpy(basis, verdict->basis, sizeof(basis));
        (void) snprintf(verdict->basis, sizeof(verdict->basis), "%zu of %zu tokens; %.200s", issued, count, basis);
}

static bool issue(struct issuer_service *service, const struct token_batch_keys *keys, struct base_bytes body,
                  struct base_buffer *ret_response, struct issuer_verdict *verdict)
{
        struct base_error reason = BASE_ERROR_INIT;
        size_t issued, count;

        if (!token_batch_evaluate(keys, body, ret_response, &issued, &count, &reason)) {
                issuer_verdict_set_failure(verdict, &reason);
                return false;
        }
        if (issued == 0)
                return issuer_service_refuse_with(verdict, 400, BASE_ERROR_MALFORMED,
                                                  "None of the batch's token requests can be answered.");
        count_tokens(service, base_buffer_bytes(ret_response));
        note_count(verdict, issued, count);
        verdict->status = issued == count ? 200 : 206;
        return true;
}

bool issuer_service_answer_batch(struct issuer_service *service, const struct issuer_http_request *request,
                                 struct base_buffer *ret_response, struct issuer_verdict *verdict)
{
        issuer_auto_snapshot struct issuer_snapshot *snapshot = issuer_service_snapshot(service);
        const struct token_batch_keys keys = { .find = find_key, .context = snapshot };
        size_t count;

        if (!read_batch(&keys, request->body, &count, verdict))
                return false;
        issuer_verifier_judge(&service->verifier, snapshot, issuer_http_request_field(request, EVIDENCE_HEADER_NAME),
                              request->body, count, verdict);
        return verdict->status == 200 && issue(service, &keys, request->body, ret_response, verdict);
}
