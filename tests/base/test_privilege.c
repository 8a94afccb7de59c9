/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/privilege.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define OTHER_UID 65534

/* Whether `check` holds in a process of another user; only root can become one. */
static bool holds_as_other_user(bool (*check)(const char *path), const char *path)
{
        int status = 0;
        pid_t child = fork();

        if (child == 0)
                _exit(setuid(OTHER_UID) == 0 && check(path) ? 0 : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool other_user_may_start(const char *path)
{
        (void) path;
        return base_privilege_refuse_root(false, NULL);
}

static void refuse_root_as_root_is_not_authorized(void **state)
{
        struct base_error error = BASE_ERROR_INIT;

        assert_true(base_privilege_refuse_root(true, &error));
        if (geteuid() != 0) {
                assert_true(base_privilege_refuse_root(false, &error));
                return;
        }
        assert_false(base_privilege_refuse_root(false, &error));
        assert_int_equal(error.code, BASE_ERROR_NOT_AUTHORIZED);
        assert_true(holds_as_other_user(other_user_may_start, NULL));
}

static bool directory_is_refused(const char *path)
{
        base_auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct base_error error = BASE_ERROR_INIT;

        return fd >= 0 && !base_privilege_check_private(fd, path, &error) && error.code == BASE_ERROR_STATE_INVALID;
}

static void check_private_directory_of_ours_alone_passes(void **state)
{
        static const mode_t open_modes[] = { 0750, 0701, 0711, 0755, 0777 };
        char path[] = "/tmp/attester-privilege-XXXXXX";
        struct base_error error = BASE_ERROR_INIT;
        base_auto_close int fd = -1;

        assert_non_null(mkdtemp(path));
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_true(base_privilege_check_private(fd, path, &error));
        for (size_t i = 0; i < BASE_COUNT(open_modes); i++) {
                assert_int_equal(fchmod(fd, open_modes[i]), 0);
                assert_true(directory_is_refused(path));
        }
        /* Of another user: by its mode, and by its owner. */
        if (geteuid() == 0) {
                assert_true(holds_as_other_user(directory_is_refused, path));
                assert_int_equal(fchmod(fd, 0700), 0);
                assert_int_equal(fchown(fd, OTHER_UID, OTHER_UID), 0);
                assert_true(directory_is_refused(path));
        }
        assert_int_equal(rmdir(path), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuse_root_as_root_is_not_authorized),
                cmocka_unit_test(check_private_directory_of_ours_alone_passes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
