/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Endorsement keys and credentials against tpm2-tools: each kind of key that libtpms offers is the one that tpm2_createek makes
 * of the TCG's templates, and opens what tpm2_makecredential and evidence/credential.h make for it.
 */
#include "tests/cmocka.h"
#include "tests/tpm/fixture.h"

#include "base/file.h"
#include "evidence/credential.h"

#include <string.h>

#define CREDENTIAL_LIMIT 2048

static const uint8_t secret[TPM_CREDENTIAL_SECRET_LEN] = "the secret in the credential...";

struct key_kind {
        const char *name;       /* of tpm2_createek */
        const char *options[5]; /* of swtpm_setup; none: no certificates */
        const char *undefine;   /* a certificate that would come first */
        size_t name_len;        /* of the endorsement key: its name algorithm */
        size_t encrypted_len;   /* of a TPM2B_ENCRYPTED_SECRET for it */
};

static const struct key_kind p256 = { "ecc256", { NULL }, NULL, 34, 2 + 2 * (2 + 32) };
static const struct key_kind p384 = { "ecc384", { "--pcr-banks", "sha256", NULL }, NULL, 50, 2 + 2 * (2 + 48) };
static const struct key_kind rsa2048 = { "rsa2048", { "--pcr-banks", "sha256", NULL }, "0x1c00016", 34, 2 + 256 };
static const struct key_kind rsa3072 = {
        "rsa3072", { "--pcr-banks", "sha256", "--rsa-keysize", "3072", NULL }, "0x1c00016", 50, 2 + 384
};

static void must(enum base_error_code code, const struct answer *answer)
{
        if (code != BASE_ERROR_NONE)
                fail_msg("%s (%s)", answer->error.message, answer->error.detail);
}

/* In the state directory. */
static void shell(const struct fixture *fixture, const char *script)
{
        char text[2048], output[4096];

        assert_true(snprintf(text, sizeof(text), "set -e; cd %s/var; %s", fixture->tpm.directory, script) < (int) sizeof(text));
        if (swtpm_command(&fixture->tpm, output, sizeof(output), (const char *const[]){ "sh", "-c", text, NULL }) != 0)
                fail_msg("%s: %s", script, output);
}

static void write_to(const struct fixture *fixture, const char *name, struct base_bytes content)
{
        assert_true(base_file_replace_at(fixture->state_dir_fd, name, content, 0600, NULL));
}

static void read_file(const struct fixture *fixture, const char *name, struct base_buffer *to)
{
        struct base_error error = BASE_ERROR_INIT;

        if (!base_file_read_at(fixture->state_dir_fd, name, to, &error))
                fail_msg("%s", error.message);
}

static void start(struct fixture *fixture, const struct key_kind *kind, struct answer *identity)
{
        if (kind->options[0] == NULL)
                fixture_start(fixture, false);
        else
                fixture_start_with(fixture, kind->options);
        if (kind->undefine != NULL)
                assert_int_equal(swtpm_command(&fixture->tpm, NULL, 0,
                                               (const char *const[]){ "tpm2_nvundefine", "-C", "p", kind->undefine, NULL }),
                                 0);
        fixture_worker(fixture, fixture->tpm.tcti);
        must(fixture_create_key(fixture, identity), identity);
        assert_int_equal(identity->ek_certificate_len != 0, kind->options[0] != NULL);
        write_to(fixture, "ek.pub", BASE_BYTES(identity->ek_public, identity->ek_public_len));
        write_to(fixture, "secret", BASE_BYTES_OF(secret));
}

/* tpm2_createek derives the same key from its own copy of the template. */
static void check_template(const struct fixture *fixture, const struct key_kind *kind, const struct answer *identity)
{
        base_auto_buffer struct base_buffer made = BASE_BUFFER_INIT(EVIDENCE_PUBLIC_BYTES_MAX);
        char script[256];

        (void) snprintf(script, sizeof(script),
                        "tpm2_createek -Q -G %s -c their.ctx; tpm2_flushcontext -t; tpm2_readpublic -Q -c "
                        "their.ctx -f tss -o their.pub; tpm2_flushcontext -t",
                        kind->name);
        shell(fixture, script);
        read_file(fixture, "their.pub", &made);
        assert_int_equal(made.len, identity->ek_public_len);
        assert_memory_equal(made.data, identity->ek_public, made.len);
}

