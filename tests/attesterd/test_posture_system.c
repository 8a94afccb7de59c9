/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel.*, ima.*, lsm.*, firewall.*, malware.*, virt.*, firmware.* and tpm.weak: each state, and what breaks it. */
#include "attesterd/posture/apparmor_profiles.h"
#include "attesterd/posture/weak_tpm.h"
#include "posture_tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LSM       "sys/kernel/security/lsm"
#define IMA       "sys/kernel/security/ima"
#define APPARMOR  "sys/module/apparmor/parameters/enabled"
#define PROFILES  "sys/kernel/security/apparmor/profiles"
#define SLICE     "sys/fs/cgroup/system.slice"
#define FIREWALLD SLICE "/firewalld.service/cgroup.events"
#define CLAMAV    SLICE "/clamav-daemon.service/cgroup.events"
#define DMI       "sys/class/dmi/id"

static void posture_collect_of_taint_has_the_kernels_letters(void **state)
{
        struct posture_tree *tree = *state;
        static const struct {
                const char *taint;
                const char *letters;
        } rows[] = {
                { "0\n", "" },
                { "1\n", "P" },
                { "4096\n", "O" },
                { "12289\n", "POE" },
                { "512\n", "W" },
                { "32768\n", "K" },
                { "1048575\n", "PFSRMBUDAWCIOELKXTNJ" },
                { "1048576\n", "?" },
                { "9223372036854775807\n", "PFSRMBUDAWCIOELKXTNJ???????????????????????????????????????????" },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                posture_tree_put_text(tree, "proc/sys/kernel/tainted", rows[i].taint);
                posture_tree_expect(tree, "kernel.taint_letters", POLICY_FACT_STRING, rows[i].letters);
        }
        posture_tree_put_text(tree, "proc/sys/kernel/tainted", "x\n");
        posture_tree_expect_unreadable(tree, "kernel.taint_letters", "/proc/sys/kernel/tainted is not a number");
}

static void posture_collect_of_live_patches_counts_those_in_force(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "kernel.livepatches", "/sys/kernel/livepatch: no such file or directory");
        posture_tree_put_directory(tree, "sys/kernel");
        posture_tree_expect(tree, "kernel.livepatches", POLICY_FACT_INTEGER, "0");
        posture_tree_put_text(tree, "sys/kernel/livepatch/a/enabled", "1\n");
        posture_tree_put_text(tree, "sys/kernel/livepatch/b/enabled", "0\n");
        posture_tree_put_text(tree, "sys/kernel/livepatch/c/enabled", "1\n");
        posture_tree_expect(tree, "kernel.livepatches", POLICY_FACT_INTEGER, "2");
        posture_tree_put_directory(tree, "sys/kernel/livepatch/d");
        posture_tree_expect_unreadable(tree, "kernel.livepatches", "/sys/kernel/livepatch: no such file or directory");
}

static void posture_collect_of_ima_tells_absence_from_silence(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "ima.active", "/" IMA "/runtime_measurements_count: no such file or directory");
        posture_tree_put_text(tree, LSM, "capability");
        posture_tree_expect(tree, "ima.active", POLICY_FACT_BOOLEAN, "false");
        posture_tree_expect_unreadable(tree, "ima.violations", "the kernel has no IMA");
        posture_tree_put_text(tree, IMA "/runtime_measurements_count", "1\n");
        posture_tree_put_text(tree, IMA "/violations", "0\n");
        posture_tree_expect(tree, "ima.active", POLICY_FACT_BOOLEAN, "false");
        posture_tree_expect(tree, "ima.violations", POLICY_FACT_INTEGER, "0");
        posture_tree_put_text(tree, IMA "/runtime_measurements_count", "2\n");
        posture_tree_expect(tree, "ima.active", POLICY_FACT_BOOLEAN, "true");
        posture_tree_put_text(tree, IMA "/violations", "-1\n");
        posture_tree_expect_unreadable(tree, "ima.violations",
                                       "/" IMA "/violations: invalid or incomplete multibyte or wide character");
}

