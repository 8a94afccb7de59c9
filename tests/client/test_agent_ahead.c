/* SPDX-License-Identifier: BSD-2-Clause */
/* When the agent plans to fetch ahead, with a clock and a randomness that the test sets. */
#include "client/agent/agent.h"
#include "tests/cmocka.h"

#include <string.h>

#define NOW_MS    5000000
#define MIN_MS    (AGENT_AHEAD_DELAY_MIN_S * 1000)
#define MAX_S     300
#define SPREAD_MS (MAX_S * 1000 - MIN_MS)

static uint32_t drawn;
static bool dry;

static uint64_t now_ms(void *context)
{
        (void) context;
        return NOW_MS;
}

static bool fill(void *context, void *to, size_t len, struct base_error *error)
{
        (void) context;
        assert_int_equal(len, sizeof(drawn));
        memcpy(to, &drawn, sizeof(drawn));
        return !dry || base_error_set(error, BASE_ERROR_CRYPTO, "no randomness");
}

static const struct base_clock test_clock = { .boottime_ms = now_ms };
static const struct base_random test_random = { .fill = fill };

/* What agent_plan_ahead() sets for an entry like `entry`, in milliseconds from now; 0: nothing planned. */
static uint64_t planned(struct agent_cache_entry entry, unsigned delay_max_s, uint32_t draw)
{
        struct agent agent = { .clock = &test_clock, .random = &test_random, .options = { .ahead_delay_max_s = delay_max_s } };

        drawn = draw;
        agent_plan_ahead(&agent, &entry);
        return entry.ahead_ms == 0 ? 0 : entry.ahead_ms - NOW_MS;
}

static const struct agent_cache_entry often = { .meetings = AGENT_FETCH_MEETINGS };

static void plan_ahead_spreads_evenly_between_the_delays(void **state)
{
        (void) state;
        assert_int_equal(planned(often, MAX_S, 0), MIN_MS);
        assert_int_equal(planned(often, MAX_S, UINT32_MAX), MIN_MS + SPREAD_MS);
        assert_in_range(planned(often, MAX_S, UINT32_MAX / 2), MIN_MS + SPREAD_MS / 2 - 1, MIN_MS + SPREAD_MS / 2 + 1);
        assert_in_range(planned(often, MAX_S, UINT32_MAX / 4), MIN_MS + SPREAD_MS / 4 - 1, MIN_MS + SPREAD_MS / 4 + 1);
}

static void plan_ahead_with_a_short_maximum_keeps_the_least_delay(void **state)
{
        (void) state;
        assert_int_equal(planned(often, 0, UINT32_MAX), MIN_MS);
        assert_int_equal(planned(often, AGENT_AHEAD_DELAY_MIN_S, UINT32_MAX), MIN_MS);
}

static void plan_ahead_of_a_challenge_met_once_plans_nothing(void **state)
{
        (void) state;
        assert_int_equal(planned((struct agent_cache_entry){ .meetings = AGENT_FETCH_MEETINGS - 1 }, MAX_S, 0), 0);
}

static void plan_ahead_with_tokens_left_plans_nothing(void **state)
{
        struct agent_cache_entry entry = often;

        (void) state;
        entry.token_count = AGENT_FETCH_AHEAD_BELOW;
        assert_int_equal(planned(entry, MAX_S, 0), 0);
        entry.token_count = AGENT_FETCH_AHEAD_BELOW - 1;
        assert_int_equal(planned(entry, MAX_S, 0), MIN_MS);
}

static void plan_ahead_twice_keeps_the_first_plan(void **state)
{
        struct agent_cache_entry entry = often;

        (void) state;
        entry.ahead_ms = NOW_MS + 7;
        assert_int_equal(planned(entry, MAX_S, UINT32_MAX), 7);
}

static void plan_ahead_without_randomness_plans_nothing(void **state)
{
        (void) state;
        dry = true;
        assert_int_equal(planned(often, MAX_S, 0), 0);
        dry = false;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plan_ahead_spreads_evenly_between_the_delays),
                cmocka_unit_test(plan_ahead_with_a_short_maximum_keeps_the_least_delay),
                cmocka_unit_test(plan_ahead_of_a_challenge_met_once_plans_nothing),
                cmocka_unit_test(plan_ahead_with_tokens_left_plans_nothing),
                cmocka_unit_test(plan_ahead_twice_keeps_the_first_plan),
                cmocka_unit_test(plan_ahead_without_randomness_plans_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
