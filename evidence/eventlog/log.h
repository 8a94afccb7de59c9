/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's event log (TCG PC Client Platform Firmware Profile, "PFP", section 10), as the kernel hands it out in
 * binary_bios_measurements: crypto-agile or SHA-1 only. This header is the log as it stands; nothing in it is to be believed
 * until evidence/eventlog/replay.h has compared it with PCR values. Used by attester-issuer and attestctl.
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "evidence/pcrs.h"

#define EVIDENCE_EVENTLOG_BYTES_MAX       (1024 * 1024)
#define EVIDENCE_EVENTLOG_EVENTS_MAX      8192
#define EVIDENCE_EVENTLOG_EVENT_BYTES_MAX (256 * 1024) /* of one event's data; a dbx is the largest in practice */
#define EVIDENCE_EVENTLOG_ALGORITHMS_MAX  8            /* that a log's header may name, known to us or not */

/* Event types, PFP section 10.4.1. */
enum evidence_eventlog_type {
        EVIDENCE_EVENTLOG_POST_CODE = 0x1,
        EVIDENCE_EVENTLOG_NO_ACTION = 0x3,
        EVIDENCE_EVENTLOG_SEPARATOR = 0x4,
        EVIDENCE_EVENTLOG_ACTION = 0x5,
        EVIDENCE_EVENTLOG_EVENT_TAG = 0x6,
        EVIDENCE_EVENTLOG_S_CRTM_CONTENTS = 0x7,
        EVIDENCE_EVENTLOG_S_CRTM_VERSION = 0x8,
        EVIDENCE_EVENTLOG_IPL = 0xd,
};
/* The EFI types do not fit an enum, whose constants are int. */
#define EVIDENCE_EVENTLOG_EFI_VARIABLE_DRIVER_CONFIG    0x80000001u
#define EVIDENCE_EVENTLOG_EFI_VARIABLE_BOOT             0x80000002u
#define EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_APPLICATION 0x80000003u
#define EVIDENCE_EVENTLOG_EFI_BOOT_SERVICES_DRIVER      0x80000004u
#define EVIDENCE_EVENTLOG_EFI_RUNTIME_SERVICES_DRIVER   0x80000005u
#define EVIDENCE_EVENTLOG_EFI_ACTION                    0x80000007u
#define EVIDENCE_EVENTLOG_EFI_VARIABLE_BOOT2            0x8000000cu
#define EVIDENCE_EVENTLOG_EFI_VARIABLE_AUTHORITY        0x800000e0u

struct evidence_eventlog_event {
        uint32_t number; /* counted from 0, the header of a crypto-agile log included */
        size_t offset;   /* of its first byte in the log */
        uint32_t pcr;    /* below EVIDENCE_PCR_COUNT, except in EV_NO_ACTION */
        uint32_t type;
        const uint8_t *digests[EVIDENCE_PCR_BANKS_MAX]; /* one for each of the log's banks; NULL: this event has none */
        struct base_bytes data;
};

struct evidence_eventlog {
        bool crypto_agile;
        size_t bank_count; /* of algorithms that we know; digests of others are skipped */
        uint16_t banks[EVIDENCE_PCR_BANKS_MAX];
        struct evidence_eventlog_event *events; /* owned */
        size_t event_count;
        uint8_t startup_locality; /* what PCR 0 starts as, in its last byte; 0 without a StartupLocality event */
};

#define EVIDENCE_EVENTLOG_INIT                                                                                                   \
        {                                                                                                                        \
                .event_count = 0                                                                                                 \
        }

void evidence_eventlog_clear(struct evidence_eventlog *log);
#define evidence_auto_eventlog BASE_CLEANUP(evidence_eventlog_clear)

/*
 * Reads a whole log. Events point into `bytes`, which must outlive `ret`; the caller clears `ret`.
 * Errors: MALFORMED (cut off, bytes after the last event, an algorithm that the header does not name, a digest twice, a PCR that
 * does not exist, a wrong header or StartupLocality), LIMIT_EXCEEDED, UNSUPPORTED (no bank that we know), NO_MEMORY. Each but the
 * last names event number and byte offset.
 */
bool evidence_eventlog_parse(struct base_bytes bytes, struct evidence_eventlog *ret, struct base_error *error) BASE_MUST_CHECK;

/* The index in `banks` of the one with the longest digests. */
size_t evidence_eventlog_strongest_bank(const struct evidence_eventlog *log);

#define EVIDENCE_EVENTLOG_DESCRIPTION_MAX 512

/*
 * What the event's data says, for people to read: a variable's name, a device path, a text; "" for what has no text. No digest is
 * looked at, so this is what somebody wrote and no more.
 */
void evidence_eventlog_describe(const struct evidence_eventlog_event *event,
                                char ret[static EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1]);

/* "EV_SEPARATOR"; NULL for a type that is not in the PFP. */
const char *evidence_eventlog_type_name(uint32_t type);
