/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/ini.h"

#include <string.h>
#include <sys/stat.h>

/* Writes each entry as "section/key=value@line:key:value;" so that a test compares one string. */
static bool record(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        base_buffer_printf(context, "%s/%s=%s@%u:%u:%u;", entry->section, entry->key == NULL ? "" : entry->key,
                           entry->value == NULL ? "" : entry->value, entry->line, entry->key_column, entry->value_column);
        return true;
}

static bool refuse(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_UNSUPPORTED, "no");
}

static void assert_parses(const char *text, const char *expected)
{
        base_auto_buffer struct base_buffer seen = BASE_BUFFER_INIT(10000);
        struct base_error error = BASE_ERROR_INIT;

        assert_true(base_ini_parse("f", base_bytes_from_string(text), record, &seen, &error));
        assert_string_equal(base_buffer_c_string(&seen), expected);
}

static void assert_refused(struct base_bytes text, enum base_error_code code, const char *message)
{
        base_auto_buffer struct base_buffer seen = BASE_BUFFER_INIT(100000);
        struct base_error error = BASE_ERROR_INIT;

        assert_false(base_ini_parse("f", text, record, &seen, &error));
        assert_string_equal(error.message, message);
        assert_int_equal(error.code, code);
}

static void ini_parse_sections_and_entries_have_places(void **state)
{
        assert_parses("", "");
        assert_parses("# c\n\n[A]\nKey = value \n", "A/=@3:2:2;A/Key=value@4:1:7;");
        assert_parses("  [ B c ] \n  K=\n;x\nL=a=b", "B c/=@1:5:5;B c/K=@2:3:5;B c/L=a=b@4:1:3;");
        assert_parses("[A]\r\nK=v\r\n", "A/=@1:2:2;A/K=v@2:1:3;");
}

static void ini_parse_continued_lines_are_joined(void **state)
{
        assert_parses("[A]\nK=a \\\n# between\n  b\nL=c\n", "A/=@1:2:2;A/K=a    b@2:1:3;A/L=c@5:1:3;");
        assert_parses("[A]\nK=a\\\n\nL=c\n", "A/=@1:2:2;A/K=a@2:1:3;A/L=c@4:1:3;");
}

static void ini_parse_bad_line_is_named(void **state)
{
        static const char nul[] = "[A]\nK=\0";

        assert_refused(base_bytes_from_string("K=v"), BASE_ERROR_CONFIG_INVALID,
                       "f:1:1: an entry stands before the first [Section]");
        assert_refused(base_bytes_from_string("[A"), BASE_ERROR_CONFIG_INVALID, "f:1:1: the section name has no closing ']'");
        assert_refused(base_bytes_from_string("[A] x"), BASE_ERROR_CONFIG_INVALID, "f:1:4: unexpected text after ']'");
        assert_refused(base_bytes_from_string("[ ]"), BASE_ERROR_CONFIG_INVALID, "f:1:3: the section name is empty");
        assert_refused(base_bytes_from_string("[A]\n\n  word"), BASE_ERROR_CONFIG_INVALID,
                       "f:3:3: expected \"Key=Value\" or \"[Section]\"");
        assert_refused(base_bytes_from_string("[A]\n=v"), BASE_ERROR_CONFIG_INVALID, "f:2:1: the key before '=' is empty");
        assert_refused(base_bytes_from_string("[A]\nK=v\\\n"), BASE_ERROR_CONFIG_INVALID,
                       "f:2:1: the last line ends in a backslash");
        assert_refused(BASE_BYTES(nul, sizeof(nul) - 1), BASE_ERROR_CONFIG_INVALID, "f:2:1: a NUL byte is not allowed");
}

static void ini_parse_long_entry_is_refused(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(100000);

        base_buffer_put_string(&text, "[A]\nK=");
        for (int i = 0; i < BASE_INI_LINE_BYTES_MAX; i++)
                base_buffer_put_u8(&text, 'x');
        assert_refused(base_buffer_bytes(&text), BASE_ERROR_LIMIT_EXCEEDED, "f:2:1: the entry is longer than 8192 bytes");
}

