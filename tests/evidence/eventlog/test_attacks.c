/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What somebody who owns the operating system, and so the log file and TPM2_PCR_Extend but not the quote, might try. Each
 * attack stands against the honest log.
 */
#include "tests/evidence/eventlog/support.h"
#include "tests/stride.h"

#define CONFIG EVIDENCE_EVENTLOG_EFI_VARIABLE_DRIVER_CONFIG

/* A variable of PCR 7 with its type and data free to be lied about. */
static void add_secure_boot_as(struct log_maker *maker, uint32_t type, uint8_t measured, uint8_t shown)
{
        base_auto_buffer struct base_buffer true_data = BASE_BUFFER_INIT(256);
        base_auto_buffer struct base_buffer shown_data = BASE_BUFFER_INIT(256);

        log_variable(&true_data, GUID_GLOBAL, "SecureBoot", BASE_BYTES(&measured, 1));
        log_variable(&shown_data, GUID_GLOBAL, "SecureBoot", BASE_BYTES(&shown, 1));
        log_add_measured(maker, 7, type, base_buffer_bytes(&true_data), base_buffer_bytes(&shown_data));
}

static void add_secure_boot(struct log_maker *maker, uint8_t value)
{
        add_secure_boot_as(maker, CONFIG, value, value);
}

static void derive_honest_logs_says_what_was_measured(void **state)
{
        for (uint8_t value = 0; value <= 1; value++) {
                struct log_maker maker;
                struct log_case test;

                log_start(&maker);
                log_add_firmware(&maker, value);
                case_make(&test, &maker);
                assert_int_equal(test.boot->secure_boot, value ? EVIDENCE_BOOT_SECURE_BOOT_ON : EVIDENCE_BOOT_SECURE_BOOT_OFF);
                assert_int_equal(test.boot->separators, 0xff);
                assert_int_equal(test.boot->finding_count, 1); /* no ExitBootServices in these logs */
                assert_int_equal(test.boot->findings[0].kind, EVIDENCE_BOOT_EXIT_MISSING);
                case_clear(&test);
                log_end(&maker);
        }
}

static void derive_secure_boot_retyped_is_unknown(void **state)
{
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        add_secure_boot_as(&maker, EVIDENCE_EVENTLOG_EFI_VARIABLE_BOOT, 0, 0);
        add_secure_boot(&maker, 1);
        log_add_separator(&maker, 7);
        case_make(&test, &maker);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_UNEXPECTED_EVENT), 1);
        case_clear(&test);
        log_end(&maker);
}

static void derive_swapped_payload_is_ignored(void **state)
{
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        add_secure_boot_as(&maker, CONFIG, 0, 1);
        log_add_separator(&maker, 7);
        case_make(&test, &maker);
        assert_int_equal(test.replay.trusted & 1u << 7, 1u << 7);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_DIGEST_MISMATCH), 1);
        case_clear(&test);
        log_end(&maker);
}

static void derive_variable_after_the_separator_changes_nothing(void **state)
{
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        log_add_firmware(&maker, 0);
        add_secure_boot(&maker, 1);
        case_make(&test, &maker);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_OFF);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_AFTER_SEPARATOR), 1);
        case_clear(&test);
        log_end(&maker);
}

static void derive_second_separator_is_flagged_and_opens_nothing(void **state)
{
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        log_add_firmware(&maker, 0);
        add_secure_boot(&maker, 1);
        log_add_separator(&maker, 7);
        case_make(&test, &maker);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_OFF);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_SEPARATOR_REPEATED), 1);
        assert_int_equal(test.boot->separators, 0x7f);
        case_clear(&test);
        log_end(&maker);
}

