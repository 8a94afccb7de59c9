/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include "issuer/admin/form.h"
#include "issuer/admin/html.h"

#include <string.h>

static void parse_decodes_names_and_values(void **state)
{
        struct admin_form form;
        struct base_error error;

        assert_ok(admin_form_parse(base_bytes_from_string("&q=a+b%2Bc%26%3d&&%69d=%E2%82%AC&empty=&bare"), &form, &error));
        assert_int_equal(form.count, 4);
        assert_string_equal(admin_form_get(&form, "q"), "a b+c&=");
        assert_string_equal(admin_form_get(&form, "id"), "\xE2\x82\xAC");
        assert_string_equal(admin_form_get(&form, "empty"), "");
        assert_string_equal(admin_form_get(&form, "missing"), "");
        assert_ok(admin_form_parse(base_bytes_from_string(""), &form, &error));
        assert_int_equal(form.count, 0);
}

static void parse_of_what_is_no_plain_text_is_malformed(void **state)
{
        static const char *const bad[] = { "q=%",      "q=%4",  "q=%4g",   "q=%00",     "q=a%00b",  "q=%1f",
                                           "q=%7f",    "q=%ff", "q=%c3",   "q=%c3a",    "q=%c0%80", "q=%ed%a0%80",
                                           "q=%c2%85", "%00=1", "q=1&q=2", "q=1&%71=2", "a%ff=1",   "q=\n" };
        struct admin_form form;
        struct base_error error;

        for (size_t i = 0; i < BASE_COUNT(bad); i++)
                assert_refused(admin_form_parse(base_bytes_from_string(bad[i]), &form, &error), BASE_ERROR_MALFORMED, "");
        assert_refused(admin_form_parse(BASE_BYTES("q=\0", 3), &form, &error), BASE_ERROR_MALFORMED, "");
}

static void parse_beyond_a_limit_is_refused(void **state)
{
        char text[ADMIN_FORM_BYTES_MAX + 2];
        struct admin_form form;
        struct base_error error;

        memset(text, 'a', sizeof(text));
        memcpy(text, "q=", 2);
        assert_ok(admin_form_parse(BASE_BYTES(text, 2 + ADMIN_FORM_VALUE_MAX), &form, &error));
        assert_int_equal(strlen(admin_form_get(&form, "q")), ADMIN_FORM_VALUE_MAX);
        assert_refused(admin_form_parse(BASE_BYTES(text, 3 + ADMIN_FORM_VALUE_MAX), &form, &error), BASE_ERROR_LIMIT_EXCEEDED,
                       "");
        assert_refused(admin_form_parse(BASE_BYTES(text + 2, ADMIN_FORM_NAME_MAX + 1), &form, &error), BASE_ERROR_LIMIT_EXCEEDED,
                       "");
        memset(text, '&', sizeof(text));
        assert_ok(admin_form_parse(BASE_BYTES(text, ADMIN_FORM_BYTES_MAX), &form, &error));
        assert_refused(admin_form_parse(BASE_BYTES(text, ADMIN_FORM_BYTES_MAX + 1), &form, &error), BASE_ERROR_LIMIT_EXCEEDED,
                       "");
        assert_refused(admin_form_parse(base_bytes_from_string("a&b&c&d&e&f&g&h&i&j&k&l&m"), &form, &error),
                       BASE_ERROR_LIMIT_EXCEEDED, "fields");
}

static void assert_shown(void (*put)(struct base_buffer *, const char *), const char *text, const char *wanted)
{
        base_auto_buffer struct base_buffer shown = BASE_BUFFER_INIT(1000);

        put(&shown, text);
        assert_string_equal(base_buffer_c_string(&shown), wanted);
}

static void put_text_escapes_all_that_markup_is_made_of(void **state)
{
        assert_shown(admin_html_put_text, "<a href=\"x\" b='y' c=`z`>&amp;",
                     "&lt;a href=&quot;x&quot; b=&#39;y&#39; c=&#96;z&#96;&gt;&amp;amp;");
        assert_shown(admin_html_put_text, "€ 日本 \xF0\x9F\xA6\x8A", "€ 日本 \xF0\x9F\xA6\x8A");
        assert_shown(admin_html_put_text, "a\x1b\x7f\xC2\x85z", "a\uFFFD\uFFFD\uFFFDz");
        assert_shown(admin_html_put_text, "a\xE2\x80\xAE\xE2\x81\xA6z", "a\uFFFD\uFFFDz");
        assert_shown(admin_html_put_text, "a\xFF\xC3", "a\uFFFD\uFFFD");
        assert_shown(admin_html_put_query, "a-Z_9.<&=+ \xC3\xA9", "a-Z_9.%3C%26%3D%2B%20%C3%A9");
}

static void put_of_numbers_and_times_is_for_people(void **state)
{
        static const struct {
                uint64_t seconds;
                const char *wanted;
        } durations[] = { { 0, "0 seconds" },
                          { 119, "119 seconds" },
                          { 7199, "119 minutes" },
                          { 86400 * 2, "2 days" },
                          { 86400 * 1234, "1,234 days" } };
        base_auto_buffer struct base_buffer to = BASE_BUFFER_INIT(1000);

        for (size_t i = 0; i < BASE_COUNT(durations); i++) {
                base_buffer_reset(&to);
                admin_html_put_duration(&to, durations[i].seconds);
                assert_string_equal(base_buffer_c_string(&to), durations[i].wanted);
        }
        base_buffer_reset(&to);
        admin_html_put_number(&to, 999);
        admin_html_put_number(&to, 1000000);
        assert_string_equal(base_buffer_c_string(&to), "9991,000,000");
        base_buffer_reset(&to);
        admin_html_put_time(&to, 1760000000);
        assert_non_null(strstr(base_buffer_c_string(&to), "datetime=\"2025-10-09T08:53:20Z\""));
        assert_non_null(strstr(base_buffer_c_string(&to), ">2025-10-09 08:53</time>"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parse_decodes_names_and_values),
                cmocka_unit_test(parse_of_what_is_no_plain_text_is_malformed),
                cmocka_unit_test(parse_beyond_a_limit_is_refused),
                cmocka_unit_test(put_text_escapes_all_that_markup_is_made_of),
                cmocka_unit_test(put_of_numbers_and_times_is_for_people),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
