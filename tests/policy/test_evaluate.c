/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct policy *load(const char *text)
{
        struct policy *policy;
        struct base_error error;

        if (!policy_load_buffer("p.conf", base_bytes_from_string(text), NULL, &policy, &error))
                fail_msg("%s", error.message);
        return policy;
}

static void fill(struct policy_facts *facts)
{
        struct policy_origin origin = { .provenance = POLICY_PROVENANCE_REPORTED };

        assert_true(policy_facts_set_boolean(facts, "custom.true", true, origin, NULL));
        assert_true(policy_facts_set_boolean(facts, "custom.false", false, origin, NULL));
        assert_true(policy_facts_set_unreadable(facts, "custom.unknown", "not now", origin, NULL));
        assert_true(policy_facts_set_version(facts, "os.version", "11.9", origin, NULL));
}

static void policy_evaluate_of_an_empty_policy_passes_and_says_so(void **state)
{
        policy_auto_policy struct policy *policy = load("");
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;

        assert_true(policy_evaluate(policy, &facts, NULL, &results, NULL));
        assert_true(results.pass);
        assert_int_equal(results.count, 0);
        assert_string_equal(results.summary, "the policy has no rules");
}

static void policy_evaluate_of_rules_that_pass_has_no_reasons(void **state)
{
        policy_auto_policy struct policy *policy = load("[Rule a]\nRequire=custom.true\n[Rule b]\nRequire=not custom.false\n");
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;

        fill(&facts);
        assert_true(policy_evaluate(policy, &facts, NULL, &results, NULL));
        assert_true(results.pass);
        assert_int_equal(results.count, 2);
        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(results.items[i].outcome, POLICY_OUTCOME_PASS);
                assert_null(results.items[i].reason);
                assert_ptr_equal(results.items[i].rule, &policy->rules[i]);
        }
        assert_string_equal(results.summary, "all 2 rules pass");
}

static void policy_evaluate_of_a_rule_that_fails_gives_reason_and_remedy(void **state)
{
        policy_auto_policy struct policy *policy = load(
                "[Rule os]\nRequire=os.version >= 12.5\nRemedy=Update.\n"
                "[Rule disk]\nRequire=custom.unknown\n[Rule fine]\nRequire=custom.true\n");
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;

        fill(&facts);
        assert_true(policy_evaluate(policy, &facts, NULL, &results, NULL));
        assert_false(results.pass);
        assert_int_equal(results.failed, 2);
        assert_int_equal(results.items[0].outcome, POLICY_OUTCOME_FAIL);
        assert_string_equal(results.items[0].rule->name, "os");
        assert_string_equal(results.items[0].rule->remedy, "Update.");
        assert_string_equal(results.items[0].reason, "os.version is 11.9, needed >= 12.5");
        assert_int_equal(results.items[1].outcome, POLICY_OUTCOME_FAIL);
        assert_string_equal(results.items[1].reason, "custom.unknown could not be read: not now");
        assert_int_equal(results.items[2].outcome, POLICY_OUTCOME_PASS);
        assert_string_equal(results.summary, "2 of 3 rules fail");
}

static void expect_outcome(const char *when, const char *require, enum policy_outcome outcome)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;
        policy_auto_policy struct policy *policy = NULL;
        char text[256];

        fill(&facts);
        (void) snprintf(text, sizeof(text), "[Rule a]\nWhen=%s\nRequire=%s\n", when, require);
        policy = load(text);
        assert_true(policy_evaluate(policy, &facts, NULL, &results, NULL));
        assert_int_equal(results.items[0].outcome, outcome);
        assert_int_equal(results.pass, outcome != POLICY_OUTCOME_FAIL);
        assert_int_equal(results.skipped, outcome == POLICY_OUTCOME_SKIPPED);
}

static void policy_evaluate_with_when_skips_only_if_it_is_false(void **state)
{
        expect_outcome("custom.true", "custom.true", POLICY_OUTCOME_PASS);
        expect_outcome("custom.true", "custom.false", POLICY_OUTCOME_FAIL);
        expect_outcome("custom.true", "custom.unknown", POLICY_OUTCOME_FAIL);
        expect_outcome("custom.false", "custom.true", POLICY_OUTCOME_SKIPPED);
        expect_outcome("custom.false", "custom.false", POLICY_OUTCOME_SKIPPED);
        expect_outcome("custom.unknown", "custom.true", POLICY_OUTCOME_PASS);
        expect_outcome("custom.unknown", "custom.false", POLICY_OUTCOME_FAIL);
        expect_outcome("custom.absent", "custom.false", POLICY_OUTCOME_FAIL);
        expect_outcome("", "custom.false", POLICY_OUTCOME_FAIL);
}