/* The true separator is called an action, and everything before it something else; a second boot is then played after it. */
static void derive_separator_hidden_by_its_type_still_separates(void **state)
{
        static const uint8_t zeros[4];
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        add_secure_boot_as(&maker, EVIDENCE_EVENTLOG_EFI_ACTION, 0, 0);
        log_add_measured(&maker, 7, EVIDENCE_EVENTLOG_EFI_ACTION, BASE_BYTES_OF(zeros), BASE_BYTES("harmless", 8));
        add_secure_boot(&maker, 1);
        log_add_separator(&maker, 7);
        case_make(&test, &maker);
        assert_int_not_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_ON);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_SEPARATOR_RETYPED), 1);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_SEPARATOR_REPEATED), 1);
        case_clear(&test);
        log_end(&maker);
}

static void derive_without_separator_is_unknown(void **state)
{
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        add_secure_boot(&maker, 1);
        case_make(&test, &maker);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_SEPARATOR_MISSING), 8);
        case_clear(&test);
        log_end(&maker);
}

static void derive_error_separator_is_unknown(void **state)
{
        static const uint8_t failed[4] = { 1, 0, 0, 0 };
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        add_secure_boot(&maker, 1);
        log_add(&maker, 7, EVIDENCE_EVENTLOG_SEPARATOR, BASE_BYTES_OF(failed));
        case_make(&test, &maker);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_SEPARATOR_ERROR), 1);
        case_clear(&test);
        log_end(&maker);
}

static void derive_no_action_with_a_variable_is_flagged_and_no_measurement(void **state)
{
        base_auto_buffer struct base_buffer data = BASE_BUFFER_INIT(256);
        struct log_case honest, test;
        struct log_maker maker;
        const uint8_t on = 1;

        log_start(&maker);
        log_add_firmware(&maker, 0);
        case_make(&honest, &maker);
        log_end(&maker);
        log_variable(&data, GUID_GLOBAL, "SecureBoot", BASE_BYTES(&on, 1));
        log_start(&maker);
        log_add(&maker, 7, EVIDENCE_EVENTLOG_NO_ACTION, base_buffer_bytes(&data));
        log_add_firmware(&maker, 0);
        case_parse(&test, base_buffer_bytes(&maker.bytes));
        test.quoted = honest.quoted;
        case_derive(&test);
        assert_int_equal(test.replay.differing, 0);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_OFF);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_NO_ACTION_DIGEST), 1);
        assert_false(evidence_eventlog_event_counts(&test.replay, &test.log.events[1]));
        case_clear(&test);
        case_clear(&honest);
        log_end(&maker);
}

static void derive_other_guid_or_other_value_twice_is_not_believed(void **state)
{
        const uint8_t on = 1;
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        log_add_variable(&maker, CONFIG, GUID_SHIM, "SecureBoot", BASE_BYTES(&on, 1));
        log_add_separator(&maker, 7);
        case_make(&test, &maker);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_VARIABLE_FOREIGN), 1);
        case_clear(&test);
        log_end(&maker);

        log_start(&maker);
        add_secure_boot(&maker, 0);
        add_secure_boot(&maker, 1);
        log_add_separator(&maker, 7);
        case_make(&test, &maker);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_VARIABLE_REPEATED), 1);
        case_clear(&test);
        log_end(&maker);
}

static void derive_malformed_variable_is_unknown(void **state)
{
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        log_add(&maker, 7, CONFIG, BASE_BYTES("not a variable", 14));
        add_secure_boot(&maker, 1);
        log_add_separator(&maker, 7);
        case_make(&test, &maker);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_VARIABLE_MALFORMED), 1);
        case_clear(&test);
        log_end(&maker);
}

/* The events of a log in another order or number, against the quote of the honest one. */
static void replay_added_removed_or_reordered_event_is_not_trusted(void **state)
{
        enum { HONEST, ADDED, REMOVED, REORDERED, VARIANTS };
        struct log_case honest;

        for (unsigned variant = HONEST; variant < VARIANTS; variant++) {
                struct log_maker maker;
                struct log_case test;

                log_start(&maker);
                add_secure_boot(&maker, variant == REORDERED ? 0 : 1);
                if (variant != REMOVED)
                        add_secure_boot(&maker, variant == REORDERED ? 1 : 0);
                if (variant == ADDED)
                        add_secure_boot(&maker, 1);
                log_add_separator(&maker, 7);
                log_add_separator(&maker, 4);
                if (variant == HONEST) {
                        case_make(&honest, &maker);
                        assert_int_equal(honest.replay.differing, 0);
                        assert_true(honest.replay.trusted & 1u << 7);
                } else {
                        case_parse(&test, base_buffer_bytes(&maker.bytes));
                        test.quoted = honest.quoted;
                        case_derive(&test);
                        assert_int_equal(test.replay.differing, 1u << 7);
                        assert_true(test.replay.trusted & 1u << 4);
                        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN);
                        case_clear(&test);
                }
                log_end(&maker);
        }
        case_clear(&honest);
}

