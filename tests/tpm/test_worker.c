/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"
#include "tests/tpm/fixture.h"

#include "base/file.h"
#include "tpm/key_file.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

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

/* No file can grow: as a full disk, and it stops root too. */
static void limit_file_size(bool limited)
{
        struct rlimit limit;

        (void) signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = limited ? 0 : limit.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void must(enum base_error_code code, const struct answer *answer)
{
        if (code != BASE_ERROR_NONE)
                fail_msg("%s (%s)", answer->error.message, answer->error.detail);
}

static void must_say(const struct answer *answer, enum base_error_code code, const char *words)
{
        assert_int_equal(answer->error.code, code);
        if (strstr(answer->error.message, words) == NULL)
                fail_msg("\"%s\" does not say \"%s\"", answer->error.message, words);
}

static void quote_by_new_key_verifies(void **state)
{
        struct answer made, quoted;
        struct base_error error = BASE_ERROR_INIT;

        must(fixture_create_key(*state, &made), &made);
        must(fixture_quote(*state, challenge, &quoted), &quoted);
        assert_memory_equal(quoted.quote.key_name, made.ak_name, EVIDENCE_KEY_ID_LEN);
        if (!verifies(&made, &quoted, challenge, &error))
                fail_msg("%s (%s)", error.message, error.detail);
        assert_int_equal(quoted.quote.evidence.pcrs.bank_count, 1);
        assert_int_equal(quoted.quote.evidence.pcrs.banks[0].mask, TPM_PCR_QUOTE_DEFAULT);
}

static void quote_altered_or_for_other_challenge_does_not_verify(void **state)
{
        static const uint8_t other[TPM_QUALIFYING_DATA_LEN] = "another";
        struct answer made, quoted;

        must(fixture_create_key(*state, &made), &made);
        must(fixture_quote(*state, challenge, &quoted), &quoted);
        assert_true(verifies(&made, &quoted, challenge, NULL));
        assert_false(verifies(&made, &quoted, other, NULL));
        quoted.quote.evidence.pcrs.banks[0].values[7][0] ^= 1;
        assert_false(verifies(&made, &quoted, challenge, NULL));
        quoted.quote.evidence.pcrs.banks[0].values[7][0] ^= 1;
        quoted.quote.evidence.attest[quoted.quote.evidence.attest_len - 1] ^= 1;
        assert_false(verifies(&made, &quoted, challenge, NULL));
}

static void quote_without_key_is_not_enrolled(void **state)
{
        struct answer answer;

        (void) fixture_quote(*state, challenge, &answer);
        must_say(&answer, BASE_ERROR_NOT_ENROLLED, "attestctl enroll");
        (void) fixture_identity(*state, &answer);
        must_say(&answer, BASE_ERROR_NOT_ENROLLED, "attestctl enroll");
        must(fixture_status(*state, &answer), &answer);
        assert_int_equal(answer.status.state, TPM_STATE_READY);
        assert_int_equal(answer.status.seal, TPM_SEAL_NONE);
}

static void quote_after_sealed_pcr_changed_is_sealed_until_reboot(void **state)
{
        struct fixture *fixture = *state;
        struct answer made, answer;

        must(fixture_create_key(fixture, &made), &made);
        swtpm_extend(&fixture->tpm, 7);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_SEALED, "PCR 7 (Secure Boot policy) changed");
        must_say(&answer, BASE_ERROR_SEALED, "attestctl reseal");
        assert_int_equal(tpm_worker_known_status(fixture->worker)->seal, TPM_SEAL_SEALED);
        assert_int_equal(tpm_worker_known_status(fixture->worker)->changed_pcrs, 1u << 7);
        must(fixture_status(fixture, &answer), &answer);
        assert_int_equal(answer.status.seal, TPM_SEAL_SEALED);
        assert_int_equal(answer.status.changed_pcrs, 1u << 7);

        swtpm_restart(&fixture->tpm);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        assert_true(verifies(&made, &answer, challenge, NULL));
        assert_int_equal(tpm_worker_known_status(fixture->worker)->seal, TPM_SEAL_OPEN);
        assert_int_equal(tpm_worker_known_status(fixture->worker)->changed_pcrs, 0);
}

static void quote_after_other_pcr_changed_reports_its_new_value(void **state)
{
        struct fixture *fixture = *state;
        struct answer made, before, after;

        must(fixture_create_key(fixture, &made), &made);
        must(fixture_quote(fixture, challenge, &before), &before);
        swtpm_extend(&fixture->tpm, 4);
        must(fixture_quote(fixture, challenge, &after), &after);
        assert_true(verifies(&made, &after, challenge, NULL));
        assert_memory_not_equal(before.quote.evidence.pcrs.banks[0].values[4], after.quote.evidence.pcrs.banks[0].values[4], 32);
}

