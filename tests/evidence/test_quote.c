/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/encode.h"
#include "evidence/quote.h"
#include "evidence/tpm_numbers.h"
#include "tests/evidence/fake_tpm.h"
#include "tests/evidence/support.h"

#include <string.h>

static const uint8_t extra[32] = { 0xee, 1, 2, 3 };
#define EXTRA BASE_BYTES_OF(extra)

struct setup {
        struct fake_key fake;
        struct evidence_public *key;
        struct fake_attest attest;
        struct evidence_quote quote;
};

static void prepare(struct setup *setup, const struct fake_template *made_from)
{
        struct base_error error;

        fake_key_make(&setup->fake, made_from);
        setup->key = NULL;
        assert_ok(evidence_public_new(base_buffer_bytes(&setup->fake.public), &setup->key, &error));
        fake_attest_init(&setup->attest, EXTRA);
        fake_quote_make(&setup->fake, &setup->attest, &setup->quote);
}

static void setup_clear(struct setup *setup)
{
        evidence_public_free(setup->key);
        fake_key_clear(&setup->fake);
}

#define auto_setup BASE_CLEANUP(setup_clear)

static void quote_verify_honest_accepted(void **state)
{
        static const struct {
                enum fake_kind kind;
                uint16_t scheme;
        } kinds[] = {
                { FAKE_ECC_P256, EVIDENCE_TPM_ALG_ECDSA },
                { FAKE_RSA_2048, EVIDENCE_TPM_ALG_RSASSA },
                { FAKE_RSA_2048, EVIDENCE_TPM_ALG_RSAPSS },
        };

        for (size_t i = 0; i < BASE_COUNT(kinds); i++) {
                struct fake_template made_from = fake_ak_template;
                auto_setup struct setup setup;
                struct evidence_attest attest;
                struct base_error error;

                made_from.kind = kinds[i].kind;
                made_from.scheme = kinds[i].scheme;
                prepare(&setup, &made_from);
                assert_ok(evidence_quote_verify(&setup.quote, setup.key, EXTRA, &attest, &error));
                assert_int_equal(attest.reset_count, 42);
                assert_int_equal(attest.restart_count, 7);
                assert_true(attest.clock_safe);
                assert_true(attest.clock_ms == 123456);
                assert_true(attest.firmware_version == 0x2019102300163636);
                assert_int_equal(attest.pcrs.bank_count, 2);
                assert_int_equal(attest.pcrs.banks[0].algorithm, EVIDENCE_TPM_ALG_SHA256);
                assert_int_equal(attest.pcrs.banks[0].values[7][0], 0x77);
        }
}

/* Quotes that swtpm made by TPM2_Quote for keys of each scheme; see tests/data/evidence/README. */
static void quote_verify_captured_accepted(void **state)
{
        static const struct {
                const char *key;
                uint32_t mask;
        } cases[] = { { "ak_ecc", 0x81 }, { "ak_rsassa", 0x81 }, { "ak_rsapss", 0x8f } };
        static const char extra_hex[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        base_auto_buffer struct base_buffer qualifying = BASE_BUFFER_INIT(32);

        assert_true(base_hex_decode(&qualifying, extra_hex, strlen(extra_hex)));
        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                struct evidence_quote quote = { .pcrs = { .bank_count = 1,
                                                          .banks[0] = { .algorithm = EVIDENCE_TPM_ALG_SHA256 } } };
                static const char *const parts[] = { "pub", "attest", "sig", "pcrs" };
                struct base_buffer files[4];
                evidence_auto_public struct evidence_public *key = NULL;
                struct evidence_attest attest;
                struct base_error error;
                char name[64];
                size_t at = 0;

                for (size_t part = 0; part < 4; part++) {
                        base_buffer_init(&files[part], 4096);
                        (void) snprintf(name, sizeof(name), "%s.%s", cases[i].key, parts[part]);
                        test_data_read(name, &files[part]);
                }
                assert_ok(evidence_public_new(base_buffer_bytes(&files[0]), &key, &error));
                memcpy(quote.attest, files[1].data, quote.attest_len = files[1].len);
                memcpy(quote.signature, files[2].data, quote.signature_len = files[2].len);
                quote.pcrs.banks[0].mask = cases[i].mask;
                for (unsigned pcr = 0; pcr < 24; pcr++)
                        if (cases[i].mask & 1u << pcr)
                                memcpy(quote.pcrs.banks[0].values[pcr], files[3].data + 32 * at++, 32);
                assert_ok(evidence_quote_verify(&quote, key, base_buffer_bytes(&qualifying), &attest, &error));
                quote.attest[quote.attest_len - 1] ^= 1;
                assert_refused(evidence_quote_verify(&quote, key, base_buffer_bytes(&qualifying), &attest, &error),
                               BASE_ERROR_EVIDENCE_INVALID, "signature");
                for (size_t part = 0; part < 4; part++)
                        base_buffer_clear(&files[part]);
        }
}

