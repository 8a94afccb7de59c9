/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/encode.h"
#include "tests/token/support.h"
#include "token/header.h"

#include <string.h>

#define TEXT(string) base_bytes_from_string(string)

/* Issuer "a", no context, no origins: ten base64 digits and two of padding. */
#define CHALLENGE "AAIAAWEAAAA="

static void assert_parse_fails(const char *value, enum base_error_code code)
{
        struct token_offers offers = { .count = 77 };
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(token_www_authenticate_parse(TEXT(value), &offers, &error), &error, code);
        assert_int_equal(offers.count, 77);
}

static void assert_counts(const char *value, size_t count, size_t unknown, size_t malformed)
{
        base_auto_token_offers struct token_offers offers = { .count = 0 };
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_www_authenticate_parse(TEXT(value), &offers, &error), &error);
        if (offers.count != count || offers.skipped_unknown != unknown || offers.skipped_malformed != malformed)
                fail_msg("%s: %zu offers, %zu unknown, %zu malformed", value, offers.count, offers.skipped_unknown,
                         offers.skipped_malformed);
}

/* Compares one offer with the members challenge, key and max-age of the vector's challenge `index`. */
static void check_offer(const json_t *object, unsigned index, const struct token_offer *offer)
{
        base_auto_buffer struct base_buffer challenge = BASE_BUFFER_INIT(TOKEN_CHALLENGE_BYTES_MAX);
        base_auto_buffer struct base_buffer key = BASE_BUFFER_INIT(TOKEN_PUBLIC_KEY_BYTES_MAX);
        char name[32];

        (void) snprintf(name, sizeof(name), "token-challenge-%u", index);
        support_member_bytes(object, name, &challenge);
        (void) snprintf(name, sizeof(name), "token-key-%u", index);
        support_member_bytes(object, name, &key);
        (void) snprintf(name, sizeof(name), "max-age-%u", index);
        support_assert_bytes(base_buffer_bytes(&offer->encoded), base_buffer_bytes(&challenge));
        support_assert_bytes(base_buffer_bytes(&offer->token_key), base_buffer_bytes(&key));
        assert_true(offer->has_max_age);
        assert_int_equal(offer->max_age_s, json_integer_value(json_object_get(object, name)));
}

static void check_header_vector(const json_t *object)
{
        base_auto_token_offers struct token_offers offers = { .count = 0 };
        struct base_error error = BASE_ERROR_INIT;
        size_t known = 0, unknown = 0;

        support_assert_ok(token_www_authenticate_parse(TEXT(support_member(object, "WWW-Authenticate")), &offers, &error),
                          &error);
        for (unsigned i = 0; i < 2; i++) {
                char name[32];
                const json_t *type;

                (void) snprintf(name, sizeof(name), "token-type-%u", i);
                type = json_object_get(object, name);
                if (type == NULL)
                        continue;
                if (token_type_find((uint16_t) json_integer_value(type)) == NULL) {
                        unknown++;
                        continue;
                }
                assert_true(known < offers.count);
                check_offer(object, i, &offers.items[known++]);
        }
        assert_true(known > 0);
        assert_int_equal(offers.count, known);
        assert_int_equal(offers.skipped_unknown, unknown);
        assert_int_equal(offers.skipped_malformed, 0);
}

static void parse_rfc9577_vectors_match(void **state)
{
        json_t *vectors = support_vectors_load("auth_scheme_header_v14.json", 2);
        json_t *object;
        size_t i;

        json_array_foreach(vectors, i, object) check_header_vector(object);
        json_decref(vectors);
}

/* As the last vector of RFC 9577, appendix A.2: Basic and GREASE before a challenge that counts. */
static void parse_basic_and_grease_are_skipped(void **state)
{
        assert_counts(
                "Basic realm=\"grease\", "
                "PrivateToken challenge=\"AACsw7JXlcY2_Z3YsSmCOUq7qHd9NZeOh3_IhIiSohcjMEWsJaPVXAfFTv5jcpc_7gBz53_GG_GauIDyDt9"
                "dYnUC\",token-key=\"hW3jxxC4\", PrivateToken challenge=\"" CHALLENGE "\",unknown=\"ignore-me\", max-age=\"10\"",
                1, 1, 0);
}