static void add_grub(struct log_maker *maker, const char *label, const char *measured)
{
        base_auto_buffer struct base_buffer data = BASE_BUFFER_INIT(1024);

        base_buffer_printf(&data, "%s%s", label, measured);
        base_buffer_put_u8(&data, 0);
        log_add_measured(maker, 8, EVIDENCE_EVENTLOG_IPL, base_bytes_from_string(measured), base_buffer_bytes(&data));
}

/* GRUB's labels are not measured: a command must not pass for what the kernel got, nor the other way round. */
static void derive_grub_labels_do_not_make_command_lines(void **state)
{
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        add_grub(&maker, "grub_cmd: ", "linux /vmlinuz root=/dev/sda1");
        add_grub(&maker, "kernel_cmdline: ", "/vmlinuz root=/dev/sda1");
        case_make(&test, &maker);
        assert_int_equal(test.boot->command_line_count, 1);
        assert_true(test.boot->command_lines[0].authentic);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_COMMAND_LINE_LABEL), 0);
        case_clear(&test);
        log_end(&maker);

        log_start(&maker);
        add_grub(&maker, "module_cmdline: ", "linux /vmlinuz init=/bin/sh");
        add_grub(&maker, "kernel_cmdline: ", "echo /vmlinuz quiet");
        case_make(&test, &maker);
        assert_int_equal(test.boot->command_line_count, 2);
        assert_string_equal(test.boot->command_lines[0].text, "/vmlinuz init=/bin/sh");
        assert_true(test.boot->command_lines[0].authentic);
        assert_false(test.boot->command_lines[1].authentic);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_COMMAND_LINE_LABEL), 1);
        case_clear(&test);
        log_end(&maker);
}

static void derive_swapped_command_line_is_flagged(void **state)
{
        static const uint32_t pcrs[] = { 8, 12 };

        for (size_t i = 0; i < BASE_COUNT(pcrs); i++) {
                base_auto_buffer struct base_buffer shown = BASE_BUFFER_INIT(256);
                struct log_maker maker;
                struct log_case test;

                log_utf16(&shown, "quiet", true);
                log_start(&maker);
                log_add_measured(&maker, pcrs[i], EVIDENCE_EVENTLOG_IPL, BASE_BYTES("init=/bin/sh", 12),
                                 base_buffer_bytes(&shown));
                case_make(&test, &maker);
                assert_int_equal(test.boot->command_line_count, 0);
                assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_DIGEST_MISMATCH), 1);
                case_clear(&test);
                log_end(&maker);
        }
}

static void add_uki_section(struct log_maker *maker, const char *name, const char *shown, const char *content)
{
        base_auto_buffer struct base_buffer data = BASE_BUFFER_INIT(256);

        log_utf16(&data, shown, true);
        log_add_measured(maker, 11, EVIDENCE_EVENTLOG_IPL, BASE_BYTES(name, strlen(name) + 1), base_buffer_bytes(&data));
        log_add_measured(maker, 11, EVIDENCE_EVENTLOG_IPL, base_bytes_from_string(content), base_buffer_bytes(&data));
}

