/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures trees in which something is wrong, and what a TPM says of itself. */
#include "attesterd/posture/efi_variable.h"
#include "policy/known_facts.h"
#include "posture_tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define EFIVARS     "sys/firmware/efi/efivars"
#define SECURE_BOOT EFIVARS "/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static void posture_collect_of_an_empty_tree_has_only_unreadable_facts(void **state)
{
        struct posture_tree *tree = *state;
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        posture_tree_collect(tree, &facts);
        assert_true(facts.count > 30);
        for (size_t i = 0; i < facts.count; i++)
                assert_int_equal(facts.items[i].type, POLICY_FACT_UNREADABLE);
        posture_tree_expect_unreadable(tree, "os.id", "/usr/lib/os-release: no such file or directory");
        posture_tree_expect_unreadable(tree, "kernel.taint", "/proc/sys/kernel/tainted: no such file or directory");
        posture_tree_expect_unreadable(tree, "boot.secure_boot", "not booted with UEFI");
        posture_tree_expect_unreadable(tree, "os.reboot_required",
                                       "nothing writes /run/reboot-required, and the installed kernels cannot be seen");
}

static void posture_collect_with_directories_for_files_says_so(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_put_directory(tree, "etc/os-release");
        posture_tree_put_directory(tree, "proc/sys/kernel/tainted");
        posture_tree_put_directory(tree, "proc/sys/kernel/osrelease");
        posture_tree_put_directory(tree, "sys/kernel/security/lockdown");
        posture_tree_put_directory(tree, "sys/module/module/parameters/sig_enforce");
        posture_tree_put_directory(tree, SECURE_BOOT);
        posture_tree_expect_unreadable(tree, "os.id", "/etc/os-release: is a directory");
        posture_tree_expect_unreadable(tree, "os.version", "/etc/os-release: is a directory");
        posture_tree_expect_unreadable(tree, "os.build", "/etc/os-release: is a directory");
        posture_tree_expect_unreadable(tree, "os.support_end", "/etc/os-release: is a directory");
        posture_tree_expect_unreadable(tree, "kernel.taint", "/proc/sys/kernel/tainted: is a directory");
        posture_tree_expect_unreadable(tree, "kernel.release", "/proc/sys/kernel/osrelease: is a directory");
        posture_tree_expect_unreadable(tree, "kernel.lockdown", "/sys/kernel/security/lockdown: is a directory");
        posture_tree_expect_unreadable(tree, "kernel.module_sig_enforce",
                                       "/sys/module/module/parameters/sig_enforce: is a directory");
        posture_tree_expect_unreadable(tree, "boot.secure_boot", "/" SECURE_BOOT ": is a directory");
}

static void posture_collect_with_too_large_files_says_so(void **state)
{
        struct posture_tree *tree = *state;
        static char large[20000];

        memset(large, '1', sizeof(large));
        posture_tree_put(tree, "etc/os-release", BASE_BYTES_OF(large));
        posture_tree_put(tree, "proc/sys/kernel/tainted", BASE_BYTES(large, POLICY_FACT_TEXT_BYTES_MAX + 1));
        posture_tree_put(tree, SECURE_BOOT, BASE_BYTES(large, POSTURE_EFI_VARIABLE_BYTES_MAX + 1));
        posture_tree_expect_unreadable(tree, "os.id", "/etc/os-release: file too large");
        posture_tree_expect_unreadable(tree, "kernel.taint", "/proc/sys/kernel/tainted: file too large");
        posture_tree_expect_unreadable(tree, "boot.secure_boot", "/" SECURE_BOOT ": file too large");
}

static void posture_collect_with_a_file_for_the_run_directory_says_so(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_put_text(tree, "run", "");
        posture_tree_expect_unreadable(tree, "os.reboot_required", "/run/reboot-required: not a directory");
}

static void posture_collect_with_a_fifo_for_a_file_does_not_wait(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_put_directory(tree, "etc");
        assert_int_equal(mkfifoat(tree->fd, "etc/os-release", 0644), 0);
        posture_tree_expect_unreadable(tree, "os.id", "/etc/os-release: invalid argument");
        assert_int_equal(unlinkat(tree->fd, "etc/os-release", 0), 0);
        posture_tree_put_text(tree, "etc/os-release", "NAME=x\n");
        posture_tree_expect(tree, "os.id", POLICY_FACT_STRING, "linux");
}

