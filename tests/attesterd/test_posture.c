/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures small trees with the files of real distributions, and trees in which something is wrong. */
#include "attesterd/posture/efi_variable.h"
#include "attesterd/posture/posture.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define EFIVARS     "sys/firmware/efi/efivars"
#define SECURE_BOOT EFIVARS "/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

struct expected {
        const char *name;
        enum policy_fact_type type;
        const char *text; /* as policy_fact_print() has it */
        const char *source;
};

static void collect_at(int root_fd, struct policy_facts *facts)
{
        struct posture_sources sources = { .root_fd = root_fd, .trusted_uid = geteuid() };
        base_auto_free struct policy_diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));
        struct base_error error;

        assert_non_null(diagnostics);
        if (!posture_collect(&sources, facts, diagnostics, &error))
                fail_msg("%s", error.message);
        assert_int_equal(diagnostics->count, 0);
}

static void expect_facts(const struct policy_facts *facts, const struct expected *expected, size_t count)
{
        char text[POLICY_FACT_VALUE_TEXT_BYTES_MAX];

        for (size_t i = 0; i < count; i++) {
                const struct policy_fact *fact = policy_facts_find(facts, expected[i].name);

                if (fact == NULL)
                        fail_msg("%s is missing", expected[i].name);
                policy_fact_print(fact, text, sizeof(text));
                if (fact->type != expected[i].type || strcmp(text, expected[i].text) != 0)
                        fail_msg("%s is %s \"%s\"", expected[i].name, policy_fact_type_name(fact->type), text);
                assert_string_equal(fact->source, expected[i].source);
                assert_int_equal(fact->provenance, POLICY_PROVENANCE_REPORTED);
        }
}

static void expect_tree(const char *name, const struct expected *expected, size_t count)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        base_auto_close int fd = -1;
        char path[4096];

        assert_non_null(getenv("ATTESTER_TEST_DATA"));
        (void) snprintf(path, sizeof(path), "%s/posture/%s", getenv("ATTESTER_TEST_DATA"), name);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        collect_at(fd, &facts);
        assert_int_equal(facts.count, count);
        expect_facts(&facts, expected, count);
}

static void posture_collect_of_debian_has_the_point_release(void **state)
{
        static const struct expected expected[] = {
                { "os.id", POLICY_FACT_STRING, "debian", "/etc/os-release" },
                { "os.version", POLICY_FACT_VERSION, "12.11", "/etc/debian_version" },
                { "os.build", POLICY_FACT_UNREADABLE, "unreadable: /etc/os-release has no BUILD_ID", "/etc/os-release" },
                { "os.support_end", POLICY_FACT_UNREADABLE, "unreadable: /etc/os-release has no SUPPORT_END", "/etc/os-release" },
                { "os.reboot_required", POLICY_FACT_BOOLEAN, "false", "/run/reboot-required" },
                { "kernel.release", POLICY_FACT_VERSION, "6.1.0-37-amd64", "/proc/sys/kernel/osrelease" },
                { "kernel.lockdown", POLICY_FACT_STRING, "integrity", "/sys/kernel/security/lockdown" },
                { "kernel.taint", POLICY_FACT_INTEGER, "0", "/proc/sys/kernel/tainted" },
                { "kernel.module_sig_enforce", POLICY_FACT_BOOLEAN, "true", "/sys/module/module/parameters/sig_enforce" },
                { "boot.secure_boot", POLICY_FACT_BOOLEAN, "true", "/" SECURE_BOOT },
                { "boot.setup_mode", POLICY_FACT_BOOLEAN, "false",
                  "/" EFIVARS "/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c" },
        };

        expect_tree("debian-12", expected, BASE_COUNT(expected));
}

