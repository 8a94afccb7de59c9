/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/log.h"

#include <string.h>

/* What `write` sends to stderr, as a string in `to`. */
static void capture(void (*write_messages)(void), char *to, size_t size)
{
        FILE *file = tmpfile();
        int saved = dup(STDERR_FILENO);
        size_t got;

        assert_non_null(file);
        assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
        write_messages();
        assert_true(dup2(saved, STDERR_FILENO) >= 0);
        (void) close(saved);
        rewind(file);
        got = fread(to, 1, size - 1, file);
        to[got] = '\0';
        (void) fclose(file);
}

static void write_both_levels(void)
{
        base_log(BASE_LOG_NOTICE, "seen %d", 1);
        base_log(BASE_LOG_DEBUG, "unseen");
}

static void write_error(void)
{
        struct base_error error = BASE_ERROR_INIT;

        (void) base_error_set(&error, BASE_ERROR_IO, "cannot open x");
        base_log_error(BASE_LOG_ERROR, &error, "start");
        base_error_set_detail(&error, "errno 2");
        base_log_error(BASE_LOG_ERROR, &error, "start");
        base_log_error(BASE_LOG_DEBUG, &error, "unseen");
}

static void write_hostile(void)
{
        struct base_error error = BASE_ERROR_INIT;

        (void) base_error_set(&error, BASE_ERROR_ISSUER_REJECTED, "it says \n<1>attesterd: all is well");
        base_log_event(BASE_EVENT_ISSUER_REJECTED, BASE_LOG_FIELDS({ BASE_EVENT_FIELD_ISSUER, "i\nMESSAGE_ID=0" }), &error,
                       "no\r%s", "tokens");
}

static void log_newlines_of_others_are_escaped(void **state)
{
        char text[1024];

        capture(write_hostile, text, sizeof(text));
        assert_non_null(strstr(text, ": no\\x0dtokens: it says \\x0a<1>attesterd: all is well\n"));
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void log_below_the_level_is_not_written(void **state)
{
        char text[1024];

        base_log_set_level(BASE_LOG_INFO);
        capture(write_both_levels, text, sizeof(text));
        assert_non_null(strstr(text, ": seen 1\n"));
        assert_null(strstr(text, "unseen"));
}

static void log_error_has_context_message_and_detail(void **state)
{
        char text[1024];

        capture(write_error, text, sizeof(text));
        assert_non_null(strstr(text, ": start: cannot open x\n"));
        assert_non_null(strstr(text, ": start: cannot open x (errno 2)\n"));
        assert_null(strstr(text, "unseen"));
}

static void log_level_from_string_knows_five_names(void **state)
{
        enum base_log_level level;

        assert_true(base_log_level_from_string("error", &level));
        assert_int_equal(level, BASE_LOG_ERROR);
        assert_true(base_log_level_from_string("debug", &level));
        assert_int_equal(level, BASE_LOG_DEBUG);
        assert_false(base_log_level_from_string("loud", &level));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(log_below_the_level_is_not_written),
                cmocka_unit_test(log_error_has_context_message_and_detail),
                cmocka_unit_test(log_newlines_of_others_are_escaped),
                cmocka_unit_test(log_level_from_string_knows_five_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
