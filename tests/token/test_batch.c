/* SPDX-License-Identifier: BSD-2-Clause */
/* Batched issuance: the published vectors, mixed batches, answers that are absent, and every damage that must fail. */
#include "base/encode.h"
#include "base/varint.h"
#include "tests/token/support.h"
#include "token/challenge.h"
#include "token/module.h"

#include <string.h>

#define BYTES_MAX  8192
#define VECTOR_MAX 2

static const uint8_t challenge_digest[TOKEN_DIGEST_LEN] = { 4, 5, 6 };

/* --- issuers of a batch --- */

struct issuers {
        struct token_issuer_key *keys[VECTOR_MAX];
        size_t count;
};

static const struct token_issuer_key *issuers_find(void *context, uint16_t type, uint8_t truncated_key_id)
{
        const struct issuers *issuers = context;

        for (size_t i = 0; i < issuers->count; i++) {
                const struct token_public_key *key = token_issuer_key_public(issuers->keys[i]);

                if (token_public_key_type(key)->id == type && token_public_key_id(key)[TOKEN_KEY_ID_LEN - 1] == truncated_key_id)
                        return issuers->keys[i];
        }
        return NULL;
}

static void issuers_clear(struct issuers *issuers)
{
        for (size_t i = 0; i < issuers->count; i++)
                token_issuer_key_free(issuers->keys[i]);
}

/* --- vectors --- */

struct issuance {
        struct base_buffer secret, drawn, challenge, token;
        struct token_client_state *client;
        uint16_t type;
};

static void issuance_load(const json_t *object, struct issuers *issuers, struct issuance *ret)
{
        base_auto_buffer struct base_buffer public_key = BASE_BUFFER_INIT(BYTES_MAX);
        struct token_issuer_key **issuer = &issuers->keys[issuers->count++];
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_init(&ret->secret, BYTES_MAX);
        base_buffer_init(&ret->drawn, BYTES_MAX);
        base_buffer_init(&ret->challenge, BYTES_MAX);
        base_buffer_init(&ret->token, BYTES_MAX);
        ret->type = (uint16_t) strtoul(support_member(object, "type"), NULL, 16);
        support_member_bytes(object, "skS", &ret->secret);
        support_member_bytes(object, "token_challenge", &ret->challenge);
        support_member_bytes(object, "nonce", &ret->drawn);
        if (ret->type == TOKEN_TYPE_BLIND_RSA)
                support_member_bytes(object, "salt", &ret->drawn);
        support_member_bytes(object, "blind", &ret->drawn);
        support_member_bytes(object, "token", &ret->token);
        if (ret->type == TOKEN_TYPE_VOPRF)
                support_voprf_issuer(base_buffer_bytes(&ret->secret), issuer);
        else
                support_assert_ok(token_issuer_key_load(ret->type, base_buffer_bytes(&ret->secret), issuer, &error), &error);
        support_member_bytes(object, "pkS", &public_key);
        support_assert_bytes(token_public_key_encoded(token_issuer_key_public(*issuer)), base_buffer_bytes(&public_key));
}

static void issuance_blind(struct issuance *issuance, struct token_public_key *key, struct base_buffer *request)
{
        struct support_script script = { .bytes = base_buffer_bytes(&issuance->drawn) };
        struct base_random random = support_script_random(&script);
        struct base_error error = BASE_ERROR_INIT;
        uint8_t digest[TOKEN_DIGEST_LEN];

        support_assert_ok(token_challenge_digest(base_buffer_bytes(&issuance->challenge), digest, &error), &error);
        support_assert_ok(token_client_blind(key, digest, &random, request, &issuance->client, &error), &error);
        assert_int_equal(script.position, script.bytes.len);
}

static void issuance_clear(struct issuance *issuance)
{
        base_buffer_clear(&issuance->secret);
        base_buffer_clear(&issuance->drawn);
        base_buffer_clear(&issuance->challenge);
        base_buffer_clear(&issuance->token);
        token_client_state_free(issuance->client);
}

/* The randomness of each proof in the published response, in the order in which an issuer draws it. */
static void response_randomness(struct base_bytes response, const struct issuance *issuances, struct base_buffer *ret)
{
        struct token_batch_response decoded;
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_batch_response_decode(response, &decoded, &error), &error);
        for (size_t i = 0; i < decoded.count; i++) {
                assert_non_null(decoded.items[i].type);
                assert_int_equal(decoded.items[i].type->id, issuances[i].type);
                if (issuances[i].type == TOKEN_TYPE_VOPRF)
                        support_voprf_randomness(BASE_BYTES(decoded.items[i].response.data + 49, 96),
                                                 base_buffer_bytes(&issuances[i].secret), ret);
        }
}

