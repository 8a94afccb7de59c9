/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/ek_template.h"
#include "evidence/pcrs.h"
#include "evidence/public.h"
#include "evidence/tpm_numbers.h"
#include "tests/evidence/fake_tpm.h"
#include "tests/evidence/support.h"

#include <string.h>

/* Offsets into a TPM2B_PUBLIC: size, type, nameAlg, objectAttributes, authPolicy. */
#define AT_TYPE       2
#define AT_NAME_ALG   4
#define AT_ATTRIBUTES 6
#define AT_POLICY     10

static bool parses(struct base_bytes bytes, struct base_error *error)
{
        evidence_auto_public struct evidence_public *key = NULL;

        return evidence_public_new(bytes, &key, error);
}

/* Makes a key of the template and asks whether it may attest. */
static bool may_attest(const struct fake_template *made_from, struct base_error *error)
{
        evidence_auto_public struct evidence_public *key = NULL;
        struct fake_key fake;
        bool parsed;

        fake_key_make(&fake, made_from);
        parsed = evidence_public_new(base_buffer_bytes(&fake.public), &key, error);
        fake_key_clear(&fake);
        return parsed && evidence_public_check_attestation_key(key, error);
}

static bool may_endorse(const struct fake_template *made_from, struct base_error *error)
{
        evidence_auto_public struct evidence_public *key = NULL;
        struct fake_key fake;
        bool parsed;

        fake_key_make(&fake, made_from);
        parsed = evidence_public_new(base_buffer_bytes(&fake.public), &key, error);
        fake_key_clear(&fake);
        return parsed && evidence_public_check_endorsement_key(key, error);
}

static void public_new_of_real_tpm_has_its_name(void **state)
{
        static const char *const names[] = { "ak_ecc", "ak_rsassa", "ak_rsapss" };

        for (size_t i = 0; i < BASE_COUNT(names); i++) {
                base_auto_buffer struct base_buffer public = BASE_BUFFER_INIT(4096), name = BASE_BUFFER_INIT(4096);
                evidence_auto_public struct evidence_public *key = NULL;
                struct base_error error;
                char file[64];

                (void) snprintf(file, sizeof(file), "%s.pub", names[i]);
                test_data_read(file, &public);
                (void) snprintf(file, sizeof(file), "%s.name", names[i]);
                test_data_read(file, &name);
                assert_ok(evidence_public_new(base_buffer_bytes(&public), &key, &error));
                assert_true(base_bytes_equal(evidence_public_name(key), base_buffer_bytes(&name)));
                assert_true(base_bytes_equal(evidence_public_bytes(key), base_buffer_bytes(&public)));
                assert_ok(evidence_public_check_attestation_key(key, &error));
                assert_refused(evidence_public_check_endorsement_key(key, &error), BASE_ERROR_EVIDENCE_INVALID, "decrypt");
        }
}

static void public_new_of_real_endorsement_keys_accepted(void **state)
{
        static const char *const files[] = { "ek_rsa.pub", "ek_ecc.pub" };

        for (size_t i = 0; i < BASE_COUNT(files); i++) {
                base_auto_buffer struct base_buffer public = BASE_BUFFER_INIT(4096);
                evidence_auto_public struct evidence_public *key = NULL;
                struct base_error error;

                test_data_read(files[i], &public);
                assert_ok(evidence_public_new(base_buffer_bytes(&public), &key, &error));
                assert_ok(evidence_public_check_endorsement_key(key, &error));
                assert_refused(evidence_public_check_attestation_key(key, &error), BASE_ERROR_EVIDENCE_INVALID, "sign");
        }
}

