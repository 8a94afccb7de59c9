/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "attesterd/linger.h"

#define Q     1600                                 /* a quote, in milliseconds */
#define QUIET (Q / ATTESTERD_LINGER_QUIET_DIVISOR) /* while more is at issuers */
#define TAIL  (Q / ATTESTERD_LINGER_TAIL_DIVISOR)  /* when nothing is */
#define NOW   100000

enum { USER = 1000, OTHER = 1001 };

static int set_up(void **state)
{
        static struct attesterd_linger linger;

        attesterd_linger_init(&linger);
        *state = &linger;
        return 0;
}

static int tear_down(void **state)
{
        attesterd_linger_clear(*state);
        return 0;
}

static void waiting(struct attesterd_linger *linger, uid_t uid, uint64_t now_ms, size_t count)
{
        for (size_t i = 0; i < count; i++)
                assert_true(attesterd_linger_note_waiting(linger, uid, now_ms, NULL));
}

static void sent(struct attesterd_linger *linger, uid_t uid, size_t count)
{
        for (size_t i = 0; i < count; i++)
                assert_true(attesterd_linger_note_sent(linger, uid, NULL));
}

static void back(struct attesterd_linger *linger, uid_t uid, size_t count)
{
        for (size_t i = 0; i < count; i++)
                attesterd_linger_note_back(linger, uid);
}

static void linger_ms_nobody_waits_for_nothing(void **state)
{
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), 0);
        sent(*state, USER, 200);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), 0);
        waiting(*state, OTHER, NOW, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), 0);
}

static void linger_ms_few_at_issuers_or_fewer_than_wait_is_zero(void **state)
{
        sent(*state, USER, ATTESTERD_LINGER_PEERS_MIN - 1);
        waiting(*state, USER, NOW, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), 0);
        sent(*state, USER, 20);
        waiting(*state, USER, NOW, 30);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), 0);
}

static void linger_ms_without_a_quote_before_is_zero(void **state)
{
        sent(*state, USER, 200);
        waiting(*state, USER, NOW, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW, 0), 0);
}

static void linger_ms_lasts_while_requests_come_back_and_one_quote_at_most(void **state)
{
        sent(*state, USER, 200);
        waiting(*state, USER, NOW - Q, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), QUIET);
        for (uint64_t ms = 0; ms < Q; ms += QUIET / 2) {
                uint64_t left_ms = Q - ms;

                back(*state, USER, 10);
                waiting(*state, USER, NOW + ms, 10);
                assert_int_equal(attesterd_linger_ms(*state, NOW + ms, Q), left_ms < QUIET ? left_ms : QUIET);
        }
        assert_int_equal(attesterd_linger_ms(*state, NOW + Q, Q), 0);
}

static void linger_ms_ends_when_none_comes_back(void **state)
{
        sent(*state, USER, 200);
        waiting(*state, USER, NOW, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), QUIET);
        assert_int_equal(attesterd_linger_ms(*state, NOW + QUIET, Q), 0);
}

static void linger_ms_all_back_leaves_the_last_answered_a_moment(void **state)
{
        sent(*state, USER, 20);
        waiting(*state, USER, NOW, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), QUIET);
        back(*state, USER, 20);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), TAIL);
        waiting(*state, USER, NOW + TAIL - 1, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW + TAIL - 1, Q), TAIL);
        assert_int_equal(attesterd_linger_ms(*state, NOW + 2 * TAIL - 1, Q), 0);
}

static void linger_ms_user_who_gains_nothing_ends_it_for_all(void **state)
{
        sent(*state, USER, 200);
        waiting(*state, USER, NOW, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), QUIET);
        waiting(*state, OTHER, NOW, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), 0);
        attesterd_linger_note_taken(*state, OTHER);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), QUIET);
}

static void linger_ms_two_who_gain_wait_for_the_first_to_be_complete(void **state)
{
        sent(*state, USER, 100);
        sent(*state, OTHER, 100);
        waiting(*state, USER, NOW, 1);
        waiting(*state, OTHER, NOW, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), QUIET);
        back(*state, OTHER, 100);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), TAIL);
}

static void linger_ms_next_batch_is_judged_anew(void **state)
{
        sent(*state, USER, 20);
        waiting(*state, USER, NOW, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), QUIET);
        attesterd_linger_note_taken(*state, USER);
        back(*state, USER, 20);
        waiting(*state, USER, NOW, 1);
        assert_int_equal(attesterd_linger_ms(*state, NOW, Q), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(linger_ms_nobody_waits_for_nothing, set_up, tear_down),
                cmocka_unit_test_setup_teardown(linger_ms_few_at_issuers_or_fewer_than_wait_is_zero, set_up, tear_down),
                cmocka_unit_test_setup_teardown(linger_ms_without_a_quote_before_is_zero, set_up, tear_down),
                cmocka_unit_test_setup_teardown(linger_ms_lasts_while_requests_come_back_and_one_quote_at_most, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(linger_ms_ends_when_none_comes_back, set_up, tear_down),
                cmocka_unit_test_setup_teardown(linger_ms_all_back_leaves_the_last_answered_a_moment, set_up, tear_down),
                cmocka_unit_test_setup_teardown(linger_ms_user_who_gains_nothing_ends_it_for_all, set_up, tear_down),
                cmocka_unit_test_setup_teardown(linger_ms_two_who_gain_wait_for_the_first_to_be_complete, set_up, tear_down),
                cmocka_unit_test_setup_teardown(linger_ms_next_batch_is_judged_anew, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
