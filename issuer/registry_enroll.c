/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/registry_internal.h"

#include "base/encode.h"

#include <string.h>

struct enrolling {
        const struct issuer_enrollment *enrollment;
        struct issuer_device device;
        bool known;
};

static bool find_by_ek(struct issuer_registry *registry, struct enrolling *enrolling, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_FIND_EK);
        int result;

        issuer_registry_bind_bytes(statement, 1, enrolling->enrollment->ek_name);
        issuer_registry_bind_bytes(statement, 2, enrolling->enrollment->ek_other_name);
        result = sqlite3_step(statement);
        if (result != SQLITE_ROW && result != SQLITE_DONE)
                return issuer_registry_fail(registry, error);
        enrolling->known = result == SQLITE_ROW;
        if (enrolling->known)
                issuer_registry_read_device(statement, &enrolling->device);
        return true;
}

static bool check_room(struct issuer_registry *registry, struct base_error *error)
{
        uint64_t active, revoked;

        if (!issuer_registry_count_status(registry, ISSUER_DEVICE_ACTIVE, &active, error) ||
            !issuer_registry_count_status(registry, ISSUER_DEVICE_REVOKED, &revoked, error))
                return false;
        return active + revoked < ISSUER_REGISTRY_DEVICES_MAX ||
               base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the registry is full: %d devices", ISSUER_REGISTRY_DEVICES_MAX);
}

static bool add_device(struct issuer_registry *registry, struct enrolling *enrolling, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_ADD_DEVICE);
        base_auto_buffer struct base_buffer id = BASE_BUFFER_INIT(ISSUER_DEVICE_ID_LEN + 1);
        uint8_t random[ISSUER_DEVICE_ID_LEN / 2];

        if (!check_room(registry, error) || !registry->random->fill(registry->random->context, random, sizeof(random), error))
                return false;
        base_hex_encode(&id, BASE_BYTES_OF(random));
        if (base_buffer_c_string(&id) == NULL)
                return base_error_set_no_memory(error);
        (void) snprintf(enrolling->device.id, sizeof(enrolling->device.id), "%s", base_buffer_c_string(&id));
        (void) sqlite3_bind_text(statement, 1, enrolling->device.id, -1, SQLITE_STATIC);
        issuer_registry_bind_bytes(statement, 2, enrolling->enrollment->ek_name);
        issuer_registry_bind_bytes(statement, 3, enrolling->enrollment->ek_fingerprint);
        (void) sqlite3_bind_int64(statement, 4, (sqlite3_int64) enrolling->enrollment->now);
        (void) sqlite3_bind_int(statement, 5, enrolling->enrollment->ek_certified);
        issuer_registry_bind_bytes(statement, 6, enrolling->enrollment->ek_other_name);
        if (!issuer_registry_step_done(registry, statement, error))
                return false;
        enrolling->device.row = sqlite3_last_insert_rowid(registry->database);
        return true;
}

static bool renew_device(struct issuer_registry *registry, struct enrolling *enrolling, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_RENEW_DEVICE);

        issuer_registry_bind_bytes(statement, 1, enrolling->enrollment->ek_fingerprint);
        (void) sqlite3_bind_int64(statement, 2, (sqlite3_int64) enrolling->enrollment->now);
        (void) sqlite3_bind_int64(statement, 3, enrolling->device.row);
        (void) sqlite3_bind_int(statement, 4, enrolling->enrollment->ek_certified);
        issuer_registry_bind_bytes(statement, 5, enrolling->enrollment->ek_name);
        issuer_registry_bind_bytes(statement, 6, enrolling->enrollment->ek_other_name);
        return issuer_registry_step_done(registry, statement, error);
}

/* One key cannot stand for two devices, and one that was replaced does not come back: with it would an old seal. */
static bool check_key(struct issuer_registry *registry, const struct enrolling *enrolling, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_FIND);
        int result;

        issuer_registry_bind_bytes(statement, 1, enrolling->enrollment->ak_name);
        result = sqlite3_step(statement);
        if (result != SQLITE_ROW && result != SQLITE_DONE)
                return issuer_registry_fail(registry, error);
        if (result == SQLITE_DONE)
                return true;
        if (sqlite3_column_int64(statement, 0) != enrolling->device.row) {
                (void) base_error_set(error, BASE_ERROR_NOT_AUTHORIZED,
                                      "this attestation key is enrolled under another endorsement key: make a new one");
                base_error_set_detail(error, "it is the key of device %s", (const char *) sqlite3_column_text(statement, 1));
                return false;
        }
        return sqlite3_column_int(statement, 10) == 0 ||
               base_error_set(error, BASE_ERROR_NOT_AUTHORIZED,
                              "this attestation key was replaced by a newer one of this device: make a new one");
}

