/* SPDX-License-Identifier: BSD-2-Clause */
/* What is kept from one snapshot to the next never hides a change: of each fact, and of each way in which files change. */
#include "attesterd/posture/cache.h"
#include "attesterd/posture/source.h"
#include "posture_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LATER_S 1000 /* by which this test's clock is ahead, so that files which were written just now have settled */
#define CSV     "version,codename,series,created,release,eol\n12,Bookworm,bookworm,2021-08-14,2023-06-10,"

static uint64_t later(void *context)
{
        return (uint64_t) time(NULL) + (context == NULL ? LATER_S : 0);
}

static const struct base_clock later_clock = { .wall_seconds = later };

/* The state of each fact before and after a change of one file; files that the fact needs besides are put first. */
static const struct {
        const char *fact;
        const char *file;
        const char *before, *after; /* the file's content */
        const char *first, *second; /* the fact */
} rows[] = {
        { "os.id", "etc/os-release", "ID=debian\nVERSION_ID=12\n", "ID=ubuntu\nVERSION_ID=12\n", "debian", "ubuntu" },
        { "os.version", "etc/debian_version", "12.5\n", "12.6\n", "12.5", "12.6" },
        { "os.build", "etc/os-release", "ID=debian\nBUILD_ID=a\n", "ID=debian\nBUILD_ID=b\n", "a", "b" },
        { "os.support_end", "usr/share/distro-info/debian.csv", CSV "2026-06-10\n", CSV "2027-06-10\n", "2026-06-10",
          "2027-06-10" },
        { "os.updates.security", "var/lib/update-notifier/updates-available",
          "9 updates can be applied immediately.\n1 of these updates is a standard security update.\n",
          "9 updates can be applied immediately.\n2 of these updates is a standard security update.\n", "1", "2" },
        { "kernel.release", "proc/sys/kernel/osrelease", "6.1.0\n", "6.1.1\n", "6.1.0", "6.1.1" },
        { "kernel.lockdown", "sys/kernel/security/lockdown", "[none] integrity\n", "none [integrity]\n", "none", "integrity" },
        { "kernel.taint", "proc/sys/kernel/tainted", "0\n", "1\n", "0", "1" },
        { "kernel.module_sig_enforce", "sys/module/module/parameters/sig_enforce", "N\n", "Y\n", "false", "true" },
        { "kernel.livepatches", "sys/kernel/livepatch/a/enabled", "0\n", "1\n", "0", "1" },
        { "ima.violations", "sys/kernel/security/ima/violations", "0\n", "1\n", "0", "1" },
        { "ima.active", "sys/kernel/security/ima/runtime_measurements_count", "1\n", "2\n", "false", "true" },
        { "lsm.list", "sys/kernel/security/lsm", "bpf\n", "yam\n", "bpf", "yam" },
        { "lsm.selinux", "sys/fs/selinux/enforce", "0\n", "1\n", "permissive", "enforcing" },
        { "lsm.apparmor", "sys/module/apparmor/parameters/enabled", "N\n", "Y\n", "false", "true" },
        { "disk.swap_encrypted", "proc/swaps", "Filename Type Size Used Priority\n",
          "Filename Type Size Used Priority\n/dev/sda2 partition\t9\t0\t-2\n", "true", "false" },
        { "disk.root_encrypted", "sys/dev/block/254:0/dm/uuid", "CRYPT-LUKS2-x\n", "NOTHING-LUKS2\n", "true", "false" },
        { "disk.root_verity", "sys/dev/block/254:0/dm/uuid", "CRYPT-VERITY-x\n", "NOTHING-VERITY\n", "true", "false" },
        { "firewall.active", "etc/ufw/ufw.conf", "ENABLED=yes\n", "ENABLED=no#\n", "true",
          "unreadable: none of firewalld, ufw and nftables.service is on, and only root can see other rules; facts.d can state "
          "them" },
        { "malware.clamav", "sys/fs/cgroup/system.slice/clamav-daemon.service/cgroup.events", "populated 1\n", "populated 0\n",
          "true", "false" },
        { "firmware.vendor", "sys/class/dmi/id/bios_vendor", "A\n", "B\n", "A", "B" },
        { "firmware.date", "sys/class/dmi/id/bios_date", "03/21/2024\n", "03/22/2024\n", "2024-03-21", "2024-03-22" },
        { "virt.container", "run/systemd/container", "lxc\n", "oci\n", "lxc", "oci" },
        { "virt.vm", "sys/class/dmi/id/sys_vendor", "QEMU\n", "KVM \n", "qemu", "kvm" },
        { "custom.room", "etc/attesterd/facts.d/a.facts", "room = 1\n", "room = 2\n", "1", "2" },
};

