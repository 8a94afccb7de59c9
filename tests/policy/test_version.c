/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/version.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Each is older than all that follow it. */
static const char *const ascending[] = {
        "~~",
        "~",
        "",
        "-",
        "-1",
        "^",
        ".",
        "a",
        "ab",
        "b",
        "0",
        "0.1",
        "1.0~rc1",
        "1.0~rc2",
        "1.0",
        "1.0-1",
        "1.0-2",
        "1.0-10",
        "1.0^git1",
        "1.0.a",
        "1.0.0",
        "1.0.1",
        "1.1",
        "1.2a",
        "1.2b",
        "1.10",
        "6.1.0-9-amd64",
        "6.1.0-13-amd64",
        "6.1.1",
        "12",
        "12.0",
        "12.5",
        "12.10",
        "12.11",
        "2025-12-31",
        "2026-01-01",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999999999999999999",
};

static int sign(int value)
{
        return (value > 0) - (value < 0);
}

static void policy_version_compare_of_the_table_is_its_order(void **state)
{
        for (size_t i = 0; i < BASE_COUNT(ascending); i++)
                for (size_t j = 0; j < BASE_COUNT(ascending); j++)
                        if (sign(policy_version_compare(ascending[i], ascending[j])) != (i > j) - (i < j))
                                fail_msg("\"%s\" and \"%s\"", ascending[i], ascending[j]);
}

static void policy_version_compare_of_equal_texts_is_zero(void **state)
{
        static const char *const equal[][2] = {
                { "1.01", "1.1" }, { "007", "7" }, { "1:2", "1:2" }, { "v 1", "v1" }, { "00", "0" },
        };

        for (size_t i = 0; i < BASE_COUNT(equal); i++) {
                if (policy_version_compare(equal[i][0], equal[i][1]) != 0)
                        fail_msg("\"%s\" and \"%s\"", equal[i][0], equal[i][1]);
        }
        for (size_t i = 0; i < BASE_COUNT(ascending); i++)
                assert_int_equal(policy_version_compare(ascending[i], ascending[i]), 0);
}

static void policy_version_compare_of_skipped_characters_ends_a_run(void **state)
{
        /* The run of digits ends at '_', so that 1_0 is 1 followed by 0: newer than 1, older than 10. */
        assert_true(policy_version_compare("1_0", "1") > 0);
        assert_true(policy_version_compare("1_0", "10") < 0);
}

static void policy_version_compare_of_bytes_beyond_ascii_skips_them(void **state)
{
        assert_int_equal(policy_version_compare("1\xc3\xa9.2", "1.2"), 0);
        assert_int_equal(policy_version_compare("\xff\xfe", ""), 0);
}

/* The examples of UAPI.10, but for `~` at the end of the other, where rpm and systemd do the opposite of its text. */
static void policy_version_compare_of_the_specification_holds(void **state)
{
        assert_int_equal(policy_version_compare("11", "11"), 0);
        assert_int_equal(policy_version_compare("systemd-123", "systemd-123"), 0);
        assert_true(policy_version_compare("bar-123", "foo-123") < 0);
        assert_true(policy_version_compare("123a", "123") > 0);
        assert_true(policy_version_compare("123.a", "123") > 0);
        assert_true(policy_version_compare("123.a", "123.b") < 0);
        assert_true(policy_version_compare("123a", "123.a") > 0);
        assert_true(policy_version_compare("11α", "11β") == 0);
        assert_true(policy_version_compare("B", "a") < 0);
        assert_true(policy_version_compare("", "0") < 0);
        assert_true(policy_version_compare("0.", "0") > 0);
        assert_true(policy_version_compare("0.0", "0") > 0);
        assert_true(policy_version_compare("0", "~") > 0);
        assert_true(policy_version_compare("", "~") > 0);
        assert_int_equal(policy_version_compare("1_", "1"), 0);
        assert_int_equal(policy_version_compare("_1", "1"), 0);
        assert_true(policy_version_compare("1_", "1.2") < 0);
        assert_true(policy_version_compare("1_2_3", "1.3.3") > 0);
        assert_int_equal(policy_version_compare("1+", "1"), 0);
        assert_int_equal(policy_version_compare("+1", "1"), 0);
        assert_true(policy_version_compare("1+", "1.2") < 0);
        assert_true(policy_version_compare("1+2+3", "1.3.3") > 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_version_compare_of_the_table_is_its_order),
                cmocka_unit_test(policy_version_compare_of_equal_texts_is_zero),
                cmocka_unit_test(policy_version_compare_of_skipped_characters_ends_a_run),
                cmocka_unit_test(policy_version_compare_of_bytes_beyond_ascii_skips_them),
                cmocka_unit_test(policy_version_compare_of_the_specification_holds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
