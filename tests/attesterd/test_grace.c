/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/grace.h"
#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define DAY 86400ULL

struct fixture {
        char directory[32];
        int fd;
        uint64_t wall;
        uint64_t boottime_ms;
        struct base_clock clock;
};

static uint64_t fake_wall(void *context)
{
        return ((struct fixture *) context)->wall;
}

static uint64_t fake_boottime(void *context)
{
        return ((struct fixture *) context)->boottime_ms;
}

static int set_up(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));

        *state = fixture;
        strcpy(fixture->directory, "/tmp/attesterd-grace-XXXXXX");
        assert_non_null(mkdtemp(fixture->directory));
        fixture->fd = open(fixture->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fixture->fd >= 0);
        fixture->wall = 1760000000;
        fixture->clock = (struct base_clock){ .wall_seconds = fake_wall, .boottime_ms = fake_boottime, .context = fixture };
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *fixture = *state;

        (void) unlinkat(fixture->fd, "policy", 0);
        (void) close(fixture->fd);
        (void) rmdir(fixture->directory);
        free(fixture);
        return 0;
}

static struct attesterd_grace *start(struct fixture *fixture)
{
        struct attesterd_grace *grace;

        assert_true(attesterd_grace_new(fixture->fd, &fixture->clock, &base_system_random, &grace, NULL));
        return grace;
}

static void pass(struct fixture *fixture, uint64_t seconds)
{
        fixture->wall += seconds;
        fixture->boottime_ms += seconds * 1000;
}

static uint64_t fail_now(struct attesterd_grace *grace)
{
        uint64_t left, now;
        struct policy_graces *graces = attesterd_grace_at(grace, &now);

        assert_true(policy_graces_note_failure(graces, "a", 7 * DAY, now, &left, NULL));
        attesterd_grace_save(grace);
        return left;
}

static void write_state(struct fixture *fixture, const char *text)
{
        assert_true(base_file_replace_at(fixture->fd, "policy", base_bytes_from_string(text), 0600, NULL));
}

static void attesterd_grace_survives_a_restart(void **state)
{
        struct fixture *fixture = *state;
        struct attesterd_grace *grace = start(fixture);
        uint8_t device[64];
        size_t len = attesterd_grace_device(grace).len;
        struct stat status;

        memcpy(device, attesterd_grace_device(grace).data, len);
        assert_int_equal(fail_now(grace), 7 * DAY);
        attesterd_grace_free(grace);
        assert_int_equal(fstatat(fixture->fd, "policy", &status, 0), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        pass(fixture, DAY);
        fixture->boottime_ms = 0;
        grace = start(fixture);
        assert_int_equal(fail_now(grace), 6 * DAY);
        assert_memory_equal(attesterd_grace_device(grace).data, device, len);
        attesterd_grace_free(grace);
}

static void attesterd_grace_of_a_clock_that_is_set_counts_the_time_that_passed(void **state)
{
        struct fixture *fixture = *state;
        struct attesterd_grace *grace = start(fixture);

        (void) fail_now(grace);
        pass(fixture, DAY);
        fixture->wall += 365 * DAY;
        assert_int_equal(fail_now(grace), 6 * DAY);
        fixture->wall -= 2 * 365 * DAY;
        pass(fixture, DAY);
        assert_int_equal(fail_now(grace), 5 * DAY);
        /* What is written has moved with the clock. */
        attesterd_grace_free(grace);
        grace = start(fixture);
        assert_int_equal(fail_now(grace), 5 * DAY);
        attesterd_grace_free(grace);
}

static void attesterd_grace_of_a_damaged_file_begins_anew(void **state)
{
        static const char *const damaged[] = {
                "[Device]\nRolloutId=xyz\n",
                "[Device]\nRolloutId=00112233\n",
                "[Device]\nRolloutId=00112233445566778899aabbccddeeff\n[Rule a]\nFailingSince=soon\n",
                "[Device]\nRolloutId=00112233445566778899aabbccddeeff\n[Rule a]\nFailingSince=1\n[Rule a]\nFailingSince=1\n",
                "[Device]\nRolloutId=00112233445566778899aabbccddeeff\n[Rule a]\nColour=red\n",
                "[Device]\nRolloutId=00112233445566778899aabbccddeeff\n[Rule a]\nPassingSince=7\n",
                "[Device\n",
        };

        for (size_t i = 0; i < BASE_COUNT(damaged); i++) {
                struct attesterd_grace *grace;

                write_state(*state, damaged[i]);
                grace = start(*state);
                assert_int_equal(fail_now(grace), 7 * DAY);
                attesterd_grace_free(grace);
        }
}

static void attesterd_grace_of_a_file_that_cannot_be_written_is_kept_in_memory(void **state)
{
        struct fixture *fixture = *state;
        struct attesterd_grace *grace = start(fixture);

        assert_int_equal(unlinkat(fixture->fd, "policy", 0), 0);
        assert_int_equal(mkdirat(fixture->fd, "policy", 0700), 0);
        assert_int_equal(fail_now(grace), 7 * DAY);
        pass(fixture, DAY);
        assert_int_equal(fail_now(grace), 6 * DAY);
        attesterd_grace_free(grace);
        assert_int_equal(unlinkat(fixture->fd, "policy", AT_REMOVEDIR), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(attesterd_grace_survives_a_restart, set_up, tear_down),
                cmocka_unit_test_setup_teardown(attesterd_grace_of_a_clock_that_is_set_counts_the_time_that_passed, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(attesterd_grace_of_a_damaged_file_begins_anew, set_up, tear_down),
                cmocka_unit_test_setup_teardown(attesterd_grace_of_a_file_that_cannot_be_written_is_kept_in_memory, set_up,
                                                tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