static void policy_evaluate_of_a_warning_does_not_fail(void **state)
{
        policy_auto_policy struct policy *policy = load(
                "[Rule a]\nRequire=custom.false\nSeverity=warn\n[Rule b]\nRequire=custom.true\nSeverity=warn\n"
                "[Rule c]\nRequire=custom.unknown\nSeverity=warn\n[Rule d]\nWhen=custom.false\nRequire=custom.false\n");
        policy_auto_policy struct policy *strict = load(
                "[Rule a]\nRequire=custom.false\nSeverity=warn\n[Rule b]\nRequire=custom.false\n");
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;

        fill(&facts);
        assert_true(policy_evaluate(policy, &facts, NULL, &results, NULL));
        assert_true(results.pass);
        assert_int_equal(results.failed, 0);
        assert_int_equal(results.warned, 2);
        assert_int_equal(results.items[0].outcome, POLICY_OUTCOME_WARN);
        assert_string_equal(results.items[0].reason, "custom.false is false, needed true");
        assert_int_equal(results.items[1].outcome, POLICY_OUTCOME_PASS);
        assert_int_equal(results.items[2].outcome, POLICY_OUTCOME_WARN);
        assert_string_equal(results.summary, "no rule fails: 1 pass, 2 warn, 1 do not apply");
        policy_results_clear(&results);
        assert_true(policy_evaluate(strict, &facts, NULL, &results, NULL));
        assert_false(results.pass);
        assert_string_equal(results.summary, "1 of 2 rules fail");
}

static void policy_evaluate_of_a_skipped_rule_says_why(void **state)
{
        policy_auto_policy struct policy *policy = load(
                "[Rule a]\nWhen=custom.false\nRequire=custom.false\n[Rule b]\nRequire=custom.true\n");
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        policy_auto_results struct policy_results results = POLICY_RESULTS_INIT;

        fill(&facts);
        assert_true(policy_evaluate(policy, &facts, NULL, &results, NULL));
        assert_true(results.pass);
        assert_string_equal(results.items[0].reason, "does not apply: custom.false is false, needed true");
        assert_string_equal(results.summary, "all rules that apply pass: 1 pass, 1 do not apply");
}

static void policy_results_clear_twice_is_harmless(void **state)
{
        policy_auto_policy struct policy *policy = load("[Rule a]\nRequire=custom.y\n");
        struct policy_facts facts = POLICY_FACTS_INIT;
        struct policy_results results = POLICY_RESULTS_INIT;

        assert_true(policy_evaluate(policy, &facts, NULL, &results, NULL));
        policy_results_clear(&results);
        assert_int_equal(results.count, 0);
        policy_results_clear(&results);
        policy_results_clear(NULL);
        policy_free(NULL);
}

static void policy_outcome_name_of_each_outcome_is_its_own(void **state)
{
        assert_string_equal(policy_outcome_name(POLICY_OUTCOME_PASS), "pass");
        assert_string_equal(policy_outcome_name(POLICY_OUTCOME_FAIL), "fail");
        assert_string_equal(policy_outcome_name(POLICY_OUTCOME_SKIPPED), "skipped");
        assert_string_equal(policy_outcome_name(POLICY_OUTCOME_WARN), "warn");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_evaluate_of_an_empty_policy_passes_and_says_so),
                cmocka_unit_test(policy_evaluate_of_rules_that_pass_has_no_reasons),
                cmocka_unit_test(policy_evaluate_of_a_rule_that_fails_gives_reason_and_remedy),
                cmocka_unit_test(policy_evaluate_with_when_skips_only_if_it_is_false),
                cmocka_unit_test(policy_evaluate_of_a_warning_does_not_fail),
                cmocka_unit_test(policy_evaluate_of_a_skipped_rule_says_why),
                cmocka_unit_test(policy_results_clear_twice_is_harmless),
                cmocka_unit_test(policy_outcome_name_of_each_outcome_is_its_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
