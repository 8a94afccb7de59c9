/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/encode.h"
#include "tests/token/support.h"
#include "token/challenge.h"

#include <string.h>

#define TEXT(string) base_bytes_from_string(string)

static const uint8_t context[TOKEN_REDEMPTION_CONTEXT_LEN] = { 7 };

static struct token_challenge honest_challenge(void)
{
        return (struct token_challenge){
                .type = TOKEN_TYPE_BLIND_RSA,
                .issuer_name = TEXT("issuer.example"),
                .redemption_context = BASE_BYTES_OF(context),
                .origin_info = TEXT("shop.example,www.shop.example:8443"),
        };
}

static void server_name_of_each_form_is_accepted(void **state)
{
        static const char *const names[] = { "issuer.example", "issuer.example:8443", "localhost", "a",     "A-b.C_d",
                                             "192.0.2.1",      "127.0.0.1:1",         "h:65535",   "[::1]", "[2001:db8::1]:443" };

        for (size_t i = 0; i < BASE_COUNT(names); i++)
                assert_true(token_server_name_valid(TEXT(names[i])));
}

static void server_name_of_another_form_is_refused(void **state)
{
        static const char *const names[] = {
                "",      ".",      "a.",     ".a",       "a..b",      "-a",        "a-",        "user@host", "a b", "a/b",
                "a,b",   "a:",     "a:0",    "a:01",     "a:65536",   "a:1:2",     "a:12x",     "[::1",      "::1", "[]",
                "[g::]", "[::1]1", "[::1]:", "[::1%lo]", "h\xc3\xa9", "[1.2.3.4]", "https://a", "a?b",       "a#b", "a:+1"
        };
        char label[65], host[300];

        for (size_t i = 0; i < BASE_COUNT(names); i++)
                assert_false(token_server_name_valid(TEXT(names[i])));
        assert_false(token_server_name_valid(BASE_BYTES("a\0b", 3)));
        assert_false(token_server_name_valid(BASE_BYTES("[::1\0]", 6)));
        memset(label, 'a', 64);
        label[64] = '\0';
        assert_false(token_server_name_valid(TEXT(label)));
        assert_true(token_server_name_valid(BASE_BYTES(label, 63)));
        for (size_t i = 0; i < sizeof(host); i++)
                host[i] = i % 2 == 0 ? 'a' : '.';
        assert_true(token_server_name_valid(BASE_BYTES(host, 253)));
        assert_false(token_server_name_valid(BASE_BYTES(host, 255)));
}

static void encode_honest_decodes_to_the_same(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(TOKEN_CHALLENGE_BYTES_MAX);
        struct token_challenge challenge = honest_challenge(), again;
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_challenge_encode(&challenge, &encoded, &error), &error);
        support_assert_ok(token_challenge_decode(base_buffer_bytes(&encoded), &again, &error), &error);
        assert_int_equal(again.type, challenge.type);
        support_assert_bytes(again.issuer_name, challenge.issuer_name);
        support_assert_bytes(again.redemption_context, challenge.redemption_context);
        support_assert_bytes(again.origin_info, challenge.origin_info);
}

static void encode_bad_field_is_refused(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(TOKEN_CHALLENGE_BYTES_MAX);
        struct token_challenge challenge = honest_challenge();
        struct base_error error = BASE_ERROR_INIT;

        challenge.issuer_name = TEXT("user@issuer.example");
        support_assert_error(token_challenge_encode(&challenge, &encoded, &error), &error, BASE_ERROR_INVALID_ARGUMENT);
        challenge = honest_challenge();
        challenge.redemption_context.len = 31;
        support_assert_error(token_challenge_encode(&challenge, &encoded, &error), &error, BASE_ERROR_INVALID_ARGUMENT);
        challenge = honest_challenge();
        challenge.origin_info = TEXT("shop.example, www.shop.example");
        support_assert_error(token_challenge_encode(&challenge, &encoded, &error), &error, BASE_ERROR_INVALID_ARGUMENT);
        challenge.origin_info = TEXT("shop.example,");
        support_assert_error(token_challenge_encode(&challenge, &encoded, &error), &error, BASE_ERROR_INVALID_ARGUMENT);
        assert_int_equal(encoded.len, 0);
}

static void encode_too_long_is_refused(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(TOKEN_CHALLENGE_BYTES_MAX);
        base_auto_buffer struct base_buffer small = BASE_BUFFER_INIT(10);
        struct token_challenge challenge = honest_challenge();
        struct base_error error = BASE_ERROR_INIT;
        char names[TOKEN_ORIGIN_INFO_MAX + 1];

        support_assert_error(token_challenge_encode(&challenge, &small, &error), &error, BASE_ERROR_LIMIT_EXCEEDED);
        assert_int_equal(small.len, 0);
        for (size_t i = 0; i < sizeof(names); i++)
                names[i] = i % 2 == 0 ? 'a' : ',';
        challenge.origin_info = BASE_BYTES(names, TOKEN_ORIGIN_INFO_MAX - 1);
        support_assert_ok(token_challenge_encode(&challenge, &encoded, &error), &error);
        challenge.origin_info = BASE_BYTES(names, TOKEN_ORIGIN_INFO_MAX + 1);
        support_assert_error(token_challenge_encode(&challenge, &encoded, &error), &error, BASE_ERROR_LIMIT_EXCEEDED);
        challenge = honest_challenge();
        challenge.issuer_name = BASE_BYTES(names, TOKEN_SERVER_NAME_MAX + 1);
        support_assert_error(token_challenge_encode(&challenge, &encoded, &error), &error, BASE_ERROR_LIMIT_EXCEEDED);
}