static void check_vector(const json_t *object)
{
        const json_t *list = json_object_get(object, "issuance");
        size_t count = json_array_size(list), issued = 0, answered = 0;
        struct issuance issuances[VECTOR_MAX] = { 0 };
        struct issuers issuers = { .count = 0 };
        const struct token_batch_keys keys = { .find = issuers_find, .context = &issuers };
        base_auto_buffer struct base_buffer expected_request = BASE_BUFFER_INIT(BYTES_MAX), batch = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer expected_response = BASE_BUFFER_INIT(BYTES_MAX),
                                            response = BASE_BUFFER_INIT(BYTES_MAX);
        base_auto_buffer struct base_buffer drawn = BASE_BUFFER_INIT(BYTES_MAX);
        struct base_buffer requests[VECTOR_MAX], tokens[VECTOR_MAX];
        const struct token_client_state *states[VECTOR_MAX];
        struct base_bytes views[VECTOR_MAX];
        struct support_script script;
        struct base_random random;
        struct base_error error = BASE_ERROR_INIT;

        assert_in_range(count, 1, VECTOR_MAX);
        for (size_t i = 0; i < count; i++) {
                base_buffer_init(&requests[i], BYTES_MAX);
                base_buffer_init(&tokens[i], BYTES_MAX);
                issuance_load(json_array_get(list, i), &issuers, &issuances[i]);
                issuance_blind(&issuances[i], token_issuer_key_public(issuers.keys[i]), &requests[i]);
                views[i] = base_buffer_bytes(&requests[i]);
                states[i] = issuances[i].client;
        }
        support_member_bytes(object, "token_request", &expected_request);
        support_member_bytes(object, "token_response", &expected_response);
        support_assert_ok(token_batch_request_encode(views, count, &batch, &error), &error);
        support_assert_bytes(base_buffer_bytes(&batch), base_buffer_bytes(&expected_request));
        response_randomness(base_buffer_bytes(&expected_response), issuances, &drawn);
        script = (struct support_script){ .bytes = base_buffer_bytes(&drawn) };
        random = support_script_random(&script);
        support_assert_ok(
                token_batch_evaluate_with(&keys, &random, base_buffer_bytes(&batch), &response, &issued, &answered, &error),
                &error);
        assert_int_equal(issued, count);
        assert_int_equal(answered, count);
        support_assert_bytes(base_buffer_bytes(&response), base_buffer_bytes(&expected_response));
        support_assert_ok(token_batch_finalize(states, count, base_buffer_bytes(&response), tokens, &issued, &error), &error);
        assert_int_equal(issued, count);
        for (size_t i = 0; i < count; i++) {
                support_assert_bytes(base_buffer_bytes(&tokens[i]), base_buffer_bytes(&issuances[i].token));
                base_buffer_clear(&requests[i]);
                base_buffer_clear(&tokens[i]);
                issuance_clear(&issuances[i]);
        }
        issuers_clear(&issuers);
}

static void batch_draft06_vectors_match(void **state)
{
        json_t *vectors = support_vectors_load("generic_batched_tokens_v6_go.json", 5);
        json_t *object;
        size_t i;

        json_array_foreach(vectors, i, object) check_vector(object);
        json_decref(vectors);
}

/* --- one honest batch of both types, which no case changes --- */

#define COUNT 3 /* 0x0001, 0x0002, 0x0001 */

struct run {
        struct issuers issuers;
        struct token_batch_keys keys;
        struct token_client_state *clients[COUNT];
        struct base_buffer requests[COUNT], batch, response;
};

static struct base_bytes view(const struct base_buffer *buffer)
{
        return base_buffer_bytes(buffer);
}

static void encode(const struct run *run, size_t count, struct base_buffer *ret)
{
        struct base_bytes views[COUNT];
        struct base_error error = BASE_ERROR_INIT;

        for (size_t i = 0; i < count; i++)
                views[i] = view(&run->requests[i]);
        base_buffer_reset(ret);
        support_assert_ok(token_batch_request_encode(views, count, ret, &error), &error);
}

