/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int fill_facts(void **state)
{
        static struct policy_facts facts; /* lives as long as the group */
        struct policy_origin reported = { .provenance = POLICY_PROVENANCE_REPORTED };
        struct policy_origin measured = { .provenance = POLICY_PROVENANCE_MEASURED };
        struct policy_origin hardware = { .provenance = POLICY_PROVENANCE_HARDWARE };
        bool ok = policy_facts_set_boolean(&facts, "v.true", true, reported, NULL) &&
                  policy_facts_set_boolean(&facts, "v.false", false, reported, NULL) &&
                  policy_facts_set_unreadable(&facts, "v.unknown", "permission denied", reported, NULL) &&
                  policy_facts_set_integer(&facts, "v.seven", 7, reported, NULL) &&
                  policy_facts_set_string(&facts, "v.text", "debian", reported, NULL) &&
                  policy_facts_set_string(&facts, "v.digits", "12.5", reported, NULL) &&
                  policy_facts_set_version(&facts, "v.version", "12.10", reported, NULL) &&
                  policy_facts_set_boolean(&facts, "v.measured", true, measured, NULL) &&
                  policy_facts_set_boolean(&facts, "v.hardware", true, hardware, NULL) &&
                  policy_facts_set_unreadable(&facts, "v.hidden", "no TPM", hardware, NULL);

        *state = &facts;
        return ok ? 0 : -1;
}

static int clear_facts(void **state)
{
        policy_facts_clear(*state);
        return 0;
}

static void expect(void **state, const char *text, enum policy_truth truth, const char *reason)
{
        policy_auto_expression struct policy_expression *expression = NULL;
        char found[POLICY_REASON_BYTES_MAX];
        struct base_error error;
        size_t offset;

        if (!policy_expression_parse(base_bytes_from_string(text), &expression, &offset, &error))
                fail_msg("%s:%zu: %s", text, offset, error.message);
        if (policy_expression_evaluate(expression, *state, NULL) != truth)
                fail_msg("%s is not %d", text, truth);
        assert_int_equal(policy_expression_evaluate(expression, *state, found), truth);
        assert_string_equal(found, reason);
}

static void expect_true(void **state, const char *text)
{
        expect(state, text, POLICY_TRUE, "");
}

static const char *const term_of[] = {
        [POLICY_FALSE] = "v.false",
        [POLICY_TRUE] = "v.true",
        [POLICY_UNKNOWN] = "v.unknown",
};

static enum policy_truth truth_of(void **state, const char *text)
{
        policy_auto_expression struct policy_expression *expression = NULL;
        size_t offset;

        assert_true(policy_expression_parse(base_bytes_from_string(text), &expression, &offset, NULL));
        return policy_expression_evaluate(expression, *state, NULL);
}

static void policy_expression_evaluate_of_two_operands_is_kleenes(void **state)
{
        static const enum policy_truth and_table[3][3] = {
                [POLICY_FALSE] = { POLICY_FALSE, POLICY_FALSE, POLICY_FALSE },
                [POLICY_TRUE] = { POLICY_FALSE, POLICY_TRUE, POLICY_UNKNOWN },
                [POLICY_UNKNOWN] = { POLICY_FALSE, POLICY_UNKNOWN, POLICY_UNKNOWN },
        };
        static const enum policy_truth or_table[3][3] = {
                [POLICY_FALSE] = { POLICY_FALSE, POLICY_TRUE, POLICY_UNKNOWN },
                [POLICY_TRUE] = { POLICY_TRUE, POLICY_TRUE, POLICY_TRUE },
                [POLICY_UNKNOWN] = { POLICY_UNKNOWN, POLICY_TRUE, POLICY_UNKNOWN },
        };
        char text[64];

        for (int a = 0; a < 3; a++) {
                for (int b = 0; b < 3; b++) {
                        (void) snprintf(text, sizeof(text), "%s and %s", term_of[a], term_of[b]);
                        assert_int_equal(truth_of(state, text), and_table[a][b]);
                        (void) snprintf(text, sizeof(text), "%s or %s", term_of[a], term_of[b]);
                        assert_int_equal(truth_of(state, text), or_table[a][b]);
                }
        }
        assert_int_equal(truth_of(state, "not v.true"), POLICY_FALSE);
        assert_int_equal(truth_of(state, "not v.false"), POLICY_TRUE);
        assert_int_equal(truth_of(state, "not v.unknown"), POLICY_UNKNOWN);
}