static void hex_of(const uint8_t *bytes, size_t len, char *ret)
{
        for (size_t i = 0; i < len; i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

/* tpm2_makecredential for our ActivateCredential. */
static void check_their_credential(struct fixture *fixture, const struct answer *identity)
{
        base_auto_buffer struct base_buffer made = BASE_BUFFER_INIT(CREDENTIAL_LIMIT);
        char name[2 * EVIDENCE_KEY_ID_LEN + 1], script[256];
        struct base_bytes id_object, encrypted;
        struct base_reader reader;
        struct answer answer;
        uint16_t len;

        hex_of(identity->ak_name, EVIDENCE_KEY_ID_LEN, name);
        (void) snprintf(script, sizeof(script), "tpm2_makecredential -T none -u ek.pub -s secret -n %s -o credential", name);
        shell(fixture, script);
        read_file(fixture, "credential", &made);
        /* A magic, a version, then the two structures. */
        reader = base_reader_over(BASE_BYTES(made.data + 8, made.len - 8));
        assert_true(base_reader_get_u16(&reader, &len));
        reader.position = 0;
        assert_true(base_reader_get_bytes(&reader, len + 2u, &id_object));
        assert_true(base_reader_get_bytes(&reader, base_reader_left(&reader), &encrypted));
        must(fixture_activate(fixture, id_object, encrypted, &answer), &answer);
        assert_memory_equal(answer.secret, secret, sizeof(secret));
}

/* An endorsement key's password, which is empty, opens it only with userWithAuth; without, a policy session does. */
#define ACTIVATE                                                                                                                 \
        "rm -f opened; if tpm2_readpublic -c their.ctx | grep -q userwithauth; then tpm2_flushcontext -t; "                      \
        "tpm2_activatecredential -Q -C their.ctx -c their_ak.ctx -i credential -o opened; else tpm2_flushcontext -t; "           \
        "tpm2_startauthsession --policy-session -S s; tpm2_policysecret -Q -S s -c e; "                                          \
        "tpm2_activatecredential -Q -C their.ctx -c their_ak.ctx -i credential -o opened -P session:s; tpm2_flushcontext s; "    \
        "fi; "                                                                                                                   \
        "tpm2_flushcontext -t"

static void check_our_credential_for(struct fixture *fixture, const struct key_kind *kind, const struct evidence_public *ek,
                                     const struct evidence_public *ak)
{
        base_auto_buffer struct base_buffer id_object = BASE_BUFFER_INIT(CREDENTIAL_LIMIT);
        base_auto_buffer struct base_buffer encrypted = BASE_BUFFER_INIT(CREDENTIAL_LIMIT);
        base_auto_buffer struct base_buffer file = BASE_BUFFER_INIT(2 * CREDENTIAL_LIMIT);
        base_auto_buffer struct base_buffer opened = BASE_BUFFER_INIT(CREDENTIAL_LIMIT);
        struct base_error error = BASE_ERROR_INIT;

        assert_int_equal(evidence_public_name(ek).len, kind->name_len);
        if (!evidence_credential_make(ek, evidence_public_name(ak), BASE_BYTES_OF(secret), &id_object, &encrypted, &error))
                fail_msg("%s", error.message);
        assert_int_equal(encrypted.len, kind->encrypted_len);
        base_buffer_put_u32(&file, 0xbadcc0de);
        base_buffer_put_u32(&file, 1);
        base_buffer_put_bytes(&file, base_buffer_bytes(&id_object));
        base_buffer_put_bytes(&file, base_buffer_bytes(&encrypted));
        write_to(fixture, "credential", base_buffer_bytes(&file));
        shell(fixture, ACTIVATE);
        read_file(fixture, "opened", &opened);
        assert_int_equal(opened.len, sizeof(secret));
        assert_memory_equal(opened.data, secret, sizeof(secret));
        /* A bit in the HMAC, and the TPM does not release it. */
        file.data[8 + 2 + 2 + 5] ^= 1;
        write_to(fixture, "credential", base_buffer_bytes(&file));
        shell(fixture,
              "(" ACTIVATE ") 2> refusal || true; tpm2_flushcontext -s; test ! -e opened; grep 'integrity check failed' refusal");
}

/* Ours for tpm2_activatecredential, with an attestation key of tpm2-tools' making. */
static void check_our_credential(struct fixture *fixture, const struct key_kind *kind, const struct answer *identity)
{
        base_auto_buffer struct base_buffer public = BASE_BUFFER_INIT(EVIDENCE_PUBLIC_BYTES_MAX);
        evidence_auto_public struct evidence_public *ek = NULL, *ak = NULL;
        struct base_error error = BASE_ERROR_INIT;

        shell(fixture,
              "tpm2_createprimary -Q -C o -G ecc -c srk.ctx; tpm2_flushcontext -t; tpm2_create -Q -C srk.ctx -G "
              "ecc256:ecdsa-sha256:null -u their_ak.pub -r their_ak.priv -a "
              "\"fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign\"; tpm2_flushcontext -t; tpm2_load "
              "-Q -C srk.ctx -u their_ak.pub -r their_ak.priv -c their_ak.ctx; tpm2_flushcontext -t");
        read_file(fixture, "their_ak.pub", &public);
        if (!evidence_public_new(BASE_BYTES(identity->ek_public, identity->ek_public_len), &ek, &error) ||
            !evidence_public_check_endorsement_key(ek, &error) || !evidence_public_new(base_buffer_bytes(&public), &ak, &error))
                fail_msg("%s", error.message);
        check_our_credential_for(fixture, kind, ek, ak);
}

static void check_kind(const struct key_kind *kind)
{
        static struct fixture fixture;
        struct answer identity;

        start(&fixture, kind, &identity);
        check_their_credential(&fixture, &identity);
        check_template(&fixture, kind, &identity);
        check_our_credential(&fixture, kind, &identity);
        fixture_end(&fixture);
}

static void credential_for_ecc_p256_is_opened_both_ways(void **state)
{
        check_kind(&p256);
}

static void credential_for_ecc_p384_is_opened_both_ways(void **state)
{
        check_kind(&p384);
}

static void credential_for_rsa_2048_is_opened_both_ways(void **state)
{
        check_kind(&rsa2048);
}

static void credential_for_rsa_3072_is_opened_both_ways(void **state)
{
        check_kind(&rsa3072);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(credential_for_ecc_p256_is_opened_both_ways),
                cmocka_unit_test(credential_for_ecc_p384_is_opened_both_ways),
                cmocka_unit_test(credential_for_rsa_2048_is_opened_both_ways),
                cmocka_unit_test(credential_for_rsa_3072_is_opened_both_ways),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
