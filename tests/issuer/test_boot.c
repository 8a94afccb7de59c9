/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What follows from an event log for a policy: real logs, and what somebody who owns the operating system might try with the
 * log and TPM2_PCR_Extend, each next to the honest boot.
 */
#include "tests/evidence/eventlog/support.h"

#include "base/hash.h"
#include "issuer/boot.h"

#define SHIM "shim"
#define GRUB "grub"
#define EVIL "another loader"

/* A log, taken to the facts that the issuer derives from it. */
struct boot_case {
        struct log_case log;
        struct issuer_boot boot;
};

/* The log has been quoted. */
static void derive(struct boot_case *test)
{
        struct evidence evidence = { .claims_len = 0 };
        struct evidence_verdict verdict = { .attest.reset_count = 1 };
        struct base_error error;

        verdict.attest.pcrs = test->log.quoted;
        assert_ok(issuer_boot_derive(base_buffer_bytes(&test->log.bytes), &evidence, &verdict, &test->boot, &error));
}

/* A log that is taken to be what a TPM was extended with. */
static void derive_made(struct boot_case *test, struct log_maker *maker)
{
        case_parse(&test->log, base_buffer_bytes(&maker->bytes));
        case_quote(&test->log);
        derive(test);
        case_clear(&test->log);
        log_end(maker);
}

static void derive_file(struct boot_case *test, const char *name)
{
        case_load(&test->log, name);
        case_quote(&test->log);
        derive(test);
        case_clear(&test->log);
}

static const char *text_of(const struct boot_case *test, const char *name)
{
        const struct evidence_fact *fact = issuer_boot_find(&test->boot, name);

        return fact == NULL || fact->kind != EVIDENCE_FACT_STRING ? NULL : fact->text;
}

static int64_t integer_of(const struct boot_case *test, const char *name)
{
        const struct evidence_fact *fact = issuer_boot_find(&test->boot, name);

        return fact == NULL || fact->kind != EVIDENCE_FACT_INT ? -1 : fact->integer;
}

static void assert_text(const struct boot_case *test, const char *name, const char *wanted)
{
        const char *text = text_of(test, name);

        if (text == NULL)
                fail_msg("there is no fact %s", name);
        assert_string_equal(text, wanted);
}

/* Nothing is said of what the kernel was told. */
static void assert_no_command_line(const struct boot_case *test)
{
        for (size_t i = 0; i < test->boot.fact_count; i++)
                if (strncmp(test->boot.facts[i].name, "boot.parameter", 14) == 0 ||
                    strcmp(test->boot.facts[i].name, "boot.command_line") == 0 ||
                    strcmp(test->boot.facts[i].name, "boot.command_line_sha256") == 0)
                        fail_msg("there is a fact %s", test->boot.facts[i].name);
}

static void assert_digest_of(const struct boot_case *test, const char *name, const char *program)
{
        struct base_bytes bytes = base_bytes_from_string(program);
        char hex[2 * LOG_SHA256_LEN + 1];
        uint8_t digest[LOG_SHA256_LEN];
        struct base_error error;

        assert_ok(base_sha256(&bytes, 1, digest, &error));
        for (size_t i = 0; i < sizeof(digest); i++)
                (void) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
        assert_text(test, name, hex);
}

static void add_program(struct log_maker *maker, uint32_t type, const char *program)
{
        /* An image load event without a device path (PFP, section 10.2.3). */
        static const uint8_t data[32];

        log_add_measured(maker, 4, type, base_bytes_from_string(program), BASE_BYTES_OF(data));
}

/* Firmware and its call of the boot option. */
static void start_firmware(struct log_maker *maker)
{
        log_start(maker);
        log_add_firmware(maker, 1);
        log_add(maker, 4, EVIDENCE_EVENTLOG_EFI_ACTION, base_bytes_from_string("Calling EFI Application from Boot Option"));
}

static void start_boot(struct log_maker *maker)
{
        start_firmware(maker);
        add_program(maker, EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION, SHIM);
        add_program(maker, EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION, GRUB);
}

static void add_grub(struct log_maker *maker, const char *label, const char *measured)
{
        base_auto_buffer struct base_buffer data = BASE_BUFFER_INIT(8192);

        base_buffer_printf(&data, "%s%s", label, measured);
        base_buffer_put_u8(&data, 0);
        log_add_measured(maker, 8, EVIDENCE_EVENTLOG_IPL, base_bytes_from_string(measured), base_buffer_bytes(&data));
}