/* Over all values of a, b and c: `text` must have the value of `same`, in which parentheses say what binds. */
static void expect_same(void **state, const char *text, const char *same)
{
        for (unsigned values = 0; values < 27; values++) {
                const char *terms[] = { term_of[values % 3], term_of[values / 3 % 3], term_of[values / 9] };
                char expanded[2][256];
                const char *const sources[] = { text, same };

                for (size_t i = 0; i < 2; i++) {
                        size_t len = 0;

                        for (const char *at = sources[i]; *at != '\0'; at++) {
                                bool is_term = *at >= 'A' && *at <= 'C';
                                char one[2] = { *at, '\0' };

                                len += (size_t) snprintf(expanded[i] + len, sizeof(expanded[i]) - len, "%s",
                                                         is_term ? terms[*at - 'A'] : one);
                        }
                }
                if (truth_of(state, expanded[0]) != truth_of(state, expanded[1]))
                        fail_msg("%s is not %s", expanded[0], expanded[1]);
        }
}

static void policy_expression_evaluate_of_mixed_operators_binds_as_documented(void **state)
{
        expect_same(state, "A or B and C", "A or (B and C)");
        expect_same(state, "A and B or C", "(A and B) or C");
        expect_same(state, "not A and B", "(not A) and B");
        expect_same(state, "not A or B", "(not A) or B");
        expect_same(state, "not A == true and B", "(not (A == true)) and B");
        expect_same(state, "A and B and C", "A and (B and C)");
        expect_same(state, "A and B and C", "(A and B) and C");
        expect_same(state, "A or B or C", "A or (B or C)");
        expect_same(state, "A or B or C", "(A or B) or C");
        expect_same(state, "not (A or B) and C", "(not A and not B) and C");
        /* The parentheses matter: these pairs differ for some values. */
        assert_int_not_equal(truth_of(state, "v.true or v.true and v.false"), truth_of(state, "(v.true or v.true) and v.false"));
        assert_int_not_equal(truth_of(state, "not v.true and v.false"), truth_of(state, "not (v.true and v.false)"));
}

static void policy_expression_evaluate_of_booleans_compares(void **state)
{
        expect_true(state, "v.true");
        expect_true(state, "v.true == true");
        expect_true(state, "v.false != true");
        expect(state, "v.false", POLICY_FALSE, "v.false is false, needed true");
        expect(state, "not v.true", POLICY_FALSE, "v.true is true, needed false");
        expect(state, "v.true == false", POLICY_FALSE, "v.true is true, needed false");
        expect(state, "v.true != true", POLICY_FALSE, "v.true is true, needed anything but true");
}

static void policy_expression_evaluate_of_integers_compares(void **state)
{
        expect_true(state, "v.seven == 7 and v.seven == 007 and v.seven != 8 and v.seven < 8 and v.seven <= 7");
        expect_true(state, "v.seven > -1 and v.seven >= 7 and v.seven in {1 7}");
        expect_true(state, "v.seven < 9223372036854775807 and v.seven > -9223372036854775808");
        expect(state, "v.seven == 8", POLICY_FALSE, "v.seven is 7, needed 8");
        expect(state, "v.seven != 7", POLICY_FALSE, "v.seven is 7, needed anything but 7");
        expect(state, "v.seven < 7", POLICY_FALSE, "v.seven is 7, needed < 7");
        expect(state, "v.seven <= 6", POLICY_FALSE, "v.seven is 7, needed <= 6");
        expect(state, "v.seven > 7", POLICY_FALSE, "v.seven is 7, needed > 7");
        expect(state, "v.seven >= 8", POLICY_FALSE, "v.seven is 7, needed >= 8");
        expect(state, "v.seven in {1 2}", POLICY_FALSE, "v.seven is 7, needed one of 1 2");
}

static void policy_expression_evaluate_of_negated_comparisons_needs_the_opposite(void **state)
{
        expect(state, "not v.seven == 7", POLICY_FALSE, "v.seven is 7, needed anything but 7");
        expect(state, "not v.seven != 8", POLICY_FALSE, "v.seven is 7, needed 8");
        expect(state, "not v.seven < 8", POLICY_FALSE, "v.seven is 7, needed >= 8");
        expect(state, "not v.seven <= 7", POLICY_FALSE, "v.seven is 7, needed > 7");
        expect(state, "not v.seven > 6", POLICY_FALSE, "v.seven is 7, needed <= 6");
        expect(state, "not v.seven >= 7", POLICY_FALSE, "v.seven is 7, needed < 7");
        expect(state, "not v.seven in {6 7}", POLICY_FALSE, "v.seven is 7, needed none of 6 7");
        expect(state, "not not v.seven > 7", POLICY_FALSE, "v.seven is 7, needed > 7");
}