static void posture_collect_with_a_broken_link_in_etc_uses_the_vendors_file(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_put_text(tree, "usr/lib/os-release", "ID=vendor\nVERSION_ID=3\n");
        posture_tree_expect(tree, "os.id", POLICY_FACT_STRING, "vendor");
        posture_tree_put_directory(tree, "etc");
        assert_int_equal(symlinkat("nowhere", tree->fd, "etc/os-release"), 0);
        posture_tree_expect(tree, "os.id", POLICY_FACT_STRING, "vendor");
        assert_int_equal(unlinkat(tree->fd, "etc/os-release", 0), 0);
        posture_tree_put_text(tree, "etc/os-release", "ID=local\n");
        posture_tree_expect(tree, "os.id", POLICY_FACT_STRING, "local");
        posture_tree_expect_unreadable(tree, "os.version", "/etc/os-release has no VERSION_ID");
}

static void posture_collect_of_malformed_os_release_names_the_line(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_put_text(tree, "etc/os-release",
                              "NAME=x\nID=\"debian\nVERSION_ID=a b\nSUPPORT_END=2025-1-1\nBUILD_ID=$(id)\n");
        posture_tree_expect_unreadable(tree, "os.id", "/etc/os-release: line 2 does not follow os-release(5)");
        posture_tree_expect_unreadable(tree, "os.version", "/etc/os-release: line 3 does not follow os-release(5)");
        posture_tree_expect_unreadable(tree, "os.build", "/etc/os-release: line 5 does not follow os-release(5)");
        posture_tree_expect_unreadable(tree, "os.support_end", "SUPPORT_END is not a date like 2027-01-31");
}

static void posture_collect_of_debian_versions_takes_only_point_releases(void **state)
{
        static const struct {
                const char *debian_version;
                const char *version;
        } rows[] = {
                { "12.5\n", "12.5" },     { "12.10", "12.10" }, { "12\n", "12" }, { "trixie/sid\n", "12" },
                { "11.9\n", "12" },       { "120.1\n", "12" },  { "", "12" },     { "12.5~rc\n", "12" },
                { "12.5\n13.0\n", "12" }, { "12.5\xff", "12" }, { "12.", "12" },
        };
        struct posture_tree *tree = *state;

        posture_tree_put_text(tree, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        posture_tree_expect(tree, "os.version", POLICY_FACT_VERSION, "12");
        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                posture_tree_put_text(tree, "etc/debian_version", rows[i].debian_version);
                posture_tree_expect(tree, "os.version", POLICY_FACT_VERSION, rows[i].version);
        }
        posture_tree_put_text(tree, "etc/os-release", "ID=debian\nNAME=sid\n");
        posture_tree_expect_unreadable(tree, "os.version", "/etc/os-release has no VERSION_ID");
}

static void posture_collect_of_odd_kernel_files_is_unreadable(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_put_text(tree, "proc/sys/kernel/osrelease", "\n");
        posture_tree_put_text(tree, "proc/sys/kernel/tainted", "-1\n");
        posture_tree_put_text(tree, "sys/kernel/security/lockdown", "none integrity confidentiality\n");
        posture_tree_put_text(tree, "sys/module/module/parameters/sig_enforce", "1\n");
        posture_tree_expect_unreadable(tree, "kernel.release", "/proc/sys/kernel/osrelease is empty");
        posture_tree_expect_unreadable(tree, "kernel.taint", "/proc/sys/kernel/tainted is not a number");
        posture_tree_expect_unreadable(tree, "kernel.lockdown", "/sys/kernel/security/lockdown names no known level");
        posture_tree_expect_unreadable(tree, "kernel.module_sig_enforce",
                                       "/sys/module/module/parameters/sig_enforce is neither Y nor N");
        posture_tree_put_text(tree, "proc/sys/kernel/tainted", "18446744073709551615\n");
        posture_tree_expect_unreadable(tree, "kernel.taint", "/proc/sys/kernel/tainted is not a number");
        posture_tree_put_text(tree, "sys/kernel/security/lockdown", "none [integrityx] confidentiality\n");
        posture_tree_expect_unreadable(tree, "kernel.lockdown", "/sys/kernel/security/lockdown names no known level");
        posture_tree_put(tree, "proc/sys/kernel/osrelease", BASE_BYTES("6.1\0x", 5));
        posture_tree_expect_unreadable(tree, "kernel.release",
                                       "/proc/sys/kernel/osrelease: invalid or incomplete multibyte or wide character");
}

