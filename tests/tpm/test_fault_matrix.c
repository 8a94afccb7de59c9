/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every TPM command that the worker's jobs send, met by every fault that the proxy makes. What the commands are is learnt
 * from a run without faults. After each fault the same worker must serve again.
 */
#include "tests/cmocka.h"
#include "tests/stride.h"
#include "tests/tpm/authority.h"
#include "tests/tpm/fixture.h"

#include "base/file.h"
#include "base/system.h"
#include "evidence/credential.h"
#include "evidence/signature_file.h"
#include "tpm/connection.h"
#include "tpm/key_file.h"

#include <string.h>

#define COMMANDS_MAX     32
#define REPORT_BYTES_MAX 4096
#define HANG_TIMEOUT_MS  150
#define ANSWER_BOUND_MS  20000 /* generous: retries take 1.3 s, the rest is a loaded machine */
#define LOCKOUT_COUNTER  0x20e /* TPM_PT_LOCKOUT_COUNTER: part 2, section 6.13 */

static const uint8_t challenge[TPM_QUALIFYING_DATA_LEN] = "a challenge of thirty-two bytes";
static const uint8_t secret[TPM_CREDENTIAL_SECRET_LEN] = "the secret in the credential...";

enum job {
        JOB_QUOTE,
        JOB_STATUS,
        JOB_ACTIVATE,
        JOB_CREATE_KEY,
        JOB_IDENTITY,
        JOB_COUNT,
};

/* What the proxy saw a job send, over a new connection. */
struct job_commands {
        char names[COMMANDS_MAX][32];
        unsigned count;
        unsigned total;
};

struct matrix {
        struct fixture fixture;
        struct swtpm_proxy proxy;
        struct job_commands jobs[JOB_COUNT];
        struct tpm_key_file key;       /* of the start: put back after each new one ... */
        struct base_buffer credential; /* ... since this is for it */
        struct base_buffer encrypted_secret;
};

static uint64_t now_ms(void)
{
        return base_system_clock.monotonic_ms(base_system_clock.context);
}

static enum base_error_code perform(struct matrix *matrix, enum job job, struct answer *ret)
{
        struct fixture *fixture = &matrix->fixture;

        switch (job) {
        case JOB_STATUS:
                (void) fixture_status(fixture, ret);
                return ret->status.state == TPM_STATE_READY ? BASE_ERROR_NONE : ret->status.reason.code;
        case JOB_ACTIVATE:
                return fixture_activate(fixture, base_buffer_bytes(&matrix->credential),
                                        base_buffer_bytes(&matrix->encrypted_secret), ret);
        case JOB_CREATE_KEY:
                return fixture_create_key(fixture, ret);
        case JOB_IDENTITY:
                return fixture_identity(fixture, ret);
        default:
                return fixture_quote(fixture, challenge, ret);
        }
}

static void begin(struct matrix *matrix, const char *plan)
{
        if (matrix->key.public_len != 0)
                assert_true(tpm_key_file_save(matrix->fixture.state_dir_fd, &matrix->key, NULL));
        swtpm_proxy_plan(&matrix->proxy, plan, NULL, 0);
        fixture_worker(&matrix->fixture, matrix->proxy.tcti);
}

/* Reads {"commands": 12, "by_name": {"Quote": 1, ...}, ...}. */
static void take_report(const char *report, struct job_commands *ret)
{
        const char *at = strstr(report, "by_name");

        *ret = (struct job_commands){ 0 };
        assert_non_null(at);
        at = strchr(at, '{') + 1;
        while (*at == '"' || *at == ',' || *at == ' ') {
                unsigned times = 0;

                at += strcspn(at, "\"");
                assert_true(ret->count < COMMANDS_MAX);
                assert_int_equal(sscanf(at, "\"%31[^\"]\": %u", ret->names[ret->count], &times), 2);
                at = strchr(at, ':') + 1;
                at += strcspn(at, ",}");
                ret->count++;
                ret->total += times;
        }
        assert_true(ret->count > 0);
}

static void learn(struct matrix *matrix)
{
        for (enum job job = 0; job < JOB_COUNT; job++) {
                char report[REPORT_BYTES_MAX];
                struct answer answer;

                begin(matrix, "");
                if (perform(matrix, job, &answer) != BASE_ERROR_NONE)
                        fail_msg("job %d without faults: %s (%s)", job, answer.error.message, answer.error.detail);
                fixture_worker_end(&matrix->fixture);
                swtpm_proxy_plan(&matrix->proxy, "", report, sizeof(report));
                take_report(report, &matrix->jobs[job]);
        }
}

