/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/boot.h"

#include "issuer/boot_loaders.h"

#include <string.h>

#define FIRMWARE_PCRS    0xffu /* 0 to 7: nothing but the firmware and what it starts extends them */
#define SECURE_BOOT_PCR  (1u << 7)
#define PCR_LIST_TEXT    128
#define SHOWN_VALUE_TEXT 32

static void add_boolean(struct issuer_boot *boot, const char *name, bool value)
{
        issuer_boot_add(boot, name, EVIDENCE_FACT_BOOL)->boolean = value;
}

/* "sbat,1,2021030218": the date behind the last comma, digits alone. */
static void add_sbat_level(struct issuer_boot *boot, const char *line)
{
        const char *comma = strrchr(line, ',');
        size_t digits = comma == NULL ? 0 : strspn(comma + 1, "0123456789");
        struct evidence_fact *fact;

        if (digits == 0 || digits > EVIDENCE_FACT_VERSION_MAX || comma[1 + digits] != '\0')
                return;
        fact = issuer_boot_add(boot, "boot.sbat_level", EVIDENCE_FACT_VERSION);
        (void) snprintf(fact->text, sizeof(fact->text), "%s", comma + 1);
}

static bool add_facts(struct issuer_boot *boot, const struct evidence_boot *derived,
                      const struct evidence_eventlog_replay *replay, struct base_error *error)
{
        uint32_t firmware = replay->trusted & FIRMWARE_PCRS;

        add_boolean(boot, ISSUER_BOOT_LOG_FACT, replay->differing == 0 && (derived->separators & firmware) == firmware);
        if (derived->secure_boot != EVIDENCE_BOOT_SECURE_BOOT_UNKNOWN)
                add_boolean(boot, "boot.secure_boot", derived->secure_boot == EVIDENCE_BOOT_SECURE_BOOT_ON);
        if (derived->setup_mode_known)
                add_boolean(boot, "boot.setup_mode", derived->setup_mode);
        if ((derived->trusted & SECURE_BOOT_PCR) != 0) {
                add_boolean(boot, "boot.debug_mode", derived->uefi_debug_mode);
                add_boolean(boot, "boot.dma_protection", !derived->dma_protection_disabled);
        }
        if (derived->dbx.known)
                issuer_boot_add(boot, "boot.dbx_entries", EVIDENCE_FACT_INT)->integer = (int64_t) derived->dbx.entry_count;
        add_sbat_level(boot, derived->sbat_level);
        return issuer_boot_add_loaders(boot, derived, error);
}

/* The quoted values of some PCRs in every bank; false if one of them is in none. */
static bool take_pcrs(const struct evidence_pcrs *quoted, uint32_t mask, struct evidence_pcrs *ret)
{
        uint32_t found = 0;

        ret->bank_count = 0;
        for (size_t i = 0; i < quoted->bank_count; i++) {
                struct evidence_pcr_bank *bank = &ret->banks[ret->bank_count];

                *bank = quoted->banks[i];
                bank->mask &= mask;
                found |= bank->mask;
                if (bank->mask != 0)
                        ret->bank_count++;
        }
        return found == mask && mask != 0;
}

static void list_pcrs(uint32_t mask, char ret[static PCR_LIST_TEXT])
{
        size_t len = 0;

        ret[0] = '\0';
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++)
                if ((mask & (1u << pcr)) != 0 && len + 4 < PCR_LIST_TEXT)
                        len += (size_t) snprintf(ret + len, PCR_LIST_TEXT - len, "%s%u", len == 0 ? "" : ", ", pcr);
}

static bool check_replay(const struct evidence_eventlog_replay *replay, struct base_error *error)
{
        uint32_t differing = replay->differing & FIRMWARE_PCRS;
        char list[PCR_LIST_TEXT];

        list_pcrs(differing, list);
        if (differing != 0)
                return base_error_set(
                        error, BASE_ERROR_EVIDENCE_INVALID,
                        "The event log does not come to what the TPM quotes of PCR %s: it is of another boot, or not "
                        "the whole log.",
                        list);
        return replay->trusted != 0 ||
               base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The event log accounts for no quoted PCR.");
}

static bool fill(const struct evidence_eventlog *log, const struct evidence *evidence, const struct evidence_verdict *verdict,
                 struct issuer_boot *boot, struct base_error *error)
{
        evidence_auto_boot struct evidence_boot *derived = NULL;
        struct evidence_eventlog_replay replay;
        struct evidence_pcrs pcrs;

