/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/token/support.h"

#include "base/encode.h"
#include "token/modular.h"

#include <string.h>

json_t *support_vectors_load(const char *name, size_t count)
{
        const char *directory = getenv("ATTESTER_TEST_DATA");
        base_auto_free char *path = NULL;
        json_error_t problem;
        json_t *vectors;

        assert_non_null(directory);
        assert_true(asprintf(&path, "%s/vectors/%s", directory, name) > 0);
        vectors = json_load_file(path, 0, &problem);
        if (vectors == NULL)
                fail_msg("%s:%d: %s", path, problem.line, problem.text);
        assert_int_equal(json_array_size(vectors), count);
        return vectors;
}

const char *support_member(const json_t *object, const char *key)
{
        const char *value = json_string_value(json_object_get(object, key));

        if (value == NULL)
                fail_msg("the vector has no \"%s\"", key);
        return value;
}

void support_member_bytes(const json_t *object, const char *key, struct base_buffer *ret)
{
        const char *hex = support_member(object, key);

        if (strncmp(hex, "0x", 2) == 0)
                hex += 2;
        assert_true(base_hex_decode(ret, hex, strlen(hex)));
}

static bool script_fill(void *context, void *to, size_t len, struct base_error *error)
{
        struct support_script *script = context;

        (void) error;
        assert_true(len <= script->bytes.len - script->position);
        memcpy(to, script->bytes.data + script->position, len);
        script->position += len;
        return true;
}

struct base_random support_script_random(struct support_script *script)
{
        return (struct base_random){ .fill = script_fill, .context = script };
}

static bool broken_fill(void *context, void *to, size_t len, struct base_error *error)
{
        (void) context;
        (void) to;
        return base_error_set(error, BASE_ERROR_CRYPTO, "no %zu random bytes today", len);
}

const struct base_random support_broken_random = { .fill = broken_fill };

void support_assert_bytes(struct base_bytes actual, struct base_bytes expected)
{
        assert_int_equal(actual.len, expected.len);
        if (expected.len > 0)
                assert_memory_equal(actual.data, expected.data, expected.len);
}

void support_flip_bit(struct base_bytes from, size_t bit, struct base_buffer *to)
{
        base_buffer_reset(to);
        base_buffer_put_bytes(to, from);
        assert_true(base_buffer_ok(to) && bit / 8 < to->len);
        to->data[bit / 8] ^= (uint8_t) (1 << bit % 8);
}

/* PKCS#8 has the scalar behind a fixed head. */
void support_voprf_issuer(struct base_bytes scalar, struct token_issuer_key **ret)
{
        static const uint8_t head[] = { 0x30, 0x4e, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
                                        0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
                                        0x22, 0x04, 0x37, 0x30, 0x35, 0x02, 0x01, 0x01, 0x04, 0x30 };
        base_auto_buffer struct base_buffer der = BASE_BUFFER_INIT(256), text = BASE_BUFFER_INIT(1024);
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_put(&der, head, sizeof(head));
        base_buffer_put_bytes(&der, scalar);
        base_buffer_put_string(&text, "-----BEGIN PRIVATE KEY-----\n");
        for (size_t at = 0; at < der.len; at += 48) {
                base_base64_encode(&text, BASE_BYTES(der.data + at, der.len - at < 48 ? der.len - at : 48), BASE_BASE64);
                base_buffer_put_u8(&text, '\n');
        }
        base_buffer_put_string(&text, "-----END PRIVATE KEY-----\n");
        support_assert_ok(token_issuer_key_load(TOKEN_TYPE_VOPRF, base_buffer_bytes(&text), ret, &error), &error);
}

void support_voprf_randomness(struct base_bytes proof, struct base_bytes scalar, struct base_buffer *ret)
{
        const struct token_modulus *order = &token_modulus_order;
        struct token_number c, s, k;
        uint8_t bytes[TOKEN_MODULAR_LEN];

        assert_int_equal(proof.len, 2 * TOKEN_MODULAR_LEN);
        assert_int_equal(scalar.len, TOKEN_MODULAR_LEN);
        assert_true(token_modular_decode(order, proof.data, &c) &&
                    token_modular_decode(order, proof.data + TOKEN_MODULAR_LEN, &s) &&
                    token_modular_decode(order, scalar.data, &k));
        token_modular_multiply(order, &c, &k, &c);
        token_modular_add(order, &s, &c, &s);
        token_modular_encode(order, &s, bytes);
        base_buffer_put(ret, bytes, sizeof(bytes));
}

const uint8_t support_challenge_digest[TOKEN_DIGEST_LEN] = { 1, 2, 3 };

int support_run_set_up(uint16_t type, void **state)
{
        struct support_run *run = calloc(1, sizeof(*run));
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_init(&run->request, TOKEN_REQUEST_BYTES_MAX);
        base_buffer_init(&run->response, TOKEN_RESPONSE_BYTES_MAX);
        base_buffer_init(&run->token, TOKEN_BYTES_MAX);
        support_assert_ok(token_issuer_key_generate(type, &run->issuer, &error), &error);
        support_assert_ok(token_issuer_key_generate(type, &run->other_issuer, &error), &error);
        run->key = token_issuer_key_public(run->issuer);
        support_assert_ok(
                token_client_blind(run->key, support_challenge_digest, &base_system_random, &run->request, &run->client, &error),
                &error);
        support_assert_ok(token_issuer_evaluate(run->issuer, base_buffer_bytes(&run->request), &run->response, &error), &error);
        support_assert_ok(token_client_finalize(run->client, base_buffer_bytes(&run->response), &run->token, &error), &error);
        *state = run;
        return 0;
}

int support_run_tear_down(void **state)
{
        struct support_run *run = *state;

        token_client_state_free(run->client);
        token_issuer_key_free(run->issuer);
        token_issuer_key_free(run->other_issuer);
        base_buffer_clear(&run->request);
        base_buffer_clear(&run->response);
        base_buffer_clear(&run->token);
        free(run);
        return 0;
}