static void posture_collect_of_the_modules_finds_whole_names(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "lsm.landlock", "/" LSM ": no such file or directory");
        posture_tree_put_text(tree, LSM, "landlocked,notbpf,bp");
        posture_tree_expect(tree, "lsm.landlock", POLICY_FACT_BOOLEAN, "false");
        posture_tree_expect(tree, "lsm.bpf", POLICY_FACT_BOOLEAN, "false");
        posture_tree_put_text(tree, LSM, "bpf,x,landlock");
        posture_tree_expect(tree, "lsm.landlock", POLICY_FACT_BOOLEAN, "true");
        posture_tree_expect(tree, "lsm.bpf", POLICY_FACT_BOOLEAN, "true");
        posture_tree_expect(tree, "lsm.list", POLICY_FACT_STRING, "bpf,x,landlock");
}

static void posture_collect_of_selinux_has_four_states(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "lsm.selinux", "/" LSM ": no such file or directory");
        posture_tree_put_text(tree, LSM, "capability");
        posture_tree_expect(tree, "lsm.selinux", POLICY_FACT_STRING, "absent");
        posture_tree_put_text(tree, "etc/selinux/config", "SELINUX=disabled\n");
        posture_tree_expect(tree, "lsm.selinux", POLICY_FACT_STRING, "disabled");
        posture_tree_put_text(tree, LSM, "capability,selinux");
        posture_tree_expect_unreadable(tree, "lsm.selinux", "/sys/fs/selinux/enforce: no such file or directory");
        posture_tree_put_text(tree, "sys/fs/selinux/enforce", "0");
        posture_tree_expect(tree, "lsm.selinux", POLICY_FACT_STRING, "permissive");
        posture_tree_put_text(tree, "sys/fs/selinux/enforce", "1");
        posture_tree_expect(tree, "lsm.selinux", POLICY_FACT_STRING, "enforcing");
        posture_tree_put_text(tree, "sys/fs/selinux/enforce", "2");
        posture_tree_expect_unreadable(tree, "lsm.selinux", "/sys/fs/selinux/enforce is neither 0 nor 1");
}

static void posture_collect_of_apparmor_counts_what_is_enforced(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "lsm.apparmor", "/" APPARMOR ": no such file or directory");
        posture_tree_put_text(tree, LSM, "capability");
        posture_tree_expect(tree, "lsm.apparmor", POLICY_FACT_BOOLEAN, "false");
        posture_tree_put_text(tree, APPARMOR, "N\n");
        posture_tree_expect(tree, "lsm.apparmor", POLICY_FACT_BOOLEAN, "false");
        posture_tree_expect_unreadable(tree, "lsm.apparmor_enforced", "AppArmor is not known to be on");
        posture_tree_put_text(tree, APPARMOR, "maybe\n");
        posture_tree_expect_unreadable(tree, "lsm.apparmor", "/" APPARMOR " is neither Y nor N");
        posture_tree_put_text(tree, APPARMOR, "Y\n");
        posture_tree_expect(tree, "lsm.apparmor", POLICY_FACT_BOOLEAN, "true");
        posture_tree_expect_unreadable(tree, "lsm.apparmor_enforced", "/" PROFILES ": no such file or directory");
        posture_tree_put_text(tree, PROFILES, "a (enforce)\nb (complain)\n");
        posture_tree_expect(tree, "lsm.apparmor_enforced", POLICY_FACT_INTEGER, "1");
        posture_tree_put_text(tree, PROFILES, "a\n");
        posture_tree_expect_unreadable(tree, "lsm.apparmor_enforced", "/" PROFILES " has a line without a mode");
}

static void posture_apparmor_profiles_count_of_names_with_modes_in_them_counts_the_mode(void **state)
{
        int64_t count = -1;

        assert_true(posture_apparmor_profiles_count(base_bytes_from_string("a (enforce) (complain)\n"), &count));
        assert_int_equal(count, 0);
        assert_true(posture_apparmor_profiles_count(base_bytes_from_string("a b (enforce)\nc (enforce)"), &count));
        assert_int_equal(count, 2);
        assert_true(posture_apparmor_profiles_count(BASE_BYTES(NULL, 0), &count));
        assert_int_equal(count, 0);
        assert_false(posture_apparmor_profiles_count(base_bytes_from_string("a (enforce)\n\n"), &count));
}