static void add_stub(struct log_maker *maker, const char *line)
{
        base_auto_buffer struct base_buffer data = BASE_BUFFER_INIT(8192);

        log_utf16(&data, line, true);
        log_add(maker, 12, EVIDENCE_EVENTLOG_IPL, base_buffer_bytes(&data));
}

/* What GRUB measures when it boots with this line, which has the kernel's file in front. */
static void derive_grub_boot(struct boot_case *test, const char *line)
{
        base_auto_buffer struct base_buffer command = BASE_BUFFER_INIT(8192);
        struct log_maker maker;

        start_boot(&maker);
        base_buffer_printf(&command, "linux %s", line);
        add_grub(&maker, "grub_cmd: ", "set root=hd0,gpt2");
        add_grub(&maker, "grub_cmd: ", base_buffer_c_string(&command));
        add_grub(&maker, "kernel_cmdline: ", line);
        derive_made(test, &maker);
}

static void derive_of_rhel8_says_loader_and_command_line(void **state)
{
        struct boot_case test;

        case_load(&test.log, "rhel8-uefi.bin");
        case_quote_bank(&test.log, EVIDENCE_TPM_ALG_SHA256);
        derive(&test);
        case_clear(&test.log);
        assert_text(&test, "boot.loader", "40d6cae02973789080cf4c3a9ad11b5a0a4d8bba4438ab96e276cc784454dee7");
        assert_int_equal(strlen(text_of(&test, "boot.application.3")), 64);
        assert_null(text_of(&test, "boot.application.4"));
        assert_int_equal(integer_of(&test, "boot.applications"), 3);
        assert_int_equal(integer_of(&test, "boot.command_lines"), 1);
        assert_text(&test, "boot.command_line",
                    "(hd0,gpt2)/boot/vmlinuz-4.18.0-240.22.1.el8_3.x86_64 root=UUID=f3948fb4-cce7-4193-940a-c50052e93bf3 ro "
                    "net.ifnames=0 biosdevname=0 scsi_mod.use_blk_mq=Y crashkernel=auto console=ttyS0,38400n8");
        assert_text(&test, "boot.parameters", "biosdevname console crashkernel net.ifnames ro root scsi_mod.use_blk_mq");
        assert_text(&test, "boot.parameter.root", "UUID=f3948fb4-cce7-4193-940a-c50052e93bf3");
        assert_text(&test, "boot.parameter.ro", "");
        assert_text(&test, "boot.parameter.net.ifnames", "0");
        assert_text(&test, "boot.parameter.console", "ttyS0,38400n8");
        assert_null(text_of(&test, "boot.parameter.init"));
}

static void derive_of_systemd_boot_counts_the_line_that_stub_and_loader_measured_once(void **state)
{
        struct boot_case test;

        derive_file(&test, "sd-boot-fedora37.bin");
        assert_int_equal(integer_of(&test, "boot.command_lines"), 1);
        assert_text(&test, "boot.command_line", " console=ttyS0 console=tty0 efi=debug ");
        assert_text(&test, "boot.parameters", "console efi");
        assert_text(&test, "boot.parameter.console", "ttyS0,tty0");
}

/* GRUB's command has a line without the quotes that the kernel got: two texts, and neither is believed. */
static void derive_of_cos_with_quotes_says_no_command_line(void **state)
{
        struct boot_case test;

        derive_file(&test, "cos-101-amd-sev.bin");
        assert_int_equal(integer_of(&test, "boot.applications"), 4);
        assert_int_equal(integer_of(&test, "boot.command_lines"), 2);
        assert_no_command_line(&test);
}

static void derive_of_arch_with_a_line_that_is_not_what_was_hashed_says_none(void **state)
{
        struct boot_case test;

        derive_file(&test, "arch-linux-workstation.bin");
        assert_int_equal(integer_of(&test, "boot.applications"), 2);
        assert_int_equal(integer_of(&test, "boot.command_lines"), -1);
        assert_no_command_line(&test);
}

static void derive_honest_boot_says_it_all(void **state)
{
        struct boot_case test;

        derive_grub_boot(&test, "/vmlinuz root=/dev/sda1 ro systemd.unit=rescue.target rd-x=1 -y CAPS=2 rd_x=3");
        assert_digest_of(&test, "boot.loader", SHIM);
        assert_digest_of(&test, "boot.application.2", GRUB);
        assert_int_equal(integer_of(&test, "boot.applications"), 2);
        assert_int_equal(integer_of(&test, "boot.command_lines"), 1);
        assert_digest_of(&test, "boot.command_line_sha256",
                         "/vmlinuz root=/dev/sda1 ro systemd.unit=rescue.target rd-x=1 -y CAPS=2 rd_x=3");
        assert_text(&test, "boot.parameters", "CAPS _y rd_x ro root systemd.unit");
        assert_text(&test, "boot.parameter.systemd.unit", "rescue.target");
        assert_text(&test, "boot.parameter.rd_x", "1,3");
        assert_null(text_of(&test, "boot.parameter.CAPS"));
        assert_null(text_of(&test, "boot.parameter.vmlinuz"));
}

