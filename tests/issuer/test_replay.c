/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include "issuer/replay.h"

#define LIFETIME_S 10
#define ENTRIES    8

static enum issuer_replay_outcome add_of(struct issuer_replay *replay, uint64_t device, uint8_t value, uint64_t now_ms)
{
        uint8_t key[ISSUER_REPLAY_KEY_LEN];

        memset(key, value, sizeof(key));
        return issuer_replay_add(replay, key, device, now_ms);
}

/* Of a device that sends no other. */
static enum issuer_replay_outcome add(struct issuer_replay *replay, uint8_t value, uint64_t now_ms)
{
        return add_of(replay, value, value, now_ms);
}

/* The same salt each time, and with it the same slots. */
static bool fill_with_ones(void *context, void *to, size_t len, struct base_error *error)
{
        (void) context;
        (void) error;
        memset(to, 1, len);
        return true;
}

static struct issuer_replay *make(void)
{
        const struct base_random ones = { .fill = fill_with_ones };
        struct issuer_replay *replay = NULL;
        struct base_error error;

        assert_ok(issuer_replay_new(LIFETIME_S, ENTRIES, &ones, &replay, &error));
        return replay;
}

static void add_twice_is_seen(void **state)
{
        issuer_auto_replay struct issuer_replay *replay = make();

        assert_int_equal(add(replay, 1, 5000), ISSUER_REPLAY_NEW);
        assert_int_equal(add(replay, 1, 5000), ISSUER_REPLAY_SEEN);
        assert_int_equal(add(replay, 2, 5001), ISSUER_REPLAY_NEW);
}

static void add_within_a_lifetime_is_seen_whenever_it_was_added(void **state)
{
        for (uint64_t added = 0; added < 3 * LIFETIME_S * 1000; added += 999) {
                issuer_auto_replay struct issuer_replay *replay = make();

                assert_int_equal(add(replay, 99, 0), ISSUER_REPLAY_NEW);
                assert_int_equal(add(replay, 1, added), ISSUER_REPLAY_NEW);
                for (uint64_t later = 0; later < LIFETIME_S * 1000; later += 500)
                        assert_int_equal(add(replay, 1, added + later), ISSUER_REPLAY_SEEN);
        }
}

static void add_after_two_lifetimes_is_new_again(void **state)
{
        issuer_auto_replay struct issuer_replay *replay = make();

        assert_int_equal(add(replay, 1, 0), ISSUER_REPLAY_NEW);
        assert_int_equal(add(replay, 1, 2 * LIFETIME_S * 1000 + 1), ISSUER_REPLAY_NEW);
}

static void add_to_a_full_table_forgets_nothing(void **state)
{
        issuer_auto_replay struct issuer_replay *replay = make();

        for (uint8_t i = 1; i <= ENTRIES; i++)
                assert_int_equal(add(replay, i, 100), ISSUER_REPLAY_NEW);
        assert_int_equal(add(replay, 100, 100), ISSUER_REPLAY_FULL);
        for (uint8_t i = 1; i <= ENTRIES; i++)
                assert_int_equal(add(replay, i, 100), ISSUER_REPLAY_SEEN);
        assert_int_equal(add(replay, 100, 100 + LIFETIME_S * 1000), ISSUER_REPLAY_NEW);
}

static void add_of_one_device_leaves_room_for_the_others(void **state)
{
        issuer_auto_replay struct issuer_replay *replay = make();
        uint8_t value = 1;

        while (add_of(replay, 77, value, 100) == ISSUER_REPLAY_NEW)
                value++;
        assert_int_equal(value - 1, ENTRIES / ISSUER_REPLAY_SHARE_OF + 1);
        assert_int_equal(add_of(replay, 77, value, 100), ISSUER_REPLAY_SHARE);
        assert_int_equal(add_of(replay, 77, 1, 100), ISSUER_REPLAY_SEEN);
        assert_int_equal(add(replay, 200, 100), ISSUER_REPLAY_NEW);
        assert_int_equal(add_of(replay, 77, value, 100 + LIFETIME_S * 1000), ISSUER_REPLAY_NEW);
        assert_int_equal(add_of(replay, 77, 1, 100 + LIFETIME_S * 1000), ISSUER_REPLAY_SEEN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(add_twice_is_seen),
                cmocka_unit_test(add_within_a_lifetime_is_seen_whenever_it_was_added),
                cmocka_unit_test(add_after_two_lifetimes_is_new_again),
                cmocka_unit_test(add_to_a_full_table_forgets_nothing),
                cmocka_unit_test(add_of_one_device_leaves_room_for_the_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