static void parse_each_syntax_is_accepted(void **state)
{
        static const char *const values[] = {
                "PrivateToken challenge=\"" CHALLENGE "\"",
                "PrivateToken challenge=" CHALLENGE,
                "PrivateToken challenge=AAIAAWEAAAA",
                "privatetoken  CHALLENGE = \"AAIAAWEAAAA\"",
                "PRIVATETOKEN\tchallenge=\t" CHALLENGE " , max-age=1",
                ",, ,PrivateToken challenge=" CHALLENGE ",,",
                "Negotiate, PrivateToken challenge=" CHALLENGE,
                "Negotiate YWJj==, PrivateToken challenge=" CHALLENGE ", Bearer",
                "Digest realm=\"a, PrivateToken \\\"b\\\"\", qop=auth, PrivateToken challenge=" CHALLENGE ", Basic realm=x",
                "PrivateToken realm=\"r\", x=\"\", challenge=\"A\\AIAAWEAAAA\"",
                "Basic realm=\"\xc3\xa9\", PrivateToken challenge=" CHALLENGE,
        };

        for (size_t i = 0; i < BASE_COUNT(values); i++)
                assert_counts(values[i], 1, 0, 0);
        assert_counts("PrivateToken challenge=" CHALLENGE ", PrivateToken challenge=" CHALLENGE, 2, 0, 0);
}

static void parse_without_our_scheme_is_empty(void **state)
{
        assert_counts("", 0, 0, 0);
        assert_counts(" , ", 0, 0, 0);
        assert_counts("Basic realm=\"x\", Bearer", 0, 0, 0);
        assert_counts("PrivateTokens challenge=" CHALLENGE, 0, 0, 0);
}

static void parse_broken_challenge_is_skipped(void **state)
{
        static const char *const values[] = {
                "PrivateToken",
                "PrivateToken AAIAAWEAAAA=",
                "PrivateToken max-age=1",
                "PrivateToken challenge=\"\"",
                "PrivateToken challenge=\"AAIAAWEAAA\"",                      /* truncated */
                "PrivateToken challenge=\"AAIAAWEAAAAA\"",                    /* a trailing byte */
                "PrivateToken challenge=\"AAIAAWEAAAA==\"",                   /* too much padding */
                "PrivateToken challenge=\"AAIAAWEAAAB=\"",                    /* trailing bits */
                "PrivateToken challenge=\"AAIAAWEA AAA=\"",                   /* a space inside */
                "PrivateToken challenge=\"AAIAAWEBAAAA\"",                    /* a context of one byte */
                "PrivateToken challenge=" CHALLENGE ", challenge=" CHALLENGE, /* twice */
                "PrivateToken challenge=" CHALLENGE ", token-key=\"+/+/\"",   /* the other base64 alphabet */
                "PrivateToken challenge=" CHALLENGE ", token-key=AA, token-key=AA",
                "PrivateToken challenge=" CHALLENGE ", max-age=soon",
                "PrivateToken challenge=" CHALLENGE ", max-age=\"\"",
                "PrivateToken challenge=" CHALLENGE ", max-age=-1",
                "PrivateToken challenge=" CHALLENGE ", max-age=1, max-age=1",
        };

        for (size_t i = 0; i < BASE_COUNT(values); i++) {
                base_auto_free char *with_good = NULL;

                assert_counts(values[i], 0, 0, 1);
                assert_true(asprintf(&with_good, "%s, PrivateToken challenge=%s", values[i], CHALLENGE) > 0);
                assert_counts(with_good, 1, 0, 1);
        }
}

static void parse_other_syntax_is_malformed(void **state)
{
        static const char *const values[] = {
                "realm=\"x\"",                   /* no scheme */
                "PrivateToken challenge=\"AAIA", /* no closing quote */
                "PrivateToken challenge=\"AAIA\\",
                "PrivateToken challenge=\"A\nB\"",
                "PrivateToken challenge=\"A\x7f\"",
                "PrivateToken a=b c=d", /* no comma */
                "PrivateToken a=\"b\"c=d",
                "PrivateToken a=,b=c", /* a token68, and a parameter behind it */
                "PrivateToken a=b, c=",
                "Negotiate YWJj, a=b", /* a parameter behind a token68 */
                "PrivateToken challenge@x",
                "Private/Token a=b",
                "\"PrivateToken\" a=b",
                "PrivateToken = b",
                "PrivateToken a==b",
        };

        for (size_t i = 0; i < BASE_COUNT(values); i++)
                assert_parse_fails(values[i], BASE_ERROR_MALFORMED);
}

