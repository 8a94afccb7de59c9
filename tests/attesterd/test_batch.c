/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "attesterd/batch.h"

#include <string.h>

#define ITEMS_MAX     2000
#define TURN_USEC     (5 * 1000000ull) /* longest wait for what must happen */
#define LONG_QUOTE_MS 1000000ull       /* a linger after it never ends on its own here */

/* A quoter that answers when the test says so, and the requests of a test. */
struct bench {
        sd_event *event;
        uint64_t now_ms;
        struct base_clock clock;
        struct attesterd_batcher *batcher;
        size_t quotes;
        bool refuse;
        tpm_quote_callback *callback; /* of the quote under way; NULL: none */
        void *callback_context;
        uint8_t qualifying_data[TPM_QUALIFYING_DATA_LEN];
        size_t answered;
        size_t failed;
        size_t sharers; /* of the last answer */
        struct attesterd_batch_item items[ITEMS_MAX];
};

static uint64_t fake_ms(void *context)
{
        return *(uint64_t *) context;
}

static bool fake_quote(void *context, const uint8_t qualifying_data[static TPM_QUALIFYING_DATA_LEN], tpm_quote_callback *callback,
                       void *callback_context, struct base_error *error)
{
        struct bench *bench = context;

        if (bench->refuse)
                return base_error_set(error, BASE_ERROR_BUSY, "no");
        assert_null(bench->callback);
        bench->quotes++;
        bench->callback = callback;
        bench->callback_context = callback_context;
        memcpy(bench->qualifying_data, qualifying_data, TPM_QUALIFYING_DATA_LEN);
        return true;
}

static int set_up(void **state)
{
        struct bench *bench = calloc(1, sizeof(*bench));
        struct attesterd_quoter quoter = { .quote = fake_quote, .context = bench };

        assert_non_null(bench);
        assert_true(sd_event_new(&bench->event) >= 0);
        bench->now_ms = 1;
        bench->clock = (struct base_clock){ .monotonic_ms = fake_ms, .context = &bench->now_ms };
        assert_true(attesterd_batcher_new(bench->event, &bench->clock, &quoter, &bench->batcher, NULL));
        *state = bench;
        return 0;
}

/* Runs everything that is due now. */
static void turn(struct bench *bench)
{
        while (sd_event_run(bench->event, 0) > 0)
                continue;
}

/* Each answer proves that its leaf is under what was quoted. */
static void on_share(void *context, const struct attesterd_batch_share *share, const struct base_error *error)
{
        struct bench *bench = context;

        if (error != NULL) {
                assert_null(share);
                bench->failed++;
                return;
        }
        bench->answered++;
        bench->sharers = share->sharers;
}

static void submit(struct bench *bench, size_t i, uid_t uid)
{
        bench->items[i] = (struct attesterd_batch_item){ .callback = on_share, .context = bench };
        bench->items[i].leaf[0] = (uint8_t) i;
        bench->items[i].leaf[1] = (uint8_t) (i >> 8);
        assert_true(attesterd_batch_submit(bench->batcher, &bench->items[i], uid, NULL));
}

static void finish_quote(struct bench *bench, const struct base_error *error)
{
        static const struct tpm_quote quote = { .key_name = { 0 } };
        tpm_quote_callback *callback = bench->callback;

        assert_non_null(callback);
        bench->callback = NULL;
        callback(bench->callback_context, error == NULL ? &quote : NULL, error);
}

static int tear_down(void **state)
{
        const struct base_error cancelled = { .code = BASE_ERROR_CANCELLED };
        struct bench *bench = *state;

        if (bench->callback != NULL)
                finish_quote(bench, &cancelled);
        attesterd_batcher_free(bench->batcher);
        (void) sd_event_unref(bench->event);
        free(bench);
        return 0;
}

static void submit_to_idle_tpm_is_quoted_at_once(void **state)
{
        struct bench *bench = *state;

        submit(bench, 0, 1);
        turn(bench);
        assert_int_equal(bench->quotes, 1);
        finish_quote(bench, NULL);
        assert_int_equal(bench->answered, 1);
        assert_int_equal(bench->sharers, 1);
        turn(bench);
        assert_int_equal(bench->quotes, 1);
}

static void submit_during_a_quote_shares_the_next(void **state)
{
        struct bench *bench = *state;

        submit(bench, 0, 1);
        turn(bench);
        for (size_t i = 1; i <= 7; i++)
                submit(bench, i, 1);
        turn(bench);
        assert_int_equal(bench->quotes, 1);
        finish_quote(bench, NULL);
        assert_int_equal(bench->answered, 1);
        turn(bench);
        assert_int_equal(bench->quotes, 2);
        finish_quote(bench, NULL);
        assert_int_equal(bench->answered, 8);
        assert_int_equal(bench->sharers, 7);
}