static void posture_collect_of_ubuntu_ignores_the_debian_version(void **state)
{
        static const struct expected expected[] = {
                { "os.id", POLICY_FACT_STRING, "ubuntu", "/etc/os-release" },
                { "os.version", POLICY_FACT_VERSION, "24.04", "/etc/os-release" },
                { "os.build", POLICY_FACT_UNREADABLE, "unreadable: /etc/os-release has no BUILD_ID", "/etc/os-release" },
                { "os.support_end", POLICY_FACT_UNREADABLE, "unreadable: /etc/os-release has no SUPPORT_END", "/etc/os-release" },
                { "os.reboot_required", POLICY_FACT_BOOLEAN, "true", "/run/reboot-required" },
                { "kernel.release", POLICY_FACT_VERSION, "6.8.0-45-generic", "/proc/sys/kernel/osrelease" },
                { "kernel.lockdown", POLICY_FACT_STRING, "integrity", "/sys/kernel/security/lockdown" },
                { "kernel.taint", POLICY_FACT_INTEGER, "4097", "/proc/sys/kernel/tainted" },
                { "kernel.module_sig_enforce", POLICY_FACT_BOOLEAN, "false", "/sys/module/module/parameters/sig_enforce" },
                { "boot.secure_boot", POLICY_FACT_BOOLEAN, "false", "/" SECURE_BOOT },
                { "boot.setup_mode", POLICY_FACT_BOOLEAN, "true", "/" EFIVARS "/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c" },
        };

        expect_tree("ubuntu-24.04", expected, BASE_COUNT(expected));
}

static void posture_collect_of_fedora_has_the_end_of_support(void **state)
{
        static const struct expected expected[] = {
                { "os.id", POLICY_FACT_STRING, "fedora", "/etc/os-release" },
                { "os.version", POLICY_FACT_VERSION, "41", "/etc/os-release" },
                { "os.build", POLICY_FACT_UNREADABLE, "unreadable: /etc/os-release has no BUILD_ID", "/etc/os-release" },
                { "os.support_end", POLICY_FACT_VERSION, "2025-12-15", "/etc/os-release" },
                { "os.reboot_required", POLICY_FACT_UNREADABLE, "unreadable: nothing on this system writes /run/reboot-required",
                  "/run/reboot-required" },
                { "kernel.release", POLICY_FACT_VERSION, "6.11.4-301.fc41.x86_64", "/proc/sys/kernel/osrelease" },
                { "kernel.lockdown", POLICY_FACT_STRING, "confidentiality", "/sys/kernel/security/lockdown" },
                { "kernel.taint", POLICY_FACT_INTEGER, "0", "/proc/sys/kernel/tainted" },
                { "kernel.module_sig_enforce", POLICY_FACT_BOOLEAN, "true", "/sys/module/module/parameters/sig_enforce" },
                { "boot.secure_boot", POLICY_FACT_BOOLEAN, "true", "/" SECURE_BOOT },
                { "boot.setup_mode", POLICY_FACT_BOOLEAN, "false",
                  "/" EFIVARS "/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c" },
        };

        expect_tree("fedora-41", expected, BASE_COUNT(expected));
}

static void posture_collect_of_arch_has_no_version(void **state)
{
        static const struct expected expected[] = {
                { "os.id", POLICY_FACT_STRING, "arch", "/etc/os-release" },
                { "os.version", POLICY_FACT_UNREADABLE, "unreadable: a rolling release has no version", "/etc/os-release" },
                { "os.build", POLICY_FACT_STRING, "rolling", "/etc/os-release" },
                { "os.support_end", POLICY_FACT_UNREADABLE, "unreadable: /etc/os-release has no SUPPORT_END", "/etc/os-release" },
                { "os.reboot_required", POLICY_FACT_UNREADABLE, "unreadable: nothing on this system writes /run/reboot-required",
                  "/run/reboot-required" },
                { "kernel.release", POLICY_FACT_VERSION, "6.11.6-arch1-1", "/proc/sys/kernel/osrelease" },
                { "kernel.lockdown", POLICY_FACT_STRING, "none", "/sys/kernel/security/lockdown" },
                { "kernel.taint", POLICY_FACT_INTEGER, "0", "/proc/sys/kernel/tainted" },
                { "kernel.module_sig_enforce", POLICY_FACT_UNREADABLE,
                  "unreadable: /sys/module/module/parameters/sig_enforce: no such file or directory",
                  "/sys/module/module/parameters/sig_enforce" },
                { "boot.secure_boot", POLICY_FACT_UNREADABLE, "unreadable: not booted with UEFI", "/sys/firmware/efi" },
                { "boot.setup_mode", POLICY_FACT_UNREADABLE, "unreadable: not booted with UEFI", "/sys/firmware/efi" },
        };

        expect_tree("arch", expected, BASE_COUNT(expected));
}

/* A tree of the test's own. */
struct tree {
        char root[64];
        int fd;
};

