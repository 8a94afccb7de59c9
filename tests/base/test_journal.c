/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/journal.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_printable(const char *text, const char *expected)
{
        char shown[256];

        base_journal_printable(text, shown, sizeof(shown));
        assert_string_equal(shown, expected);
}

static void journal_printable_plain_text_stays(void **state)
{
        assert_printable("", "");
        assert_printable("Größe ≥ 1 😀 \\x", "Größe ≥ 1 😀 \\x");
}

static void journal_printable_second_line_is_none(void **state)
{
        assert_printable("a\nMESSAGE_ID=x", "a\\x0aMESSAGE_ID=x");
        assert_printable("a\r\x1b[2K\x7f", "a\\x0d\\x1b[2K\\x7f");
        assert_printable("a\xc2\x85\x62", "a\\xc2\\x85b");          /* U+0085, next line */
        assert_printable("a\xe2\x80\xa8\x62", "a\\xe2\\x80\\xa8b"); /* U+2028, line separator */
        assert_printable("a\xe2\x80\xae\x62", "a\\xe2\\x80\\xaeb"); /* U+202E, right to left */
        assert_printable("a\xe2\x81\xa6\x62", "a\\xe2\\x81\\xa6b"); /* U+2066, isolate */
}

static void journal_printable_bytes_that_are_no_utf8_are_escaped(void **state)
{
        assert_printable("\xff\xc3", "\\xff\\xc3");
        assert_printable("\xc0\xaf", "\\xc0\\xaf");                   /* overlong */
        assert_printable("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* surrogate */
        assert_printable("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
}

static void journal_printable_cut_leaves_whole_characters(void **state)
{
        char shown[5];

        base_journal_printable("abc\xc3\xa4", shown, sizeof(shown));
        assert_string_equal(shown, "abc");
        base_journal_printable("a\n\n", shown, sizeof(shown));
        assert_string_equal(shown, "a");
        base_journal_printable("abcdef", shown, sizeof(shown));
        assert_string_equal(shown, "abcd");
        base_journal_printable("abcdef", shown, 1);
        assert_string_equal(shown, "");
}

static void journal_is_stream_only_for_the_file_that_is_named(void **state)
{
        struct stat status;
        char stream[64];
        int ends[2];

        assert_int_equal(pipe(ends), 0);
        assert_int_equal(fstat(ends[0], &status), 0);
        (void) snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long) status.st_dev,
                        (unsigned long long) status.st_ino);
        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
        assert_false(base_journal_is_stream(ends[0]));
        assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
        assert_true(base_journal_is_stream(ends[0]));
        assert_false(base_journal_is_stream(STDIN_FILENO));
        assert_false(base_journal_is_stream(-1));
        assert_int_equal(setenv("JOURNAL_STREAM", "journal", 1), 0);
        assert_false(base_journal_is_stream(ends[0]));
        (void) close(ends[0]);
        (void) close(ends[1]);
}

static void event_table_is_complete(void **state)
{
        assert_null(base_event_message_id(BASE_EVENT_NONE));
        for (int event = BASE_EVENT_NONE + 1; event < BASE_EVENT_COUNT; event++) {
                assert_int_equal(strlen(base_event_message_id((enum base_event) event)), 32);
                assert_true(strlen(base_event_name((enum base_event) event)) > 0);
                assert_in_range(base_event_level((enum base_event) event), BASE_LOG_ERROR, BASE_LOG_NOTICE);
        }
        for (int field = 0; field < BASE_EVENT_FIELD_COUNT; field++)
                assert_non_null(base_event_field_name((enum base_event_field_id) field));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(journal_printable_plain_text_stays),
                cmocka_unit_test(journal_printable_second_line_is_none),
                cmocka_unit_test(journal_printable_bytes_that_are_no_utf8_are_escaped),
                cmocka_unit_test(journal_printable_cut_leaves_whole_characters),
                cmocka_unit_test(journal_is_stream_only_for_the_file_that_is_named),
                cmocka_unit_test(event_table_is_complete),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