static void derive_shell_for_init_shows(void **state)
{
        struct boot_case test;

        derive_grub_boot(&test, "/vmlinuz root=/dev/sda1 ro init=/bin/sh");
        assert_text(&test, "boot.parameter.init", "/bin/sh");
        assert_text(&test, "boot.parameters", "init ro root");
        derive_grub_boot(&test, "/vmlinuz root=/dev/sda1 init=/bin/sh ro init=/sbin/init");
        assert_text(&test, "boot.parameter.init", "/bin/sh,/sbin/init");
}

/* Root of a system that was booted by another loader extends PCR 4 with the one that is wanted, and adds the event. */
static void derive_program_that_the_running_system_added_is_not_the_loader(void **state)
{
        struct boot_case test;
        struct log_maker maker;

        start_firmware(&maker);
        add_program(&maker, EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION, EVIL);
        log_add(&maker, 4, EVIDENCE_EVENTLOG_EFI_ACTION,
                base_bytes_from_string("Returning from EFI Application from Boot Option"));
        log_add_separator(&maker, 4);
        add_program(&maker, EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION, SHIM);
        derive_made(&test, &maker);
        assert_digest_of(&test, "boot.loader", EVIL);
        assert_digest_of(&test, "boot.application.2", SHIM);
        assert_int_equal(integer_of(&test, "boot.applications"), 2);
}

static void derive_program_by_another_type_is_the_loader_still(void **state)
{
        static const uint32_t types[] = { EVIDENCE_EVENTLOG_EFI_ACTION, EVIDENCE_EVENTLOG_SEPARATOR,
                                          EVIDENCE_EVENTLOG_EFI_VARIABLE_BOOT, EVIDENCE_EVENTLOG_IPL, 0xdeadbeef };

        for (size_t i = 0; i < BASE_COUNT(types); i++) {
                struct boot_case test;
                struct log_maker maker;

                start_firmware(&maker);
                add_program(&maker, types[i], EVIL);
                add_program(&maker, EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION, SHIM);
                derive_made(&test, &maker);
                assert_digest_of(&test, "boot.loader", EVIL);
                assert_int_equal(integer_of(&test, "boot.applications"), 2);
        }
}

/* The events of PCRs stand in the log in any order: more drivers than are listed, before the programs. */
static void derive_more_programs_than_are_listed_have_no_number(void **state)
{
        static const uint8_t data[32];
        struct boot_case test;
        struct log_maker maker;

        start_firmware(&maker);
        for (unsigned number = 1000; number < 1000 + EVIDENCE_BOOT_APPLICATIONS_MAX; number++)
                log_add_measured(&maker, 2, EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_DRIVER, BASE_BYTES(&number, sizeof(number)),
                                 BASE_BYTES_OF(data));
        add_program(&maker, EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION, EVIL);
        derive_made(&test, &maker);
        assert_null(text_of(&test, "boot.loader"));
        assert_int_equal(integer_of(&test, "boot.applications"), -1);

        start_firmware(&maker);
        for (unsigned i = 0; i < 10; i++)
                add_program(&maker, EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION, SHIM);
        derive_made(&test, &maker);
        assert_digest_of(&test, "boot.application.8", SHIM);
        assert_null(text_of(&test, "boot.application.9"));
        assert_int_equal(integer_of(&test, "boot.applications"), 10);
}

static void derive_registers_that_were_not_quoted_say_nothing(void **state)
{
        for (unsigned pcr = 0; pcr <= 12; pcr++) {
                struct boot_case test;

                case_load(&test.log, "rhel8-uefi.bin");
                case_quote(&test.log);
                test.log.quoted.banks[0].mask &= ~(1u << pcr);
                derive(&test);
                assert_int_equal(text_of(&test, "boot.loader") != NULL, pcr != 4);
                assert_int_equal(integer_of(&test, "boot.applications"), pcr != 4 ? 3 : -1);
                if (pcr == 8 || pcr == 12)
                        assert_no_command_line(&test);
                assert_int_equal(integer_of(&test, "boot.command_lines"), pcr != 8 && pcr != 12 ? 1 : -1);
                case_clear(&test.log);
        }
}

