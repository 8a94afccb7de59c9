/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct policy_origin reported = { .provenance = POLICY_PROVENANCE_REPORTED, .source = "/a/file" };

static void policy_fact_name_valid_of_dotted_names_is_true(void **state)
{
        assert_true(policy_fact_name_valid("os.id"));
        assert_true(policy_fact_name_valid("a.b"));
        assert_true(policy_fact_name_valid("os.updates.security"));
        assert_true(policy_fact_name_valid("custom.9-a_b"));
        assert_true(policy_fact_name_valid("a1_b.-"));
        assert_true(policy_fact_name_valid("a.23456789012345678901234567890123456789012345678901234567890123"));
}

static void policy_fact_name_valid_of_anything_else_is_false(void **state)
{
        static const char *const bad[] = {
                "",       "os",     ".",      "os.",         ".id",
                "os..id", "Os.id",  "os.Id",  "1os.id",      "_os.id",
                "o-s.id", "os.i d", "os.id ", "os.\xc3\xa9", "a.234567890123456789012345678901234567890123456789012345678901234",
        };

        for (size_t i = 0; i < BASE_COUNT(bad); i++)
                if (policy_fact_name_valid(bad[i]))
                        fail_msg("\"%s\"", bad[i]);
}

static void policy_facts_set_of_each_type_is_found(void **state)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        struct policy_origin hardware = { .provenance = POLICY_PROVENANCE_HARDWARE };
        const struct policy_fact *fact;
        struct base_error error;

        assert_true(policy_facts_set_boolean(&facts, "x.boolean", true, hardware, &error));
        assert_true(policy_facts_set_integer(&facts, "x.integer", INT64_MIN, reported, &error));
        assert_true(policy_facts_set_string(&facts, "x.string", "", reported, &error));
        assert_true(policy_facts_set_version(&facts, "x.version", "12.5", reported, &error));
        assert_true(policy_facts_set_unreadable(&facts, "x.unreadable", "permission denied", reported, &error));
        assert_int_equal(facts.count, 5);

        fact = policy_facts_find(&facts, "x.boolean");
        assert_int_equal(fact->type, POLICY_FACT_BOOLEAN);
        assert_int_equal(fact->provenance, POLICY_PROVENANCE_HARDWARE);
        assert_true(fact->boolean);
        assert_null(fact->text);
        assert_string_equal(fact->source, "");
        fact = policy_facts_find(&facts, "x.integer");
        assert_int_equal(fact->type, POLICY_FACT_INTEGER);
        assert_true(fact->integer == INT64_MIN);
        assert_string_equal(fact->source, "/a/file");
        fact = policy_facts_find(&facts, "x.string");
        assert_int_equal(fact->type, POLICY_FACT_STRING);
        assert_string_equal(fact->text, "");
        fact = policy_facts_find(&facts, "x.version");
        assert_int_equal(fact->type, POLICY_FACT_VERSION);
        assert_string_equal(fact->text, "12.5");
        fact = policy_facts_find(&facts, "x.unreadable");
        assert_int_equal(fact->type, POLICY_FACT_UNREADABLE);
        assert_string_equal(fact->text, "permission denied");
        assert_null(policy_facts_find(&facts, "x.absent"));
}

static void policy_facts_set_in_any_order_iterates_by_name(void **state)
{
        static const char *const names[] = { "m.a", "z.a", "a.a", "m.b", "a-.", "m.0", "a.b", "zz.a" };
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        for (size_t i = 0; i < BASE_COUNT(names); i++)
                assert_int_equal(policy_facts_set_integer(&facts, names[i], (int64_t) i, reported, NULL),
                                 strcmp(names[i], "a-.") != 0);
        assert_int_equal(facts.count, BASE_COUNT(names) - 1);
        for (size_t i = 1; i < facts.count; i++)
                assert_true(strcmp(facts.items[i - 1].name, facts.items[i].name) < 0);
}

static void policy_facts_set_of_a_known_name_replaces_it(void **state)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        const struct policy_fact *fact;
        struct base_error error;

        assert_true(policy_facts_set_string(&facts, "x.a", "old",
                                            (struct policy_origin){ .provenance = POLICY_PROVENANCE_HARDWARE }, &error));
        assert_true(policy_facts_set_boolean(&facts, "x.a", true, reported, &error));
        assert_int_equal(facts.count, 1);
        fact = policy_facts_find(&facts, "x.a");
        assert_int_equal(fact->type, POLICY_FACT_BOOLEAN);
        assert_int_equal(fact->provenance, POLICY_PROVENANCE_REPORTED);
        assert_null(fact->text);
        /* A fact may be set from the set itself. */
        assert_true(policy_facts_set(&facts, fact, &error));
        assert_true(policy_facts_find(&facts, "x.a")->boolean);
}

