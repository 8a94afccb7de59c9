/* SPDX-License-Identifier: BSD-2-Clause */
/* What may keep a prediction from coming true. */
#include "evidence/eventlog/efi.h"
#include "evidence/eventlog/internal.h"
#include "evidence/eventlog/predict.h"
#include "evidence/tpm_numbers.h"

#define PCR_APPLICATIONS 4
#define PCR_SECURE_BOOT  7
#define PCR_GRUB         8
#define PCR_FILES        9

static const char *const texts[EVIDENCE_PREDICTION_WARNING_KIND_COUNT] = {
        [EVIDENCE_PREDICTION_FORBIDDEN] = "the new dbx forbids this image: the firmware will not start it",
        [EVIDENCE_PREDICTION_AUTHORITY_GONE] = "the new db lacks this certificate, which let an image run: the firmware will not "
                                               "start that image",
        [EVIDENCE_PREDICTION_AUTHORITY_STAYS] = "the new image must be signed by the certificate that let the old one run, else "
                                                "PCR 7 comes out otherwise",
        [EVIDENCE_PREDICTION_SHIM_SETTINGS] = "shim measures its revocation level here: a new shim may bring a new one, and then "
                                              "PCR 7 comes out otherwise",
        [EVIDENCE_PREDICTION_GRUB_ENVIRONMENT] = "GRUB itself writes to this file from boot to boot: if it does, PCR 9 comes out "
                                                 "otherwise",
};

const char *evidence_prediction_warning_text(enum evidence_prediction_warning_kind kind)
{
        return texts[kind];
}

const char *evidence_prediction_obstacle(unsigned pcr)
{
        switch (pcr) {
        case 10:
                return "the kernel's IMA extends it whenever a file is measured";
        case 15:
                return "the running system extends it with what is the machine's own";
        case 16:
        case 23:
                return "any program may extend and reset it";
        case 17:
        case 18:
        case 19:
        case 20:
        case 21:
        case 22:
                return "a dynamic launch sets it, and the firmware's log has none of that";
        default:
                return NULL;
        }
}

struct walk {
        const struct evidence_prediction *prediction;
        struct evidence_prediction_warning *ret;
        size_t count;
        bool image_replaced;
};

static void warn(struct walk *walk, enum evidence_prediction_warning_kind kind, uint32_t pcr, size_t event)
{
        if (walk->count < EVIDENCE_PREDICTION_WARNINGS_MAX)
                walk->ret[walk->count++] = (struct evidence_prediction_warning){ .kind = kind, .pcr = pcr, .event = event };
}

static bool contains(struct base_bytes list, struct base_bytes item)
{
        return item.len > 0 && list.len > 0 && memmem(list.data, list.len, item.data, item.len) != NULL;
}

/* dbx has SHA-256 digests only, so a prediction in another bank cannot compare a new image's. */
static bool is_forbidden(const struct evidence_prediction *prediction, const struct evidence_eventlog_event *event)
{
        for (size_t bank = 0; bank < prediction->log.bank_count; bank++)
                if (prediction->log.banks[bank] == EVIDENCE_TPM_ALG_SHA256 && event->digests[bank] != NULL)
                        return contains(prediction->dbx, BASE_BYTES(event->digests[bank], 32));
        return false;
}

static void look_at_authority(struct walk *walk, const struct evidence_eventlog_event *event, size_t at)
{
        struct evidence_efi_variable variable;

        if (!evidence_efi_variable_parse(event->data, &variable))
                return;
        if (strcmp(variable.name, "db") == 0) {
                if (walk->prediction->db.len > 0 && !contains(walk->prediction->db, variable.content))
                        warn(walk, EVIDENCE_PREDICTION_AUTHORITY_GONE, event->pcr, at);
                if (walk->image_replaced)
                        warn(walk, EVIDENCE_PREDICTION_AUTHORITY_STAYS, event->pcr, at);
        }
        if (walk->image_replaced && strcmp(variable.name, "SbatLevel") == 0)
                warn(walk, EVIDENCE_PREDICTION_SHIM_SETTINGS, event->pcr, at);
}

static bool path_ends_with(const struct evidence_eventlog_event *event, const char *end)
{
        char text[EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1];
        size_t len;

        evidence_eventlog_describe(event, text);
        len = strlen(text);
        return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

uint32_t evidence_prediction_unknown(const struct evidence_prediction *prediction)
{
        for (size_t i = 0; i < prediction->change_count; i++) {
                const struct evidence_eventlog_event *event = &prediction->log.events[prediction->changes[i].event];

                if (event->pcr == PCR_FILES && path_ends_with(event, ".cfg"))
                        return 1u << PCR_GRUB;
        }
        return 0;
}

static bool is_image_replaced(const struct evidence_prediction *prediction)
{
        for (size_t i = 0; i < prediction->change_count; i++)
                if (prediction->log.events[prediction->changes[i].event].pcr == PCR_APPLICATIONS)
                        return true;
        return false;
}

size_t evidence_prediction_warnings(const struct evidence_prediction *prediction,
                                    struct evidence_prediction_warning ret[static EVIDENCE_PREDICTION_WARNINGS_MAX])
{
        struct walk walk = { .prediction = prediction, .ret = ret, .image_replaced = is_image_replaced(prediction) };

        for (size_t i = 0; i < prediction->log.event_count; i++) {
                const struct evidence_eventlog_event *event = &prediction->log.events[i];

                if (event->type == EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION && event->pcr == PCR_APPLICATIONS &&
                    is_forbidden(prediction, event))
                        warn(&walk, EVIDENCE_PREDICTION_FORBIDDEN, event->pcr, i);
                if (event->type == EVIDENCE_EVENTLOG_EFI_VARIABLE_AUTHORITY && event->pcr == PCR_SECURE_BOOT)
                        look_at_authority(&walk, event, i);
                if (event->type == EVIDENCE_EVENTLOG_IPL && event->pcr == PCR_FILES && path_ends_with(event, "/grubenv"))
                        warn(&walk, EVIDENCE_PREDICTION_GRUB_ENVIRONMENT, event->pcr, i);
        }
        return walk.count;
}
