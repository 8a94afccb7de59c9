/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/batch.h"

#include "base/varint.h"
#include "token/module.h"

#define PRESENT 1
#define ABSENT  0

static bool check_count(size_t count, struct base_error *error)
{
        return (count > 0 && count <= TOKEN_BATCH_MAX) ||
               base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a batch has 1 to %d token requests, not %zu", TOKEN_BATCH_MAX,
                              count);
}

/* Appends the length and the content, or nothing. */
static bool put_vector(const struct base_buffer *content, struct base_buffer *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer whole = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);

        base_varint_put(&whole, content->len);
        base_buffer_put_bytes(&whole, base_buffer_bytes(content));
        if (!base_buffer_ok(content) || !base_buffer_ok(&whole))
                return base_error_set_no_memory(error);
        base_buffer_put_bytes(ret, base_buffer_bytes(&whole));
        return base_buffer_ok(ret) || base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for the batch");
}

/* A cursor over the content, whose length must be that of all that follows. */
static bool open_vector(struct base_bytes bytes, struct base_reader *ret, struct base_error *error)
{
        struct base_reader reader = base_reader_over(bytes);
        uint64_t len;

        if (!base_varint_get(&reader, &len) || len != base_reader_left(&reader))
                return base_error_set(error, BASE_ERROR_MALFORMED, "the length of a batch of %zu bytes is wrong", bytes.len);
        *ret = reader;
        return len > 0 || base_error_set(error, BASE_ERROR_MALFORMED, "a batch is empty");
}

bool token_batch_request_encode(const struct base_bytes *requests, size_t count, struct base_buffer *ret,
                                struct base_error *error)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(TOKEN_BATCH_REQUEST_BYTES_MAX);

        if (!check_count(count, error))
                return false;
        for (size_t i = 0; i < count; i++) {
                struct base_error reason = BASE_ERROR_INIT;
                struct token_request request;

                if (!token_request_decode(requests[i], &request, &reason))
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "request %zu of the batch: %s", i + 1,
                                              reason.message);
                base_buffer_put_bytes(&content, requests[i]);
        }
        return put_vector(&content, ret, error);
}

/* The bytes of one TokenRequest, whose length its type tells. */
static bool take_request(struct base_reader *reader, struct base_bytes *ret, struct base_error *error)
{
        struct base_reader ahead = *reader;
        const struct token_type *type;
        uint16_t id;

        if (!base_reader_get_u16(&ahead, &id))
                return base_error_set(error, BASE_ERROR_MALFORMED, "a batch ends within a token type");
        if (!token_type_require(id, &type, error))
                return false;
        return base_reader_get_bytes(reader, type->request_len, ret) ||
               base_error_set(error, BASE_ERROR_MALFORMED, "a batch ends within a token request of type 0x%04x", id);
}

bool token_batch_request_decode(struct base_bytes bytes, struct token_batch_request *ret, struct base_error *error)
{
        struct token_batch_request batch = { .count = 0 };
        struct base_reader reader;

        if (!open_vector(bytes, &reader, error))
                return false;
        while (!base_reader_at_end(&reader)) {
                if (!check_count(batch.count + 1, error) || !take_request(&reader, &batch.items[batch.count++], error))
                        return false;
        }
        *ret = batch;
        return true;
}

static void put_answer(struct base_buffer *to, const struct token_batch_answer *answer)
{
        base_buffer_put_u8(to, answer->type != NULL ? PRESENT : ABSENT);
        if (answer->type == NULL)
                return;
        base_buffer_put_u16(to, answer->type->id);
        base_buffer_put_bytes(to, answer->response);
}

bool token_batch_response_encode(const struct token_batch_response *response, struct base_buffer *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);

        if (!check_count(response->count, error))
                return false;
        for (size_t i = 0; i < response->count; i++) {
                const struct token_batch_answer *answer = &response->items[i];

                if (answer->type != NULL && answer->response.len != answer->type->response_len)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "answer %zu of the batch has %zu bytes", i + 1,
                                              answer->response.len);
                put_answer(&content, answer);
        }
        return put_vector(&content, ret, error);
}

static bool take_answer(struct base_reader *reader, struct token_batch_answer *ret, struct base_error *error)
{
        uint8_t present;
        uint16_t id;

        *ret = (struct token_batch_answer){ .type = NULL };
        if (!base_reader_get_u8(reader, &present) || present > PRESENT)
                return base_error_set(error, BASE_ERROR_MALFORMED, "an answer of a batch is neither absent nor present");
        if (present == ABSENT)
                return true;
        if (!base_reader_get_u16(reader, &id))
                return base_error_set(error, BASE_ERROR_MALFORMED, "a batch ends within a token type");
        if (!token_type_require(id, &ret->type, error))
                return false;
        return base_reader_get_bytes(reader, ret->type->response_len, &ret->response) ||
               base_error_set(error, BASE_ERROR_MALFORMED, "a batch ends within a token response of type 0x%04x", id);
}

