/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's framing of batches, beside that of token/, which client and issuer have. */
#include "attesterd/token_batch.h"
#include "tests/assert.h"
#include "token/batch.h"

#include <string.h>

#define COUNT  4
#define ISSUER "issuer.example"

/* Requests of both types in turn, and answers to them: what is in them does not matter here. */
struct batch {
        uint8_t requests[ATTESTERD_TOKEN_REQUESTS_MAX][TOKEN_REQUEST_BYTES_MAX];
        uint8_t responses[ATTESTERD_TOKEN_REQUESTS_MAX][TOKEN_RESPONSE_BYTES_MAX];
        struct base_bytes views[ATTESTERD_TOKEN_REQUESTS_MAX];
        struct token_batch_response answers;
};

static void batch_fill(struct batch *batch, size_t count)
{
        memset(batch, 0, sizeof(*batch));
        for (size_t i = 0; i < count; i++) {
                const struct token_type *type = token_type_find(i % 2 == 0 ? TOKEN_TYPE_BLIND_RSA : TOKEN_TYPE_VOPRF);

                memset(batch->requests[i], (int) i, sizeof(batch->requests[i]));
                batch->requests[i][0] = 0;
                batch->requests[i][1] = (uint8_t) type->id;
                batch->views[i] = BASE_BYTES(batch->requests[i], type->request_len);
                memset(batch->responses[i], (int) (0x80 + i), sizeof(batch->responses[i]));
                batch->answers.items[i] = (struct token_batch_answer){
                        .type = type,
                        .response = BASE_BYTES(batch->responses[i], type->response_len),
                };
        }
        batch->answers.count = count;
}

static void batch_answer(const struct batch *batch, struct base_buffer *ret)
{
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_reset(ret);
        assert_ok(token_batch_response_encode(&batch->answers, ret, &error));
}

static void lengths_of_all_types_are_those_of_token(void **state)
{
        static uint8_t bytes[ATTESTERD_TOKEN_BATCH_REQUEST_MAX + 1];
        const struct token_type *type;

        (void) state;
        assert_true(ATTESTERD_TOKEN_REQUESTS_MAX <= TOKEN_BATCH_MAX);
        assert_int_equal(ATTESTERD_TOKEN_BATCH_REQUEST_MAX, TOKEN_REQUEST_BYTES_MAX);
        for (size_t i = 0; (type = token_type_at(i)) != NULL; i++) {
                struct base_bytes pair[] = { BASE_BYTES(bytes, type->request_len), BASE_BYTES(bytes, type->request_len) };

                bytes[1] = (uint8_t) type->id;
                assert_true(attesterd_token_batch_fits(pair, 2));
                for (int difference = -1; difference <= 1; difference += 2) {
                        pair[1].len = (size_t) ((int) type->request_len + difference);
                        assert_false(attesterd_token_batch_fits(pair, 2));
                }
        }
}

static void fits_one_too_many_or_unknown_is_false(void **state)
{
        struct batch batch;
        struct base_bytes views[ATTESTERD_TOKEN_REQUESTS_MAX + 1];

        (void) state;
        batch_fill(&batch, ATTESTERD_TOKEN_REQUESTS_MAX);
        memcpy(views, batch.views, sizeof(batch.views));
        views[ATTESTERD_TOKEN_REQUESTS_MAX] = views[0];
        assert_false(attesterd_token_batch_fits(views, 0));
        assert_false(attesterd_token_batch_fits(views, 1));
        assert_true(attesterd_token_batch_fits(views, ATTESTERD_TOKEN_REQUESTS_MAX));
        assert_false(attesterd_token_batch_fits(views, ATTESTERD_TOKEN_REQUESTS_MAX + 1));
        views[1].len = 1;
        assert_false(attesterd_token_batch_fits(views, 2));
        batch.requests[1][1] = 0x03;
        assert_false(attesterd_token_batch_fits(batch.views, 2));
}

static void join_any_number_is_what_token_reads_and_writes(void **state)
{
        struct base_error error = BASE_ERROR_INIT;
        struct batch batch;

        (void) state;
        batch_fill(&batch, ATTESTERD_TOKEN_REQUESTS_MAX);
        for (size_t count = 2; count <= ATTESTERD_TOKEN_REQUESTS_MAX; count++) {
                base_auto_buffer struct base_buffer ours = BASE_BUFFER_INIT(ATTESTERD_TOKEN_BATCH_BYTES_MAX);
                base_auto_buffer struct base_buffer theirs = BASE_BUFFER_INIT(TOKEN_BATCH_REQUEST_BYTES_MAX);
                struct token_batch_request decoded;

                assert_ok(attesterd_token_batch_join(batch.views, count, &ours, &error));
                assert_ok(token_batch_request_encode(batch.views, count, &theirs, &error));
                assert_true(base_bytes_equal(base_buffer_bytes(&ours), base_buffer_bytes(&theirs)));
                assert_ok(token_batch_request_decode(base_buffer_bytes(&ours), &decoded, &error));
                assert_int_equal(decoded.count, count);
        }
}