/* PolicyPCR as a real TPM computed it: the captured keys were created with the policy that the TPM's trial session gave. */
static void pcr_policy_digest_equals_the_tpms(void **state)
{
        static const struct {
                const char *key;
                uint32_t mask;
        } cases[] = { { "ak_ecc", 0x81 }, { "ak_rsassa", 0x81 }, { "ak_rsapss", 0x8f } };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                base_auto_buffer struct base_buffer public = BASE_BUFFER_INIT(4096), values = BASE_BUFFER_INIT(4096);
                evidence_auto_public struct evidence_public *key = NULL;
                struct evidence_pcrs pcrs = { .bank_count = 1, .banks[0] = { .algorithm = EVIDENCE_TPM_ALG_SHA256 } };
                uint8_t policy[EVIDENCE_PCR_DIGEST_LEN];
                struct base_error error;
                char file[64];
                size_t at = 0;

                (void) snprintf(file, sizeof(file), "%s.pub", cases[i].key);
                test_data_read(file, &public);
                (void) snprintf(file, sizeof(file), "%s.pcrs", cases[i].key);
                test_data_read(file, &values);
                pcrs.banks[0].mask = cases[i].mask;
                for (unsigned pcr = 0; pcr < 24; pcr++) {
                        if ((cases[i].mask & 1u << pcr) == 0)
                                continue;
                        assert_true(at + 32 <= values.len);
                        memcpy(pcrs.banks[0].values[pcr], values.data + at, 32);
                        at += 32;
                }
                assert_int_equal(at, values.len);
                assert_ok(evidence_public_new(base_buffer_bytes(&public), &key, &error));
                assert_ok(evidence_pcr_policy_digest(&pcrs, policy, &error));
                assert_true(base_bytes_equal(BASE_BYTES_OF(policy), evidence_public_auth_policy(key)));
                pcrs.banks[0].values[7][31] ^= 1;
                assert_ok(evidence_pcr_policy_digest(&pcrs, policy, &error));
                assert_false(base_bytes_equal(BASE_BYTES_OF(policy), evidence_public_auth_policy(key)));
        }
}

static void pcrs_digest_bad_selection_refused(void **state)
{
        uint8_t digest[EVIDENCE_PCR_DIGEST_LEN];
        struct evidence_pcrs pcrs = { .bank_count = 0 };
        struct base_error error;

        assert_refused(evidence_pcrs_digest(&pcrs, digest, &error), BASE_ERROR_INVALID_ARGUMENT, "banks");
        pcrs.bank_count = 5;
        assert_refused(evidence_pcr_policy_digest(&pcrs, digest, &error), BASE_ERROR_INVALID_ARGUMENT, "banks");
        pcrs.bank_count = 1;
        pcrs.banks[0].algorithm = EVIDENCE_TPM_ALG_SHA256;
        assert_refused(evidence_pcrs_digest(&pcrs, digest, &error), BASE_ERROR_INVALID_ARGUMENT, "0x000b");
        pcrs.banks[0].mask = 1u << 24;
        assert_refused(evidence_pcrs_digest(&pcrs, digest, &error), BASE_ERROR_INVALID_ARGUMENT, "0x000b");
        pcrs.banks[0].mask = 1;
        pcrs.banks[0].algorithm = EVIDENCE_TPM_ALG_AES;
        assert_refused(evidence_pcrs_digest(&pcrs, digest, &error), BASE_ERROR_INVALID_ARGUMENT, "0x0006");
}

static void check_attestation_key_each_wrong_property_refused(void **state)
{
        static const struct {
                uint32_t flip;
                const char *name;
        } flips[] = {
                { EVIDENCE_TPMA_RESTRICTED, "restricted" },
                { EVIDENCE_TPMA_SIGN, "sign" },
                { EVIDENCE_TPMA_DECRYPT, "decrypt" },
                { EVIDENCE_TPMA_FIXED_TPM, "fixedTPM" },
                { EVIDENCE_TPMA_FIXED_PARENT, "fixedParent" },
                { EVIDENCE_TPMA_SENSITIVE_DATA_ORIGIN, "sensitiveDataOrigin" },
                { EVIDENCE_TPMA_USER_WITH_AUTH, "userWithAuth" },
        };
        struct fake_template made_from = fake_ak_template;
        struct base_error error;

        assert_ok(may_attest(&made_from, &error));
        for (size_t i = 0; i < BASE_COUNT(flips); i++) {
                made_from = fake_ak_template;
                made_from.attributes ^= flips[i].flip;
                assert_refused(may_attest(&made_from, &error), BASE_ERROR_EVIDENCE_INVALID, flips[i].name);
        }
        made_from = fake_ak_template;
        made_from.policy_len = 0;
        assert_refused(may_attest(&made_from, &error), BASE_ERROR_EVIDENCE_INVALID, "authPolicy");
        made_from = fake_ak_template;
        made_from.name_algorithm = EVIDENCE_TPM_ALG_SHA384;
        assert_refused(may_attest(&made_from, &error), BASE_ERROR_EVIDENCE_INVALID, "name algorithm");
        made_from = fake_ak_template;
        made_from.scheme = EVIDENCE_TPM_ALG_NULL;
        assert_refused(may_attest(&made_from, &error), BASE_ERROR_EVIDENCE_INVALID, "ECDSA");
        made_from = fake_ak_template;
        made_from.scheme_hash = EVIDENCE_TPM_ALG_SHA1;
        assert_refused(may_attest(&made_from, &error), BASE_ERROR_EVIDENCE_INVALID, "SHA-256");
        made_from = fake_ak_template;
        made_from.kind = FAKE_ECC_P384;
        assert_refused(may_attest(&made_from, &error), BASE_ERROR_EVIDENCE_INVALID, "P-256");
}