        if (!evidence_eventlog_replay(log, &verdict->attest.pcrs, &replay, error) || !check_replay(&replay, error) ||
            !evidence_boot_new(log, &replay, &derived, error))
                return false;
        boot->pcrs = replay.trusted;
        boot->reset_count = verdict->attest.reset_count;
        memcpy(boot->key_id, evidence->key_id, sizeof(boot->key_id));
        if (!add_facts(boot, derived, &replay, error))
                return false;
        return take_pcrs(&verdict->attest.pcrs, boot->pcrs, &pcrs)
                       ? evidence_pcrs_digest(&pcrs, boot->pcr_digest, error)
                       : base_error_set(error, BASE_ERROR_INTERNAL, "a replayed PCR was not quoted");
}

bool issuer_boot_derive(struct base_bytes bytes, const struct evidence *evidence, const struct evidence_verdict *verdict,
                        struct issuer_boot *ret, struct base_error *error)
{
        evidence_auto_eventlog struct evidence_eventlog log = EVIDENCE_EVENTLOG_INIT;
        struct base_error reason = BASE_ERROR_INIT;
        struct issuer_boot boot = { .fact_count = 0 };

        if (!evidence_eventlog_parse(bytes, &log, &reason)) {
                if (reason.code == BASE_ERROR_NO_MEMORY)
                        return base_error_copy(error, &reason);
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "The event log cannot be read: %s", reason.message);
        }
        if (!fill(&log, evidence, verdict, &boot, error))
                return false;
        *ret = boot;
        return true;
}

bool issuer_boot_holds(const struct issuer_boot *boot, const struct evidence *evidence, const struct evidence_verdict *verdict,
                       bool *ret, struct base_error *error)
{
        uint8_t digest[EVIDENCE_PCR_DIGEST_LEN];
        struct evidence_pcrs pcrs;

        *ret = false;
        if (!base_bytes_equal(BASE_BYTES_OF(boot->key_id), BASE_BYTES_OF(evidence->key_id)) ||
            boot->reset_count != verdict->attest.reset_count || !take_pcrs(&verdict->attest.pcrs, boot->pcrs, &pcrs))
                return true;
        if (!evidence_pcrs_digest(&pcrs, digest, error))
                return false;
        *ret = base_bytes_equal(BASE_BYTES_OF(digest), BASE_BYTES_OF(boot->pcr_digest));
        return true;
}

const struct evidence_fact *issuer_boot_find(const struct issuer_boot *boot, const char *name)
{
        for (size_t i = 0; i < boot->fact_count; i++)
                if (strcmp(boot->facts[i].name, name) == 0)
                        return &boot->facts[i];
        return NULL;
}

static void show(const struct evidence_fact *fact, char ret[static SHOWN_VALUE_TEXT])
{
        if (fact->kind == EVIDENCE_FACT_BOOL)
                (void) snprintf(ret, SHOWN_VALUE_TEXT, "%s", fact->boolean ? "true" : "false");
        else if (fact->kind == EVIDENCE_FACT_INT)
                (void) snprintf(ret, SHOWN_VALUE_TEXT, "%lld", (long long) fact->integer);
        else
                (void) snprintf(ret, SHOWN_VALUE_TEXT, "%.*s", SHOWN_VALUE_TEXT - 1, fact->text);
}

static bool same(const struct evidence_fact *a, const struct evidence_fact *b)
{
        return a->kind == b->kind && a->boolean == b->boolean && a->integer == b->integer && strcmp(a->text, b->text) == 0;
}

bool issuer_boot_check_claims(const struct issuer_boot *boot, const struct evidence_claims *claims, struct base_error *error)
{
        for (size_t i = 0; i < claims->fact_count; i++) {
                const struct evidence_fact *claim = &claims->facts[i], *proved = issuer_boot_find(boot, claim->name);
                char claimed[SHOWN_VALUE_TEXT], shown[SHOWN_VALUE_TEXT];

                if (proved == NULL || claim->kind == EVIDENCE_FACT_UNREADABLE || same(claim, proved))
                        continue;
                show(claim, claimed);
                show(proved, shown);
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID,
                                      "The device claims that %s is %s, and the event log of this boot proves that it is %s.",
                                      claim->name, claimed, shown);
        }
        return true;
}
