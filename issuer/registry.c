/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/registry_internal.h"

#include <string.h>

void issuer_registry_statement_end(sqlite3_stmt **statement)
{
        if (*statement != NULL) {
                (void) sqlite3_reset(*statement);
                (void) sqlite3_clear_bindings(*statement);
        }
}

void issuer_registry_unlock(struct issuer_registry **registry)
{
        pthread_mutex_unlock(&(*registry)->lock);
}

void issuer_registry_bind_bytes(sqlite3_stmt *statement, int at, struct base_bytes bytes)
{
        if (bytes.len > 0)
                (void) sqlite3_bind_blob(statement, at, bytes.data, (int) bytes.len, SQLITE_STATIC);
}

bool issuer_registry_step_done(struct issuer_registry *registry, sqlite3_stmt *statement, struct base_error *error)
{
        return sqlite3_step(statement) == SQLITE_DONE || issuer_registry_fail(registry, error);
}

static bool run(struct issuer_registry *registry, enum issuer_registry_statement which, struct base_error *error)
{
        ISSUER_STATEMENT(registry, which);

        return issuer_registry_step_done(registry, statement, error);
}

static void roll_back(struct issuer_registry *registry)
{
        struct base_error ignored = BASE_ERROR_INIT;

        (void) !run(registry, STATEMENT_ROLLBACK, &ignored);
}

bool issuer_registry_transaction(struct issuer_registry *registry,
                                 bool (*body)(struct issuer_registry *, void *, struct base_error *), void *context,
                                 struct base_error *error)
{
        ISSUER_LOCKED(registry);

        if (!run(registry, STATEMENT_BEGIN, error))
                return false;
        if (body(registry, context, error) && run(registry, STATEMENT_COMMIT, error))
                return true;
        roll_back(registry);
        return false;
}

void issuer_registry_copy_text(sqlite3_stmt *statement, int column, char *to, size_t size)
{
        const char *text = (const char *) sqlite3_column_text(statement, column);

        (void) snprintf(to, size, "%s", text == NULL ? "" : text);
}

/* 0 for what does not fit. */
static size_t copy_bytes(sqlite3_stmt *statement, int column, uint8_t *to, size_t size)
{
        size_t len = (size_t) sqlite3_column_bytes(statement, column);

        if (len == 0 || len > size)
                return 0;
        memcpy(to, sqlite3_column_blob(statement, column), len);
        return len;
}

void issuer_registry_read_device(sqlite3_stmt *statement, struct issuer_device *device)
{
        *device = (struct issuer_device){
                .row = sqlite3_column_int64(statement, 0),
                .status = sqlite3_column_int(statement, 3) == 0 ? ISSUER_DEVICE_ACTIVE : ISSUER_DEVICE_REVOKED,
                .ek_certified = sqlite3_column_int(statement, 8) != 0,
                .enrolled_at = (uint64_t) sqlite3_column_int64(statement, 5),
                .last_verified = (uint64_t) sqlite3_column_int64(statement, 6),
        };
        issuer_registry_copy_text(statement, 1, device->id, sizeof(device->id));
        issuer_registry_copy_text(statement, 2, device->group, sizeof(device->group));
        device->ek_name_len = copy_bytes(statement, 7, device->ek_name, sizeof(device->ek_name));
        device->has_ek_fingerprint = copy_bytes(statement, 4, device->ek_fingerprint, sizeof(device->ek_fingerprint)) ==
                                     ISSUER_FINGERPRINT_LEN;
}

bool issuer_registry_find(struct issuer_registry *registry, struct base_bytes ak_name, struct issuer_device *ret,
                          struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_FIND);
        struct issuer_device device;
        int result;
        int len;

        issuer_registry_bind_bytes(statement, 1, ak_name);
        result = sqlite3_step(statement);
        if (result == SQLITE_DONE)
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "no device has this key");
        if (result != SQLITE_ROW)
                return issuer_registry_fail(registry, error);
        issuer_registry_read_device(statement, &device);
        len = sqlite3_column_bytes(statement, 9);
        if (len <= 0 || (size_t) len > sizeof(device.ak_public))
                return base_error_set(error, BASE_ERROR_STATE_INVALID, "the registry's key of device %s is damaged", device.id);
        memcpy(device.ak_public, sqlite3_column_blob(statement, 9), (size_t) len);
        device.ak_public_len = (size_t) len;
        device.key_superseded = sqlite3_column_int(statement, 10) != 0;
        device.reset_count = (uint32_t) sqlite3_column_int64(statement, 11);
        issuer_registry_copy_text(statement, 12, device.seal, sizeof(device.seal));
        device.ek_other_name_len = copy_bytes(statement, 13, device.ek_other_name, sizeof(device.ek_other_name));
        *ret = device;
        return true;
}

