/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/program.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>

#define ARGUMENTS_MAX 8

struct options {
        const char *text;
        bool flag;
        const char *refused;
};

static bool refuse(const char *argument, void *to)
{
        *(const char **) to = argument;
        return false;
}

/* Parses the words of a command line; the exit status, or -1 to go on. */
static int parse(const char *line, struct options *options)
{
        const struct base_option known[] = {
                { "text", true, base_option_set_text, &options->text },
                { "flag", false, base_option_set_true, &options->flag },
                { "refused", true, refuse, &options->refused },
        };
        const struct base_program program = { "program", "1.2", "usage: program\n", known, BASE_COUNT(known) };
        static char words[256];
        char *arguments[ARGUMENTS_MAX + 1] = { NULL }, *rest = words;
        int count = 0, status = -1;

        *options = (struct options){ NULL };
        assert_true(snprintf(words, sizeof(words), "%s", line) < (int) sizeof(words));
        for (char *word; (word = strsep(&rest, " ")) != NULL;)
                arguments[count++] = word;
        optind = 0; /* getopt(3): starts anew */
        return base_program_parse(&program, count, arguments, &status) ? -1 : status;
}

static void parse_options_of_each_kind_are_taken(void **state)
{
        struct options options;

        assert_int_equal(parse("program", &options), -1);
        assert_null(options.text);
        assert_false(options.flag);
        assert_int_equal(parse("program --flag --text word --log-level debug", &options), -1);
        assert_string_equal(options.text, "word");
        assert_true(options.flag);
}

static void parse_version_and_help_end_well(void **state)
{
        struct options options;

        assert_int_equal(parse("program --version --text word", &options), 0);
        assert_int_equal(parse("program --help", &options), 0);
        assert_null(options.text);
}

static void parse_what_is_wrong_ends_with_usage(void **state)
{
        static const char *const lines[] = {
                "program --other",     "program --text",           "program word",
                "program --flag=word", "program --log-level loud", "program --refused word",
        };
        struct options options;

        for (size_t i = 0; i < BASE_COUNT(lines); i++)
                assert_int_equal(parse(lines[i], &options), BASE_PROGRAM_EXIT_USAGE);
}

static void event_new_loop_ends_at_each_signal(void **state)
{
        static const int signals[] = { SIGTERM, SIGINT };

        for (size_t i = 0; i < BASE_COUNT(signals); i++) {
                base_auto_event sd_event *event = NULL;

                assert_true(base_program_event_new(&event, NULL));
                assert_int_equal(raise(SIGPIPE), 0);
                assert_int_equal(kill(getpid(), signals[i]), 0);
                assert_int_equal(sd_event_loop(event), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parse_options_of_each_kind_are_taken),
                cmocka_unit_test(parse_version_and_help_end_well),
                cmocka_unit_test(parse_what_is_wrong_ends_with_usage),
                cmocka_unit_test(event_new_loop_ends_at_each_signal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
