/* SPDX-License-Identifier: BSD-2-Clause */
/* Logs of real machines (tests/data/SOURCES.md): PCRs, Secure Boot and what else they say. */
#include "tests/evidence/eventlog/support.h"

static const char *const known_logs[] = { "rhel8-uefi.bin", "ubuntu-2104-no-dbx.bin", "ubuntu-2104-no-secure-boot.bin",
                                          "debian-10.bin",  "cos-101-amd-sev.bin",    "arch-linux-workstation.bin" };

static void replay_logs_with_known_pcrs_all_match(void **state)
{
        for (size_t i = 0; i < BASE_COUNT(known_logs); i++) {
                struct log_case test;
                int secure_boot;

                case_load(&test, known_logs[i]);
                assert_true(case_quote_expected(&test, known_logs[i], &secure_boot));
                case_derive(&test);
                for (size_t bank = 0; bank < test.quoted.bank_count; bank++) {
                        assert_int_equal(test.replay.banks[bank].matching, test.quoted.banks[bank].mask);
                        assert_int_equal(test.replay.banks[bank].differing, 0);
                }
                assert_int_equal(test.replay.trusted, test.quoted.banks[0].mask);
                assert_int_equal(test.replay.differing, 0);
                assert_int_equal(test.replay.algorithms[7],
                                 test.quoted.bank_count == 2 ? EVIDENCE_TPM_ALG_SHA256 : EVIDENCE_TPM_ALG_SHA1);
                if (secure_boot >= 0)
                        assert_int_equal(test.boot->secure_boot,
                                         secure_boot ? EVIDENCE_BOOT_SECURE_BOOT_ON : EVIDENCE_BOOT_SECURE_BOOT_OFF);
                assert_int_equal(test.boot->separators, 0xff);
                case_clear(&test);
        }
}

static void replay_one_bit_of_a_pcr_flipped_trusts_all_but_that(void **state)
{
        struct log_case test;
        int secure_boot;

        case_load(&test, "rhel8-uefi.bin");
        assert_true(case_quote_expected(&test, "rhel8-uefi.bin", &secure_boot));
        test.quoted.banks[1].values[7][3] ^= 0x10;
        case_derive(&test);
        assert_int_equal(test.replay.differing, 1u << 7);
        assert_int_equal(test.replay.trusted, test.quoted.banks[0].mask & ~(1u << 7));
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN);
        assert_false(test.boot->db.known);
        assert_int_equal(test.boot->authority_count, 0);
        assert_true(test.boot->application_count > 0);
        case_clear(&test);
}

static void boot_of_rhel8_has_its_applications_and_command_line(void **state)
{
        struct log_case test;
        int secure_boot;

        case_load(&test, "rhel8-uefi.bin");
        assert_true(case_quote_expected(&test, "rhel8-uefi.bin", &secure_boot));
        case_derive(&test);
        assert_true(test.boot->setup_mode_known && !test.boot->setup_mode);
        assert_int_equal(test.boot->pk.entry_count, 1);
        assert_int_equal(test.boot->kek.entry_count, 1);
        assert_int_equal(test.boot->db.entry_count, 2);
        assert_true(test.boot->dbx.entry_count > 100);
        assert_int_equal(test.boot->application_count, 3);
        assert_string_equal(
                test.boot->applications[0].path,
                "PciRoot(0x0)/Pci(0x3,0x0)/Scsi(0x1,0x0)/HD(1,GPT,ef72374c-2630-46a1-88d6-082693781140,0x800,0x64000)/"
                "\\EFI\\redhat\\shimx64.efi");
        assert_string_equal(test.boot->applications[1].path, "\\EFI\\redhat\\grubx64.efi");
        assert_string_equal(test.boot->applications[2].path, "");
        assert_int_equal(test.boot->command_line_count, 1);
        assert_true(test.boot->command_lines[0].authentic);
        assert_int_equal(test.boot->command_lines[0].loader, EVIDENCE_BOOT_LOADER_GRUB);
        assert_non_null(
                strstr(test.boot->command_lines[0].text, "(hd0,gpt2)/boot/vmlinuz-4.18.0-240.22.1.el8_3.x86_64 root=UUID="));
        assert_int_equal(test.boot->grub_command_count, 49);
        assert_true(test.boot->exit_boot_services);
        assert_int_equal(test.boot->section_count, 2);
        assert_string_equal(test.boot->sections[1].name, "MokListX");
        assert_false(test.boot->sections[1].name_authentic);
        assert_int_equal(test.boot->authority_count, 2);
        assert_string_equal(test.boot->authorities[1].name, "Shim");
        assert_true(test.boot->authorities[1].by_shim && !test.boot->authorities[0].by_shim);
        assert_int_equal(test.boot->finding_count, 0);
        case_clear(&test);
}

static void boot_of_ubuntu_has_sbat_level_and_no_dbx(void **state)
{
        struct log_case test;
        int secure_boot;

        case_load(&test, "ubuntu-2104-no-dbx.bin");
        assert_true(case_quote_expected(&test, "ubuntu-2104-no-dbx.bin", &secure_boot));
        case_derive(&test);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_OFF);
        assert_true(test.boot->dbx.known);
        assert_int_equal(test.boot->dbx.len_bytes, 0);
        assert_int_equal(test.boot->dbx.entry_count, 0);
        assert_string_equal(test.boot->sbat_level, "sbat,1,2021030218");
        assert_int_equal(test.boot->command_line_count, 1);
        case_clear(&test);
}