static void posture_efi_variable_parse_of_the_firmwares_own_gives_its_value(void **state)
{
        bool value = false;

        assert_null(posture_efi_variable_parse(BASE_BYTES("\x06\0\0\0\1", 5), &value));
        assert_true(value);
        assert_null(posture_efi_variable_parse(BASE_BYTES("\x06\0\0\0\0", 5), &value));
        assert_false(value);
}

static void posture_efi_variable_parse_of_anything_else_says_why(void **state)
{
        bool value = false;

        assert_string_equal(posture_efi_variable_parse(BASE_BYTES("", 0), &value), "the variable is not one byte long");
        assert_string_equal(posture_efi_variable_parse(BASE_BYTES("\x06\0\0\0", 4), &value), "the variable is not one byte long");
        assert_string_equal(posture_efi_variable_parse(BASE_BYTES("\x06\0\0\0\1\0", 6), &value),
                            "the variable is not one byte long");
        assert_string_equal(posture_efi_variable_parse(BASE_BYTES("\x06\0\0\0\2", 5), &value), "the variable is neither 0 nor 1");
        /* An operating system can write such a variable where the firmware has none; it must not pass for Secure Boot. */
        assert_string_equal(posture_efi_variable_parse(BASE_BYTES("\x07\0\0\0\1", 5), &value),
                            "the variable is kept in flash, so it is not the firmware's own");
        assert_string_equal(posture_efi_variable_parse(BASE_BYTES("\x02\0\0\0\1", 5), &value),
                            "the variable's attributes are not those of the firmware's own");
        assert_string_equal(posture_efi_variable_parse(BASE_BYTES("\x06\0\0\1\1", 5), &value),
                            "the variable's attributes are not those of the firmware's own");
        assert_false(value);
}

static void posture_collect_of_a_forged_secure_boot_variable_is_unreadable(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_put(tree, SECURE_BOOT, BASE_BYTES("\x07\0\0\0\1", 5));
        posture_tree_expect_unreadable(tree, "boot.secure_boot",
                                       "the variable is kept in flash, so it is not the firmware's own");
        posture_tree_put(tree, SECURE_BOOT, BASE_BYTES("\x06\0\0\0\1", 5));
        posture_tree_expect(tree, "boot.secure_boot", POLICY_FACT_BOOLEAN, "true");
        posture_tree_expect_unreadable(tree, "boot.setup_mode",
                                       "/" EFIVARS "/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c: no such file or directory");
}

/* Each of the posture's facts has one collector, which sets no other's. */
static void posture_collect_of_one_collector_sets_the_facts_that_are_its_own(void **state)
{
        struct posture_tree *tree = *state;
        struct posture_sources sources = posture_tree_sources(tree);
        size_t count;
        const struct policy_known_fact *known = policy_known_facts(&count);

        posture_tree_put_text(tree, "etc/attesterd/facts.d/a.facts", "room = 1\n");
        assert_int_not_equal(posture_collectors_of("custom.room"), 0);
        assert_int_equal(posture_collectors_of("tpm.simulated") | posture_collectors_of("firmware.hsi"), 0);
        for (size_t i = 0; i < count; i++) {
                policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
                uint32_t collector = posture_collectors_of(known[i].name);

                assert_int_equal(collector != 0, known[i].setter == POLICY_SETTER_POSTURE);
                assert_int_equal(collector & (collector - 1), 0);
                assert_true(posture_collect(&sources, collector, &facts, NULL, NULL));
                assert_int_equal(policy_facts_find(&facts, known[i].name) != NULL, collector != 0);
                for (size_t j = 0; j < facts.count; j++)
                        assert_int_equal(posture_collectors_of(facts.items[j].name), collector);
        }
}