static int make_tree(void **state)
{
        struct tree *tree = calloc(1, sizeof(*tree));

        (void) snprintf(tree->root, sizeof(tree->root), "/tmp/posture-test-XXXXXX");
        if (mkdtemp(tree->root) == NULL)
                return -1;
        tree->fd = open(tree->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = tree;
        return tree->fd >= 0 ? 0 : -1;
}

static int remove_item(const char *path, const struct stat *status, int type, struct FTW *where)
{
        return remove(path);
}

static int remove_tree(void **state)
{
        struct tree *tree = *state;
        int result = nftw(tree->root, remove_item, 8, FTW_DEPTH | FTW_PHYS);

        (void) close(tree->fd);
        free(tree);
        return result;
}

/* Makes the directories on the way to `name`. */
static void make_parents(const struct tree *tree, const char *name)
{
        char path[256];

        for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
                (void) snprintf(path, sizeof(path), "%.*s", (int) (slash - name), name);
                (void) mkdirat(tree->fd, path, 0755);
        }
}

static void put(const struct tree *tree, const char *name, struct base_bytes content)
{
        base_auto_close int fd = -1;

        make_parents(tree, name);
        fd = openat(tree->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, content.data, content.len), content.len);
}

static void put_text(const struct tree *tree, const char *name, const char *text)
{
        put(tree, name, base_bytes_from_string(text));
}

static void put_directory(const struct tree *tree, const char *name)
{
        make_parents(tree, name);
        assert_int_equal(mkdirat(tree->fd, name, 0755), 0);
}

/* Measures the tree and compares one fact. */
static void expect(const struct tree *tree, const char *name, enum policy_fact_type type, const char *text)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        const struct policy_fact *fact;
        char printed[POLICY_FACT_VALUE_TEXT_BYTES_MAX];

        collect_at(tree->fd, &facts);
        fact = policy_facts_find(&facts, name);
        assert_non_null(fact);
        policy_fact_print(fact, printed, sizeof(printed));
        assert_string_equal(printed, text);
        assert_int_equal(fact->type, type);
}

static void expect_unreadable(const struct tree *tree, const char *name, const char *reason)
{
        char text[POLICY_FACT_VALUE_TEXT_BYTES_MAX];

        (void) snprintf(text, sizeof(text), "unreadable: %s", reason);
        expect(tree, name, POLICY_FACT_UNREADABLE, text);
}

static void posture_collect_of_an_empty_tree_has_only_unreadable_facts(void **state)
{
        struct tree *tree = *state;
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        collect_at(tree->fd, &facts);
        assert_int_equal(facts.count, 11);
        for (size_t i = 0; i < facts.count; i++)
                assert_int_equal(facts.items[i].type, POLICY_FACT_UNREADABLE);
        expect_unreadable(tree, "os.id", "/usr/lib/os-release: no such file or directory");
        expect_unreadable(tree, "kernel.taint", "/proc/sys/kernel/tainted: no such file or directory");
        expect_unreadable(tree, "boot.secure_boot", "not booted with UEFI");
        expect_unreadable(tree, "os.reboot_required", "nothing on this system writes /run/reboot-required");
}

static void posture_collect_with_directories_for_files_says_so(void **state)
{
        struct tree *tree = *state;

        put_directory(tree, "etc/os-release");
        put_directory(tree, "proc/sys/kernel/tainted");
        put_directory(tree, "proc/sys/kernel/osrelease");
        put_directory(tree, "sys/kernel/security/lockdown");
        put_directory(tree, "sys/module/module/parameters/sig_enforce");
        put_directory(tree, SECURE_BOOT);
        expect_unreadable(tree, "os.id", "/etc/os-release: is a directory");
        expect_unreadable(tree, "os.version", "/etc/os-release: is a directory");
        expect_unreadable(tree, "os.build", "/etc/os-release: is a directory");
        expect_unreadable(tree, "os.support_end", "/etc/os-release: is a directory");
        expect_unreadable(tree, "kernel.taint", "/proc/sys/kernel/tainted: is a directory");
        expect_unreadable(tree, "kernel.release", "/proc/sys/kernel/osrelease: is a directory");
        expect_unreadable(tree, "kernel.lockdown", "/sys/kernel/security/lockdown: is a directory");
        expect_unreadable(tree, "kernel.module_sig_enforce", "/sys/module/module/parameters/sig_enforce: is a directory");
        expect_unreadable(tree, "boot.secure_boot", "/" SECURE_BOOT ": is a directory");
}

