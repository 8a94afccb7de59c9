/* SPDX-License-Identifier: BSD-2-Clause */
/* The key as somebody sees it who has the state directory and the TPM, and what our work leaves in the TPM. */
#include "tests/cmocka.h"
#include "tests/tpm/fixture.h"

#include "tpm/device.h"
#include "tpm/key.h"
#include "tpm/pcr_read.h"

#include <string.h>

#define QUOTES 100 /* a TPM has three transient objects: one leak in thirty shows */

/* TPM_HANDLE: part 2, section 7.5; tss2's own constants shift into the sign bit. */
#define LOADED_SESSION_FIRST 0x02000000u
#define ACTIVE_SESSION_FIRST 0x03000000u
#define TRANSIENT_FIRST      0x80000000u
#define PERSISTENT_FIRST     0x81000000u

static const uint8_t challenge[TPM_QUALIFYING_DATA_LEN] = "a challenge of thirty-two bytes";

struct attacker {
        struct fixture fixture;
        struct tpm_connection connection;
        struct tpm_srk srk;
        struct tpm_key_file file;
};

static void open_tpm(struct attacker *attacker)
{
        struct base_error error = BASE_ERROR_INIT;

        if (!tpm_connection_open(attacker->fixture.tpm.tcti, &attacker->connection, &error) ||
            !tpm_srk_open(&attacker->connection, &attacker->srk, &error))
                fail_msg("%s", error.message);
}

static int start(void **state)
{
        static struct attacker attacker;
        struct answer made;

        fixture_start(&attacker.fixture, false);
        fixture_worker(&attacker.fixture, attacker.fixture.tpm.tcti);
        assert_int_equal(fixture_create_key(&attacker.fixture, &made), BASE_ERROR_NONE);
        assert_true(tpm_key_file_load(attacker.fixture.state_dir_fd, &attacker.file, NULL));
        open_tpm(&attacker);
        *state = &attacker;
        return 0;
}

static int end(void **state)
{
        struct attacker *attacker = *state;

        tpm_srk_close(&attacker->srk);
        tpm_connection_close(&attacker->connection);
        fixture_end(&attacker->fixture);
        return 0;
}

static TSS2_RC quote_with(struct attacker *attacker, ESYS_TR key, ESYS_TR session)
{
        tpm_auto_esys TPM2B_ATTEST *attest = NULL;
        tpm_auto_esys TPMT_SIGNATURE *signature = NULL;
        TPM2B_DATA data = { .size = 4, .buffer = "mine" };
        TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
        TPML_PCR_SELECTION pcrs = tpm_pcr_selection_list((struct tpm_pcr_selection){ TPM_PCR_BANK_SHA256, 1u << 7 });

        return Esys_Quote(attacker->connection.esys, key, session, ESYS_TR_NONE, ESYS_TR_NONE, &data, &scheme, &pcrs, &attest,
                          &signature);
}

static void quote_with_password_is_refused_by_the_tpm(void **state)
{
        struct attacker *attacker = *state;
        tpm_auto_handle struct tpm_handle key = TPM_HANDLE_INIT, session = TPM_HANDLE_INIT;

        assert_true(tpm_key_load(&attacker->connection, &attacker->srk, &attacker->file, &key, NULL));
        assert_int_equal(quote_with(attacker, key.object, ESYS_TR_PASSWORD) & 0xfff, TPM2_RC_AUTH_UNAVAILABLE);
        assert_true(tpm_session_start(&attacker->connection, attacker->srk.object, TPM2_SE_HMAC, 0, &session, NULL));
        assert_int_equal(quote_with(attacker, key.object, session.object) & 0xfff, TPM2_RC_AUTH_UNAVAILABLE);
}

static void quote_with_unsatisfied_policy_is_refused_by_the_tpm(void **state)
{
        struct attacker *attacker = *state;
        tpm_auto_handle struct tpm_handle key = TPM_HANDLE_INIT, session = TPM_HANDLE_INIT;
        TPML_PCR_SELECTION other = tpm_pcr_selection_list((struct tpm_pcr_selection){ TPM_PCR_BANK_SHA256, 1u << 8 });
        TPML_PCR_SELECTION right = tpm_pcr_selection_list((struct tpm_pcr_selection){ TPM_PCR_BANK_SHA256, 1u << 7 });
        TPM2B_DIGEST empty = { 0 };

        assert_true(tpm_key_load(&attacker->connection, &attacker->srk, &attacker->file, &key, NULL));
        assert_true(tpm_session_start(&attacker->connection, attacker->srk.object, TPM2_SE_POLICY, 0, &session, NULL));
        assert_int_equal(tpm_rc_classify(quote_with(attacker, key.object, session.object)), TPM_RC_CLASS_POLICY);
        assert_int_equal(Esys_PolicyPCR(attacker->connection.esys, session.object, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                        &empty, &other),
                         TSS2_RC_SUCCESS);
        assert_int_equal(tpm_rc_classify(quote_with(attacker, key.object, session.object)), TPM_RC_CLASS_POLICY);
        assert_int_equal(Esys_PolicyRestart(attacker->connection.esys, session.object, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE),
                         TSS2_RC_SUCCESS);
        assert_int_equal(Esys_PolicyPCR(attacker->connection.esys, session.object, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                        &empty, &right),
                         TSS2_RC_SUCCESS);
        assert_int_equal(quote_with(attacker, key.object, session.object), TSS2_RC_SUCCESS);
}

