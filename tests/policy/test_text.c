/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void policy_text_valid_of_utf8_is_true(void **state)
{
        assert_true(policy_text_valid(""));
        assert_true(policy_text_valid("plain ~"));
        assert_true(policy_text_valid("\xc2\xa0"));         /* U+00A0, the first that is no control */
        assert_true(policy_text_valid("é \xdf\xbf"));       /* U+07FF */
        assert_true(policy_text_valid("\xe0\xa0\x80"));     /* U+0800 */
        assert_true(policy_text_valid("\xed\x9f\xbf"));     /* U+D7FF */
        assert_true(policy_text_valid("\xee\x80\x80"));     /* U+E000 */
        assert_true(policy_text_valid("\xef\xbf\xbd…"));    /* U+FFFD */
        assert_true(policy_text_valid("\xf0\x90\x80\x80")); /* U+10000 */
        assert_true(policy_text_valid("\xf4\x8f\xbf\xbf")); /* U+10FFFF */
}

static void policy_text_valid_of_anything_else_is_false(void **state)
{
        static const char *const bad[] = {
                "\x01",
                "tab\t",
                "line\n",
                "\x1f",
                "\x7f",
                "\xc2\x80",
                "\xc2\x9f", /* C1 controls */
                "\x80",
                "\xbf",
                "\xff",
                "\xc0\x80",
                "\xc1\xbf", /* overlong */
                "\xe0\x9f\xbf",
                "\xf0\x8f\xbf\xbf", /* overlong */
                "\xed\xa0\x80",
                "\xed\xbf\xbf", /* surrogates */
                "\xf4\x90\x80\x80",
                "\xf5\x80\x80\x80", /* past U+10FFFF */
                "\xc3",
                "\xe2\x82",
                "\xf0\x90\x80",
                "\xc3(", /* cut short */
        };

        for (size_t i = 0; i < BASE_COUNT(bad); i++)
                if (policy_text_valid(bad[i]))
                        fail_msg("row %zu", i);
}

static void policy_text_clean_of_bad_bytes_puts_question_marks(void **state)
{
        char text[16];

        policy_text_clean(text, sizeof(text),
                          "a\xff"
                          "b\nc");
        assert_string_equal(text, "a?b?c");
        policy_text_clean(text, sizeof(text), "\xe2\x82");
        assert_string_equal(text, "??");
}

static void policy_text_clean_that_does_not_fit_cuts_between_characters(void **state)
{
        char text[6];

        policy_text_clean(text, sizeof(text), "abcdefgh");
        assert_string_equal(text, "abcde");
        policy_text_clean(text, sizeof(text), "abcdé");
        assert_string_equal(text, "abcd");
        policy_text_clean(text, sizeof(text), "abcé");
        assert_string_equal(text, "abcé");
        policy_text_clean(text, 1, "abc");
        assert_string_equal(text, "");
}

static void policy_sentence_finish_of_a_cut_character_drops_it(void **state)
{
        char text[8];

        for (size_t lead = 0; lead < 7; lead++) {
                struct policy_sentence sentence = policy_sentence_over(text, sizeof(text));

                policy_sentence_printf(&sentence, "%.*s", (int) lead, "abcdefgh");
                policy_sentence_put(&sentence, "\xf0\x9f\x94\x92\xf0\x9f\x94\x92");
                policy_sentence_finish(&sentence);
                assert_true(policy_text_valid(text));
                assert_null(strchr(text, '?'));
                assert_int_equal(strlen(text), lead <= 3 ? lead + 4 : lead);
        }
}

static void policy_sentence_put_after_it_is_full_changes_nothing(void **state)
{
        char text[4];
        struct policy_sentence sentence = policy_sentence_over(text, sizeof(text));

        policy_sentence_put(&sentence, "ab");
        policy_sentence_put(&sentence, "");
        assert_string_equal(text, "ab");
        policy_sentence_put(&sentence, "cdef");
        policy_sentence_put(&sentence, "more");
        policy_sentence_printf(&sentence, "more");
        policy_sentence_finish(&sentence);
        assert_string_equal(text, "abc");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_text_valid_of_utf8_is_true),
                cmocka_unit_test(policy_text_valid_of_anything_else_is_false),
                cmocka_unit_test(policy_text_clean_of_bad_bytes_puts_question_marks),
                cmocka_unit_test(policy_text_clean_that_does_not_fit_cuts_between_characters),
                cmocka_unit_test(policy_sentence_finish_of_a_cut_character_drops_it),
                cmocka_unit_test(policy_sentence_put_after_it_is_full_changes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
