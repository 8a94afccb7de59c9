/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole event log: parsed, replayed against its own PCR values, and taken to a boot state, each event described. */
#include "evidence/eventlog/boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        evidence_auto_eventlog struct evidence_eventlog log = EVIDENCE_EVENTLOG_INIT;
        evidence_auto_boot struct evidence_boot *boot = NULL;
        struct evidence_pcrs pcrs = { .bank_count = 1 };
        struct evidence_eventlog_replay replay;
        struct base_error error = BASE_ERROR_INIT;
        char text[EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1];

        if (!evidence_eventlog_parse(BASE_BYTES(data, size), &log, &error))
                return 0;
        for (size_t i = 0; i < log.event_count; i++)
                evidence_eventlog_describe(&log.events[i], text);
        if (!evidence_eventlog_compute(&log, log.banks[evidence_eventlog_strongest_bank(&log)], &pcrs.banks[0], &error))
                return 0;
        if (pcrs.banks[0].mask == 0)
                pcrs.banks[0].mask = 1;
        if (!evidence_eventlog_replay(&log, &pcrs, &replay, &error) || !evidence_boot_new(&log, &replay, &boot, &error))
                abort();
        /* A log always comes to its own values. */
        if (replay.differing != 0 || replay.trusted != pcrs.banks[0].mask)
                abort();
        return 0;
}
