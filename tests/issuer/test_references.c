/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include "issuer/references.h"

#include "evidence/tpm_numbers.h"

#define ONES  "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS  "2222222222222222222222222222222222222222222222222222222222222222"
#define FOURS "4444444444444444444444444444444444444444444444444444444444444444"

static bool parse(const char *text, struct issuer_references *references, struct base_error *error)
{
        return issuer_references_parse("m.conf", base_bytes_from_string(text), references, error);
}

/* PCR n of the SHA-256 bank holds the byte 0x11 * values[n] 32 times; 0: it is not quoted. */
static struct evidence_pcrs quoted(const uint8_t values[static 3])
{
        struct evidence_pcrs pcrs = { .bank_count = 1, .banks[0].algorithm = EVIDENCE_TPM_ALG_SHA256 };

        for (unsigned i = 0; i < 3; i++) {
                if (values[i] == 0)
                        continue;
                pcrs.banks[0].mask |= 1u << i;
                memset(pcrs.banks[0].values[i], 0x11 * values[i], 32);
        }
        return pcrs;
}

static const char *match(const struct issuer_references *references, const char *group, const uint8_t values[static 3])
{
        struct evidence_pcrs pcrs = quoted(values);
        const struct issuer_reference *found = issuer_references_match(references, group, &pcrs);

        return found == NULL ? "" : found->name;
}

static void match_needs_one_value_of_every_register_that_is_named(void **state)
{
        static const struct {
                uint8_t values[3];
                const char *expected;
        } cases[] = {
                { { 1, 9, 4 }, "first" }, { { 2, 0, 4 }, "first" }, { { 4, 0, 1 }, "second" }, { { 1, 0, 1 }, "" },
                { { 1, 0, 0 }, "" },      { { 0, 0, 4 }, "" },      { { 0, 0, 0 }, "" },
        };
        issuer_auto_references struct issuer_references references = { 0 };
        struct base_error error;

        assert_ok(parse("[Reference first]\nsha256:0=" ONES " \\\n  " TWOS "\nsha256:2=" FOURS "\n"
                        "[Reference second]\nsha256:0=" FOURS "\nsha256:2=" ONES "\nsha256:2=" TWOS "\n",
                        &references, &error));
        for (size_t i = 0; i < BASE_COUNT(cases); i++)
                assert_string_equal(match(&references, "", cases[i].values), cases[i].expected);
}

static void match_is_for_the_group_or_for_all(void **state)
{
        static const uint8_t values[] = { 1, 0, 0 }, others[] = { 2, 0, 0 };
        issuer_auto_references struct issuer_references references = { 0 };
        struct base_error error;

        assert_ok(
                parse("[Reference a]\nGroup=office\nsha256:0=" ONES "\n[Reference b]\nsha256:0=" TWOS "\n", &references, &error));
        assert_string_equal(match(&references, "office", values), "a");
        assert_string_equal(match(&references, "kiosk", values), "");
        assert_string_equal(match(&references, "", values), "");
        assert_string_equal(match(&references, "kiosk", others), "b");
}

static void match_of_another_bank_is_none(void **state)
{
        static const uint8_t values[] = { 1, 0, 0 };
        issuer_auto_references struct issuer_references references = { 0 };
        struct base_error error;

        assert_ok(parse("[Reference a]\nsha256:0=" ONES "\nsha1:0=1111111111111111111111111111111111111111\n", &references,
                        &error));
        assert_string_equal(match(&references, "", values), "");
}

