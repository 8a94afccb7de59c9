/* SPDX-License-Identifier: BSD-2-Clause */
/* virt.*: whether this is a machine of its own. */
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/fact.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define DMI                "/sys/class/dmi/id"
#define HYPERVISOR         "/sys/hypervisor/type"
#define CPUINFO            "/proc/cpuinfo"
#define CPUINFO_BYTES      8192 /* the first processor */
#define CONTAINER          "/run/systemd/container"
#define OSRELEASE          "/proc/sys/kernel/osrelease"
#define CONTAINER_NAME_MAX 32
#define CONTAINER_ALPHABET "abcdefghijklmnopqrstuvwxyz0123456789-"

/* What a maker writes into the tables of its virtual machines, with the names of systemd-detect-virt(1). */
static const struct {
        const char *prefix;
        const char *name;
        bool metal_too; /* the maker lets whole machines, too, which only the processor tells apart */
} makers[] = {
        { "KVM", "kvm" },
        { "OpenStack", "kvm" },
        { "KubeVirt", "kvm" },
        { "Amazon EC2", "amazon", true },
        { "QEMU", "qemu" },
        { "VMware", "vmware" },
        { "VMW", "vmware" },
        { "innotek GmbH", "oracle" },
        { "VirtualBox", "oracle" },
        { "Xen", "xen" },
        { "Bochs", "bochs" },
        { "Parallels", "parallels" },
        { "BHYVE", "bhyve" },
        { "Hyper-V", "microsoft" },
        { "Apple Virtualization", "apple" },
        { "Google Compute Engine", "google", true },
};

/* The files that makers write it into, the most telling first. */
static const char *const maker_files[] = {
        DMI "/product_name", DMI "/sys_vendor", DMI "/board_vendor", DMI "/bios_vendor", DMI "/product_version",
};

/* The name of the virtual machine; NULL if the tables name none. */
static const char *find_maker(const struct posture_sources *sources, const char **ret_source, bool *ret_metal_too)
{
        char line[POSTURE_LINE_BYTES_MAX + 1];

        if (posture_source_exists(sources, DMI) != 0)
                return NULL;
        for (size_t file = 0; file < BASE_COUNT(maker_files); file++) {
                if (posture_source_read_line(sources, maker_files[file], line) != 0)
                        continue;
                for (size_t i = 0; i < BASE_COUNT(makers); i++) {
                        if (strncmp(line, makers[i].prefix, strlen(makers[i].prefix)) != 0)
                                continue;
                        *ret_source = maker_files[file];
                        *ret_metal_too = makers[i].metal_too;
                        return makers[i].name;
                }
        }
        return NULL;
}

/* Looks for the flag in the line of the first processor; -1 if there is no such line, as on other processors than x86. */
static int find_flag(const char *cpuinfo)
{
        const char *flags = strstr(cpuinfo, "\nflags\t");
        const char *end = flags == NULL ? NULL : strchr(flags + 1, '\n');
        const char *at;

        if (end == NULL)
                return -1;
        at = memmem(flags, (size_t) (end - flags), " hypervisor", strlen(" hypervisor"));
        return at != NULL && isspace((unsigned char) at[strlen(" hypervisor")]);
}

static bool set_vm(const struct posture_sources *sources, struct policy_facts *to, struct base_error *error)
{
        char cpuinfo[CPUINFO_BYTES];
        char line[POSTURE_LINE_BYTES_MAX + 1];
        const char *source = NULL;
        bool metal_too = false;
        const char *name = find_maker(sources, &source, &metal_too);
        int error_number;
        int flag;

        if (name != NULL && !metal_too)
                return posture_set_text(to, "virt.vm", POLICY_FACT_STRING, name, source, error);
        if (posture_source_read_line(sources, HYPERVISOR, line) == 0 && strcmp(line, "xen") == 0)
                return posture_set_text(to, "virt.vm", POLICY_FACT_STRING, line, HYPERVISOR, error);
        error_number = posture_source_read_start(sources, CPUINFO, cpuinfo, sizeof(cpuinfo));
        if (error_number != 0)
                return posture_set_errno(to, "virt.vm", error_number, CPUINFO, error);
        flag = find_flag(cpuinfo);
        if (flag < 0)
                return posture_set_unreadable(to, "virt.vm", "neither firmware nor processor say", CPUINFO, error);
        if (flag == 0)
                name = "none";
        return posture_set_text(to, "virt.vm", POLICY_FACT_STRING, name != NULL ? name : "vm-other", CPUINFO, error);
}

static bool set_container(const struct posture_sources *sources, struct policy_facts *to, struct base_error *error)
{
        static const struct {
                const char *path;
                const char *name;
        } marks[] = {
                { "/run/.containerenv", "podman" },
                { "/.dockerenv", "docker" },
                { "/proc/vz", "openvz" },
        };
        char line[POSTURE_LINE_BYTES_MAX + 1];
        int error_number = posture_source_read_line(sources, CONTAINER, line);

        /* Whoever starts the container chooses the word; only a plain one is passed on. */
        if (error_number == 0 && strlen(line) <= CONTAINER_NAME_MAX && *line != '\0')
                return posture_set_text(to, "virt.container", POLICY_FACT_STRING,
                                        line[strspn(line, CONTAINER_ALPHABET)] == '\0' ? line : "other", CONTAINER, error);
        if (error_number != ENOENT)
                return error_number == 0 ? posture_set_text(to, "virt.container", POLICY_FACT_STRING, "other", CONTAINER, error)
                                         : posture_set_errno(to, "virt.container", error_number, CONTAINER, error);
        for (size_t i = 0; i < BASE_COUNT(marks); i++)
                if (posture_source_exists(sources, marks[i].path) == 0 &&
                    (strcmp(marks[i].name, "openvz") != 0 || posture_source_exists(sources, "/proc/bc") != 0))
                        return posture_set_text(to, "virt.container", POLICY_FACT_STRING, marks[i].name, marks[i].path, error);
        error_number = posture_source_read_line(sources, OSRELEASE, line);
        if (error_number != 0)
                return posture_set_errno(to, "virt.container", error_number, OSRELEASE, error);
        return posture_set_text(to, "virt.container", POLICY_FACT_STRING,
                                strcasestr(line, "microsoft") != NULL || strstr(line, "WSL") != NULL ? "wsl" : "none", CONTAINER,
                                error);
}

bool posture_collect_virt(const struct posture_sources *sources, struct policy_facts *to, struct policy_diagnostics *diagnostics,
                          struct base_error *error)
{
        return set_vm(sources, to, error) && set_container(sources, to, error);
}