/* Its SecureBoot variable is empty, it has no "Calling EFI Application", and systemd-boot logged a byte less than it hashed. */
static void boot_of_arch_is_flagged_and_not_fatal(void **state)
{
        struct log_case test;
        int secure_boot;

        case_load(&test, "arch-linux-workstation.bin");
        assert_true(case_quote_expected(&test, "arch-linux-workstation.bin", &secure_boot));
        case_derive(&test);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_ABSENT);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_SECURE_BOOT_LENGTH), 1);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_APPLICATION_EARLY), 2);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_EXIT_MISSING), 1);
        assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_DIGEST_MISMATCH), 1);
        for (size_t i = 0; i < test.boot->finding_count; i++)
                if (test.boot->findings[i].kind == EVIDENCE_BOOT_DIGEST_MISMATCH) {
                        assert_int_equal(test.boot->findings[i].event, 24);
                        assert_int_equal(test.boot->findings[i].offset, 15142);
                }
        assert_int_equal(test.boot->command_line_count, 0);
        assert_int_equal(test.boot->application_count, 3);
        assert_true(test.boot->applications[0].driver);
        case_clear(&test);
}

static void boot_of_moklisttrusted_says_so(void **state)
{
        struct log_case test;

        case_load(&test, "moklisttrusted.bin");
        case_quote(&test);
        case_derive(&test);
        assert_true(test.boot->mok_list_trusted_known && test.boot->mok_list_trusted);
        assert_int_equal(test.boot->section_count, 3);
        assert_int_equal(test.boot->command_line_count, 1);
        assert_true(test.boot->command_lines[0].authentic);
        case_clear(&test);
}

static void boot_of_fedora_with_systemd_boot_has_its_command_line_twice(void **state)
{
        struct log_case test;

        case_load(&test, "sd-boot-fedora37.bin");
        case_quote(&test);
        case_derive(&test);
        assert_int_equal(test.boot->command_line_count, 2);
        assert_int_equal(test.boot->command_lines[0].loader, EVIDENCE_BOOT_LOADER_SYSTEMD);
        assert_string_equal(test.boot->command_lines[0].text, " console=ttyS0 console=tty0 efi=debug ");
        assert_true(test.boot->command_lines[0].authentic);
        assert_true(test.boot->setup_mode_known && test.boot->setup_mode);
        assert_int_equal(test.boot->section_count, 1);
        assert_string_equal(test.boot->sections[0].name, "Linux initrd");
        assert_true(test.boot->exit_boot_services);
        case_clear(&test);
}

static void boot_of_a_sha1_log_derives_by_sha1(void **state)
{
        struct log_case test;

        case_load(&test, "uefi-sha1-log.bin");
        assert_false(test.log.crypto_agile);
        case_quote(&test);
        case_derive(&test);
        assert_int_equal(test.replay.algorithms[7], EVIDENCE_TPM_ALG_SHA1);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_ABSENT);
        assert_true(test.boot->dbx.known && test.boot->dbx.entry_count > 50);
        assert_int_equal(test.boot->application_count, 2);
        /* An early shim wrote rubbish behind a device path of length 0. */
        assert_string_equal(test.boot->applications[1].path, "");
        case_clear(&test);
}

static void boot_without_exit_boot_services_is_flagged(void **state)
{
        static const char *const names[] = { "ebs_event_missing_eventlog.bin", "crypto_agile_eventlog.bin" };

        for (size_t i = 0; i < BASE_COUNT(names); i++) {
                struct log_case test;

                case_load(&test, names[i]);
                case_quote(&test);
                case_derive(&test);
                assert_false(test.boot->exit_boot_services);
                assert_int_equal(count_findings(test.boot, EVIDENCE_BOOT_EXIT_MISSING), 1);
                case_clear(&test);
        }
}

/* A real log, cut at every byte, must be refused, unless the cut is between events. */
static void parse_a_log_cut_anywhere_is_refused_or_whole(void **state)
{
        struct evidence_eventlog cut = EVIDENCE_EVENTLOG_INIT;
        struct base_error error;
        struct log_case test;
        size_t whole = 0;

        case_load(&test, "sd-boot-fedora37.bin");
        for (size_t len = 0; len < test.bytes.len; len++) {
                error = (struct base_error) BASE_ERROR_INIT;
                if (evidence_eventlog_parse(BASE_BYTES(test.bytes.data, len), &cut, &error)) {
                        whole++;
                        evidence_eventlog_clear(&cut);
                } else {
                        assert_int_equal(error.code, BASE_ERROR_MALFORMED);
                        assert_non_null(strstr(error.message, "event "));
                        assert_non_null(strstr(error.message, "offset "));
                }
        }
        assert_int_equal(whole, test.log.event_count - 1);
        case_clear(&test);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(replay_logs_with_known_pcrs_all_match),
                cmocka_unit_test(replay_one_bit_of_a_pcr_flipped_trusts_all_but_that),
                cmocka_unit_test(boot_of_rhel8_has_its_applications_and_command_line),
                cmocka_unit_test(boot_of_ubuntu_has_sbat_level_and_no_dbx),
                cmocka_unit_test(boot_of_arch_is_flagged_and_not_fatal),
                cmocka_unit_test(boot_of_moklisttrusted_says_so),
                cmocka_unit_test(boot_of_fedora_with_systemd_boot_has_its_command_line_twice),
                cmocka_unit_test(boot_of_a_sha1_log_derives_by_sha1),
                cmocka_unit_test(boot_without_exit_boot_services_is_flagged),
                cmocka_unit_test(parse_a_log_cut_anywhere_is_refused_or_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
