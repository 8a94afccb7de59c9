/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "attesterd/fair.h"
#include "attesterd/limits.h"

#include <string.h>

static uint64_t fake_ms(void *context)
{
        return *(uint64_t *) context;
}

struct setup {
        uint64_t now_ms;
        struct base_clock clock;
        struct attesterd_limits *limits;
};

static const struct attesterd_limits_config figures = {
        .requests_per_second = 10,
        .requests_burst = 5,
        .in_flight_per_user = 3,
        .in_flight = 7,
};

static void set_up(struct setup *setup)
{
        setup->now_ms = 1000;
        setup->clock = (struct base_clock){ .monotonic_ms = fake_ms, .context = &setup->now_ms };
        assert_true(attesterd_limits_new(&figures, &setup->clock, &setup->limits, NULL));
}

static void enter(struct setup *setup, uid_t uid, unsigned weight)
{
        assert_true(attesterd_limits_enter(setup->limits, uid, weight, NULL));
}

static void assert_refused(bool done, const struct base_error *error, enum base_error_code code)
{
        assert_false(done);
        assert_int_equal(error->code, code);
}

static void enter_beyond_users_bound_is_rate_limited_and_others_enter(void **state)
{
        struct base_error error = BASE_ERROR_INIT;
        struct setup setup;

        set_up(&setup);
        enter(&setup, 1, 2);
        assert_refused(attesterd_limits_enter(setup.limits, 1, 2, &error), &error, BASE_ERROR_RATE_LIMITED);
        enter(&setup, 1, 1);
        enter(&setup, 2, 3);
        attesterd_limits_leave(setup.limits, 1, 3);
        enter(&setup, 1, 3);
        attesterd_limits_free(setup.limits);
}

static void enter_beyond_common_bound_is_busy(void **state)
{
        struct base_error error = BASE_ERROR_INIT;
        struct setup setup;

        set_up(&setup);
        enter(&setup, 1, 3);
        enter(&setup, 2, 3);
        enter(&setup, 3, 1);
        assert_refused(attesterd_limits_enter(setup.limits, 4, 1, &error), &error, BASE_ERROR_BUSY);
        attesterd_limits_leave(setup.limits, 2, 1);
        enter(&setup, 4, 1);
        attesterd_limits_free(setup.limits);
}

static void spend_beyond_burst_says_when_to_retry(void **state)
{
        struct base_error error = BASE_ERROR_INIT;
        struct setup setup;

        set_up(&setup);
        enter(&setup, 1, 1);
        enter(&setup, 2, 1);
        assert_true(attesterd_limits_spend(setup.limits, 1, 4, NULL));
        assert_refused(attesterd_limits_spend(setup.limits, 1, 3, &error), &error, BASE_ERROR_RATE_LIMITED);
        assert_non_null(strstr(error.message, "0.200 seconds"));
        assert_true(attesterd_limits_spend(setup.limits, 2, 5, NULL));
        setup.now_ms += 199;
        assert_false(attesterd_limits_spend(setup.limits, 1, 3, NULL));
        setup.now_ms += 1;
        assert_true(attesterd_limits_spend(setup.limits, 1, 3, NULL));
        attesterd_limits_free(setup.limits);
}

static void spend_after_long_rest_has_the_burst_and_no_more(void **state)
{
        struct setup setup;

        set_up(&setup);
        enter(&setup, 1, 1);
        assert_true(attesterd_limits_spend(setup.limits, 1, 5, NULL));
        setup.now_ms += 1000ull * 1000 * 1000 * 1000;
        assert_true(attesterd_limits_spend(setup.limits, 1, 5, NULL));
        assert_false(attesterd_limits_spend(setup.limits, 1, 1, NULL));
        attesterd_limits_free(setup.limits);
}

static void spend_above_burst_is_possible_with_a_full_bucket(void **state)
{
        struct setup setup;

        set_up(&setup);
        enter(&setup, 1, 1);
        assert_true(attesterd_limits_spend(setup.limits, 1, 16, NULL));
        assert_false(attesterd_limits_spend(setup.limits, 1, 1, NULL));
        attesterd_limits_free(setup.limits);
}

static void enter_many_users_remembers_those_who_have_spent(void **state)
{
        struct base_error error = BASE_ERROR_INIT;
        struct setup setup;

        set_up(&setup);
        for (uid_t uid = 0; uid < ATTESTERD_USERS_MAX; uid++) {
                enter(&setup, uid, 1);
                assert_true(attesterd_limits_spend(setup.limits, uid, 5, NULL));
                attesterd_limits_leave(setup.limits, uid, 1);
        }
        assert_refused(attesterd_limits_enter(setup.limits, ATTESTERD_USERS_MAX, 1, &error), &error, BASE_ERROR_BUSY);
        enter(&setup, 0, 1);
        assert_false(attesterd_limits_spend(setup.limits, 0, 1, NULL));
        setup.now_ms += 500;
        enter(&setup, ATTESTERD_USERS_MAX, 1);
        attesterd_limits_free(setup.limits);
}

static void configure_lower_burst_holds_at_once(void **state)
{
        struct attesterd_limits_config lower = figures;
        struct setup setup;

        set_up(&setup);
        enter(&setup, 1, 1);
        lower.requests_burst = 2;
        attesterd_limits_configure(setup.limits, &lower);
        assert_true(attesterd_limits_spend(setup.limits, 1, 2, NULL));
        assert_false(attesterd_limits_spend(setup.limits, 1, 1, NULL));
        attesterd_limits_free(setup.limits);
}

struct queued {
        struct attesterd_fair_item item;
        char name;
};

static void fair_pop_takes_users_in_turn(void **state)
{
        struct queued items[] = { { .name = 'a' }, { .name = 'b' }, { .name = 'c' },
                                  { .name = 'x' }, { .name = 'y' }, { .name = 'q' } };
        const uid_t users[] = { 1, 1, 1, 2, 2, 3 };
        struct attesterd_fair_queue queue;
        struct queued *queued;
        char order[8] = "";

        attesterd_fair_init(&queue);
        for (size_t i = 0; i < BASE_COUNT(items); i++)
                assert_true(attesterd_fair_push(&queue, &items[i].item, users[i], &items[i], NULL));
        assert_int_equal(queue.count, 6);
        attesterd_fair_remove(&queue, &items[1].item);
        attesterd_fair_remove(&queue, &items[1].item);
        assert_int_equal(queue.count, 5);
        for (size_t i = 0; (queued = attesterd_fair_pop(&queue)) != NULL; i++)
                order[i] = queued->name;
        assert_string_equal(order, "axqcy");
        assert_null(attesterd_fair_pop(&queue));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(enter_beyond_users_bound_is_rate_limited_and_others_enter),
                cmocka_unit_test(enter_beyond_common_bound_is_busy),
                cmocka_unit_test(spend_beyond_burst_says_when_to_retry),
                cmocka_unit_test(spend_after_long_rest_has_the_burst_and_no_more),
                cmocka_unit_test(spend_above_burst_is_possible_with_a_full_bucket),
                cmocka_unit_test(enter_many_users_remembers_those_who_have_spent),
                cmocka_unit_test(configure_lower_burst_holds_at_once),
                cmocka_unit_test(fair_pop_takes_users_in_turn),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
