/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a rule that make it hold for some devices, some issuers or only after a while. */
#include "policy/policy.h"
#include "policy/rollout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1760000000ULL
#define DAY 86400ULL

static struct policy *load(const char *text)
{
        struct policy *policy;
        struct base_error error;

        if (!policy_load_buffer("p.conf", base_bytes_from_string(text), NULL, &policy, &error))
                fail_msg("%s", error.message);
        return policy;
}

static uint64_t fail_at(struct policy_graces *graces, uint64_t now)
{
        uint64_t left;

        assert_true(policy_graces_note_failure(graces, "a", 7 * DAY, now, &left, NULL));
        return left;
}

static void policy_graces_note_failure_counts_from_the_first(void **state)
{
        policy_auto_graces struct policy_graces graces = POLICY_GRACES_INIT;

        assert_int_equal(fail_at(&graces, NOW), 7 * DAY);
        assert_true(graces.changed);
        policy_graces_settle(&graces);
        assert_int_equal(fail_at(&graces, NOW + 3 * DAY), 4 * DAY);
        assert_false(graces.changed);
        assert_int_equal(fail_at(&graces, NOW + 7 * DAY - 1), 1);
        assert_int_equal(fail_at(&graces, NOW + 7 * DAY), 0);
        assert_int_equal(fail_at(&graces, NOW + 700 * DAY), 0);
}

/* Neither passing for a moment nor staying away nor asking often begins it anew. */
static void policy_graces_note_pass_for_a_moment_gains_nothing(void **state)
{
        policy_auto_graces struct policy_graces graces = POLICY_GRACES_INIT;

        (void) fail_at(&graces, NOW);
        policy_graces_note_pass(&graces, "a", 7 * DAY, NOW + DAY);
        assert_int_equal(fail_at(&graces, NOW + 2 * DAY), 5 * DAY);
        policy_graces_note_pass(&graces, "a", 7 * DAY, NOW + 3 * DAY);
        policy_graces_note_pass(&graces, "a", 7 * DAY, NOW + 9 * DAY);
        assert_int_equal(fail_at(&graces, NOW + 9 * DAY + 1), 0);
        assert_int_equal(fail_at(&graces, NOW + 90 * DAY), 0);
}

static void policy_graces_note_pass_for_as_long_as_the_grace_begins_anew(void **state)
{
        policy_auto_graces struct policy_graces graces = POLICY_GRACES_INIT;

        (void) fail_at(&graces, NOW);
        policy_graces_note_pass(&graces, "a", 7 * DAY, NOW + DAY);
        assert_int_equal(fail_at(&graces, NOW + 8 * DAY), 7 * DAY);
        assert_int_equal(fail_at(&graces, NOW + 9 * DAY), 6 * DAY);
        policy_graces_note_pass(&graces, "a", 7 * DAY, NOW + 10 * DAY);
        policy_graces_note_pass(&graces, "a", 7 * DAY, NOW + 17 * DAY);
        assert_int_equal(graces.items[0].failing_since, 0);
        policy_graces_settle(&graces);
        assert_int_equal(graces.count, 0);
        policy_graces_note_pass(&graces, "a", 7 * DAY, NOW + 18 * DAY);
        assert_int_equal(graces.count, 0);
}

static void policy_graces_of_a_clock_set_back_count_from_now_at_the_latest(void **state)
{
        policy_auto_graces struct policy_graces graces = POLICY_GRACES_INIT;

        (void) fail_at(&graces, NOW);
        assert_int_equal(fail_at(&graces, NOW - 100 * DAY), 7 * DAY);
        assert_int_equal(fail_at(&graces, NOW - 93 * DAY), 0);
        policy_graces_note_pass(&graces, "a", 7 * DAY, NOW);
        assert_int_equal(fail_at(&graces, NOW - 200 * DAY), 7 * DAY);
}

static void policy_graces_shift_moves_with_the_clock(void **state)
{
        policy_auto_graces struct policy_graces graces = POLICY_GRACES_INIT;

        (void) fail_at(&graces, NOW);
        policy_graces_shift(&graces, (int64_t) (1000 * DAY));
        assert_int_equal(fail_at(&graces, NOW + 1003 * DAY), 4 * DAY);
        policy_graces_shift(&graces, -(int64_t) (1000 * DAY));
        assert_int_equal(fail_at(&graces, NOW + 3 * DAY), 4 * DAY);
        policy_graces_shift(&graces, INT64_MIN + 1);
        assert_int_equal(graces.items[0].failing_since, 1);
        assert_int_equal(graces.items[0].passing_since, 0);
}