static void policy_facts_set_of_bad_input_changes_nothing(void **state)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        char text[POLICY_FACT_TEXT_BYTES_MAX + 2];
        char source[POLICY_FACT_SOURCE_BYTES_MAX + 2];
        struct policy_fact fact = { .name = "x.a", .type = POLICY_FACT_STRING, .source = "" };
        struct base_error error;

        memset(text, 't', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        memset(source, 's', sizeof(source) - 1);
        source[sizeof(source) - 1] = '\0';
        assert_false(policy_facts_set_boolean(&facts, "bad", true, reported, &error));
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
        assert_false(policy_facts_set_string(&facts, "x.a", "\xff", reported, &error));
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
        assert_string_equal(error.message, "the value of fact x.a is not UTF-8 text without control characters");
        assert_false(policy_facts_set_version(&facts, "x.a", "1\n2", reported, &error));
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
        assert_false(policy_facts_set_string(&facts, "x.a", text, reported, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
        assert_false(policy_facts_set_boolean(&facts, "x.a", true, (struct policy_origin){ .source = source }, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
        assert_false(policy_facts_set_boolean(&facts, "x.a", true, (struct policy_origin){ .source = "\x01" }, &error));
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
        assert_false(policy_facts_set_boolean(&facts, "x.a", true,
                                              (struct policy_origin){ .provenance = POLICY_PROVENANCE_COUNT }, &error));
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
        assert_false(policy_facts_set(&facts, &fact, &error)); /* a string without text */
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
        fact.type = POLICY_FACT_TYPE_COUNT;
        assert_false(policy_facts_set(&facts, &fact, &error));
        assert_int_equal(facts.count, 0);

        text[POLICY_FACT_TEXT_BYTES_MAX] = '\0';
        source[POLICY_FACT_SOURCE_BYTES_MAX] = '\0';
        assert_true(policy_facts_set_string(&facts, "x.a", text, (struct policy_origin){ .source = source }, &error));
        assert_string_equal(policy_facts_find(&facts, "x.a")->text, text);
        assert_string_equal(policy_facts_find(&facts, "x.a")->source, source);
}

static void policy_facts_set_unreadable_with_any_reason_cleans_it(void **state)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        char reason[2 * POLICY_FACT_TEXT_BYTES_MAX];
        struct base_error error;

        memset(reason, 'r', sizeof(reason) - 1);
        reason[sizeof(reason) - 1] = '\0';
        reason[0] = '\n';
        assert_true(policy_facts_set_unreadable(&facts, "x.a", reason, reported, &error));
        assert_int_equal(strlen(policy_facts_find(&facts, "x.a")->text), POLICY_FACT_TEXT_BYTES_MAX);
        assert_int_equal(policy_facts_find(&facts, "x.a")->text[0], '?');
}

static void policy_facts_set_past_the_limit_is_refused(void **state)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        struct base_error error;
        char name[16];

        for (int i = 0; i < POLICY_FACTS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "x.%d", i * 7 % POLICY_FACTS_MAX);
                assert_true(policy_facts_set_integer(&facts, name, i, reported, &error));
        }
        assert_int_equal(facts.count, POLICY_FACTS_MAX);
        assert_false(policy_facts_set_integer(&facts, "y.a", 1, reported, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
        /* Replacing still works. */
        assert_true(policy_facts_set_integer(&facts, "x.0", 99, reported, &error));
        assert_int_equal(facts.count, POLICY_FACTS_MAX);
}

static void policy_facts_merge_of_two_sets_prefers_the_second(void **state)
{
        policy_auto_facts struct policy_facts a = POLICY_FACTS_INIT;
        policy_auto_facts struct policy_facts b = POLICY_FACTS_INIT;
        struct base_error error;

        assert_true(policy_facts_set_integer(&a, "x.a", 1, reported, &error));
        assert_true(policy_facts_set_integer(&a, "x.b", 1, reported, &error));
        assert_true(policy_facts_set_string(&b, "x.b", "two", reported, &error));
        assert_true(policy_facts_set_string(&b, "x.c", "three", reported, &error));
        assert_true(policy_facts_merge(&a, &b, &error));
        policy_facts_clear(&b);
        assert_int_equal(a.count, 3);
        assert_string_equal(policy_facts_find(&a, "x.b")->text, "two");
        assert_string_equal(policy_facts_find(&a, "x.c")->text, "three");
}

static void policy_facts_clear_of_a_cleared_set_is_harmless(void **state)
{
        struct policy_facts facts;

        policy_facts_init(&facts);
        policy_facts_clear(&facts);
        assert_true(policy_facts_set_integer(&facts, "x.a", 1, reported, NULL));
        policy_facts_clear(&facts);
        policy_facts_clear(&facts);
        assert_int_equal(facts.count, 0);
        policy_facts_clear(NULL);
}

static void policy_fact_print_of_each_type_is_for_people(void **state)
{
        struct policy_fact fact = { .name = "x.a", .type = POLICY_FACT_BOOLEAN, .source = "" };
        char text[POLICY_FACT_VALUE_TEXT_BYTES_MAX];
        char small[5];

        policy_fact_print(&fact, text, sizeof(text));
        assert_string_equal(text, "false");
        fact.boolean = true;
        policy_fact_print(&fact, text, sizeof(text));
        assert_string_equal(text, "true");
        fact.type = POLICY_FACT_INTEGER;
        fact.integer = -9223372036854775807 - 1;
        policy_fact_print(&fact, text, sizeof(text));
        assert_string_equal(text, "-9223372036854775808");
        fact.type = POLICY_FACT_VERSION;
        fact.text = "12.5";
        policy_fact_print(&fact, text, sizeof(text));
        assert_string_equal(text, "12.5");
        fact.type = POLICY_FACT_UNREADABLE;
        fact.text = "too large";
        policy_fact_print(&fact, text, sizeof(text));
        assert_string_equal(text, "unreadable: too large");
        policy_fact_print(&fact, small, sizeof(small));
        assert_string_equal(small, "unre");
}

static void policy_provenance_from_name_inverts_the_name(void **state)
{
        enum policy_provenance provenance;

        for (int i = 0; i < POLICY_PROVENANCE_COUNT; i++) {
                assert_true(policy_provenance_from_name(policy_provenance_name((enum policy_provenance) i), &provenance));
                assert_int_equal(provenance, i);
        }
        assert_false(policy_provenance_from_name("Hardware", &provenance));
        assert_false(policy_provenance_from_name("", &provenance));
        assert_true(POLICY_PROVENANCE_REPORTED < POLICY_PROVENANCE_MEASURED &&
                    POLICY_PROVENANCE_MEASURED < POLICY_PROVENANCE_HARDWARE);
}

static void policy_fact_type_name_of_each_type_is_its_own(void **state)
{
        assert_string_equal(policy_fact_type_name(POLICY_FACT_UNREADABLE), "unreadable");
        assert_string_equal(policy_fact_type_name(POLICY_FACT_BOOLEAN), "boolean");
        assert_string_equal(policy_fact_type_name(POLICY_FACT_INTEGER), "integer");
        assert_string_equal(policy_fact_type_name(POLICY_FACT_STRING), "string");
        assert_string_equal(policy_fact_type_name(POLICY_FACT_VERSION), "version");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_fact_name_valid_of_dotted_names_is_true),
                cmocka_unit_test(policy_fact_name_valid_of_anything_else_is_false),
                cmocka_unit_test(policy_facts_set_of_each_type_is_found),
                cmocka_unit_test(policy_facts_set_in_any_order_iterates_by_name),
                cmocka_unit_test(policy_facts_set_of_a_known_name_replaces_it),
                cmocka_unit_test(policy_facts_set_of_bad_input_changes_nothing),
                cmocka_unit_test(policy_facts_set_unreadable_with_any_reason_cleans_it),
                cmocka_unit_test(policy_facts_set_past_the_limit_is_refused),
                cmocka_unit_test(policy_facts_merge_of_two_sets_prefers_the_second),
                cmocka_unit_test(policy_facts_clear_of_a_cleared_set_is_harmless),
                cmocka_unit_test(policy_fact_print_of_each_type_is_for_people),
                cmocka_unit_test(policy_provenance_from_name_inverts_the_name),
                cmocka_unit_test(policy_fact_type_name_of_each_type_is_its_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