/* The text that a fact has in a snapshot. */
static void collect(const struct posture_sources *sources, const char *name, char ret[POLICY_FACT_VALUE_TEXT_BYTES_MAX])
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        const struct policy_fact *fact;

        assert_true(posture_collect(sources, POSTURE_COLLECTORS_ALL, &facts, NULL, NULL));
        fact = policy_facts_find(&facts, name);
        if (fact == NULL)
                (void) snprintf(ret, POLICY_FACT_VALUE_TEXT_BYTES_MAX, "none");
        else
                policy_fact_print(fact, ret, POLICY_FACT_VALUE_TEXT_BYTES_MAX);
}

static void expect(const struct posture_sources *sources, const char *name, const char *wanted)
{
        char text[POLICY_FACT_VALUE_TEXT_BYTES_MAX];

        collect(sources, name, text);
        assert_string_equal(text, wanted);
}

/* The clock that stamps inodes moves in steps. */
static void let_the_clock_step(void)
{
        const struct timespec step = { .tv_nsec = 20000000 };

        (void) nanosleep(&step, NULL);
}

static void replace(const struct posture_tree *tree, const char *file, const char *content)
{
        posture_tree_put_text(tree, "new", content);
        assert_int_equal(renameat(tree->fd, "new", tree->fd, file), 0);
}

static void put_what_facts_need(const struct posture_tree *tree)
{
        posture_tree_put_text(tree, "etc/os-release", "ID=debian\nVERSION_ID=12\n");
        posture_tree_put_text(tree, "proc/cpuinfo", "processor : 0\nflags\t: fpu\n");
        posture_tree_put_text(tree, "proc/self/mountinfo", "1 0 254:0 / / rw - ext4 /dev/vda rw\n");
        posture_tree_put_text(tree, "proc/swaps", "Filename Type Size Used Priority\n");
        posture_tree_put_text(tree, "sys/kernel/security/lsm", "capability\n");
        posture_tree_put_text(tree, "sys/fs/cgroup/system.slice/cgroup.events", "populated 1\n");
}

static struct posture_sources cached_sources(const struct posture_tree *tree)
{
        struct posture_sources sources = posture_tree_sources(tree);

        sources.clock = &later_clock;
        sources.trusted_uid = getuid();
        assert_true(posture_cache_new(&sources.cache, NULL));
        return sources;
}

static void posture_collect_with_a_cache_sees_every_change_of_each_fact(void **state)
{
        struct posture_tree *tree = *state;
        struct posture_sources sources = cached_sources(tree);
        char text[POLICY_FACT_VALUE_TEXT_BYTES_MAX];

        posture_tree_put_directory(tree, "sys/class/block/sda2");
        posture_tree_put_directory(tree, "sys/module/nf_tables");
        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                put_what_facts_need(tree);
                posture_tree_put_text(tree, rows[i].file, rows[i].before);
                let_the_clock_step();
                expect(&sources, rows[i].fact, rows[i].first);
                expect(&sources, rows[i].fact, rows[i].first);
                let_the_clock_step();
                posture_tree_put_text(tree, rows[i].file, rows[i].after);
                expect(&sources, rows[i].fact, rows[i].second);
                replace(tree, rows[i].file, rows[i].before);
                expect(&sources, rows[i].fact, rows[i].first);
                assert_int_equal(unlinkat(tree->fd, rows[i].file, 0), 0);
                collect(&sources, rows[i].fact, text);
                expect(&sources, rows[i].fact, text);
                posture_tree_put_text(tree, rows[i].file, rows[i].after);
                expect(&sources, rows[i].fact, rows[i].second);
                posture_tree_put_text(tree, rows[i].file, rows[i].before);
                assert_int_equal(unlinkat(tree->fd, rows[i].file, 0), 0);
        }
        posture_cache_free(sources.cache);
}

/* The directory of `name`, with another in its place that has a file of this content. */
static void replace_directory(const struct posture_tree *tree, const char *name, const char *content)
{
        char directory[64];

        (void) snprintf(directory, sizeof(directory), "%.*s", (int) (strrchr(name, '/') - name), name);
        (void) renameat(tree->fd, "old/d", tree->fd, "older");
        posture_tree_put_directory(tree, "old");
        assert_int_equal(renameat(tree->fd, directory, tree->fd, "old/d"), 0);
        posture_tree_put_text(tree, name, content);
}

