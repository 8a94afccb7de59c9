/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/claims.h"

#include <string.h>

static struct evidence_fact convert_fact(const struct policy_fact *from)
{
        struct evidence_fact fact = { .kind = EVIDENCE_FACT_UNREADABLE };

        (void) snprintf(fact.name, sizeof(fact.name), "%s", from->name);
        switch (from->type) {
        case POLICY_FACT_BOOLEAN:
                fact.kind = EVIDENCE_FACT_BOOL;
                fact.boolean = from->boolean;
                break;
        case POLICY_FACT_INTEGER:
                fact.kind = EVIDENCE_FACT_INT;
                fact.integer = from->integer;
                break;
        case POLICY_FACT_STRING:
                fact.kind = EVIDENCE_FACT_STRING;
                (void) snprintf(fact.text, sizeof(fact.text), "%s", from->text);
                break;
        case POLICY_FACT_VERSION:
                /* A version too long for the claims is not cut, since that would be another version. */
                if (strlen(from->text) > EVIDENCE_FACT_VERSION_MAX)
                        break;
                fact.kind = EVIDENCE_FACT_VERSION;
                (void) snprintf(fact.text, sizeof(fact.text), "%s", from->text);
                break;
        case POLICY_FACT_UNREADABLE:
        case POLICY_FACT_TYPE_COUNT:
                break;
        }
        return fact;
}

bool attesterd_claims_add_facts(const struct policy_facts *facts, struct evidence_claims *claims, struct base_error *error)
{
        for (size_t i = 0; i < facts->count; i++) {
                struct evidence_fact fact = convert_fact(&facts->items[i]);

                if (!evidence_claims_add_fact(claims, &fact, error))
                        return false;
        }
        return true;
}