static int set_up(void **state)
{
        static const uint16_t types[] = { TOKEN_TYPE_VOPRF, TOKEN_TYPE_BLIND_RSA };
        struct run *run = calloc(1, sizeof(*run));
        struct base_error error = BASE_ERROR_INIT;
        size_t issued, count;

        base_buffer_init(&run->batch, TOKEN_BATCH_REQUEST_BYTES_MAX);
        base_buffer_init(&run->response, TOKEN_BATCH_RESPONSE_BYTES_MAX);
        for (size_t i = 0; i < BASE_COUNT(types); i++)
                support_assert_ok(token_issuer_key_generate(types[i], &run->issuers.keys[run->issuers.count++], &error), &error);
        run->keys = (struct token_batch_keys){ .find = issuers_find, .context = &run->issuers };
        for (size_t i = 0; i < COUNT; i++) {
                base_buffer_init(&run->requests[i], TOKEN_REQUEST_BYTES_MAX);
                support_assert_ok(token_client_blind(token_issuer_key_public(run->issuers.keys[i % 2]), challenge_digest,
                                                     &base_system_random, &run->requests[i], &run->clients[i], &error),
                                  &error);
        }
        encode(run, COUNT, &run->batch);
        support_assert_ok(token_batch_evaluate(&run->keys, view(&run->batch), &run->response, &issued, &count, &error), &error);
        assert_int_equal(issued, COUNT);
        assert_int_equal(count, COUNT);
        *state = run;
        return 0;
}

static int tear_down(void **state)
{
        struct run *run = *state;

        for (size_t i = 0; i < COUNT; i++) {
                token_client_state_free(run->clients[i]);
                base_buffer_clear(&run->requests[i]);
        }
        base_buffer_clear(&run->batch);
        base_buffer_clear(&run->response);
        issuers_clear(&run->issuers);
        free(run);
        return 0;
}

/* Finalizes the first `count` requests; asserts that a failure leaves no token. */
static enum base_error_code finalize(const struct run *run, size_t count, struct base_bytes response, size_t *ret_issued,
                                     size_t lengths[static COUNT])
{
        const struct token_client_state *states[COUNT] = { run->clients[0], run->clients[1], run->clients[2] };
        struct base_buffer tokens[COUNT];
        struct base_error error = BASE_ERROR_INIT;
        bool ok;

        for (size_t i = 0; i < COUNT; i++)
                base_buffer_init(&tokens[i], TOKEN_BYTES_MAX);
        ok = token_batch_finalize(states, count, response, tokens, ret_issued, &error);
        for (size_t i = 0; i < COUNT; i++) {
                lengths[i] = tokens[i].len;
                assert_true(ok || tokens[i].len == 0);
                if (lengths[i] > 0)
                        support_assert_ok(
                                token_issuer_verify(run->issuers.keys[i % 2], view(&tokens[i]), challenge_digest, &error),
                                &error);
                base_buffer_clear(&tokens[i]);
        }
        return ok ? BASE_ERROR_NONE : error.code;
}

static enum base_error_code finalize_code(const struct run *run, size_t count, struct base_bytes response)
{
        size_t issued, lengths[COUNT];

        return finalize(run, count, response, &issued, lengths);
}

static void finalize_mixed_batch_passes(void **state)
{
        struct run *run = *state;
        size_t issued = 0, lengths[COUNT];

        assert_int_equal(finalize(run, COUNT, view(&run->response), &issued, lengths), BASE_ERROR_NONE);
        assert_int_equal(issued, COUNT);
        assert_int_equal(lengths[0], TOKEN_INPUT_LEN + 48);
        assert_int_equal(lengths[1], TOKEN_INPUT_LEN + 256);
        assert_int_equal(lengths[2], TOKEN_INPUT_LEN + 48);
}

static void finalize_other_count_is_malformed(void **state)
{
        struct run *run = *state;
        struct token_batch_response response;
        base_auto_buffer struct base_buffer shorter = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_batch_response_decode(view(&run->response), &response, &error), &error);
        assert_int_equal(finalize_code(run, COUNT - 1, view(&run->response)), BASE_ERROR_MALFORMED);
        response.count--;
        support_assert_ok(token_batch_response_encode(&response, &shorter, &error), &error);
        assert_int_equal(finalize_code(run, COUNT, view(&shorter)), BASE_ERROR_MALFORMED);
        assert_int_equal(finalize_code(run, COUNT - 1, view(&shorter)), BASE_ERROR_NONE);
}

