/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Batched issuance: several TokenRequests, of any types and keys, in one exchange. "Generic Token Batch Issuance" of
 * draft-ietf-privacypass-batched-tokens-06, section 6. Used by client and issuer; may be included by client/ and issuer/.
 *
 *   GenericBatchTokenRequest:  varint length, then the TokenRequests one behind the other
 *   GenericBatchTokenResponse: varint length, then for each request 0x00, or 0x01, its type and its TokenResponse
 */
#pragma once

#include "token/client.h"
#include "token/issuer.h"

#define TOKEN_BATCH_MAX                64 /* requests of one batch */
#define TOKEN_BATCH_LENGTH_MAX         4  /* bytes of the varint in front */
#define TOKEN_BATCH_REQUEST_BYTES_MAX  (TOKEN_BATCH_LENGTH_MAX + TOKEN_BATCH_MAX * TOKEN_REQUEST_BYTES_MAX)
#define TOKEN_BATCH_RESPONSE_BYTES_MAX (TOKEN_BATCH_LENGTH_MAX + TOKEN_BATCH_MAX * (3 + TOKEN_RESPONSE_BYTES_MAX))

#define TOKEN_MEDIA_TYPE_BATCH_REQUEST  "application/private-token-generic-batch-request"
#define TOKEN_MEDIA_TYPE_BATCH_RESPONSE "application/private-token-generic-batch-response"

/* Views into the bytes that were decoded. */
struct token_batch_request {
        struct base_bytes items[TOKEN_BATCH_MAX]; /* whole TokenRequests */
        size_t count;
};

struct token_batch_answer {
        const struct token_type *type; /* NULL if the issuer did not answer this request */
        struct base_bytes response;    /* the whole TokenResponse */
};

struct token_batch_response {
        struct token_batch_answer items[TOKEN_BATCH_MAX]; /* in the requests' order */
        size_t count;
};

/*
 * Appends the batch of `count` TokenRequests, each as token_client_blind() made it.
 * Errors: INVALID_ARGUMENT (an item that is not a TokenRequest), LIMIT_EXCEEDED (none, more than TOKEN_BATCH_MAX, or the
 * buffer); `ret` is then unchanged.
 */
bool token_batch_request_encode(const struct base_bytes *requests, size_t count, struct base_buffer *ret,
                                struct base_error *error) BASE_MUST_CHECK;

/*
 * Reads exactly one batch of at least one request. An unknown type ends the reading: its length is not known, and the
 * draft has the issuer refuse the whole batch.
 * Errors: UNSUPPORTED (a type), MALFORMED, LIMIT_EXCEEDED (more than TOKEN_BATCH_MAX requests).
 */
bool token_batch_request_decode(struct base_bytes bytes, struct token_batch_request *ret,
                                struct base_error *error) BASE_MUST_CHECK;

/* As for requests. INVALID_ARGUMENT is for a response that has not its type's length. */
bool token_batch_response_encode(const struct token_batch_response *response, struct base_buffer *ret,
                                 struct base_error *error) BASE_MUST_CHECK;
bool token_batch_response_decode(struct base_bytes bytes, struct token_batch_response *ret,
                                 struct base_error *error) BASE_MUST_CHECK;

/* Where the issuer's keys are: gives the key of that type and truncated id, or NULL. */
struct token_batch_keys {
        const struct token_issuer_key *(*find)(void *context, uint16_t type, uint8_t truncated_key_id);
        void *context;
};

/*
 * Answers a batch: appends the GenericBatchTokenResponse to `ret_response`. A request for a key that is not there, or
 * whose content is refused, has an absent answer; `ret_issued` counts the others. HTTP status: 200 if `ret_issued` is
 * `ret_count`, 400 and no batch if it is 0, else 206.
 * Errors: as token_batch_request_decode(), each of them 422; and CRYPTO, NO_MEMORY, LIMIT_EXCEEDED (the buffer), which are
 * the issuer's own: nothing is then issued.
 */
bool token_batch_evaluate(const struct token_batch_keys *keys, struct base_bytes request, struct base_buffer *ret_response,
                          size_t *ret_issued, size_t *ret_count, struct base_error *error) BASE_MUST_CHECK;

/*
 * Finalizes the answers to `count` requests, in the requests' order: appends to `ret_tokens[i]` the token of `states[i]`,
 * or nothing if the issuer did not answer that request; `ret_issued` counts the tokens. An issuer whose answer to one
 * request does not verify is not believed in the others: then no buffer changes.
 * Errors: MALFORMED (also another number or types than requested), UNSUPPORTED, TOKEN_INVALID, CRYPTO, LIMIT_EXCEEDED.
 */
bool token_batch_finalize(const struct token_client_state *const *states, size_t count, struct base_bytes response,
                          struct base_buffer *ret_tokens, size_t *ret_issued, struct base_error *error) BASE_MUST_CHECK;