static void check_endorsement_key_each_wrong_property_refused(void **state)
{
        static const uint32_t flips[] = { EVIDENCE_TPMA_RESTRICTED,   EVIDENCE_TPMA_SIGN,
                                          EVIDENCE_TPMA_DECRYPT,      EVIDENCE_TPMA_FIXED_TPM,
                                          EVIDENCE_TPMA_FIXED_PARENT, EVIDENCE_TPMA_SENSITIVE_DATA_ORIGIN };
        struct fake_template made_from = fake_ek_template;
        struct base_error error;

        assert_ok(may_endorse(&made_from, &error));
        for (size_t i = 0; i < BASE_COUNT(flips); i++) {
                made_from = fake_ek_template;
                made_from.attributes ^= flips[i];
                assert_refused(may_endorse(&made_from, &error), BASE_ERROR_EVIDENCE_INVALID, "attribute");
        }
        made_from = fake_ek_template;
        made_from.symmetric_bits = 0;
        assert_refused(may_endorse(&made_from, &error), BASE_ERROR_EVIDENCE_INVALID, "AES");
        made_from = fake_ek_template;
        made_from.scheme = EVIDENCE_TPM_ALG_ECDSA;
        made_from.scheme_hash = EVIDENCE_TPM_ALG_SHA256;
        assert_refused(may_endorse(&made_from, &error), BASE_ERROR_EVIDENCE_INVALID, "scheme");
}

/* What neither the certificate nor the credential shows of a key must be the template's, or one key had many names. */
static void check_endorsement_key_of_no_template_refused(void **state)
{
        struct fake_template cases[6];
        struct base_error error;

        for (size_t i = 0; i < BASE_COUNT(cases); i++)
                cases[i] = fake_ek_template;
        cases[0].policy[31] ^= 1;
        cases[1].policy_len = 0;
        cases[2].attributes |= 0x400; /* noDA */
        cases[3].attributes |= EVIDENCE_TPMA_USER_WITH_AUTH;
        cases[4].symmetric_bits = 256;
        cases[5].name_algorithm = EVIDENCE_TPM_ALG_SHA384;
        for (size_t i = 0; i < BASE_COUNT(cases); i++)
                assert_refused(may_endorse(&cases[i], &error), BASE_ERROR_EVIDENCE_INVALID, "template");
}

/* Makes keys until the first coordinate begins with a zero byte, and leaves that out as old TPMs did. */
static void put_short_coordinate(struct base_buffer *to)
{
        const size_t at_x = AT_POLICY + 2 + 32 + 6 + 2 + 2 + 2;

        for (unsigned tries = 0; tries < 20000; tries++) {
                struct fake_key fake;
                bool leading_zero;

                fake_key_make(&fake, &fake_ek_template);
                leading_zero = fake.public.data[at_x + 2] == 0;
                base_buffer_reset(to);
                base_buffer_put_u16(to, (uint16_t) (fake.public.len - 2 - 1));
                base_buffer_put(to, fake.public.data + 2, at_x - 2);
                base_buffer_put_u16(to, 31);
                base_buffer_put(to, fake.public.data + at_x + 3, fake.public.len - at_x - 3);
                fake_key_clear(&fake);
                if (leading_zero)
                        return;
        }
        fail_msg("no key with a leading zero");
}

