/* SPDX-License-Identifier: BSD-2-Clause */
/* os.support_end, os.supported, os.updates.*, os.reboot_required, and the parsers behind them. */
#include "attesterd/posture/distro_info.h"
#include "attesterd/posture/updates_available.h"
#include "posture_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DEBIAN_CSV     "usr/share/distro-info/debian.csv"
#define SUCCESS_STAMP  "var/lib/apt/periodic/update-success-stamp"
#define UPDATE_STAMP   "var/lib/apt/periodic/update-stamp"
#define AVAILABLE      "var/lib/update-notifier/updates-available"
#define NOTHING_WRITES "nothing writes /run/reboot-required, and the installed kernels cannot be seen"

static void posture_distro_info_end_of_a_table_finds_the_release(void **state)
{
        static const char csv[] = "version,codename,series,created,release,eol,eol-lts\n"
                                  "1.2,A,a,2000-01-01,2000-01-01,2001-01-01\n"
                                  "12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-07-11,2028-06-30\n"
                                  "24.04 LTS,Noble,noble,2023-10-12,2024-04-25,2029-05-31,2034-04-25\n"
                                  "24.04.1,No,no,2023-10-12,2024-04-25,2030-05-31\n"
                                  "13,Trixie,trixie,2023-06-10\n"
                                  "14,Forky,forky,2023-06-10,2025-08-09,soon\n"
                                  ",Sid,sid,1993-08-16";
        static const struct {
                const char *version;
                const char *end; /* or what is wrong */
        } rows[] = {
                { "12", "2026-07-11" },
                { "24.04", "2029-05-31" },
                { "1.2", "2001-01-01" },
                { "13", "the table of releases has no end for this version" },
                { "14", "the table of releases has no end for this version" },
                { "1", "the table of releases does not know this version" },
                { "24.0", "the table of releases does not know this version" },
                { "2", "the table of releases does not know this version" },
                { "", "the table of releases has no column eol" },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                char end[POSTURE_DATE_LEN + 1];
                const char *problem = posture_distro_info_end(base_bytes_from_string(csv), rows[i].version, end);

                assert_string_equal(problem == NULL ? end : problem, rows[i].end);
        }
}

static void posture_distro_info_end_of_a_broken_table_says_what(void **state)
{
        char end[POSTURE_DATE_LEN + 1];

        assert_string_equal(posture_distro_info_end(BASE_BYTES(NULL, 0), "12", end), "the table of releases has no column eol");
        assert_string_equal(posture_distro_info_end(base_bytes_from_string("version,codename\n12,x\n"), "12", end),
                            "the table of releases has no column eol");
        assert_string_equal(posture_distro_info_end(base_bytes_from_string("eol,version\n12,x\n"), "12", end),
                            "the table of releases has no column eol");
        assert_string_equal(posture_distro_info_end(base_bytes_from_string("version,eol"), "12", end),
                            "the table of releases does not know this version");
}

static void posture_collect_of_support_compares_with_today(void **state)
{
        struct posture_tree *tree = *state;
        static const struct {
                const char *release;
                const char *end;
                const char *supported;
        } rows[] = {
                { "ID=fedora\nSUPPORT_END=2025-06-02\n", "2025-06-02", "true" },
                { "ID=fedora\nSUPPORT_END=2025-06-01\n", "2025-06-01", "false" },
                { "ID=fedora\nSUPPORT_END=2024-12-31\n", "2024-12-31", "false" },
                { "ID=fedora\nSUPPORT_END=2031-01-01\n", "2031-01-01", "true" },
                { "ID=debian\nVERSION_ID=11\n", "2024-08-14", "false" },
                { "ID=debian\nVERSION_ID=12\n", "2026-07-11", "true" },
                /* What the system says itself counts more than the table. */
                { "ID=debian\nVERSION_ID=12\nSUPPORT_END=2025-01-01\n", "2025-01-01", "false" },
        };

        posture_tree_put_text(tree, DEBIAN_CSV, "version,eol\n11,2024-08-14\n12,2026-07-11\n");
        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                posture_tree_put_text(tree, "etc/os-release", rows[i].release);
                posture_tree_expect(tree, "os.support_end", POLICY_FACT_VERSION, rows[i].end);
                posture_tree_expect(tree, "os.supported", POLICY_FACT_BOOLEAN, rows[i].supported);
        }
}