/* Checks a share against what the quoter was given. */
static void on_share_checked(void *context, const struct attesterd_batch_share *share, const struct base_error *error)
{
        struct attesterd_batch_item *item = context;
        uint8_t root[EVIDENCE_HASH_LEN];

        assert_null(error);
        assert_true(evidence_proof_root(&share->proof, item->leaf, root, NULL));
        assert_true(evidence_batch_qualifying_data(root, share->proof.tree_size, root, NULL));
        memcpy(item->leaf, root, sizeof(root));
}

static void share_proves_each_leaf_under_the_quoted_root(void **state)
{
        struct bench *bench = *state;

        for (size_t i = 0; i < 5; i++) {
                bench->items[i] = (struct attesterd_batch_item){ .callback = on_share_checked, .context = &bench->items[i] };
                bench->items[i].leaf[0] = (uint8_t) i;
                assert_true(attesterd_batch_submit(bench->batcher, &bench->items[i], (uid_t) i, NULL));
        }
        turn(bench);
        finish_quote(bench, NULL);
        for (size_t i = 0; i < 5; i++)
                assert_memory_equal(bench->items[i].leaf, bench->qualifying_data, EVIDENCE_HASH_LEN);
}

static void cancel_queued_or_quoted_is_not_answered(void **state)
{
        struct bench *bench = *state;

        for (size_t i = 0; i < 3; i++)
                submit(bench, i, 1);
        turn(bench);
        submit(bench, 3, 1);
        submit(bench, 4, 1);
        attesterd_batch_cancel(bench->batcher, &bench->items[1]);
        attesterd_batch_cancel(bench->batcher, &bench->items[3]);
        attesterd_batch_cancel(bench->batcher, &bench->items[3]);
        finish_quote(bench, NULL);
        assert_int_equal(bench->answered, 2);
        turn(bench);
        attesterd_batch_cancel(bench->batcher, &bench->items[4]);
        finish_quote(bench, NULL);
        assert_int_equal(bench->answered, 2);
        turn(bench);
        assert_int_equal(bench->quotes, 2);
}

static void cancel_of_all_that_wait_leaves_the_tpm_alone(void **state)
{
        struct bench *bench = *state;

        submit(bench, 0, 1);
        attesterd_batch_cancel(bench->batcher, &bench->items[0]);
        turn(bench);
        assert_int_equal(bench->quotes, 0);
}

static void quote_that_fails_fails_its_batch_alone(void **state)
{
        struct base_error error = BASE_ERROR_INIT;
        struct bench *bench = *state;

        (void) base_error_set(&error, BASE_ERROR_SEALED, "sealed");
        submit(bench, 0, 1);
        submit(bench, 1, 1);
        turn(bench);
        submit(bench, 2, 1);
        finish_quote(bench, &error);
        assert_int_equal(bench->failed, 2);
        turn(bench);
        finish_quote(bench, NULL);
        assert_int_equal(bench->answered, 1);
}

static void quote_that_is_refused_fails_its_batch(void **state)
{
        struct bench *bench = *state;

        bench->refuse = true;
        submit(bench, 0, 1);
        turn(bench);
        assert_int_equal(bench->failed, 1);
        bench->refuse = false;
        submit(bench, 1, 1);
        turn(bench);
        finish_quote(bench, NULL);
        assert_int_equal(bench->answered, 1);
}

static void batch_that_is_full_has_room_for_every_user(void **state)
{
        struct bench *bench = *state;

        for (size_t i = 0; i < 1500; i++)
                submit(bench, i, 1);
        for (size_t i = 1500; i < 1510; i++)
                submit(bench, i, 2);
        turn(bench);
        for (size_t i = 1500; i < 1510; i++)
                assert_non_null(bench->items[i].batch);
        finish_quote(bench, NULL);
        assert_int_equal(bench->sharers, EVIDENCE_TREE_LEAVES_MAX);
        turn(bench);
        finish_quote(bench, NULL);
        assert_int_equal(bench->answered, 1510);
}

/* One quote that took `ms`, after which `exchanges` requests are with their issuers. */
static void after_a_quote_of(struct bench *bench, uint64_t ms, size_t exchanges)
{
        submit(bench, ITEMS_MAX - 1, 1);
        turn(bench);
        bench->now_ms += ms;
        finish_quote(bench, NULL);
        for (size_t i = 0; i < exchanges; i++)
                assert_true(attesterd_batch_exchange_begin(bench->batcher, 1, NULL));
}

static void batch_of_who_lingers_is_full_or_its_time_is_over(void **state)
{
        struct bench *bench = *state;

        after_a_quote_of(bench, 20, 20);
        submit(bench, 0, 1);
        turn(bench);
        assert_int_equal(bench->quotes, 1);
        while (bench->quotes == 1) {
                bench->now_ms += 20;
                assert_true(sd_event_run(bench->event, TURN_USEC) > 0);
        }
        finish_quote(bench, NULL);
        assert_int_equal(bench->sharers, 1);
        after_a_quote_of(bench, LONG_QUOTE_MS, EVIDENCE_TREE_LEAVES_MAX);
        for (size_t i = 0; i < EVIDENCE_TREE_LEAVES_MAX; i++) {
                turn(bench);
                assert_int_equal(bench->quotes, 3);
                submit(bench, i, 1);
        }
        turn(bench);
        assert_int_equal(bench->quotes, 4);
}