static void posture_collect_with_a_cache_sees_what_stands_in_a_path_of_before(void **state)
{
        struct posture_tree *tree = *state;
        struct posture_sources sources = cached_sources(tree);
        static const char release[] = "usr/lib/os-release";

        put_what_facts_need(tree);
        posture_tree_put_text(tree, release, "ID=arch\n");
        posture_tree_put_text(tree, "opt/release", "ID=suse\n");
        assert_int_equal(unlinkat(tree->fd, "etc/os-release", 0), 0);
        posture_tree_put_link(tree, "etc/os-release", "../usr/lib/os-release");
        expect(&sources, "os.id", "arch");
        expect(&sources, "os.id", "arch");
        /* The file that the link leads to, in place. */
        let_the_clock_step();
        posture_tree_put_text(tree, release, "ID=void\n");
        expect(&sources, "os.id", "void");
        /* Another file at the end of the link. */
        replace(tree, release, "ID=alma\n");
        expect(&sources, "os.id", "alma");
        /* A directory on its way. */
        replace_directory(tree, release, "ID=mint\n");
        expect(&sources, "os.id", "mint");
        /* The link leads elsewhere, and back. */
        posture_tree_put_link(tree, "new", "../opt/release");
        assert_int_equal(renameat(tree->fd, "new", tree->fd, "etc/os-release"), 0);
        expect(&sources, "os.id", "suse");
        posture_tree_put_link(tree, "new", "../usr/lib/os-release");
        assert_int_equal(renameat(tree->fd, "new", tree->fd, "etc/os-release"), 0);
        expect(&sources, "os.id", "mint");
        /* What it leads to is gone, and with it the directory; then both are there again. */
        assert_int_equal(renameat(tree->fd, "usr", tree->fd, "gone"), 0);
        expect(&sources, "os.id", "unreadable: /usr/lib/os-release: no such file or directory");
        expect(&sources, "os.id", "unreadable: /usr/lib/os-release: no such file or directory");
        assert_int_equal(renameat(tree->fd, "gone", tree->fd, "usr"), 0);
        expect(&sources, "os.id", "mint");
        posture_cache_free(sources.cache);
}

static void source_read_of_a_file_that_may_change_unseen_keeps_nothing(void **state)
{
        struct posture_tree *tree = *state;
        static const char now[] = "now";
        const struct base_clock clock = { .wall_seconds = later, .context = (void *) now };
        struct posture_sources sources = cached_sources(tree);
        char line[POSTURE_LINE_BYTES_MAX + 1];

        posture_tree_put_text(tree, "etc/a", "1");
        posture_tree_put_text(tree, "sys/a", "1");
        assert_int_equal(posture_source_read_line(&sources, "/etc/a", line), 0);
        assert_int_equal(posture_cache_find(sources.cache, "/etc/a")->kind, POSTURE_CACHED_SETTLED);
        /* Of the kernel's file systems an inode says nothing; this one is not even the kernel's. */
        assert_int_equal(posture_source_read_line(&sources, "/sys/a", line), 0);
        assert_null(posture_cache_find(sources.cache, "/sys/a"));
        sources.clock = &clock;
        posture_tree_put_text(tree, "etc/b", "1");
        assert_int_equal(posture_source_read_line(&sources, "/etc/b", line), 0);
        assert_null(posture_cache_find(sources.cache, "/etc/b"));
        posture_cache_free(sources.cache);
}

static void source_read_with_a_full_cache_reads_all_the_same(void **state)
{
        struct posture_tree *tree = *state;
        struct posture_sources sources = cached_sources(tree);
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(POSTURE_CACHE_BYTES_MAX + 1);
        static char large[POSTURE_CACHE_BYTES_MAX + 1];
        char line[POSTURE_LINE_BYTES_MAX + 1];
        char path[32];

        memset(large, 'x', sizeof(large));
        posture_tree_put(tree, "etc/large", BASE_BYTES((const uint8_t *) large, sizeof(large)));
        assert_int_equal(posture_source_read(&sources, "/etc/large", &text), 0);
        assert_int_equal(text.len, sizeof(large));
        assert_null(posture_cache_find(sources.cache, "/etc/large"));
        for (unsigned i = 0; i < 2 * POSTURE_CACHE_FILES_MAX; i++) {
                (void) snprintf(path, sizeof(path), "/etc/%u", i);
                posture_tree_put_text(tree, path + 1, path);
                assert_int_equal(posture_source_read_line(&sources, path, line), 0);
                assert_string_equal(line, path);
        }
        assert_null(posture_cache_find(sources.cache, path));
        assert_non_null(posture_cache_find(sources.cache, "/etc/0"));
        posture_cache_free(sources.cache);
}

