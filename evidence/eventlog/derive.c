/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/derive.h"

static size_t bank_of(const struct derive *derive, uint32_t pcr)
{
        size_t bank = 0;

        while (derive->log->banks[bank] != derive->replay->algorithms[pcr])
                bank++;
        return bank;
}

const uint8_t *evidence_derive_digest(const struct derive *derive, const struct evidence_eventlog_event *event, size_t *ret_len)
{
        *ret_len = evidence_pcr_value_len(derive->replay->algorithms[event->pcr]);
        return event->digests[bank_of(derive, event->pcr)];
}

bool evidence_derive_covers(const struct derive *derive, const struct evidence_eventlog_event *event, struct base_bytes bytes,
                            bool *ret)
{
        uint8_t hash[EVIDENCE_PCR_VALUE_BYTES_MAX];
        const uint8_t *digest;
        size_t len;

        digest = evidence_derive_digest(derive, event, &len);
        if (!evidence_eventlog_hash(derive->replay->algorithms[event->pcr], &bytes, 1, hash, derive->error))
                return false;
        *ret = memcmp(hash, digest, len) == 0;
        return true;
}

enum derive_separator evidence_derive_separator_kind(const struct derive *derive, const struct evidence_eventlog_event *event)
{
        size_t bank = bank_of(derive, event->pcr);
        const uint8_t *digest;
        size_t len;

        digest = evidence_derive_digest(derive, event, &len);
        for (unsigned kind = DERIVE_SEPARATOR_ZEROS; kind < DERIVE_SEPARATOR_KINDS; kind++)
                if (memcmp(derive->separators[bank][kind], digest, len) == 0)
                        return kind;
        return DERIVE_SEPARATOR_NONE;
}

void evidence_derive_note(const struct derive *derive, enum evidence_boot_finding_kind kind,
                          const struct evidence_eventlog_event *event, uint32_t pcr)
{
        struct evidence_boot *boot = derive->boot;

        if (boot->finding_count == EVIDENCE_BOOT_FINDINGS_MAX) {
                boot->findings[EVIDENCE_BOOT_FINDINGS_MAX - 1] = (struct evidence_boot_finding){ .kind = EVIDENCE_BOOT_DROPPED,
                                                                                                 .pcr = pcr };
                return;
        }
        boot->findings[boot->finding_count++] = (struct evidence_boot_finding){
                .kind = kind,
                .has_event = event != NULL,
                .event = event != NULL ? event->number : 0,
                .offset = event != NULL ? event->offset : 0,
                .pcr = pcr,
        };
}

static bool hash_separators(struct derive *derive)
{
        static const uint8_t contents[DERIVE_SEPARATOR_KINDS][4] = {
                [DERIVE_SEPARATOR_ONES] = { 0xff, 0xff, 0xff, 0xff },
                [DERIVE_SEPARATOR_ERROR] = { 1, 0, 0, 0 },
        };

        for (size_t bank = 0; bank < derive->log->bank_count; bank++)
                for (unsigned kind = DERIVE_SEPARATOR_ZEROS; kind < DERIVE_SEPARATOR_KINDS; kind++) {
                        struct base_bytes content = BASE_BYTES_OF(contents[kind]);

                        if (!evidence_eventlog_hash(derive->log->banks[bank], &content, 1, derive->separators[bank][kind],
                                                    derive->error))
                                return false;
                }
        return true;
}

/* One event of a firmware PCR that counts: is it a separator, and one too many, or one that tells of a failure? */
static void take_separator(struct derive *derive, size_t at)
{
        const struct evidence_eventlog_event *event = &derive->log->events[at];
        enum derive_separator kind = evidence_derive_separator_kind(derive, event);
        uint32_t bit = 1u << event->pcr;

        if (kind == DERIVE_SEPARATOR_NONE) {
                if (event->type == EVIDENCE_EVENTLOG_SEPARATOR)
                        evidence_derive_note(derive, EVIDENCE_BOOT_DIGEST_MISMATCH, event, event->pcr);
                return;
        }
        if (event->type != EVIDENCE_EVENTLOG_SEPARATOR)
                evidence_derive_note(derive, EVIDENCE_BOOT_SEPARATOR_RETYPED, event, event->pcr);
        if (kind == DERIVE_SEPARATOR_ERROR)
                evidence_derive_note(derive, EVIDENCE_BOOT_SEPARATOR_ERROR, event, event->pcr);
        if (derive->separator_at[event->pcr] != DERIVE_NOWHERE) {
                evidence_derive_note(derive, EVIDENCE_BOOT_SEPARATOR_REPEATED, event, event->pcr);
                derive->boot->separators &= ~bit;
                return;
        }
        derive->separator_at[event->pcr] = at;
        if (kind != DERIVE_SEPARATOR_ERROR)
                derive->boot->separators |= bit;
}

static void take_separators(struct derive *derive)
{
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++)
                derive->separator_at[pcr] = DERIVE_NOWHERE;
        for (size_t i = 0; i < derive->log->event_count; i++) {
                const struct evidence_eventlog_event *event = &derive->log->events[i];

                if (evidence_eventlog_event_counts(derive->replay, event) && event->pcr <= DERIVE_PCR_FIRMWARE_LAST)
                        take_separator(derive, i);
        }
        for (unsigned pcr = 0; pcr <= DERIVE_PCR_FIRMWARE_LAST; pcr++)
                if (derive->replay->trusted & 1u << pcr && derive->separator_at[pcr] == DERIVE_NOWHERE)
                        evidence_derive_note(derive, EVIDENCE_BOOT_SEPARATOR_MISSING, NULL, pcr);
}

/* EV_NO_ACTION must have digests of zeros (PFP section 10.4.5): anything else is meant to pass for a measurement. */
static void check_no_actions(const struct derive *derive)
{
        for (size_t i = 0; i < derive->log->event_count; i++) {
                const struct evidence_eventlog_event *event = &derive->log->events[i];
                bool zeros = true;

                if (event->type != EVIDENCE_EVENTLOG_NO_ACTION)
                        continue;
                for (size_t bank = 0; bank < derive->log->bank_count; bank++)
                        for (size_t byte = 0;
                             event->digests[bank] != NULL && byte < evidence_pcr_value_len(derive->log->banks[bank]); byte++)
                                zeros = zeros && event->digests[bank][byte] == 0;
                if (!zeros)
                        evidence_derive_note(derive, EVIDENCE_BOOT_NO_ACTION_DIGEST, event, event->pcr);
        }
}

bool evidence_boot_new(const struct evidence_eventlog *log, const struct evidence_eventlog_replay *replay,
                       struct evidence_boot **ret, struct base_error *error)
{
        evidence_auto_boot struct evidence_boot *boot = calloc(1, sizeof(*boot));
        struct derive derive = { .log = log, .replay = replay, .boot = boot, .error = error };

        if (boot == NULL)
                return base_error_set_no_memory(error);
        boot->trusted = replay->trusted;
        if (replay->trusted & 1u << 0)
                boot->startup_locality = log->startup_locality;
        if (!hash_separators(&derive))
                return false;
        check_no_actions(&derive);
        take_separators(&derive);
        if (!evidence_derive_secure_boot(&derive) || !evidence_derive_applications(&derive) || !evidence_derive_loaders(&derive))
                return false;
        *ret = BASE_STEAL(boot);
        return true;
}

void evidence_boot_free(struct evidence_boot *boot)
{
        free(boot);
}
