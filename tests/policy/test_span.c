/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/span.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void policy_span_is_of_other_texts_is_false(void **state)
{
        static const char *const spans[] = { "0s", "7d", "-7d", "007w", "30m", "12h" };
        static const char *const others[] = { "", "-", "d", "7", "7D", "7dd", "7 d", "7.5d", "+7d", "--7d", "7d1h", "7y" };

        for (size_t i = 0; i < BASE_COUNT(spans); i++)
                assert_true(policy_span_is(spans[i]));
        for (size_t i = 0; i < BASE_COUNT(others); i++)
                assert_false(policy_span_is(others[i]));
}

static void policy_span_parse_of_large_counts_keeps_the_limit(void **state)
{
        int64_t seconds = 0;

        assert_true(policy_span_parse("9223372036854775807s", &seconds));
        assert_true(seconds == INT64_MAX);
        assert_true(policy_span_parse("-9223372036854775808s", &seconds));
        assert_true(seconds == INT64_MIN);
        assert_false(policy_span_parse("9223372036854775808s", &seconds));
        assert_false(policy_span_parse("9223372036854775807w", &seconds));
        assert_false(policy_span_parse("7", &seconds));
}

static void policy_span_print_of_seconds_takes_the_largest_unit(void **state)
{
        static const struct {
                int64_t seconds;
                const char *text;
        } rows[] = {
                { 0, "0s" },      { 59, "59s" },     { 60, "1m" },     { 7199, "1h" },
                { 86399, "23h" }, { 864000, "10d" }, { -7200, "-2h" }, { INT64_MIN, "-106751991167300d" },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                char text[32];

                policy_span_print(rows[i].seconds, text, sizeof(text));
                assert_string_equal(text, rows[i].text);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_span_is_of_other_texts_is_false),
                cmocka_unit_test(policy_span_parse_of_large_counts_keeps_the_limit),
                cmocka_unit_test(policy_span_print_of_seconds_takes_the_largest_unit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
