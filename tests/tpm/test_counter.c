/* SPDX-License-Identifier: BSD-2-Clause */
/* The counter for policy bundles, and what an administrator of the TPM can do to it. */
#include "tests/cmocka.h"
#include "tests/tpm/fixture.h"

#include <string.h>

#define INDEX      "0x01a77e57"
#define MARK_INDEX "0x01a77e58"
#define OUTPUT_MAX 512

static void on_counter(void *context, const struct tpm_counter *counter, const struct base_error *error)
{
        struct answer *answer = context;

        assert_true((counter == NULL) == (error != NULL));
        answer->came = true;
        if (error != NULL)
                answer->error = *error;
        else
                answer->counter = *counter;
}

/* Waits; the value, or a code that is not NONE. */
static enum base_error_code step(struct fixture *fixture, enum tpm_counter_step step, uint64_t *ret, struct base_error *error)
{
        struct answer answer = { .came = false };

        assert_true(tpm_worker_counter(fixture->worker, step, NULL, on_counter, &answer, NULL));
        fixture_wait(fixture, &answer);
        *ret = answer.counter.value;
        *error = answer.error;
        return answer.error.code;
}

static uint64_t count(struct fixture *fixture, enum tpm_counter_step what)
{
        struct base_error error;
        uint64_t value;

        if (step(fixture, what, &value, &error) != BASE_ERROR_NONE)
                fail_msg("%s", error.message);
        return value;
}

static void assert_fails(struct fixture *fixture, enum tpm_counter_step what, enum base_error_code code, const char *word)
{
        struct base_error error;
        uint64_t value;

        assert_int_equal(step(fixture, what, &value, &error), code);
        assert_non_null(strstr(error.message, word));
}

static bool tool(struct fixture *fixture, const char *const arguments[])
{
        char output[OUTPUT_MAX];

        return swtpm_command(&fixture->tpm, output, sizeof(output), arguments) == 0;
}

static int start(void **state)
{
        static struct fixture fixture;

        fixture_start(&fixture, false);
        fixture_worker(&fixture, fixture.tpm.tcti);
        *state = &fixture;
        return 0;
}

static int end(void **state)
{
        fixture_end(*state);
        return 0;
}

static void increment_without_a_counter_is_not_found(void **state)
{
        assert_fails(*state, TPM_COUNTER_READ, BASE_ERROR_NOT_FOUND, "no counter");
        assert_fails(*state, TPM_COUNTER_INCREMENT, BASE_ERROR_NOT_FOUND, "no counter");
}

static void prepare_makes_one_that_increment_counts_up(void **state)
{
        struct fixture *fixture = *state;
        uint64_t first = count(fixture, TPM_COUNTER_PREPARE);

        assert_int_equal(count(fixture, TPM_COUNTER_PREPARE), first);
        assert_int_equal(count(fixture, TPM_COUNTER_INCREMENT), first + 1);
        assert_int_equal(count(fixture, TPM_COUNTER_READ), first + 1);
        fixture_worker_end(fixture);
        swtpm_restart(&fixture->tpm);
        fixture_worker(fixture, fixture->tpm.tcti);
        assert_int_equal(count(fixture, TPM_COUNTER_READ), first + 1);
}

static struct tpm_counter step_marked(struct fixture *fixture, enum tpm_counter_step what, const struct tpm_counter_mark *mark)
{
        struct answer answer = { .came = false };

        assert_true(tpm_worker_counter(fixture->worker, what, mark, on_counter, &answer, NULL));
        fixture_wait(fixture, &answer);
        if (answer.error.code != BASE_ERROR_NONE)
                fail_msg("%s", answer.error.message);
        return answer.counter;
}

static void increment_leaves_its_mark_until_the_next_one(void **state)
{
        static const struct tpm_counter_mark marks[] = { { .fleet = "one", .version = 7 }, { .fleet = "two", .version = 3 } };
        struct fixture *fixture = *state;
        struct tpm_counter counter = step_marked(fixture, TPM_COUNTER_PREPARE, &marks[0]);
        uint64_t before = counter.value;

        assert_false(counter.marked);
        for (size_t i = 0; i < 2; i++) {
                counter = step_marked(fixture, TPM_COUNTER_INCREMENT, &marks[i]);
                assert_true(counter.marked);
                assert_memory_equal(&counter.mark, &marks[i], sizeof(marks[i]));
        }
        assert_int_equal(counter.value, before + 2);
        assert_true(step_marked(fixture, TPM_COUNTER_INCREMENT, NULL).marked);
        counter = step_marked(fixture, TPM_COUNTER_READ, NULL);
        assert_int_equal(counter.value, before + 3);
        assert_memory_equal(&counter.mark, &marks[1], sizeof(marks[1]));
        assert_true(tool(fixture, (const char *[]){ "tpm2_nvundefine", "-C", "o", MARK_INDEX, NULL }));
        assert_false(step_marked(fixture, TPM_COUNTER_READ, NULL).marked);
        assert_int_equal(step_marked(fixture, TPM_COUNTER_INCREMENT, &marks[0]).mark.version, 7);
}