static void parse_bad_line_names_its_place(void **state)
{
        static const struct {
                const char *text;
                const char *mention;
        } cases[] = {
                { "[Group x]\n", "m.conf:1:2: a section is [Reference NAME]" },
                { "[Reference a b]\n", "m.conf:1:2: a section is [Reference NAME]" },
                { "[Reference a]\nsha256:24=" ONES "\n", "m.conf:2:1: a key is Group, or a PCR" },
                { "[Reference a]\nsha256:07=" ONES "\n", "m.conf:2:1: a key is" },
                { "[Reference a]\nsha256:=" ONES "\n", "m.conf:2:1: a key is" },
                { "[Reference a]\nmd5:1=" ONES "\n", "m.conf:2:1: a key is" },
                { "[Reference a]\nsha256:1=\n", "m.conf:2:10: a PCR's value" },
                { "[Reference a]\nsha384:1=" ONES "\n", "m.conf:2:10: a PCR's value" },
                { "[Reference a]\nsha256:1=" ONES " 12\n", "m.conf:2:75: a PCR's value" },
                { "[Reference a]\nsha256:1=" ONES ONES ONES "\n", "m.conf:2:10: a PCR's value" },
                { "[Reference a]\nGroup=a\nGroup=b\n", "m.conf:3:7: one group's name" },
                { "[Reference a]\nGroup=a b\n", "m.conf:2:7: one group's name" },
                { "[Reference a]\nGroup=b\n[Reference b]\n", "m.conf: [Reference a] names no PCR" },
                { "[Reference a]\n", "m.conf: [Reference a] names no PCR" },
                { "[Reference a]\nsha256:0=" ONES "\n[Reference a]\n", "m.conf:3:2: there is another reference" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                issuer_auto_references struct issuer_references references = { 0 };
                struct base_error error;

                assert_refused(parse(cases[i].text, &references, &error), BASE_ERROR_CONFIG_INVALID, cases[i].mention);
        }
}

static void parse_more_than_fits_is_limit_exceeded(void **state)
{
        issuer_auto_references struct issuer_references references = { 0 }, values = { 0 };
        struct base_error error = BASE_ERROR_INIT;
        char text[256];
        bool ok = true;
        unsigned count = 0;

        for (; ok; count++) {
                (void) snprintf(text, sizeof(text), "[Reference r%u]\nsha256:0=" ONES "\n", count);
                ok = parse(text, &references, &error);
        }
        assert_int_equal(count, ISSUER_REFERENCES_MAX + 1);
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
        assert_ok(parse("[Reference r]\nsha256:0=" ONES "\n", &values, &error));
        values.value_count = ISSUER_REFERENCE_VALUES_MAX;
        assert_refused(parse("[Reference s]\nsha256:0=" ONES "\n", &values, &error), BASE_ERROR_LIMIT_EXCEEDED,
                       "reference values");
}

static void load_reads_a_file_or_a_directory(void **state)
{
        static const uint8_t ones[] = { 1, 0, 0 }, twos[] = { 2, 0, 0 };
        test_auto_directory directory = test_directory_make();
        issuer_auto_references struct issuer_references all = { 0 }, one = { 0 }, none = { 0 };
        struct base_error error;

        assert_refused(issuer_references_load(directory, &none, &error), BASE_ERROR_CONFIG_INVALID, "no reference in");
        test_file_write(test_path(directory, "a.conf"), "[Reference a]\nsha256:0=" ONES "\n", 0644);
        test_file_write(test_path(directory, "b.conf"), "[Reference b]\nsha256:0=" TWOS "\n", 0644);
        test_file_write(test_path(directory, "c.txt"), "nonsense", 0644);
        assert_ok(issuer_references_load(directory, &all, &error));
        assert_string_equal(match(&all, "", ones), "a");
        assert_string_equal(match(&all, "", twos), "b");
        assert_ok(issuer_references_load(test_path(directory, "b.conf"), &one, &error));
        assert_string_equal(match(&one, "", ones), "");
        assert_string_equal(match(&one, "", twos), "b");
        test_file_write(test_path(directory, "b.conf"), "[Reference a]\nsha256:0=" TWOS "\n", 0644);
        assert_refused(issuer_references_load(directory, &none, &error), BASE_ERROR_CONFIG_INVALID,
                       "b.conf:1:2: there is another");
        assert_refused(issuer_references_load("/nonexistent", &none, &error), BASE_ERROR_IO, "/nonexistent");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(match_needs_one_value_of_every_register_that_is_named),
                cmocka_unit_test(match_is_for_the_group_or_for_all),
                cmocka_unit_test(match_of_another_bank_is_none),
                cmocka_unit_test(parse_bad_line_names_its_place),
                cmocka_unit_test(parse_more_than_fits_is_limit_exceeded),
                cmocka_unit_test(load_reads_a_file_or_a_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
