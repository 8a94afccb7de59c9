/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/header.h"
#include "evidence/nonce.h"
#include "tests/evidence/support.h"

#include <string.h>

#define NOW      1760000000u
#define LIFETIME 120u

static const uint8_t key[32] = { 1, 2, 3 };
static const uint8_t other_key[32] = { 1, 2, 4 };

static enum evidence_nonce_state check(const uint8_t *with, struct base_bytes nonce, uint64_t now)
{
        enum evidence_nonce_state result = EVIDENCE_NONCE_FOREIGN;
        struct base_error error;

        assert_ok(evidence_nonce_check(BASE_BYTES(with, 32), nonce, now, &result, &error));
        return result;
}

static void nonce_issued_is_valid_until_its_lifetime_ends(void **state)
{
        uint8_t nonce[EVIDENCE_NONCE_LEN];
        struct base_error error;

        assert_ok(evidence_nonce_issue(BASE_BYTES_OF(key), NOW, LIFETIME, &test_counting_random, nonce, &error));
        assert_int_equal(check(key, BASE_BYTES_OF(nonce), NOW), EVIDENCE_NONCE_VALID);
        assert_int_equal(check(key, BASE_BYTES_OF(nonce), NOW + LIFETIME - 1), EVIDENCE_NONCE_VALID);
        assert_int_equal(check(key, BASE_BYTES_OF(nonce), NOW + LIFETIME), EVIDENCE_NONCE_EXPIRED);
        assert_int_equal(check(other_key, BASE_BYTES_OF(nonce), NOW), EVIDENCE_NONCE_FOREIGN);
}

static void nonce_changed_anywhere_is_foreign(void **state)
{
        uint8_t nonce[EVIDENCE_NONCE_LEN];
        struct base_error error;

        assert_ok(evidence_nonce_issue(BASE_BYTES_OF(key), NOW, LIFETIME, &base_system_random, nonce, &error));
        for (size_t bit = 0; bit < sizeof(nonce) * 8; bit++) {
                nonce[bit / 8] ^= (uint8_t) (1u << bit % 8);
                assert_int_equal(check(key, BASE_BYTES_OF(nonce), NOW), EVIDENCE_NONCE_FOREIGN);
                nonce[bit / 8] ^= (uint8_t) (1u << bit % 8);
        }
        assert_int_equal(check(key, BASE_BYTES(nonce, sizeof(nonce) - 1), NOW), EVIDENCE_NONCE_FOREIGN);
        assert_int_equal(check(key, BASE_BYTES(nonce, 0), NOW), EVIDENCE_NONCE_FOREIGN);
}

static bool fill_fails(void *context, void *to, size_t len, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_CRYPTO, "no randomness");
}

static void nonce_issue_bad_arguments_refused(void **state)
{
        static const struct base_random no_random = { .fill = fill_fails };
        enum evidence_nonce_state result;
        uint8_t nonce[EVIDENCE_NONCE_LEN] = { 0 };
        struct base_error error;

        assert_refused(evidence_nonce_issue(BASE_BYTES(key, 31), NOW, LIFETIME, &test_counting_random, nonce, &error),
                       BASE_ERROR_INVALID_ARGUMENT, "32");
        assert_refused(evidence_nonce_check(BASE_BYTES(key, 31), BASE_BYTES_OF(nonce), NOW, &result, &error),
                       BASE_ERROR_INVALID_ARGUMENT, "32");
        assert_refused(evidence_nonce_issue(BASE_BYTES_OF(key), UINT64_MAX, LIFETIME, &test_counting_random, nonce, &error),
                       BASE_ERROR_INVALID_ARGUMENT, "clock");
        assert_refused(evidence_nonce_issue(BASE_BYTES_OF(key), NOW, LIFETIME, &no_random, nonce, &error), BASE_ERROR_CRYPTO,
                       "randomness");
}

static void header_round_trips_and_is_strict(void **state)
{
        static const char *const bad[] = { "",           ":",       "AAEC",   ":AAEC",  "AAEC:",     ":AA EC:",
                                           ":AAEC:;a=1", ":AAE:C:", ":-_-_:", ":AAF=:", "\":AAEC:\"" };
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(64), bytes = BASE_BUFFER_INIT(64);
        char too_long[EVIDENCE_HEADER_TEXT_BYTES_MAX + 2];

        evidence_header_encode(BASE_BYTES("\0\1\2\3", 4), &text);
        assert_string_equal(base_buffer_c_string(&text), ":AAECAw==:");
        assert_true(evidence_header_decode(" :AAECAw==: ", 12, &bytes));
        assert_int_equal(bytes.len, 4);
        assert_true(evidence_header_decode(":AAECAw:", 8, &bytes));
        assert_true(evidence_header_decode("::", 2, &bytes));
        assert_int_equal(bytes.len, 8);
        for (size_t i = 0; i < BASE_COUNT(bad); i++)
                assert_false(evidence_header_decode(bad[i], strlen(bad[i]), &bytes));
        memset(too_long, ' ', sizeof(too_long));
        memcpy(too_long, ":AAEC:", 6);
        assert_true(evidence_header_decode(too_long, EVIDENCE_HEADER_TEXT_BYTES_MAX, &bytes));
        assert_false(evidence_header_decode(too_long, EVIDENCE_HEADER_TEXT_BYTES_MAX + 1, &bytes));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nonce_issued_is_valid_until_its_lifetime_ends),
                cmocka_unit_test(nonce_changed_anywhere_is_foreign),
                cmocka_unit_test(nonce_issue_bad_arguments_refused),
                cmocka_unit_test(header_round_trips_and_is_strict),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
