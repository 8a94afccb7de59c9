/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/ima.h"
#include "evidence/eventlog/internal.h"
#include "evidence/tpm_numbers.h"

#define AGGREGATE_NAME      "boot_aggregate"
#define AGGREGATE_PCRS      8  /* PCRs 0 to 7 */
#define AGGREGATE_PCRS_LATE 10 /* Linux 5.8 and later, other hashes than SHA-1: GRUB's PCRs too */

/* What the kernel extends for an entry: all ones for a violation, so that nobody can predict a PCR without one. */
static bool extension_digest(const struct evidence_ima_entry *entry, uint16_t algorithm, enum evidence_ima_extension extension,
                             uint8_t *ret, struct base_error *error)
{
        size_t len = evidence_pcr_value_len(algorithm);

        memset(ret, 0, len);
        if (entry->violation) {
                memset(ret, 0xff, extension == EVIDENCE_IMA_PADDED_SHA1 ? EVIDENCE_IMA_SHA1_LEN : len);
                return true;
        }
        if (extension == EVIDENCE_IMA_PER_BANK)
                return evidence_eventlog_hash(algorithm, &entry->data, 1, ret, error);
        memcpy(ret, entry->template_hash, EVIDENCE_IMA_SHA1_LEN);
        return true;
}

/* The shortest prefix that comes to `quoted`; `*ret_found` is false if there is none. */
static bool find_prefix(const struct evidence_ima_list *list, uint16_t algorithm, enum evidence_ima_extension extension,
                        const uint8_t *quoted, bool *ret_found, size_t *ret_count, struct base_error *error)
{
        size_t len = evidence_pcr_value_len(algorithm);
        uint8_t value[EVIDENCE_PCR_VALUE_BYTES_MAX] = { 0 };
        uint8_t digest[EVIDENCE_PCR_VALUE_BYTES_MAX];

        for (size_t i = 0;; i++) {
                *ret_found = memcmp(value, quoted, len) == 0;
                *ret_count = i;
                if (*ret_found || i == list->entry_count)
                        return true;
                if (list->entries[i].pcr != EVIDENCE_IMA_PCR)
                        continue;
                if (!extension_digest(&list->entries[i], algorithm, extension, digest, error) ||
                    !evidence_eventlog_extend(algorithm, value, digest, error))
                        return false;
        }
}

static bool replay_bank(const struct evidence_ima_list *list, const struct evidence_pcr_bank *bank, bool *ret_found,
                        size_t *ret_count, enum evidence_ima_extension *ret_extension, struct base_error *error)
{
        *ret_extension = EVIDENCE_IMA_PER_BANK;
        if (!find_prefix(list, bank->algorithm, *ret_extension, bank->values[EVIDENCE_IMA_PCR], ret_found, ret_count, error))
                return false;
        if (*ret_found)
                return true;
        *ret_extension = EVIDENCE_IMA_PADDED_SHA1;
        return find_prefix(list, bank->algorithm, *ret_extension, bank->values[EVIDENCE_IMA_PCR], ret_found, ret_count, error);
}

static uint16_t algorithm_of(struct base_bytes name)
{
        static const struct {
                const char *name;
                uint16_t algorithm;
        } hashes[] = {
                { "sha1", EVIDENCE_TPM_ALG_SHA1 },
                { "sha256", EVIDENCE_TPM_ALG_SHA256 },
                { "sha384", EVIDENCE_TPM_ALG_SHA384 },
                { "sha512", EVIDENCE_TPM_ALG_SHA512 },
        };

        for (size_t i = 0; i < BASE_COUNT(hashes); i++)
                if (bytes_are_string(name, hashes[i].name, false))
                        return hashes[i].algorithm;
        return 0;
}

static bool aggregate_is(const struct evidence_pcr_bank *bank, unsigned count, struct base_bytes digest, bool *ret,
                         struct base_error *error)
{
        struct base_bytes values[AGGREGATE_PCRS_LATE];
        uint8_t hash[EVIDENCE_PCR_VALUE_BYTES_MAX];
        size_t len = evidence_pcr_value_len(bank->algorithm);