static void join_of_the_largest_requests_has_room(void **state)
{
        base_auto_buffer struct base_buffer joined = BASE_BUFFER_INIT(ATTESTERD_TOKEN_BATCH_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct base_bytes views[ATTESTERD_TOKEN_REQUESTS_MAX];
        struct batch batch;

        (void) state;
        batch_fill(&batch, 1);
        for (size_t i = 0; i < ATTESTERD_TOKEN_REQUESTS_MAX; i++)
                views[i] = batch.views[0];
        assert_ok(attesterd_token_batch_join(views, ATTESTERD_TOKEN_REQUESTS_MAX, &joined, &error));
        assert_int_equal(joined.len, ATTESTERD_TOKEN_BATCH_BYTES_MAX);
}

static void join_of_what_does_not_fit_is_refused(void **state)
{
        base_auto_buffer struct base_buffer joined = BASE_BUFFER_INIT(ATTESTERD_TOKEN_BATCH_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        struct batch batch;

        (void) state;
        batch_fill(&batch, 2);
        assert_refused(attesterd_token_batch_join(batch.views, 1, &joined, &error), BASE_ERROR_INVALID_ARGUMENT, "one batch");
        assert_int_equal(joined.len, 0);
}

static void split_gives_the_answers_in_order(void **state)
{
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
        struct base_bytes answers[ATTESTERD_TOKEN_REQUESTS_MAX];
        struct base_error error = BASE_ERROR_INIT;
        struct batch batch;

        (void) state;
        for (size_t count = 2; count <= ATTESTERD_TOKEN_REQUESTS_MAX; count++) {
                batch_fill(&batch, count);
                batch_answer(&batch, &response);
                assert_ok(attesterd_token_batch_split(ISSUER, batch.views, count, base_buffer_bytes(&response), answers, &error));
                for (size_t i = 0; i < count; i++)
                        assert_true(base_bytes_equal(answers[i], batch.answers.items[i].response));
        }
}

static void split_wrong_answers_are_refused_by_name(void **state)
{
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
        struct base_bytes answers[ATTESTERD_TOKEN_REQUESTS_MAX] = { { .len = 7 } };
        struct base_error error = BASE_ERROR_INIT;
        struct token_batch_answer swapped;
        struct batch batch;

        (void) state;
        batch_fill(&batch, COUNT + 1);
        batch_answer(&batch, &response);
        assert_refused(attesterd_token_batch_split(ISSUER, batch.views, COUNT, base_buffer_bytes(&response), answers, &error),
                       BASE_ERROR_ISSUER_REJECTED, "issuer.example answers more than the 4");
        batch.answers.count = COUNT - 1;
        batch_answer(&batch, &response);
        assert_refused(attesterd_token_batch_split(ISSUER, batch.views, COUNT, base_buffer_bytes(&response), answers, &error),
                       BASE_ERROR_ISSUER_REJECTED, "answers 3 of the 4");
        batch.answers.count = COUNT;
        swapped = batch.answers.items[2];
        batch.answers.items[2] = batch.answers.items[1];
        batch_answer(&batch, &response);
        assert_refused(attesterd_token_batch_split(ISSUER, batch.views, COUNT, base_buffer_bytes(&response), answers, &error),
                       BASE_ERROR_ISSUER_REJECTED, "token request 3 of the batch, of type 0x0002, with type 0x0001");
        batch.answers.items[2] = swapped;
        batch.answers.items[1].type = NULL;
        batch_answer(&batch, &response);
        assert_refused(attesterd_token_batch_split(ISSUER, batch.views, COUNT, base_buffer_bytes(&response), answers, &error),
                       BASE_ERROR_ISSUER_REJECTED, "did not answer token request 2");
        assert_int_equal(answers[0].len, 7);
}

/* Each cut, with the old length and with the right one, and each bit of the framing. */
static void split_damaged_answers_are_refused(void **state)
{
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
        struct base_bytes answers[ATTESTERD_TOKEN_REQUESTS_MAX];
        struct base_error error = BASE_ERROR_INIT;
        struct batch batch;

        (void) state;
        batch_fill(&batch, 2);
        batch_answer(&batch, &response);
        for (size_t len = 0; len < response.len; len++) {
                base_auto_buffer struct base_buffer cut = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);

                assert_refused(
                        attesterd_token_batch_split(ISSUER, batch.views, 2, BASE_BYTES(response.data, len), answers, &error),
                        BASE_ERROR_ISSUER_REJECTED, "damaged");
                if (len < ATTESTERD_TOKEN_BATCH_LENGTH_MAX + 64)
                        continue;
                base_buffer_put_u16(&cut, (uint16_t) (0x4000 | (len - ATTESTERD_TOKEN_BATCH_LENGTH_MAX)));
                base_buffer_put(&cut, response.data + ATTESTERD_TOKEN_BATCH_LENGTH_MAX, len - ATTESTERD_TOKEN_BATCH_LENGTH_MAX);
                assert_refused(attesterd_token_batch_split(ISSUER, batch.views, 2, base_buffer_bytes(&cut), answers, &error),
                               BASE_ERROR_ISSUER_REJECTED, "");
        }
        for (size_t bit = 0; bit < 8 * (ATTESTERD_TOKEN_BATCH_LENGTH_MAX + 3); bit++) {
                response.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
                assert_refused(attesterd_token_batch_split(ISSUER, batch.views, 2, base_buffer_bytes(&response), answers, &error),
                               BASE_ERROR_ISSUER_REJECTED, ISSUER);
                response.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }
        assert_ok(attesterd_token_batch_split(ISSUER, batch.views, 2, base_buffer_bytes(&response), answers, &error));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lengths_of_all_types_are_those_of_token),
                cmocka_unit_test(fits_one_too_many_or_unknown_is_false),
                cmocka_unit_test(join_any_number_is_what_token_reads_and_writes),
                cmocka_unit_test(join_of_the_largest_requests_has_room),
                cmocka_unit_test(join_of_what_does_not_fit_is_refused),
                cmocka_unit_test(split_gives_the_answers_in_order),
                cmocka_unit_test(split_wrong_answers_are_refused_by_name),
                cmocka_unit_test(split_damaged_answers_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