static void posture_collect_with_too_large_files_says_so(void **state)
{
        struct tree *tree = *state;
        static char large[20000];

        memset(large, '1', sizeof(large));
        put(tree, "etc/os-release", BASE_BYTES_OF(large));
        put(tree, "proc/sys/kernel/tainted", BASE_BYTES(large, POLICY_FACT_TEXT_BYTES_MAX + 1));
        put(tree, SECURE_BOOT, BASE_BYTES(large, POSTURE_EFI_VARIABLE_BYTES_MAX + 1));
        expect_unreadable(tree, "os.id", "/etc/os-release: file too large");
        expect_unreadable(tree, "kernel.taint", "/proc/sys/kernel/tainted: file too large");
        expect_unreadable(tree, "boot.secure_boot", "/" SECURE_BOOT ": file too large");
}

static void posture_collect_with_a_file_for_the_run_directory_says_so(void **state)
{
        struct tree *tree = *state;

        put_text(tree, "run", "");
        expect_unreadable(tree, "os.reboot_required", "/run/reboot-required: not a directory");
}

static void posture_collect_with_a_fifo_for_a_file_does_not_wait(void **state)
{
        struct tree *tree = *state;

        make_parents(tree, "etc/os-release");
        assert_int_equal(mkfifoat(tree->fd, "etc/os-release", 0644), 0);
        expect_unreadable(tree, "os.id", "/etc/os-release: invalid argument");
        assert_int_equal(unlinkat(tree->fd, "etc/os-release", 0), 0);
        put_text(tree, "etc/os-release", "NAME=x\n");
        expect(tree, "os.id", POLICY_FACT_STRING, "linux");
}

static void posture_collect_with_a_broken_link_in_etc_uses_the_vendors_file(void **state)
{
        struct tree *tree = *state;

        put_text(tree, "usr/lib/os-release", "ID=vendor\nVERSION_ID=3\n");
        expect(tree, "os.id", POLICY_FACT_STRING, "vendor");
        make_parents(tree, "etc/x");
        assert_int_equal(symlinkat("nowhere", tree->fd, "etc/os-release"), 0);
        expect(tree, "os.id", POLICY_FACT_STRING, "vendor");
        assert_int_equal(unlinkat(tree->fd, "etc/os-release", 0), 0);
        put_text(tree, "etc/os-release", "ID=local\n");
        expect(tree, "os.id", POLICY_FACT_STRING, "local");
        expect_unreadable(tree, "os.version", "/etc/os-release has no VERSION_ID");
}

static void posture_collect_of_malformed_os_release_names_the_line(void **state)
{
        struct tree *tree = *state;

        put_text(tree, "etc/os-release", "NAME=x\nID=\"debian\nVERSION_ID=a b\nSUPPORT_END=2025-1-1\nBUILD_ID=$(id)\n");
        expect_unreadable(tree, "os.id", "/etc/os-release: line 2 does not follow os-release(5)");
        expect_unreadable(tree, "os.version", "/etc/os-release: line 3 does not follow os-release(5)");
        expect_unreadable(tree, "os.build", "/etc/os-release: line 5 does not follow os-release(5)");
        expect_unreadable(tree, "os.support_end", "SUPPORT_END is not a date like 2027-01-31");
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
        struct tree *tree = *state;

        put_text(tree, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        expect(tree, "os.version", POLICY_FACT_VERSION, "12");
        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                put_text(tree, "etc/debian_version", rows[i].debian_version);
                expect(tree, "os.version", POLICY_FACT_VERSION, rows[i].version);
        }
        put_text(tree, "etc/os-release", "ID=debian\nNAME=sid\n");
        expect_unreadable(tree, "os.version", "/etc/os-release has no VERSION_ID");
}

