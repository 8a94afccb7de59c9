/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "tpm/pcr.h"

#include <string.h>

static void selection_parse_of_lists_and_ranges_gives_mask(void **state)
{
        struct tpm_pcr_selection selection;

        assert_true(tpm_pcr_selection_parse("sha256:7", &selection, NULL));
        assert_int_equal(selection.bank, TPM_PCR_BANK_SHA256);
        assert_int_equal(selection.mask, 1u << 7);
        assert_true(tpm_pcr_selection_parse("sha384:0-3,7,23", &selection, NULL));
        assert_int_equal(selection.bank, TPM_PCR_BANK_SHA384);
        assert_int_equal(selection.mask, 0x80008fu);
        assert_true(tpm_pcr_selection_parse("sha256:0-23", &selection, NULL));
        assert_int_equal(selection.mask, 0xffffffu);
}

static void selection_parse_of_anything_else_is_invalid_argument(void **state)
{
        static const char *const bad[] = {
                "",           "7",
                "sha1:7",     "sha256",
                "sha256:",    "sha256:24",
                "sha256:7,",  "sha256:,7",
                "sha256:7,7", "sha256:1-3,2",
                "sha256:5-3", "sha256:1-",
                "sha256:-1",  "sha256:7 ",
                "sha256:007", "sha256:99999999999",
                "SHA256:7",   "sha256:7+sha384:7",
        };

        for (size_t i = 0; i < BASE_COUNT(bad); i++) {
                struct tpm_pcr_selection selection = { .mask = 42 };
                struct base_error error = BASE_ERROR_INIT;

                if (tpm_pcr_selection_parse(bad[i], &selection, &error))
                        fail_msg("\"%s\" was accepted", bad[i]);
                assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
                assert_int_equal(selection.mask, 42);
        }
}

static struct evidence_pcrs two_pcrs(uint8_t seven, uint8_t eleven)
{
        struct evidence_pcrs pcrs = { .bank_count = 1,
                                      .banks[0] = { .algorithm = TPM_PCR_BANK_SHA256, .mask = 1u << 7 | 1u << 11 } };

        memset(pcrs.banks[0].values[7], seven, 32);
        memset(pcrs.banks[0].values[11], eleven, 32);
        return pcrs;
}

static void pcrs_changed_names_each_difference_and_nothing_else(void **state)
{
        struct evidence_pcrs sealed = two_pcrs(1, 2), same = two_pcrs(1, 2), other = two_pcrs(1, 3), both = two_pcrs(2, 1), less;

        assert_int_equal(tpm_pcrs_changed(&sealed, &same), 0);
        assert_int_equal(tpm_pcrs_changed(&sealed, &other), 1u << 11);
        assert_int_equal(tpm_pcrs_changed(&sealed, &both), 1u << 7 | 1u << 11);
        less = same;
        less.banks[0].mask = 1u << 7;
        assert_int_equal(tpm_pcrs_changed(&sealed, &less), 1u << 11);
        less.banks[0].algorithm = TPM_PCR_BANK_SHA384;
        assert_int_equal(tpm_pcrs_changed(&sealed, &less), 1u << 7 | 1u << 11);
        same.banks[0].mask |= 1;
        same.banks[0].values[0][0] = 9;
        assert_int_equal(tpm_pcrs_changed(&sealed, &same), 0);
}

static void pcr_names_put_reads_as_a_sentence(void **state)
{
        base_auto_buffer struct base_buffer names = BASE_BUFFER_INIT(256);

        evidence_pcr_names_put(&names, 1u << 0 | 1u << 7 | 1u << 17);
        assert_string_equal(base_buffer_c_string(&names),
                            "PCR 0 (firmware), PCR 7 (Secure Boot policy) and PCR 17 (no assigned use)");
        assert_string_equal(evidence_pcr_purpose(24), "no assigned use");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(selection_parse_of_lists_and_ranges_gives_mask),
                cmocka_unit_test(selection_parse_of_anything_else_is_invalid_argument),
                cmocka_unit_test(pcrs_changed_names_each_difference_and_nothing_else),
                cmocka_unit_test(pcr_names_put_reads_as_a_sentence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
