/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int make_directory(void **state)
{
        char *path = strdup("/tmp/attester-file-XXXXXX");

        *state = path;
        return path != NULL && mkdtemp(path) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
        char command[128];

        (void) snprintf(command, sizeof(command), "rm -r '%s'", (char *) *state);
        free(*state);
        return system(command);
}

static int open_directory(void **state)
{
        int fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static void file_replace_then_read_gives_the_content(void **state)
{
        base_auto_close int directory = open_directory(state);
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(100);
        struct base_error error = BASE_ERROR_INIT;
        struct stat status;

        assert_true(base_file_replace_at(directory, "key", base_bytes_from_string("old"), 0600, &error));
        assert_true(base_file_replace_at(directory, "key", base_bytes_from_string("new"), 0600, &error));
        assert_true(base_file_read_at(directory, "key", &content, &error));
        assert_string_equal(base_buffer_c_string(&content), "new");
        assert_int_equal(fstatat(directory, "key", &status, 0), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_int_equal(faccessat(directory, "key.new", F_OK, 0), -1);
}

static void file_replace_does_not_follow_a_planted_link(void **state)
{
        base_auto_close int directory = open_directory(state);
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(100);
        struct base_error error = BASE_ERROR_INIT;

        assert_true(base_file_replace_at(directory, "victim", base_bytes_from_string("untouched"), 0600, &error));
        assert_int_equal(symlinkat("victim", directory, "key.new"), 0);
        assert_true(base_file_replace_at(directory, "key", base_bytes_from_string("mine"), 0600, &error));
        assert_true(base_file_read_at(directory, "victim", &content, &error));
        assert_string_equal(base_buffer_c_string(&content), "untouched");
}

static void file_replace_in_a_missing_directory_keeps_the_old(void **state)
{
        base_auto_close int directory = open_directory(state);
        struct base_error error = BASE_ERROR_INIT;

        assert_false(base_file_replace_at(directory, "nowhere/key", base_bytes_from_string("x"), 0600, &error));
        assert_int_equal(error.code, BASE_ERROR_IO);
        assert_non_null(strstr(error.message, "nowhere/key"));
}

static void file_replace_onto_a_directory_leaves_no_temporary(void **state)
{
        base_auto_close int directory = open_directory(state);
        struct base_error error = BASE_ERROR_INIT;

        assert_int_equal(mkdirat(directory, "taken", 0700), 0);
        assert_false(base_file_replace_at(directory, "taken", base_bytes_from_string("x"), 0600, &error));
        assert_int_equal(error.code, BASE_ERROR_IO);
        assert_int_equal(faccessat(directory, "taken.new", F_OK, 0), -1);
}

static void file_replace_name_too_long_is_refused(void **state)
{
        base_auto_close int directory = open_directory(state);
        struct base_error error = BASE_ERROR_INIT;
        char name[300];

        memset(name, 'n', sizeof(name));
        name[sizeof(name) - 1] = '\0';
        assert_false(base_file_replace_at(directory, name, base_bytes_from_string("x"), 0600, &error));
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
}

static void file_read_errors_are_named(void **state)
{
        base_auto_close int directory = open_directory(state);
        base_auto_buffer struct base_buffer small = BASE_BUFFER_INIT(3);
        struct base_error error = BASE_ERROR_INIT;

        assert_false(base_file_read_at(directory, "absent", &small, &error));
        assert_int_equal(error.code, BASE_ERROR_NOT_FOUND);
        assert_true(base_file_replace_at(directory, "large", base_bytes_from_string("1234"), 0600, &error));
        assert_false(base_file_read_at(directory, "large", &small, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
        base_buffer_reset(&small);
        assert_false(base_file_read_at(directory, ".", &small, &error));
        assert_int_equal(error.code, BASE_ERROR_IO);
        assert_false(base_file_read("/nonexistent/file", &small, &error));
        assert_int_equal(error.code, BASE_ERROR_NOT_FOUND);
}

static void file_read_of_a_file_without_an_end_ends_at_the_limit(void **state)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(100);
        struct base_error error = BASE_ERROR_INIT;

        (void) state;
        assert_false(base_file_read("/dev/zero", &content, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(file_replace_then_read_gives_the_content, make_directory, remove_directory),
                cmocka_unit_test_setup_teardown(file_replace_does_not_follow_a_planted_link, make_directory, remove_directory),
                cmocka_unit_test_setup_teardown(file_replace_in_a_missing_directory_keeps_the_old, make_directory,
                                                remove_directory),
                cmocka_unit_test_setup_teardown(file_replace_onto_a_directory_leaves_no_temporary, make_directory,
                                                remove_directory),
                cmocka_unit_test_setup_teardown(file_replace_name_too_long_is_refused, make_directory, remove_directory),
                cmocka_unit_test(file_read_of_a_file_without_an_end_ends_at_the_limit),
                cmocka_unit_test_setup_teardown(file_read_errors_are_named, make_directory, remove_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