static void posture_collect_of_firewalls_says_who_set_them(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "firewall.active", "the kernel's modules cannot be seen");
        posture_tree_put_directory(tree, "sys/module");
        posture_tree_expect_unreadable(tree, "firewall.active", "the services' control groups cannot be read");
        posture_tree_put_text(tree, SLICE "/cgroup.events", "populated 1\nfrozen 0\n");
        posture_tree_expect(tree, "firewall.active", POLICY_FACT_BOOLEAN, "false");
        posture_tree_put_text(tree, "etc/ufw/ufw.conf", "# x\n ENABLED=no\nENABLED=yes\n");
        posture_tree_expect_unreadable(tree, "firewall.active", "ufw is set to be on, but the kernel filters nothing");
        posture_tree_put_directory(tree, "sys/module/nf_tables");
        posture_tree_expect(tree, "firewall.active", POLICY_FACT_BOOLEAN, "true");
        posture_tree_put_text(tree, "etc/ufw/ufw.conf", "ENABLED=yes\nENABLED=no\n#ENABLED=yes\n");
        posture_tree_expect_unreadable(tree, "firewall.active",
                                       "none of firewalld, ufw and nftables.service is on, and only root can see other rules; "
                                       "facts.d can state them");
        posture_tree_put_text(tree, FIREWALLD, "populated 0\nfrozen 0\n");
        posture_tree_expect_unreadable(tree, "firewall.active",
                                       "none of firewalld, ufw and nftables.service is on, and only root can see other rules; "
                                       "facts.d can state them");
        posture_tree_put_link(tree, "run/systemd/units/invocation:nftables.service", "0123456789abcdef0123456789abcdef");
        posture_tree_expect(tree, "firewall.active", POLICY_FACT_BOOLEAN, "true");
        assert_int_equal(unlinkat(tree->fd, "run/systemd/units/invocation:nftables.service", 0), 0);
        posture_tree_put_text(tree, FIREWALLD, "populated 1\nfrozen 0\n");
        posture_tree_expect(tree, "firewall.active", POLICY_FACT_BOOLEAN, "true");
        posture_tree_put_text(tree, FIREWALLD, "populated 0\nfrozen 0\n");
        assert_int_equal(unlinkat(tree->fd, "sys/module/nf_tables", AT_REMOVEDIR), 0);
        posture_tree_put_link(tree, "run/systemd/units/invocation:nftables.service", "0123456789abcdef0123456789abcdef");
        posture_tree_expect(tree, "firewall.active", POLICY_FACT_BOOLEAN, "false");
}

static void posture_collect_of_clamav_looks_at_its_service(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "malware.clamav", "the services' control groups cannot be read");
        /* A socket or a process of that name that anybody can make does not count. */
        posture_tree_put_text(tree, "run/clamav/clamd.pid", "17\n");
        posture_tree_put_text(tree, SLICE "/cgroup.events", "populated 1\nfrozen 0\n");
        posture_tree_expect(tree, "malware.clamav", POLICY_FACT_BOOLEAN, "false");
        posture_tree_put_text(tree, CLAMAV, "garbage");
        posture_tree_expect_unreadable(tree, "malware.clamav", "the services' control groups cannot be read");
        posture_tree_put_text(tree, CLAMAV, "populated 1\nfrozen 0\n");
        posture_tree_expect(tree, "malware.clamav", POLICY_FACT_BOOLEAN, "true");
        posture_tree_put_text(tree, CLAMAV, "populated 0\nfrozen 0\n");
        posture_tree_put_text(tree, SLICE "/system-clamd.slice/clamd@scan.service/cgroup.events", "populated 1\n");
        posture_tree_expect(tree, "malware.clamav", POLICY_FACT_BOOLEAN, "true");
}