static void posture_collect_of_unknown_support_says_why(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_put_text(tree, "etc/os-release", "ID=debian\nVERSION_ID=12\n");
        posture_tree_expect_unreadable(tree, "os.supported", "/" DEBIAN_CSV ": no such file or directory");
        posture_tree_put_text(tree, DEBIAN_CSV, "version,eol\n11,2024-08-14\n");
        posture_tree_expect_unreadable(tree, "os.support_end", "the table of releases does not know this version");
        posture_tree_put_text(tree, "etc/os-release", "ID=debian\n");
        posture_tree_expect_unreadable(tree, "os.supported", "/etc/os-release has no SUPPORT_END");
        posture_tree_put_text(tree, "etc/os-release", "ID=arch\nVERSION_ID=11\n");
        posture_tree_expect_unreadable(tree, "os.supported", "/etc/os-release has no SUPPORT_END");
        posture_tree_put_text(tree, "etc/os-release", "ID=debian\nVERSION_ID=11\nSUPPORT_END=2030\n");
        posture_tree_expect_unreadable(tree, "os.supported", "SUPPORT_END is not a date like 2027-01-31");
        posture_tree_put_text(tree, "etc/os-release", "ID=debian\nVERSION_ID=11\nSUPPORT_END=$(date)\n");
        posture_tree_expect_unreadable(tree, "os.supported", "/etc/os-release: line 3 does not follow os-release(5)");
}

static void put_modified(struct posture_tree *tree, const char *name, int64_t age)
{
        posture_tree_put_text(tree, name, "");
        posture_tree_set_modified(tree, name, POSTURE_TREE_NOW - age);
}

static void posture_collect_of_update_marks_prefers_those_of_success(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "os.updates.age", "no package manager that is known has left a mark");
        posture_tree_put_directory(tree, "var/lib/apt/lists");
        posture_tree_set_modified(tree, "var/lib/apt/lists", POSTURE_TREE_NOW - 50);
        posture_tree_expect(tree, "os.updates.age", POLICY_FACT_INTEGER, "50");
        /* The directory may be newer because a run has failed half way. */
        put_modified(tree, UPDATE_STAMP, 700);
        posture_tree_expect(tree, "os.updates.age", POLICY_FACT_INTEGER, "700");
        put_modified(tree, SUCCESS_STAMP, 900);
        posture_tree_expect(tree, "os.updates.age", POLICY_FACT_INTEGER, "700");
        put_modified(tree, SUCCESS_STAMP, 0);
        posture_tree_expect(tree, "os.updates.age", POLICY_FACT_INTEGER, "0");
}

static void posture_collect_of_dnfs_and_pacmans_marks_has_their_age(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_put_directory(tree, "var/lib/pacman/sync");
        posture_tree_set_modified(tree, "var/lib/pacman/sync", POSTURE_TREE_NOW - 60);
        posture_tree_expect(tree, "os.updates.age", POLICY_FACT_INTEGER, "60");
        put_modified(tree, "var/cache/dnf/last_makecache", 864000);
        posture_tree_expect(tree, "os.updates.age", POLICY_FACT_INTEGER, "864000");
}

static void posture_collect_of_a_mark_from_the_future_is_unreadable(void **state)
{
        struct posture_tree *tree = *state;

        put_modified(tree, UPDATE_STAMP, -1);
        posture_tree_expect_unreadable(tree, "os.updates.age", "the file's time lies in the future");
}

static void posture_updates_available_parse_of_the_notifiers_text_counts(void **state)
{
        static const struct {
                const char *text;
                int64_t count; /* -1: does not parse */
        } rows[] = {
                { "34 updates can be applied immediately.\n19 of these updates are standard security updates.\n", 19 },
                { "\n1 update can be applied immediately.\n1 of these updates is a standard security update.\n", 1 },
                { "0 updates can be applied immediately.\n", 0 },
                { "5 updates can be applied immediately.", 0 },
                { "9 updates can be applied immediately.\n2 of these updates are ESM Apps security updates.\n"
                  "3 of these updates are standard security updates.\n",
                  5 },
                /* These cannot be installed without a subscription. */
                { "9 updates can be applied immediately.\n2 additional security updates can be applied with ESM Apps.\n", 0 },
                { "9 updates can be applied immediately.\n2 of these updates are nothing.\n", 0 },
                { "", -1 },
                { "34 Aktualisierungen können sofort angewendet werden.\n", -1 },
                { "19 of these updates are standard security updates.\n", -1 },
                { "99999999999 updates can be applied immediately.\n", -1 },
                { "updates can be applied immediately.\n", -1 },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                int64_t count = -1;
                bool ok = posture_updates_available_parse(base_bytes_from_string(rows[i].text), &count);

                assert_int_equal(ok, rows[i].count >= 0);
                assert_true(count == rows[i].count);
        }
}

static void posture_collect_of_security_updates_says_how_many_or_why_not(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, "os.updates.security",
                                       "nothing on this system counts security updates for everybody to read; PackageKit would, "
                                       "while it runs");
        posture_tree_put_text(tree, AVAILABLE, "3 updates can be applied immediately.\n");
        posture_tree_expect(tree, "os.updates.security", POLICY_FACT_INTEGER, "0");
        posture_tree_put_text(tree, AVAILABLE, "3 mises à jour\n");
        posture_tree_expect_unreadable(tree, "os.updates.security", "/" AVAILABLE " does not say in English how many");
}

