/* SPDX-License-Identifier: BSD-2-Clause */
/* Seal mode "signed" against tpm2-tools, openssl(1) and systemd-measure(1). */
#include "tests/cmocka.h"
#include "tests/tpm/authority.h"
#include "tests/tpm/fixture.h"

#include "base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SYSTEMD_MEASURE "/usr/lib/systemd/systemd-measure"

static const uint8_t challenge[TPM_QUALIFYING_DATA_LEN] = "a challenge of thirty-two bytes";

static int start(void **state)
{
        static struct fixture fixture;

        fixture_start(&fixture, false);
        *state = &fixture;
        return 0;
}

static int end(void **state)
{
        fixture_end(*state);
        return 0;
}

/* In the state directory; $0 is the TCTI. */
static void shell(const struct fixture *fixture, const char *script)
{
        char text[2048], output[4096];

        assert_true(snprintf(text, sizeof(text), "set -e; cd %s/var; %s", fixture->tpm.directory, script) < (int) sizeof(text));
        if (swtpm_command(&fixture->tpm, output, sizeof(output),
                          (const char *const[]){ "sh", "-c", text, fixture->tpm.tcti, NULL }) != 0)
                fail_msg("%s: %s", script, output);
}

static void read_file(const struct fixture *fixture, const char *name, struct base_buffer *to)
{
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_reset(to);
        if (!base_file_read_at(fixture->state_dir_fd, name, to, &error))
                fail_msg("%s", error.message);
}

static void assert_file_is(const struct fixture *fixture, const char *name, struct base_bytes expected)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(65536);

        read_file(fixture, name, &content);
        if (!base_bytes_equal(base_buffer_bytes(&content), expected))
                fail_msg("%s is another one", name);
}

static void authority_of(const struct fixture *fixture, struct evidence_authority *ret)
{
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(EVIDENCE_AUTHORITY_PEM_BYTES_MAX);
        struct base_error error = BASE_ERROR_INIT;

        read_file(fixture, "public.pem", &pem);
        if (!evidence_authority_from_pem(base_buffer_bytes(&pem), ret, &error))
                fail_msg("%s", error.message);
}

struct key_kind {
        const char *make;
        const char *load;
};

static const struct key_kind kinds[] = {
        { "openssl genrsa -out private.pem 2048; openssl rsa -in private.pem -pubout -out public.pem", "rsa" },
        { "openssl ecparam -name prime256v1 -genkey -noout -out private.pem; openssl ec -in private.pem -pubout -out public.pem",
          "ecc" },
};

/* The key's name, the authPolicy with and without reference, and a signature by openssl dgst. */
static void policy_authorize_of_tpm2_tools_is_the_same(void **state)
{
        struct fixture *fixture = *state;

        for (size_t i = 0; i < BASE_COUNT(kinds); i++) {
                struct evidence_authority authority;
                uint8_t policy[EVIDENCE_POLICY_DIGEST_LEN];
                char script[256];

                shell(fixture, kinds[i].make);
                authority_of(fixture, &authority);
                (void) snprintf(
                        script, sizeof(script),
                        "tpm2_loadexternal -C o -G %s -u public.pem -a 'userwithauth|sign|decrypt' -c key.ctx -n key.name; "
                        "tpm2_flushcontext -t",
                        kinds[i].load);
                shell(fixture, script);
                assert_file_is(fixture, "key.name", BASE_BYTES_OF(authority.name));

                shell(fixture, "tpm2_createpolicy --policy-pcr -l sha256:11 -L pcr.policy; printf fleet-2 > ref; "
                               "tpm2_startauthsession -S session; "
                               "tpm2_policyauthorize -S session -L plain.policy -i pcr.policy -n key.name; "
                               "tpm2_flushcontext session; tpm2_startauthsession -S session; "
                               "tpm2_policyauthorize -S session -L ref.policy -i pcr.policy -n key.name -q ref; "
                               "tpm2_flushcontext session");
                assert_true(evidence_policy_authorize_digest(BASE_BYTES_OF(authority.name), BASE_BYTES(NULL, 0), policy, NULL));
                assert_file_is(fixture, "plain.policy", BASE_BYTES_OF(policy));
                assert_true(
                        evidence_policy_authorize_digest(BASE_BYTES_OF(authority.name), BASE_BYTES("fleet-2", 7), policy, NULL));
                assert_file_is(fixture, "ref.policy", BASE_BYTES_OF(policy));
        }
}

