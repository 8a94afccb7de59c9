/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Against a real TPM 2.0 implementation: swtpm, driven by tpm2-tools. What the TPM quotes must verify here, and what is
 * encrypted here the TPM must open, for each kind of endorsement key, and for no other attestation key.
 */
#include "base/file.h"
#include "evidence/enrollment.h"
#include "evidence/evidence.h"
#include "evidence/header.h"
#include "evidence/nonce.h"
#include "evidence/tpm_numbers.h"
#include "tests/evidence/support.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NOW              1760000000u
#define WAIT_STEPS       200
#define WAIT_STEP_US     50000
#define COMMAND_SECONDS  60
#define PCR_SELECTION    "sha256:0,7"
#define PCR_MASK         (1u << 0 | 1u << 7)
#define CREDENTIAL_MAGIC 0xbadcc0deu /* of the files of tpm2_makecredential and tpm2_activatecredential */

static char directory[] = "/tmp/attesterd-evidence-XXXXXX";
static pid_t swtpm;

static const uint8_t verifier_key[32] = { 7, 7, 7 };

static void path_of(const char *name, char *ret, size_t len)
{
        (void) snprintf(ret, len, "%s/%s", directory, name);
}

/* Runs a shell command in the test's directory and returns whether it succeeded; its output goes to "log" there. */
static bool run(const char *command)
{
        char line[4096];
        int status;

        (void) snprintf(line, sizeof(line),
                        "cd %s && exec >log 2>&1 && export TPM2TOOLS_TCTI=swtpm:path=%s/sock && "
                        "exec timeout %d sh -ec '%s'",
                        directory, directory, COMMAND_SECONDS, command);
        status = system(line);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The output of the last command. */
static void read_log(struct base_buffer *to)
{
        char path[256];

        path_of("log", path, sizeof(path));
        test_file_read(path, to);
}

static void must_run(const char *command)
{
        base_auto_buffer struct base_buffer log = BASE_BUFFER_INIT(65536);

        if (run(command))
                return;
        read_log(&log);
        fail_msg("%s\n%s", command, base_buffer_c_string(&log));
}

/* Runs what must fail, and for this reason. */
static void must_fail(const char *command, const char *reason)
{
        base_auto_buffer struct base_buffer log = BASE_BUFFER_INIT(65536);

        assert_false(run(command));
        read_log(&log);
        if (strstr(base_buffer_c_string(&log), reason) == NULL)
                fail_msg("%s\n%s", command, base_buffer_c_string(&log));
}

static void read_output(const char *name, struct base_buffer *to)
{
        char path[256];

        path_of(name, path, sizeof(path));
        test_file_read(path, to);
}

static void write_input(const char *name, struct base_bytes content)
{
        struct base_error error;
        char path[256];

        path_of(name, path, sizeof(path));
        assert_ok(base_file_replace_at(AT_FDCWD, path, content, 0600, &error));
}

static bool start_swtpm(void)
{
        char state[256], server[256], control[256], socket[256];
        struct stat info;

        (void) snprintf(state, sizeof(state), "dir=%s/state", directory);
        (void) snprintf(server, sizeof(server), "type=unixio,path=%s/sock", directory);
        (void) snprintf(control, sizeof(control), "type=unixio,path=%s/sock.ctrl", directory);
        (void) snprintf(socket, sizeof(socket), "%s/sock.ctrl", directory);
        swtpm = fork();
        if (swtpm == 0) {
                int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) dup2(null, STDERR_FILENO); /* it reports each client that disconnects */
                execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl", control,
                       "--flags", "startup-clear", (char *) NULL);
                _exit(127);
        }
        for (int i = 0; i < WAIT_STEPS; i++) {
                if (stat(socket, &info) == 0 && run("tpm2_getcap properties-fixed"))
                        return true;
                (void) usleep(WAIT_STEP_US);
        }
        return false;
}

/*
 * Attestation keys "ak" and "other", sealed to two PCRs; their handles are flushed after each step since there is no resource
 * manager. EK handles are those that swtpm_setup made persistent.
 */
