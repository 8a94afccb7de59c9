/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/replay.h"

#include "evidence/eventlog/internal.h"

#define PCR_KERNEL_BOOT 11
#define PCR_DRTM_FIRST  17
#define PCR_DRTM_LAST   22

static const char *const phases[] = {
        [EVIDENCE_EVENTLOG_PHASE_ENTER_INITRD] = "enter-initrd",
        [EVIDENCE_EVENTLOG_PHASE_LEAVE_INITRD] = "leave-initrd",
        [EVIDENCE_EVENTLOG_PHASE_SYSINIT] = "sysinit",
        [EVIDENCE_EVENTLOG_PHASE_READY] = "ready",
};

/* What a PCR holds after TPM2_Startup(CLEAR): Part 1, section 17.3, and the PC Client profile for the DRTM's PCRs. */
static void initial_value(const struct evidence_eventlog *log, unsigned pcr, uint16_t algorithm, uint8_t *ret)
{
        size_t len = evidence_pcr_value_len(algorithm);

        memset(ret, pcr >= PCR_DRTM_FIRST && pcr <= PCR_DRTM_LAST ? 0xff : 0, len);
        if (pcr == 0)
                ret[len - 1] = log->startup_locality;
}

/* Fills all values. Events without a digest of this bank set their PCR's bit in `incomplete`. */
static bool compute(const struct evidence_eventlog *log, size_t bank, struct evidence_pcr_bank *ret, uint32_t *ret_incomplete,
                    struct base_error *error)
{
        uint16_t algorithm = log->banks[bank];

        *ret = (struct evidence_pcr_bank){ .algorithm = algorithm };
        *ret_incomplete = 0;
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++)
                initial_value(log, pcr, algorithm, ret->values[pcr]);
        for (size_t i = 0; i < log->event_count; i++) {
                const struct evidence_eventlog_event *event = &log->events[i];

                if (event->type == EVIDENCE_EVENTLOG_NO_ACTION)
                        continue;
                ret->mask |= 1u << event->pcr;
                if (event->digests[bank] == NULL)
                        *ret_incomplete |= 1u << event->pcr;
                else if (!evidence_eventlog_extend(algorithm, ret->values[event->pcr], event->digests[bank], error))
                        return false;
        }
        return true;
}

static size_t find_bank(const struct evidence_eventlog *log, uint16_t algorithm)
{
        size_t bank = 0;

        while (bank < log->bank_count && log->banks[bank] != algorithm)
                bank++;
        return bank;
}

/*
 * PCR 11 goes on after the log: userspace marks the phases of the boot. Tries how far it had gone, with and without an initrd, so
 * that the sections of a unified kernel image can be believed on a running system.
 */
static bool match_phases(uint16_t algorithm, const uint8_t *logged, const uint8_t *quoted, enum evidence_eventlog_phase *ret,
                         struct base_error *error)
{
        size_t len = evidence_pcr_value_len(algorithm);

        for (unsigned first = EVIDENCE_EVENTLOG_PHASE_ENTER_INITRD; first <= EVIDENCE_EVENTLOG_PHASE_SYSINIT; first += 2) {
                uint8_t value[EVIDENCE_PCR_VALUE_BYTES_MAX], digest[EVIDENCE_PCR_VALUE_BYTES_MAX];

                memcpy(value, logged, len);
                for (unsigned phase = first; phase < BASE_COUNT(phases); phase++) {
                        struct base_bytes word = base_bytes_from_string(phases[phase]);

                        if (!evidence_eventlog_hash(algorithm, &word, 1, digest, error) ||
                            !evidence_eventlog_extend(algorithm, value, digest, error))
                                return false;
                        if (memcmp(value, quoted, len) == 0) {
                                *ret = phase;
                                return true;
                        }
                }
        }
        *ret = EVIDENCE_EVENTLOG_PHASE_NONE;
        return true;
}

static bool replay_bank(const struct evidence_eventlog *log, const struct evidence_pcr_bank *quoted,
                        struct evidence_eventlog_bank *ret, enum evidence_eventlog_phase *phase, struct base_error *error)
{
        struct evidence_pcr_bank computed;
        size_t at = find_bank(log, quoted->algorithm);
        size_t len = evidence_pcr_value_len(quoted->algorithm);
        uint32_t incomplete;