static void make_credential(struct matrix *matrix, const struct answer *made)
{
        evidence_auto_public struct evidence_public *ek = NULL;

        base_buffer_init(&matrix->credential, EVIDENCE_ID_OBJECT_BYTES_MAX);
        base_buffer_init(&matrix->encrypted_secret, EVIDENCE_ENCRYPTED_SECRET_BYTES_MAX);
        assert_true(evidence_public_new(BASE_BYTES(made->ek_public, made->ek_public_len), &ek, NULL));
        assert_true(evidence_credential_make(ek, BASE_BYTES_OF(made->ak_name), BASE_BYTES_OF(secret), &matrix->credential,
                                             &matrix->encrypted_secret, NULL));
        assert_true(tpm_key_file_load(matrix->fixture.state_dir_fd, &matrix->key, NULL));
}

/* An authority approves PCR 11 as it is after a reset. */
static void seal_to_authority(struct fixture *fixture)
{
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(EVIDENCE_AUTHORITY_PEM_BYTES_MAX),
                                            json = BASE_BUFFER_INIT(EVIDENCE_SIGNATURE_FILE_BYTES_MAX);
        struct evidence_pcrs pcrs = { .bank_count = 1, .banks[0] = { .algorithm = TPM_PCR_BANK_SHA256, .mask = 1u << 11 } };
        struct tpm_seal_config *seal = &fixture->config.seal;
        struct authority authority;

        authority_make(&authority, true);
        authority_pem(&authority, &pem);
        base_buffer_put_string(&json, "{\"sha256\": [");
        authority_entry(&authority, &authority, &pcrs, "", &json);
        base_buffer_put_string(&json, "]}");
        authority_clear(&authority);
        assert_true(base_file_replace_at(fixture->state_dir_fd, "key.pem", base_buffer_bytes(&pem), 0644, NULL));
        assert_true(base_file_replace_at(fixture->state_dir_fd, "signatures", base_buffer_bytes(&json), 0644, NULL));
        seal->mode = TPM_SEAL_MODE_SIGNED;
        (void) snprintf(seal->root, sizeof(seal->root), "%s/var", fixture->tpm.directory);
        (void) snprintf(seal->public_key, sizeof(seal->public_key), "/key.pem");
        (void) snprintf(seal->signatures, sizeof(seal->signatures), "/signatures");
}

static void start(struct matrix *matrix, bool certificates, bool to_authority)
{
        struct answer made;

        fixture_start(&matrix->fixture, certificates);
        if (to_authority)
                seal_to_authority(&matrix->fixture);
        swtpm_proxy_start(&matrix->proxy, &matrix->fixture.tpm, (const char *const[]){ NULL });
        begin(matrix, "");
        if (fixture_create_key(&matrix->fixture, &made) != BASE_ERROR_NONE)
                fail_msg("%s (%s)", made.error.message, made.error.detail);
        fixture_worker_end(&matrix->fixture);
        make_credential(matrix, &made);
        learn(matrix);
}

static int start_plain(void **state)
{
        static struct matrix matrix;

        start(&matrix, false, false);
        *state = &matrix;
        return 0;
}

static int start_with_certificates(void **state)
{
        static struct matrix matrix;

        start(&matrix, true, false);
        *state = &matrix;
        return 0;
}

static int start_signed(void **state)
{
        static struct matrix matrix;

        start(&matrix, false, true);
        *state = &matrix;
        return 0;
}

static int end(void **state)
{
        struct matrix *matrix = *state;

        fixture_worker_end(&matrix->fixture);
        swtpm_proxy_stop(&matrix->proxy);
        base_buffer_clear(&matrix->credential);
        base_buffer_clear(&matrix->encrypted_secret);
        fixture_end(&matrix->fixture);
        return 0;
}

static bool is_named(enum base_error_code code)
{
        return code == BASE_ERROR_TPM_UNAVAILABLE || code == BASE_ERROR_TPM_FAILED || code == BASE_ERROR_EVIDENCE_INVALID;
}

