/* SPDX-License-Identifier: BSD-2-Clause */
/* Seal mode "signed": what an authority has signed works, nothing else does, and an update keeps the device's identity. */
#include "tests/cmocka.h"
#include "tests/tpm/authority.h"
#include "tests/tpm/fixture.h"

#include "base/file.h"
#include "base/hash.h"
#include "tpm/key.h"
#include "tpm/pcr_read.h"
#include "tpm/policy_session.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PCR 11

static const uint8_t challenge[TPM_QUALIFYING_DATA_LEN] = "a challenge of thirty-two bytes";

struct machine {
        struct fixture fixture;
        struct authority authority;
        struct authority other;
        int etc_fd; /* ROOT/etc/systemd */
        int lib_fd; /* ROOT/usr/lib/systemd */
        int run_fd;
};

static int make_directory(const struct machine *machine, const char *const parts[])
{
        char path[160];
        int fd;

        (void) snprintf(path, sizeof(path), "%s", machine->fixture.tpm.directory);
        for (size_t i = 0; parts[i] != NULL; i++) {
                (void) snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", parts[i]);
                (void) mkdir(path, 0700);
        }
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static void put_public_key(struct machine *machine, const struct authority *authority)
{
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(EVIDENCE_AUTHORITY_PEM_BYTES_MAX);

        authority_pem(authority, &pem);
        assert_true(base_file_replace_at(machine->lib_fd, TPM_SEAL_PUBLIC_KEY_NAME, base_buffer_bytes(&pem), 0644, NULL));
}

static void start(struct machine *machine, bool rsa)
{
        struct fixture *fixture = &machine->fixture;

        fixture_start(fixture, false);
        fixture->config.seal.mode = TPM_SEAL_MODE_SIGNED;
        (void) snprintf(fixture->config.seal.root, sizeof(fixture->config.seal.root), "%s/root", fixture->tpm.directory);
        machine->etc_fd = make_directory(machine, (const char *const[]){ "root", "etc", "systemd", NULL });
        machine->run_fd = make_directory(machine, (const char *const[]){ "root", "run", "systemd", NULL });
        machine->lib_fd = make_directory(machine, (const char *const[]){ "root", "usr", "lib", "systemd", NULL });
        authority_make(&machine->authority, rsa);
        authority_make(&machine->other, rsa);
        put_public_key(machine, &machine->authority);
        fixture_worker(fixture, fixture->tpm.tcti);
}

static int start_rsa(void **state)
{
        static struct machine machine;

        start(&machine, true);
        *state = &machine;
        return 0;
}

static int start_ecc(void **state)
{
        static struct machine machine;

        start(&machine, false);
        *state = &machine;
        return 0;
}

static int end(void **state)
{
        struct machine *machine = *state;

        (void) close(machine->etc_fd);
        (void) close(machine->run_fd);
        (void) close(machine->lib_fd);
        authority_clear(&machine->authority);
        authority_clear(&machine->other);
        fixture_end(&machine->fixture);
        return 0;
}

/* What PCR 11 holds after the boot of a system that extends it so often. */
static struct evidence_pcrs booted(unsigned extensions)
{
        struct evidence_pcrs pcrs = { .bank_count = 1, .banks[0] = { .algorithm = TPM_PCR_BANK_SHA256, .mask = 1u << PCR } };
        uint8_t measured[BASE_SHA256_LEN] = { [BASE_SHA256_LEN - 1] = 0x5a };

        for (unsigned i = 0; i < extensions; i++)
                assert_true(base_sha256(
                        (struct base_bytes[]){ BASE_BYTES(pcrs.banks[0].values[PCR], BASE_SHA256_LEN), BASE_BYTES_OF(measured) },
                        2, pcrs.banks[0].values[PCR], NULL));
        return pcrs;
}

static void boot(struct machine *machine, unsigned extensions)
{
        swtpm_restart(&machine->fixture.tpm);
        for (unsigned i = 0; i < extensions; i++)
                swtpm_extend(&machine->fixture.tpm, PCR);
}

#define SYSTEM_A 1u
#define SYSTEM_B 2u
#define SYSTEM_C 3u

struct entry {
        const struct authority *by;
        const struct authority *named; /* whose fingerprint the entry bears */
        unsigned system;
        const char *policy_ref;
};

static void put_signatures(int directory_fd, const struct entry *entries, size_t count)
{
        base_auto_buffer struct base_buffer json = BASE_BUFFER_INIT(65536);

        base_buffer_put_string(&json, "{\"sha1\": [], \"sha256\": [");
        for (size_t i = 0; i < count; i++) {
                struct evidence_pcrs pcrs = booted(entries[i].system);

                if (i > 0)
                        base_buffer_put_string(&json, ",\n");
                authority_entry(entries[i].by, entries[i].named, &pcrs, entries[i].policy_ref, &json);
        }
        base_buffer_put_string(&json, "]}\n");
        assert_true(base_buffer_ok(&json));
        assert_true(base_file_replace_at(directory_fd, TPM_SEAL_SIGNATURES_NAME, base_buffer_bytes(&json), 0644, NULL));
}

static void must(enum base_error_code code, const struct answer *answer)
{
        if (code != BASE_ERROR_NONE)
                fail_msg("%s (%s)", answer->error.message, answer->error.detail);
}

static void must_say(const struct answer *answer, enum base_error_code code, const char *words)
{
        if (answer->error.code != code || strstr(answer->error.message, words) == NULL)
                fail_msg("%s: \"%s\" is not %s or does not say \"%s\"", base_error_name(answer->error.code),
                         answer->error.message, base_error_name(code), words);
}

/* As a verifier that knows the authority. */
static void assert_quote_verifies(const struct machine *machine, const struct answer *made, const struct answer *quoted,
                                  const char *policy_ref)
{
        evidence_auto_public struct evidence_public *key = NULL;
        uint8_t policy[EVIDENCE_POLICY_DIGEST_LEN];
        struct evidence_attest attest;

        assert_memory_equal(quoted->quote.key_name, made->ak_name, EVIDENCE_KEY_ID_LEN);
        assert_true(evidence_public_new(BASE_BYTES(made->ak_public, made->ak_public_len), &key, NULL));
        assert_true(evidence_public_check_attestation_key(key, NULL));
        assert_true(evidence_quote_verify(&quoted->quote.evidence, key, BASE_BYTES_OF(challenge), &attest, NULL));
        assert_true(evidence_policy_authorize_digest(BASE_BYTES_OF(machine->authority.public.name),
                                                     base_bytes_from_string(policy_ref), policy, NULL));
        assert_true(base_bytes_equal(evidence_public_auth_policy(key), BASE_BYTES_OF(policy)));
}

static void quote_after_signed_update_keeps_the_key_and_after_unsigned_is_sealed(void **state)
{
        struct machine *machine = *state;
        const struct authority *ours = &machine->authority;
        struct fixture *fixture = &machine->fixture;
        struct answer made, answer;

        put_signatures(machine->lib_fd, (const struct entry[]){ { ours, ours, SYSTEM_A, "" } }, 1);
        boot(machine, SYSTEM_A);
        must(fixture_create_key(fixture, &made), &made);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        assert_quote_verifies(machine, &made, &answer, "");

        put_signatures(machine->lib_fd, (const struct entry[]){ { ours, ours, SYSTEM_A, "" }, { ours, ours, SYSTEM_B, "" } }, 2);
        boot(machine, SYSTEM_B);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        assert_quote_verifies(machine, &made, &answer, "");
        must(fixture_status(fixture, &answer), &answer);
        assert_int_equal(answer.status.seal, TPM_SEAL_OPEN);

        boot(machine, SYSTEM_C);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_SEALED, "no signature for the present values of PCR 11 (unified kernel image)");
        must(fixture_status(fixture, &answer), &answer);
        assert_int_equal(answer.status.seal, TPM_SEAL_SEALED);
        assert_int_equal(answer.status.changed_pcrs, 1u << PCR);

        boot(machine, SYSTEM_A);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        assert_quote_verifies(machine, &made, &answer, "");
}