static int set_up(void **state)
{
        if (mkdtemp(directory) == NULL ||
            !run("mkdir state && swtpm_setup --tpm2 --tpmstate \"$PWD/state\" --createek --pcr-banks sha256") || !start_swtpm())
                return -1;
        must_run("tpm2_pcrextend 0:sha256=$(printf %064d 1) 7:sha256=$(printf %064d 7)");
        must_run("tpm2_createprimary -Q -C o -G ecc -c srk.ctx; tpm2_flushcontext -t");
        must_run("tpm2_createek -Q -G ecc -c ek_p256.ctx; tpm2_flushcontext -t");
        must_run("tpm2_createek -Q -G rsa3072 -c ek_rsa3072.ctx; tpm2_flushcontext -t");
        must_run("tpm2_startauthsession -S s; tpm2_policypcr -Q -S s -l " PCR_SELECTION " -L policy; tpm2_flushcontext s");
        must_run("for k in ak other; do tpm2_create -Q -C srk.ctx -G ecc256:ecdsa-sha256:null -u $k.pub -r $k.priv -L policy "
                 "-a \"fixedtpm|fixedparent|sensitivedataorigin|restricted|sign\"; tpm2_flushcontext -t; "
                 "tpm2_load -Q -C srk.ctx -u $k.pub -r $k.priv -c $k.ctx; tpm2_flushcontext -t; done");
        return 0;
}

static int tear_down(void **state)
{
        char command[256];

        if (swtpm > 0) {
                (void) kill(swtpm, SIGTERM);
                (void) waitpid(swtpm, NULL, 0);
        }
        (void) snprintf(command, sizeof(command), "rm -rf %s", directory);
        return system(command);
}

static struct evidence_public *read_public(const char *name)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(4096);
        struct evidence_public *key = NULL;
        struct base_error error;

        read_output(name, &bytes);
        assert_ok(evidence_public_new(base_buffer_bytes(&bytes), &key, &error));
        return key;
}

/* One request's evidence, all but the quote. */
static void make_evidence(struct evidence *ret, struct evidence_expectation *ret_expectation, uint8_t *ret_qualifying)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        evidence_auto_tree struct evidence_tree *tree = NULL;
        struct evidence_claims claims = { .iat = NOW, .software = "0.1.0", .nonce_len = EVIDENCE_NONCE_LEN };
        uint8_t leaf[EVIDENCE_HASH_LEN];
        struct base_error error;

        assert_ok(evidence_nonce_issue(BASE_BYTES_OF(verifier_key), NOW, 120, &base_system_random, claims.nonce, &error));
        assert_ok(evidence_claims_encode(&claims, &encoded, &error));
        memcpy(ret->claims, encoded.data, ret->claims_len = encoded.len);
        assert_ok(evidence_leaf_hash(base_buffer_bytes(&encoded), leaf, &error));
        assert_ok(evidence_tree_new((const uint8_t(*)[EVIDENCE_HASH_LEN]) leaf, 1, &tree, &error));
        assert_ok(evidence_tree_prove(tree, 0, &ret->proof, &error));
        assert_ok(evidence_tree_qualifying_data(tree, ret_qualifying, &error));
        *ret_expectation = (struct evidence_expectation){ .nonce_key = BASE_BYTES_OF(verifier_key),
                                                          .now = NOW,
                                                          .iat_skew_seconds_max = 9 };
}

static void take_quote(struct evidence_quote *ret)
{
        base_auto_buffer struct base_buffer attest = BASE_BUFFER_INIT(EVIDENCE_ATTEST_BYTES_MAX);
        base_auto_buffer struct base_buffer signature = BASE_BUFFER_INIT(EVIDENCE_SIGNATURE_BYTES_MAX);
        base_auto_buffer struct base_buffer values = BASE_BUFFER_INIT(4096);

        read_output("attest", &attest);
        read_output("sig", &signature);
        read_output("values", &values);
        assert_int_equal(values.len, 64);
        memcpy(ret->attest, attest.data, ret->attest_len = attest.len);
        memcpy(ret->signature, signature.data, ret->signature_len = signature.len);
        ret->pcrs = (struct evidence_pcrs){ .bank_count = 1,
                                            .banks[0] = { .algorithm = EVIDENCE_TPM_ALG_SHA256, .mask = PCR_MASK } };
        memcpy(ret->pcrs.banks[0].values[0], values.data, 32);
        memcpy(ret->pcrs.banks[0].values[7], values.data + 32, 32);
}

