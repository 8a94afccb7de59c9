/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/approvers.h"

#include "base/file.h"

#include <string.h>

static bool same(const struct evidence_approver *a, const struct evidence_approver *b)
{
        return base_bytes_equal(BASE_BYTES_OF(a->name), BASE_BYTES_OF(b->name)) && base_bytes_equal(a->policy_ref, b->policy_ref);
}

static bool add(const struct issuer_config_approver *from, struct issuer_approvers *to, struct base_error *error)
{
        base_auto_buffer struct base_buffer pem = BASE_BUFFER_INIT(EVIDENCE_AUTHORITY_PEM_BYTES_MAX);
        struct issuer_approver *item = &to->items[to->count];
        struct evidence_approver *key = &to->keys[to->count];
        struct base_error reason = BASE_ERROR_INIT;
        struct evidence_authority authority;

        if (!base_file_read(from->public_key, &pem, error))
                return base_error_prefix(error, "[Approver %s]", from->name);
        if (!evidence_authority_from_pem(base_buffer_bytes(&pem), &authority, &reason))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "[Approver %s] %s: %s", from->name, from->public_key,
                                      reason.message);
        item->pcrs = from->pcrs;
        (void) snprintf(item->name, sizeof(item->name), "%s", from->name);
        (void) snprintf(item->policy_ref, sizeof(item->policy_ref), "%s", from->policy_ref == NULL ? "" : from->policy_ref);
        memcpy(key->name, authority.name, sizeof(key->name));
        key->policy_ref = base_bytes_from_string(item->policy_ref);
        for (size_t i = 0; i < to->count; i++)
                if (same(&to->keys[i], key))
                        return base_error_set(error, BASE_ERROR_CONFIG_INVALID,
                                              "[Approver %s] has the key and the policy reference of [Approver %s]", from->name,
                                              to->items[i].name);
        to->count++;
        return true;
}

bool issuer_approvers_load(const struct issuer_config *config, struct issuer_approvers *ret, struct base_error *error)
{
        ret->count = 0;
        for (size_t i = 0; i < config->approver_count; i++)
                if (!add(&config->approvers[i], ret, error))
                        return false;
        return true;
}

const struct issuer_approver *issuer_approvers_find(const struct issuer_approvers *approvers,
                                                    const struct evidence_approver *sealed_to)
{
        return sealed_to == NULL ? NULL : &approvers->items[sealed_to - approvers->keys];
}
