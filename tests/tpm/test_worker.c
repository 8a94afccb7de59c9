/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"
#include "tests/tpm/fixture.h"

#include <string.h>

static const uint8_t challenge[TPM_QUALIFYING_DATA_LEN] = "a challenge of thirty-two bytes";

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

/* What an honest verifier does with a quote. */
static bool verifies(const struct answer *made, const struct answer *quoted, const uint8_t *qualifying_data,
                     struct base_error *error)
{
        evidence_auto_public struct evidence_public *key = NULL;
        struct evidence_attest attest;

        return evidence_public_new(BASE_BYTES(made->ak_public, made->ak_public_len), &key, error) &&
               evidence_public_check_attestation_key(key, error) &&
               evidence_quote_verify(&quoted->quote.evidence, key, BASE_BYTES(qualifying_data, TPM_QUALIFYING_DATA_LEN), &attest,
                                     error);
}

static void quote_by_new_key_verifies(void **state)
{
        struct answer made, quoted;
        struct base_error error = BASE_ERROR_INIT;

        if (fixture_create_key(*state, &made) != BASE_ERROR_NONE)
                fail_msg("%s %s", made.error.message, made.error.detail);
        if (fixture_quote(*state, challenge, &quoted) != BASE_ERROR_NONE)
                fail_msg("%s %s", quoted.error.message, quoted.error.detail);
        assert_memory_equal(quoted.quote.key_name, made.ak_name, EVIDENCE_KEY_ID_LEN);
        if (!verifies(&made, &quoted, challenge, &error))
                fail_msg("%s %s", error.message, error.detail);
        assert_int_equal(quoted.quote.evidence.pcrs.banks[0].mask, TPM_PCR_QUOTE_DEFAULT);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(quote_by_new_key_verifies, start, end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
