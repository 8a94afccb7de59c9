/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"
#include "tests/tpm/fixture.h"

#include "base/file.h"
#include "evidence/credential.h"
#include "evidence/enrollment.h"
#include "tpm/export.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define CREDENTIAL_LIMIT 2048

static const uint8_t challenge[TPM_QUALIFYING_DATA_LEN] = "a challenge of thirty-two bytes";
static const uint8_t secret[TPM_CREDENTIAL_SECRET_LEN] = "the secret in the credential...";

static int start(void **state)
{
        static struct fixture fixture;

        fixture_start(&fixture, false);
        fixture_worker(&fixture, fixture.tpm.tcti);
        *state = &fixture;
        return 0;
}

static int start_with_certificates(void **state)
{
        static struct fixture fixture;

        fixture_start(&fixture, true);
        fixture_worker(&fixture, fixture.tpm.tcti);
        *state = &fixture;
        return 0;
}

static int end(void **state)
{
        fixture_end(*state);
        return 0;
}

static void must(enum base_error_code code, const struct answer *answer)
{
        if (code != BASE_ERROR_NONE)
                fail_msg("%s (%s)", answer->error.message, answer->error.detail);
}

static void make_credential(const struct answer *identity, const uint8_t *name, struct base_buffer *id_object,
                            struct base_buffer *encrypted)
{
        evidence_auto_public struct evidence_public *ek = NULL;
        struct base_error error = BASE_ERROR_INIT;

        if (!evidence_public_new(BASE_BYTES(identity->ek_public, identity->ek_public_len), &ek, &error) ||
            !evidence_public_check_endorsement_key(ek, &error) ||
            !evidence_credential_make(ek, BASE_BYTES(name, EVIDENCE_KEY_ID_LEN), BASE_BYTES_OF(secret), id_object, encrypted,
                                      &error))
                fail_msg("%s (%s)", error.message, error.detail);
}

static enum base_error_code activate(struct fixture *fixture, const struct answer *identity, const uint8_t *name,
                                     struct answer *ret)
{
        base_auto_buffer struct base_buffer id_object = BASE_BUFFER_INIT(CREDENTIAL_LIMIT);
        base_auto_buffer struct base_buffer encrypted = BASE_BUFFER_INIT(CREDENTIAL_LIMIT);

        make_credential(identity, name, &id_object, &encrypted);
        return fixture_activate(fixture, base_buffer_bytes(&id_object), base_buffer_bytes(&encrypted), ret);
}

static void activate_own_credential_releases_its_secret(void **state)
{
        struct answer identity, answer;

        must(fixture_create_key(*state, &identity), &identity);
        assert_int_equal(identity.ek_certificate_len, 0);
        must(activate(*state, &identity, identity.ak_name, &answer), &answer);
        assert_memory_equal(answer.secret, secret, sizeof(secret));
}

static void activate_credential_for_another_ak_is_crypto(void **state)
{
        struct answer old, identity, answer;

        must(fixture_create_key(*state, &old), &old);
        must(fixture_create_key(*state, &identity), &identity);
        assert_int_equal(activate(*state, &identity, old.ak_name, &answer), BASE_ERROR_CRYPTO);
        must(activate(*state, &identity, identity.ak_name, &answer), &answer);
}

static void activate_credential_for_another_ek_is_crypto(void **state)
{
        struct fixture other;
        struct answer foreign, identity, answer;

        fixture_start(&other, false);
        fixture_worker(&other, other.tpm.tcti);
        must(fixture_create_key(&other, &foreign), &foreign);
        fixture_end(&other);
        must(fixture_create_key(*state, &identity), &identity);
        assert_int_equal(activate(*state, &foreign, identity.ak_name, &answer), BASE_ERROR_CRYPTO);
        assert_non_null(strstr(answer.error.message, "not for this device's keys"));
}

static void activate_nonsense_is_malformed(void **state)
{
        static const uint8_t long_one[TPM_CREDENTIAL_BYTES_MAX + 1] = { 0 };
        struct base_error error = BASE_ERROR_INIT;
        struct fixture *fixture = *state;
        struct answer answer;

        must(fixture_create_key(fixture, &answer), &answer);
        assert_int_equal(fixture_activate(fixture, base_bytes_from_string("x"), base_bytes_from_string("y"), &answer),
                         BASE_ERROR_MALFORMED);
        assert_false(
                tpm_worker_activate(fixture->worker, BASE_BYTES_OF(long_one), base_bytes_from_string("y"), NULL, NULL, &error));
        assert_int_equal(error.code, BASE_ERROR_MALFORMED);
}

