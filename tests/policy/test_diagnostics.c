/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/diagnostics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void policy_diagnostics_add_past_the_limit_counts_as_dropped(void **state)
{
        base_auto_free struct policy_diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));

        assert_non_null(diagnostics);
        for (unsigned i = 0; i < POLICY_DIAGNOSTICS_MAX + 3; i++)
                policy_diagnostics_add(diagnostics, BASE_ERROR_POLICY_INVALID, "f", i + 1, 1, "number %u", i);
        assert_int_equal(diagnostics->count, POLICY_DIAGNOSTICS_MAX);
        assert_int_equal(diagnostics->dropped, 3);
        assert_string_equal(diagnostics->items[POLICY_DIAGNOSTICS_MAX - 1].what, "number 63");
}

static void policy_diagnostics_first_of_a_list_is_its_error(void **state)
{
        base_auto_free struct policy_diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));
        struct base_error error;

        assert_non_null(diagnostics);
        policy_diagnostics_add(diagnostics, BASE_ERROR_LIMIT_EXCEEDED, "a/b.conf", 3, 14, "too %s", "long");
        policy_diagnostics_add(diagnostics, BASE_ERROR_POLICY_INVALID, "a/b.conf", 4, 1, "other");
        assert_false(policy_diagnostics_first(diagnostics, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
        assert_string_equal(error.message, "a/b.conf:3:14: too long");
}

static void policy_diagnostic_print_without_a_line_is_the_sentence(void **state)
{
        base_auto_free struct policy_diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));
        char text[64];
        char small[6];

        assert_non_null(diagnostics);
        policy_diagnostics_add(diagnostics, BASE_ERROR_IO, "a", 0, 0, "cannot read a\n");
        policy_diagnostic_print(&diagnostics->items[0], text, sizeof(text));
        assert_string_equal(text, "cannot read a?");
        policy_diagnostic_print(&diagnostics->items[0], small, sizeof(small));
        assert_string_equal(small, "canno");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_diagnostics_add_past_the_limit_counts_as_dropped),
                cmocka_unit_test(policy_diagnostics_first_of_a_list_is_its_error),
                cmocka_unit_test(policy_diagnostic_print_without_a_line_is_the_sentence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