static void posture_collect_of_odd_kernel_files_is_unreadable(void **state)
{
        struct tree *tree = *state;

        put_text(tree, "proc/sys/kernel/osrelease", "\n");
        put_text(tree, "proc/sys/kernel/tainted", "-1\n");
        put_text(tree, "sys/kernel/security/lockdown", "none integrity confidentiality\n");
        put_text(tree, "sys/module/module/parameters/sig_enforce", "1\n");
        expect_unreadable(tree, "kernel.release", "/proc/sys/kernel/osrelease is empty");
        expect_unreadable(tree, "kernel.taint", "/proc/sys/kernel/tainted is not a number");
        expect_unreadable(tree, "kernel.lockdown", "/sys/kernel/security/lockdown names no known level");
        expect_unreadable(tree, "kernel.module_sig_enforce", "/sys/module/module/parameters/sig_enforce is neither Y nor N");
        put_text(tree, "proc/sys/kernel/tainted", "18446744073709551615\n");
        expect_unreadable(tree, "kernel.taint", "/proc/sys/kernel/tainted is not a number");
        put_text(tree, "sys/kernel/security/lockdown", "none [integrityx] confidentiality\n");
        expect_unreadable(tree, "kernel.lockdown", "/sys/kernel/security/lockdown names no known level");
        put(tree, "proc/sys/kernel/osrelease", BASE_BYTES("6.1\0x", 5));
        expect_unreadable(tree, "kernel.release",
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
        struct tree *tree = *state;

        put(tree, SECURE_BOOT, BASE_BYTES("\x07\0\0\0\1", 5));
        expect_unreadable(tree, "boot.secure_boot", "the variable is kept in flash, so it is not the firmware's own");
        put(tree, SECURE_BOOT, BASE_BYTES("\x06\0\0\0\1", 5));
        expect(tree, "boot.secure_boot", POLICY_FACT_BOOLEAN, "true");
        expect_unreadable(tree, "boot.setup_mode",
                          "/" EFIVARS "/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c: no such file or directory");
}

static void posture_collect_into_a_full_set_is_an_error(void **state)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        struct tree *tree = *state;
        struct posture_sources sources = { .root_fd = tree->fd };
        struct base_error error;
        char name[16];

        for (int i = 0; i < POLICY_FACTS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "x.%d", i);
                assert_true(policy_facts_set_integer(&facts, name, i, (struct policy_origin){ .source = "" }, NULL));
        }
        assert_false(posture_collect(&sources, &facts, NULL, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
}

static void posture_set_tpm_of_a_tpm_sets_three_facts(void **state)
{
        static const struct expected expected[] = {
                { "tpm.manufacturer", POLICY_FACT_STRING, "IFX", "TPM2_GetCapability" },
                { "tpm.firmware", POLICY_FACT_VERSION, "7.85.4555.0", "TPM2_GetCapability" },
                { "tpm.simulated", POLICY_FACT_BOOLEAN, "false", "TPM2_GetCapability" },
        };
        struct posture_tpm tpm = { .manufacturer = "IFX", .firmware = "7.85.4555.0" };
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        assert_true(posture_set_tpm(&facts, &tpm, NULL, NULL));
        assert_int_equal(facts.count, 3);
        expect_facts(&facts, expected, BASE_COUNT(expected));
}

static void posture_set_tpm_without_a_tpm_says_why(void **state)
{
        static const struct expected expected[] = {
                { "tpm.manufacturer", POLICY_FACT_UNREADABLE, "unreadable: no TPM", "TPM2_GetCapability" },
                { "tpm.firmware", POLICY_FACT_UNREADABLE, "unreadable: no TPM", "TPM2_GetCapability" },
                { "tpm.simulated", POLICY_FACT_UNREADABLE, "unreadable: no TPM", "TPM2_GetCapability" },
        };
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        assert_true(posture_set_tpm(&facts, NULL, "no TPM", NULL));
        expect_facts(&facts, expected, BASE_COUNT(expected));
}

static void posture_set_tpm_with_bytes_that_are_no_text_is_unreadable(void **state)
{
        struct posture_tpm tpm = { .manufacturer = "\xff\x01", .firmware = "1", .simulated = true };
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;

        assert_true(posture_set_tpm(&facts, &tpm, NULL, NULL));
        assert_int_equal(policy_facts_find(&facts, "tpm.manufacturer")->type, POLICY_FACT_UNREADABLE);
        assert_int_equal(policy_facts_find(&facts, "tpm.firmware")->type, POLICY_FACT_VERSION);
        assert_true(policy_facts_find(&facts, "tpm.simulated")->boolean);
}

#define TREE_TEST(function) cmocka_unit_test_setup_teardown(function, make_tree, remove_tree)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(posture_collect_of_debian_has_the_point_release),
                cmocka_unit_test(posture_collect_of_ubuntu_ignores_the_debian_version),
                cmocka_unit_test(posture_collect_of_fedora_has_the_end_of_support),
                cmocka_unit_test(posture_collect_of_arch_has_no_version),
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
                TREE_TEST(posture_collect_into_a_full_set_is_an_error),
                cmocka_unit_test(posture_set_tpm_of_a_tpm_sets_three_facts),
                cmocka_unit_test(posture_set_tpm_without_a_tpm_says_why),
                cmocka_unit_test(posture_set_tpm_with_bytes_that_are_no_text_is_unreadable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