static void create_key_in_changed_state_opens_and_ends_the_old_key(void **state)
{
        struct fixture *fixture = *state;
        struct answer first, second, answer;

        must(fixture_create_key(fixture, &first), &first);
        swtpm_extend(&fixture->tpm, 7);
        must(fixture_create_key(fixture, &second), &second);
        assert_memory_not_equal(first.ak_name, second.ak_name, EVIDENCE_KEY_ID_LEN);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        assert_true(verifies(&second, &answer, challenge, NULL));
        assert_false(verifies(&first, &answer, challenge, NULL));
}

static void create_key_that_cannot_be_saved_leaves_the_old_one(void **state)
{
        struct fixture *fixture = *state;
        struct answer first, second, answer;

        must(fixture_create_key(fixture, &first), &first);
        limit_file_size(true);
        (void) fixture_create_key(fixture, &second);
        limit_file_size(false);
        assert_int_equal(second.error.code, BASE_ERROR_IO);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        assert_true(verifies(&first, &answer, challenge, NULL));
}

static void quote_with_damaged_key_file_is_state_invalid(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer;

        must(fixture_create_key(fixture, &answer), &answer);
        assert_true(
                base_file_replace_at(fixture->state_dir_fd, TPM_KEY_FILE_NAME, base_bytes_from_string("ATTESTAK?"), 0600, NULL));
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_STATE_INVALID, "ak.key is damaged");
        must(fixture_status(fixture, &answer), &answer);
        assert_int_equal(answer.status.seal, TPM_SEAL_UNKNOWN);
        assert_int_equal(answer.status.seal_reason.code, BASE_ERROR_STATE_INVALID);
        must(fixture_create_key(fixture, &answer), &answer);
        must(fixture_quote(fixture, challenge, &answer), &answer);
}

static void quote_after_tpm_was_cleared_is_not_enrolled(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer;

        must(fixture_create_key(fixture, &answer), &answer);
        assert_int_equal(swtpm_command(&fixture->tpm, NULL, 0, (const char *const[]){ "tpm2_clear", "-c", "p", NULL }), 0);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_NOT_ENROLLED, "cleared");
        must(fixture_create_key(fixture, &answer), &answer);
        must(fixture_quote(fixture, challenge, &answer), &answer);
}

static void create_key_under_present_rsa_srk_works(void **state)
{
        static const char *const create[] = {
                "sh", "-c",
                "tpm2_createprimary -C o -G rsa2048 -c $0/srk && tpm2_evictcontrol -C o -c $0/srk 0x81000001 && "
                "tpm2_flushcontext -t",
                NULL, NULL
        };
        struct fixture *fixture = *state;
        struct answer made, quoted;
        const char *argv[BASE_COUNT(create)];
        char output[1024];

        memcpy(argv, create, sizeof(argv));
        argv[3] = fixture->tpm.directory;
        if (swtpm_command(&fixture->tpm, output, sizeof(output), argv) != 0)
                fail_msg("%s", output);
        must(fixture_create_key(fixture, &made), &made);
        must(fixture_quote(fixture, challenge, &quoted), &quoted);
        assert_true(verifies(&made, &quoted, challenge, NULL));
        assert_int_equal(swtpm_command(&fixture->tpm, output, sizeof(output),
                                       (const char *const[]){ "tpm2_readpublic", "-c", "0x81000001", NULL }),
                         0);
        assert_non_null(strstr(output, "rsa"));
}

static void create_key_without_srk_keeps_a_new_one(void **state)
{
        struct fixture *fixture = *state;
        struct answer made;
        char output[1024];

        must(fixture_create_key(fixture, &made), &made);
        assert_int_equal(swtpm_command(&fixture->tpm, output, sizeof(output),
                                       (const char *const[]){ "tpm2_readpublic", "-c", "0x81000001", NULL }),
                         0);
        assert_non_null(strstr(output, "NIST p256"));
}

static void create_key_with_owner_password_names_the_reason(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer;

        assert_int_equal(
                swtpm_command(&fixture->tpm, NULL, 0, (const char *const[]){ "tpm2_changeauth", "-c", "owner", "secret", NULL }),
                0);
        (void) fixture_create_key(fixture, &answer);
        must_say(&answer, BASE_ERROR_TPM_UNAVAILABLE, "password");
}

