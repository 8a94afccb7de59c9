/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/posture/os_release.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct posture_os_release parse(const char *text)
{
        struct posture_os_release release;

        posture_os_release_parse(base_bytes_from_string(text), &release);
        return release;
}

static void posture_os_release_parse_of_each_quoting_gives_the_value(void **state)
{
        static const struct {
                const char *line;
                const char *value;
        } rows[] = {
                { "ID=debian", "debian" },
                { "ID=\"debian\"", "debian" },
                { "ID='debian'", "debian" },
                { "ID=", "" },
                { "ID=\"\"", "" },
                { "ID=''", "" },
                { "  ID=x \t\r", "x" },
                { "ID=12.5-a_b+c:d/e@f,g=h%i", "12.5-a_b+c:d/e@f,g=h%i" },
                { "ID=\"a b\"", "a b" },
                { "ID=\"a'b\"", "a'b" },
                { "ID='a\"b\\c$d`e'", "a\"b\\c$d`e" },
                { "ID=\"\\\"\\$\\`\\\\\"", "\"$`\\" },
                { "ID=\"é\"", "é" },
                { "ID=é", "é" },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                struct posture_os_release release = parse(rows[i].line);

                if (!release.id.present || release.id.malformed_line != 0 || strcmp(release.id.text, rows[i].value) != 0)
                        fail_msg("%s gives \"%s\"", rows[i].line, release.id.text);
        }
}

static void posture_os_release_parse_of_broken_values_names_the_line(void **state)
{
        static const char *const lines[] = {
                "ID=a b",    "ID=\"a",       "ID='a",       "ID=a\"b\"",   "ID=\"a\"b", "ID=\"a\" \"b\"", "ID='a'b", "ID=\"\\n\"",
                "ID=\"a\\",  "ID=\"$HOME\"", "ID=\"`id`\"", "ID=$HOME",    "ID=`id`",   "ID=a\\b",        "ID=a;b",  "ID=(a)",
                "ID= a#b c", "ID=\"\x01\"",  "ID=\xff",     "ID=\"a\tb\"", "ID=\"\\",   "ID=\"",          "ID='",
        };
        char text[64];

        for (size_t i = 0; i < BASE_COUNT(lines); i++) {
                struct posture_os_release release;

                (void) snprintf(text, sizeof(text), "\n# comment\n%s\n", lines[i]);
                release = parse(text);
                if (!release.id.present || release.id.malformed_line != 3)
                        fail_msg("%s gives \"%s\", line %u", lines[i], release.id.text, release.id.malformed_line);
        }
}

static void posture_os_release_parse_of_other_lines_passes_over_them(void **state)
{
        struct posture_os_release release = parse(
                "#ID=comment\nXID=x\nID_LIKE=debian\nID\nid=lower\nID =x\nexport ID=x\n\"\n\x01\xff\n");

        assert_false(release.id.present);
        assert_false(release.version_id.present);
        assert_false(release.build_id.present);
        assert_false(release.support_end.present);
        assert_false(parse("").id.present);
}

static void posture_os_release_parse_of_a_name_twice_takes_the_last(void **state)
{
        assert_string_equal(parse("ID=a\nID=b\n").id.text, "b");
        assert_int_equal(parse("ID=a\nID=\"b\n").id.malformed_line, 2);
        assert_int_equal(parse("ID=\"a\nID=b\n").id.malformed_line, 0);
}

static void posture_os_release_parse_of_all_variables_fills_each(void **state)
{
        struct posture_os_release release = parse("ID=a\nVERSION_ID=1.2\nBUILD_ID=rolling\nSUPPORT_END=2027-01-31");

        assert_string_equal(release.id.text, "a");
        assert_string_equal(release.version_id.text, "1.2");
        assert_string_equal(release.build_id.text, "rolling");
        assert_string_equal(release.support_end.text, "2027-01-31");
}

static void posture_os_release_parse_of_a_nul_or_a_long_value_is_malformed(void **state)
{
        char line[POLICY_FACT_TEXT_BYTES_MAX + 8] = "ID=";
        struct posture_os_release release;

        posture_os_release_parse(BASE_BYTES("ID=a\0b\n", 7), &release);
        assert_int_equal(release.id.malformed_line, 1);
        posture_os_release_parse(BASE_BYTES("ID=\"a\0b\"\n", 9), &release);
        assert_int_equal(release.id.malformed_line, 1);
        posture_os_release_parse(BASE_BYTES("ID=\"\\\0\"\n", 8), &release);
        assert_int_equal(release.id.malformed_line, 1);
        memset(line + 3, 'a', POLICY_FACT_TEXT_BYTES_MAX);
        release = parse(line);
        assert_int_equal(release.id.malformed_line, 0);
        assert_int_equal(strlen(release.id.text), POLICY_FACT_TEXT_BYTES_MAX);
        line[3 + POLICY_FACT_TEXT_BYTES_MAX] = 'a';
        assert_int_equal(parse(line).id.malformed_line, 1);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(posture_os_release_parse_of_each_quoting_gives_the_value),
                cmocka_unit_test(posture_os_release_parse_of_broken_values_names_the_line),
                cmocka_unit_test(posture_os_release_parse_of_other_lines_passes_over_them),
                cmocka_unit_test(posture_os_release_parse_of_a_name_twice_takes_the_last),
                cmocka_unit_test(posture_os_release_parse_of_all_variables_fills_each),
                cmocka_unit_test(posture_os_release_parse_of_a_nul_or_a_long_value_is_malformed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