static void posture_collect_of_kernels_compares_those_of_a_kind(void **state)
{
        struct posture_tree *tree = *state;
        static const struct {
                const char *running;
                const char *installed;
                bool required;
        } rows[] = {
                { "6.1.0-37-amd64", "6.1.0-37-amd64", false },    { "6.1.0-37-amd64", "6.1.0-9-amd64", false },
                { "6.1.0-37-amd64", "6.1.0-38-amd64", true },     { "6.1.0-37-amd64", "6.1.0-38-rt-amd64", false },
                { "6.1.0-37-rt-amd64", "6.1.0-38-amd64", false }, { "6.8.0-45-generic", "6.11.0-9-generic", true },
                { "6.11.6-arch1-1", "6.12.1-1-lts", false },      { "6.11.6-arch1-1", "6.12.1-arch1-1", true },
                { "6.6.59-1-lts", "6.12.1-arch1-1", false },      { "6.11.4-301.fc41.x86_64", "6.11.10-300.fc41.x86_64", true },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                char name[128];

                (void) snprintf(name, sizeof(name), "lib/modules/%s/modules.dep", rows[i].running);
                posture_tree_put_text(tree, name, "");
                posture_tree_put_text(tree, "proc/sys/kernel/osrelease", rows[i].running);
                posture_tree_expect(tree, "os.reboot_required", POLICY_FACT_BOOLEAN, "false");
                assert_int_equal(unlinkat(tree->fd, name, 0), 0);
                (void) snprintf(name, sizeof(name), "lib/modules/%s/modules.dep", rows[i].installed);
                posture_tree_put_text(tree, name, "");
                (void) snprintf(name, sizeof(name), "lib/modules/%s/modules.dep", rows[i].running);
                posture_tree_put_text(tree, name, "");
                posture_tree_expect(tree, "os.reboot_required", POLICY_FACT_BOOLEAN, rows[i].required ? "true" : "false");
                assert_int_equal(unlinkat(tree->fd, name, 0), 0);
                (void) snprintf(name, sizeof(name), "lib/modules/%s/modules.dep", rows[i].installed);
                (void) unlinkat(tree->fd, name, 0);
        }
}

/* As on Arch after an update, which removes the running kernel's modules. */
static void posture_collect_without_the_running_kernels_modules_finds_the_newer(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_put_text(tree, "proc/sys/kernel/osrelease", "6.11.6-arch1-1\n");
        posture_tree_put_text(tree, "lib/modules/6.11.7-arch1-1/modules.dep", "");
        posture_tree_expect(tree, "os.reboot_required", POLICY_FACT_BOOLEAN, "true");
}

static void posture_collect_of_leftover_modules_says_nothing(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_put_text(tree, "proc/sys/kernel/osrelease", "6.1.0-37-amd64\n");
        posture_tree_expect_unreadable(tree, "os.reboot_required", NOTHING_WRITES);
        posture_tree_put_text(tree, "lib/modules/6.1.0-38-amd64/updates/dkms/x.ko", "");
        posture_tree_expect_unreadable(tree, "os.reboot_required", NOTHING_WRITES);
        posture_tree_put_text(tree, "etc/kernel/postinst.d/update-notifier", "");
        posture_tree_expect(tree, "os.reboot_required", POLICY_FACT_BOOLEAN, "false");
        posture_tree_put_text(tree, "run/reboot-required", "");
        posture_tree_expect(tree, "os.reboot_required", POLICY_FACT_BOOLEAN, "true");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(posture_distro_info_end_of_a_table_finds_the_release),
                cmocka_unit_test(posture_distro_info_end_of_a_broken_table_says_what),
                TREE_TEST(posture_collect_of_support_compares_with_today),
                TREE_TEST(posture_collect_of_unknown_support_says_why),
                TREE_TEST(posture_collect_of_update_marks_prefers_those_of_success),
                TREE_TEST(posture_collect_of_dnfs_and_pacmans_marks_has_their_age),
                TREE_TEST(posture_collect_of_a_mark_from_the_future_is_unreadable),
                cmocka_unit_test(posture_updates_available_parse_of_the_notifiers_text_counts),
                TREE_TEST(posture_collect_of_security_updates_says_how_many_or_why_not),
                TREE_TEST(posture_collect_of_kernels_compares_those_of_a_kind),
                TREE_TEST(posture_collect_without_the_running_kernels_modules_finds_the_newer),
                TREE_TEST(posture_collect_of_leftover_modules_says_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