static void derive_uki_sections_have_measured_names(void **state)
{
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        add_uki_section(&maker, ".linux", ".linux", "a kernel");
        add_uki_section(&maker, ".cmdline", ".cmdline", "quiet");
        case_make(&test, &maker);
        assert_int_equal(test.boot->section_count, 2);
        assert_string_equal(test.boot->sections[1].name, ".cmdline");
        assert_true(test.boot->sections[0].name_authentic && test.boot->sections[1].name_authentic);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_DIGEST_MISMATCH), 0);
        case_clear(&test);
        log_end(&maker);

        log_start(&maker);
        add_uki_section(&maker, ".linux", ".splash", "a kernel");
        case_make(&test, &maker);
        assert_int_equal(test.boot->section_count, 0);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_DIGEST_MISMATCH), 2);
        case_clear(&test);
        log_end(&maker);
}

static void derive_more_than_the_limits_is_flagged(void **state)
{
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        for (unsigned i = 0; i < EVIDENCE_BOOT_APPLICATIONS_MAX + 20; i++)
                log_add(&maker, 4, EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION, BASE_BYTES(&i, sizeof(i)));
        case_make(&test, &maker);
        assert_int_equal(test.boot->application_count, EVIDENCE_BOOT_APPLICATIONS_MAX);
        assert_int_equal(test.boot->finding_count, EVIDENCE_BOOT_FINDINGS_MAX);
        assert_int_equal(test.boot->findings[EVIDENCE_BOOT_FINDINGS_MAX - 1].kind, EVIDENCE_BOOT_DROPPED);
        case_clear(&test);
        log_end(&maker);
}

static bool variable_is_honest(const struct evidence_boot_variable *variable, const struct evidence_boot_variable *honest)
{
        return !variable->known || (honest->known && memcmp(variable->sha256, honest->sha256, sizeof(honest->sha256)) == 0);
}

static bool line_is_honest(const struct evidence_boot_command_line *line, const struct evidence_boot *honest)
{
        for (size_t i = 0; i < honest->command_line_count; i++)
                if (strcmp(line->text, honest->command_lines[i].text) == 0)
                        return true;
        return !line->authentic;
}

static bool digest_is_honest(const struct evidence_boot_application *application, const struct log_case *honest)
{
        for (size_t i = 0; i < honest->log.event_count; i++)
                for (size_t bank = 0; bank < honest->log.bank_count; bank++) {
                        const uint8_t *digest = honest->log.events[i].digests[bank];

                        if (honest->log.banks[bank] == EVIDENCE_TPM_ALG_SHA256 && digest != NULL &&
                            honest->log.events[i].pcr == application->pcr &&
                            memcmp(digest, application->digest, LOG_SHA256_LEN) == 0)
                                return true;
                }
        return false;
}

/* Whatever is wrong with a log: what it is believed to say is what was measured, or nothing. */
static void check_honest(const struct log_case *test, const struct log_case *honest)
{
        const struct evidence_boot *boot = test->boot;

        assert_true(boot->secure_boot == honest->boot->secure_boot || boot->secure_boot == EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN);
        assert_true(variable_is_honest(&boot->pk, &honest->boot->pk) && variable_is_honest(&boot->kek, &honest->boot->kek));
        assert_true(variable_is_honest(&boot->db, &honest->boot->db) && variable_is_honest(&boot->dbx, &honest->boot->dbx));
        for (size_t i = 0; i < boot->command_line_count; i++)
                assert_true(line_is_honest(&boot->command_lines[i], honest->boot));
        for (size_t i = 0; i < boot->application_count; i++)
                assert_true(digest_is_honest(&boot->applications[i], honest));
        assert_true(!boot->exit_boot_services || honest->boot->exit_boot_services);
}