static void posture_collect_of_signatures_takes_the_newer_file(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "malware.signature_age", "/var/lib/clamav/daily.cld: no such file or directory");
        posture_tree_put_text(tree, "var/lib/clamav/daily.cvd", "");
        posture_tree_set_modified(tree, "var/lib/clamav/daily.cvd", POSTURE_TREE_NOW - 7200);
        posture_tree_expect(tree, "malware.signature_age", POLICY_FACT_INTEGER, "7200");
        posture_tree_put_text(tree, "var/lib/clamav/daily.cld", "");
        posture_tree_set_modified(tree, "var/lib/clamav/daily.cld", POSTURE_TREE_NOW - 9000);
        posture_tree_expect(tree, "malware.signature_age", POLICY_FACT_INTEGER, "7200");
        posture_tree_set_modified(tree, "var/lib/clamav/daily.cld", POSTURE_TREE_NOW - 60);
        posture_tree_expect(tree, "malware.signature_age", POLICY_FACT_INTEGER, "60");
        posture_tree_set_modified(tree, "var/lib/clamav/daily.cld", POSTURE_TREE_NOW + 60);
        posture_tree_expect_unreadable(tree, "malware.signature_age", "the file's time lies in the future");
}

static void posture_collect_of_machines_names_their_kind(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "virt.vm", "/proc/cpuinfo: no such file or directory");
        posture_tree_put_text(tree, "proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 50\nFeatures\t: fp\n");
        posture_tree_expect_unreadable(tree, "virt.vm", "neither firmware nor processor say");
        posture_tree_put_text(tree, "proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu hypervisors\n");
        posture_tree_expect(tree, "virt.vm", POLICY_FACT_STRING, "none");
        posture_tree_put_text(tree, DMI "/sys_vendor", "Amazon EC2\n");
        posture_tree_expect(tree, "virt.vm", POLICY_FACT_STRING, "none");
        posture_tree_put_text(tree, "proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu hypervisor\n");
        posture_tree_expect(tree, "virt.vm", POLICY_FACT_STRING, "amazon");
        posture_tree_put_text(tree, DMI "/sys_vendor", "A maker\n");
        posture_tree_expect(tree, "virt.vm", POLICY_FACT_STRING, "vm-other");
        posture_tree_put_text(tree, "sys/hypervisor/type", "xen\n");
        posture_tree_expect(tree, "virt.vm", POLICY_FACT_STRING, "xen");
        posture_tree_put_text(tree, DMI "/product_name", "VMware Virtual Platform\n");
        posture_tree_expect(tree, "virt.vm", POLICY_FACT_STRING, "vmware");
}

static void posture_collect_of_containers_names_their_kind(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "virt.container", "/proc/sys/kernel/osrelease: no such file or directory");
        posture_tree_put_text(tree, "proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n");
        posture_tree_expect(tree, "virt.container", POLICY_FACT_STRING, "wsl");
        posture_tree_put_text(tree, "proc/sys/kernel/osrelease", "6.1.0-37-amd64\n");
        posture_tree_expect(tree, "virt.container", POLICY_FACT_STRING, "none");
        posture_tree_put_directory(tree, "proc/vz");
        posture_tree_expect(tree, "virt.container", POLICY_FACT_STRING, "openvz");
        posture_tree_put_directory(tree, "proc/bc");
        posture_tree_expect(tree, "virt.container", POLICY_FACT_STRING, "none");
        posture_tree_put_text(tree, ".dockerenv", "");
        posture_tree_expect(tree, "virt.container", POLICY_FACT_STRING, "docker");
        posture_tree_put_text(tree, "run/.containerenv", "name=\"x\"\n");
        posture_tree_expect(tree, "virt.container", POLICY_FACT_STRING, "podman");
        posture_tree_put_text(tree, "run/systemd/container", "systemd-nspawn\n");
        posture_tree_expect(tree, "virt.container", POLICY_FACT_STRING, "systemd-nspawn");
        /* Not a channel for names that somebody chose. */
        posture_tree_put_text(tree, "run/systemd/container", "Room 17\n");
        posture_tree_expect(tree, "virt.container", POLICY_FACT_STRING, "other");
        posture_tree_put_text(tree, "run/systemd/container", "");
        posture_tree_expect(tree, "virt.container", POLICY_FACT_STRING, "other");
}

