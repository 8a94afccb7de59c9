/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/efi.h"
#include "evidence/eventlog/internal.h"
#include "evidence/eventlog/log.h"

/* Loaders write ASCII or UTF-16; the latter has a zero as its second byte, for all that is written in practice. */
static bool looks_like_utf16(struct base_bytes data)
{
        return data.len >= 2 && data.data[0] != 0 && data.data[1] == 0;
}

static bool describe_text(struct base_bytes data, char ret[static EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1])
{
        const size_t size = EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1;

        if (data.len > EVIDENCE_EVENTLOG_DESCRIPTION_MAX)
                data.len = EVIDENCE_EVENTLOG_DESCRIPTION_MAX;
        if (looks_like_utf16(data))
                return evidence_eventlog_utf8(BASE_BYTES(data.data, data.len & ~(size_t) 1), ret, size);
        return evidence_eventlog_text(data, ret, size);
}

static bool describe_variable(struct base_bytes data, char ret[static EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1])
{
        struct evidence_efi_variable variable;

        if (!evidence_efi_variable_parse(data, &variable))
                return false;
        (void) snprintf(ret, EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1, "%s (%zu bytes)", variable.name, variable.content.len);
        return true;
}

static bool describe(const struct evidence_eventlog_event *event, char ret[static EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1])
{
        switch (event->type) {
        case EVIDENCE_EVENTLOG_EFI_VARIABLE_DRIVER_CONFIG:
        case EVIDENCE_EVENTLOG_EFI_VARIABLE_BOOT:
        case EVIDENCE_EVENTLOG_EFI_VARIABLE_BOOT2:
        case EVIDENCE_EVENTLOG_EFI_VARIABLE_AUTHORITY:
                return describe_variable(event->data, ret);
        case EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION:
        case EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_DRIVER:
        case EVIDENCE_EVENTLOG_EFI_RUNTIME_SERVICES_DRIVER:
                return evidence_efi_image_load_path(event->data, ret);
        case EVIDENCE_EVENTLOG_ACTION:
        case EVIDENCE_EVENTLOG_EFI_ACTION:
        case EVIDENCE_EVENTLOG_IPL:
        case EVIDENCE_EVENTLOG_S_CRTM_VERSION:
                return describe_text(event->data, ret);
        default:
                return false;
        }
}

void evidence_eventlog_describe(const struct evidence_eventlog_event *event,
                                char ret[static EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1])
{
        if (!describe(event, ret))
                ret[0] = '\0';
}
