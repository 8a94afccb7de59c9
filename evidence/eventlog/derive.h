/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files that derive the boot state share: the walk over one log, with the questions that each of them asks of an event.
 * Included by evidence/eventlog/ only.
 */
#pragma once

#include "evidence/eventlog/boot.h"
#include "evidence/eventlog/internal.h"

#define DERIVE_PCR_FIRMWARE_LAST 7
#define DERIVE_NOWHERE           SIZE_MAX

enum derive_separator {
        DERIVE_SEPARATOR_NONE,
        DERIVE_SEPARATOR_ZEROS, /* 00000000 */
        DERIVE_SEPARATOR_ONES,  /* ffffffff */
        DERIVE_SEPARATOR_ERROR, /* 00000001 */
        DERIVE_SEPARATOR_KINDS,
};

struct derive {
        const struct evidence_eventlog *log;
        const struct evidence_eventlog_replay *replay;
        struct evidence_boot *boot;
        struct base_error *error;
        uint8_t separators[EVIDENCE_PCR_BANKS_MAX][DERIVE_SEPARATOR_KINDS][EVIDENCE_PCR_VALUE_BYTES_MAX]; /* digests */
        size_t separator_at[EVIDENCE_PCR_COUNT]; /* index of the first event, or DERIVE_NOWHERE */
};

/* The event's digest in the bank that decides for its PCR; the event counts. */
const uint8_t *evidence_derive_digest(const struct derive *derive, const struct evidence_eventlog_event *event, size_t *ret_len);

/* Whether that digest is the hash of these bytes. False with `error` set: CRYPTO. */
bool evidence_derive_covers(const struct derive *derive, const struct evidence_eventlog_event *event, struct base_bytes bytes,
                            bool *ret) BASE_MUST_CHECK;

/* Whether the event is, by its digest, a separator. */
enum derive_separator evidence_derive_separator_kind(const struct derive *derive, const struct evidence_eventlog_event *event);

/* Notes something odd; `event` may be NULL. */
void evidence_derive_note(const struct derive *derive, enum evidence_boot_finding_kind kind,
                          const struct evidence_eventlog_event *event, uint32_t pcr);

/* The parts. Each returns false only with `error` set. */
bool evidence_derive_secure_boot(const struct derive *derive) BASE_MUST_CHECK;
bool evidence_derive_applications(const struct derive *derive) BASE_MUST_CHECK;
bool evidence_derive_loaders(const struct derive *derive) BASE_MUST_CHECK;