/* The same worker, without a restart. */
static void recovers(struct matrix *matrix, const char *after)
{
        uint64_t until = now_ms() + ANSWER_BOUND_MS;
        struct answer answer;

        swtpm_proxy_plan(&matrix->proxy, "", NULL, 0);
        while (fixture_quote(&matrix->fixture, challenge, &answer) != BASE_ERROR_NONE) {
                if (now_ms() > until)
                        fail_msg("no quote after \"%s\": %s (%s)", after, answer.error.message, answer.error.detail);
        }
        assert_int_equal(tpm_worker_known_status(matrix->fixture.worker)->state, TPM_STATE_READY);
}

/* A job meets the fault while a quote waits behind it: both are answered in time, with a name for what failed. */
static void meet(struct matrix *matrix, enum job job, const char *plan, bool may_succeed)
{
        struct answer first, second = { 0 };
        uint64_t began = now_ms();
        enum base_error_code code;

        begin(matrix, plan);
        code = perform(matrix, job, &first);
        assert_true(tpm_worker_quote(matrix->fixture.worker, challenge, fixture_on_quote, &second, NULL));
        fixture_wait(&matrix->fixture, &second);
        if (now_ms() - began > ANSWER_BOUND_MS)
                fail_msg("job %d, \"%s\": no answer in time", job, plan);
        if (!is_named(code) && !(may_succeed && code == BASE_ERROR_NONE))
                fail_msg("job %d, \"%s\": %s \"%s\" (%s)", job, plan, base_error_name(code), first.error.message,
                         first.error.detail);
        if (second.error.code != BASE_ERROR_NONE && !is_named(second.error.code))
                fail_msg("behind job %d, \"%s\": %s \"%s\" (%s)", job, plan, base_error_name(second.error.code),
                         second.error.message, second.error.detail);
        recovers(matrix, plan);
        fixture_worker_end(&matrix->fixture);
}

struct fault {
        const char *plan;
        bool harmless; /* the job must or may succeed all the same */
};

/* 0x901... and 0x12x: part 2, table 16. */
static const struct fault faults[] = {
        { "--delay-ms 30", true },
        { "--fault rc --rc 0x921 --times 2" },       /* LOCKOUT */
        { "--fault rc --rc 0x922 --times 6", true }, /* RETRY, more often than ESYS repeats */
        { "--fault rc --rc 0x908 --times 6", true }, /* YIELDED */
        { "--fault rc --rc 0x90a --times 6", true }, /* TESTING */
        { "--fault rc --rc 0x902 --times 2" },       /* OBJECT_MEMORY, also after the slots were freed */
        { "--fault rc --rc 0x903 --times 2" },       /* SESSION_MEMORY */
        { "--fault rc --rc 0x902", true },           /* and only before */
        { "--fault rc --rc 0x903", true },
        { "--fault rc --rc 0x101 --times 2" }, /* FAILURE */
        { "--fault drop" },
        { "--fault truncate" },
        { "--fault garbage" },
        { "--fault reset", true },
};

/* Commands whose failure costs nothing but a slot: the job goes on. */
static bool is_dispensable(const char *command)
{
        return strcmp(command, "FlushContext") == 0 || strcmp(command, "EvictControl") == 0;
}

/* Its answer is a header and nothing more (without certificates, that there is no such index): nothing to make garbage of. */
static bool is_answered_by_header(const char *command)
{
        return strcmp(command, "PolicyPCR") == 0 || strcmp(command, "PolicyAuthorize") == 0 ||
               strcmp(command, "NV_ReadPublic") == 0;
}

/* The first job that uses the command, in the order of the enumeration; JOB_COUNT: none. */
static enum job user_of(const struct matrix *matrix, const char *command)
{
        for (enum job job = 0; job < JOB_COUNT; job++) {
                for (unsigned i = 0; i < matrix->jobs[job].count; i++) {
                        if (strcmp(matrix->jobs[job].names[i], command) == 0)
                                return job;
                }
        }
        return JOB_COUNT;
}

static bool is_first_user(const struct matrix *matrix, enum job job, const char *command)
{
        return user_of(matrix, command) == job;
}

static void every_command_with_every_fault_is_named_and_recovers(void **state)
{
        struct matrix *matrix = *state;
        unsigned cases = 0;

        for (enum job job = 0; job < JOB_COUNT; job++) {
                for (unsigned i = 0; i < matrix->jobs[job].count; i++) {
                        const char *command = matrix->jobs[job].names[i];

                        if (!is_first_user(matrix, job, command))
                                continue;
                        for (size_t f = i % TEST_STRIDE; f < BASE_COUNT(faults); f += TEST_STRIDE, cases++) {
                                char plan[160];

                                (void) snprintf(plan, sizeof(plan), "%s --only %s", faults[f].plan, command);
                                meet(matrix, job, plan,
                                     faults[f].harmless || is_dispensable(command) ||
                                             (is_answered_by_header(command) && strstr(plan, "garbage") != NULL));
                        }
                }
        }
        print_message("%u cases\n", cases);
        assert_true(cases >= 8 * BASE_COUNT(faults) / TEST_STRIDE);
}

