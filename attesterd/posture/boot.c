/* SPDX-License-Identifier: BSD-2-Clause */
/* boot.*: what the firmware says of Secure Boot. The verifier derives boot.secure_boot from the event log instead. */
#include "attesterd/posture/collectors.h"
#include "attesterd/posture/efi_variable.h"
#include "attesterd/posture/fact.h"

#include <errno.h>

#define EFI         "/sys/firmware/efi"
#define EFI_GLOBAL  "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define SECURE_BOOT EFI "/efivars/SecureBoot" EFI_GLOBAL
#define SETUP_MODE  EFI "/efivars/SetupMode" EFI_GLOBAL

static bool set_variable(const struct posture_sources *sources, struct policy_facts *to, const char *name, const char *path,
                         struct base_error *error)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(POSTURE_EFI_VARIABLE_BYTES_MAX);
        int error_number;
        const char *problem;
        bool value;

        error_number = posture_source_read(sources, path, &content);
        if (error_number != 0)
                return posture_set_errno(to, name, error_number, path, error);
        problem = posture_efi_variable_parse(base_buffer_bytes(&content), &value);
        if (problem != NULL)
                return posture_set_unreadable(to, name, problem, path, error);
        return posture_set_boolean(to, name, value, path, error);
}

bool posture_collect_boot(const struct posture_sources *sources, struct policy_facts *to, struct policy_diagnostics *diagnostics,
                          struct base_error *error)
{
        if (posture_source_exists(sources, EFI) == ENOENT)
                return posture_set_unreadable(to, "boot.secure_boot", "not booted with UEFI", EFI, error) &&
                       posture_set_unreadable(to, "boot.setup_mode", "not booted with UEFI", EFI, error);
        return set_variable(sources, to, "boot.secure_boot", SECURE_BOOT, error) &&
               set_variable(sources, to, "boot.setup_mode", SETUP_MODE, error);
}
