/* SPDX-License-Identifier: BSD-2-Clause */
/* A TPM with other PCR banks than SHA-256, and one without. */
#include "tests/cmocka.h"
#include "tests/tpm/fixture.h"

#include <string.h>

#define QUOTED_PCRS 0x3ffu /* 0 to 9 */

static const uint8_t challenge[TPM_QUALIFYING_DATA_LEN] = "a challenge of thirty-two bytes";

static void start(struct fixture *fixture, const char *banks)
{
        fixture_start_with(fixture, (const char *const[]){ "--pcr-banks", banks, NULL });
        fixture->config.seal_pcrs = (struct tpm_pcr_selection){ TPM_PCR_BANK_SHA384, 1u << 7 };
        fixture->config.quote_pcrs = (struct tpm_pcr_selection){ TPM_PCR_BANK_SHA384, QUOTED_PCRS };
        fixture_worker(fixture, fixture->tpm.tcti);
}

static void must(enum base_error_code code, const struct answer *answer)
{
        if (code != BASE_ERROR_NONE)
                fail_msg("%s (%s)", answer->error.message, answer->error.detail);
}

static void extend(const struct fixture *fixture, const char *pcr_and_bank, size_t digits)
{
        char text[192];

        assert_true(snprintf(text, sizeof(text), "%s=%0*d", pcr_and_bank, (int) digits, 7) < (int) sizeof(text));
        assert_int_equal(swtpm_command(&fixture->tpm, NULL, 0, (const char *const[]){ "tpm2_pcrextend", text, NULL }), 0);
}

/* Whether the quote verifies, and what the key is sealed to. */
static void check_quote(const struct answer *made, const struct answer *quoted)
{
        evidence_auto_public struct evidence_public *key = NULL;
        struct base_error error = BASE_ERROR_INIT;
        uint8_t policy[EVIDENCE_PCR_DIGEST_LEN];
        struct evidence_pcrs sealed;
        struct evidence_attest attest;

        if (!evidence_public_new(BASE_BYTES(made->ak_public, made->ak_public_len), &key, &error) ||
            !evidence_public_check_attestation_key(key, &error) ||
            !evidence_quote_verify(&quoted->quote.evidence, key, BASE_BYTES_OF(challenge), &attest, &error))
                fail_msg("%s", error.message);
        assert_int_equal(attest.pcrs.bank_count, 1);
        assert_int_equal(attest.pcrs.banks[0].algorithm, TPM_PCR_BANK_SHA384);
        assert_int_equal(attest.pcrs.banks[0].mask, QUOTED_PCRS);
        assert_true(evidence_pcrs_select(&attest.pcrs, (struct evidence_pcr_selection){ TPM_PCR_BANK_SHA384, 1u << 7 }, &sealed));
        assert_true(evidence_pcr_policy_digest(&sealed, policy, &error));
        assert_true(base_bytes_equal(BASE_BYTES_OF(policy), evidence_public_auth_policy(key)));
}

static void quote_of_the_sha384_bank_verifies_and_is_sealed_to_it(void **state)
{
        struct fixture fixture;
        struct answer made, quoted;

        start(&fixture, "sha1,sha256,sha384,sha512");
        extend(&fixture, "7:sha384", 96);
        must(fixture_create_key(&fixture, &made), &made);
        must(fixture_quote(&fixture, challenge, &quoted), &quoted);
        check_quote(&made, &quoted);
        extend(&fixture, "7:sha256", 64);
        must(fixture_quote(&fixture, challenge, &quoted), &quoted);
        extend(&fixture, "3:sha384", 96);
        must(fixture_quote(&fixture, challenge, &quoted), &quoted);
        check_quote(&made, &quoted);
        extend(&fixture, "7:sha384", 96);
        assert_int_equal(fixture_quote(&fixture, challenge, &quoted), BASE_ERROR_SEALED);
        assert_non_null(strstr(quoted.error.message, "PCR 7"));
        fixture_end(&fixture);
}

static void create_key_in_a_bank_that_the_tpm_does_not_keep_names_it(void **state)
{
        struct fixture fixture;
        struct answer made;

        start(&fixture, "sha256");
        assert_int_not_equal(fixture_create_key(&fixture, &made), BASE_ERROR_NONE);
        assert_non_null(strstr(made.error.message, "sha384"));
        fixture_end(&fixture);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(quote_of_the_sha384_bank_verifies_and_is_sealed_to_it),
                cmocka_unit_test(create_key_in_a_bank_that_the_tpm_does_not_keep_names_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
