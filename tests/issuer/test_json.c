/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include "issuer/json.h"

static void assert_written(const char *text, const char *wanted)
{
        base_auto_buffer struct base_buffer to = BASE_BUFFER_INIT(256);

        issuer_json_put_string(&to, text);
        assert_string_equal(base_buffer_c_string(&to), wanted);
}

static void put_string_escapes_what_must_be(void **state)
{
        assert_written("", "\"\"");
        assert_written(NULL, "null");
        assert_written("a\"b\\c", "\"a\\\"b\\\\c\"");
        assert_written("\x01\n\x7f", "\"\\u0001\\u000a\\u007f\"");
        assert_written("\xc2\x80\xc2\x9b\xc2\xa0", "\"\\u0080\\u009b\xc2\xa0\"");
        assert_written("größe €𝄞", "\"größe €𝄞\"");
}

static void put_string_replaces_what_is_not_utf8(void **state)
{
        assert_written("a\xff"
                       "b",
                       "\"a\xEF\xBF\xBD"
                       "b\"");
        assert_written("\xc0\xaf", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");                 /* overlong */
        assert_written("\xed\xa0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""); /* surrogate */
        assert_written("\xe2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");                 /* cut off */
        assert_written("\xf5\x80\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void put_members_are_separated(void **state)
{
        base_auto_buffer struct base_buffer to = BASE_BUFFER_INIT(256);

        base_buffer_put_u8(&to, '{');
        issuer_json_put_member_string(&to, "a", "{");
        issuer_json_put_member_unsigned(&to, "b", UINT64_MAX);
        issuer_json_put_name(&to, "c");
        base_buffer_put_u8(&to, '[');
        base_buffer_put_string(&to, "]}");
        assert_string_equal(base_buffer_c_string(&to), "{\"a\":\"{\",\"b\":18446744073709551615,\"c\":[]}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(put_string_escapes_what_must_be),
                cmocka_unit_test(put_string_replaces_what_is_not_utf8),
                cmocka_unit_test(put_members_are_separated),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