bool issuer_registry_count_status(struct issuer_registry *registry, int status, uint64_t *ret, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_COUNT);

        (void) sqlite3_bind_int(statement, 1, status);
        if (sqlite3_step(statement) != SQLITE_ROW)
                return issuer_registry_fail(registry, error);
        *ret = (uint64_t) sqlite3_column_int64(statement, 0);
        return true;
}

struct counting {
        int64_t row;
        uint64_t now;
        size_t count;
        unsigned limit;
        bool allowed;
};

static bool add_tokens(struct issuer_registry *registry, struct counting *counting, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_COUNT_TOKEN);

        (void) sqlite3_bind_int64(statement, 1, counting->row);
        (void) sqlite3_bind_int64(statement, 2, (sqlite3_int64) (counting->now / 86400));
        (void) sqlite3_bind_int64(statement, 3, counting->limit == 0 ? INT64_MAX : counting->limit);
        (void) sqlite3_bind_int64(statement, 4, (sqlite3_int64) counting->count);
        if (!issuer_registry_step_done(registry, statement, error))
                return false;
        counting->allowed = sqlite3_changes(registry->database) > 0;
        return true;
}

static bool forget_tokens(struct issuer_registry *registry, const struct counting *counting, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_FORGET_TOKENS);

        (void) sqlite3_bind_int64(statement, 1, counting->row);
        (void) sqlite3_bind_int64(statement, 2, (sqlite3_int64) (counting->now / 86400) - ISSUER_REGISTRY_TOKEN_DAYS_KEPT);
        return issuer_registry_step_done(registry, statement, error);
}

static bool note_verified(struct issuer_registry *registry, const struct counting *counting, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_VERIFIED);

        (void) sqlite3_bind_int64(statement, 1, (sqlite3_int64) counting->now);
        (void) sqlite3_bind_int64(statement, 2, counting->row);
        return issuer_registry_step_done(registry, statement, error);
}

static bool count_tokens(struct issuer_registry *registry, void *context, struct base_error *error)
{
        struct counting *counting = context;

        return add_tokens(registry, counting, error) && forget_tokens(registry, counting, error) &&
               note_verified(registry, counting, error);
}

bool issuer_registry_count_tokens(struct issuer_registry *registry, int64_t device_row, uint64_t now, size_t count,
                                  unsigned limit, bool *ret_allowed, struct base_error *error)
{
        struct counting counting = { .row = device_row, .now = now, .count = count, .limit = limit };

        if (!issuer_registry_transaction(registry, count_tokens, &counting, error))
                return false;
        *ret_allowed = counting.allowed;
        return true;
}

/* After a statement that changes the device called `id`. */
static bool check_changed(struct issuer_registry *registry, const char *id, struct base_error *error)
{
        return sqlite3_changes(registry->database) > 0 ||
               base_error_set(error, BASE_ERROR_NOT_FOUND, "there is no device %.40s", id);
}

bool issuer_registry_set_status(struct issuer_registry *registry, const char *id, enum issuer_device_status status,
                                struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_SET_STATUS);

        (void) sqlite3_bind_int(statement, 1, (int) status);
        (void) sqlite3_bind_text(statement, 2, id, -1, SQLITE_STATIC);
        return issuer_registry_step_done(registry, statement, error) && check_changed(registry, id, error);
}

bool issuer_registry_set_group(struct issuer_registry *registry, const char *id, const char *group, struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_SET_GROUP);

        if (strlen(group) > ISSUER_DEVICE_GROUP_MAX)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "a group's name has at most %d bytes",
                                      ISSUER_DEVICE_GROUP_MAX);
        (void) sqlite3_bind_text(statement, 1, group, -1, SQLITE_STATIC);
        (void) sqlite3_bind_text(statement, 2, id, -1, SQLITE_STATIC);
        return issuer_registry_step_done(registry, statement, error) && check_changed(registry, id, error);
}

bool issuer_registry_count(struct issuer_registry *registry, enum issuer_device_status status, uint64_t *ret,
                           struct base_error *error)
{
        ISSUER_LOCKED(registry);

        return issuer_registry_count_status(registry, (int) status, ret, error);
}

bool issuer_registry_visit(struct issuer_registry *registry, uint64_t now,
                           void (*visitor)(const struct issuer_device *device, uint64_t tokens_today, void *context),
                           void *context, struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_LIST);
        struct issuer_device device;
        int result;

        (void) sqlite3_bind_int64(statement, 1, (sqlite3_int64) (now / 86400));
        while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
                issuer_registry_read_device(statement, &device);
                visitor(&device, (uint64_t) sqlite3_column_int64(statement, 9), context);
        }
        return result == SQLITE_DONE || issuer_registry_fail(registry, error);
}

const char *issuer_device_status_name(enum issuer_device_status status)
{
        return status == ISSUER_DEVICE_ACTIVE ? "active" : "revoked";
}