static void finalize_swapped_answers_fail(void **state)
{
        static const struct {
                size_t a, b;
                enum base_error_code code;
        } rows[] = { { 0, 2, BASE_ERROR_TOKEN_INVALID }, { 0, 1, BASE_ERROR_MALFORMED }, { 1, 2, BASE_ERROR_MALFORMED } };
        struct run *run = *state;

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                base_auto_buffer struct base_buffer swapped = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
                struct token_batch_response response;
                struct token_batch_answer answer;
                struct base_error error = BASE_ERROR_INIT;

                support_assert_ok(token_batch_response_decode(view(&run->response), &response, &error), &error);
                answer = response.items[rows[i].a];
                response.items[rows[i].a] = response.items[rows[i].b];
                response.items[rows[i].b] = answer;
                support_assert_ok(token_batch_response_encode(&response, &swapped, &error), &error);
                assert_int_equal(finalize_code(run, COUNT, view(&swapped)), rows[i].code);
        }
}

/* One wrong answer takes the others with it. */
static void finalize_one_damaged_answer_releases_nothing(void **state)
{
        struct run *run = *state;
        base_auto_buffer struct base_buffer bad = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);

        support_flip_bit(view(&run->response), 8 * (run->response.len - 1), &bad);
        assert_int_equal(finalize_code(run, COUNT, view(&bad)), BASE_ERROR_TOKEN_INVALID);
        support_flip_bit(view(&run->response), 8 * 2, &bad); /* present: 0 for 1 */
        assert_int_not_equal(finalize_code(run, COUNT, view(&bad)), BASE_ERROR_NONE);
}

static void finalize_without_room_is_a_limit(void **state)
{
        struct run *run = *state;
        const struct token_client_state *states[COUNT] = { run->clients[0], run->clients[1], run->clients[2] };
        struct base_buffer tokens[COUNT] = { BASE_BUFFER_INIT(TOKEN_BYTES_MAX), BASE_BUFFER_INIT(TOKEN_BYTES_MAX),
                                             BASE_BUFFER_INIT(TOKEN_INPUT_LEN) };
        struct base_error error = BASE_ERROR_INIT;
        size_t issued;

        support_assert_error(token_batch_finalize(states, COUNT, view(&run->response), tokens, &issued, &error), &error,
                             BASE_ERROR_LIMIT_EXCEEDED);
        for (size_t i = 0; i < COUNT; i++)
                assert_int_equal(tokens[i].len, 0);
}

/* --- the issuer --- */

static void evaluate_unknown_key_or_bad_content_is_absent(void **state)
{
        struct run *run = *state;
        base_auto_buffer struct base_buffer batch = BASE_BUFFER_INIT(TOKEN_BATCH_REQUEST_BYTES_MAX);
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
        size_t issued, count, lengths[COUNT];
        struct base_error error = BASE_ERROR_INIT;
        struct issuers only_rsa = { .keys = { run->issuers.keys[1] }, .count = 1 };
        struct issuers none = { .count = 0 };
        struct token_batch_keys keys = { .find = issuers_find, .context = &only_rsa };

        support_assert_ok(token_batch_evaluate(&keys, view(&run->batch), &response, &issued, &count, &error), &error);
        assert_int_equal(issued, 1);
        assert_int_equal(count, COUNT);
        assert_int_equal(finalize(run, COUNT, view(&response), &issued, lengths), BASE_ERROR_NONE);
        assert_int_equal(issued, 1);
        assert_true(lengths[0] == 0 && lengths[1] > 0 && lengths[2] == 0);

        base_buffer_put_bytes(&batch, view(&run->batch));
        batch.data[2 + TOKEN_REQUEST_HEADER_LEN] = 7; /* of the first request: no point begins so */
        base_buffer_reset(&response);
        support_assert_ok(token_batch_evaluate(&run->keys, view(&batch), &response, &issued, &count, &error), &error);
        assert_int_equal(issued, COUNT - 1);
        assert_int_equal(finalize(run, COUNT, view(&response), &issued, lengths), BASE_ERROR_NONE);
        assert_true(lengths[0] == 0 && lengths[1] > 0 && lengths[2] > 0);

        keys.context = &none;
        base_buffer_reset(&response);
        support_assert_ok(token_batch_evaluate(&keys, view(&run->batch), &response, &issued, &count, &error), &error);
        assert_int_equal(issued, 0);
        support_assert_bytes(view(&response), BASE_BYTES("\x03\x00\x00\x00", 4));
        assert_int_equal(finalize(run, COUNT, view(&response), &issued, lengths), BASE_ERROR_NONE);
        assert_int_equal(issued, 0);
}

