/* SPDX-License-Identifier: BSD-2-Clause */
/* ima.*: what the kernel's integrity measurement says of itself. The kernel gives most of it to root only. */
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/fact.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SECURITY   "/sys/kernel/security"
#define LSM        SECURITY "/lsm"
#define IMA        SECURITY "/ima"
#define COUNT      IMA "/runtime_measurements_count"
#define VIOLATIONS IMA "/violations"

/* Reads a file that holds one number. Returns 0 or an errno(3); EILSEQ if it holds anything else. */
static int read_number(const struct posture_sources *sources, const char *path, int64_t *ret)
{
        char line[POSTURE_LINE_BYTES_MAX + 1];
        int error_number = posture_source_read_line(sources, path, line);
        intmax_t number;

        if (error_number != 0)
                return error_number;
        errno = 0;
        number = strtoimax(line, NULL, 10);
        if (*line == '\0' || line[strspn(line, "0123456789")] != '\0' || errno != 0)
                return EILSEQ;
        *ret = number;
        return 0;
}

bool posture_collect_ima(const struct posture_sources *sources, struct policy_facts *to, struct policy_diagnostics *diagnostics,
                         struct base_error *error)
{
        int64_t number;
        int error_number;

        /* Absence says something only where securityfs is mounted, which has the list of modules. */
        if (posture_source_exists(sources, IMA) == ENOENT && posture_source_exists(sources, LSM) == 0)
                return posture_set_boolean(to, "ima.active", false, IMA, error) &&
                       posture_set_unreadable(to, "ima.violations", "the kernel has no IMA", IMA, error);
        error_number = read_number(sources, COUNT, &number);
        /* The first measurement is of the boot itself and is always there. */
        if (!(error_number == 0 ? posture_set_boolean(to, "ima.active", number > 1, COUNT, error)
                                : posture_set_errno(to, "ima.active", error_number, COUNT, error)))
                return false;
        error_number = read_number(sources, VIOLATIONS, &number);
        return error_number == 0 ? posture_set_integer(to, "ima.violations", number, VIOLATIONS, error)
                                 : posture_set_errno(to, "ima.violations", error_number, VIOLATIONS, error);
}
