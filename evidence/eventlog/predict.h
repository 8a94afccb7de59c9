/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCR values of a boot that has not happened yet: a log of one that has, with the digests of what will be different put in.
 * Used by attestctl. Nothing here knows whether the log is true; whoever signs what comes out should have compared it with a TPM.
 */
#pragma once

#include "evidence/eventlog/log.h"

#define EVIDENCE_PREDICTION_CHANGES_MAX  64 /* events with another digest */
#define EVIDENCE_PREDICTION_WARNINGS_MAX 16

/* An event that will have another digest. */
struct evidence_prediction_change {
        size_t event; /* its number */
        uint8_t digest[EVIDENCE_PCR_VALUE_BYTES_MAX];
};

enum evidence_prediction_warning_kind {
        EVIDENCE_PREDICTION_FORBIDDEN,        /* the new dbx has the image's digest: the firmware will not start it */
        EVIDENCE_PREDICTION_AUTHORITY_GONE,   /* the new db lacks the certificate that let an image run */
        EVIDENCE_PREDICTION_AUTHORITY_STAYS,  /* an image was replaced: it must be signed by the same certificate as before */
        EVIDENCE_PREDICTION_SHIM_SETTINGS,    /* an image was replaced: if it is shim, PCR 7's SbatLevel may differ */
        EVIDENCE_PREDICTION_GRUB_ENVIRONMENT, /* GRUB writes to this file, and PCR 9 has its digest */
        EVIDENCE_PREDICTION_WARNING_KIND_COUNT,
};

struct evidence_prediction_warning {
        enum evidence_prediction_warning_kind kind;
        uint32_t pcr;
        size_t event;
};

struct evidence_prediction {
        struct evidence_eventlog log; /* the original's events, with digests that point into `changes` */
        size_t bank;                  /* its index in the log */
        size_t change_count;
        struct evidence_prediction_change changes[EVIDENCE_PREDICTION_CHANGES_MAX];
        struct base_bytes db; /* new ones, or no data */
        struct base_bytes dbx;
};

/* Of one bank. `log` must outlive `ret`, which the caller frees. Errors: UNSUPPORTED (the log has no such bank), NO_MEMORY. */
bool evidence_prediction_new(const struct evidence_eventlog *log, uint16_t algorithm, struct evidence_prediction **ret,
                             struct base_error *error) BASE_MUST_CHECK;
void evidence_prediction_free(struct evidence_prediction *prediction);
BASE_DEFINE_CLEANUP(struct evidence_prediction, evidence_prediction_free)
#define evidence_auto_prediction BASE_CLEANUP(evidence_prediction_free_p)

/* Gives the event of this number another digest. Errors: LIMIT_EXCEEDED. */
bool evidence_prediction_set_digest(struct evidence_prediction *prediction, size_t event,
                                    const uint8_t digest[static EVIDENCE_PCR_VALUE_BYTES_MAX],
                                    struct base_error *error) BASE_MUST_CHECK;

/*
 * `file` takes the place of what was measured in the event(s) that `what` names: an event's number; a variable of PCR 7 (PK, KEK,
 * db, dbx); or the end of the path of an image (PCR 4, or 2 for a driver) or of a file that GRUB read (PCR 9), either slash, any
 * case. Several events are taken only if they have one digest. An image counts by its Authenticode digest, a variable as
 * EFI_SIGNATURE_LISTs with or without the four bytes that efivarfs puts before them. `file` must outlive the prediction; its
 * `name` is for errors. Errors: INVALID_ARGUMENT (no such event, or several: names them); UNSUPPORTED (an event of which nobody
 * can say what its digest would be); MALFORMED, LIMIT_EXCEEDED, CRYPTO.
 */
bool evidence_prediction_replace(struct evidence_prediction *prediction, const char *what, struct base_bytes file,
                                 const char *name, struct base_error *error) BASE_MUST_CHECK;

/*
 * Another kernel command line, as systemd-boot, systemd-stub (PCR 12) and the kernel's stub (PCR 9) measure it. Errors:
 * UNSUPPORTED (there is no such event; or GRUB measured it, with a configuration that a log cannot foretell), INVALID_ARGUMENT
 * (not ASCII, or too long), LIMIT_EXCEEDED, CRYPTO.
 */
bool evidence_prediction_command_line(struct evidence_prediction *prediction, const char *text,
                                      struct base_error *error) BASE_MUST_CHECK;

/* The values that the log comes to; as evidence_eventlog_compute(). */
bool evidence_prediction_compute(const struct evidence_prediction *prediction, struct evidence_pcr_bank *ret,
                                 struct base_error *error) BASE_MUST_CHECK;

/*
 * Bit n: a change makes PCR n come out otherwise, and nobody can tell how. That is PCR 8 if GRUB gets another configuration: it
 * measures each command.
 */
uint32_t evidence_prediction_unknown(const struct evidence_prediction *prediction);

/* What may keep the prediction from coming true, at most EVIDENCE_PREDICTION_WARNINGS_MAX; returns how many. */
size_t evidence_prediction_warnings(const struct evidence_prediction *prediction,
                                    struct evidence_prediction_warning ret[static EVIDENCE_PREDICTION_WARNINGS_MAX]);

/* A sentence without the event, for people; never NULL. */
const char *evidence_prediction_warning_text(enum evidence_prediction_warning_kind kind);

/* Why the PCR's value at the next boot cannot be told from any log; NULL: it can. */
const char *evidence_prediction_obstacle(unsigned pcr);
