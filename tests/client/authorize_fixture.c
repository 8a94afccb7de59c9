/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/client/authorize_fixture.h"
#include "tests/cmocka.h"

int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        struct base_error error = BASE_ERROR_INIT;

        assert_non_null(fixture);
        base_buffer_init(&fixture->key_bytes, 4096);
        base_buffer_init(&fixture->other_key_bytes, 4096);
        base_buffer_init(&fixture->header, TOKEN_HEADER_BYTES_MAX);
        test_bus_start(&fixture->bus, true);
        test_bus_read(&fixture->bus, "a.spki", &fixture->key_bytes);
        test_bus_read(&fixture->bus, "b.spki", &fixture->other_key_bytes);
        assert_true(token_public_key_decode(TOKEN_TYPE_BLIND_RSA, base_buffer_bytes(&fixture->key_bytes), &fixture->key, &error));
        assert_int_equal(attester_new(fixture->bus.address, &fixture->attester, NULL), 0);
        *state = fixture;
        return 0;
}

int tear_down(void **state)
{
        struct fixture *fixture = *state;

        attester_free(fixture->attester);
        token_public_key_unref(fixture->key);
        base_buffer_clear(&fixture->key_bytes);
        base_buffer_clear(&fixture->other_key_bytes);
        base_buffer_clear(&fixture->header);
        test_bus_stop(&fixture->bus);
        free(fixture);
        return 0;
}

void challenge_of_type_add(struct fixture *fixture, uint16_t type, const char *issuer, const char *origin_info,
                           struct base_bytes key)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(TOKEN_CHALLENGE_BYTES_MAX);
        static const uint8_t context[TOKEN_REDEMPTION_CONTEXT_LEN] = "redemption context for a test..";
        struct base_error error = BASE_ERROR_INIT;
        struct token_challenge challenge = {
                .type = type,
                .issuer_name = base_bytes_from_string(issuer),
                .redemption_context = BASE_BYTES_OF(context),
                .origin_info = base_bytes_from_string(origin_info),
        };

        assert_true(token_challenge_encode(&challenge, &encoded, &error));
        assert_true(token_challenge_digest(base_buffer_bytes(&encoded), fixture->digest, &error));
        assert_true(token_www_authenticate_append(&fixture->header, base_buffer_bytes(&encoded), key, NULL, &error));
}

void challenge_add(struct fixture *fixture, const char *issuer, const char *origin_info, struct base_bytes key)
{
        challenge_of_type_add(fixture, TOKEN_TYPE_BLIND_RSA, issuer, origin_info, key);
}

void assert_token_valid(struct fixture *fixture, const char *authorization)
{
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        assert_true(token_authorization_parse(base_bytes_from_string(authorization), &token, &error));
        assert_true(token_verify(fixture->key, base_buffer_bytes(&token), fixture->digest, &error));
}