static void batch_of_who_lingers_leaves_at_once_for_another_user(void **state)
{
        struct bench *bench = *state;

        after_a_quote_of(bench, LONG_QUOTE_MS, 20);
        submit(bench, 0, 1);
        turn(bench);
        assert_int_equal(bench->quotes, 1);
        submit(bench, 1, 2);
        turn(bench);
        assert_int_equal(bench->quotes, 2);
        finish_quote(bench, NULL);
        assert_int_equal(bench->sharers, 2);
}

static void batch_lingers_no_longer_when_its_last_request_is_taken_back(void **state)
{
        struct bench *bench = *state;

        after_a_quote_of(bench, LONG_QUOTE_MS, 20);
        submit(bench, 0, 1);
        turn(bench);
        attesterd_batch_cancel(bench->batcher, &bench->items[0]);
        for (size_t i = 0; i < 20; i++)
                attesterd_batch_exchange_end(bench->batcher, 1);
        submit(bench, 1, 1);
        turn(bench);
        assert_int_equal(bench->quotes, 2);
}

/* As the daemon does: a request that has its quote is with its issuer before the next quote is thought of. */
static void on_share_then_issuer(void *context, const struct attesterd_batch_share *share, const struct base_error *error)
{
        struct bench *bench = context;

        on_share(context, share, error);
        assert_true(attesterd_batch_exchange_begin(bench->batcher, 1, NULL));
}

static void submit_looping(struct bench *bench, size_t i)
{
        bench->items[i] = (struct attesterd_batch_item){ .callback = on_share_then_issuer, .context = bench };
        assert_true(attesterd_batch_submit(bench->batcher, &bench->items[i], 1, NULL));
}

/* 200 callers ask again as soon as they are answered, and issuers are faster than the TPM. */
static void closed_loop_of_200_shares_each_quote_but_the_first_two(void **state)
{
        enum { CALLERS = 200, ROUNDS = 20 };
        struct bench *bench = *state;

        submit_looping(bench, 0);
        turn(bench);
        for (size_t i = 1; i < CALLERS; i++)
                submit_looping(bench, i);
        for (size_t round = 0; round < ROUNDS; round++) {
                bool quoted[CALLERS];

                for (size_t i = 0; i < CALLERS; i++)
                        quoted[i] = bench->items[i].batch != NULL;
                bench->now_ms += LONG_QUOTE_MS;
                finish_quote(bench, NULL);
                turn(bench);
                if (round >= 2)
                        assert_int_equal(bench->sharers, CALLERS);
                for (size_t i = 0; i < CALLERS; i++) {
                        if (!quoted[i])
                                continue;
                        attesterd_batch_exchange_end(bench->batcher, 1);
                        submit_looping(bench, i);
                        turn(bench);
                }
                /* The last of them may have more to come, for a moment; then another user's coming and going is no reason to
                 * wait. */
                bench->now_ms += 2 * LONG_QUOTE_MS / ATTESTERD_LINGER_TAIL_DIVISOR;
                assert_true(attesterd_batch_exchange_begin(bench->batcher, 2, NULL));
                attesterd_batch_exchange_end(bench->batcher, 2);
                turn(bench);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(submit_to_idle_tpm_is_quoted_at_once, set_up, tear_down),
                cmocka_unit_test_setup_teardown(submit_during_a_quote_shares_the_next, set_up, tear_down),
                cmocka_unit_test_setup_teardown(share_proves_each_leaf_under_the_quoted_root, set_up, tear_down),
                cmocka_unit_test_setup_teardown(cancel_queued_or_quoted_is_not_answered, set_up, tear_down),
                cmocka_unit_test_setup_teardown(cancel_of_all_that_wait_leaves_the_tpm_alone, set_up, tear_down),
                cmocka_unit_test_setup_teardown(quote_that_fails_fails_its_batch_alone, set_up, tear_down),
                cmocka_unit_test_setup_teardown(quote_that_is_refused_fails_its_batch, set_up, tear_down),
                cmocka_unit_test_setup_teardown(batch_that_is_full_has_room_for_every_user, set_up, tear_down),
                cmocka_unit_test_setup_teardown(batch_of_who_lingers_is_full_or_its_time_is_over, set_up, tear_down),
                cmocka_unit_test_setup_teardown(batch_of_who_lingers_leaves_at_once_for_another_user, set_up, tear_down),
                cmocka_unit_test_setup_teardown(batch_lingers_no_longer_when_its_last_request_is_taken_back, set_up, tear_down),
                cmocka_unit_test_setup_teardown(closed_loop_of_200_shares_each_quote_but_the_first_two, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