/* The connection ends at each command in turn; what is left behind must not use up the TPM's slots. */
static void every_position_dropped_or_cut_is_named_and_recovers(void **state)
{
        static const char *const plans[] = { "--fault drop --at %u", "--fault truncate --at %u" };
        struct matrix *matrix = *state;

        for (enum job job = 0; job < JOB_COUNT; job++) {
                for (unsigned at = 1; at <= matrix->jobs[job].total; at++) {
                        char plan[64];

                        (void) snprintf(plan, sizeof(plan), plans[at % BASE_COUNT(plans)], at);
                        meet(matrix, job, plan, true);
                }
        }
}

static void every_command_that_hangs_is_unavailable_in_time_and_recovers(void **state)
{
        struct matrix *matrix = *state;

        matrix->fixture.config.job_timeout_ms = HANG_TIMEOUT_MS;
        for (enum job job = 0; job < JOB_COUNT; job++) {
                for (unsigned i = 0; i < matrix->jobs[job].count; i++) {
                        struct answer first = { 0 }, second = { 0 };
                        char plan[96];

                        if (!is_first_user(matrix, job, matrix->jobs[job].names[i]))
                                continue;
                        (void) snprintf(plan, sizeof(plan), "--fault hang --only %s", matrix->jobs[job].names[i]);
                        begin(matrix, plan);
                        if (perform(matrix, job, &first) != BASE_ERROR_TPM_UNAVAILABLE)
                                fail_msg("job %d, \"%s\": %s", job, plan, first.error.message);
                        assert_true(tpm_worker_quote(matrix->fixture.worker, challenge, fixture_on_quote, &second, NULL));
                        fixture_wait(&matrix->fixture, &second);
                        recovers(matrix, plan);
                        fixture_worker_end(&matrix->fixture);
                }
        }
        matrix->fixture.config.job_timeout_ms = 0;
}

static uint32_t lockout_counter(struct matrix *matrix)
{
        tpm_auto_connection struct tpm_connection connection = { 0 };
        tpm_auto_esys TPMS_CAPABILITY_DATA *data = NULL;
        TPMI_YES_NO more;

        assert_true(tpm_connection_open(matrix->fixture.tpm.tcti, &connection, NULL));
        assert_int_equal(Esys_GetCapability(connection.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES,
                                            LOCKOUT_COUNTER, 1, &more, &data),
                         TSS2_RC_SUCCESS);
        assert_int_equal(data->data.tpmProperties.count, 1);
        assert_int_equal(data->data.tpmProperties.tpmProperty[0].property, LOCKOUT_COUNTER);
        return data->data.tpmProperties.tpmProperty[0].value;
}

struct alteration {
        const char *plan;
        const char *what;
};

/* Offsets from the end: TPM2B_DATA, TPMT_SIG_SCHEME (2), TPML_PCR_SELECTION of one bank (10). */
static const struct alteration alterations[] = {
        { "--fault alter --only Quote --times 0 --offset -1", "the selected PCRs" },
        { "--fault alter --only Quote --times 0 --offset -5", "the bank" },
        { "--fault alter --only Quote --times 0 --offset -20", "the qualifying data" },
        { "--fault alter-answer --only Quote --times 0 --offset 100", "what was signed" },
        { "--fault alter-answer --only Quote --times 0 --offset -1", "the answer's own HMAC" },
        { "--fault alter --only PolicyPCR --times 0 --offset -2", "the policy's PCRs" },
};

static void quote_altered_on_the_way_is_an_error_and_no_quote(void **state)
{
        struct matrix *matrix = *state;

        for (size_t i = 0; i < BASE_COUNT(alterations); i++) {
                struct answer answer;

                begin(matrix, alterations[i].plan);
                if (fixture_quote(&matrix->fixture, challenge, &answer) == BASE_ERROR_NONE)
                        fail_msg("%s may be altered", alterations[i].what);
                if (!is_named(answer.error.code))
                        fail_msg("%s: %s \"%s\"", alterations[i].what, base_error_name(answer.error.code), answer.error.message);
                recovers(matrix, alterations[i].plan);
                fixture_worker_end(&matrix->fixture);
        }
        assert_int_equal(lockout_counter(matrix), 0);
}

