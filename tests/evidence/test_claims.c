/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/claims.h"
#include "tests/evidence/support.h"

#include <string.h>

static void add(struct evidence_claims *claims, const char *name, enum evidence_fact_kind kind, int64_t integer, const char *text)
{
        struct evidence_fact fact = { .kind = kind, .integer = integer, .boolean = integer != 0 };
        struct base_error error;

        (void) snprintf(fact.name, sizeof(fact.name), "%s", name);
        (void) snprintf(fact.text, sizeof(fact.text), "%s", text);
        assert_ok(evidence_claims_add_fact(claims, &fact, &error));
}

static void fill(struct evidence_claims *claims)
{
        *claims = (struct evidence_claims){ .iat = 1760000000, .nonce_len = 32, .software = "0.1.0" };
        memset(claims->cti, 0xc7, sizeof(claims->cti));
        memset(claims->nonce, 0x0e, 32);
        memset(claims->request_digest, 0x5a, sizeof(claims->request_digest));
        memset(claims->policy_digest, 0xa5, sizeof(claims->policy_digest));
        add(claims, "os.version", EVIDENCE_FACT_VERSION, 0, "12.5");
        add(claims, "os.id", EVIDENCE_FACT_STRING, 0, "debian");
        add(claims, "boot.secure_boot", EVIDENCE_FACT_BOOL, 1, "");
        add(claims, "kernel.taint", EVIDENCE_FACT_INT, -4097, "");
        add(claims, "firmware.hsi", EVIDENCE_FACT_UNREADABLE, 0, "");
}

static void encode_then_decode_gives_same_claims(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        evidence_auto_claims struct evidence_claims claims, back = EVIDENCE_CLAIMS_INIT;
        struct base_error error;

        fill(&claims);
        assert_ok(evidence_claims_encode(&claims, &encoded, &error));
        assert_ok(evidence_claims_decode(base_buffer_bytes(&encoded), &back, &error));
        assert_true(back.iat == claims.iat);
        assert_int_equal(back.nonce_len, 32);
        assert_memory_equal(back.nonce, claims.nonce, 32);
        assert_memory_equal(back.cti, claims.cti, sizeof(back.cti));
        assert_memory_equal(back.request_digest, claims.request_digest, 32);
        assert_memory_equal(back.policy_digest, claims.policy_digest, 32);
        assert_string_equal(back.software, "0.1.0");
        assert_int_equal(back.fact_count, 5);
        assert_string_equal(evidence_claims_find_fact(&back, "os.id")->text, "debian");
        assert_int_equal(evidence_claims_find_fact(&back, "os.version")->kind, EVIDENCE_FACT_VERSION);
        assert_true(evidence_claims_find_fact(&back, "boot.secure_boot")->boolean);
        assert_int_equal(evidence_claims_find_fact(&back, "kernel.taint")->integer, -4097);
        assert_int_equal(evidence_claims_find_fact(&back, "firmware.hsi")->kind, EVIDENCE_FACT_UNREADABLE);
        assert_null(evidence_claims_find_fact(&back, "os.build"));
        assert_ok(evidence_claims_encode(&back, &again, &error));
        assert_true(base_bytes_equal(base_buffer_bytes(&encoded), base_buffer_bytes(&again)));
}

static void encode_most_facts_round_trips(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        evidence_auto_claims struct evidence_claims claims, back = EVIDENCE_CLAIMS_INIT;
        struct evidence_fact fact = { .name = "one.more" };
        struct base_error error;
        char name[16];

        fill(&claims);
        while (claims.fact_count < EVIDENCE_FACTS_MAX) {
                (void) snprintf(name, sizeof(name), "c.%zu", claims.fact_count);
                add(&claims, name, EVIDENCE_FACT_BOOL, 1, "");
        }
        assert_refused(evidence_claims_add_fact(&claims, &fact, &error), BASE_ERROR_LIMIT_EXCEEDED, "facts");
        assert_ok(evidence_claims_encode(&claims, &encoded, &error));
        assert_ok(evidence_claims_decode(base_buffer_bytes(&encoded), &back, &error));
        assert_int_equal(back.fact_count, EVIDENCE_FACTS_MAX);
}

static void encode_too_long_refused(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(65536);
        evidence_auto_claims struct evidence_claims claims;
        struct base_error error;
        char name[16], text[EVIDENCE_FACT_TEXT_MAX + 1];

        fill(&claims);
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        for (int i = 0; i < 20; i++) {
                (void) snprintf(name, sizeof(name), "custom.%d", i);
                add(&claims, name, EVIDENCE_FACT_STRING, 0, text);
        }
        assert_refused(evidence_claims_encode(&claims, &encoded, &error), BASE_ERROR_LIMIT_EXCEEDED, "fit");
}

