/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replays an event log against PCR values, which says what of the log is to be believed: the events of those PCRs that come out
 * as quoted, and of those the digests. Event types and data are not in the PCRs; evidence/eventlog/boot.h authenticates data by
 * its digest. Used by attester-issuer and attestctl.
 */
#pragma once

#include "evidence/eventlog/log.h"

/* What systemd-pcrphase extends PCR 11 with after the firmware's log has ended (systemd-pcrphase.service(8)). */
enum evidence_eventlog_phase {
        EVIDENCE_EVENTLOG_PHASE_NONE,
        EVIDENCE_EVENTLOG_PHASE_ENTER_INITRD,
        EVIDENCE_EVENTLOG_PHASE_LEAVE_INITRD,
        EVIDENCE_EVENTLOG_PHASE_SYSINIT,
        EVIDENCE_EVENTLOG_PHASE_READY,
};

struct evidence_eventlog_bank {
        uint16_t algorithm;
        bool logged;       /* the log has digests of this algorithm */
        uint32_t matching; /* bit n: PCR n was quoted in this bank, and the log comes to the same value */
        uint32_t differing;
};

struct evidence_eventlog_replay {
        /* Bit n: PCR n comes out as quoted in the strongest quoted bank that has it, and in no quoted bank that is logged
         * otherwise. */
        uint32_t trusted;
        uint32_t differing;                      /* bit n: quoted, but not so */
        uint16_t algorithms[EVIDENCE_PCR_COUNT]; /* the strongest bank that matches, for trusted PCRs; else 0 */
        enum evidence_eventlog_phase phase;      /* how far past the log PCR 11 had gone */
        size_t bank_count;
        struct evidence_eventlog_bank banks[EVIDENCE_PCR_BANKS_MAX]; /* in quoted order */
};

/*
 * Compares the log with `quoted` values: those of a quote that was verified, or what a TPM was read to hold. PCRs that differ are
 * a result and no error. A bank that the log has no digests of (a SHA-1 log under a SHA-256 quote) matches nothing. Errors:
 * INVALID_ARGUMENT (no bank, an unknown one, one twice), CRYPTO.
 */
bool evidence_eventlog_replay(const struct evidence_eventlog *log, const struct evidence_pcrs *quoted,
                              struct evidence_eventlog_replay *ret, struct base_error *error) BASE_MUST_CHECK;

/* Whether the event was extended into a PCR that is trusted. EV_NO_ACTION never is. */
bool evidence_eventlog_event_counts(const struct evidence_eventlog_replay *replay, const struct evidence_eventlog_event *event);

/*
 * The PCR values that the log comes to in one bank; the mask has the PCRs with events that extend. A log compared with itself
 * says nothing about a machine: this is for showing a log.
 * Errors: UNSUPPORTED (the log has no such bank), MALFORMED (an event without a digest of that bank), CRYPTO.
 */
bool evidence_eventlog_compute(const struct evidence_eventlog *log, uint16_t algorithm, struct evidence_pcr_bank *ret,
                               struct base_error *error) BASE_MUST_CHECK;