static void policy_graces_add_of_nonsense_is_refused(void **state)
{
        policy_auto_graces struct policy_graces graces = POLICY_GRACES_INIT;
        struct base_error error;
        char name[16];
        uint64_t left;

        assert_true(policy_graces_add(&graces, "a", NOW, 0, NULL));
        assert_false(policy_graces_add(&graces, "a", NOW, 0, &error));
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
        assert_false(policy_graces_add(&graces, "b c", NOW, 0, NULL));
        assert_false(policy_graces_add(&graces, "b", 0, 0, NULL));
        for (unsigned i = 1; i < POLICY_GRACES_MAX; i++) {
                (void) snprintf(name, sizeof(name), "r%u", i);
                assert_true(policy_graces_add(&graces, name, NOW, 0, NULL));
        }
        assert_false(policy_graces_add(&graces, "more", NOW, 0, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
        assert_true(policy_graces_note_failure(&graces, "more", 7, NOW, &left, NULL));
        assert_int_equal(left, 0);
        assert_non_null(policy_graces_find(&graces, "r9"));
        assert_null(policy_graces_find(&graces, "more"));
}

static void policy_evaluate_of_a_rule_in_grace_does_not_fail(void **state)
{
        policy_auto_policy struct policy *policy = load(
                "[Rule a]\nRequire=custom.a\nGrace=2d\n[Rule b]\nRequire=known(custom.b)\n");
        policy_auto_graces struct policy_graces graces = POLICY_GRACES_INIT;
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        struct policy_context context = { .now = NOW, .graces = &graces };
        const struct policy_origin origin = { .source = "" };

        assert_true(policy_facts_set_boolean(&facts, "custom.b", true, origin, NULL));
        assert_true(policy_has_grace(policy));
        for (int round = 0; round < 3; round++) {
                policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;

                assert_true(policy_evaluate(policy, &facts, &context, &results, NULL));
                assert_int_equal(results.pass, round < 2);
                assert_int_equal(results.items[0].outcome, round < 2 ? POLICY_OUTCOME_GRACE : POLICY_OUTCOME_FAIL);
                if (round == 1) {
                        assert_string_equal(results.items[0].reason,
                                            "custom.a could not be read: no such fact; it is let pass for 1d");
                        assert_string_equal(results.summary, "no rule fails: 1 pass, 0 warn, 1 in grace, 0 do not apply");
                }
                context.now += DAY;
        }
}

static void policy_evaluate_without_a_memory_grants_no_grace(void **state)
{
        policy_auto_policy struct policy *policy = load("[Rule a]\nRequire=custom.a\nGrace=2d\n");
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        assert_true(policy_evaluate(policy, &facts, NULL, &results, NULL));
        assert_int_equal(results.items[0].outcome, POLICY_OUTCOME_FAIL);
}

static void policy_evaluate_of_another_issuers_rule_skips_it(void **state)
{
        policy_auto_policy struct policy *policy = load("[Rule a]\nRequire=custom.a\nIssuer=a.example\n");
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        static const struct {
                const char *issuer;
                enum policy_outcome outcome;
        } cases[] = {
                { NULL, POLICY_OUTCOME_SKIPPED },
                { "", POLICY_OUTCOME_SKIPPED },
                { "b.example", POLICY_OUTCOME_SKIPPED },
                { "a.example", POLICY_OUTCOME_FAIL },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                const struct policy_context context = { .issuer = cases[i].issuer };
                policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;

                assert_true(policy_evaluate(policy, &facts, &context, &results, NULL));
                assert_int_equal(results.items[0].outcome, cases[i].outcome);
        }
}

static bool includes(const char *rule, unsigned percent, unsigned device)
{
        char id[16];
        bool in;

        (void) snprintf(id, sizeof(id), "%08x", device);
        assert_true(policy_rollout_includes(rule, percent, base_bytes_from_string(id), &in, NULL));
        return in;
}

static void policy_rollout_includes_as_many_devices_as_it_says_and_keeps_them(void **state)
{
        unsigned in_ten = 0, in_both = 0;

        for (unsigned device = 0; device < 10000; device++) {
                bool ten = includes("a", 10, device);

                in_ten += ten;
                in_both += ten && includes("b", 10, device);
                assert_false(includes("a", 0, device));
                assert_true(includes("a", 100, device));
                assert_true(!ten || includes("a", 11, device));
                assert_int_equal(ten, includes("a", 10, device));
        }
        assert_in_range(in_ten, 850, 1150);
        assert_in_range(in_both, 50, 150);
}

static void policy_rollout_includes_a_device_without_an_id(void **state)
{
        bool in = false;

        assert_true(policy_rollout_includes("a", 0, BASE_BYTES(NULL, 0), &in, NULL));
        assert_true(in);
}

static void policy_load_of_the_keys_reads_and_takes_back(void **state)
{
        policy_auto_policy struct policy *policy = load(
                "[Rule a]\nRequire=custom.a\nGrace=12h\nRollout=10%\nIssuer=a.example:8443\n"
                "[Rule b]\nRequire=custom.a\nGrace=\nRollout=\nIssuer=\n");
        policy_auto_policy struct policy *other = load(
                "[Rule a]\nRequire=custom.a\nGrace=12h\nRollout=11%\nIssuer=a.example:8443\n"
                "[Rule b]\nRequire=custom.a\n");

        assert_int_equal(policy->rules[0].grace_s, 12 * 60 * 60);
        assert_int_equal(policy->rules[0].rollout_percent, 10);
        assert_string_equal(policy->rules[0].issuer, "a.example:8443");
        assert_int_equal(policy->rules[1].grace_s, 0);
        assert_int_equal(policy->rules[1].rollout_percent, POLICY_ROLLOUT_ALL);
        assert_null(policy->rules[1].issuer);
        assert_memory_not_equal(policy->digest, other->digest, sizeof(policy->digest));
}

static void policy_load_of_wrong_values_names_them(void **state)
{
        static const char *const lines[] = {
                "Grace=7",      "Grace=-1d",  "Grace=0s",     "Grace=367d",      "Grace=99999999999999999999w",
                "Grace=soon",   "Rollout=10", "Rollout=101%", "Rollout=1000%",   "Rollout=-1%",
                "Rollout=1.5%", "Rollout=%",  "Issuer=a b",   "Issuer=\xc3\xa4",
        };

        for (size_t i = 0; i < BASE_COUNT(lines); i++) {
                struct policy *policy;
                struct base_error error;
                char text[128], expected[32];

                (void) snprintf(text, sizeof(text), "[Rule a]\nRequire=custom.a\n%s\n", lines[i]);
                (void) snprintf(expected, sizeof(expected), "p.conf:3:%zu: %.5s", strcspn(lines[i], "=") + 2, lines[i]);
                assert_false(policy_load_buffer("p.conf", base_bytes_from_string(text), NULL, &policy, &error));
                assert_int_equal(error.code, BASE_ERROR_POLICY_INVALID);
                assert_memory_equal(error.message, expected, strlen(expected));
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_graces_note_failure_counts_from_the_first),
                cmocka_unit_test(policy_graces_note_pass_for_a_moment_gains_nothing),
                cmocka_unit_test(policy_graces_note_pass_for_as_long_as_the_grace_begins_anew),
                cmocka_unit_test(policy_graces_of_a_clock_set_back_count_from_now_at_the_latest),
                cmocka_unit_test(policy_graces_shift_moves_with_the_clock),
                cmocka_unit_test(policy_graces_add_of_nonsense_is_refused),
                cmocka_unit_test(policy_evaluate_of_a_rule_in_grace_does_not_fail),
                cmocka_unit_test(policy_evaluate_without_a_memory_grants_no_grace),
                cmocka_unit_test(policy_evaluate_of_another_issuers_rule_skips_it),
                cmocka_unit_test(policy_rollout_includes_as_many_devices_as_it_says_and_keeps_them),
                cmocka_unit_test(policy_rollout_includes_a_device_without_an_id),
                cmocka_unit_test(policy_load_of_the_keys_reads_and_takes_back),
                cmocka_unit_test(policy_load_of_wrong_values_names_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