static void ini_parse_visitor_refusal_is_passed_on(void **state)
{
        struct base_error error = BASE_ERROR_INIT;

        assert_false(base_ini_parse("f", base_bytes_from_string("[A]"), refuse, NULL, &error));
        assert_int_equal(error.code, BASE_ERROR_UNSUPPORTED);
        assert_false(base_ini_parse_file("/nonexistent/x.conf", refuse, NULL, &error));
        assert_int_equal(error.code, BASE_ERROR_NOT_FOUND);
}

static void put(const char *directory, const char *name, const char *text)
{
        char path[128];
        base_auto_fclose FILE *file = NULL;

        (void) snprintf(path, sizeof(path), "%s/%s", directory, name);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
}

static void ini_list_earliest_directory_wins_and_null_link_masks(void **state)
{
        char top[] = "/tmp/attester-ini-XXXXXX";
        char etc[64], lib[64], mask[128], command[128], expected[128];
        base_auto_ini_files struct base_ini_files files = { 0 };
        struct base_error error = BASE_ERROR_INIT;

        assert_non_null(mkdtemp(top));
        (void) snprintf(etc, sizeof(etc), "%s/etc", top);
        (void) snprintf(lib, sizeof(lib), "%s/lib", top);
        (void) snprintf(mask, sizeof(mask), "%s/20-masked.conf", etc);
        assert_int_equal(mkdir(etc, 0700) | mkdir(lib, 0700), 0);
        put(lib, "10-both.conf", "");
        put(lib, "20-masked.conf", "");
        put(lib, "30-lib.conf", "");
        put(lib, "ignored.txt", "");
        put(lib, ".hidden.conf", "");
        put(etc, "10-both.conf", "");
        put(etc, "05-etc.conf", "");
        assert_int_equal(symlink("/dev/null", mask), 0);

        const char *const directories[] = { etc, "/nonexistent", lib };
        assert_true(base_ini_list(directories, BASE_COUNT(directories), ".conf", &files, &error));
        assert_int_equal(files.count, 3);
        (void) snprintf(expected, sizeof(expected), "%s/05-etc.conf", etc);
        assert_string_equal(files.paths[0], expected);
        (void) snprintf(expected, sizeof(expected), "%s/10-both.conf", etc);
        assert_string_equal(files.paths[1], expected);
        (void) snprintf(expected, sizeof(expected), "%s/30-lib.conf", lib);
        assert_string_equal(files.paths[2], expected);
        (void) snprintf(command, sizeof(command), "rm -r '%s'", top);
        assert_int_equal(system(command), 0);
}

static void ini_list_too_many_files_is_refused(void **state)
{
        char top[] = "/tmp/attester-ini-XXXXXX";
        const char *const directories[] = { top };
        base_auto_ini_files struct base_ini_files files = { 0 };
        struct base_error error = BASE_ERROR_INIT;
        char name[32], command[128];

        assert_non_null(mkdtemp(top));
        for (int i = 0; i <= BASE_INI_FILES_MAX; i++) {
                (void) snprintf(name, sizeof(name), "%d.conf", i);
                put(top, name, "");
        }
        assert_false(base_ini_list(directories, 1, ".conf", &files, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
        (void) snprintf(command, sizeof(command), "rm -r '%s'", top);
        assert_int_equal(system(command), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ini_parse_sections_and_entries_have_places),
                cmocka_unit_test(ini_parse_continued_lines_are_joined),
                cmocka_unit_test(ini_parse_bad_line_is_named),
                cmocka_unit_test(ini_parse_long_entry_is_refused),
                cmocka_unit_test(ini_parse_visitor_refusal_is_passed_on),
                cmocka_unit_test(ini_list_earliest_directory_wins_and_null_link_masks),
                cmocka_unit_test(ini_list_too_many_files_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