/* Real logs with one byte changed, against the PCRs of the honest ones. */
static void derive_from_a_log_with_any_byte_changed_never_lies(void **state)
{
        static const struct {
                const char *name;
                size_t stride;
        } logs[] = { { "sd-boot-fedora37.bin", 1 }, { "ubuntu-2104-no-secure-boot.bin", 29 } };
        size_t replayed = 0;

        for (size_t i = 0; i < BASE_COUNT(logs); i++) {
                struct log_case honest;

                case_load(&honest, logs[i].name);
                case_quote_bank(&honest, EVIDENCE_TPM_ALG_SHA256);
                case_derive(&honest);
                for (size_t at = 0; at < honest.bytes.len; at += TEST_STRIDE * logs[i].stride) {
                        struct log_case test = { .quoted = honest.quoted };
                        struct base_error error = BASE_ERROR_INIT;

                        honest.bytes.data[at] ^= 1;
                        if (evidence_eventlog_parse(base_buffer_bytes(&honest.bytes), &test.log, &error)) {
                                case_derive(&test);
                                honest.bytes.data[at] ^= 1;
                                check_honest(&test, &honest);
                                honest.bytes.data[at] ^= 1;
                                replayed++;
                        } else {
                                assert_non_null(strstr(error.message, " at offset "));
                        }
                        honest.bytes.data[at] ^= 1;
                        case_clear(&test);
                }
                case_clear(&honest);
        }
        assert_true(replayed > 1000 / TEST_STRIDE);
}

/* Every event of a real log under every type: no application disappears, and nothing else that is believed changes. */
static void derive_from_a_log_with_any_event_retyped_never_lies(void **state)
{
        struct log_case honest;

        case_load(&honest, "rhel8-uefi.bin");
        case_quote_bank(&honest, EVIDENCE_TPM_ALG_SHA256);
        case_derive(&honest);
        for (size_t at = 1; at < honest.log.event_count; at++)
                for (uint32_t type = at % TEST_STRIDE; type < 0xe8; type += TEST_STRIDE) {
                        const uint32_t old = honest.log.events[at].type;
                        struct log_case test = { .log = honest.log, .quoted = honest.quoted };

                        test.log.events[at].type = type >= 0x20 ? 0x80000000u | (type - 0x20) : type;
                        if (type == 0xe7)
                                test.log.events[at].type = EVIDENCE_EVENTLOG_EFI_VARIABLE_AUTHORITY;
                        case_derive(&test);
                        test.log.events[at].type = old;
                        check_honest(&test, &honest);
                        if (test.replay.trusted & 1u << 4)
                                assert_int_equal(test.boot->application_count, honest.boot->application_count);
                        evidence_boot_free(test.boot);
                }
        case_clear(&honest);
}

static void finding_each_has_a_name_and_a_sentence(void **state)
{
        for (unsigned kind = 0; kind < EVIDENCE_BOOT_FINDING_KIND_COUNT; kind++) {
                assert_non_null(evidence_boot_finding_name(kind));
                assert_non_null(evidence_boot_finding_text(kind));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(derive_honest_logs_says_what_was_measured),
                cmocka_unit_test(derive_secure_boot_retyped_is_unknown),
                cmocka_unit_test(derive_swapped_payload_is_ignored),
                cmocka_unit_test(derive_variable_after_the_separator_changes_nothing),
                cmocka_unit_test(derive_second_separator_is_flagged_and_opens_nothing),
                cmocka_unit_test(derive_separator_hidden_by_its_type_still_separates),
                cmocka_unit_test(derive_without_separator_is_unknown),
                cmocka_unit_test(derive_error_separator_is_unknown),
                cmocka_unit_test(derive_no_action_with_a_variable_is_flagged_and_no_measurement),
                cmocka_unit_test(derive_other_guid_or_other_value_twice_is_not_believed),
                cmocka_unit_test(derive_malformed_variable_is_unknown),
                cmocka_unit_test(replay_added_removed_or_reordered_event_is_not_trusted),
                cmocka_unit_test(derive_grub_labels_do_not_make_command_lines),
                cmocka_unit_test(derive_swapped_command_line_is_flagged),
                cmocka_unit_test(derive_uki_sections_have_measured_names),
                cmocka_unit_test(derive_more_than_the_limits_is_flagged),
                cmocka_unit_test(derive_from_a_log_with_any_byte_changed_never_lies),
                cmocka_unit_test(derive_from_a_log_with_any_event_retyped_never_lies),
                cmocka_unit_test(finding_each_has_a_name_and_a_sentence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