static void status_of_simulator_says_so_and_changes_are_told(void **state)
{
        struct fixture *fixture = *state;
        struct answer answer;
        unsigned changes;

        assert_int_equal(tpm_worker_known_status(fixture->worker)->state, TPM_STATE_CONNECTING);
        must(fixture_status(fixture, &answer), &answer);
        assert_true(answer.status.simulated);
        assert_string_equal(answer.status.manufacturer, "IBM");
        assert_true(strlen(answer.status.firmware) >= 7);
        changes = fixture->changes;
        assert_int_equal(changes, 1);
        must(fixture_create_key(fixture, &answer), &answer);
        assert_int_equal(fixture->changes, 2);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        assert_int_equal(fixture->changes, 2);
}

static void quote_past_the_queue_is_busy(void **state)
{
        static struct answer answers[TPM_WORKER_QUEUE_MAX];
        struct fixture *fixture = *state;
        struct base_error error = BASE_ERROR_INIT;
        struct answer made;

        must(fixture_create_key(fixture, &made), &made);
        memset(answers, 0, sizeof(answers));
        for (size_t i = 0; i < TPM_WORKER_QUEUE_MAX; i++)
                assert_true(tpm_worker_quote(fixture->worker, challenge, fixture_on_quote, &answers[i], NULL));
        assert_false(tpm_worker_quote(fixture->worker, challenge, fixture_on_quote, NULL, &error));
        assert_int_equal(error.code, BASE_ERROR_BUSY);
        for (size_t i = 0; i < TPM_WORKER_QUEUE_MAX; i++) {
                fixture_wait(fixture, &answers[i]);
                assert_int_equal(answers[i].error.code, BASE_ERROR_NONE);
        }
}

static void worker_free_with_jobs_cancels_each_once(void **state)
{
        static struct answer answers[8];
        struct fixture *fixture = *state;

        memset(answers, 0, sizeof(answers));
        for (size_t i = 0; i < BASE_COUNT(answers); i++)
                assert_true(tpm_worker_status(fixture->worker, fixture_on_status, &answers[i], NULL));
        fixture_worker_end(fixture);
        for (size_t i = 0; i < BASE_COUNT(answers); i++) {
                assert_true(answers[i].came);
                assert_int_equal(answers[i].error.code, BASE_ERROR_CANCELLED);
        }
}

static void worker_new_with_nonsense_is_invalid_argument(void **state)
{
        struct tpm_worker_config config = { .tcti = "swtpm:", .state_dir_fd = -1 };
        struct base_error error = BASE_ERROR_INIT;
        struct tpm_worker *worker = NULL;

        assert_false(tpm_worker_new(&config, &worker, &error));
        assert_int_equal(error.code, BASE_ERROR_INVALID_ARGUMENT);
        assert_null(worker);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(quote_by_new_key_verifies, start, end),
                cmocka_unit_test_setup_teardown(quote_altered_or_for_other_challenge_does_not_verify, start, end),
                cmocka_unit_test_setup_teardown(quote_without_key_is_not_enrolled, start, end),
                cmocka_unit_test_setup_teardown(quote_after_sealed_pcr_changed_is_sealed_until_reboot, start, end),
                cmocka_unit_test_setup_teardown(quote_after_other_pcr_changed_reports_its_new_value, start, end),
                cmocka_unit_test_setup_teardown(create_key_in_changed_state_opens_and_ends_the_old_key, start, end),
                cmocka_unit_test_setup_teardown(create_key_that_cannot_be_saved_leaves_the_old_one, start, end),
                cmocka_unit_test_setup_teardown(quote_with_damaged_key_file_is_state_invalid, start, end),
                cmocka_unit_test_setup_teardown(quote_after_tpm_was_cleared_is_not_enrolled, start, end),
                cmocka_unit_test_setup_teardown(create_key_under_present_rsa_srk_works, start, end),
                cmocka_unit_test_setup_teardown(create_key_without_srk_keeps_a_new_one, start, end),
                cmocka_unit_test_setup_teardown(create_key_with_owner_password_names_the_reason, start, end),
                cmocka_unit_test_setup_teardown(status_of_simulator_says_so_and_changes_are_told, start, end),
                cmocka_unit_test_setup_teardown(quote_past_the_queue_is_busy, start, end),
                cmocka_unit_test_setup_teardown(worker_free_with_jobs_cancels_each_once, start, end),
                cmocka_unit_test(worker_new_with_nonsense_is_invalid_argument),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
