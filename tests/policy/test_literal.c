/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/literal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct policy_literal parse(const char *text)
{
        struct policy_literal literal;
        struct base_error error;
        size_t offset;

        if (!policy_literal_parse(base_bytes_from_string(text), &literal, &offset, &error))
                fail_msg("%s: %s", text, error.message);
        return literal;
}

static void expect_text(const char *source, enum policy_fact_type type, const char *text)
{
        struct policy_literal literal = parse(source);

        assert_int_equal(literal.type, type);
        assert_string_equal(literal.text, text);
}

static void policy_literal_parse_of_each_form_has_its_type(void **state)
{
        assert_true(parse("true").boolean);
        assert_int_equal(parse("true").type, POLICY_FACT_BOOLEAN);
        assert_false(parse(" false\t").boolean);
        assert_int_equal(parse("false").type, POLICY_FACT_BOOLEAN);
        assert_int_equal(parse("17").type, POLICY_FACT_INTEGER);
        assert_int_equal(parse("17").integer, 17);
        assert_int_equal(parse("-1").integer, -1);
        assert_int_equal(parse("007").integer, 7);
        assert_true(parse("9223372036854775807").integer == INT64_MAX);
        assert_true(parse("-9223372036854775808").integer == INT64_MIN);
        expect_text("12.5", POLICY_FACT_VERSION, "12.5");
        expect_text("6.1.0-13-amd64", POLICY_FACT_VERSION, "6.1.0-13-amd64");
        expect_text("1:2.3+dfsg~rc1^x_y", POLICY_FACT_VERSION, "1:2.3+dfsg~rc1^x_y");
        expect_text("2026-01-31", POLICY_FACT_VERSION, "2026-01-31");
        expect_text("debian", POLICY_FACT_STRING, "debian");
        expect_text("a_B-9", POLICY_FACT_STRING, "a_B-9");
        expect_text("True", POLICY_FACT_STRING, "True");
        expect_text("\"\"", POLICY_FACT_STRING, "");
        expect_text("\"true\"", POLICY_FACT_STRING, "true");
        expect_text("\"a \\\"b\\\" \\\\ é\"", POLICY_FACT_STRING, "a \"b\" \\ é");
}

static void policy_literal_parse_of_a_time_counts_seconds(void **state)
{
        static const struct {
                const char *text;
                int64_t seconds;
        } rows[] = {
                { "30s", 30 },     { "30m", 1800 },   { "12h", 43200 }, { "7d", 604800 },
                { "2w", 1209600 }, { "-1d", -86400 }, { "0d", 0 },      { "106751991167300d", 9223372036854720000 },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                expect_text(rows[i].text, POLICY_FACT_INTEGER, rows[i].text);
                assert_true(parse(rows[i].text).integer == rows[i].seconds);
        }
        expect_text("7days", POLICY_FACT_VERSION, "7days");
        expect_text("7y", POLICY_FACT_VERSION, "7y");
        expect_text("7D", POLICY_FACT_VERSION, "7D");
        expect_text("1.5h", POLICY_FACT_VERSION, "1.5h");
}

static void expect_error(struct base_bytes source, size_t offset, enum base_error_code code, const char *message)
{
        struct policy_literal literal;
        struct base_error error;
        size_t found;

        assert_false(policy_literal_parse(source, &literal, &found, &error));
        assert_string_equal(error.message, message);
        assert_int_equal(error.code, code);
        assert_int_equal(found, offset);
}

static void expect_malformed(const char *source, size_t offset, const char *message)
{
        expect_error(base_bytes_from_string(source), offset, BASE_ERROR_MALFORMED, message);
}

static void policy_literal_parse_of_anything_else_says_what_and_where(void **state)
{
        expect_malformed("", 0, "expected a value, found the end");
        expect_malformed("  ", 2, "expected a value, found the end");
        expect_malformed("12 13", 3, "expected the end after the value, found '13'");
        expect_malformed("a \"b\"", 2, "expected the end after the value, found a quoted text");
        expect_malformed("(", 0, "expected a value, found '('");
        expect_malformed("a.b", 0, "a fact cannot stand here; a text with a dot stands in double quotes");
        expect_malformed("unreadable", 0, "'unreadable' is a word of the language; as a text it stands in double quotes");
        expect_malformed("9223372036854775808", 0, "the number does not fit in 64 bits");
        expect_malformed("106751991167301d", 0, "the time does not fit in 64 bits of seconds");
        expect_malformed("9223372036854775808s", 0, "the time does not fit in 64 bits of seconds");
        expect_malformed("-1.5", 0, "a version cannot be negative");
        expect_malformed(" \"abc", 1, "the text that starts here has no closing double quote");
        expect_malformed("\"abc\\\"", 0, "the text that starts here has no closing double quote");
        expect_malformed("\"ab\\", 0, "the text that starts here has no closing double quote");
        expect_malformed("\"ab\\n\"", 4, "in a quoted text a backslash stands before '\"' or '\\' only");
        expect_malformed("\"\xff\"", 1, "the quoted text is not UTF-8 text without control characters");
        expect_malformed("\"\t\"", 1, "the quoted text is not UTF-8 text without control characters");
        expect_malformed("'abc'", 0, "unexpected character '''; texts stand in double quotes");
        expect_malformed("_a", 0, "unexpected character '_'");
        expect_malformed("\xc3\xa9", 0, "unexpected byte 0xc3; other texts than ASCII words stand in double quotes");
        expect_error(BASE_BYTES("\0", 1), 0, BASE_ERROR_MALFORMED,
                     "unexpected byte 0x00; other texts than ASCII words stand in double quotes");
        expect_error(BASE_BYTES("\"a\0b\"", 5), 1, BASE_ERROR_MALFORMED,
                     "the quoted text is not UTF-8 text without control characters");
}

static void policy_literal_parse_of_long_texts_keeps_the_limit(void **state)
{
        char text[POLICY_FACT_TEXT_BYTES_MAX + 4] = "\"";

        memset(text + 1, 'a', POLICY_FACT_TEXT_BYTES_MAX);
        text[POLICY_FACT_TEXT_BYTES_MAX + 1] = '"';
        assert_int_equal(strlen(parse(text).text), POLICY_FACT_TEXT_BYTES_MAX);
        text[POLICY_FACT_TEXT_BYTES_MAX + 1] = 'a';
        text[POLICY_FACT_TEXT_BYTES_MAX + 2] = '"';
        expect_error(base_bytes_from_string(text), 1, BASE_ERROR_LIMIT_EXCEEDED, "the text is longer than 256 bytes");
        expect_error(BASE_BYTES(text + 1, POLICY_FACT_TEXT_BYTES_MAX + 1), 0, BASE_ERROR_LIMIT_EXCEEDED,
                     "the text is longer than 256 bytes");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_literal_parse_of_each_form_has_its_type),
                cmocka_unit_test(policy_literal_parse_of_a_time_counts_seconds),
                cmocka_unit_test(policy_literal_parse_of_anything_else_says_what_and_where),
                cmocka_unit_test(policy_literal_parse_of_long_texts_keeps_the_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