/* The attacker on the bus has the new key sealed to a value of their choice, or its public part exchanged. */
static void create_key_altered_on_the_way_keeps_the_old_key(void **state)
{
        static const char *const plans[] = {
                "--fault alter-answer --only PCR_Read --times 0 --offset 40",
                "--fault alter --only Create --times 0 --offset -1",
                "--fault alter-answer --only Create --times 0 --offset 60",
        };
        struct matrix *matrix = *state;

        for (size_t i = 0; i < BASE_COUNT(plans); i++) {
                struct answer before, after, answer;

                begin(matrix, "");
                assert_int_equal(fixture_identity(&matrix->fixture, &before), BASE_ERROR_NONE);
                fixture_worker_end(&matrix->fixture);
                begin(matrix, plans[i]);
                if (fixture_create_key(&matrix->fixture, &answer) == BASE_ERROR_NONE)
                        fail_msg("unnoticed: \"%s\"", plans[i]);
                assert_true(is_named(answer.error.code));
                recovers(matrix, plans[i]);
                assert_int_equal(fixture_identity(&matrix->fixture, &after), BASE_ERROR_NONE);
                assert_memory_equal(before.ak_name, after.ak_name, EVIDENCE_KEY_ID_LEN);
                fixture_worker_end(&matrix->fixture);
        }
}

static void faults_never_count_towards_lockout(void **state)
{
        assert_int_equal(lockout_counter(*state), 0);
}

static void meet_every_fault(struct matrix *matrix, enum job job, const char *const commands[], size_t count)
{
        for (size_t i = 0; i < count; i++) {
                assert_true(user_of(matrix, commands[i]) != JOB_COUNT);
                for (size_t f = i % TEST_STRIDE; f < BASE_COUNT(faults); f += TEST_STRIDE) {
                        char plan[160];

                        (void) snprintf(plan, sizeof(plan), "%s --only %s", faults[f].plan, commands[i]);
                        meet(matrix, job, plan,
                             faults[f].harmless || (is_answered_by_header(commands[i]) && strstr(plan, "garbage") != NULL));
                }
        }
}

static void commands_that_only_certificates_need_are_named_and_recover(void **state)
{
        static const char *const commands[] = { "NV_ReadPublic", "NV_Read" };

        meet_every_fault(*state, JOB_IDENTITY, commands, BASE_COUNT(commands));
        /* The first two indices are not there; this one is. */
        meet(*state, JOB_IDENTITY, "--fault garbage --only NV_ReadPublic --at 3", false);
}

static void commands_that_only_signed_mode_needs_are_named_and_recover(void **state)
{
        static const char *const commands[] = { "LoadExternal", "VerifySignature", "PolicyAuthorize" };

        meet_every_fault(*state, JOB_QUOTE, commands, BASE_COUNT(commands));
}

int main(void)
{
        static const struct CMUnitTest plain[] = {
                cmocka_unit_test(every_command_with_every_fault_is_named_and_recovers),
                cmocka_unit_test(every_position_dropped_or_cut_is_named_and_recovers),
                cmocka_unit_test(every_command_that_hangs_is_unavailable_in_time_and_recovers),
                cmocka_unit_test(quote_altered_on_the_way_is_an_error_and_no_quote),
                cmocka_unit_test(create_key_altered_on_the_way_keeps_the_old_key),
                cmocka_unit_test(faults_never_count_towards_lockout),
        };
        static const struct CMUnitTest with_certificates[] = {
                cmocka_unit_test(commands_that_only_certificates_need_are_named_and_recover),
                cmocka_unit_test(faults_never_count_towards_lockout),
        };

        static const struct CMUnitTest with_authority[] = {
                cmocka_unit_test(commands_that_only_signed_mode_needs_are_named_and_recover),
                cmocka_unit_test(quote_altered_on_the_way_is_an_error_and_no_quote),
                cmocka_unit_test(faults_never_count_towards_lockout),
        };

        return cmocka_run_group_tests_name("plain", plain, start_plain, end) +
               cmocka_run_group_tests_name("sealed to an authority", with_authority, start_signed, end) +
               cmocka_run_group_tests_name("with certificates", with_certificates, start_with_certificates, end);
}
