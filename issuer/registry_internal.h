/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the registry share. May be included by issuer/registry*.c only.
 */
#pragma once

#include "issuer/registry.h"

#include <pthread.h>
#include <sqlite3.h>

enum issuer_registry_statement {
        STATEMENT_BEGIN,
        STATEMENT_COMMIT,
        STATEMENT_ROLLBACK,
        STATEMENT_FIND,
        STATEMENT_FIND_EK,
        STATEMENT_COUNT,
        STATEMENT_ADD_DEVICE,
        STATEMENT_RENEW_DEVICE,
        STATEMENT_PUT_KEY,
        STATEMENT_SUPERSEDE,
        STATEMENT_FORGET_KEYS,
        STATEMENT_COUNT_TOKEN,
        STATEMENT_FORGET_TOKENS,
        STATEMENT_VERIFIED,
        STATEMENT_SET_STATUS,
        STATEMENT_SET_GROUP,
        STATEMENT_LIST,
        STATEMENT_FIND_BOOT,
        STATEMENT_FIND_BOOT_FACTS,
        STATEMENT_PUT_BOOT,
        STATEMENT_PUT_BOOT_FACT,
        STATEMENT_FORGET_BOOT_FACTS,
        STATEMENT_NOTE_STATE,
        STATEMENT_IS_APPROVED,
        STATEMENT_APPROVE,
        STATEMENT_DISAPPROVE,
        STATEMENT_LIST_APPROVED,
        STATEMENT_FIND_GRACES,
        STATEMENT_PUT_GRACE,
        STATEMENT_FORGET_GRACE,
        STATEMENT_FIND_USE,
        STATEMENT_COUNT_USE,
        STATEMENT_NOTE_RESETS,
        STATEMENT_NOTE_SEAL,
        STATEMENT_APPROVE_STATE,
        STATEMENT_TOTAL,
};

struct issuer_registry {
        sqlite3 *database;
        const struct base_random *random;
        pthread_mutex_t lock; /* one statement, or one transaction, at a time */
        sqlite3_stmt *statements[STATEMENT_TOTAL];
};

/* Sets IO (STATE_INVALID for what is not a database) with SQLite's reason as detail; returns false. */
bool issuer_registry_fail(struct issuer_registry *registry, struct base_error *error);

/* A prepared statement, `statement`, reset when the scope ends. The registry is locked. */
#define ISSUER_STATEMENT(registry, which)                                                                                        \
        BASE_CLEANUP(issuer_registry_statement_end) sqlite3_stmt *statement = (registry)->statements[which]

#define ISSUER_LOCKED(registry)                                                                                                  \
        BASE_CLEANUP(issuer_registry_unlock) struct issuer_registry *locked = registry;                                          \
        pthread_mutex_lock(&locked->lock)

void issuer_registry_statement_end(sqlite3_stmt **statement);
void issuer_registry_unlock(struct issuer_registry **registry);

/* `bytes` must live until the statement has run; none is NULL. */
void issuer_registry_bind_bytes(sqlite3_stmt *statement, int at, struct base_bytes bytes);
/* A column's text, cut to fit; "" for NULL. */
void issuer_registry_copy_text(sqlite3_stmt *statement, int column, char *to, size_t size);
/* Runs a statement that gives no rows. Errors: as issuer_registry_fail(). */
bool issuer_registry_step_done(struct issuer_registry *registry, sqlite3_stmt *statement, struct base_error *error);
/* Columns as in DEVICE_COLUMNS. */
void issuer_registry_read_device(sqlite3_stmt *statement, struct issuer_device *ret);
/* How many devices have this status. The registry is locked. */
bool issuer_registry_count_status(struct issuer_registry *registry, int status, uint64_t *ret,
                                  struct base_error *error) BASE_MUST_CHECK;
/* As issuer_registry_count_use(), or without counting. The registry is locked. */
bool issuer_registry_use_locked(struct issuer_registry *registry, int64_t device_row, enum issuer_use use, uint64_t now,
                                unsigned limit, bool count, bool *ret_allowed, struct base_error *error) BASE_MUST_CHECK;
/* Locks, and runs `body` in a transaction, which is undone if it fails. */
bool issuer_registry_transaction(struct issuer_registry *registry,
                                 bool (*body)(struct issuer_registry *, void *, struct base_error *), void *context,
                                 struct base_error *error) BASE_MUST_CHECK;