/* Giving the key another password, which anybody may do who loads it, does not make it sign. */
static void quote_after_changed_password_is_refused_by_the_tpm(void **state)
{
        struct attacker *attacker = *state;
        tpm_auto_handle struct tpm_handle key = TPM_HANDLE_INIT,
                                          again = { .connection = &attacker->connection, .object = ESYS_TR_NONE };
        tpm_auto_esys TPM2B_PRIVATE *private = NULL;
        tpm_auto_esys TPM2B_PUBLIC *public = NULL;
        TPM2B_AUTH password = { .size = 4, .buffer = "mine" };

        assert_true(tpm_key_load(&attacker->connection, &attacker->srk, &attacker->file, &key, NULL));
        assert_int_equal(Esys_ObjectChangeAuth(attacker->connection.esys, key.object, attacker->srk.object, ESYS_TR_PASSWORD,
                                               ESYS_TR_NONE, ESYS_TR_NONE, &password, &private),
                         TSS2_RC_SUCCESS);
        assert_int_equal(Esys_ReadPublic(attacker->connection.esys, key.object, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public,
                                         NULL, NULL),
                         TSS2_RC_SUCCESS);
        assert_int_equal(Esys_Load(attacker->connection.esys, attacker->srk.object, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                   private, public, &again.object),
                         TSS2_RC_SUCCESS);
        assert_int_equal(Esys_TR_SetAuth(attacker->connection.esys, again.object, &password), TSS2_RC_SUCCESS);
        assert_int_equal(quote_with(attacker, again.object, ESYS_TR_PASSWORD) & 0xfff, TPM2_RC_AUTH_UNAVAILABLE);
}

static void key_load_of_altered_blob_is_not_enrolled(void **state)
{
        struct attacker *attacker = *state;
        tpm_auto_handle struct tpm_handle key = TPM_HANDLE_INIT;
        struct base_error error = BASE_ERROR_INIT;

        attacker->file.private_area[attacker->file.private_len - 1] ^= 1;
        assert_false(tpm_key_load(&attacker->connection, &attacker->srk, &attacker->file, &key, &error));
        assert_int_equal(error.code, BASE_ERROR_NOT_ENROLLED);
        attacker->file.private_area[attacker->file.private_len - 1] ^= 1;
        /* Another policy: the public part is bound to the private one. */
        attacker->file.public_area[14] ^= 1;
        assert_false(tpm_key_load(&attacker->connection, &attacker->srk, &attacker->file, &key, &error));
        attacker->file.public_area[14] ^= 1;
        assert_true(tpm_key_load(&attacker->connection, &attacker->srk, &attacker->file, &key, &error));
}

static unsigned count_handles(struct attacker *attacker, TPM2_HANDLE first)
{
        tpm_auto_esys TPMS_CAPABILITY_DATA *data = NULL;
        TPMI_YES_NO more;

        assert_int_equal(Esys_GetCapability(attacker->connection.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES,
                                            first, 64, &more, &data),
                         TSS2_RC_SUCCESS);
        return data->data.handles.count;
}

static void assert_nothing_left(struct attacker *attacker)
{
        assert_int_equal(count_handles(attacker, TRANSIENT_FIRST), 0);
        assert_int_equal(count_handles(attacker, LOADED_SESSION_FIRST), 0);
        assert_int_equal(count_handles(attacker, ACTIVE_SESSION_FIRST), 0);
        assert_int_equal(count_handles(attacker, PERSISTENT_FIRST), 1);
}

static void worker_after_all_jobs_and_hundred_quotes_leaves_nothing_in_the_tpm(void **state)
{
        struct attacker *attacker = *state;
        struct fixture *fixture = &attacker->fixture;
        struct answer answer;

        assert_nothing_left(attacker);
        for (int i = 0; i < QUOTES; i++)
                assert_int_equal(fixture_quote(fixture, challenge, &answer), BASE_ERROR_NONE);
        assert_nothing_left(attacker);
        for (int i = 0; i < 5; i++) {
                assert_int_equal(fixture_create_key(fixture, &answer), BASE_ERROR_NONE);
                assert_int_equal(fixture_identity(fixture, &answer), BASE_ERROR_NONE);
                assert_int_equal(fixture_status(fixture, &answer), BASE_ERROR_NONE);
        }
        assert_nothing_left(attacker);
        swtpm_extend(&fixture->tpm, 7);
        for (int i = 0; i < 5; i++)
                assert_int_equal(fixture_quote(fixture, challenge, &answer), BASE_ERROR_SEALED);
        assert_nothing_left(attacker);
}

static void device_that_lost_its_srk_finds_the_new_one(void **state)
{
        struct attacker *attacker = *state;
        struct fixture *fixture = &attacker->fixture;
        struct answer answer;

        assert_int_equal(fixture_quote(fixture, challenge, &answer), BASE_ERROR_NONE);
        assert_int_equal(swtpm_command(&fixture->tpm, NULL, 0,
                                       (const char *const[]){ "tpm2_evictcontrol", "-C", "o", "-c", "0x81000001", NULL }),
                         0);
        /* The same seed makes the same key: it is put back, and the key below it still loads. */
        assert_int_equal(fixture_quote(fixture, challenge, &answer), BASE_ERROR_NONE);
        assert_nothing_left(attacker);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(quote_with_password_is_refused_by_the_tpm, start, end),
                cmocka_unit_test_setup_teardown(quote_with_unsatisfied_policy_is_refused_by_the_tpm, start, end),
                cmocka_unit_test_setup_teardown(quote_after_changed_password_is_refused_by_the_tpm, start, end),
                cmocka_unit_test_setup_teardown(key_load_of_altered_blob_is_not_enrolled, start, end),
                cmocka_unit_test_setup_teardown(worker_after_all_jobs_and_hundred_quotes_leaves_nothing_in_the_tpm, start, end),
                cmocka_unit_test_setup_teardown(device_that_lost_its_srk_finds_the_new_one, start, end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