static struct posture_sources system_sources(void)
{
        struct posture_sources sources = { .root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                                           .clock = &base_system_clock };

        assert_true(sources.root_fd >= 0);
        assert_true(posture_cache_new(&sources.cache, NULL));
        return sources;
}

static void system_sources_clear(struct posture_sources *sources)
{
        (void) close(sources->root_fd);
        posture_cache_free(sources->cache);
}

static void source_read_of_procfs_stays_open_and_reads_anew(void **state)
{
        struct posture_sources sources = system_sources();
        char line[POSTURE_LINE_BYTES_MAX + 1];

        (void) state;
        for (unsigned i = 0; i < 3; i++) {
                (void) snprintf(line, sizeof(line), "name-%u", i);
                assert_int_equal(prctl(PR_SET_NAME, line), 0);
                memset(line, 0, sizeof(line));
                assert_int_equal(posture_source_read_line(&sources, "/proc/self/comm", line), 0);
                assert_int_equal(line[strlen("name-")], '0' + (int) i);
        }
        assert_int_equal(posture_cache_find(sources.cache, "/proc/self/comm")->kind, POSTURE_CACHED_OPEN);
        assert_int_equal(posture_source_read_line(&sources, "/proc/sys/kernel/osrelease", line), 0);
        assert_int_equal(posture_cache_find(sources.cache, "/proc/sys/kernel/osrelease")->kind, POSTURE_CACHED_FIXED);
        /* On a file system of its own: it could not be unmounted any more. */
        if (posture_source_read_line(&sources, "/sys/fs/cgroup/cgroup.procs", line) == 0)
                assert_null(posture_cache_find(sources.cache, "/sys/fs/cgroup/cgroup.procs"));
        system_sources_clear(&sources);
}

static void source_read_of_what_is_gone_from_procfs_says_so(void **state)
{
        struct posture_sources sources = system_sources();
        char line[POSTURE_LINE_BYTES_MAX + 1];
        char path[64];
        pid_t child = fork();

        (void) state;
        if (child == 0) {
                (void) pause();
                _exit(0);
        }
        (void) snprintf(path, sizeof(path), "/proc/%d/comm", (int) child);
        assert_int_equal(posture_source_read_line(&sources, path, line), 0);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(posture_source_read_line(&sources, path, line), ENOENT);
        assert_int_equal(posture_source_read_line(&sources, path, line), ENOENT);
        system_sources_clear(&sources);
}

static bool mounts_have(const struct posture_sources *sources, const char *path)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(1024 * 1024);

        return posture_source_read(sources, "/proc/self/mountinfo", &text) == 0 &&
               memmem(text.data, text.len, path, strlen(path)) != NULL;
}

/* In a mount namespace of its own. 0: all is well; 77: there is none to be had. */
static int watch_mounts(const char *directory)
{
        struct posture_sources sources;

        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return 77;
        sources = system_sources();
        for (unsigned i = 0; i < 3; i++) {
                if (mounts_have(&sources, directory) || mounts_have(&sources, directory))
                        return 1;
                if (mount("none", directory, "tmpfs", 0, NULL) < 0)
                        return 77;
                if (!mounts_have(&sources, directory) || !mounts_have(&sources, directory))
                        return 2;
                if (posture_cache_find(sources.cache, "/proc/self/mountinfo")->kind != POSTURE_CACHED_WATCHED)
                        return 3;
                if (umount(directory) < 0)
                        return 4;
        }
        system_sources_clear(&sources);
        return 0;
}

static void source_read_of_mounts_sees_each_mount_and_unmount(void **state)
{
        struct posture_tree *tree = *state;
        pid_t child = fork();
        int status;

        if (child == 0)
                _exit(watch_mounts(tree->root));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TREE_TEST(posture_collect_with_a_cache_sees_every_change_of_each_fact),
                TREE_TEST(posture_collect_with_a_cache_sees_what_stands_in_a_path_of_before),
                TREE_TEST(source_read_of_a_file_that_may_change_unseen_keeps_nothing),
                TREE_TEST(source_read_with_a_full_cache_reads_all_the_same),
                TREE_TEST(source_read_of_mounts_sees_each_mount_and_unmount),
                cmocka_unit_test(source_read_of_procfs_stays_open_and_reads_anew),
                cmocka_unit_test(source_read_of_what_is_gone_from_procfs_says_so),
        };

        return cmocka_run_group_tests_name("posture-cache", tests, NULL, NULL);
}