static void signature_of_openssl_verifies(void **state)
{
        base_auto_buffer struct base_buffer approved = BASE_BUFFER_INIT(64), signature = BASE_BUFFER_INIT(512);
        struct fixture *fixture = *state;

        for (size_t i = 0; i < BASE_COUNT(kinds); i++) {
                evidence_auto_public struct evidence_public *key = NULL;
                uint8_t converted[EVIDENCE_AUTHORITY_SIGNATURE_BYTES_MAX];
                struct evidence_authority authority;
                size_t len;

                shell(fixture, kinds[i].make);
                authority_of(fixture, &authority);
                shell(fixture, "tpm2_createpolicy --policy-pcr -l sha256:11 -L pcr.policy; printf fleet-2 > ref; "
                               "cat pcr.policy ref > message; openssl dgst -sha256 -sign private.pem -out signature message");
                read_file(fixture, "pcr.policy", &approved);
                read_file(fixture, "signature", &signature);
                assert_true(evidence_public_new(BASE_BYTES(authority.public_area, authority.public_len), &key, NULL));
                assert_true(evidence_authority_verify(key, approved.data, BASE_BYTES("fleet-2", 7), base_buffer_bytes(&signature),
                                                      converted, &len, NULL));
                assert_false(evidence_authority_verify(key, approved.data, BASE_BYTES(NULL, 0), base_buffer_bytes(&signature),
                                                       converted, &len, NULL));
        }
}

/* A boot as systemd-stub and systemd-pcrphase measure it, signed by systemd-measure for two of its phases. */
static void quote_after_boot_signed_by_systemd_measure_works(void **state)
{
        struct fixture *fixture = *state;
        struct tpm_seal_config *seal = &fixture->config.seal;
        struct answer made, answer;

        if (access(SYSTEMD_MEASURE, X_OK) != 0)
                skip();
        shell(fixture, kinds[0].make);
        shell(fixture, "printf 'a kernel' > linux; " SYSTEMD_MEASURE
                       " sign --linux=linux --bank=sha256 --bank=sha384 --phase=enter-initrd --phase=enter-initrd:leave-initrd "
                       "--private-key=private.pem --public-key=public.pem --tpm2-device=$0 > signatures.json");
        seal->mode = TPM_SEAL_MODE_SIGNED;
        (void) snprintf(seal->root, sizeof(seal->root), "%s/var", fixture->tpm.directory);
        (void) snprintf(seal->public_key, sizeof(seal->public_key), "/public.pem");
        (void) snprintf(seal->signatures, sizeof(seal->signatures), "/signatures.json");
        fixture_worker(fixture, fixture->tpm.tcti);
        (void) fixture_create_key(fixture, &made);
        assert_int_equal(made.error.code, BASE_ERROR_SEALED);
        /* The section's name with its NUL, its content, the phase: each in both banks. */
        shell(fixture,
              "extend() { tpm2_pcrextend 11:sha256=$(sha256sum < $1 | cut -c-64),sha384=$(sha384sum < $1 | cut -c-96); }; "
              "printf '.linux\\0' > section; extend section; extend linux; printf enter-initrd > phase; extend phase");
        if (fixture_create_key(fixture, &made) != BASE_ERROR_NONE)
                fail_msg("%s", made.error.message);
        assert_int_equal(fixture_quote(fixture, challenge, &answer), BASE_ERROR_NONE);
        shell(fixture,
              "extend() { tpm2_pcrextend 11:sha256=$(sha256sum < $1 | cut -c-64),sha384=$(sha384sum < $1 | cut -c-96); }; "
              "printf leave-initrd > phase; extend phase");
        assert_int_equal(fixture_quote(fixture, challenge, &answer), BASE_ERROR_NONE);
        assert_memory_equal(answer.quote.key_name, made.ak_name, EVIDENCE_KEY_ID_LEN);
        swtpm_extend(&fixture->tpm, 11);
        assert_int_equal(fixture_quote(fixture, challenge, &answer), BASE_ERROR_SEALED);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(policy_authorize_of_tpm2_tools_is_the_same, start, end),
                cmocka_unit_test_setup_teardown(signature_of_openssl_verifies, start, end),
                cmocka_unit_test_setup_teardown(quote_after_boot_signed_by_systemd_measure_works, start, end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
