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