        *ret = (struct evidence_eventlog_bank){ .algorithm = quoted->algorithm, .logged = at < log->bank_count };
        if (!ret->logged)
                return true;
        if (!compute(log, at, &computed, &incomplete, error))
                return false;
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++) {
                bool matches = memcmp(computed.values[pcr], quoted->values[pcr], len) == 0;

                if (!(quoted->mask & 1u << pcr))
                        continue;
                if (!matches && pcr == PCR_KERNEL_BOOT && computed.mask & 1u << pcr) {
                        enum evidence_eventlog_phase reached;

                        if (!match_phases(quoted->algorithm, computed.values[pcr], quoted->values[pcr], &reached, error))
                                return false;
                        matches = reached != EVIDENCE_EVENTLOG_PHASE_NONE;
                        *phase = matches ? reached : *phase;
                }
                if (matches && !(incomplete & 1u << pcr))
                        ret->matching |= 1u << pcr;
                else
                        ret->differing |= 1u << pcr;
        }
        return true;
}

/* The strongest bank that quotes a PCR decides, and no other may contradict it. */
static void decide(const struct evidence_pcrs *quoted, struct evidence_eventlog_replay *replay)
{
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++) {
                const struct evidence_eventlog_bank *strongest = NULL;
                bool contradicted = false;

                for (size_t i = 0; i < quoted->bank_count; i++) {
                        const struct evidence_eventlog_bank *bank = &replay->banks[i];

                        if (!(quoted->banks[i].mask & 1u << pcr))
                                continue;
                        contradicted = contradicted || bank->differing & 1u << pcr;
                        if (strongest == NULL ||
                            evidence_eventlog_strength(bank->algorithm) > evidence_eventlog_strength(strongest->algorithm))
                                strongest = bank;
                }
                if (strongest == NULL)
                        continue;
                if (contradicted || !(strongest->matching & 1u << pcr)) {
                        replay->differing |= 1u << pcr;
                } else {
                        replay->trusted |= 1u << pcr;
                        replay->algorithms[pcr] = strongest->algorithm;
                }
        }
}

bool evidence_eventlog_replay(const struct evidence_eventlog *log, const struct evidence_pcrs *quoted,
                              struct evidence_eventlog_replay *ret, struct base_error *error)
{
        struct evidence_eventlog_replay replay = { .bank_count = quoted->bank_count };

        if (quoted->bank_count == 0 || quoted->bank_count > EVIDENCE_PCR_BANKS_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "A replay needs PCR values of 1 to %d banks.",
                                      EVIDENCE_PCR_BANKS_MAX);
        for (size_t i = 0; i < quoted->bank_count; i++) {
                const struct evidence_pcr_bank *bank = &quoted->banks[i];

                if (evidence_pcr_value_len(bank->algorithm) == 0 || evidence_pcrs_find_bank(quoted, bank->algorithm) != bank)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "PCR bank 0x%04x is unknown, or there twice.",
                                              bank->algorithm);
                if (!replay_bank(log, bank, &replay.banks[i], &replay.phase, error))
                        return false;
        }
        decide(quoted, &replay);
        if (!(replay.trusted & 1u << PCR_KERNEL_BOOT))
                replay.phase = EVIDENCE_EVENTLOG_PHASE_NONE;
        *ret = replay;
        return true;
}

bool evidence_eventlog_event_counts(const struct evidence_eventlog_replay *replay, const struct evidence_eventlog_event *event)
{
        return event->type != EVIDENCE_EVENTLOG_NO_ACTION && event->pcr < EVIDENCE_PCR_COUNT &&
               replay->trusted & 1u << event->pcr;
}

bool evidence_eventlog_compute(const struct evidence_eventlog *log, uint16_t algorithm, struct evidence_pcr_bank *ret,
                               struct base_error *error)
{
        struct evidence_pcr_bank computed;
        size_t at = find_bank(log, algorithm);
        uint32_t incomplete;

        if (at == log->bank_count)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED, "The event log has no digests of bank 0x%04x.", algorithm);
        if (!compute(log, at, &computed, &incomplete, error))
                return false;
        for (size_t i = 0; incomplete != 0 && i < log->event_count; i++)
                if (log->events[i].type != EVIDENCE_EVENTLOG_NO_ACTION && log->events[i].digests[at] == NULL)
                        return base_error_set(error, BASE_ERROR_MALFORMED,
                                              "Event log, event %zu at offset %zu: there is no digest of bank 0x%04x", i,
                                              log->events[i].offset, algorithm);
        *ret = computed;
        return true;
}