static bool put_key(struct issuer_registry *registry, const struct enrolling *enrolling, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_PUT_KEY);

        issuer_registry_bind_bytes(statement, 1, enrolling->enrollment->ak_name);
        (void) sqlite3_bind_int64(statement, 2, enrolling->device.row);
        issuer_registry_bind_bytes(statement, 3, enrolling->enrollment->ak_public);
        (void) sqlite3_bind_int64(statement, 4, (sqlite3_int64) enrolling->enrollment->now);
        return issuer_registry_step_done(registry, statement, error);
}

static bool supersede_others(struct issuer_registry *registry, const struct enrolling *enrolling, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_SUPERSEDE);

        (void) sqlite3_bind_int64(statement, 1, (sqlite3_int64) enrolling->enrollment->now);
        (void) sqlite3_bind_int64(statement, 2, enrolling->device.row);
        issuer_registry_bind_bytes(statement, 3, enrolling->enrollment->ak_name);
        return issuer_registry_step_done(registry, statement, error);
}

static bool forget_oldest_keys(struct issuer_registry *registry, const struct enrolling *enrolling, struct base_error *error)
{
        ISSUER_STATEMENT(registry, STATEMENT_FORGET_KEYS);

        (void) sqlite3_bind_int64(statement, 1, enrolling->device.row);
        (void) sqlite3_bind_int(statement, 2, ISSUER_REGISTRY_KEYS_KEPT + 1);
        return issuer_registry_step_done(registry, statement, error);
}

static bool check_hour(struct issuer_registry *registry, const struct enrolling *enrolling, bool count, struct base_error *error)
{
        const struct issuer_enrollment *enrollment = enrolling->enrollment;
        bool allowed;

        if (!issuer_registry_use_locked(registry, enrolling->device.row, ISSUER_USE_ENROLLMENT, enrollment->now,
                                        enrollment->per_hour, count, &allowed, error))
                return false;
        return allowed ||
               base_error_set(error, BASE_ERROR_RATE_LIMITED,
                              "this device has enrolled %u times within the hour: try again later", enrollment->per_hour);
}

static bool check(struct issuer_registry *registry, struct enrolling *enrolling, struct base_error *error)
{
        if (!find_by_ek(registry, enrolling, error))
                return false;
        if (enrolling->known && enrolling->device.status == ISSUER_DEVICE_REVOKED)
                return base_error_set(error, BASE_ERROR_NOT_AUTHORIZED, "this device was revoked: ask the issuer's operator");
        return check_key(registry, enrolling, error);
}

bool issuer_registry_check_enrollment(struct issuer_registry *registry, const struct issuer_enrollment *enrollment,
                                      struct base_error *error)
{
        struct enrolling enrolling = { .enrollment = enrollment };
        ISSUER_LOCKED(registry);

        return check(registry, &enrolling, error) && (!enrolling.known || check_hour(registry, &enrolling, false, error));
}

static bool enroll(struct issuer_registry *registry, void *context, struct base_error *error)
{
        struct enrolling *enrolling = context;

        return check(registry, enrolling, error) &&
               (enrolling->known ? renew_device(registry, enrolling, error) : add_device(registry, enrolling, error)) &&
               check_hour(registry, enrolling, true, error) && put_key(registry, enrolling, error) &&
               supersede_others(registry, enrolling, error) && forget_oldest_keys(registry, enrolling, error);
}

bool issuer_registry_enroll(struct issuer_registry *registry, const struct issuer_enrollment *enrollment,
                            char ret_id[static ISSUER_DEVICE_ID_LEN + 1], struct base_error *error)
{
        struct enrolling enrolling = { .enrollment = enrollment };

        if (!issuer_registry_transaction(registry, enroll, &enrolling, error))
                return false;
        memcpy(ret_id, enrolling.device.id, sizeof(enrolling.device.id));
        return true;
}