static void decode_truncated_anywhere_is_malformed(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(TOKEN_CHALLENGE_BYTES_MAX);
        struct token_challenge challenge = honest_challenge(), again;
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_challenge_encode(&challenge, &encoded, &error), &error);
        for (size_t len = 0; len < encoded.len; len++)
                support_assert_error(token_challenge_decode(BASE_BYTES(encoded.data, len), &again, &error), &error,
                                     BASE_ERROR_MALFORMED);
        base_buffer_put_u8(&encoded, 0);
        support_assert_error(token_challenge_decode(base_buffer_bytes(&encoded), &again, &error), &error, BASE_ERROR_MALFORMED);
}

/* The hex of a challenge, and how it must be refused. */
static void decode_bad_content_is_refused(void **state)
{
        static const struct {
                const char *hex;
                enum base_error_code code;
        } rows[] = {
                { "0a0affffff", BASE_ERROR_UNSUPPORTED },           /* a type of the GREASE range; the rest is not looked at */
                { "0002000161000000", BASE_ERROR_NONE },            /* the smallest: issuer "a" */
                { "00020000000000", BASE_ERROR_MALFORMED },         /* no issuer */
                { "0002000340406100000000", BASE_ERROR_MALFORMED }, /* issuer "@@a" */
                { "00020001610100"
                  "0000",
                  BASE_ERROR_MALFORMED }, /* context of one byte */
                { "0002000161"
                  "21"
                  "000000000000000000000000000000000000000000000000000000000000000000"
                  "0000",
                  BASE_ERROR_MALFORMED },
                { "00020001610000012c", BASE_ERROR_MALFORMED }, /* origins "," */
                { "000200016100000161", BASE_ERROR_NONE },      /* origins "a" */
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(100);
                struct base_error error = BASE_ERROR_INIT;
                struct token_challenge challenge;

                assert_true(base_hex_decode(&bytes, rows[i].hex, strlen(rows[i].hex)));
                assert_int_equal(token_challenge_decode(base_buffer_bytes(&bytes), &challenge, &error),
                                 rows[i].code == BASE_ERROR_NONE);
                assert_string_equal(base_error_name(error.code), base_error_name(rows[i].code));
        }
}

static void decode_long_field_is_a_limit(void **state)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(8192);
        struct base_error error = BASE_ERROR_INIT;
        struct token_challenge challenge;

        base_buffer_put_u16(&bytes, TOKEN_TYPE_BLIND_RSA);
        base_buffer_put_u16(&bytes, TOKEN_SERVER_NAME_MAX + 1);
        memset(base_buffer_extend(&bytes, TOKEN_SERVER_NAME_MAX + 1), 'a', TOKEN_SERVER_NAME_MAX + 1);
        (void) base_buffer_extend(&bytes, 3);
        support_assert_error(token_challenge_decode(base_buffer_bytes(&bytes), &challenge, &error), &error,
                             BASE_ERROR_LIMIT_EXCEEDED);
}

static void matches_origin_compares_names_and_ports(void **state)
{
        static const struct {
                const char *origin_info, *origin;
                bool matches;
        } rows[] = {
                { "", "any.example", true },
                { "", "not a name", false },
                { "shop.example", "shop.example", true },
                { "shop.example", "SHOP.Example", true },
                { "shop.example", "shop.example:443", true },
                { "shop.example:443", "shop.example", true },
                { "shop.example", "shop.example:8443", false },
                { "shop.example:8443", "shop.example:8443", true },
                { "shop.example:8443", "shop.example", false },
                { "a.example,shop.example", "shop.example", true },
                { "a.example,shop.example", "a.example", true },
                { "shop.example", "www.shop.example", false },
                { "www.shop.example", "shop.example", false },
                { "shop.example", "hop.example", false },
                { "shop.example", "", false },
                { "a.example,b.example", "a.example,b.example", false },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                struct token_challenge challenge = honest_challenge();

                challenge.origin_info = TEXT(rows[i].origin_info);
                assert_int_equal(token_challenge_matches_origin(&challenge, TEXT(rows[i].origin)), rows[i].matches);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(server_name_of_each_form_is_accepted),
                cmocka_unit_test(server_name_of_another_form_is_refused),
                cmocka_unit_test(encode_honest_decodes_to_the_same),
                cmocka_unit_test(encode_bad_field_is_refused),
                cmocka_unit_test(encode_too_long_is_refused),
                cmocka_unit_test(decode_truncated_anywhere_is_malformed),
                cmocka_unit_test(decode_bad_content_is_refused),
                cmocka_unit_test(decode_long_field_is_a_limit),
                cmocka_unit_test(matches_origin_compares_names_and_ports),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