        for (unsigned pcr = 0; pcr < count; pcr++)
                values[pcr] = BASE_BYTES(bank->values[pcr], len);
        if (!evidence_eventlog_hash(bank->algorithm, values, count, hash, error))
                return false;
        *ret = digest.len == len && memcmp(hash, digest.data, len) == 0;
        return true;
}

static bool has_pcrs(const struct evidence_pcr_bank *bank, unsigned count)
{
        uint32_t mask = (1u << count) - 1;

        return (bank->mask & mask) == mask;
}

/* The first entry ties the list to the boot: it is a hash over the firmware's PCRs. */
static bool check_aggregate(const struct evidence_ima_list *list, const struct evidence_pcrs *quoted,
                            struct evidence_ima_replay *replay, struct base_error *error)
{
        const struct evidence_ima_entry *entry = replay->entry_count > 0 ? &list->entries[0] : NULL;
        const struct evidence_pcr_bank *bank;
        bool matches = false;

        replay->aggregate = EVIDENCE_IMA_AGGREGATE_ABSENT;
        if (entry == NULL || entry->violation || entry->pcr != EVIDENCE_IMA_PCR ||
            !bytes_are_string(entry->name, AGGREGATE_NAME, false))
                return true;
        replay->aggregate = EVIDENCE_IMA_AGGREGATE_UNCHECKED;
        bank = evidence_pcrs_find_bank(quoted, algorithm_of(entry->algorithm));
        if (bank == NULL || !has_pcrs(bank, AGGREGATE_PCRS))
                return true;
        if (!aggregate_is(bank, AGGREGATE_PCRS, entry->digest, &matches, error))
                return false;
        if (!matches && bank->algorithm != EVIDENCE_TPM_ALG_SHA1) {
                if (!has_pcrs(bank, AGGREGATE_PCRS_LATE))
                        return true;
                if (!aggregate_is(bank, AGGREGATE_PCRS_LATE, entry->digest, &matches, error))
                        return false;
        }
        replay->aggregate = matches ? EVIDENCE_IMA_AGGREGATE_MATCHES : EVIDENCE_IMA_AGGREGATE_DIFFERS;
        return true;
}

static void count_entries(const struct evidence_ima_list *list, struct evidence_ima_replay *replay)
{
        for (size_t i = 0; i < replay->entry_count; i++) {
                if (list->entries[i].pcr != EVIDENCE_IMA_PCR)
                        replay->foreign_count++;
                else if (list->entries[i].violation)
                        replay->violation_count++;
        }
}

bool evidence_ima_replay(const struct evidence_ima_list *list, const struct evidence_pcrs *quoted,
                         struct evidence_ima_replay *ret, struct base_error *error)
{
        struct evidence_ima_replay replay = { .matches = true };
        bool disagree = false;

        for (size_t i = 0; i < quoted->bank_count; i++) {
                const struct evidence_pcr_bank *bank = &quoted->banks[i];
                enum evidence_ima_extension extension;
                size_t count;
                bool found;

                if (evidence_pcr_value_len(bank->algorithm) == 0)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "PCR bank 0x%04x is unknown.", bank->algorithm);
                if (!(bank->mask & 1u << EVIDENCE_IMA_PCR))
                        continue;
                if (!replay_bank(list, bank, &found, &count, &extension, error))
                        return false;
                disagree = disagree || !found || (replay.algorithm != 0 && count != replay.entry_count);
                replay.entry_count = count;
                if (evidence_eventlog_strength(bank->algorithm) > evidence_eventlog_strength(replay.algorithm)) {
                        replay.algorithm = bank->algorithm;
                        replay.extension = extension;
                }
        }
        if (replay.algorithm == 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "PCR %d was not quoted.", EVIDENCE_IMA_PCR);
        if (disagree)
                replay = (struct evidence_ima_replay){ .algorithm = replay.algorithm };
        count_entries(list, &replay);
        if (!check_aggregate(list, quoted, &replay, error))
                return false;
        *ret = replay;
        return true;
}
