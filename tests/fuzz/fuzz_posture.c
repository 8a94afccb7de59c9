/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All collectors over a tree in which one file holds the input: its first byte says which. Every fact must keep its known
 * type, whatever the files hold.
 */
#include "attesterd/posture/posture.h"
#include "base/file.h"
#include "policy/known_facts.h"

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

static const char *const files[] = {
        "etc/os-release",
        "etc/debian_version",
        "etc/ufw/ufw.conf",
        "proc/cpuinfo",
        "proc/self/mountinfo",
        "proc/swaps",
        "proc/sys/kernel/osrelease",
        "proc/sys/kernel/tainted",
        "run/systemd/container",
        "sys/class/block/dm-0/dm/name",
        "sys/class/block/dm-0/dm/uuid",
        "sys/class/dmi/id/bios_date",
        "sys/class/dmi/id/product_name",
        "sys/fs/cgroup/system.slice/firewalld.service/cgroup.events",
        "sys/fs/selinux/enforce",
        "sys/kernel/security/apparmor/profiles",
        "sys/kernel/security/ima/violations",
        "sys/kernel/security/lockdown",
        "sys/kernel/security/lsm",
        "sys/module/apparmor/parameters/enabled",
        "usr/share/distro-info/debian.csv",
        "var/lib/update-notifier/updates-available",
};

static char root[] = "/tmp/fuzz-posture-XXXXXX";
static int root_fd = -1;

static int remove_item(const char *path, const struct stat *status, int type, struct FTW *where)
{
        return remove(path);
}

static void remove_root(void)
{
        (void) nftw(root, remove_item, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const void *content, size_t len)
{
        base_auto_close int fd = -1;
        char path[256];

        for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
                (void) snprintf(path, sizeof(path), "%.*s", (int) (slash - name), name);
                (void) mkdirat(root_fd, path, 0755);
        }
        fd = openat(root_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0 || write(fd, content, len) != (ssize_t) len)
                abort();
}

static void make_root(void)
{
        if (mkdtemp(root) == NULL)
                abort();
        (void) atexit(remove_root);
        root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        put("etc/os-release", "ID=debian\nVERSION_ID=12\n", 24);
        put("proc/self/mountinfo", "28 1 0:33 / / rw - btrfs /dev/mapper/a rw\n", 43);
        put("sys/class/block/dm-0/dm/name", "a\n", 2);
        put("sys/fs/btrfs/u/devices/dm-0", "", 0);
        put("sys/module/apparmor/parameters/enabled", "Y\n", 2);
        put("sys/fs/cgroup/system.slice/cgroup.events", "", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct posture_sources sources = { .trusted_uid = geteuid(), .clock = &base_system_clock };
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        struct base_error error;
        const char *name;

        if (size == 0)
                return 0;
        if (root_fd < 0)
                make_root();
        sources.root_fd = root_fd;
        name = files[data[0] % BASE_COUNT(files)];
        put(name, data + 1, size - 1);
        if (!posture_collect(&sources, POSTURE_COLLECTORS_ALL, &facts, NULL, &error))
                abort();
        for (size_t i = 0; i < facts.count; i++) {
                const struct policy_known_fact *known = policy_known_fact_find(facts.items[i].name);

                if (known == NULL || (facts.items[i].type != POLICY_FACT_UNREADABLE && facts.items[i].type != known->type))
                        abort();
        }
        return 0;
}