static void posture_collect_of_firmware_orders_dates(void **state)
{
        struct posture_tree *tree = *state;
        static const char *const malformed[] = { "", "2024-03-21\n", "03/21/24\n", "03/21/2024x\n", "0a/21/2024\n" };

        posture_tree_expect_unreadable(tree, "firmware.vendor", "/" DMI "/bios_vendor: no such file or directory");
        posture_tree_put_text(tree, DMI "/bios_date", "03/21/2024\n");
        posture_tree_expect(tree, "firmware.date", POLICY_FACT_VERSION, "2024-03-21");
        for (size_t i = 0; i < BASE_COUNT(malformed); i++) {
                posture_tree_put_text(tree, DMI "/bios_date", malformed[i]);
                posture_tree_expect_unreadable(tree, "firmware.date", "/" DMI "/bios_date is not a date like 03/21/2024");
        }
        posture_tree_put_text(tree, DMI "/bios_vendor", " \n");
        posture_tree_expect_unreadable(tree, "firmware.vendor", "the firmware leaves it empty");
        posture_tree_put_text(tree, DMI "/bios_version", "V\xff\n");
        posture_tree_expect_unreadable(tree, "firmware.version",
                                       "/" DMI "/bios_version: invalid or incomplete multibyte or wide character");
}

static void posture_weak_tpm_find_of_the_advisories_knows_their_versions(void **state)
{
        static const struct {
                const char *manufacturer;
                const char *firmware;
                bool weak;
        } rows[] = {
                { "IFX", "4.33.0.0", true },        { "IFX", "4.34.0.0", false },         { "IFX", "4.40.119.0", true },
                { "IFX", "4.43.257.0", false },     { "IFX", "5.61.2785.0", true },       { "IFX", "5.62.3126.0", false },
                { "IFX", "6.42.0.0", true },        { "IFX", "6.43.243.0", false },       { "IFX", "7.61.2785.0", true },
                { "IFX", "7.62.3126.0", false },    { "IFX", "7.9.1.0", true },           { "IFX", "7.85.4555.0", false },
                { "IFX", "133.32.0.0", true },      { "IFX", "133.33.0.0", false },       { "IFX", "15.20.0.0", false },
                { "STM", "73.4.17568.4452", true }, { "STM", "73.20.17568.6684", false }, { "STM", "73.64.0.0", false },
                { "STM", "74.16.0.0", true },       { "STM", "7.61.0.0", false },         { "IBM", "7.61.0.0", false },
                { "INTC", "402.1.0.0", false },
        };
        bool weak;

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                assert_true(posture_weak_tpm_find(rows[i].manufacturer, rows[i].firmware, &weak));
                if (weak != rows[i].weak)
                        fail_msg("%s %s", rows[i].manufacturer, rows[i].firmware);
        }
        assert_false(posture_weak_tpm_find("IFX", "7", &weak));
        assert_false(posture_weak_tpm_find("IFX", "", &weak));
        assert_false(posture_weak_tpm_find("IFX", "-7.61", &weak));
        assert_false(posture_weak_tpm_find("\xff", "7.61", &weak));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                TREE_TEST(posture_collect_of_taint_has_the_kernels_letters),
                TREE_TEST(posture_collect_of_live_patches_counts_those_in_force),
                TREE_TEST(posture_collect_of_ima_tells_absence_from_silence),
                TREE_TEST(posture_collect_of_the_modules_finds_whole_names),
                TREE_TEST(posture_collect_of_selinux_has_four_states),
                TREE_TEST(posture_collect_of_apparmor_counts_what_is_enforced),
                cmocka_unit_test(posture_apparmor_profiles_count_of_names_with_modes_in_them_counts_the_mode),
                TREE_TEST(posture_collect_of_firewalls_says_who_set_them),
                TREE_TEST(posture_collect_of_clamav_looks_at_its_service),
                TREE_TEST(posture_collect_of_signatures_takes_the_newer_file),
                TREE_TEST(posture_collect_of_machines_names_their_kind),
                TREE_TEST(posture_collect_of_containers_names_their_kind),
                TREE_TEST(posture_collect_of_firmware_orders_dates),
                cmocka_unit_test(posture_weak_tpm_find_of_the_advisories_knows_their_versions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