#define QUOTE                                                                                                                    \
        "tpm2_flushcontext -s; tpm2_startauthsession --policy-session -S s; tpm2_policypcr -Q -S s -l " PCR_SELECTION "; "       \
        "tpm2_quote -Q -c ak.ctx -p session:s -l " PCR_SELECTION " -q qualifying -m attest -s sig -f tss -o values -F values"

static void evidence_verify_live_quote_accepted(void **state)
{
        static struct evidence evidence, decoded;
        base_auto_buffer struct base_buffer header = BASE_BUFFER_INIT(EVIDENCE_HEADER_TEXT_BYTES_MAX);
        evidence_auto_public struct evidence_public *ak = read_public("ak.pub"), *other = read_public("other.pub");
        evidence_auto_verdict struct evidence_verdict verdict = { .sealed_to_quoted_pcrs = false };
        struct evidence_expectation expectation;
        uint8_t qualifying[EVIDENCE_HASH_LEN];
        struct base_error error;

        make_evidence(&evidence, &expectation, qualifying);
        write_input("qualifying", BASE_BYTES_OF(qualifying));
        must_run(QUOTE);
        must_run("tpm2_flushcontext s; tpm2_flushcontext -t");
        take_quote(&evidence.quote);
        memcpy(evidence.key_id, evidence_public_name(ak).data, sizeof(evidence.key_id));
        assert_ok(evidence_encode_header(&evidence, &header, &error));
        assert_ok(evidence_decode_header((const char *) header.data, header.len, &decoded, &error));
        expectation.attestation_key = ak;
        assert_ok(evidence_verify(&decoded, &expectation, &verdict, &error));
        assert_true(verdict.sealed_to_quoted_pcrs);
        expectation.attestation_key = other;
        assert_refused(evidence_verify(&decoded, &expectation, &verdict, &error), BASE_ERROR_EVIDENCE_INVALID, "another key");
        expectation.attestation_key = ak;
        expectation.request_digest[0] = 1;
        assert_refused(evidence_verify(&decoded, &expectation, &verdict, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "another token request");
}

/* Makes a challenge for `ak` and the endorsement key, as a file for tpm2_activatecredential. */
static void write_challenge(const struct evidence_public *ek, const struct evidence_public *ak, uint64_t expires)
{
        base_auto_buffer struct base_buffer message = BASE_BUFFER_INIT(EVIDENCE_ENROLLMENT_BYTES_MAX);
        base_auto_buffer struct base_buffer file = BASE_BUFFER_INIT(EVIDENCE_ENROLLMENT_BYTES_MAX);
        struct evidence_enrollment_challenge challenge;
        struct base_error error;

        assert_ok(evidence_enrollment_challenge_make(BASE_BYTES_OF(verifier_key), ek, ak, expires, &message, &error));
        assert_ok(evidence_enrollment_challenge_decode(base_buffer_bytes(&message), &challenge, &error));
        base_buffer_put_u32(&file, CREDENTIAL_MAGIC);
        base_buffer_put_u32(&file, 1);
        base_buffer_put_bytes(&file, challenge.id_object);
        base_buffer_put_bytes(&file, challenge.encrypted_secret);
        write_input("credential", base_buffer_bytes(&file));
}

#define ACTIVATE_BEGIN                                                                                                           \
        "rm -f secret; tpm2_flushcontext -t; tpm2_flushcontext -s; tpm2_startauthsession --policy-session -S s; "                \
        "tpm2_policysecret -Q -S s -c e; "
#define ACTIVATE(ek, ak) ACTIVATE_BEGIN "tpm2_activatecredential -Q -C " ek " -c " ak ".ctx -i credential -o secret -P session:s"
/* The P-384 key is of a template that lets its (empty) password open it. */
#define ACTIVATE_PASSWORD(ek, ak)                                                                                                \
        "rm -f secret; tpm2_flushcontext -t; tpm2_flushcontext -s; tpm2_activatecredential -Q -C " ek " -c " ak                  \
        ".ctx -i credential -o secret"

static void enroll(const char *read_ek, const char *activate, const char *activate_other)
{
        base_auto_buffer struct base_buffer secret = BASE_BUFFER_INIT(4096);
        struct evidence_enrollment_request request = { .has_activation = true, .expires = NOW + 60 };
        evidence_auto_public struct evidence_public *ak = read_public("ak.pub"), *other = read_public("other.pub"), *ek = NULL;
        struct base_error error;

        must_run("tpm2_flushcontext -t");
        must_run(read_ek);
        ek = read_public("ek.pub");
        write_challenge(ek, ak, request.expires);
        must_run(activate);
        read_output("secret", &secret);
        assert_int_equal(secret.len, sizeof(request.secret));
        memcpy(request.secret, secret.data, secret.len);
        assert_ok(evidence_enrollment_check(BASE_BYTES_OF(verifier_key), &request, ek, ak, NOW, &error));
        assert_refused(evidence_enrollment_check(BASE_BYTES_OF(verifier_key), &request, ek, other, NOW, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "not the one");
        /* The TPM holds the other key as well, but the credential is not for it. */
        must_fail(activate_other, "integrity check failed");
}

static void challenge_for_rsa_2048_is_opened_by_its_tpm_only_for_its_key(void **state)
{
        enroll("tpm2_readpublic -Q -c 0x81010001 -f tss -o ek.pub", ACTIVATE("0x81010001", "ak"),
               ACTIVATE("0x81010001", "other"));
}

static void challenge_for_ecc_p256_is_opened_by_its_tpm_only_for_its_key(void **state)
{
        enroll("tpm2_readpublic -Q -c ek_p256.ctx -f tss -o ek.pub", ACTIVATE("ek_p256.ctx", "ak"),
               ACTIVATE("ek_p256.ctx", "other"));
}

static void challenge_for_ecc_p384_is_opened_by_its_tpm_only_for_its_key(void **state)
{
        enroll("tpm2_readpublic -Q -c 0x81010016 -f tss -o ek.pub", ACTIVATE_PASSWORD("0x81010016", "ak"),
               ACTIVATE_PASSWORD("0x81010016", "other"));
}

static void challenge_for_rsa_3072_is_opened_by_its_tpm_only_for_its_key(void **state)
{
        enroll("tpm2_readpublic -Q -c ek_rsa3072.ctx -f tss -o ek.pub", ACTIVATE_PASSWORD("ek_rsa3072.ctx", "ak"),
               ACTIVATE_PASSWORD("ek_rsa3072.ctx", "other"));
}

/* Last, since it changes the boot state for good: a sealed key no longer signs, so nothing could be sent. */
static void quote_after_pcr_change_is_refused_by_the_tpm(void **state)
{
        must_run("tpm2_flushcontext -t; tpm2_pcrextend 7:sha256=$(printf %064d 8)");
        must_fail(QUOTE, "policy check failed");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(evidence_verify_live_quote_accepted),
                cmocka_unit_test(challenge_for_rsa_2048_is_opened_by_its_tpm_only_for_its_key),
                cmocka_unit_test(challenge_for_ecc_p256_is_opened_by_its_tpm_only_for_its_key),
                cmocka_unit_test(challenge_for_ecc_p384_is_opened_by_its_tpm_only_for_its_key),
                cmocka_unit_test(challenge_for_rsa_3072_is_opened_by_its_tpm_only_for_its_key),
                cmocka_unit_test(quote_after_pcr_change_is_refused_by_the_tpm),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
