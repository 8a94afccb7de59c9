/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

static void error_table_each_code_has_its_own_name_and_status(void **state)
{
        for (int a = 0; a < BASE_ERROR_CODE_COUNT; a++) {
                assert_int_equal(base_error_from_dbus_name(base_error_dbus_name((enum base_error_code) a)), a);
                assert_in_range(base_error_exit_status((enum base_error_code) a), a == 0 ? 0 : 1, a == 0 ? 0 : 125);
                for (int b = 0; b < a; b++)
                        assert_int_not_equal(base_error_exit_status((enum base_error_code) a),
                                             base_error_exit_status((enum base_error_code) b));
        }
}

static void error_name_out_of_range_is_internal(void **state)
{
        assert_string_equal(base_error_name((enum base_error_code) 9999), "Internal");
        assert_string_equal(base_error_name((enum base_error_code) - 1), "Internal");
        assert_int_equal(base_error_from_dbus_name("org.example.Other"), BASE_ERROR_INTERNAL);
}

static void error_set_keeps_code_and_texts(void **state)
{
        struct base_error error = BASE_ERROR_INIT;

        assert_false(base_error_set(&error, BASE_ERROR_SEALED, "PCR %d changed", 7));
        base_error_set_detail(&error, "rc %#x", 0x99d);
        assert_false(base_error_prefix(&error, "quote"));
        assert_int_equal(error.code, BASE_ERROR_SEALED);
        assert_string_equal(error.message, "quote: PCR 7 changed");
        assert_string_equal(error.detail, "rc 0x99d");
}

static void error_set_errno_maps_and_explains(void **state)
{
        struct base_error error = BASE_ERROR_INIT;

        (void) base_error_set_errno(&error, EACCES, "cannot open %s", "x");
        assert_int_equal(error.code, BASE_ERROR_IO);
        assert_string_equal(error.message, "cannot open x: Permission denied");
        (void) base_error_set_errno(&error, ENOMEM, "x");
        assert_int_equal(error.code, BASE_ERROR_NO_MEMORY);
        (void) base_error_set_errno(&error, 12345, "x");
        assert_string_equal(error.message, "x: unknown error");
}

static void error_long_text_is_cut_and_terminated(void **state)
{
        struct base_error error = BASE_ERROR_INIT;
        char text[2 * BASE_ERROR_TEXT_MAX];

        memset(text, 'a', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        (void) base_error_set(&error, BASE_ERROR_IO, "%s", text);
        assert_int_equal(strlen(error.message), BASE_ERROR_TEXT_MAX - 1);
        (void) base_error_prefix(&error, "%s", text);
        assert_true(strlen(error.message) < BASE_ERROR_TEXT_MAX);
}

static void error_functions_accept_null(void **state)
{
        struct base_error error = BASE_ERROR_INIT;

        assert_false(base_error_set(NULL, BASE_ERROR_IO, "x"));
        assert_false(base_error_set_errno(NULL, EIO, "x"));
        assert_false(base_error_prefix(NULL, "x"));
        assert_false(base_error_copy(NULL, &error));
        base_error_set_detail(NULL, "x");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(error_table_each_code_has_its_own_name_and_status),
                cmocka_unit_test(error_name_out_of_range_is_internal),
                cmocka_unit_test(error_set_keeps_code_and_texts),
                cmocka_unit_test(error_set_errno_maps_and_explains),
                cmocka_unit_test(error_long_text_is_cut_and_terminated),
                cmocka_unit_test(error_functions_accept_null),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
