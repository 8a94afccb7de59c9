/* SPDX-License-Identifier: BSD-2-Clause */
/* Since when a device fails which rules that have Grace=. It stays with the device when that enrols a new key. */
#include "issuer/registry_internal.h"

struct putting {
        int64_t row;
        const struct policy_graces *graces;
};

bool issuer_registry_find_graces(struct issuer_registry *registry, int64_t device_row, struct policy_graces *ret,
                                 struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_FIND_GRACES);
        policy_auto_graces struct policy_graces graces = POLICY_GRACES_INIT;
        struct base_error reason = BASE_ERROR_INIT;
        int result;

        (void) sqlite3_bind_int64(statement, 1, device_row);
        while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
                char rule[POLICY_GRACE_RULE_MAX + 1];

                issuer_registry_copy_text(statement, 0, rule, sizeof(rule));
                if (policy_graces_add(&graces, rule, (uint64_t) sqlite3_column_int64(statement, 1),
                                      (uint64_t) sqlite3_column_int64(statement, 2), &reason))
                        continue;
                if (reason.code == BASE_ERROR_NO_MEMORY)
                        return base_error_copy(error, &reason);
                return base_error_set(error, BASE_ERROR_STATE_INVALID, "what the registry has of a device's failures is damaged");
        }
        if (result != SQLITE_DONE)
                return issuer_registry_fail(registry, error);
        *ret = graces;
        graces = (struct policy_graces) POLICY_GRACES_INIT;
        return true;
}

static bool put(struct issuer_registry *registry, int64_t row, const struct policy_grace *grace, struct base_error *error)
{
        bool over = grace->failing_since == 0;
        ISSUER_STATEMENT(registry, over ? STATEMENT_FORGET_GRACE : STATEMENT_PUT_GRACE);

        (void) sqlite3_bind_int64(statement, 1, row);
        (void) sqlite3_bind_text(statement, 2, grace->rule, -1, SQLITE_STATIC);
        if (!over) {
                (void) sqlite3_bind_int64(statement, 3, (sqlite3_int64) grace->failing_since);
                (void) sqlite3_bind_int64(statement, 4, (sqlite3_int64) grace->passing_since);
        }
        return issuer_registry_step_done(registry, statement, error);
}

static bool put_all(struct issuer_registry *registry, void *context, struct base_error *error)
{
        const struct putting *putting = context;

        for (size_t i = 0; i < putting->graces->count; i++)
                if (putting->graces->items[i].changed && !put(registry, putting->row, &putting->graces->items[i], error))
                        return false;
        return true;
}

bool issuer_registry_put_graces(struct issuer_registry *registry, int64_t device_row, const struct policy_graces *graces,
                                struct base_error *error)
{
        struct putting putting = { .row = device_row, .graces = graces };

        return issuer_registry_transaction(registry, put_all, &putting, error);
}
