/* SPDX-License-Identifier: BSD-2-Clause */
/* PCRs 2, 4 and 5: what the firmware ran, and that it handed over. */
#include "evidence/eventlog/derive.h"
#include "evidence/eventlog/efi.h"

#define PCR_DRIVERS      2
#define PCR_APPLICATIONS 4
#define PCR_HANDOVER     5

#define CALLING     "Calling EFI Application from Boot Option"
#define RETURNING   "Returning from EFI Application from Boot Option"
#define EXIT_CALLED "Exit Boot Services Invocation"
#define EXIT_DONE   "Exit Boot Services Returned with Success"

/* Whether the event is, by its digest, the EFI action `text`. Its type and data are anybody's. */
static bool is_action(const struct derive *derive, const struct evidence_eventlog_event *event, const char *text, bool *ret)
{
        return evidence_derive_covers(derive, event, base_bytes_from_string(text), ret);
}

static bool is_image(const struct evidence_eventlog_event *event)
{
        return event->type == EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION ||
               event->type == EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_DRIVER ||
               event->type == EVIDENCE_EVENTLOG_EFI_RUNTIME_SERVICES_DRIVER;
}

static void application_add(const struct derive *derive, const struct evidence_eventlog_event *event)
{
        struct evidence_boot *boot = derive->boot;
        struct evidence_boot_application *application;
        const uint8_t *digest;

        if (boot->application_count == EVIDENCE_BOOT_APPLICATIONS_MAX) {
                evidence_derive_note(derive, EVIDENCE_BOOT_DROPPED, event, event->pcr);
                boot->applications_complete = boot->applications_complete && event->pcr != PCR_APPLICATIONS;
                return;
        }
        application = &boot->applications[boot->application_count++];
        application->event = event->number;
        application->pcr = event->pcr;
        application->driver = event->pcr == PCR_DRIVERS;
        digest = evidence_derive_digest(derive, event, &application->digest_len);
        memcpy(application->digest, digest, application->digest_len);
        if (is_image(event) && !evidence_efi_image_load_path(event->data, application->path))
                evidence_derive_note(derive, EVIDENCE_BOOT_APPLICATION_MALFORMED, event, event->pcr);
}

/* Of PCR 4 what is neither separator nor one of two actions is taken for an application, so that none hides behind a type. */
static bool take_application(const struct derive *derive, const struct evidence_eventlog_event *event, bool *calling)
{
        bool is_calling, is_returning;

        if (!is_action(derive, event, CALLING, &is_calling) || !is_action(derive, event, RETURNING, &is_returning))
                return false;
        *calling = *calling || is_calling;
        if (is_calling || is_returning || evidence_derive_separator_kind(derive, event) != DERIVE_SEPARATOR_NONE)
                return true;
        if (!is_image(event))
                evidence_derive_note(derive, EVIDENCE_BOOT_UNEXPECTED_EVENT, event, event->pcr);
        else if (!*calling)
                evidence_derive_note(derive, EVIDENCE_BOOT_APPLICATION_EARLY, event, event->pcr);
        application_add(derive, event);
        return true;
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

        derive->boot->applications_complete = derive->replay->trusted & 1u << PCR_APPLICATIONS;
        for (size_t i = 0; i < derive->log->event_count; i++) {
                const struct evidence_eventlog_event *event = &derive->log->events[i];

                if (!evidence_eventlog_event_counts(derive->replay, event))
                        continue;
                if (event->pcr == PCR_HANDOVER && !take_handover(derive, event, &exit_called))
                        return false;
                if (event->pcr == PCR_APPLICATIONS && !take_application(derive, event, &calling))
                        return false;
                if (event->pcr == PCR_DRIVERS && is_image(event) &&
                    evidence_derive_separator_kind(derive, event) == DERIVE_SEPARATOR_NONE)
                        application_add(derive, event);
        }
        if (!exit_called && derive->replay->trusted & 1u << PCR_HANDOVER)
                evidence_derive_note(derive, EVIDENCE_BOOT_EXIT_MISSING, NULL, PCR_HANDOVER);
        return true;
}