/* Activation proves where the key lives in every boot state; signing is what the seal forbids. */
static void activate_while_sealed_works_and_quote_does_not(void **state)
{
        struct fixture *fixture = *state;
        struct answer identity, answer;

        must(fixture_create_key(fixture, &identity), &identity);
        swtpm_extend(&fixture->tpm, 7);
        must(activate(fixture, &identity, identity.ak_name, &answer), &answer);
        assert_int_equal(fixture_quote(fixture, challenge, &answer), BASE_ERROR_SEALED);
}

static void identity_after_create_key_is_the_same(void **state)
{
        struct answer made, again;

        must(fixture_create_key(*state, &made), &made);
        must(fixture_identity(*state, &again), &again);
        assert_memory_equal(made.ek_public, again.ek_public, sizeof(made.ek_public));
        assert_memory_equal(made.ak_public, again.ak_public, sizeof(made.ak_public));
        assert_memory_equal(made.ak_name, again.ak_name, sizeof(made.ak_name));
}

/* Whether the certificate is for the key in the TPM2B_PUBLIC: the point's or modulus's last bytes stand in both. */
static void assert_certificate_matches(const struct answer *identity)
{
        const uint8_t *der = identity->ek_certificate;
        X509 *certificate = d2i_X509(NULL, &der, (long) identity->ek_certificate_len);
        uint8_t *spki = NULL;
        size_t spki_len;

        assert_non_null(certificate);
        assert_ptr_equal(der, identity->ek_certificate + identity->ek_certificate_len);
        spki_len = EVP_PKEY_get1_encoded_public_key(X509_get0_pubkey(certificate), &spki);
        assert_true(spki_len >= 97);
        /* P-384: 0x04, X and Y; a TPM2B_PUBLIC ends with a length and X, a length and Y. */
        assert_memory_equal(spki + 1, identity->ek_public + identity->ek_public_len - 2 * 48 - 2, 48);
        assert_memory_equal(spki + 49, identity->ek_public + identity->ek_public_len - 48, 48);
        OPENSSL_free(spki);
        X509_free(certificate);
}

static void identity_with_certificate_in_nv_is_of_its_key(void **state)
{
        struct answer identity, answer;

        must(fixture_create_key(*state, &identity), &identity);
        assert_true(identity.ek_certificate_len > 256);
        assert_certificate_matches(&identity);
        must(activate(*state, &identity, identity.ak_name, &answer), &answer);
        assert_memory_equal(answer.secret, secret, sizeof(secret));
}

/* With the ECC certificate gone, the RSA one is next. */
static void identity_with_rsa_certificate_uses_the_rsa_key(void **state)
{
        struct fixture *fixture = *state;
        struct answer identity, answer;

        assert_int_equal(
                swtpm_command(&fixture->tpm, NULL, 0, (const char *const[]){ "tpm2_nvundefine", "-C", "p", "0x1c00016", NULL }),
                0);
        must(fixture_create_key(fixture, &identity), &identity);
        assert_true(identity.ek_certificate_len > 256);
        assert_true(identity.ek_public_len > 300);
        must(activate(fixture, &identity, identity.ak_name, &answer), &answer);
        assert_memory_equal(answer.secret, secret, sizeof(secret));
}

static void write_to(struct fixture *fixture, const char *name, struct base_bytes content)
{
        assert_true(base_file_replace_at(fixture->state_dir_fd, name, content, 0600, NULL));
}