bool token_batch_response_decode(struct base_bytes bytes, struct token_batch_response *ret, struct base_error *error)
{
        struct token_batch_response batch = { .count = 0 };
        struct base_reader reader;

        if (!open_vector(bytes, &reader, error))
                return false;
        while (!base_reader_at_end(&reader)) {
                if (!check_count(batch.count + 1, error) || !take_answer(&reader, &batch.items[batch.count++], error))
                        return false;
        }
        *ret = batch;
        return true;
}

/* Whether the request is the client's fault alone: then it has no answer, and the others have theirs. */
static bool is_refusal(enum base_error_code code)
{
        return code == BASE_ERROR_MALFORMED || code == BASE_ERROR_NOT_FOUND;
}

/* The answer to one request; its bytes go to `store`, which has room for all. */
static bool evaluate_one(const struct token_batch_keys *keys, const struct base_random *random, struct base_bytes bytes,
                         struct base_buffer *store, struct token_batch_answer *ret, struct base_error *error)
{
        struct base_error reason = BASE_ERROR_INIT;
        const struct token_issuer_key *key;
        struct token_request request;
        size_t start = store->len;

        *ret = (struct token_batch_answer){ .type = NULL };
        if (!token_request_decode(bytes, &request, error))
                return false;
        key = keys->find(keys->context, request.type->id, request.truncated_key_id);
        if (key == NULL)
                return true;
        if (!token_issuer_evaluate_with(key, random, bytes, store, &reason))
                return is_refusal(reason.code) || base_error_copy(error, &reason);
        ret->type = request.type;
        ret->response = BASE_BYTES(store->data + start, store->len - start);
        return true;
}

bool token_batch_evaluate_with(const struct token_batch_keys *keys, const struct base_random *random, struct base_bytes bytes,
                               struct base_buffer *ret_response, size_t *ret_issued, size_t *ret_count, struct base_error *error)
{
        base_auto_buffer struct base_buffer store = BASE_BUFFER_INIT(TOKEN_RESPONSE_BYTES_MAX);
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
        struct token_batch_request request;
        size_t issued = 0;

        if (!token_batch_request_decode(bytes, &request, error))
                return false;
        for (size_t i = 0; i < request.count; i++) {
                struct token_batch_answer answer;

                base_buffer_reset(&store);
                if (!evaluate_one(keys, random, request.items[i], &store, &answer, error))
                        return false;
                put_answer(&content, &answer);
                issued += answer.type != NULL;
        }
        if (!put_vector(&content, ret_response, error))
                return false;
        *ret_issued = issued;
        *ret_count = request.count;
        return true;
}

bool token_batch_evaluate(const struct token_batch_keys *keys, struct base_bytes request, struct base_buffer *ret_response,
                          size_t *ret_issued, size_t *ret_count, struct base_error *error)
{
        return token_batch_evaluate_with(keys, &base_system_random, request, ret_response, ret_issued, ret_count, error);
}

static bool check_answers(const struct token_client_state *const *states, size_t count,
                          const struct token_batch_response *response, struct base_error *error)
{
        if (response->count != count)
                return base_error_set(error, BASE_ERROR_MALFORMED, "the issuer answered %zu token requests with %zu answers",
                                      count, response->count);
        for (size_t i = 0; i < count; i++)
                if (response->items[i].type != NULL && response->items[i].type != token_client_state_type(states[i]))
                        return base_error_set(error, BASE_ERROR_MALFORMED,
                                              "answer %zu of the batch is of another type than asked for", i + 1);
        return true;
}

/* All tokens one behind the other; `ends[i]` is where the one of request i ends. */
static bool finalize_all(const struct token_client_state *const *states, const struct token_batch_response *response,
                         struct base_buffer *ret, size_t ends[static TOKEN_BATCH_MAX], struct base_error *error)
{
        for (size_t i = 0; i < response->count; i++) {
                const struct token_batch_answer *answer = &response->items[i];

                if (answer->type != NULL && !token_client_finalize(states[i], answer->response, ret, error))
                        return base_error_prefix(error, "answer %zu of the batch", i + 1);
                ends[i] = ret->len;
        }
        return true;
}

bool token_batch_finalize(const struct token_client_state *const *states, size_t count, struct base_bytes bytes,
                          struct base_buffer *ret_tokens, size_t *ret_issued, struct base_error *error)
{
        base_auto_buffer struct base_buffer tokens = BASE_BUFFER_INIT(TOKEN_BATCH_MAX * TOKEN_BYTES_MAX);
        struct token_batch_response response;
        size_t ends[TOKEN_BATCH_MAX], start = 0, issued = 0;

        if (!token_batch_response_decode(bytes, &response, error) || !check_answers(states, count, &response, error) ||
            !finalize_all(states, &response, &tokens, ends, error))
                return false;
        for (size_t i = 0; i < count; start = ends[i++])
                if (ends[i] - start > ret_tokens[i].limit - ret_tokens[i].len)
                        return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "no room for token %zu of the batch", i + 1);
        start = 0;
        for (size_t i = 0; i < count; start = ends[i++]) {
                if (ends[i] == start)
                        continue;
                base_buffer_put(&ret_tokens[i], tokens.data + start, ends[i] - start);
                if (!base_buffer_ok(&ret_tokens[i]))
                        return base_error_set_no_memory(error);
                issued++;
        }
        *ret_issued = issued;
        return true;
}
