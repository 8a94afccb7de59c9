/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/expression.h"
#include "policy/version.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int sign(int value)
{
        return (value > 0) - (value < 0);
}

static void check_ascending(enum policy_version_order order, const char *const *versions, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                assert_true(policy_version_valid(order, versions[i]));
                for (size_t j = 0; j < count; j++)
                        if (sign(policy_version_compare_in(order, versions[i], versions[j])) != (i > j) - (i < j))
                                fail_msg("%s: \"%s\" and \"%s\"", policy_version_order_name(order), versions[i], versions[j]);
        }
}

static void policy_version_compare_in_of_debian_versions_is_dpkgs_order(void **state)
{
        static const char *const ascending[] = {
                "0~~",           "0~",    "0",        "0+",      "1.0~~a", "1.0~a", "1.0",
                "1.0-1~deb12u1", "1.0-1", "1.0-1+b1", "1.0-1.1", "1.0-10", "1.0a",  "1.0+dfsg-1",
                "1.0-1-1",       "1.0.1", "1.2",      "1.10",    "1:0.1",  "2:0",   "2147483647:0",
        };

        check_ascending(POLICY_VERSION_DEBIAN, ascending, BASE_COUNT(ascending));
        assert_int_equal(policy_version_compare_in(POLICY_VERSION_DEBIAN, "1.0", "1.0-0"), 0);
        assert_int_equal(policy_version_compare_in(POLICY_VERSION_DEBIAN, "0:1.0", "1.00"), 0);
}

static void policy_version_compare_in_of_rpm_versions_is_rpms_order(void **state)
{
        static const char *const ascending[] = {
                "1.0~rc1",    "1.0~rc1^git1", "1.0",   "1.0-1", "1.0-1.el9_3", "1.0-2.el9", "1.0-10.el9",   "1.0^git1",
                "1.0^git2-1", "1.0a",         "1.0.1", "1.2",   "1.10",        "1:0.1",     "4294967295:0",
        };

        check_ascending(POLICY_VERSION_RPM, ascending, BASE_COUNT(ascending));
        assert_int_equal(policy_version_compare_in(POLICY_VERSION_RPM, "1.0_1", "1.0.1"), 0);
}

static void policy_version_compare_in_of_the_plain_order_is_policy_version_compare(void **state)
{
        assert_true(policy_version_compare_in(POLICY_VERSION_PLAIN, "12", "12.0") < 0);
        assert_true(policy_version_compare_in(POLICY_VERSION_PLAIN, "1:2", "12") < 0);
}

static void policy_version_valid_of_what_is_no_package_version_is_false(void **state)
{
        static const char *const neither[] = {
                "", ":", ":1", "1:", "a:1", "-1:1", "1-", "1:1-", "1 2", "1/2", "1_\xc3\xa4", "-"
        };
        static const char *const not_debian[] = { "a", "1^2", "1_2", "2147483648:1", "~1", "1.0-1_2" };
        static const char *const not_rpm[] = { "4294967296:1", "1:2:3", "1-2-3" };

        for (size_t i = 0; i < BASE_COUNT(neither); i++) {
                assert_false(policy_version_valid(POLICY_VERSION_DEBIAN, neither[i]));
                assert_false(policy_version_valid(POLICY_VERSION_RPM, neither[i]));
                assert_true(policy_version_valid(POLICY_VERSION_PLAIN, neither[i]));
        }
        for (size_t i = 0; i < BASE_COUNT(not_debian); i++)
                assert_false(policy_version_valid(POLICY_VERSION_DEBIAN, not_debian[i]));
        for (size_t i = 0; i < BASE_COUNT(not_rpm); i++)
                assert_false(policy_version_valid(POLICY_VERSION_RPM, not_rpm[i]));
}

static void check_value(const struct policy_facts *facts, const char *text, enum policy_truth expected)
{
        policy_auto_expression struct policy_expression *expression = NULL;
        struct base_error error = BASE_ERROR_INIT;
        size_t offset;

        if (!policy_expression_parse(base_bytes_from_string(text), &expression, &offset, &error))
                fail_msg("%s: %s", text, error.message);
        if (policy_expression_evaluate(expression, facts, NULL) != expected)
                fail_msg("%s", text);
}

/* Every type of fact has a value in an order, or none, on whichever side it is evaluated. */
static void policy_expression_evaluate_of_facts_in_an_order_takes_their_texts(void **state)
{
        const struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED };
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        assert_true(policy_facts_set_version(&facts, "custom.version", "1:3.0-1~deb12u1", origin, NULL));
        assert_true(policy_facts_set_string(&facts, "custom.string", "3.0-1", origin, NULL));
        assert_true(policy_facts_set_integer(&facts, "custom.integer", 590, origin, NULL));
        assert_true(policy_facts_set_integer(&facts, "custom.negative", -1, origin, NULL));
        assert_true(policy_facts_set_boolean(&facts, "custom.boolean", true, origin, NULL));
        assert_true(policy_facts_set_string(&facts, "custom.words", "no version", origin, NULL));
        check_value(&facts, "debian(custom.version) < 1:3.0-1", POLICY_TRUE);
        check_value(&facts, "debian(custom.version) < 2", POLICY_FALSE);
        check_value(&facts, "custom.version < 2", POLICY_TRUE);
        check_value(&facts, "debian(custom.string) in {1 3.0-1}", POLICY_TRUE);
        check_value(&facts, "debian(custom.integer) >= 590", POLICY_TRUE);
        check_value(&facts, "rpm(custom.integer) < 591-1", POLICY_TRUE);
        check_value(&facts, "debian(custom.negative) < 1", POLICY_UNKNOWN);
        check_value(&facts, "debian(custom.boolean) != 1", POLICY_UNKNOWN);
        check_value(&facts, "rpm(custom.words) != 1", POLICY_UNKNOWN);
        check_value(&facts, "rpm(custom.absent) != 1", POLICY_UNKNOWN);
        check_value(&facts, "debian(custom.version@hardware) < 9", POLICY_UNKNOWN);
        check_value(&facts, "debian(custom.string) >= 7d", POLICY_FALSE);
        check_value(&facts, "not debian(custom.string) == 3.0", POLICY_TRUE);
        check_value(&facts, "rpm(custom.string) == \"3.0-1\" or custom.boolean", POLICY_TRUE);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_version_compare_in_of_debian_versions_is_dpkgs_order),
                cmocka_unit_test(policy_version_compare_in_of_rpm_versions_is_rpms_order),
                cmocka_unit_test(policy_version_compare_in_of_the_plain_order_is_policy_version_compare),
                cmocka_unit_test(policy_version_valid_of_what_is_no_package_version_is_false),
                cmocka_unit_test(policy_expression_evaluate_of_facts_in_an_order_takes_their_texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