static void quote_verify_other_key_refused(void **state)
{
        auto_setup struct setup setup, other;
        struct evidence_attest attest;
        struct base_error error;

        prepare(&setup, &fake_ak_template);
        prepare(&other, &fake_ak_template);
        assert_refused(evidence_quote_verify(&setup.quote, other.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "not by the registered key");
}

/* A TPM never lets a restricted key sign bytes that begin with its own magic; an ordinary key signs anything else. */
static void quote_verify_wrong_magic_refused(void **state)
{
        auto_setup struct setup setup;
        struct evidence_attest attest;
        struct base_error error;

        prepare(&setup, &fake_ak_template);
        setup.attest.magic = 0xff544348;
        fake_quote_make(&setup.fake, &setup.attest, &setup.quote);
        assert_refused(evidence_quote_verify(&setup.quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "not made by a TPM");
}

static void quote_verify_certify_instead_of_quote_refused(void **state)
{
        auto_setup struct setup setup;
        struct evidence_attest attest;
        struct base_error error;

        prepare(&setup, &fake_ak_template);
        setup.attest.type = 0x8017; /* TPM_ST_ATTEST_CERTIFY */
        fake_quote_make(&setup.fake, &setup.attest, &setup.quote);
        assert_refused(evidence_quote_verify(&setup.quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "not a quote");
}

static void quote_verify_other_extra_data_refused(void **state)
{
        auto_setup struct setup setup;
        struct evidence_attest attest;
        struct base_error error;

        prepare(&setup, &fake_ak_template);
        assert_refused(evidence_quote_verify(&setup.quote, setup.key, BASE_BYTES(extra, 31), &attest, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "other claims");
        assert_refused(evidence_quote_verify(&setup.quote, setup.key, BASE_BYTES(NULL, 0), &attest, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "other claims");
}

static void quote_verify_other_pcr_values_refused(void **state)
{
        auto_setup struct setup setup;
        struct evidence_attest attest;
        struct evidence_quote quote;
        struct base_error error;

        prepare(&setup, &fake_ak_template);
        quote = setup.quote;
        quote.pcrs.banks[0].values[7][31] ^= 1;
        assert_refused(evidence_quote_verify(&quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID, "quoted");
        quote = setup.quote;
        quote.pcrs.banks[0].mask |= 1u << 8; /* a value that was not quoted */
        assert_refused(evidence_quote_verify(&quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID, "selects");
        quote = setup.quote;
        quote.pcrs.banks[0].mask &= ~1u;
        assert_refused(evidence_quote_verify(&quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID, "selects");
        quote = setup.quote;
        quote.pcrs.bank_count = 1;
        assert_refused(evidence_quote_verify(&quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID, "selects");
        quote = setup.quote;
        quote.pcrs.banks[1].algorithm = EVIDENCE_TPM_ALG_SHA384;
        assert_refused(evidence_quote_verify(&quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID, "selects");
}

static void quote_verify_malformed_signature_refused(void **state)
{
        auto_setup struct setup setup;
        struct evidence_attest attest;
        struct evidence_quote quote;
        struct base_error error;

        prepare(&setup, &fake_ak_template);
        for (size_t len = 0; len < setup.quote.signature_len; len++) {
                quote = setup.quote;
                quote.signature_len = len;
                assert_refused(evidence_quote_verify(&quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID,
                               "signature");
        }
        quote = setup.quote;
        quote.signature[quote.signature_len++] = 0;
        assert_refused(evidence_quote_verify(&quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "after its signature");
        quote = setup.quote;
        quote.signature[1] = EVIDENCE_TPM_ALG_RSASSA;
        assert_refused(evidence_quote_verify(&quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID, "scheme");
        quote = setup.quote;
        quote.signature[3] = EVIDENCE_TPM_ALG_SHA384;
        assert_refused(evidence_quote_verify(&quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID, "scheme");
        quote = setup.quote;
        memset(quote.signature + 6, 0, 32); /* r = 0 */
        assert_refused(evidence_quote_verify(&quote, setup.key, EXTRA, &attest, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "signature");
}

static void attest_parse_cut_or_extended_refused(void **state)
{
        auto_setup struct setup setup;
        struct evidence_attest attest;
        struct base_error error;
        uint8_t longer[EVIDENCE_ATTEST_BYTES_MAX + 1] = { 0 };

        prepare(&setup, &fake_ak_template);
        for (size_t len = 0; len < setup.quote.attest_len; len++)
                assert_refused(evidence_attest_parse(BASE_BYTES(setup.quote.attest, len), &attest, &error),
                               BASE_ERROR_EVIDENCE_INVALID, "malformed");
        memcpy(longer, setup.quote.attest, setup.quote.attest_len);
        assert_ok(evidence_attest_parse(BASE_BYTES(longer, setup.quote.attest_len), &attest, &error));
        assert_refused(evidence_attest_parse(BASE_BYTES(longer, setup.quote.attest_len + 1), &attest, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "after the end");
}

static void attest_parse_odd_selections_refused(void **state)
{
        auto_setup struct setup setup;
        struct evidence_attest attest;
        struct base_error error;
        /* magic, type, signer, extraData, clock, firmware: then the count of banks. */
        const size_t at_count = 4 + 2 + 2 + 34 + 2 + 32 + 17 + 8, at_bank = at_count + 4;
        uint8_t *bytes = setup.quote.attest;

        prepare(&setup, &fake_ak_template);
        bytes[at_count + 3] = 0;
        assert_refused(evidence_attest_parse(BASE_BYTES(bytes, setup.quote.attest_len), &attest, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "PCR");
        bytes[at_count + 3] = 5;
        assert_refused(evidence_attest_parse(BASE_BYTES(bytes, setup.quote.attest_len), &attest, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "PCR");
        bytes[at_count + 3] = 2;
        bytes[at_bank + 6 + 1] = EVIDENCE_TPM_ALG_SHA256; /* the same bank twice */
        assert_refused(evidence_attest_parse(BASE_BYTES(bytes, setup.quote.attest_len), &attest, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "PCR");
        bytes[at_bank + 6 + 1] = 0x12; /* SM3-256: no bank we know */
        assert_refused(evidence_attest_parse(BASE_BYTES(bytes, setup.quote.attest_len), &attest, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "PCR");
        bytes[at_bank + 6 + 1] = EVIDENCE_TPM_ALG_SHA1;
        bytes[at_bank + 2] = 4; /* select size */
        assert_refused(evidence_attest_parse(BASE_BYTES(bytes, setup.quote.attest_len), &attest, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "PCR");
        bytes[at_bank + 2] = 3;
        bytes[at_bank + 3] = 0; /* nothing selected */
        assert_refused(evidence_attest_parse(BASE_BYTES(bytes, setup.quote.attest_len), &attest, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "PCR");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(quote_verify_honest_accepted),
                cmocka_unit_test(quote_verify_captured_accepted),
                cmocka_unit_test(quote_verify_other_key_refused),
                cmocka_unit_test(quote_verify_wrong_magic_refused),
                cmocka_unit_test(quote_verify_certify_instead_of_quote_refused),
                cmocka_unit_test(quote_verify_other_extra_data_refused),
                cmocka_unit_test(quote_verify_other_pcr_values_refused),
                cmocka_unit_test(quote_verify_malformed_signature_refused),
                cmocka_unit_test(attest_parse_cut_or_extended_refused),
                cmocka_unit_test(attest_parse_odd_selections_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
