/* SPDX-License-Identifier: BSD-2-Clause */
/* What a device may do so often within an hour, how often its TPM was started, and what its key is sealed to. */
#include "issuer/registry_internal.h"

#define HOUR_S 3600

/* Whether there is room in the present hour; one that was counted is in `count`. */
static bool look(struct issuer_registry *registry, int64_t device_row, enum issuer_use use, sqlite3_int64 hour, unsigned limit,
                 bool *ret_allowed, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_FIND_USE);
        int result;

        (void) sqlite3_bind_int64(statement, 1, device_row);
        (void) sqlite3_bind_int(statement, 2, (int) use);
        (void) sqlite3_bind_int64(statement, 3, hour);
        result = sqlite3_step(statement);
        if (result != SQLITE_ROW && result != SQLITE_DONE)
                return issuer_registry_fail(registry, error);
        *ret_allowed = result == SQLITE_DONE || sqlite3_column_int64(statement, 0) < limit;
        return true;
}

bool issuer_registry_use_locked(struct issuer_registry *registry, int64_t device_row, enum issuer_use use, uint64_t now,
                                unsigned limit, bool count, bool *ret_allowed, struct base_error *error)
{
        sqlite3_int64 hour = (sqlite3_int64) (now / HOUR_S);

        if (!count)
                return look(registry, device_row, use, hour, limit, ret_allowed, error);
        {
                ISSUER_STATEMENT(registry, STATEMENT_COUNT_USE);

                (void) sqlite3_bind_int64(statement, 1, device_row);
                (void) sqlite3_bind_int(statement, 2, (int) use);
                (void) sqlite3_bind_int64(statement, 3, hour);
                (void) sqlite3_bind_int64(statement, 4, limit);
                if (!issuer_registry_step_done(registry, statement, error))
                        return false;
                *ret_allowed = sqlite3_changes(registry->database) > 0;
                return true;
        }
}

bool issuer_registry_count_use(struct issuer_registry *registry, int64_t device_row, enum issuer_use use, uint64_t now,
                               unsigned limit, bool *ret_allowed, struct base_error *error)
{
        ISSUER_LOCKED(registry);

        return issuer_registry_use_locked(registry, device_row, use, now, limit, true, ret_allowed, error);
}

bool issuer_registry_note_reset_count(struct issuer_registry *registry, struct base_bytes ak_name, uint32_t reset_count,
                                      struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_NOTE_RESETS);

        issuer_registry_bind_bytes(statement, 1, ak_name);
        (void) sqlite3_bind_int64(statement, 2, reset_count);
        return issuer_registry_step_done(registry, statement, error);
}

bool issuer_registry_note_seal(struct issuer_registry *registry, int64_t device_row, const char *seal, struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_NOTE_SEAL);

        (void) sqlite3_bind_int64(statement, 1, device_row);
        (void) sqlite3_bind_text(statement, 2, seal, -1, SQLITE_STATIC);
        return issuer_registry_step_done(registry, statement, error);
}
