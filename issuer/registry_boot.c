/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of a device's boot: one at a time, the last whose event log was accepted. */
#include "issuer/registry_internal.h"

#include <string.h>

struct putting {
        int64_t row;
        const struct issuer_boot *boot;
        uint64_t now;
};

static bool forget(struct issuer_registry *registry, enum issuer_registry_statement which, int64_t row, struct base_error *error)
{
        ISSUER_STATEMENT(registry, which);

        (void) sqlite3_bind_int64(statement, 1, row);
        return issuer_registry_step_done(registry, statement, error);
}

static bool put_fact(struct issuer_registry *registry, int64_t row, const struct evidence_fact *fact, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_PUT_BOOT_FACT);

        (void) sqlite3_bind_int64(statement, 1, row);
        (void) sqlite3_bind_text(statement, 2, fact->name, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int(statement, 3, (int) fact->kind);
        (void) sqlite3_bind_int64(statement, 4, fact->kind == EVIDENCE_FACT_BOOL ? fact->boolean : fact->integer);
        (void) sqlite3_bind_text(statement, 5, fact->text, -1, SQLITE_STATIC);
        return issuer_registry_step_done(registry, statement, error);
}

static bool put(struct issuer_registry *registry, void *context, struct base_error *error)
{
        const struct putting *putting = context;
        const struct issuer_boot *boot = putting->boot;

        if (!forget(registry, STATEMENT_FORGET_BOOT_FACTS, putting->row, error))
                return false;
        {
                ISSUER_STATEMENT(registry, STATEMENT_PUT_BOOT);

                (void) sqlite3_bind_int64(statement, 1, putting->row);
                issuer_registry_bind_bytes(statement, 2, BASE_BYTES_OF(boot->key_id));
                (void) sqlite3_bind_int64(statement, 3, boot->reset_count);
                (void) sqlite3_bind_int64(statement, 4, boot->pcrs);
                issuer_registry_bind_bytes(statement, 5, BASE_BYTES_OF(boot->pcr_digest));
                (void) sqlite3_bind_int64(statement, 6, (sqlite3_int64) putting->now);
                if (!issuer_registry_step_done(registry, statement, error))
                        return false;
        }
        for (size_t i = 0; i < boot->fact_count; i++)
                if (!put_fact(registry, putting->row, &boot->facts[i], error))
                        return false;
        return true;
}

bool issuer_registry_put_boot(struct issuer_registry *registry, int64_t device_row, const struct issuer_boot *boot, uint64_t now,
                              struct base_error *error)
{
        struct putting putting = { .row = device_row, .boot = boot, .now = now };

        return issuer_registry_transaction(registry, put, &putting, error);
}

static bool copy_blob(sqlite3_stmt *statement, int column, void *to, size_t len)
{
        if (sqlite3_column_bytes(statement, column) != (int) len)
                return false;
        memcpy(to, sqlite3_column_blob(statement, column), len);
        return true;
}

static bool read_fact(sqlite3_stmt *statement, struct issuer_boot *boot)
{
        struct evidence_fact *fact = &boot->facts[boot->fact_count];
        int kind = sqlite3_column_int(statement, 1);

        if (boot->fact_count == ISSUER_BOOT_FACTS_MAX || kind <= EVIDENCE_FACT_UNREADABLE || kind > EVIDENCE_FACT_VERSION)
                return false;
        *fact = (struct evidence_fact){ .kind = (enum evidence_fact_kind) kind };
        if (kind == EVIDENCE_FACT_BOOL)
                fact->boolean = sqlite3_column_int(statement, 2) != 0;
        else
                fact->integer = sqlite3_column_int64(statement, 2);
        issuer_registry_copy_text(statement, 0, fact->name, sizeof(fact->name));
        issuer_registry_copy_text(statement, 3, fact->text, sizeof(fact->text));
        boot->fact_count++;
        return true;
}

static bool damaged(struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_STATE_INVALID, "what the registry has of a device's boot is damaged");
}

static bool read_facts(struct issuer_registry *registry, int64_t row, struct issuer_boot *boot, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_FIND_BOOT_FACTS);
        int result;

        (void) sqlite3_bind_int64(statement, 1, row);
        while ((result = sqlite3_step(statement)) == SQLITE_ROW)
                if (!read_fact(statement, boot))
                        return damaged(error);
        return result == SQLITE_DONE || issuer_registry_fail(registry, error);
}

bool issuer_registry_find_boot(struct issuer_registry *registry, int64_t device_row, struct issuer_boot *ret,
                               struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_FIND_BOOT);
        struct issuer_boot boot = { .fact_count = 0 };
        int result;

        (void) sqlite3_bind_int64(statement, 1, device_row);
        result = sqlite3_step(statement);
        if (result == SQLITE_DONE)
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "no event log of this device was accepted");
        if (result != SQLITE_ROW)
                return issuer_registry_fail(registry, error);
        if (!copy_blob(statement, 0, boot.key_id, sizeof(boot.key_id)) ||
            !copy_blob(statement, 3, boot.pcr_digest, sizeof(boot.pcr_digest)))
                return damaged(error);
        boot.reset_count = (uint32_t) sqlite3_column_int64(statement, 1);
        boot.pcrs = (uint32_t) sqlite3_column_int64(statement, 2);
        if (!read_facts(registry, device_row, &boot, error))
                return false;
        *ret = boot;
        return true;
}