/* What somebody else's verifier makes of our keys: tpm2_makecredential, in software. */
static void activate_credential_of_tpm2_tools_releases_its_secret(void **state)
{
        base_auto_buffer struct base_buffer made = BASE_BUFFER_INIT(CREDENTIAL_LIMIT);
        struct fixture *fixture = *state;
        struct answer identity, answer;
        char name[2 * EVIDENCE_KEY_ID_LEN + 1], script[1024], output[1024];
        struct base_reader reader;
        struct base_bytes id_object, encrypted;
        uint16_t len;

        must(fixture_create_key(fixture, &identity), &identity);
        for (size_t i = 0; i < EVIDENCE_KEY_ID_LEN; i++)
                (void) snprintf(name + 2 * i, 3, "%02x", identity.ak_name[i]);
        write_to(fixture, "ek.pub", BASE_BYTES(identity.ek_public, identity.ek_public_len));
        write_to(fixture, "secret", BASE_BYTES_OF(secret));
        (void) snprintf(script, sizeof(script),
                        "cd %s/var && tpm2_makecredential -T none -u ek.pub -s secret -n %s -o credential",
                        fixture->tpm.directory, name);
        if (swtpm_command(&fixture->tpm, output, sizeof(output), (const char *const[]){ "sh", "-c", script, NULL }) != 0)
                fail_msg("%s", output);
        assert_true(base_file_read_at(fixture->state_dir_fd, "credential", &made, NULL));
        /* tpm2-tools' file: a magic, a version, then the two structures. */
        reader = base_reader_over(BASE_BYTES(made.data + 8, made.len - 8));
        assert_true(base_reader_get_u16(&reader, &len));
        reader.position = 0;
        assert_true(base_reader_get_bytes(&reader, len + 2u, &id_object));
        assert_true(base_reader_get_bytes(&reader, base_reader_left(&reader), &encrypted));
        must(fixture_activate(fixture, id_object, encrypted, &answer), &answer);
        assert_memory_equal(answer.secret, secret, sizeof(secret));
}

static int checkquote(struct fixture *fixture, char *output, size_t output_len)
{
        char script[1024];

        (void) snprintf(script, sizeof(script),
                        "cd %s/var && tpm2_checkquote -u ak.pub -m " TPM_EXPORT_MESSAGE " -s " TPM_EXPORT_SIGNATURE
                        " -f " TPM_EXPORT_PCRS " -g sha256 -q challenge",
                        fixture->tpm.directory);
        return swtpm_command(&fixture->tpm, output, output_len, (const char *const[]){ "sh", "-c", script, NULL });
}

static void export_quote_is_accepted_by_tpm2_checkquote_and_altered_is_not(void **state)
{
        struct fixture *fixture = *state;
        struct answer identity, quoted;
        char output[4096];

        must(fixture_create_key(fixture, &identity), &identity);
        must(fixture_quote(fixture, challenge, &quoted), &quoted);
        write_to(fixture, "ak.pub", BASE_BYTES(identity.ak_public, identity.ak_public_len));
        write_to(fixture, "challenge", BASE_BYTES_OF(challenge));
        assert_true(tpm_export_quote(&quoted.quote.evidence, fixture->state_dir_fd, NULL));
        if (checkquote(fixture, output, sizeof(output)) != 0)
                fail_msg("%s", output);
        quoted.quote.evidence.attest[60] ^= 1;
        assert_true(tpm_export_quote(&quoted.quote.evidence, fixture->state_dir_fd, NULL));
        assert_int_not_equal(checkquote(fixture, output, sizeof(output)), 0);
        quoted.quote.evidence.attest[60] ^= 1;
        quoted.quote.evidence.pcrs.banks[0].values[0][0] ^= 1;
        assert_true(tpm_export_quote(&quoted.quote.evidence, fixture->state_dir_fd, NULL));
        assert_int_not_equal(checkquote(fixture, output, sizeof(output)), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(activate_own_credential_releases_its_secret, start, end),
                cmocka_unit_test_setup_teardown(activate_credential_for_another_ak_is_crypto, start, end),
                cmocka_unit_test_setup_teardown(activate_credential_for_another_ek_is_crypto, start, end),
                cmocka_unit_test_setup_teardown(activate_nonsense_is_malformed, start, end),
                cmocka_unit_test_setup_teardown(activate_while_sealed_works_and_quote_does_not, start, end),
                cmocka_unit_test_setup_teardown(identity_after_create_key_is_the_same, start, end),
                cmocka_unit_test_setup_teardown(identity_with_certificate_in_nv_is_of_its_key, start_with_certificates, end),
                cmocka_unit_test_setup_teardown(identity_with_rsa_certificate_uses_the_rsa_key, start_with_certificates, end),
                cmocka_unit_test_setup_teardown(activate_credential_of_tpm2_tools_releases_its_secret, start, end),
                cmocka_unit_test_setup_teardown(export_quote_is_accepted_by_tpm2_checkquote_and_altered_is_not, start, end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
