/* SPDX-License-Identifier: BSD-2-Clause */
/* firmware.*: the system firmware as SMBIOS describes it. The table's serial numbers and UUID are not read. */
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/fact.h"

#include <errno.h>
#include <string.h>

#define DMI     "/sys/class/dmi/id"
#define VENDOR  DMI "/bios_vendor"
#define VERSION DMI "/bios_version"
#define DATE    DMI "/bios_date"

static bool set_line(const struct posture_sources *sources, struct policy_facts *to, const char *name, const char *path,
                     struct base_error *error)
{
        char line[POSTURE_LINE_BYTES_MAX + 1];
        int error_number = posture_source_read_line(sources, path, line);

        if (error_number != 0)
                return posture_set_errno(to, name, error_number, path, error);
        if (*line == '\0')
                return posture_set_unreadable(to, name, "the firmware leaves it empty", path, error);
        return posture_set_text(to, name, POLICY_FACT_STRING, line, path, error);
}

/* "03/21/2024" to "2024-03-21". Source: SMBIOS 3.7, section 7.1 (BIOS Release Date), where two digits of a year are old. */
static bool convert_date(const char *line, char ret[11])
{
        const char *form = "dd/dd/dddd";

        if (strlen(line) != strlen(form))
                return false;
        for (size_t i = 0; form[i] != '\0'; i++)
                if (form[i] == 'd' ? line[i] < '0' || line[i] > '9' : line[i] != form[i])
                        return false;
        (void) snprintf(ret, 11, "%.4s-%.2s-%.2s", line + 6, line, line + 3);
        return true;
}

static bool set_date(const struct posture_sources *sources, struct policy_facts *to, struct base_error *error)
{
        char line[POSTURE_LINE_BYTES_MAX + 1];
        int error_number = posture_source_read_line(sources, DATE, line);
        char date[11];

        if (error_number != 0)
                return posture_set_errno(to, "firmware.date", error_number, DATE, error);
        if (!convert_date(line, date))
                return posture_set_unreadable(to, "firmware.date", DATE " is not a date like 03/21/2024", DATE, error);
        return posture_set_text(to, "firmware.date", POLICY_FACT_VERSION, date, DATE, error);
}

bool posture_collect_firmware(const struct posture_sources *sources, struct policy_facts *to,
                              struct policy_diagnostics *diagnostics, struct base_error *error)
{
        return set_line(sources, to, "firmware.vendor", VENDOR, error) &&
               set_line(sources, to, "firmware.version", VERSION, error) && set_date(sources, to, error);
}
