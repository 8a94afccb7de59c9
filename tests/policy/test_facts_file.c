/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/facts_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct policy_facts_file *parse(const char *text)
{
        struct policy_facts_file *file;
        struct base_error error;

        if (!policy_facts_file_parse("f", base_bytes_from_string(text), NULL, &file, &error))
                fail_msg("%s", error.message);
        return file;
}

static void policy_facts_file_parse_of_devices_and_cases_has_both(void **state)
{
        policy_auto_facts_file struct policy_facts_file *file = parse(
                "[Facts a b]\nos.id=debian\nos.version = 12\nos.build=2025 \ncustom.n=7d\ncustom.v=12 version\ncustom.s=12 "
                "string\n"
                "boot.secure_boot=true @hardware\ndisk.root_verity=unreadable \"no \\\"such\\\" file\"\n"
                "disk.root_encrypted=unreadable @measured\n"
                "[Case a b]\nFacts=a b\nIssuer=i.example\nos.id=arch\nExpect=fail\nExpect[x.y]=skipped\n");
        const struct policy_facts *facts = &file->sections[0].facts;
        const struct policy_facts_section *section = &file->sections[1];

        assert_int_equal(file->count, 2);
        assert_false(file->sections[0].is_case);
        assert_int_equal(facts->count, 9);
        assert_int_equal(policy_facts_find(facts, "os.version")->type, POLICY_FACT_VERSION);
        assert_int_equal(policy_facts_find(facts, "os.build")->type, POLICY_FACT_STRING);
        assert_int_equal(policy_facts_find(facts, "custom.n")->integer, 7 * 86400);
        assert_int_equal(policy_facts_find(facts, "custom.v")->type, POLICY_FACT_VERSION);
        assert_int_equal(policy_facts_find(facts, "custom.s")->type, POLICY_FACT_STRING);
        assert_int_equal(policy_facts_find(facts, "boot.secure_boot")->provenance, POLICY_PROVENANCE_HARDWARE);
        assert_string_equal(policy_facts_find(facts, "disk.root_verity")->text, "no \"such\" file");
        assert_int_equal(policy_facts_find(facts, "disk.root_encrypted")->provenance, POLICY_PROVENANCE_MEASURED);
        assert_true(section->is_case);
        assert_string_equal(section->issuer, "i.example");
        assert_string_equal(policy_facts_find(&section->facts, "request.issuer")->text, "i.example");
        assert_string_equal(policy_facts_find(&section->facts, "os.id")->text, "arch");
        assert_int_equal(section->facts.count, 10);
        assert_int_equal(section->expectation_count, 2);
        assert_null(section->expectations[0].rule);
        assert_int_equal(section->expectations[0].outcome, POLICY_OUTCOME_FAIL);
        assert_string_equal(section->expectations[1].rule, "x.y");
        assert_int_equal(section->expectations[1].line, 16);
}

static void policy_facts_file_parse_of_errors_says_where(void **state)
{
        static const char *const cases[][2] = {
                { "[Facts]\n", "f:1:7: a section has a name of at most 128 bytes of UTF-8" },
                { "[Device a]\n", "f:1:2: a section is [Facts NAME] or [Case NAME]" },
                { "[Facts a]\n[Facts a]\n", "f:2:8: this name stands in the file twice" },
                { "[Facts a]\nos.idd=x\n", "f:2:1: there is no fact 'os.idd'; did you mean 'os.id'?" },
                { "[Facts a]\nOs=x\n", "f:2:1: there is no fact 'Os'; facts of your own start with 'custom.'" },
                { "[Facts a]\nos.id=\n", "f:2:7: expected a value, found the end" },
                { "[Facts a]\nos.id=a b\n", "f:2:9: expected 'string', 'version', '@' or the end, found 'b'" },
                { "[Facts a]\nos.id=true\n", "f:2:7: os.id is a fact of type string, not boolean" },
                { "[Facts a]\nkernel.taint=x\n", "f:2:14: kernel.taint is a fact of type integer, not string" },
                { "[Facts a]\nos.id=a @tpm\n", "f:2:10: expected reported, measured or hardware after '@', found 'tpm'" },
                { "[Case a]\n", "f:1:1: case 'a' expects nothing" },
                { "[Case a]\nFacts=b\nExpect=pass\n", "f:2:7: no section [Facts NAME] above has this name" },
                { "[Facts b]\nos.id=a\n[Case a]\nos.id=x\nFacts=b\n",
                  "f:5:1: Facts= stands once, and before the facts that are different" },
                { "[Case a]\nExpect=warn\n", "f:2:8: Expect= is 'pass' or 'fail'" },
                { "[Case a]\nExpect[b]=grace\n",
                  "f:2:11: a rule is expected to 'pass', to 'fail', to 'warn' or to be 'skipped'" },
                { "[Case a]\nExpect=pass\nExpect=fail\n", "f:3:1: this is expected twice" },
                { "[Case a]\nExpect[]=pass\n", "f:2:1: the brackets hold no rule's name, as in Expect[os-current]" },
                { "[Case a]\nIssuer=a b\n", "f:2:8: Issuer= is the name of one issuer" },
                { "[Case a]\nIssuer=a\nIssuer=b\n", "f:3:1: Issuer= stands in this case twice" },
                { "[Facts a\n", "f:1:1: the section has no closing ']'" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                struct policy_facts_file *file;
                struct base_error error;

                assert_false(policy_facts_file_parse("f", base_bytes_from_string(cases[i][0]), NULL, &file, &error));
                if (i + 1 < BASE_COUNT(cases))
                        assert_string_equal(error.message, cases[i][1]);
                assert_int_equal(error.code, BASE_ERROR_POLICY_INVALID);
        }
}

static void policy_facts_file_parse_of_too_much_keeps_the_limits(void **state)
{
        base_auto_buffer struct base_buffer sections = BASE_BUFFER_INIT(1024 * 1024);
        base_auto_buffer struct base_buffer facts = BASE_BUFFER_INIT(1024 * 1024);
        base_auto_buffer struct base_buffer expectations = BASE_BUFFER_INIT(1024 * 1024);
        struct base_buffer *texts[] = { &sections, &facts, &expectations };

        for (int i = 0; i <= POLICY_FACTS_FILE_SECTIONS_MAX; i++)
                base_buffer_printf(&sections, "[Facts %d]\n", i);
        base_buffer_put_string(&facts, "[Facts a]\n");
        for (int i = 0; i <= POLICY_FACTS_MAX; i++)
                base_buffer_printf(&facts, "custom.a%d=1\n", i);
        base_buffer_put_string(&expectations, "[Case a]\n");
        for (int i = 0; i <= POLICY_FACTS_FILE_EXPECTATIONS_MAX; i++)
                base_buffer_printf(&expectations, "Expect[r%d]=pass\n", i);
        for (size_t i = 0; i < BASE_COUNT(texts); i++) {
                struct policy_facts_file *file;
                struct base_error error;

                assert_false(policy_facts_file_parse("f", base_buffer_bytes(texts[i]), NULL, &file, &error));
                assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(policy_facts_file_parse_of_devices_and_cases_has_both),
                cmocka_unit_test(policy_facts_file_parse_of_errors_says_where),
                cmocka_unit_test(policy_facts_file_parse_of_too_much_keeps_the_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