static void posture_collect_into_a_full_set_is_an_error(void **state)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        struct posture_tree *tree = *state;
        struct posture_sources sources = posture_tree_sources(tree);
        struct base_error error;
        char name[16];

        for (int i = 0; i < POLICY_FACTS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "x.%d", i);
                assert_true(policy_facts_set_integer(&facts, name, i, (struct policy_origin){ .source = "" }, NULL));
        }
        assert_false(posture_collect(&sources, POSTURE_COLLECTORS_ALL, &facts, NULL, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
}

static void expect_tpm(const struct policy_facts *facts, const char *name, enum policy_fact_type type, const char *text)
{
        const struct policy_fact *fact = policy_facts_find(facts, name);
        char printed[POLICY_FACT_VALUE_TEXT_BYTES_MAX];

        assert_non_null(fact);
        policy_fact_print(fact, printed, sizeof(printed));
        assert_string_equal(printed, text);
        assert_int_equal(fact->type, type);
        assert_string_equal(fact->source, "TPM2_GetCapability");
        assert_int_equal(fact->provenance, POLICY_PROVENANCE_REPORTED);
}

static void posture_set_tpm_of_a_tpm_sets_its_facts(void **state)
{
        struct posture_tpm tpm = { .manufacturer = "IFX", .firmware = "7.85.4555.0" };
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        assert_true(posture_set_tpm(&facts, &tpm, NULL, NULL));
        assert_int_equal(facts.count, 4);
        expect_tpm(&facts, "tpm.manufacturer", POLICY_FACT_STRING, "IFX");
        expect_tpm(&facts, "tpm.firmware", POLICY_FACT_VERSION, "7.85.4555.0");
        expect_tpm(&facts, "tpm.simulated", POLICY_FACT_BOOLEAN, "false");
        expect_tpm(&facts, "tpm.weak", POLICY_FACT_BOOLEAN, "false");
        tpm.firmware = "7.61.2785.0";
        assert_true(posture_set_tpm(&facts, &tpm, NULL, NULL));
        expect_tpm(&facts, "tpm.weak", POLICY_FACT_BOOLEAN, "true");
}

static void posture_set_tpm_without_a_tpm_says_why(void **state)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        assert_true(posture_set_tpm(&facts, NULL, "no TPM", NULL));
        assert_int_equal(facts.count, 4);
        for (size_t i = 0; i < facts.count; i++)
                expect_tpm(&facts, facts.items[i].name, POLICY_FACT_UNREADABLE, "unreadable: no TPM");
}

static void posture_set_tpm_with_bytes_that_are_no_text_is_unreadable(void **state)
{
        struct posture_tpm tpm = { .manufacturer = "\xff\x01", .firmware = "1", .simulated = true };
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        assert_true(posture_set_tpm(&facts, &tpm, NULL, NULL));
        assert_int_equal(policy_facts_find(&facts, "tpm.manufacturer")->type, POLICY_FACT_UNREADABLE);
        assert_int_equal(policy_facts_find(&facts, "tpm.firmware")->type, POLICY_FACT_VERSION);
        assert_true(policy_facts_find(&facts, "tpm.simulated")->boolean);
        expect_tpm(&facts, "tpm.weak", POLICY_FACT_UNREADABLE, "unreadable: the firmware's version is not one of numbers");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                TREE_TEST(posture_collect_of_an_empty_tree_has_only_unreadable_facts),
                TREE_TEST(posture_collect_with_directories_for_files_says_so),
                TREE_TEST(posture_collect_with_too_large_files_says_so),
                TREE_TEST(posture_collect_with_a_file_for_the_run_directory_says_so),
                TREE_TEST(posture_collect_with_a_fifo_for_a_file_does_not_wait),
                TREE_TEST(posture_collect_with_a_broken_link_in_etc_uses_the_vendors_file),
                TREE_TEST(posture_collect_of_malformed_os_release_names_the_line),
                TREE_TEST(posture_collect_of_debian_versions_takes_only_point_releases),
                TREE_TEST(posture_collect_of_odd_kernel_files_is_unreadable),
                cmocka_unit_test(posture_efi_variable_parse_of_the_firmwares_own_gives_its_value),
                cmocka_unit_test(posture_efi_variable_parse_of_anything_else_says_why),
                TREE_TEST(posture_collect_of_a_forged_secure_boot_variable_is_unreadable),
                TREE_TEST(posture_collect_of_one_collector_sets_the_facts_that_are_its_own),
                TREE_TEST(posture_collect_into_a_full_set_is_an_error),
                cmocka_unit_test(posture_set_tpm_of_a_tpm_sets_its_facts),
                cmocka_unit_test(posture_set_tpm_without_a_tpm_says_why),
                cmocka_unit_test(posture_set_tpm_with_bytes_that_are_no_text_is_unreadable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