/* `kernel_cmdline: X` and `grub_cmd: X` have one digest: a label makes no command line. */
static void derive_command_line_by_its_label_is_not_believed(void **state)
{
        struct boot_case test;
        struct log_maker maker;

        start_boot(&maker);
        add_grub(&maker, "kernel_cmdline: ", "/vmlinuz root=/dev/sda1 ro quiet");
        derive_made(&test, &maker);
        assert_int_equal(integer_of(&test, "boot.command_lines"), 1);
        assert_no_command_line(&test);

        start_boot(&maker);
        add_grub(&maker, "module_cmdline: ", "linux /vmlinuz init=/bin/sh");
        add_grub(&maker, "grub_cmd: ", "/vmlinuz init=/bin/sh");
        derive_made(&test, &maker);
        assert_text(&test, "boot.parameter.init", "/bin/sh");
}

static void derive_second_command_line_takes_the_first_one_away(void **state)
{
        struct boot_case test;
        struct log_maker maker;

        for (unsigned way = 0; way < 2; way++) {
                start_boot(&maker);
                add_grub(&maker, "grub_cmd: ", "linux /vmlinuz init=/bin/sh");
                if (way == 0)
                        add_grub(&maker, "grub_cmd: ", "linux /vmlinuz root=/dev/sda1 ro quiet");
                else
                        add_stub(&maker, "root=/dev/sda1 ro quiet");
                derive_made(&test, &maker);
                assert_int_equal(integer_of(&test, "boot.command_lines"), 2);
                assert_no_command_line(&test);
        }
}

/* The line that counts is shown as other text, another type, or behind a tag or name that has its content measured. */
static void derive_hidden_command_line_leaves_none(void **state)
{
        static const struct {
                uint32_t pcr, type;
                const char *data;
                size_t len;
        } covers[] = {
                { 8, EVIDENCE_EVENTLOG_IPL, "grub_cmd: echo", 14 },
                { 8, EVIDENCE_EVENTLOG_IPL, "", 0 },
                { 8, EVIDENCE_EVENTLOG_EFI_ACTION, "q\0u\0i\0e\0t\0\0", 12 },
                { 8, EVIDENCE_EVENTLOG_SEPARATOR, "\0\0\0", 4 },
                { 12, EVIDENCE_EVENTLOG_IPL, "q\0u\0i\0e\0t\0\0", 12 },
                { 12, EVIDENCE_EVENTLOG_EVENT_TAG, "\x0f\xfe\xdf\x49\0\0\0", 8 },
                { 12, EVIDENCE_EVENTLOG_EVENT_TAG, "", 0 },
                { 12, EVIDENCE_EVENTLOG_IPL, "C\0r\0e\0d\0e\0n\0t\0i\0a\0l\0s\0 \0i\0n\0i\0t\0r\0d\0\0", 38 },
        };

        for (size_t i = 0; i < BASE_COUNT(covers); i++) {
                struct boot_case test;
                struct log_maker maker;

                start_boot(&maker);
                log_add_measured(&maker, covers[i].pcr, covers[i].type, base_bytes_from_string("linux /vmlinuz init=/bin/sh"),
                                 BASE_BYTES(covers[i].data, covers[i].len));
                add_grub(&maker, "grub_cmd: ", "linux /vmlinuz root=/dev/sda1 ro quiet");
                derive_made(&test, &maker);
                assert_int_equal(integer_of(&test, "boot.command_lines"), -1);
                assert_no_command_line(&test);
        }
}

/* What programs do not read alike is no list of parameters; what a text cannot show is no text either. */
static void derive_line_that_can_be_read_in_two_ways_has_no_parameters(void **state)
{
        static const char *const quoted[] = { "/vmlinuz x=\"a init=/bin/sh b\" ro", "/vmlinuz x='a init=/bin/sh b' ro",
                                              "/vmlinuz x=\\\" systemd.unit=rescue.target y=\\\" ro" };
        /* U+00A0 is a blank to the kernel, and its last byte alone is one too. */
        static const char *const strange[] = { "/vmlinuz x=\xc3\xa0init=/bin/sh ro", "/vmlinuz x=\xa0init=/bin/sh ro",
                                               "/vmlinuz x\tinit=/bin/sh", "/vmlinuz x\ninit=/bin/sh" };
        struct boot_case test;

        for (size_t i = 0; i < BASE_COUNT(quoted); i++) {
                derive_grub_boot(&test, quoted[i]);
                assert_text(&test, "boot.command_line", quoted[i]);
                assert_null(text_of(&test, "boot.parameters"));
                assert_null(text_of(&test, "boot.parameter.ro"));
        }
        for (size_t i = 0; i < BASE_COUNT(strange); i++) {
                derive_grub_boot(&test, strange[i]);
                assert_int_equal(integer_of(&test, "boot.command_lines"), 1);
                assert_no_command_line(&test);
        }
}