static void policy_expression_evaluate_of_texts_compares(void **state)
{
        expect_true(state, "v.text == debian and v.text == \"debian\" and v.text != Debian and v.text in {arch debian}");
        expect_true(state, "v.digits == \"12.5\" and v.digits in {\"12.5\"}");
        expect(state, "v.text == arch", POLICY_FALSE, "v.text is debian, needed arch");
        expect(state, "v.text in {arch fedora}", POLICY_FALSE, "v.text is debian, needed one of arch fedora");
        /* Equal as versions, but these are texts. */
        expect(state, "v.digits == \"12.05\"", POLICY_FALSE, "v.digits is 12.5, needed 12.05");
}

static void policy_expression_evaluate_of_versions_compares_by_segments(void **state)
{
        expect_true(state, "v.version >= 12.5 and v.version > 12.9 and v.version < 12.11 and v.version < 13 and v.version > 12");
        expect_true(state, "v.version == 12.10 and v.version == 12.010 and v.version != 12.1 and v.version == \"12.10\"");
        expect_true(state, "v.version in {11 12.10} and v.version >= \"12.9 beta\"");
        expect(state, "v.version >= 12.11", POLICY_FALSE, "v.version is 12.10, needed >= 12.11");
        expect(state, "v.version in {11 12}", POLICY_FALSE, "v.version is 12.10, needed one of 11 12");
}

static void policy_expression_evaluate_of_an_unreadable_fact_is_unknown(void **state)
{
        static const char *const terms[] = {
                "v.unknown",     "not v.unknown",  "v.unknown == true",  "v.unknown != true",      "v.unknown == 7",
                "v.unknown < 7", "v.unknown == x", "v.unknown in {x y}", "not v.unknown in {x y}",
        };

        for (size_t i = 0; i < BASE_COUNT(terms); i++)
                expect(state, terms[i], POLICY_UNKNOWN, "v.unknown could not be read: permission denied");
        expect(state, "v.absent", POLICY_UNKNOWN, "v.absent could not be read: no such fact");
        expect(state, "v.absent != x", POLICY_UNKNOWN, "v.absent could not be read: no such fact");
}

static void policy_expression_evaluate_of_known_and_unreadable_is_never_unknown(void **state)
{
        expect_true(state, "known(v.false) and not known(v.unknown) and not known(v.absent)");
        expect_true(state, "unreadable(v.unknown) and unreadable(v.absent) and not unreadable(v.false)");
        expect_true(state, "unreadable(v.unknown) or v.unknown");
        expect_true(state, "known(v.measured@measured) and not known(v.measured@hardware) and unreadable(v.measured@hardware)");
        expect(state, "known(v.unknown)", POLICY_FALSE, "v.unknown could not be read: permission denied");
        expect(state, "known(v.absent)", POLICY_FALSE, "v.absent could not be read: no such fact");
        expect(state, "unreadable(v.true)", POLICY_FALSE, "v.true could be read");
        expect(state, "not known(v.true)", POLICY_FALSE, "v.true could be read");
        expect(state, "not unreadable(v.unknown)", POLICY_FALSE, "v.unknown could not be read: permission denied");
        expect(state, "known(v.true@hardware)", POLICY_FALSE, "v.true is only reported, needed hardware");
}

static void policy_expression_evaluate_of_another_type_is_unknown(void **state)
{
        expect(state, "v.text", POLICY_UNKNOWN, "v.text is a text (debian), but the rule takes it for true or false");
        expect(state, "not v.seven", POLICY_UNKNOWN, "v.seven is a number (7), but the rule takes it for true or false");
        expect(state, "v.text == 7", POLICY_UNKNOWN, "v.text is a text (debian), but the rule takes it for a number");
        expect(state, "v.text != 7", POLICY_UNKNOWN, "v.text is a text (debian), but the rule takes it for a number");
        expect(state, "not v.text == 7", POLICY_UNKNOWN, "v.text is a text (debian), but the rule takes it for a number");
        expect(state, "v.digits >= 12.5", POLICY_UNKNOWN, "v.digits is a text (12.5), but the rule takes it for a version");
        expect(state, "v.digits >= \"12.5\"", POLICY_UNKNOWN, "v.digits is a text (12.5), but the rule takes it for a version");
        expect(state, "v.seven == seven", POLICY_UNKNOWN, "v.seven is a number (7), but the rule takes it for a text");
        expect(state, "v.seven == \"7\"", POLICY_UNKNOWN, "v.seven is a number (7), but the rule takes it for a text");
        expect(state, "v.seven < 7.5", POLICY_UNKNOWN, "v.seven is a number (7), but the rule takes it for a version");
        expect(state, "v.true == yes", POLICY_UNKNOWN, "v.true is true or false (true), but the rule takes it for a text");
        expect(state, "v.true == 1", POLICY_UNKNOWN, "v.true is true or false (true), but the rule takes it for a number");
        expect(state, "v.version == true", POLICY_UNKNOWN,
               "v.version is a version (12.10), but the rule takes it for true or false");
        expect(state, "v.text in {1 2}", POLICY_UNKNOWN, "v.text is a text (debian), but the rule takes it for a number");
        expect_true(state, "v.text == 7 or v.true");
}