static void quote_with_signature_by_another_key_is_sealed(void **state)
{
        struct machine *machine = *state;
        const struct authority *ours = &machine->authority, *other = &machine->other;
        struct fixture *fixture = &machine->fixture;
        struct answer answer;

        put_signatures(machine->lib_fd, (const struct entry[]){ { ours, ours, SYSTEM_A, "" } }, 1);
        boot(machine, SYSTEM_A);
        must(fixture_create_key(fixture, &answer), &answer);
        put_signatures(machine->lib_fd, (const struct entry[]){ { other, other, SYSTEM_A, "" } }, 1);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_SEALED, "all are by other keys");
        put_signatures(machine->lib_fd, (const struct entry[]){ { other, ours, SYSTEM_A, "" } }, 1);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_SEALED, "is not valid");
        /* Another key in the file's place is for the next key; this one keeps to its own. */
        put_public_key(machine, other);
        put_signatures(machine->lib_fd, (const struct entry[]){ { other, other, SYSTEM_A, "" } }, 1);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_SEALED, "all are by other keys");
        assert_int_equal(unlinkat(machine->lib_fd, TPM_SEAL_SIGNATURES_NAME, 0), 0);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_SEALED, "There is no " TPM_SEAL_SIGNATURES_NAME);
}

static void quote_under_revoked_policy_reference_is_sealed(void **state)
{
        struct machine *machine = *state;
        const struct authority *ours = &machine->authority;
        struct fixture *fixture = &machine->fixture;
        struct answer made, answer;

        fixture_worker_end(fixture);
        (void) snprintf(fixture->config.seal.policy_ref, sizeof(fixture->config.seal.policy_ref), "fleet-2");
        fixture_worker(fixture, fixture->tpm.tcti);
        put_signatures(machine->lib_fd,
                       (const struct entry[]){ { ours, ours, SYSTEM_A, "fleet-1" }, { ours, ours, SYSTEM_B, "fleet-2" } }, 2);
        boot(machine, SYSTEM_B);
        must(fixture_create_key(fixture, &made), &made);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        assert_quote_verifies(machine, &made, &answer, "fleet-2");
        boot(machine, SYSTEM_A);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_SEALED, "revoked");
        put_signatures(machine->lib_fd, (const struct entry[]){ { ours, ours, SYSTEM_A, "" } }, 1);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_SEALED, "revoked");
}