static void put_many(struct base_buffer *to, const char *format, unsigned count)
{
        base_buffer_printf(to, "/vmlinuz");
        for (unsigned i = 0; i < count; i++) {
                base_buffer_put_u8(to, ' ');
                base_buffer_printf(to, format, i);
        }
}

static void derive_more_parameters_than_fit_are_none(void **state)
{
        static const struct {
                const char *format;
                unsigned count;
                bool parameters, text;
        } lines[] = {
                { "p%u", 24, true, true },
                { "p%u", 25, false, true },
                { "a_rather_long_name_of_a_parameter_number_%u=1", 6, false, false },
                { "console=tty%u", 32, true, false },
                { "console=another_name_of_a_terminal%u", 32, false, false },
                { "a_name_of_a_parameter_that_is_longer_than_any_fact%u", 1, false, true },
        };

        for (size_t i = 0; i < BASE_COUNT(lines); i++) {
                base_auto_buffer struct base_buffer line = BASE_BUFFER_INIT(4096);
                struct boot_case test;

                put_many(&line, lines[i].format, lines[i].count);
                derive_grub_boot(&test, base_buffer_c_string(&line));
                assert_int_equal(text_of(&test, "boot.parameters") != NULL, lines[i].parameters);
                assert_int_equal(text_of(&test, "boot.command_line") != NULL, lines[i].text);
                assert_non_null(text_of(&test, "boot.command_line_sha256"));
                for (size_t at = 0; !lines[i].parameters && at < test.boot.fact_count; at++)
                        assert_null(strstr(test.boot.facts[at].name, "boot.parameter"));
        }
}

/*
 * A known limit, documented in docs/TRUST.md: PCR 8 has no separator, so a system that was started without GRUB can write a
 * command line there. The programs of PCR 4 say that there was no GRUB: a rule on the line needs one on these.
 */
static void derive_command_line_of_the_running_system_stands_beside_the_true_loader(void **state)
{
        struct boot_case test;
        struct log_maker maker;

        start_firmware(&maker);
        add_program(&maker, EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION, EVIL);
        add_grub(&maker, "grub_cmd: ", "linux /vmlinuz root=/dev/sda1 ro quiet");
        derive_made(&test, &maker);
        assert_text(&test, "boot.parameters", "quiet ro root");
        assert_digest_of(&test, "boot.loader", EVIL);
        assert_int_equal(integer_of(&test, "boot.applications"), 1);
}

static void derive_boot_without_a_command_line_says_that_there_is_none(void **state)
{
        struct boot_case test;
        struct log_maker maker;

        start_boot(&maker);
        derive_made(&test, &maker);
        assert_int_equal(integer_of(&test, "boot.command_lines"), 0);
        assert_no_command_line(&test);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(derive_of_rhel8_says_loader_and_command_line),
                cmocka_unit_test(derive_of_systemd_boot_counts_the_line_that_stub_and_loader_measured_once),
                cmocka_unit_test(derive_of_cos_with_quotes_says_no_command_line),
                cmocka_unit_test(derive_of_arch_with_a_line_that_is_not_what_was_hashed_says_none),
                cmocka_unit_test(derive_honest_boot_says_it_all),
                cmocka_unit_test(derive_shell_for_init_shows),
                cmocka_unit_test(derive_program_that_the_running_system_added_is_not_the_loader),
                cmocka_unit_test(derive_program_by_another_type_is_the_loader_still),
                cmocka_unit_test(derive_more_programs_than_are_listed_have_no_number),
                cmocka_unit_test(derive_registers_that_were_not_quoted_say_nothing),
                cmocka_unit_test(derive_command_line_by_its_label_is_not_believed),
                cmocka_unit_test(derive_second_command_line_takes_the_first_one_away),
                cmocka_unit_test(derive_hidden_command_line_leaves_none),
                cmocka_unit_test(derive_line_that_can_be_read_in_two_ways_has_no_parameters),
                cmocka_unit_test(derive_more_parameters_than_fit_are_none),
                cmocka_unit_test(derive_command_line_of_the_running_system_stands_beside_the_true_loader),
                cmocka_unit_test(derive_boot_without_a_command_line_says_that_there_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
