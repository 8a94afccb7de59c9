/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/fwupd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void attesterd_fwupd_level_parse_text_of_a_level_is_it(void **state)
{
        static const struct {
                const char *text;
                int level;
        } cases[] = {
                { "HSI:0", 0 }, { "HSI:1! (v1.8.12)", 1 }, { "HSI:2+UA! (v1.5.0)", 2 }, { "HSI:3 (v1.9.2)", 3 }, { "HSI:5", 5 },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                int level = -1;

                assert_true(attesterd_fwupd_level_parse(cases[i].text, &level));
                assert_int_equal(level, cases[i].level);
        }
}

static void attesterd_fwupd_level_parse_other_text_is_none(void **state)
{
        static const char *const texts[] = { "",       "HSI",    "HSI:",  "HSI:6",
                                             "HSI:-1", "HSI:12", "hsi:1", "HSI:INVALID:chassis[0x1]",
                                             "HSI:1x" };
        int level = 7;

        for (size_t i = 0; i < BASE_COUNT(texts); i++)
                assert_false(attesterd_fwupd_level_parse(texts[i], &level));
        assert_int_equal(level, 7);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(attesterd_fwupd_level_parse_text_of_a_level_is_it),
                cmocka_unit_test(attesterd_fwupd_level_parse_other_text_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