static void policy_expression_evaluate_with_a_provenance_demand_needs_at_least_that(void **state)
{
        expect_true(state, "v.true@reported and v.measured@reported and v.hardware@reported");
        expect_true(state, "v.measured@measured and v.hardware@measured and v.hardware@hardware");
        expect_true(state, "v.hardware@hardware == true");
        expect(state, "v.true@measured", POLICY_UNKNOWN, "v.true is only reported, needed measured");
        expect(state, "v.true@hardware", POLICY_UNKNOWN, "v.true is only reported, needed hardware");
        expect(state, "v.measured@hardware", POLICY_UNKNOWN, "v.measured is only measured, needed hardware");
        expect(state, "v.text@hardware == debian", POLICY_UNKNOWN, "v.text is only reported, needed hardware");
        expect(state, "v.text@hardware in {debian}", POLICY_UNKNOWN, "v.text is only reported, needed hardware");
        /* A weak fact must not pass by being turned round. */
        expect(state, "not v.false@hardware", POLICY_UNKNOWN, "v.false is only reported, needed hardware");
        expect(state, "v.text@hardware != arch", POLICY_UNKNOWN, "v.text is only reported, needed hardware");
        expect(state, "v.hidden@hardware", POLICY_UNKNOWN, "v.hidden could not be read: no TPM");
}

static void policy_expression_evaluate_that_fails_names_the_culprits(void **state)
{
        expect(state, "v.true and v.unknown and v.false", POLICY_FALSE, "v.false is false, needed true");
        expect(state, "v.true and v.unknown", POLICY_UNKNOWN, "v.unknown could not be read: permission denied");
        expect(state, "v.false or v.seven > 9", POLICY_FALSE, "v.false is false, needed true; v.seven is 7, needed > 9");
        expect(state, "v.false or v.unknown", POLICY_UNKNOWN,
               "v.false is false, needed true; v.unknown could not be read: permission denied");
        expect(state, "not (v.true or v.unknown)", POLICY_FALSE, "v.true is true, needed false");
        expect(state, "not (v.unknown or v.unknown)", POLICY_UNKNOWN, "v.unknown could not be read: permission denied");
        expect(state, "not (v.true and v.seven == 7)", POLICY_FALSE,
               "v.true is true, needed false; v.seven is 7, needed anything but 7");
        expect(state, "unreadable(v.false) or v.false", POLICY_FALSE, "v.false is false, needed true");
        expect(state, "unreadable(v.false) or unreadable(v.true)", POLICY_FALSE, "v.false could be read; v.true could be read");
}

static void policy_expression_evaluate_with_a_long_reason_cuts_it(void **state)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(POLICY_EXPRESSION_BYTES_MAX);
        policy_auto_expression struct policy_expression *expression = NULL;
        char reason[POLICY_REASON_BYTES_MAX];
        size_t offset;

        for (int i = 0; i < 100; i++)
                base_buffer_put_string(&text, "v.seven > 70 or ");
        base_buffer_put_string(&text, "v.false");
        assert_true(policy_expression_parse(base_buffer_bytes(&text), &expression, &offset, NULL));
        assert_int_equal(policy_expression_evaluate(expression, *state, reason), POLICY_FALSE);
        assert_int_equal(strlen(reason), POLICY_REASON_BYTES_MAX - 1);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_expression_evaluate_of_two_operands_is_kleenes),
                cmocka_unit_test(policy_expression_evaluate_of_mixed_operators_binds_as_documented),
                cmocka_unit_test(policy_expression_evaluate_of_booleans_compares),
                cmocka_unit_test(policy_expression_evaluate_of_integers_compares),
                cmocka_unit_test(policy_expression_evaluate_of_negated_comparisons_needs_the_opposite),
                cmocka_unit_test(policy_expression_evaluate_of_texts_compares),
                cmocka_unit_test(policy_expression_evaluate_of_versions_compares_by_segments),
                cmocka_unit_test(policy_expression_evaluate_of_an_unreadable_fact_is_unknown),
                cmocka_unit_test(policy_expression_evaluate_of_known_and_unreadable_is_never_unknown),
                cmocka_unit_test(policy_expression_evaluate_of_another_type_is_unknown),
                cmocka_unit_test(policy_expression_evaluate_with_a_provenance_demand_needs_at_least_that),
                cmocka_unit_test(policy_expression_evaluate_that_fails_names_the_culprits),
                cmocka_unit_test(policy_expression_evaluate_with_a_long_reason_cuts_it),
        };

        return cmocka_run_group_tests(tests, fill_facts, clear_facts);
}