static void quote_with_damaged_signatures_names_the_position(void **state)
{
        struct machine *machine = *state;
        const struct authority *ours = &machine->authority;
        struct fixture *fixture = &machine->fixture;
        struct answer answer;

        put_signatures(machine->lib_fd, (const struct entry[]){ { ours, ours, SYSTEM_A, "" } }, 1);
        boot(machine, SYSTEM_A);
        must(fixture_create_key(fixture, &answer), &answer);
        /* A damaged file does not hide a good one. */
        assert_true(base_file_replace_at(machine->etc_fd, TPM_SEAL_SIGNATURES_NAME, base_bytes_from_string("{\"sha256\":\n [,]}"),
                                         0644, NULL));
        must(fixture_quote(fixture, challenge, &answer), &answer);
        assert_int_equal(unlinkat(machine->lib_fd, TPM_SEAL_SIGNATURES_NAME, 0), 0);
        (void) fixture_quote(fixture, challenge, &answer);
        must_say(&answer, BASE_ERROR_CONFIG_INVALID, "root/etc/systemd/" TPM_SEAL_SIGNATURES_NAME ":2:3: ");
        must(fixture_status(fixture, &answer), &answer);
        assert_int_equal(answer.status.seal, TPM_SEAL_UNKNOWN);
        assert_int_equal(answer.status.seal_reason.code, BASE_ERROR_CONFIG_INVALID);
        put_signatures(machine->run_fd, (const struct entry[]){ { ours, ours, SYSTEM_A, "" } }, 1);
        must(fixture_quote(fixture, challenge, &answer), &answer);
}

static void create_key_without_approval_or_authority_keeps_the_old_key(void **state)
{
        struct machine *machine = *state;
        const struct authority *ours = &machine->authority;
        struct fixture *fixture = &machine->fixture;
        struct answer made, answer;

        put_signatures(machine->lib_fd, (const struct entry[]){ { ours, ours, SYSTEM_A, "" } }, 1);
        boot(machine, SYSTEM_A);
        must(fixture_create_key(fixture, &made), &made);
        boot(machine, SYSTEM_C);
        (void) fixture_create_key(fixture, &answer);
        must_say(&answer, BASE_ERROR_SEALED, "PCR 11");
        assert_true(
                base_file_replace_at(machine->lib_fd, TPM_SEAL_PUBLIC_KEY_NAME, base_bytes_from_string("no PEM"), 0644, NULL));
        (void) fixture_create_key(fixture, &answer);
        must_say(&answer, BASE_ERROR_CONFIG_INVALID, "usr/lib/systemd/" TPM_SEAL_PUBLIC_KEY_NAME " cannot be used");
        assert_int_equal(unlinkat(machine->lib_fd, TPM_SEAL_PUBLIC_KEY_NAME, 0), 0);
        (void) fixture_create_key(fixture, &answer);
        must_say(&answer, BASE_ERROR_CONFIG_INVALID, "there is no");
        boot(machine, SYSTEM_A);
        must(fixture_quote(fixture, challenge, &answer), &answer);
        assert_quote_verifies(machine, &made, &answer, "");
}

