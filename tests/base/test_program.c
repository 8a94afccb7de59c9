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
        bool has_commands;
};

static bool refuse(const char *argument, void *to)
{
        *(const char **) to = argument;
        return false;
}

/* Parses the words of a command line; the exit status, or -1 to go on. */
static int parse(const char *line, struct options *options)
{
        static const struct base_command commands[] = { { "look", "here", "[FILE]", "looks" }, { "leave", NULL, "", "goes" } };
        const struct base_option known[] = {
                { 0, "text", "FILE", "a text", base_option_set_text, &options->text },
                { 0, "flag", NULL, "a flag", base_option_set_true, &options->flag },
                { 0, "refused", "WORD", "what is refused", refuse, &options->refused },
                BASE_OPTION_LOG_LEVEL,
        };
        const struct base_program program = {
                .name = "program",
                .version = "1.2",
                .about = "Does nothing.\n",
                .options = known,
                .option_count = BASE_COUNT(known),
                .commands = commands,
                .command_count = options->has_commands ? BASE_COUNT(commands) : 0,
        };
        static char words[256];
        char *arguments[ARGUMENTS_MAX + 1] = { NULL }, *rest = words;
        int count = 0, status = -1;

        *options = (struct options){ .has_commands = options->has_commands };
        assert_true(snprintf(words, sizeof(words), "%s", line) < (int) sizeof(words));
        for (char *word; (word = strsep(&rest, " ")) != NULL;)
                arguments[count++] = word;
        optind = 0; /* getopt(3): starts anew */
        return base_program_parse(&program, count, arguments, &status) ? -1 : status;
}

static void parse_options_of_each_kind_are_taken(void **state)
{
        struct options options = { NULL };

        assert_int_equal(parse("program", &options), -1);
        assert_null(options.text);
        assert_false(options.flag);
        assert_int_equal(parse("program --flag --text word --log-level debug", &options), -1);
        assert_string_equal(options.text, "word");
        assert_true(options.flag);
}

static void parse_version_and_help_end_well(void **state)
{
        struct options options = { NULL };

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
        struct options options = { NULL };

        for (size_t i = 0; i < BASE_COUNT(lines); i++)
                assert_int_equal(parse(lines[i], &options), BASE_PROGRAM_EXIT_USAGE);
}

static void parse_words_of_commands_are_left_to_the_program(void **state)
{
        struct options options = { .has_commands = true };

        assert_int_equal(parse("program look --flag here", &options), -1);
        assert_true(options.flag);
        assert_int_equal(optind, 2);
        assert_int_equal(parse("program", &options), -1);
        assert_int_equal(optind, 1);
}

/* What each shell makes of a script is asked in tests/packaging/test_documentation.py. */
static void parse_completion_is_for_known_shells(void **state)
{
        static const char *const shells[] = { "bash", "zsh", "fish" };
        struct options options = { NULL };
        char line[64];

        for (size_t i = 0; i < 2 * BASE_COUNT(shells); i++) {
                options.has_commands = i >= BASE_COUNT(shells);
                (void) snprintf(line, sizeof(line), "program --completion %s --text word", shells[i % BASE_COUNT(shells)]);
                assert_int_equal(parse(line, &options), 0);
                assert_null(options.text);
        }
        assert_int_equal(parse("program --completion csh", &options), BASE_PROGRAM_EXIT_USAGE);
}

static void getopt_add_takes_as_many_options_as_there_is_room(void **state)
{
        struct base_option options[BASE_OPTIONS_MAX + 2] = { 0 };
        struct base_getopt tables = BASE_GETOPT_INIT;

        for (size_t i = 0; i <= BASE_OPTIONS_MAX; i++)
                options[i] = (struct base_option){ .letter = (char) ('A' + i), .name = "name", .argument = "VALUE" };
        base_getopt_add(&tables, options);
        base_getopt_add(&tables, options);
        assert_int_equal(tables.count, BASE_OPTIONS_MAX);
        assert_null(tables.longs[BASE_OPTIONS_MAX].name);
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
                cmocka_unit_test(parse_words_of_commands_are_left_to_the_program),
                cmocka_unit_test(parse_completion_is_for_known_shells),
                cmocka_unit_test(getopt_add_takes_as_many_options_as_there_is_room),
                cmocka_unit_test(event_new_loop_ends_at_each_signal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
