/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/token_batch.h"

#include "base/varint.h"

#define ABSENT  0
#define PRESENT 1

/* RFC 9578, sections 5 and 6: the whole TokenRequest, with type and truncated key id, and the whole TokenResponse. */
struct token_lengths {
        uint16_t type;
        size_t request_len;
        size_t response_len;
};

static const struct token_lengths types[] = {
        { .type = 0x0001, .request_len = 3 + 49, .response_len = 49 + 96 },
        { .type = 0x0002, .request_len = 3 + 256, .response_len = 256 },
};

/* The row of a request that has its type's length, or NULL. */
static const struct token_lengths *find(struct base_bytes request)
{
        struct base_reader reader = base_reader_over(request);
        uint16_t type;

        if (!base_reader_get_u16(&reader, &type))
                return NULL;
        for (size_t i = 0; i < BASE_COUNT(types); i++)
                if (types[i].type == type && types[i].request_len == request.len)
                        return &types[i];
        return NULL;
}

bool attesterd_token_batch_fits(const struct base_bytes *requests, size_t count)
{
        if (count < 2 || count > ATTESTERD_TOKEN_REQUESTS_MAX)
                return false;
        for (size_t i = 0; i < count; i++)
                if (find(requests[i]) == NULL)
                        return false;
        return true;
}

bool attesterd_token_batch_join(const struct base_bytes *requests, size_t count, struct base_buffer *ret,
                                struct base_error *error)
{
        base_auto_buffer struct base_buffer batch = BASE_BUFFER_INIT(ATTESTERD_TOKEN_BATCH_BYTES_MAX);
        size_t len = 0;

        if (!attesterd_token_batch_fits(requests, count))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "the token requests cannot be sent as one batch");
        for (size_t i = 0; i < count; i++)
                len += requests[i].len;
        base_varint_put(&batch, len);
        for (size_t i = 0; i < count; i++)
                base_buffer_put_bytes(&batch, requests[i]);
        if (base_buffer_ok(&batch))
                base_buffer_put_bytes(ret, base_buffer_bytes(&batch));
        return (base_buffer_ok(&batch) && base_buffer_ok(ret)) || base_error_set_no_memory(error);
}

static bool malformed(const char *issuer, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_ISSUER_REJECTED,
                              "the answer of the issuer %s to a batch of token requests is damaged", issuer);
}

/* Answer number `i`, from 0, to a request of which `lengths` are. */
static bool take_answer(const char *issuer, struct base_reader *reader, size_t i, const struct token_lengths *lengths,
                        struct base_bytes *ret, struct base_error *error)
{
        uint8_t present;
        uint16_t type;

        if (!base_reader_get_u8(reader, &present) || present > PRESENT)
                return malformed(issuer, error);
        if (present == ABSENT)
                return base_error_set(error, BASE_ERROR_ISSUER_REJECTED,
                                      "the issuer %s did not answer token request %zu of the batch", issuer, i + 1);
        if (!base_reader_get_u16(reader, &type))
                return malformed(issuer, error);
        if (type != lengths->type)
                return base_error_set(error, BASE_ERROR_ISSUER_REJECTED,
                                      "the issuer %s answers token request %zu of the batch, of type 0x%04x, with type 0x%04x",
                                      issuer, i + 1, (unsigned) lengths->type, (unsigned) type);
        return base_reader_get_bytes(reader, lengths->response_len, ret) || malformed(issuer, error);
}

bool attesterd_token_batch_split(const char *issuer, const struct base_bytes *requests, size_t count, struct base_bytes response,
                                 struct base_bytes *ret, struct base_error *error)
{
        struct base_reader reader = base_reader_over(response);
        struct base_bytes answers[ATTESTERD_TOKEN_REQUESTS_MAX];
        uint64_t len;

        if (!attesterd_token_batch_fits(requests, count))
                return base_error_set(error, BASE_ERROR_INTERNAL, "token requests that were no batch are split as one");
        if (!base_varint_get(&reader, &len) || len != base_reader_left(&reader))
                return malformed(issuer, error);
        for (size_t i = 0; i < count; i++) {
                if (base_reader_at_end(&reader))
                        return base_error_set(error, BASE_ERROR_ISSUER_REJECTED,
                                              "the issuer %s answers %zu of the %zu token requests of a batch", issuer, i, count);
                if (!take_answer(issuer, &reader, i, find(requests[i]), &answers[i], error))
                        return false;
        }
        if (!base_reader_at_end(&reader))
                return base_error_set(error, BASE_ERROR_ISSUER_REJECTED,
                                      "the issuer %s answers more than the %zu token requests of a batch", issuer, count);
        for (size_t i = 0; i < count; i++)
                ret[i] = answers[i];
        return true;
}