static void parse_too_much_is_a_limit(void **state)
{
        base_auto_buffer struct base_buffer value = BASE_BUFFER_INIT(2 * TOKEN_HEADER_BYTES_MAX);

        for (size_t i = 0; i < TOKEN_HEADER_CHALLENGES_MAX; i++)
                base_buffer_put_string(&value, "PrivateToken challenge=" CHALLENGE ",");
        assert_counts(base_buffer_c_string(&value), TOKEN_HEADER_CHALLENGES_MAX, 0, 0);
        base_buffer_put_string(&value, "Basic");
        assert_parse_fails(base_buffer_c_string(&value), BASE_ERROR_LIMIT_EXCEEDED);

        base_buffer_reset(&value);
        base_buffer_put_string(&value, "PrivateToken challenge=" CHALLENGE);
        for (size_t i = 1; i < TOKEN_HEADER_PARAMETERS_MAX; i++)
                base_buffer_put_string(&value, ",x=y");
        assert_counts(base_buffer_c_string(&value), 1, 0, 0);
        base_buffer_put_string(&value, ",x=y");
        assert_parse_fails(base_buffer_c_string(&value), BASE_ERROR_LIMIT_EXCEEDED);

        base_buffer_reset(&value);
        while (value.len < TOKEN_HEADER_BYTES_MAX)
                base_buffer_put_u8(&value, ' ');
        assert_counts(base_buffer_c_string(&value), 0, 0, 0);
        base_buffer_put_u8(&value, ' ');
        assert_parse_fails(base_buffer_c_string(&value), BASE_ERROR_LIMIT_EXCEEDED);
}

static void parse_max_age_is_read_and_saturates(void **state)
{
        static const struct {
                const char *value;
                uint32_t expected;
        } rows[] = {
                { "PrivateToken challenge=" CHALLENGE ",max-age=0", 0 },
                { "PrivateToken max-age=\"3600\",challenge=" CHALLENGE, 3600 },
                { "PrivateToken challenge=" CHALLENGE ",max-age=4294967295", UINT32_MAX },
                { "PrivateToken challenge=" CHALLENGE ",max-age=99999999999999999999999", UINT32_MAX },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                base_auto_token_offers struct token_offers offers = { .count = 0 };
                struct base_error error = BASE_ERROR_INIT;

                support_assert_ok(token_www_authenticate_parse(TEXT(rows[i].value), &offers, &error), &error);
                assert_int_equal(offers.count, 1);
                assert_true(offers.items[0].has_max_age);
                assert_int_equal(offers.items[0].max_age_s, rows[i].expected);
        }
}

static void append_two_challenges_parse_to_the_same(void **state)
{
        base_auto_buffer struct base_buffer value = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX);
        base_auto_buffer struct base_buffer challenge = BASE_BUFFER_INIT(TOKEN_CHALLENGE_BYTES_MAX);
        base_auto_token_offers struct token_offers offers = { .count = 0 };
        static const uint8_t key[] = { 0xfb, 0xff, 0xfe, 0x00 };
        struct base_error error = BASE_ERROR_INIT;
        const uint32_t max_age_s = 10;

        assert_true(base_base64_decode(&challenge, CHALLENGE, strlen(CHALLENGE), BASE_BASE64_URL));
        support_assert_ok(
                token_www_authenticate_append(&value, base_buffer_bytes(&challenge), BASE_BYTES_OF(key), &max_age_s, &error),
                &error);
        support_assert_ok(token_www_authenticate_append(&value, base_buffer_bytes(&challenge), BASE_BYTES(NULL, 0), NULL, &error),
                          &error);
        assert_string_equal(base_buffer_c_string(&value), "PrivateToken challenge=\"" CHALLENGE "\", token-key=\"-__-AA==\", "
                                                          "max-age=\"10\", PrivateToken challenge=\"" CHALLENGE "\"");
        support_assert_ok(token_www_authenticate_parse(base_buffer_bytes(&value), &offers, &error), &error);
        assert_int_equal(offers.count, 2);
        support_assert_bytes(base_buffer_bytes(&offers.items[0].token_key), BASE_BYTES_OF(key));
        assert_int_equal(offers.items[0].max_age_s, 10);
        support_assert_bytes(base_buffer_bytes(&offers.items[1].encoded), base_buffer_bytes(&challenge));
        support_assert_bytes(offers.items[1].challenge.issuer_name, TEXT("a"));
        assert_int_equal(offers.items[1].token_key.len, 0);
        assert_false(offers.items[1].has_max_age);
}

static void append_without_room_changes_nothing(void **state)
{
        base_auto_buffer struct base_buffer value = BASE_BUFFER_INIT(20);
        struct base_error error = BASE_ERROR_INIT;

        support_assert_error(token_www_authenticate_append(&value, TEXT("0123456789"), BASE_BYTES(NULL, 0), NULL, &error), &error,
                             BASE_ERROR_LIMIT_EXCEEDED);
        assert_int_equal(value.len, 0);
}