static void check_endorsement_key_of_another_encoding_refused(void **state)
{
        base_auto_buffer struct base_buffer public = BASE_BUFFER_INIT(4096);
        evidence_auto_public struct evidence_public *key = NULL, *rsa = NULL;
        const size_t at_exponent = AT_POLICY + 2 + 32 + 6 + 2 + 2;
        struct base_error error;

        put_short_coordinate(&public);
        assert_ok(evidence_public_new(base_buffer_bytes(&public), &key, &error));
        assert_refused(evidence_public_check_endorsement_key(key, &error), BASE_ERROR_EVIDENCE_INVALID, "template");
        base_buffer_reset(&public);
        test_data_read("ek_rsa.pub", &public);
        memcpy(public.data + at_exponent, (const uint8_t[]){ 0, 1, 0, 1 }, 4);
        assert_ok(evidence_public_new(base_buffer_bytes(&public), &rsa, &error));
        assert_refused(evidence_public_check_endorsement_key(rsa, &error), BASE_ERROR_EVIDENCE_INVALID, "template");
}

/* Each of two templates gives the name that the key has by the other. */
static void ek_other_name_is_the_name_by_the_other_template(void **state)
{
        static const uint8_t policy_b[] = { 0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39, 0x06, 0xf7, 0xa3, 0x34,
                                            0x24, 0x14, 0xef, 0xcf, 0xb3, 0xa3, 0x85, 0xd4, 0x4c, 0xd1, 0xfd,
                                            0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7, 0xa0 };
        base_auto_buffer struct base_buffer public = BASE_BUFFER_INIT(4096);
        evidence_auto_public struct evidence_public *low = NULL, *high = NULL;
        uint8_t name[EVIDENCE_KEY_ID_LEN];
        struct base_error error;
        size_t len;

        test_data_read("ek_rsa.pub", &public);
        assert_ok(evidence_public_new(base_buffer_bytes(&public), &low, &error));
        public.data[AT_ATTRIBUTES + 3] |= EVIDENCE_TPMA_USER_WITH_AUTH;
        memcpy(public.data + AT_POLICY + 2, policy_b, sizeof(policy_b));
        assert_ok(evidence_public_new(base_buffer_bytes(&public), &high, &error));
        assert_ok(evidence_public_check_endorsement_key(high, &error));
        assert_ok(evidence_ek_other_name(low, name, &len, &error));
        assert_true(base_bytes_equal(BASE_BYTES(name, len), evidence_public_name(high)));
        assert_ok(evidence_ek_other_name(high, name, &len, &error));
        assert_true(base_bytes_equal(BASE_BYTES(name, len), evidence_public_name(low)));
}

static void ek_other_name_of_a_kind_with_one_template_is_none(void **state)
{
        base_auto_buffer struct base_buffer public = BASE_BUFFER_INIT(4096);
        evidence_auto_public struct evidence_public *key = NULL;
        uint8_t name[EVIDENCE_KEY_ID_LEN];
        struct base_error error;
        size_t len = 1;

        test_data_read("ak_ecc.pub", &public);
        assert_ok(evidence_public_new(base_buffer_bytes(&public), &key, &error));
        assert_ok(evidence_ek_other_name(key, name, &len, &error));
        assert_int_equal(len, 0);
}

static void public_new_cut_or_extended_refused(void **state)
{
        static const char *const files[] = { "ak_ecc.pub", "ak_rsassa.pub", "ek_rsa.pub", "ek_ecc.pub" };

        for (size_t i = 0; i < BASE_COUNT(files); i++) {
                base_auto_buffer struct base_buffer public = BASE_BUFFER_INIT(4096);
                struct base_error error;
                size_t len;

                test_data_read(files[i], &public);
                for (len = 0; len < public.len; len++)
                        assert_refused(parses(BASE_BYTES(public.data, len), &error), BASE_ERROR_MALFORMED, "malformed");
                /* The same with an outer length that fits. */
                for (; len > 2; len--) {
                        public.data[0] = (uint8_t) ((len - 3) >> 8);
                        public.data[1] = (uint8_t) (len - 3);
                        assert_false(parses(BASE_BYTES(public.data, len - 1), &error));
                        assert_int_equal(error.code, BASE_ERROR_MALFORMED);
                }
                base_buffer_reset(&public);
                test_data_read(files[i], &public);
                base_buffer_put_u8(&public, 0);
                assert_refused(parses(base_buffer_bytes(&public), &error), BASE_ERROR_MALFORMED, "length");
                public.data[0] = (uint8_t) ((public.len - 2) >> 8);
                public.data[1] = (uint8_t) (public.len - 2);
                assert_refused(parses(base_buffer_bytes(&public), &error), BASE_ERROR_MALFORMED, "after the end");
        }
}

