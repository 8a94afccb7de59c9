/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of known facts, and docs/facts.md, whose rows `test_policy_known_facts --print` writes. */
#include "base/file.h"
#include "policy/known_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PAGE_BYTES_MAX (256 * 1024)

static const char *page_path;

static void put_rows(struct base_buffer *to)
{
        static const char *const setters[POLICY_SETTER_COUNT] = {
                [POLICY_SETTER_POSTURE] = "posture",
                [POLICY_SETTER_TPM] = "TPM",
                [POLICY_SETTER_DAEMON] = "daemon",
                [POLICY_SETTER_VERIFIER] = "verifier",
        };
        size_t count;
        const struct policy_known_fact *facts = policy_known_facts(&count);

        base_buffer_put_string(to, "| fact | type | set by | meaning and source |\n| --- | --- | --- | --- |\n");
        for (size_t i = 0; i < count; i++)
                base_buffer_printf(to, "| `%s` | %s | %s | %s |\n", facts[i].name, policy_fact_type_name(facts[i].type),
                                   setters[facts[i].setter], facts[i].description);
}

static void policy_known_facts_of_the_table_are_sorted_and_sound(void **state)
{
        size_t count;
        const struct policy_known_fact *facts = policy_known_facts(&count);

        assert_true(count > 40);
        for (size_t i = 0; i < count; i++) {
                if (i > 0 && strcmp(facts[i - 1].name, facts[i].name) >= 0)
                        fail_msg("%s stands in the wrong place", facts[i].name);
                assert_true(policy_fact_name_valid(facts[i].name));
                assert_false(policy_fact_name_is_open(facts[i].name));
                assert_int_not_equal(facts[i].type, POLICY_FACT_UNREADABLE);
                assert_true(strlen(facts[i].description) > 0 && policy_text_valid(facts[i].description));
                assert_ptr_equal(policy_known_fact_find(facts[i].name), &facts[i]);
        }
        assert_null(policy_known_fact_find("os.i"));
        assert_null(policy_known_fact_find(""));
        assert_null(policy_known_fact_find("custom.x"));
}

static void policy_fact_name_is_open_of_a_family_is_true(void **state)
{
        assert_true(policy_fact_name_is_open("custom.x"));
        assert_true(policy_fact_name_is_open("request.interactive"));
        assert_true(policy_fact_name_is_open("pcr.sha256.7"));
        assert_true(policy_fact_name_is_open("quote.sealed.sha256.7"));
        assert_true(policy_fact_name_is_open("boot.application.2"));
        assert_true(policy_fact_name_is_open("boot.parameter.systemd.unit"));
        assert_false(policy_fact_name_is_open("boot.loader"));
        assert_false(policy_fact_name_is_open("quote.sealed"));
        assert_false(policy_fact_name_is_open("customer.x"));
        assert_false(policy_fact_name_is_open("custom"));
}

static void policy_known_fact_nearest_of_a_slip_is_the_name(void **state)
{
        assert_string_equal(policy_known_fact_nearest("os.Version"), "os.version");
        assert_string_equal(policy_known_fact_nearest("os.update.age"), "os.updates.age");
        assert_string_equal(policy_known_fact_nearest("tpm.week"), "tpm.weak");
        assert_null(policy_known_fact_nearest("coffee.temperature"));
        assert_null(policy_known_fact_nearest("a.name-that-is-much-longer-than-every-name-worth-a-guess"));
}

static void documentation_of_the_facts_has_these_rows(void **state)
{
        base_auto_buffer struct base_buffer page = BASE_BUFFER_INIT(PAGE_BYTES_MAX);
        base_auto_buffer struct base_buffer rows = BASE_BUFFER_INIT(PAGE_BYTES_MAX);
        struct base_error error;
        const char *table;

        if (!base_file_read(page_path, &page, &error))
                fail_msg("%s", error.message);
        put_rows(&rows);
        assert_non_null(base_buffer_c_string(&rows));
        table = strstr(base_buffer_c_string(&page), "| fact |");
        assert_non_null(table);
        /* The table is the end of the page, so that no row can be there that the program does not know. */
        assert_string_equal(table, base_buffer_c_string(&rows));
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_known_facts_of_the_table_are_sorted_and_sound),
                cmocka_unit_test(policy_fact_name_is_open_of_a_family_is_true),
                cmocka_unit_test(policy_known_fact_nearest_of_a_slip_is_the_name),
                cmocka_unit_test(documentation_of_the_facts_has_these_rows),
        };

        if (argc != 2)
                return 2;
        if (strcmp(argv[1], "--print") == 0) {
                base_auto_buffer struct base_buffer rows = BASE_BUFFER_INIT(PAGE_BYTES_MAX);

                put_rows(&rows);
                return fputs(base_buffer_c_string(&rows), stdout) < 0;
        }
        page_path = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
