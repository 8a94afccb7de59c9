/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a URL leads as far as tokens are concerned, and text for the terminal. */
#include "client/attestctl/http.h"
#include "client/attestctl/progress.h"
#include "client/attestctl/table.h"
#include "tests/cmocka.h"

#include <string.h>
#include <strings.h>

static void origin_read_knows_name_port_and_safety(void **state)
{
        static const struct {
                const char *url, *server_name;
                bool secure;
        } cases[] = {
                { "https://shop.example/x", "shop.example", true },
                { "HTTPS://Shop.Example:443/", "Shop.Example", true },
                { "https://shop.example:8443", "shop.example:8443", true },
                { "http://shop.example/", "shop.example:80", false },
                { "http://shop.example:443/", "shop.example", false },
                { "http://127.0.0.1:8080/", "127.0.0.1:8080", true },
                { "http://127.8.9.10/", "127.8.9.10:80", true },
                { "http://localhost/", "localhost:80", true },
                { "http://[::1]:81/", "[::1]:81", true },
                { "http://128.0.0.1/", "128.0.0.1:80", false },
                { "http://localhost.evil.example/", "localhost.evil.example:80", false },
                { "http://127.0.0.1.evil.example/", "127.0.0.1.evil.example:80", false },
                { "http://[::2]/", "[::2]:80", false },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                struct base_error error = BASE_ERROR_INIT;
                struct attestctl_http_origin origin;

                if (!attestctl_http_origin_read(cases[i].url, &origin, &error))
                        fail_msg("%s: %s", cases[i].url, error.message);
                assert_int_equal(strcasecmp(origin.server_name, cases[i].server_name), 0);
                if (origin.secure != cases[i].secure)
                        fail_msg("%s: secure %d", cases[i].url, origin.secure);
        }
}

static void origin_read_refuses_what_is_no_web_address(void **state)
{
        static const char *const urls[] = { "",
                                            "shop.example",
                                            "ftp://shop.example/",
                                            "file:///etc/passwd",
                                            "https://",
                                            "https://u@a.example",
                                            "https://u:p@a.example/",
                                            "https://a b/",
                                            "javascript:",
                                            "https://a.example:0x1/",
                                            "https://a.example:99999/" };

        for (size_t i = 0; i < BASE_COUNT(urls); i++) {
                struct base_error error = BASE_ERROR_INIT;
                struct attestctl_http_origin origin;

                if (attestctl_http_origin_read(urls[i], &origin, &error))
                        fail_msg("\"%s\" was taken as %s", urls[i], origin.server_name);
                assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
        }
}

static bool same(const char *one, const char *two)
{
        struct attestctl_http_origin a, b;

        assert_true(attestctl_http_origin_read(one, &a, NULL));
        assert_true(attestctl_http_origin_read(two, &b, NULL));
        return attestctl_http_origin_equal(&a, &b);
}

static void origin_equal_compares_scheme_host_and_port(void **state)
{
        assert_true(same("https://a.example/x", "https://A.example:443/y"));
        assert_false(same("https://a.example/", "http://a.example:443/"));
        assert_false(same("https://a.example/", "https://a.example:444/"));
        assert_false(same("https://a.example/", "https://b.example/"));
}

static void print_control_characters_are_replaced(void **state)
{
        base_auto_free char *text = NULL;
        size_t len = 0;
        FILE *file = open_memstream(&text, &len);

        assert_non_null(file);
        attestctl_print(file, false, ATTESTCTL_BAD,
                        "a\033[2Jb\r\n\x7f\xc2\x9b"
                        "c\xc3\xa9");
        (void) fclose(file);
        assert_string_equal(text, "a?[2Jb????c\xc3\xa9");
}

static void table_columns_are_aligned_by_characters(void **state)
{
        attestctl_auto_table struct attestctl_table table;
        base_auto_free char *text = NULL;
        size_t len = 0;
        FILE *file = open_memstream(&text, &len);

        assert_non_null(file);
        attestctl_table_init(&table, 2);
        attestctl_table_add(&table, ATTESTCTL_HEADING, "\xc3\xa9t\xc3\xa9");
        attestctl_table_add(&table, ATTESTCTL_PLAIN, "1");
        attestctl_table_add(&table, ATTESTCTL_PLAIN, "winter");
        attestctl_table_add(&table, ATTESTCTL_GOOD, "2");
        attestctl_table_print(&table, file, true);
        (void) fclose(file);
        assert_string_equal(text, "\033[1m\xc3\xa9t\xc3\xa9\033[0m     1\nwinter  \033[32m2\033[0m\n");
}

static void progress_format_tells_what_is_known(void **state)
{
        static const struct {
                uint64_t done, total, elapsed_ms;
                const char *text;
        } cases[] = {
                { 0, 0, 1000, "0 B  0 B/s" },
                { 1536, 0, 1000, "1.5 KiB  1.5 KiB/s" },
                { 0, 100, 0, "[                    ]   0 %  0 B of 100 B  0 B/s  359999 s left" },
                { 1 << 20, 4 << 20, 2000, "[=====               ]  25 %  1.0 MiB of 4.0 MiB  512.0 KiB/s  6 s left" },
                { 100, 100, 1000, "[====================] 100 %  100 B of 100 B  100 B/s  0 s left" },
                { 101, 100, 1000, "101 B  101 B/s" },
                { 1, UINT64_MAX, 1000, "[                    ]   0 %  1 B of 16777216.0 TiB  1 B/s  359999 s left" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                char text[ATTESTCTL_PROGRESS_TEXT_MAX];

                attestctl_progress_format(cases[i].done, cases[i].total, cases[i].elapsed_ms, text, sizeof(text));
                assert_string_equal(text, cases[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(origin_read_knows_name_port_and_safety),
                cmocka_unit_test(origin_read_refuses_what_is_no_web_address),
                cmocka_unit_test(origin_equal_compares_scheme_host_and_port),
                cmocka_unit_test(print_control_characters_are_replaced),
                cmocka_unit_test(progress_format_tells_what_is_known),
                cmocka_unit_test(table_columns_are_aligned_by_characters),
        };

        return cmocka_run_group_tests_name("attestctl_http", tests, NULL, NULL);
}
