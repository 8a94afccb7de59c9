/* SPDX-License-Identifier: BSD-2-Clause */
/* Refusals of the parser, and the replay's rules about banks, localities and boot phases. */
#include "evidence/eventlog/internal.h"
#include "tests/evidence/eventlog/support.h"

static struct base_error error;

static bool parse(struct base_bytes bytes)
{
        evidence_auto_eventlog struct evidence_eventlog log = EVIDENCE_EVENTLOG_INIT;

        return evidence_eventlog_parse(bytes, &log, &error);
}

/* The header of log_start(), with one byte changed. */
static void check_header(size_t at, uint8_t value, enum base_error_code code, const char *text)
{
        struct log_maker maker;

        log_start(&maker);
        maker.bytes.data[at] = value;
        assert_refused(parse(base_buffer_bytes(&maker.bytes)), code, text);
        assert_non_null(strstr(error.message, "event 0 at offset 0"));
        log_end(&maker);
}

static void parse_wrong_header_is_refused(void **state)
{
        check_header(32, 'X', BASE_ERROR_MALFORMED, "no Spec ID event");
        check_header(56, 0, BASE_ERROR_LIMIT_EXCEEDED, "names 0 algorithms");
        check_header(56, 9, BASE_ERROR_LIMIT_EXCEEDED, "names 9 algorithms");
        check_header(56, 2, BASE_ERROR_MALFORMED, "algorithms");
        check_header(60, 0x12, BASE_ERROR_UNSUPPORTED, "no digests of");
        check_header(62, 31, BASE_ERROR_MALFORMED, "digests of 31 bytes");
        check_header(64, 1, BASE_ERROR_MALFORMED, "vendor information");
}