/* Nobody can set it, and who removes it and makes it again gets a higher one. */
static void read_of_a_counter_made_again_is_higher(void **state)
{
        struct fixture *fixture = *state;
        uint64_t before = count(fixture, TPM_COUNTER_PREPARE);

        assert_false(tool(fixture, (const char *[]){ "tpm2_nvwrite", "-C", "o", "-i", "/proc/sys/vm/swappiness", INDEX, NULL }));
        assert_true(tool(fixture, (const char *[]){ "tpm2_nvundefine", "-C", "o", INDEX, NULL }));
        assert_fails(fixture, TPM_COUNTER_READ, BASE_ERROR_NOT_FOUND, "no counter");
        assert_true(count(fixture, TPM_COUNTER_PREPARE) > before);
}

static void any_step_with_another_kind_of_index_is_tpm_failed(void **state)
{
        struct fixture *fixture = *state;

        (void) tool(fixture, (const char *[]){ "tpm2_nvundefine", "-C", "o", INDEX, NULL });
        assert_true(tool(fixture, (const char *[]){ "tpm2_nvdefine", "-C", "o", "-s", "8", INDEX, NULL }));
        assert_true(tool(fixture, (const char *[]){ "tpm2_nvwrite", "-C", "o", "-i", "/proc/sys/vm/swappiness", INDEX, NULL }));
        assert_fails(fixture, TPM_COUNTER_READ, BASE_ERROR_TPM_FAILED, INDEX);
        assert_fails(fixture, TPM_COUNTER_PREPARE, BASE_ERROR_TPM_FAILED, "something else");
        assert_true(tool(fixture, (const char *[]){ "tpm2_nvundefine", "-C", "o", INDEX, NULL }));
}

static void prepare_under_an_owner_password_is_tpm_failed(void **state)
{
        struct fixture *fixture = *state;
        uint64_t before;

        assert_true(tool(fixture, (const char *[]){ "tpm2_changeauth", "-c", "o", "mine", NULL }));
        assert_fails(fixture, TPM_COUNTER_PREPARE, BASE_ERROR_TPM_FAILED, "password");
        assert_true(tool(fixture, (const char *[]){ "tpm2_changeauth", "-c", "o", "-p", "mine", NULL }));
        before = count(fixture, TPM_COUNTER_PREPARE);
        /* One that is there goes on without the owner. */
        assert_true(tool(fixture, (const char *[]){ "tpm2_changeauth", "-c", "o", "mine", NULL }));
        assert_int_equal(count(fixture, TPM_COUNTER_INCREMENT), before + 1);
        assert_true(tool(fixture, (const char *[]){ "tpm2_changeauth", "-c", "o", "-p", "mine", NULL }));
}

static void read_after_the_tpm_was_cleared_is_not_found(void **state)
{
        struct fixture *fixture = *state;
        uint64_t before = count(fixture, TPM_COUNTER_PREPARE);

        assert_true(tool(fixture, (const char *[]){ "tpm2_clear", "-c", "p", NULL }));
        assert_fails(fixture, TPM_COUNTER_READ, BASE_ERROR_NOT_FOUND, "no counter");
        assert_true(count(fixture, TPM_COUNTER_PREPARE) > before);
}

static void read_without_a_tpm_is_tpm_unavailable(void **state)
{
        struct fixture *fixture = *state;

        swtpm_stop(&fixture->tpm);
        assert_fails(fixture, TPM_COUNTER_READ, BASE_ERROR_TPM_UNAVAILABLE, "TPM");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(increment_without_a_counter_is_not_found),
                cmocka_unit_test(prepare_makes_one_that_increment_counts_up),
                cmocka_unit_test(increment_leaves_its_mark_until_the_next_one),
                cmocka_unit_test(read_of_a_counter_made_again_is_higher),
                cmocka_unit_test(any_step_with_another_kind_of_index_is_tpm_failed),
                cmocka_unit_test(prepare_under_an_owner_password_is_tpm_failed),
                cmocka_unit_test(read_after_the_tpm_was_cleared_is_not_found),
                cmocka_unit_test(read_without_a_tpm_is_tpm_unavailable),
        };

        return cmocka_run_group_tests(tests, start, end);
}