/* A failure of the issuer's own must not look like a refusal. */
static void evaluate_without_randomness_or_room_fails(void **state)
{
        struct run *run = *state;
        base_auto_buffer struct base_buffer response = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
        base_auto_buffer struct base_buffer small = BASE_BUFFER_INIT(100);
        struct base_error error = BASE_ERROR_INIT;
        size_t issued, count;

        support_assert_error(token_batch_evaluate_with(&run->keys, &support_broken_random, view(&run->batch), &response, &issued,
                                                       &count, &error),
                             &error, BASE_ERROR_CRYPTO);
        assert_int_equal(response.len, 0);
        support_assert_error(token_batch_evaluate(&run->keys, view(&run->batch), &small, &issued, &count, &error), &error,
                             BASE_ERROR_LIMIT_EXCEEDED);
        assert_int_equal(small.len, 0);
}

/* --- wire format --- */

static enum base_error_code decode_request(struct base_bytes bytes)
{
        struct token_batch_request request;
        struct base_error error = BASE_ERROR_INIT;

        return token_batch_request_decode(bytes, &request, &error) ? BASE_ERROR_NONE : error.code;
}

static enum base_error_code decode_response(struct base_bytes bytes)
{
        struct token_batch_response response;
        struct base_error error = BASE_ERROR_INIT;

        return token_batch_response_decode(bytes, &response, &error) ? BASE_ERROR_NONE : error.code;
}

/* Cut anywhere, with the length as it was and with one that fits; and one byte more. */
static void decode_truncated_is_malformed(void **state)
{
        struct run *run = *state;
        const struct base_buffer *whole[] = { &run->batch, &run->response };
        enum base_error_code (*const decode[])(struct base_bytes) = { decode_request, decode_response };

        for (size_t i = 0; i < BASE_COUNT(whole); i++) {
                base_auto_buffer struct base_buffer longer = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
                unsigned shorter_batches = 0;

                assert_int_equal(decode[i](view(whole[i])), BASE_ERROR_NONE);
                for (size_t len = 0; len < whole[i]->len; len++) {
                        base_auto_buffer struct base_buffer cut = BASE_BUFFER_INIT(TOKEN_BATCH_RESPONSE_BYTES_MAX);
                        enum base_error_code code;

                        assert_int_equal(decode[i](BASE_BYTES(whole[i]->data, len)), BASE_ERROR_MALFORMED);
                        if (len < 2)
                                continue;
                        base_varint_put(&cut, len - 2);
                        base_buffer_put(&cut, whole[i]->data + 2, len - 2);
                        code = decode[i](view(&cut));
                        assert_true(code == BASE_ERROR_MALFORMED || code == BASE_ERROR_NONE);
                        shorter_batches += code == BASE_ERROR_NONE;
                }
                assert_int_equal(shorter_batches, COUNT - 1); /* cut between requests it is a smaller batch */
                base_buffer_put_bytes(&longer, view(whole[i]));
                base_buffer_put_u8(&longer, 0);
                assert_int_equal(decode[i](view(&longer)), BASE_ERROR_MALFORMED);
        }
}

static void decode_odd_batches_are_refused(void **state)
{
        static const struct {
                const char *hex;
                enum base_error_code request, response;
        } rows[] = {
                { "", BASE_ERROR_MALFORMED, BASE_ERROR_MALFORMED },
                { "00", BASE_ERROR_MALFORMED, BASE_ERROR_MALFORMED },     /* nothing in it */
                { "0100", BASE_ERROR_MALFORMED, BASE_ERROR_NONE },        /* one absent answer */
                { "400100", BASE_ERROR_MALFORMED, BASE_ERROR_MALFORMED }, /* the length in two bytes where one would do */
                { "0102", BASE_ERROR_MALFORMED, BASE_ERROR_MALFORMED },   /* neither absent nor present */
                { "03010005", BASE_ERROR_UNSUPPORTED, BASE_ERROR_UNSUPPORTED },
                { "02000500", BASE_ERROR_MALFORMED, BASE_ERROR_MALFORMED },
                { "020005", BASE_ERROR_UNSUPPORTED, BASE_ERROR_MALFORMED }, /* a type that is not built in */
                { "ffffffffffffffff00", BASE_ERROR_MALFORMED, BASE_ERROR_MALFORMED },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(64);

                assert_true(base_hex_decode(&bytes, rows[i].hex, strlen(rows[i].hex)));
                assert_int_equal(decode_request(view(&bytes)), rows[i].request);
                assert_int_equal(decode_response(view(&bytes)), rows[i].response);
        }
}