static void authorization_format_parses_to_the_same(void **state)
{
        base_auto_buffer struct base_buffer value = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX);
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;
        uint8_t bytes[TOKEN_BYTES_MAX];

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t) i;
        support_assert_ok(token_authorization_format(BASE_BYTES_OF(bytes), &value, &error), &error);
        assert_memory_equal(value.data, "PrivateToken token=\"AAEC", 23);
        support_assert_ok(token_authorization_parse(base_buffer_bytes(&value), &token, &error), &error);
        support_assert_bytes(base_buffer_bytes(&token), BASE_BYTES_OF(bytes));
}

static void authorization_each_syntax_is_accepted(void **state)
{
        static const char *const values[] = { "PrivateToken token=\"_-8=\"",    "PrivateToken token=_-8=",
                                              "privatetoken TOKEN=_-8",         "PrivateToken x=y, token=_-8",
                                              "PrivateToken token=\"_-8\",x=y", "  PrivateToken token=_-8  " };
        static const uint8_t expected[] = { 0xff, 0xef };

        for (size_t i = 0; i < BASE_COUNT(values); i++) {
                base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
                struct base_error error = BASE_ERROR_INIT;

                support_assert_ok(token_authorization_parse(TEXT(values[i]), &token, &error), &error);
                support_assert_bytes(base_buffer_bytes(&token), BASE_BYTES_OF(expected));
        }
}

static void authorization_of_another_form_is_refused(void **state)
{
        static const struct {
                const char *value;
                enum base_error_code code;
        } rows[] = {
                { "", BASE_ERROR_MALFORMED },
                { "Basic YTpi", BASE_ERROR_UNSUPPORTED },
                { "Bearer token=AA", BASE_ERROR_UNSUPPORTED },
                { "PrivateToken", BASE_ERROR_MALFORMED },
                { "PrivateToken AAAA", BASE_ERROR_MALFORMED },
                { "PrivateToken token=\"A\"", BASE_ERROR_MALFORMED },
                { "PrivateToken token=\"+/8=\"", BASE_ERROR_MALFORMED },
                { "PrivateToken token=AAAA, token=AAAA", BASE_ERROR_MALFORMED },
                { "PrivateToken token=AAAA, PrivateToken token=AAAA", BASE_ERROR_MALFORMED },
                { "PrivateToken token=AAAA, Basic YTpi", BASE_ERROR_MALFORMED },
                { "PrivateToken token=\"AAAA", BASE_ERROR_MALFORMED },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(TOKEN_BYTES_MAX);
                struct base_error error = BASE_ERROR_INIT;

                support_assert_error(token_authorization_parse(TEXT(rows[i].value), &token, &error), &error, rows[i].code);
                assert_int_equal(token.len, 0);
        }
}

static void authorization_longer_than_any_token_is_a_limit(void **state)
{
        base_auto_buffer struct base_buffer value = BASE_BUFFER_INIT(TOKEN_HEADER_BYTES_MAX);
        base_auto_buffer struct base_buffer token = BASE_BUFFER_INIT(2 * TOKEN_BYTES_MAX);
        static const uint8_t bytes[TOKEN_BYTES_MAX + 1];
        struct base_error error = BASE_ERROR_INIT;

        support_assert_ok(token_authorization_format(BASE_BYTES_OF(bytes), &value, &error), &error);
        support_assert_error(token_authorization_parse(base_buffer_bytes(&value), &token, &error), &error,
                             BASE_ERROR_LIMIT_EXCEEDED);
        assert_int_equal(token.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parse_rfc9577_vectors_match),
                cmocka_unit_test(parse_basic_and_grease_are_skipped),
                cmocka_unit_test(parse_each_syntax_is_accepted),
                cmocka_unit_test(parse_without_our_scheme_is_empty),
                cmocka_unit_test(parse_broken_challenge_is_skipped),
                cmocka_unit_test(parse_other_syntax_is_malformed),
                cmocka_unit_test(parse_too_much_is_a_limit),
                cmocka_unit_test(parse_max_age_is_read_and_saturates),
                cmocka_unit_test(append_two_challenges_parse_to_the_same),
                cmocka_unit_test(append_without_room_changes_nothing),
                cmocka_unit_test(authorization_format_parses_to_the_same),
                cmocka_unit_test(authorization_each_syntax_is_accepted),
                cmocka_unit_test(authorization_of_another_form_is_refused),
                cmocka_unit_test(authorization_longer_than_any_token_is_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