static void public_new_unsupported_parts_refused(void **state)
{
        base_auto_buffer struct base_buffer public = BASE_BUFFER_INIT(4096);
        const size_t at_symmetric = AT_POLICY + 2 + 32, at_scheme = at_symmetric + 2, at_curve = at_scheme + 4,
                     at_kdf = at_curve + 2;
        const struct {
                size_t at;
                const char *what;
        } cases[] = {
                { AT_TYPE, "type" },
                { AT_NAME_ALG, "name algorithm" },
                { at_symmetric, "symmetric algorithm" },
                { at_scheme, "scheme" },
                { at_curve, "curve" },
                { at_kdf, "key derivation" },
        };
        struct base_error error;

        test_data_read("ak_ecc.pub", &public);
        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                uint8_t saved = public.data[cases[i].at];

                public.data[cases[i].at] = 0x7f;
                assert_refused(parses(base_buffer_bytes(&public), &error), BASE_ERROR_UNSUPPORTED, cases[i].what);
                public.data[cases[i].at] = saved;
        }
        assert_ok(parses(base_buffer_bytes(&public), &error));
}

static void public_new_unsupported_rsa_parts_refused(void **state)
{
        base_auto_buffer struct base_buffer public = BASE_BUFFER_INIT(4096);
        const size_t at_aes_bits = AT_POLICY + 2 + 32 + 2, at_mode = at_aes_bits + 2, at_bits = at_mode + 4,
                     at_exponent = at_bits + 2;
        struct base_error error;

        test_data_read("ek_rsa.pub", &public);
        public.data[at_aes_bits]++;
        assert_refused(parses(base_buffer_bytes(&public), &error), BASE_ERROR_UNSUPPORTED, "AES key length");
        public.data[at_aes_bits]--;
        public.data[at_mode]++;
        assert_refused(parses(base_buffer_bytes(&public), &error), BASE_ERROR_UNSUPPORTED, "AES mode");
        public.data[at_mode]--;
        public.data[at_bits] = 4; /* 1024 */
        assert_refused(parses(base_buffer_bytes(&public), &error), BASE_ERROR_UNSUPPORTED, "RSA key length");
        public.data[at_bits] = 8;
        public.data[at_exponent + 3] = 3;
        assert_refused(parses(base_buffer_bytes(&public), &error), BASE_ERROR_UNSUPPORTED, "RSA exponent");
        public.data[at_exponent + 3] = 0;
        public.data[public.len - 1] ^= 1; /* an even modulus */
        assert_refused(parses(base_buffer_bytes(&public), &error), BASE_ERROR_MALFORMED, "modulus");
}

static void public_new_point_off_the_curve_refused(void **state)
{
        base_auto_buffer struct base_buffer public = BASE_BUFFER_INIT(4096);
        struct base_error error;

        test_data_read("ak_ecc.pub", &public);
        public.data[public.len - 1] ^= 1;
        assert_refused(parses(base_buffer_bytes(&public), &error), BASE_ERROR_MALFORMED, "curve");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(public_new_of_real_tpm_has_its_name),
                cmocka_unit_test(public_new_of_real_endorsement_keys_accepted),
                cmocka_unit_test(pcr_policy_digest_equals_the_tpms),
                cmocka_unit_test(pcrs_digest_bad_selection_refused),
                cmocka_unit_test(check_attestation_key_each_wrong_property_refused),
                cmocka_unit_test(check_endorsement_key_each_wrong_property_refused),
                cmocka_unit_test(check_endorsement_key_of_no_template_refused),
                cmocka_unit_test(check_endorsement_key_of_another_encoding_refused),
                cmocka_unit_test(ek_other_name_is_the_name_by_the_other_template),
                cmocka_unit_test(ek_other_name_of_a_kind_with_one_template_is_none),
                cmocka_unit_test(public_new_cut_or_extended_refused),
                cmocka_unit_test(public_new_unsupported_parts_refused),
                cmocka_unit_test(public_new_unsupported_rsa_parts_refused),
                cmocka_unit_test(public_new_point_off_the_curve_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