static void encode_bad_arguments_refused(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(65536);
        evidence_auto_claims struct evidence_claims claims;
        struct base_error error;

        fill(&claims);
        claims.nonce_len = 7;
        assert_refused(evidence_claims_encode(&claims, &encoded, &error), BASE_ERROR_INVALID_ARGUMENT, "nonce");
        claims.nonce_len = 0;
        claims.software[0] = '\0';
        assert_refused(evidence_claims_encode(&claims, &encoded, &error), BASE_ERROR_INVALID_ARGUMENT, "software");
        strcpy(claims.software, "1");
        strcpy(claims.facts[0].text, "\xff");
        assert_refused(evidence_claims_encode(&claims, &encoded, &error), BASE_ERROR_INVALID_ARGUMENT, "number 0");
        strcpy(claims.facts[0].text, "1");
        strcpy(claims.facts[0].name, "os.id");
        assert_refused(evidence_claims_encode(&claims, &encoded, &error), BASE_ERROR_INVALID_ARGUMENT, "twice");
        strcpy(claims.facts[0].name, "os");
        assert_refused(evidence_claims_encode(&claims, &encoded, &error), BASE_ERROR_INVALID_ARGUMENT, "number 0");
        assert_int_equal(encoded.len, 0);
}

static void decode_cut_or_extended_refused(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        evidence_auto_claims struct evidence_claims claims, back = EVIDENCE_CLAIMS_INIT;
        struct base_error error;

        fill(&claims);
        assert_ok(evidence_claims_encode(&claims, &encoded, &error));
        for (size_t len = 0; len < encoded.len; len++)
                assert_refused(evidence_claims_decode(BASE_BYTES(encoded.data, len), &back, &error), BASE_ERROR_EVIDENCE_INVALID,
                               "malformed");
        base_buffer_put_u8(&encoded, 0);
        assert_refused(evidence_claims_decode(base_buffer_bytes(&encoded), &back, &error), BASE_ERROR_EVIDENCE_INVALID, "after");
}

static void decode_other_profile_refused(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        evidence_auto_claims struct evidence_claims claims, back = EVIDENCE_CLAIMS_INIT;
        struct base_error error;
        uint8_t *at;

        fill(&claims);
        assert_ok(evidence_claims_encode(&claims, &encoded, &error));
        at = memmem(encoded.data, encoded.len, "evidence-1", 10);
        assert_non_null(at);
        at[9] = '2';
        assert_refused(evidence_claims_decode(base_buffer_bytes(&encoded), &back, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "profile");
}

/* Whatever decodes, encodes to the same bytes: no second encoding of the same claims is accepted. */
static void decode_any_flipped_byte_stays_deterministic(void **state)
{
        base_auto_buffer struct base_buffer encoded = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
        evidence_auto_claims struct evidence_claims claims;
        struct base_error error;
        unsigned decoded = 0;

        fill(&claims);
        assert_ok(evidence_claims_encode(&claims, &encoded, &error));
        for (size_t bit = 0; bit < encoded.len * 8; bit++) {
                base_auto_buffer struct base_buffer again = BASE_BUFFER_INIT(EVIDENCE_CLAIMS_BYTES_MAX);
                evidence_auto_claims struct evidence_claims back = EVIDENCE_CLAIMS_INIT;

                encoded.data[bit / 8] ^= (uint8_t) (1u << bit % 8);
                if (evidence_claims_decode(base_buffer_bytes(&encoded), &back, &error)) {
                        decoded++;
                        assert_ok(evidence_claims_encode(&back, &again, &error));
                        assert_true(base_bytes_equal(base_buffer_bytes(&encoded), base_buffer_bytes(&again)));
                }
                encoded.data[bit / 8] ^= (uint8_t) (1u << bit % 8);
        }
        assert_true(decoded > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(encode_then_decode_gives_same_claims),
                cmocka_unit_test(encode_most_facts_round_trips),
                cmocka_unit_test(encode_too_long_refused),
                cmocka_unit_test(encode_bad_arguments_refused),
                cmocka_unit_test(decode_cut_or_extended_refused),
                cmocka_unit_test(decode_other_profile_refused),
                cmocka_unit_test(decode_any_flipped_byte_stays_deterministic),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
