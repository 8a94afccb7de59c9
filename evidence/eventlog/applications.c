/* SPDX-License-Identifier: BSD-2-Clause */
/* PCRs 2, 4 and 5: what the firmware ran, and that it handed over. */
#include "evidence/eventlog/derive.h"
#include "evidence/eventlog/efi.h"

#define PCR_DRIVERS      2
#define PCR_APPLICATIONS 4
#define PCR_HANDOVER     5

#define CALLING     "Calling EFI Application from Boot Option"
#define EXIT_CALLED "Exit Boot Services Invocation"
#define EXIT_DONE   "Exit Boot Services Returned with Success"

/* Whether the event is the EFI action `text`, and measured as such. */
static bool is_action(const struct derive *derive, const struct evidence_eventlog_event *event, const char *text, bool *ret)
{
        *ret = false;
        if (event->type != EVIDENCE_EVENTLOG_EFI_ACTION || !bytes_are_string(event->data, text, false))
                return true;
        return evidence_derive_covers(derive, event, event->data, ret);
}

static void application_add(const struct derive *derive, const struct evidence_eventlog_event *event)
{
        struct evidence_boot *boot = derive->boot;
        struct evidence_boot_application *application;
        const uint8_t *digest;

        if (boot->application_count == EVIDENCE_BOOT_APPLICATIONS_MAX) {
                evidence_derive_note(derive, EVIDENCE_BOOT_DROPPED, event, event->pcr);
                return;
        }
        application = &boot->applications[boot->application_count++];
        application->event = event->number;
        application->pcr = event->pcr;
        application->driver = event->type != EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION;
        digest = evidence_derive_digest(derive, event, &application->digest_len);
        memcpy(application->digest, digest, application->digest_len);
        if (!evidence_efi_image_load_path(event->data, application->path))
                evidence_derive_note(derive, EVIDENCE_BOOT_APPLICATION_MALFORMED, event, event->pcr);
}

static bool is_image(const struct evidence_eventlog_event *event)
{
        return event->type == EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION ||
               event->type == EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_DRIVER ||
               event->type == EVIDENCE_EVENTLOG_EFI_RUNTIME_SERVICES_DRIVER;
}

static bool take_handover(const struct derive *derive, const struct evidence_eventlog_event *event, bool *called)
{
        bool is_called, is_done;

        if (!is_action(derive, event, EXIT_CALLED, &is_called) || !is_action(derive, event, EXIT_DONE, &is_done))
                return false;
        *called = *called || is_called;
        derive->boot->exit_boot_services = derive->boot->exit_boot_services || (*called && is_done);
        return true;
}

bool evidence_derive_applications(const struct derive *derive)
{
        bool calling = false, exit_called = false;

        for (size_t i = 0; i < derive->log->event_count; i++) {
                const struct evidence_eventlog_event *event = &derive->log->events[i];
                bool is_calling;

                if (!evidence_eventlog_event_counts(derive->replay, event))
                        continue;
                if (event->pcr == PCR_HANDOVER && !take_handover(derive, event, &exit_called))
                        return false;
                if (event->pcr != PCR_APPLICATIONS && event->pcr != PCR_DRIVERS)
                        continue;
                if (!is_action(derive, event, CALLING, &is_calling))
                        return false;
                calling = calling || (is_calling && event->pcr == PCR_APPLICATIONS);
                if (!is_image(event))
                        continue;
                if (!calling && event->pcr == PCR_APPLICATIONS)
                        evidence_derive_note(derive, EVIDENCE_BOOT_APPLICATION_EARLY, event, event->pcr);
                application_add(derive, event);
        }
        if (!exit_called && derive->replay->trusted & 1u << PCR_HANDOVER)
                evidence_derive_note(derive, EVIDENCE_BOOT_EXIT_MISSING, NULL, PCR_HANDOVER);
        return true;
}
