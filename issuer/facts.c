/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/facts.h"

#include "base/encode.h"
#include "evidence/pcr_names.h"

#include <string.h>

static const char *const reserved[] = {
        "pcr.",        "quote.",           "request.issuer",    "device.",       ISSUER_BOOT_LOG_FACT,
        "boot.loader", "boot.application", "boot.command_line", "boot.parameter"
};

static const struct policy_origin reported = { POLICY_PROVENANCE_REPORTED, "the device's claims" };
static const struct policy_origin quoted = { POLICY_PROVENANCE_HARDWARE, "the TPM's quote" };
static const struct policy_origin logged = { POLICY_PROVENANCE_HARDWARE, "the boot's event log" };
static const struct policy_origin registered = { POLICY_PROVENANCE_HARDWARE, "the issuer's registry" };

static bool is_reserved(const char *name)
{
        for (size_t i = 0; i < BASE_COUNT(reserved); i++)
                if (strncmp(name, reserved[i], strlen(reserved[i])) == 0)
                        return true;
        return false;
}

static bool put_fact(const struct evidence_fact *fact, struct policy_origin origin, struct policy_facts *to,
                     struct base_error *error)
{
        switch (fact->kind) {
        case EVIDENCE_FACT_UNREADABLE:
                return policy_facts_set_unreadable(to, fact->name, "the device could not read it", origin, error);
        case EVIDENCE_FACT_BOOL:
                return policy_facts_set_boolean(to, fact->name, fact->boolean, origin, error);
        case EVIDENCE_FACT_INT:
                return policy_facts_set_integer(to, fact->name, fact->integer, origin, error);
        case EVIDENCE_FACT_STRING:
                return policy_facts_set_string(to, fact->name, fact->text, origin, error);
        case EVIDENCE_FACT_VERSION:
                return policy_facts_set_version(to, fact->name, fact->text, origin, error);
        }
        return base_error_set(error, BASE_ERROR_INTERNAL, "a fact of an unknown kind");
}

static bool put_boot(const struct issuer_boot *boot, struct policy_facts *to, struct base_error *error)
{
        for (size_t i = 0; i < boot->fact_count; i++)
                if (!put_fact(&boot->facts[i], logged, to, error))
                        return false;
        return true;
}

static bool put_claims(const struct evidence_claims *claims, const struct issuer_boot *boot, struct policy_facts *to,
                       struct base_error *error)
{
        for (size_t i = 0; i < claims->fact_count; i++) {
                struct base_error reason = BASE_ERROR_INIT;

                if (is_reserved(claims->facts[i].name) ||
                    (boot != NULL && issuer_boot_find(boot, claims->facts[i].name) != NULL) ||
                    put_fact(&claims->facts[i], reported, to, &reason))
                        continue;
                if (reason.code == BASE_ERROR_NO_MEMORY)
                        return base_error_copy(error, &reason);
                return base_error_set(error, BASE_ERROR_EVIDENCE_INVALID, "a claim cannot be used: %s", reason.message);
        }
        return true;
}

/* Of a key that an approver's signatures open nothing but the operator's word says what these cover. */
static uint32_t sealed_mask(const struct evidence_verdict *verdict, const struct issuer_approver *approver, uint16_t algorithm)
{
        const struct evidence_pcr_bank *bank = evidence_pcrs_find_bank(&verdict->sealed, algorithm);

        if (approver != NULL)
                return approver->pcrs.algorithm == algorithm ? approver->pcrs.mask : 0;
        return bank == NULL ? 0 : bank->mask;
}

static bool put_seal(uint32_t sealed, const struct evidence_pcr_bank *bank, struct policy_facts *to, struct base_error *error)
{
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++) {
                char name[POLICY_FACT_NAME_BYTES_MAX + 1];

                if ((bank->mask & (1U << pcr)) == 0)
                        continue;
                (void) snprintf(name, sizeof(name), "quote.sealed.%s.%u", evidence_pcr_bank_name(bank->algorithm), pcr);
                if (!policy_facts_set_boolean(to, name, (sealed & (1U << pcr)) != 0, quoted, error))
                        return false;
        }
        return true;
}

static bool put_bank(const struct evidence_pcr_bank *bank, struct policy_facts *to, struct base_error *error)
{
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++) {
                base_auto_buffer struct base_buffer hex = BASE_BUFFER_INIT(2 * EVIDENCE_PCR_VALUE_BYTES_MAX + 1);
                char name[POLICY_FACT_NAME_BYTES_MAX + 1];

                if ((bank->mask & (1U << pcr)) == 0)
                        continue;
                (void) snprintf(name, sizeof(name), "pcr.%s.%u", evidence_pcr_bank_name(bank->algorithm), pcr);
                base_hex_encode(&hex, BASE_BYTES(bank->values[pcr], evidence_pcr_value_len(bank->algorithm)));
                if (base_buffer_c_string(&hex) == NULL)
                        return base_error_set_no_memory(error);
                if (!policy_facts_set_string(to, name, base_buffer_c_string(&hex), quoted, error))
                        return false;
        }
        return true;
}

bool issuer_facts_collect(const struct evidence *evidence, const struct evidence_verdict *verdict,
                          const struct issuer_knowledge *knowledge, uint64_t now, struct policy_facts *ret,
                          struct base_error *error)
{
        policy_auto_facts struct policy_facts facts = POLICY_FACTS_INIT;
        const struct issuer_device *device = knowledge->device;
        const struct issuer_approver *approver = knowledge->approver;
        const struct issuer_boot *boot = knowledge->boot;

        /* Our own first: a device that sends as many claims as fit cannot push them out. */
        if (!policy_facts_set_boolean(&facts, "quote.sealed", verdict->sealed_to_quoted_pcrs || approver != NULL, quoted,
                                      error) ||
            (approver != NULL && !policy_facts_set_string(&facts, "quote.approver", approver->name, quoted, error)) ||
            (knowledge->reference != NULL &&
             !policy_facts_set_string(&facts, "pcr.reference", knowledge->reference, quoted, error)) ||
            !policy_facts_set_integer(&facts, "quote.age_s", (int64_t) (now - verdict->claims.iat), reported, error) ||
            !policy_facts_set_boolean(&facts, "quote.rolled_back", knowledge->rolled_back, quoted, error) ||
            !policy_facts_set_boolean(&facts, "pcr.approved", knowledge->approved, quoted, error) ||
            !policy_facts_set_boolean(&facts, "device.ek_certified", device->ek_certified, registered, error) ||
            !policy_facts_set_string(&facts, "request.issuer", knowledge->issuer, registered, error) ||
            (device->group[0] != '\0' && !policy_facts_set_string(&facts, "device.group", device->group, registered, error)))
                return false;
        for (size_t i = 0; i < evidence->quote.pcrs.bank_count; i++) {
                const struct evidence_pcr_bank *bank = &evidence->quote.pcrs.banks[i];

                if (!put_bank(bank, &facts, error) ||
                    !put_seal(sealed_mask(verdict, approver, bank->algorithm), bank, &facts, error))
                        return false;
        }
        if ((boot != NULL && !put_boot(boot, &facts, error)) || !put_claims(&verdict->claims, boot, &facts, error))
                return false;
        *ret = facts;
        policy_facts_init(&facts);
        return true;
}
