/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/uki.h"

#include "evidence/eventlog/internal.h"

/* .pcrsig holds the signatures of what is measured here, and so cannot be measured itself. */
static const char *const names[EVIDENCE_UKI_SECTIONS] = {
        ".linux", ".osrel", ".cmdline", ".initrd", ".ucode", ".splash", ".dtb", ".uname", ".sbat", ".pcrpkey",
};

/* Of these systemd-stub takes what fits the machine or what the menu says. */
static const char *const chosen_at_boot[] = { ".profile", ".dtbauto", ".hwids", ".efifw" };

const char *evidence_uki_section_name(size_t index)
{
        return index < BASE_COUNT(names) ? names[index] : NULL;
}

static bool take_section(const struct evidence_pe *pe, const char *name, struct base_bytes *ret, struct base_error *error)
{
        const struct evidence_pe_section *section = evidence_pe_section_find(pe, name);

        *ret = BASE_BYTES(NULL, 0);
        if (section == NULL)
                return true;
        for (const struct evidence_pe_section *other = section + 1; other < pe->sections + pe->section_count; other++)
                if (strcmp(other->name, name) == 0)
                        return base_error_set(error, BASE_ERROR_MALFORMED, "there are two sections %s", name);
        if (section->memory_len > section->raw.len)
                return base_error_set(error, BASE_ERROR_MALFORMED, "the section %s is longer in memory than in the file", name);
        *ret = BASE_BYTES(section->raw.data, section->memory_len);
        return true;
}

bool evidence_uki_from_pe(const struct evidence_pe *pe, struct evidence_uki *ret, struct base_error *error)
{
        if (evidence_pe_section_find(pe, names[0]) == NULL)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED, "it has no section .linux: it is no unified kernel image");
        for (size_t i = 0; i < BASE_COUNT(chosen_at_boot); i++)
                if (evidence_pe_section_find(pe, chosen_at_boot[i]) != NULL)
                        return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                                              "it has a section %s: what of it is measured is chosen at boot and cannot be "
                                              "predicted",
                                              chosen_at_boot[i]);
        for (size_t i = 0; i < BASE_COUNT(names); i++)
                if (!take_section(pe, names[i], &ret->sections[i], error))
                        return false;
        return true;
}

static bool extend_by(uint16_t algorithm, struct base_bytes bytes, uint8_t *value, struct base_error *error)
{
        uint8_t digest[EVIDENCE_PCR_VALUE_BYTES_MAX];

        return evidence_eventlog_hash(algorithm, &bytes, 1, digest, error) &&
               evidence_eventlog_extend(algorithm, value, digest, error);
}

bool evidence_uki_measure(const struct evidence_uki *uki, uint16_t algorithm, uint8_t *value, struct base_error *error)
{
        for (size_t i = 0; i < BASE_COUNT(names); i++) {
                if (uki->sections[i].len == 0)
                        continue;
                if (!extend_by(algorithm, BASE_BYTES(names[i], strlen(names[i]) + 1), value, error) ||
                    !extend_by(algorithm, uki->sections[i], value, error))
                        return false;
        }
        return true;
}

bool evidence_uki_measure_phases(const char *phases, uint16_t algorithm, uint8_t *value, struct base_error *error)
{
        unsigned count = 0;

        if (phases[0] == '\0')
                return true;
        for (const char *word = phases;; count++) {
                size_t len = strcspn(word, ":");

                if (len == 0 || count == EVIDENCE_UKI_PHASES_MAX || strlen(phases) >= EVIDENCE_UKI_PHASES_BYTES)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT,
                                              "Phases are up to %d words as in \"enter-initrd:leave-initrd\", not \"%.80s\".",
                                              EVIDENCE_UKI_PHASES_MAX, phases);
                if (!extend_by(algorithm, BASE_BYTES(word, len), value, error))
                        return false;
                if (word[len] == '\0')
                        return true;
                word += len + 1;
        }
}
