/* SPDX-License-Identifier: BSD-2-Clause */
/* os.updates.security from what dpkg and apt leave: which updates count, what is missing, and that changes are seen. */
#include "attesterd/posture/packages.h"
#include "posture_tree.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define FACT     "os.updates.security"
#define STATUS   "var/lib/dpkg/status"
#define LISTS    "var/lib/apt/lists/"
#define SECURITY LISTS "security.debian.org_debian-security_dists_bookworm-security_main_binary-amd64_Packages"
#define MAIN     LISTS "deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages"

static const char status[] = "Package: openssl\nStatus: install ok installed\nPriority: optional\nArchitecture: amd64\n"
                             "Version: 3.0.15-1~deb12u1\nDescription: toolkit\n Version: 9\n\n"
                             "Package: libssl3\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 3.0.15-1~deb12u1\n\n"
                             "Package: libssl3\nStatus: install ok installed\nArchitecture: i386\nVersion: 3.0.16-1\n\n"
                             "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n"
                             "Package: half\nStatus: install ok triggers-pending\nArchitecture: all\nVersion: 1:0.9";
/* openssl and libssl3:amd64 are older than offered, libssl3:i386 and half are not, gone is not there. */
static const char security[] = "Package: openssl\nVersion: 3.0.16-1~deb12u1\nArchitecture: amd64\nDepends: libc6\n\n"
                               "Package: libssl3\nArchitecture: amd64\nVersion: 3.0.16-1~deb12u1\n\n"
                               "Package: libssl3\nArchitecture: i386\nVersion: 3.0.16-1~deb12u1\n\n"
                               "Package: gone\nArchitecture: amd64\nVersion: 2\n\n"
                               "Package: half\nArchitecture: amd64\nVersion: 99.0\n\n"
                               "Package: other\nArchitecture: amd64\nVersion: 2\n";

static void put_system(const struct posture_tree *tree)
{
        posture_tree_put_text(tree, STATUS, status);
        posture_tree_put_text(tree, SECURITY, security);
        posture_tree_put_text(tree, MAIN, "Package: half\nArchitecture: all\nVersion: 2:1\n");
}

static void posture_collect_of_apt_counts_what_the_security_archives_replace(void **state)
{
        struct posture_tree *tree = *state;

        put_system(tree);
        posture_tree_expect(tree, FACT, POLICY_FACT_INTEGER, "2");
        /* The same update of two archives is one. */
        posture_tree_put_text(tree, LISTS "mirror_dists_bookworm-security_main_binary-amd64_Packages", security);
        posture_tree_expect(tree, FACT, POLICY_FACT_INTEGER, "2");
        posture_tree_put_text(tree, SECURITY, "");
        posture_tree_put_text(tree, LISTS "mirror_dists_bookworm-security_main_binary-amd64_Packages", "");
        posture_tree_expect(tree, FACT, POLICY_FACT_INTEGER, "0");
}

static void posture_collect_of_ubuntu_believes_update_notifier_first(void **state)
{
        struct posture_tree *tree = *state;

        put_system(tree);
        posture_tree_put_text(tree, "var/lib/update-notifier/updates-available",
                              "9 updates can be applied immediately.\n7 of these updates are standard security updates.\n");
        posture_tree_expect(tree, FACT, POLICY_FACT_INTEGER, "7");
        posture_tree_put_text(tree, "var/lib/update-notifier/updates-available", "9 Aktualisierungen\n");
        posture_tree_expect(tree, FACT, POLICY_FACT_INTEGER, "2");
}

static void posture_collect_without_what_is_needed_says_what_would_help(void **state)
{
        struct posture_tree *tree = *state;

        posture_tree_expect_unreadable(tree, FACT,
                                       "nothing on this system counts security updates for everybody to read; PackageKit would, "
                                       "while it runs");
        posture_tree_put_directory(tree, "var/cache/dnf");
        posture_tree_expect_unreadable(tree, FACT,
                                       "dnf keeps what it knows of updates in files that only it reads; PackageKit would tell, "
                                       "while it runs");
        posture_tree_put_text(tree, STATUS, status);
        posture_tree_expect_unreadable(tree, FACT, "/var/lib/apt/lists: no such file or directory");
        posture_tree_put_text(tree, MAIN, "");
        posture_tree_expect_unreadable(tree, FACT,
                                       "apt has no list of security updates: none is configured, or apt update was not run");
        posture_tree_put_text(tree, SECURITY ".lz4", "");
        posture_tree_expect_unreadable(tree, FACT,
                                       "apt keeps its lists compressed (Acquire::GzipIndexes), and only apt reads them");
}

static void posture_collect_of_a_field_that_is_too_long_is_unreadable(void **state)
{
        struct posture_tree *tree = *state;
        static char text[4096] = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1";

        put_system(tree);
        memset(text + strlen(text), '1', 2048);
        posture_tree_put_text(tree, STATUS, text);
        posture_tree_expect_unreadable(tree, FACT, "/var/lib/dpkg/status: invalid or incomplete multibyte or wide character");
        /* One that does not count may be as long as it likes. */
        memcpy(text + strlen("Package: openssl\nStatus: install ok installed\nArchitecture: amd64\n"), "Xersion",
               strlen("Xersion"));
        posture_tree_put_text(tree, STATUS, text);
        posture_tree_expect(tree, FACT, POLICY_FACT_INTEGER, "0");
}

static uint64_t later(void *context)
{
        (void) context;
        return (uint64_t) time(NULL) + 1000;
}

static void posture_collect_with_a_cache_counts_again_after_dpkg_and_after_apt(void **state)
{
        struct posture_tree *tree = *state;
        const struct timespec step = { .tv_nsec = 20000000 };
        const struct base_clock clock = { .wall_seconds = later };
        struct posture_sources sources = posture_tree_sources(tree);
        static const char *const wanted[] = { "2", "2", "1", "0" };

        sources.clock = &clock;
        assert_true(posture_cache_new(&sources.cache, NULL));
        put_system(tree);
        for (size_t i = 0; i < BASE_COUNT(wanted); i++) {
                policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
                char text[POLICY_FACT_VALUE_TEXT_BYTES_MAX];

                (void) nanosleep(&step, NULL);
                if (i == 2) { /* dpkg replaces its file */
                        posture_tree_put_text(tree, "var/lib/dpkg/status-new", strstr(status, "Package: libssl3"));
                        assert_int_equal(renameat(tree->fd, "var/lib/dpkg/status-new", tree->fd, STATUS), 0);
                }
                if (i == 3) { /* and apt its lists */
                        posture_tree_put_text(tree, LISTS "new", "");
                        assert_int_equal(renameat(tree->fd, LISTS "new", tree->fd, SECURITY), 0);
                }
                assert_true(posture_collect(&sources, POSTURE_COLLECTORS_ALL, &facts, NULL, NULL));
                policy_fact_print(policy_facts_find(&facts, FACT), text, sizeof(text));
                assert_string_equal(text, wanted[i]);
        }
        posture_cache_free(sources.cache);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TREE_TEST(posture_collect_of_apt_counts_what_the_security_archives_replace),
                TREE_TEST(posture_collect_of_ubuntu_believes_update_notifier_first),
                TREE_TEST(posture_collect_without_what_is_needed_says_what_would_help),
                TREE_TEST(posture_collect_of_a_field_that_is_too_long_is_unreadable),
                TREE_TEST(posture_collect_with_a_cache_counts_again_after_dpkg_and_after_apt),
        };

        return cmocka_run_group_tests_name("posture-apt", tests, NULL, NULL);
}
