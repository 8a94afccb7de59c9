/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several TokenRequests as one body, and the answer to it as several TokenResponses: "Generic Token Batch Issuance" of
 * draft-ietf-privacypass-batched-tokens-06, section 6. The daemon joins and splits by length alone: it never blinds, and looks
 * at nothing in a request but its type. Not to be confused with attesterd/batch.h, whose batches share a quote. Used by
 * attesterd; may be included by attesterd/.
 *
 *   request:  varint length, then the TokenRequests one behind the other
 *   response: varint length, then for each request 0x00 (not answered), or 0x01, its type and its TokenResponse
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#define ATTESTERD_TOKEN_REQUESTS_MAX      16  /* of one call of RequestTokens, and so of one batch */
#define ATTESTERD_TOKEN_BATCH_REQUEST_MAX 259 /* bytes of a request of any type that can be in one */
#define ATTESTERD_TOKEN_BATCH_LENGTH_MAX  2   /* bytes of the varint in front */
#define ATTESTERD_TOKEN_BATCH_BYTES_MAX                                                                                          \
        (ATTESTERD_TOKEN_BATCH_LENGTH_MAX + ATTESTERD_TOKEN_REQUESTS_MAX * ATTESTERD_TOKEN_BATCH_REQUEST_MAX)

/* Whether these can go as one batch: 2 to ATTESTERD_TOKEN_REQUESTS_MAX, each of a type whose length is known, and of that length.
 */
bool attesterd_token_batch_fits(const struct base_bytes *requests, size_t count);

/* Appends the batch of requests that fit. Errors: INVALID_ARGUMENT (they do not), NO_MEMORY; `ret` is then unchanged. */
bool attesterd_token_batch_join(const struct base_bytes *requests, size_t count, struct base_buffer *ret,
                                struct base_error *error) BASE_MUST_CHECK;

/*
 * The `count` TokenResponses in the answer to a batch of these requests, in their order: views into `response`. Whether each is
 * the answer to its own request only the client can tell; that it is of the request's type and length is checked.
 * Errors: ISSUER_REJECTED, which names `issuer` and the first request that has no answer or one of another type, or says that the
 * response does not parse, or answers more or fewer requests than it was asked.
 */
bool attesterd_token_batch_split(const char *issuer, const struct base_bytes *requests, size_t count, struct base_bytes response,
                                 struct base_bytes *ret, struct base_error *error) BASE_MUST_CHECK;