/* Past the checks in software: the TPM itself takes no approval for another state, and no signature by another key. */
static void policy_with_forged_approval_is_refused_by_the_tpm(void **state)
{
        struct machine *machine = *state;
        const struct authority *ours = &machine->authority;
        struct fixture *fixture = &machine->fixture;
        tpm_auto_connection struct tpm_connection connection = { 0 };
        tpm_auto_handle struct tpm_handle session = TPM_HANDLE_INIT, key = TPM_HANDLE_INIT;
        tpm_auto_esys TPM2B_ATTEST *attest = NULL;
        tpm_auto_esys TPMT_SIGNATURE *signature = NULL;
        TPMT_TK_VERIFIED forged = { .tag = TPM2_ST_VERIFIED, .hierarchy = TPM2_RH_OWNER, .digest.size = 32 };
        struct evidence_pcrs approved = booted(SYSTEM_A);
        TPM2B_DIGEST policy = { .size = 32 };
        TPM2B_NONCE no_ref = { 0 };
        TPM2B_NAME name = { .size = EVIDENCE_KEY_ID_LEN };
        TPM2B_DATA data = { .size = 4, .buffer = "mine" };
        TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
        TPML_PCR_SELECTION pcrs = tpm_pcr_selection_list((struct tpm_pcr_selection){ TPM_PCR_BANK_SHA256, 1u << PCR });
        struct tpm_key_file file;
        struct tpm_srk srk;
        struct answer made;

        put_signatures(machine->lib_fd, (const struct entry[]){ { ours, ours, SYSTEM_A, "" } }, 1);
        boot(machine, SYSTEM_A);
        must(fixture_create_key(fixture, &made), &made);
        fixture_worker_end(fixture);
        assert_true(tpm_key_file_load(fixture->state_dir_fd, &file, NULL));
        assert_true(tpm_connection_open(fixture->tpm.tcti, &connection, NULL));
        assert_true(tpm_srk_open(&connection, &srk, NULL));
        assert_true(tpm_session_start(&connection, srk.object, TPM2_SE_POLICY, 0, &session, NULL));
        assert_true(evidence_pcr_policy_digest(&approved, policy.buffer, NULL));
        memcpy(name.name, ours->public.name, EVIDENCE_KEY_ID_LEN);
        assert_int_equal(Esys_PolicyPCR(connection.esys, session.object, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                        &(TPM2B_DIGEST){ 0 }, &pcrs),
                         TSS2_RC_SUCCESS);
        assert_int_equal(tpm_rc_classify(Esys_PolicyAuthorize(connection.esys, session.object, ESYS_TR_NONE, ESYS_TR_NONE,
                                                              ESYS_TR_NONE, &policy, &no_ref, &name, &forged)),
                         TPM_RC_CLASS_VALUE);
        assert_true(tpm_key_load(&connection, &srk, &file, &key, NULL));
        assert_int_equal(tpm_rc_classify(Esys_Quote(connection.esys, key.object, session.object, ESYS_TR_NONE, ESYS_TR_NONE,
                                                    &data, &scheme, &pcrs, &attest, &signature)),
                         TPM_RC_CLASS_POLICY);
        tpm_handle_flush(&session);
        /* The honest case beside it. */
        assert_true(tpm_session_start(&connection, srk.object, TPM2_SE_POLICY, 0, &session, NULL));
        assert_int_equal(tpm_policy_satisfy(&connection, &file, &fixture->config.seal, &session, &(uint32_t){ 0 }, NULL),
                         TPM_POLICY_SATISFIED);
        assert_int_equal(Esys_Quote(connection.esys, key.object, session.object, ESYS_TR_NONE, ESYS_TR_NONE, &data, &scheme,
                                    &pcrs, &attest, &signature),
                         TSS2_RC_SUCCESS);
        tpm_srk_close(&srk);
}

#define WITH_BOTH(test)                                                                                                          \
        cmocka_unit_test_setup_teardown(test, start_rsa, end), cmocka_unit_test_setup_teardown(test, start_ecc, end)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                WITH_BOTH(quote_after_signed_update_keeps_the_key_and_after_unsigned_is_sealed),
                WITH_BOTH(quote_with_signature_by_another_key_is_sealed),
                WITH_BOTH(quote_under_revoked_policy_reference_is_sealed),
                cmocka_unit_test_setup_teardown(quote_with_damaged_signatures_names_the_position, start_rsa, end),
                cmocka_unit_test_setup_teardown(create_key_without_approval_or_authority_keeps_the_old_key, start_rsa, end),
                WITH_BOTH(policy_with_forged_approval_is_refused_by_the_tpm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