static void parse_wrong_event_is_refused_by_number_and_offset(void **state)
{
        static const struct {
                size_t at; /* in the second event */
                uint8_t value;
                enum base_error_code code;
                const char *text;
        } cases[] = {
                { 0, 24, BASE_ERROR_MALFORMED, "no PCR 24" },          { 8, 2, BASE_ERROR_MALFORMED, "2 digests" },
                { 12, 4, BASE_ERROR_MALFORMED, "algorithm 0x0004" },   { 46, 5, BASE_ERROR_MALFORMED, "the event's data" },
                { 49, 1, BASE_ERROR_LIMIT_EXCEEDED, "bytes of data" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                struct log_maker maker;
                size_t second;
                char place[64];

                log_start(&maker);
                log_add_separator(&maker, 0);
                second = maker.bytes.len;
                log_add_separator(&maker, 1);
                assert_true(parse(base_buffer_bytes(&maker.bytes)));
                maker.bytes.data[second + cases[i].at] = cases[i].value;
                assert_refused(parse(base_buffer_bytes(&maker.bytes)), cases[i].code, cases[i].text);
                (void) snprintf(place, sizeof(place), "event 2 at offset %zu", second);
                assert_non_null(strstr(error.message, place));
                log_end(&maker);
        }
}

static void parse_short_no_action_log_is_refused(void **state)
{
        static const uint8_t log[] = "\0\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\21\0\0\0StartupLocality\0\3";

        assert_refused(parse(BASE_BYTES(log, 49)), BASE_ERROR_MALFORMED, "event 0 at offset 0");
}

static void parse_empty_and_too_large_logs_are_refused(void **state)
{
        base_auto_buffer struct base_buffer large = BASE_BUFFER_INIT(2 * EVIDENCE_EVENTLOG_BYTES_MAX);
        struct log_maker maker;

        assert_refused(parse(BASE_BYTES(NULL, 0)), BASE_ERROR_MALFORMED, "empty");
        assert_non_null(base_buffer_extend(&large, EVIDENCE_EVENTLOG_BYTES_MAX + 1));
        assert_refused(parse(base_buffer_bytes(&large)), BASE_ERROR_LIMIT_EXCEEDED, "allowed");
        log_start_sha1(&maker);
        for (unsigned i = 0; i < EVIDENCE_EVENTLOG_EVENTS_MAX; i++)
                log_add_digest(&maker, 1, EVIDENCE_EVENTLOG_IPL, NULL, BASE_BYTES(NULL, 0));
        assert_true(parse(base_buffer_bytes(&maker.bytes)));
        log_add_digest(&maker, 1, EVIDENCE_EVENTLOG_IPL, NULL, BASE_BYTES(NULL, 0));
        assert_refused(parse(base_buffer_bytes(&maker.bytes)), BASE_ERROR_LIMIT_EXCEEDED, "may have 8192 events");
        log_end(&maker);
}

static void add_locality(struct log_maker *maker, uint32_t pcr, uint8_t locality)
{
        uint8_t data[] = "StartupLocality\0";

        data[16] = locality;
        log_add_digest(maker, pcr, EVIDENCE_EVENTLOG_NO_ACTION, NULL, BASE_BYTES(data, 17));
}

static void replay_startup_locality_is_the_initial_value_of_pcr_0(void **state)
{
        uint8_t value[LOG_SHA256_LEN] = { [LOG_SHA256_LEN - 1] = 3 }, digest[LOG_SHA256_LEN];
        static const uint8_t zeros[4];
        struct base_bytes content = BASE_BYTES_OF(zeros);
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        add_locality(&maker, 0, 3);
        log_add_separator(&maker, 0);
        case_make(&test, &maker);
        assert_ok(evidence_eventlog_hash(EVIDENCE_TPM_ALG_SHA256, &content, 1, digest, &error));
        assert_ok(evidence_eventlog_extend(EVIDENCE_TPM_ALG_SHA256, value, digest, &error));
        assert_memory_equal(test.quoted.banks[0].values[0], value, sizeof(value));
        assert_int_equal(test.boot->startup_locality, 3);
        case_clear(&test);
        log_end(&maker);
}

static void parse_wrong_startup_locality_is_refused(void **state)
{
        static const struct {
                uint32_t pcr;
                uint8_t locality;
                bool late, twice;
                const char *text;
        } cases[] = {
                { 0, 2, false, false, "not 0, 3 or 4" },
                { 1, 3, false, false, "another PCR" },
                { 0, 3, true, false, "after a measurement" },
                { 0, 3, false, true, "twice" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                struct log_maker maker;

                log_start(&maker);
                if (cases[i].late)
                        log_add_separator(&maker, 0);
                if (cases[i].twice)
                        add_locality(&maker, 0, 3);
                add_locality(&maker, cases[i].pcr, cases[i].locality);
                assert_refused(parse(base_buffer_bytes(&maker.bytes)), BASE_ERROR_MALFORMED, cases[i].text);
                log_end(&maker);
        }
}

static void extend_word(struct log_case *test, const char *word)
{
        struct base_bytes bytes = base_bytes_from_string(word);
        uint8_t digest[LOG_SHA256_LEN];

        assert_ok(evidence_eventlog_hash(EVIDENCE_TPM_ALG_SHA256, &bytes, 1, digest, &error));
        assert_ok(evidence_eventlog_extend(EVIDENCE_TPM_ALG_SHA256, test->quoted.banks[0].values[11], digest, &error));
}

static void replay_boot_phases_after_the_log_are_recognised(void **state)
{
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        log_add(&maker, 11, EVIDENCE_EVENTLOG_IPL, BASE_BYTES("x", 1));
        case_make(&test, &maker);
        assert_int_equal(test.replay.phase, EVIDENCE_EVENTLOG_PHASE_NONE);
        extend_word(&test, "enter-initrd");
        extend_word(&test, "leave-initrd");
        extend_word(&test, "sysinit");
        case_derive(&test);
        assert_int_equal(test.replay.phase, EVIDENCE_EVENTLOG_PHASE_SYSINIT);
        assert_true(test.replay.trusted & 1u << 11);
        extend_word(&test, "something else");
        case_derive(&test);
        assert_int_equal(test.replay.differing, 1u << 11);
        assert_int_equal(test.replay.phase, EVIDENCE_EVENTLOG_PHASE_NONE);
        case_clear(&test);
        log_end(&maker);
}

static void replay_needs_the_strongest_quoted_bank(void **state)
{
        struct log_maker maker;
        struct log_case test;

        log_start_sha1(&maker);
        log_add_separator(&maker, 7);
        case_make(&test, &maker);
        assert_true(test.replay.trusted & 1u << 7);
        /* The TPM has a SHA-256 bank as well: a log of SHA-1 alone does not speak for it. */
        test.quoted.banks[test.quoted.bank_count++] = (struct evidence_pcr_bank){ .algorithm = EVIDENCE_TPM_ALG_SHA256,
                                                                                  .mask = 1u << 7 };
        case_derive(&test);
        assert_false(test.replay.banks[1].logged);
        assert_int_equal(test.replay.trusted & 1u << 7, 0);
        assert_int_equal(test.replay.differing, 1u << 7);
        assert_int_equal(test.boot->separators & 1u << 7, 0);
        case_clear(&test);
        log_end(&maker);
}

static void replay_a_contradicting_weaker_bank_is_not_trusted(void **state)
{
        struct log_case test;
        int secure_boot;

        case_load(&test, "rhel8-uefi.bin");
        assert_true(case_quote_expected(&test, "rhel8-uefi.bin", &secure_boot));
        assert_int_equal(test.quoted.banks[0].algorithm, EVIDENCE_TPM_ALG_SHA1);
        test.quoted.banks[0].values[7][0] ^= 1;
        case_derive(&test);
        assert_int_equal(test.replay.differing, 1u << 7);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN);
        case_clear(&test);
}

static void replay_wrong_banks_are_refused(void **state)
{
        struct evidence_eventlog_replay replay;
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        log_add_separator(&maker, 7);
        case_make(&test, &maker);
        test.quoted.bank_count = 0;
        assert_refused(evidence_eventlog_replay(&test.log, &test.quoted, &replay, &error), BASE_ERROR_INVALID_ARGUMENT, "banks");
        test.quoted.bank_count = 2;
        test.quoted.banks[1] = test.quoted.banks[0];
        assert_refused(evidence_eventlog_replay(&test.log, &test.quoted, &replay, &error), BASE_ERROR_INVALID_ARGUMENT, "twice");
        test.quoted.bank_count = 1;
        test.quoted.banks[0].algorithm = 0x12;
        assert_refused(evidence_eventlog_replay(&test.log, &test.quoted, &replay, &error), BASE_ERROR_INVALID_ARGUMENT,
                       "unknown");
        case_clear(&test);
        log_end(&maker);
}

static void compute_of_an_absent_bank_or_digest_is_refused(void **state)
{
        struct evidence_pcr_bank bank;
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        log_add_separator(&maker, 7);
        case_make(&test, &maker);
        assert_refused(evidence_eventlog_compute(&test.log, EVIDENCE_TPM_ALG_SHA1, &bank, &error), BASE_ERROR_UNSUPPORTED,
                       "0x0004");
        test.log.events[1].digests[0] = NULL;
        assert_refused(evidence_eventlog_compute(&test.log, EVIDENCE_TPM_ALG_SHA256, &bank, &error), BASE_ERROR_MALFORMED,
                       "event 1");
        /* Nor can its PCR be trusted, even if the value should fit. */
        case_derive(&test);
        assert_int_equal(test.replay.trusted & 1u << 7, 0);
        case_clear(&test);
        log_end(&maker);
}

static void utf8_of_surrogates_and_odd_lengths(void **state)
{
        char text[16];

        assert_true(evidence_eventlog_utf8(BASE_BYTES("\x3d\xd8\x00\xde"
                                                      "A\0",
                                                      6),
                                           text, sizeof(text)));
        assert_string_equal(text, "\xf0\x9f\x98\x80"
                                  "A");
        assert_true(evidence_eventlog_utf8(BASE_BYTES("\x3d\xd8"
                                                      "A\0",
                                                      4),
                                           text, sizeof(text)));
        assert_string_equal(text, "\xef\xbf\xbd"
                                  "A");
        assert_false(evidence_eventlog_utf8(BASE_BYTES("A", 1), text, sizeof(text)));
        assert_false(evidence_eventlog_utf8(BASE_BYTES("A\0B\0C\0", 6), text, 3));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parse_wrong_header_is_refused),
                cmocka_unit_test(parse_wrong_event_is_refused_by_number_and_offset),
                cmocka_unit_test(parse_short_no_action_log_is_refused),
                cmocka_unit_test(parse_empty_and_too_large_logs_are_refused),
                cmocka_unit_test(replay_startup_locality_is_the_initial_value_of_pcr_0),
                cmocka_unit_test(parse_wrong_startup_locality_is_refused),
                cmocka_unit_test(replay_boot_phases_after_the_log_are_recognised),
                cmocka_unit_test(replay_needs_the_strongest_quoted_bank),
                cmocka_unit_test(replay_a_contradicting_weaker_bank_is_not_trusted),
                cmocka_unit_test(replay_wrong_banks_are_refused),
                cmocka_unit_test(compute_of_an_absent_bank_or_digest_is_refused),
                cmocka_unit_test(utf8_of_surrogates_and_odd_lengths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
