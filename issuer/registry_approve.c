/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot states that an operator approved for a group, each by the digest of the reference PCRs. */
#include "issuer/registry_internal.h"

#include <string.h>

bool issuer_registry_note_boot_state(struct issuer_registry *registry, int64_t device_row,
                                     const uint8_t digest[static EVIDENCE_PCR_DIGEST_LEN], uint64_t now, struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_NOTE_STATE);

        (void) sqlite3_bind_int64(statement, 1, device_row);
        issuer_registry_bind_bytes(statement, 2, BASE_BYTES(digest, EVIDENCE_PCR_DIGEST_LEN));
        (void) sqlite3_bind_int64(statement, 3, (sqlite3_int64) now);
        return issuer_registry_step_done(registry, statement, error);
}

bool issuer_registry_is_approved(struct issuer_registry *registry, const char *group,
                                 const uint8_t digest[static EVIDENCE_PCR_DIGEST_LEN], bool *ret, struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_IS_APPROVED);
        int result;

        (void) sqlite3_bind_text(statement, 1, group, -1, SQLITE_STATIC);
        issuer_registry_bind_bytes(statement, 2, BASE_BYTES(digest, EVIDENCE_PCR_DIGEST_LEN));
        result = sqlite3_step(statement);
        if (result != SQLITE_ROW && result != SQLITE_DONE)
                return issuer_registry_fail(registry, error);
        *ret = result == SQLITE_ROW;
        return true;
}

bool issuer_registry_approve(struct issuer_registry *registry, const char *id, uint64_t now, struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_APPROVE);

        (void) sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(statement, 2, (sqlite3_int64) now);
        if (!issuer_registry_step_done(registry, statement, error))
                return false;
        return sqlite3_changes(registry->database) > 0 ||
               base_error_set(
                       error, BASE_ERROR_NOT_FOUND,
                       "there is no device %s, or no evidence of it with PCRs 0, 2, 4 and 7 in SHA-256 has been verified yet",
                       id);
}

bool issuer_registry_approve_state(struct issuer_registry *registry, const char *id, const char *group, struct base_bytes digest,
                                   uint64_t now, struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_APPROVE_STATE);

        (void) sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(statement, 2, (sqlite3_int64) now);
        (void) sqlite3_bind_text(statement, 3, group, -1, SQLITE_STATIC);
        issuer_registry_bind_bytes(statement, 4, digest);
        if (!issuer_registry_step_done(registry, statement, error))
                return false;
        return sqlite3_changes(registry->database) > 0 ||
               base_error_set(error, BASE_ERROR_NOT_FOUND,
                              "the device %.40s has another boot state or another group by now: look at it again", id);
}

bool issuer_registry_disapprove(struct issuer_registry *registry, const char *group, struct base_bytes digest,
                                struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_DISAPPROVE);

        (void) sqlite3_bind_text(statement, 1, group, -1, SQLITE_STATIC);
        issuer_registry_bind_bytes(statement, 2, digest);
        if (!issuer_registry_step_done(registry, statement, error))
                return false;
        return sqlite3_changes(registry->database) > 0 ||
               base_error_set(error, BASE_ERROR_NOT_FOUND, "the group \"%s\" has no such approval", group);
}

bool issuer_registry_visit_approved(struct issuer_registry *registry,
                                    void (*visitor)(const struct issuer_approval *approval, void *context), void *context,
                                    struct base_error *error)
{
        ISSUER_LOCKED(registry);
        ISSUER_STATEMENT(registry, STATEMENT_LIST_APPROVED);
        int result;

        while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
                struct issuer_approval approval = { .approved_at = (uint64_t) sqlite3_column_int64(statement, 2) };

                issuer_registry_copy_text(statement, 0, approval.group, sizeof(approval.group));
                if (sqlite3_column_bytes(statement, 1) == sizeof(approval.digest))
                        memcpy(approval.digest, sqlite3_column_blob(statement, 1), sizeof(approval.digest));
                visitor(&approval, context);
        }
        return result == SQLITE_DONE || issuer_registry_fail(registry, error);
}