static void batch_of_too_many_is_a_limit(void **state)
{
        struct run *run = *state;
        base_auto_buffer struct base_buffer batch = BASE_BUFFER_INIT(2 * TOKEN_BATCH_RESPONSE_BYTES_MAX);
        struct base_bytes views[TOKEN_BATCH_MAX + 1];
        struct token_batch_request request;
        struct token_batch_response absent = { .count = TOKEN_BATCH_MAX };
        struct base_error error = BASE_ERROR_INIT;
        size_t issued, count;

        for (size_t i = 0; i < BASE_COUNT(views); i++)
                views[i] = view(&run->requests[1]);
        support_assert_error(token_batch_request_encode(views, 0, &batch, &error), &error, BASE_ERROR_LIMIT_EXCEEDED);
        support_assert_error(token_batch_request_encode(views, TOKEN_BATCH_MAX + 1, &batch, &error), &error,
                             BASE_ERROR_LIMIT_EXCEEDED);
        support_assert_ok(token_batch_request_encode(views, TOKEN_BATCH_MAX, &batch, &error), &error);
        assert_true(batch.len <= TOKEN_BATCH_REQUEST_BYTES_MAX);
        support_assert_ok(token_batch_request_decode(view(&batch), &request, &error), &error);
        assert_int_equal(request.count, TOKEN_BATCH_MAX);
        base_buffer_reset(&batch);
        base_varint_put(&batch, (TOKEN_BATCH_MAX + 1) * views[0].len);
        for (size_t i = 0; i < BASE_COUNT(views); i++)
                base_buffer_put_bytes(&batch, views[i]);
        assert_int_equal(decode_request(view(&batch)), BASE_ERROR_LIMIT_EXCEEDED);
        support_assert_error(token_batch_evaluate(&run->keys, view(&batch), &batch, &issued, &count, &error), &error,
                             BASE_ERROR_LIMIT_EXCEEDED);
        base_buffer_reset(&batch);
        support_assert_ok(token_batch_response_encode(&absent, &batch, &error), &error);
        assert_int_equal(decode_response(view(&batch)), BASE_ERROR_NONE);
        base_buffer_reset(&batch);
        base_varint_put(&batch, TOKEN_BATCH_MAX + 1);
        assert_non_null(base_buffer_extend(&batch, TOKEN_BATCH_MAX + 1));
        assert_int_equal(decode_response(view(&batch)), BASE_ERROR_LIMIT_EXCEEDED);
        absent.count = 0;
        support_assert_error(token_batch_response_encode(&absent, &batch, &error), &error, BASE_ERROR_LIMIT_EXCEEDED);
}

static void encode_items_that_are_none_are_refused(void **state)
{
        struct run *run = *state;
        base_auto_buffer struct base_buffer batch = BASE_BUFFER_INIT(TOKEN_BATCH_REQUEST_BYTES_MAX);
        struct base_bytes views[] = { view(&run->requests[0]), BASE_BYTES(run->requests[1].data, run->requests[1].len - 1) };
        struct token_batch_response response = { .items[0] = { .type = token_type_find(TOKEN_TYPE_VOPRF), .response = views[0] },
                                                 .count = 1 };
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(token_batch_request_encode(views, BASE_COUNT(views), &batch, &error), &error,
                             BASE_ERROR_INVALID_ARGUMENT);
        support_assert_error(token_batch_response_encode(&response, &batch, &error), &error, BASE_ERROR_INVALID_ARGUMENT);
        assert_int_equal(batch.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(batch_draft06_vectors_match),
                cmocka_unit_test(finalize_mixed_batch_passes),
                cmocka_unit_test(finalize_other_count_is_malformed),
                cmocka_unit_test(finalize_swapped_answers_fail),
                cmocka_unit_test(finalize_one_damaged_answer_releases_nothing),
                cmocka_unit_test(finalize_without_room_is_a_limit),
                cmocka_unit_test(evaluate_unknown_key_or_bad_content_is_absent),
                cmocka_unit_test(evaluate_without_randomness_or_room_fails),
                cmocka_unit_test(decode_truncated_is_malformed),
                cmocka_unit_test(decode_odd_batches_are_refused),
                cmocka_unit_test(batch_of_too_many_is_a_limit),
                cmocka_unit_test(encode_items_that_are_none_are_refused),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
