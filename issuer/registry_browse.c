/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/registry_browse.h"

#include "issuer/registry_internal.h"

#include "base/encode.h"

#include <string.h>

#define SUMMARY                                                                                                                  \
        "SELECT devices.row, id, devices.device_group, status, ek_fingerprint, enrolled_at, last_verified, ek_name,"             \
        " ek_certified, seal, ifnull(tokens.count, 0), states.digest, states.verified_at, approved.digest IS NOT NULL"           \
        " FROM devices LEFT JOIN tokens ON tokens.device = devices.row AND tokens.day = ?1"                                      \
        " LEFT JOIN states ON states.device = devices.row"                                                                       \
        " LEFT JOIN approved ON approved.device_group = devices.device_group AND approved.digest = states.digest WHERE "

/* ?1 the day, ?2 and ?3 the bounds of the key, from the one and below the other, ?4 how many, ?5 what is looked for. */
#define BY_ROW(filter, order) SUMMARY filter "devices.row >= ?2 AND devices.row < ?3 ORDER BY devices.row " order " LIMIT ?4"
#define BY_KEY(key, order)    SUMMARY key " >= ?2 AND " key " < ?3 ORDER BY " key " " order " LIMIT ?4"

/* Each forwards, then backwards. */
static const char *const browse_statements[ISSUER_BROWSE_BY_COUNT][2] = {
        [ISSUER_BROWSE_ALL] = { BY_ROW("", "DESC"), BY_ROW("", "ASC") },
        [ISSUER_BROWSE_REVOKED] = { BY_ROW("status = 1 AND ", "DESC"), BY_ROW("status = 1 AND ", "ASC") },
        [ISSUER_BROWSE_GROUP] = { BY_ROW("devices.device_group = ?5 AND ", "DESC"),
                                  BY_ROW("devices.device_group = ?5 AND ", "ASC") },
        [ISSUER_BROWSE_ID] = { BY_KEY("id", "ASC"), BY_KEY("id", "DESC") },
        [ISSUER_BROWSE_EK_NAME] = { BY_KEY("ek_name", "ASC"), BY_KEY("ek_name", "DESC") },
};

enum other_statement {
        SELECT_ONE,
        SELECT_KEYS,
        SELECT_GROUPS,
        SELECT_GROUP,
        SELECT_APPROVED,
        SELECT_DAYS,
        SELECT_DEVICE_DAYS,
        OTHER_COUNT,
};

static const char *const other_statements[OTHER_COUNT] = {
        [SELECT_ONE] = SUMMARY "id = ?2",
        [SELECT_KEYS] = "SELECT ak_name, superseded_at IS NULL FROM keys WHERE device = ?1",
        [SELECT_GROUPS] =
                "SELECT name, active, revoked, CASE day WHEN ?1 THEN count ELSE 0 END FROM device_groups WHERE name >= ?2"
                " ORDER BY name LIMIT ?3",
        [SELECT_GROUP] =
                "SELECT name, active, revoked, CASE day WHEN ?1 THEN count ELSE 0 END FROM device_groups WHERE name = ?2",
        [SELECT_APPROVED] = "SELECT device_group, digest, approved_at FROM approved WHERE (device_group, digest) > (?1, ?2)"
                            " ORDER BY device_group, digest LIMIT ?3",
        [SELECT_DAYS] = "SELECT day, count FROM token_days WHERE day >= ?1 AND day < ?2",
        [SELECT_DEVICE_DAYS] = "SELECT day, count FROM tokens WHERE device = ?3 AND day >= ?1 AND day < ?2",
};

const char *issuer_registry_browse_statement(size_t at)
{
        const size_t browse_count = (size_t) ISSUER_BROWSE_BY_COUNT * 2;

        if (at < browse_count)
                return browse_statements[at / 2][at % 2];
        return at - browse_count < OTHER_COUNT ? other_statements[at - browse_count] : NULL;
}

static void finalize(sqlite3_stmt **statement)
{
        (void) sqlite3_finalize(*statement);
}

/* Prepared for one use: a page is asked for rarely, and its statements would otherwise be kept by every registry. */
static bool prepare(struct issuer_registry *registry, const char *sql, sqlite3_stmt **ret, struct base_error *error)
{
        return sqlite3_prepare_v2(registry->database, sql, -1, ret, NULL) == SQLITE_OK || issuer_registry_fail(registry, error);
}

static void bind_day(sqlite3_stmt *statement, uint64_t now)
{
        (void) sqlite3_bind_int64(statement, 1, (sqlite3_int64) (now / 86400));
}

static void read_summary(sqlite3_stmt *statement, struct issuer_device_summary *ret)
{
        issuer_registry_read_device(statement, &ret->device);
        issuer_registry_copy_text(statement, 9, ret->device.seal, sizeof(ret->device.seal));
        ret->tokens_today = (uint64_t) sqlite3_column_int64(statement, 10);
        ret->state_known = sqlite3_column_bytes(statement, 11) == sizeof(ret->state);
        if (ret->state_known)
                memcpy(ret->state, sqlite3_column_blob(statement, 11), sizeof(ret->state));
        ret->state_at = (uint64_t) sqlite3_column_int64(statement, 12);
        ret->state_approved = sqlite3_column_int(statement, 13) != 0;
}

/* The registry is locked. */
static bool find(struct issuer_registry *registry, const char *id, uint64_t now, struct issuer_device_summary *ret,
                 struct base_error *error)
{
        BASE_CLEANUP(finalize) sqlite3_stmt *statement = NULL;
        int result;

        if (!prepare(registry, other_statements[SELECT_ONE], &statement, error))
                return false;
        bind_day(statement, now);
        (void) sqlite3_bind_text(statement, 2, id, -1, SQLITE_STATIC);
        result = sqlite3_step(statement);
        if (result == SQLITE_DONE)
                return base_error_set(error, BASE_ERROR_NOT_FOUND, "there is no device %.40s", id);
        if (result != SQLITE_ROW)
                return issuer_registry_fail(registry, error);
        read_summary(statement, ret);
        return true;
}

bool issuer_registry_summary(struct issuer_registry *registry, const char *id, uint64_t now, struct issuer_device_summary *ret,
                             struct base_error *error)
{
        ISSUER_LOCKED(registry);

        return find(registry, id, now, ret, error);
}

/* The bounds of a key: rows by number, identifiers as text, names in binary; from `low` and below `high`. */
struct bounds {
        sqlite3_int64 row_low, row_high;
        char id_low[ISSUER_DEVICE_ID_LEN + 2], id_high[ISSUER_DEVICE_ID_LEN + 2];
        uint8_t name_low[ISSUER_EK_NAME_MAX + 1], name_high[ISSUER_EK_NAME_MAX + 1];
        size_t name_low_len, name_high_len;
};

static bool fail_prefix(struct base_error *error, int digits)
{
        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "what is looked for here are at most %d hex digits", digits);
}

/* What sorts after everything that begins with the identifier's prefix: 'g' follows 'f'. */
static bool bound_ids(const char *prefix, struct bounds *bounds, struct base_error *error)
{
        size_t len = strlen(prefix);

        if (len > ISSUER_DEVICE_ID_LEN || prefix[strspn(prefix, "0123456789abcdef")] != '\0')
                return fail_prefix(error, ISSUER_DEVICE_ID_LEN);
        (void) snprintf(bounds->id_low, sizeof(bounds->id_low), "%s", prefix);
        (void) snprintf(bounds->id_high, sizeof(bounds->id_high), "%sg", prefix);
        return true;
}

/* An odd number of digits: the last one is the upper half of a byte. */
static bool bound_names(const char *prefix, struct bounds *bounds, struct base_error *error)
{
        base_auto_buffer struct base_buffer name = BASE_BUFFER_INIT(ISSUER_EK_NAME_MAX + 1);
        char digits[2 * ISSUER_EK_NAME_MAX + 3];
        size_t len = strlen(prefix);

        if (len > (size_t) 2 * ISSUER_EK_NAME_MAX)
                return fail_prefix(error, 2 * ISSUER_EK_NAME_MAX);
        for (unsigned high = 0; high < 2; high++) {
                uint8_t *to = high ? bounds->name_high : bounds->name_low;
                size_t *to_len = high ? &bounds->name_high_len : &bounds->name_low_len;

                (void) snprintf(digits, sizeof(digits), "%s%s", prefix, len % 2 == 0 ? "" : high ? "f" : "0");
                base_buffer_reset(&name);
                if (!base_hex_decode(&name, digits, strlen(digits)))
                        return fail_prefix(error, 2 * ISSUER_EK_NAME_MAX);
                if (name.len > 0)
                        memcpy(to, name.data, name.len);
                *to_len = name.len;
        }
        /* Past the last one: the next number of as many bytes; names begin with an algorithm below 0xffff. */
        for (size_t i = bounds->name_high_len; i > 0 && ++bounds->name_high[i - 1] == 0; i--)
                ;
        if (len == 0) {
                bounds->name_high[0] = 0xff;
                bounds->name_high_len = 1;
        }
        return true;
}

static bool bound(const struct issuer_browse *browse, struct bounds *bounds, struct base_error *error)
{
        *bounds = (struct bounds){ .row_low = 0, .row_high = INT64_MAX };
        if (browse->by == ISSUER_BROWSE_ID)
                return bound_ids(browse->text, bounds, error);
        return browse->by != ISSUER_BROWSE_EK_NAME || bound_names(browse->text, bounds, error);
}

/* Rows are shown from the newest on, so that after the cursor comes what is below it; the keys the other way round. */
static void narrow(const struct issuer_browse *browse, const struct issuer_device *cursor, struct bounds *bounds)
{
        bool above = (browse->by >= ISSUER_BROWSE_ID) != browse->backwards;

        if (above) {
                bounds->row_low = cursor->row + 1;
                (void) snprintf(bounds->id_low, sizeof(bounds->id_low), "%s!", cursor->id);
                memcpy(bounds->name_low, cursor->ek_name, cursor->ek_name_len);
                bounds->name_low[cursor->ek_name_len] = 0;
                bounds->name_low_len = cursor->ek_name_len + 1;
        } else {
                bounds->row_high = cursor->row;
                (void) snprintf(bounds->id_high, sizeof(bounds->id_high), "%s", cursor->id);
                memcpy(bounds->name_high, cursor->ek_name, cursor->ek_name_len);
                bounds->name_high_len = cursor->ek_name_len;
        }
}

static void bind_bounds(sqlite3_stmt *statement, const struct issuer_browse *browse, const struct bounds *bounds)
{
        if (browse->by == ISSUER_BROWSE_ID) {
                (void) sqlite3_bind_text(statement, 2, bounds->id_low, -1, SQLITE_STATIC);
                (void) sqlite3_bind_text(statement, 3, bounds->id_high, -1, SQLITE_STATIC);
        } else if (browse->by == ISSUER_BROWSE_EK_NAME) {
                (void) sqlite3_bind_blob(statement, 2, bounds->name_low, (int) bounds->name_low_len, SQLITE_STATIC);
                (void) sqlite3_bind_blob(statement, 3, bounds->name_high, (int) bounds->name_high_len, SQLITE_STATIC);
        } else {
                (void) sqlite3_bind_int64(statement, 2, bounds->row_low);
                (void) sqlite3_bind_int64(statement, 3, bounds->row_high);
        }
        if (browse->by == ISSUER_BROWSE_GROUP)
                (void) sqlite3_bind_text(statement, 5, browse->text, -1, SQLITE_STATIC);
}

static void reverse(struct issuer_browse_page *page)
{
        for (size_t i = 0; i < page->count / 2; i++) {
                struct issuer_device_summary item = page->items[i];

                page->items[i] = page->items[page->count - 1 - i];
                page->items[page->count - 1 - i] = item;
        }
}

/* One row more than a page has says whether there is another. */
static bool read_page(struct issuer_registry *registry, sqlite3_stmt *statement, const struct issuer_browse *browse,
                      struct issuer_browse_page *page, struct base_error *error)
{
        bool more = false;
        int result;

        page->count = 0;
        while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
                more = page->count == ISSUER_BROWSE_ROWS_MAX;
                if (!more)
                        read_summary(statement, &page->items[page->count++]);
        }
        if (result != SQLITE_DONE)
                return issuer_registry_fail(registry, error);
        if (browse->backwards)
                reverse(page);
        page->more_before = browse->backwards ? more : browse->cursor[0] != '\0';
        page->more_after = browse->backwards || more;
        return true;
}

bool issuer_registry_browse(struct issuer_registry *registry, const struct issuer_browse *browse, uint64_t now,
                            struct issuer_browse_page *ret, struct base_error *error)
{
        ISSUER_LOCKED(registry);
        BASE_CLEANUP(finalize) sqlite3_stmt *statement = NULL;
        struct bounds bounds;

        if (!bound(browse, &bounds, error))
                return false;
        if (browse->cursor[0] != '\0') {
                struct issuer_device_summary cursor;

                if (!find(registry, browse->cursor, now, &cursor, error))
                        return false;
                narrow(browse, &cursor.device, &bounds);
        }
        if (!prepare(registry, browse_statements[browse->by][browse->backwards], &statement, error))
                return false;
        bind_day(statement, now);
        bind_bounds(statement, browse, &bounds);
        (void) sqlite3_bind_int(statement, 4, ISSUER_BROWSE_ROWS_MAX + 1);
        return read_page(registry, statement, browse, ret, error);
}

bool issuer_registry_device_keys(struct issuer_registry *registry, int64_t device_row, struct issuer_device_keys *ret,
                                 struct base_error *error)
{
        ISSUER_LOCKED(registry);
        BASE_CLEANUP(finalize) sqlite3_stmt *statement = NULL;
        struct issuer_device_keys keys = { .superseded = 0 };
        int result;

        if (!prepare(registry, other_statements[SELECT_KEYS], &statement, error))
                return false;
        (void) sqlite3_bind_int64(statement, 1, device_row);
        while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
                if (sqlite3_column_int(statement, 1) == 0) {
                        keys.superseded++;
                } else if (sqlite3_column_bytes(statement, 0) == sizeof(keys.ak_name)) {
                        memcpy(keys.ak_name, sqlite3_column_blob(statement, 0), sizeof(keys.ak_name));
                        keys.has_ak_name = true;
                }
        }
        if (result != SQLITE_DONE)
                return issuer_registry_fail(registry, error);
        *ret = keys;
        return true;
}

bool issuer_registry_browse_groups(struct issuer_registry *registry, const char *after, uint64_t now,
                                   struct issuer_group_summary ret[static ISSUER_BROWSE_ROWS_MAX], size_t *ret_count,
                                   bool *ret_more, struct base_error *error)
{
        ISSUER_LOCKED(registry);
        BASE_CLEANUP(finalize) sqlite3_stmt *statement = NULL;
        char from[ISSUER_DEVICE_GROUP_MAX + 2];
        size_t count = 0;
        int result;

        if (!prepare(registry, other_statements[SELECT_GROUPS], &statement, error))
                return false;
        bind_day(statement, now);
        /* No text lies between one and the same with the lowest byte behind it. */
        (void) snprintf(from, sizeof(from), "%s%s", after == NULL ? "" : after, after == NULL ? "" : "\x01");
        (void) sqlite3_bind_text(statement, 2, from, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int(statement, 3, ISSUER_BROWSE_ROWS_MAX + 1);
        *ret_more = false;
        while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
                struct issuer_group_summary *group = &ret[count];

                *ret_more = count == ISSUER_BROWSE_ROWS_MAX;
                if (*ret_more)
                        continue;
                count++;
                issuer_registry_copy_text(statement, 0, group->name, sizeof(group->name));
                group->active = (uint64_t) sqlite3_column_int64(statement, 1);
                group->revoked = (uint64_t) sqlite3_column_int64(statement, 2);
                group->tokens_today = (uint64_t) sqlite3_column_int64(statement, 3);
        }
        *ret_count = count;
        return result == SQLITE_DONE || issuer_registry_fail(registry, error);
}

bool issuer_registry_has_group(struct issuer_registry *registry, const char *name, bool *ret, struct base_error *error)
{
        ISSUER_LOCKED(registry);
        BASE_CLEANUP(finalize) sqlite3_stmt *statement = NULL;
        int result;

        if (!prepare(registry, other_statements[SELECT_GROUP], &statement, error))
                return false;
        (void) sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
        result = sqlite3_step(statement);
        if (result != SQLITE_ROW && result != SQLITE_DONE)
                return issuer_registry_fail(registry, error);
        *ret = result == SQLITE_ROW;
        return true;
}

bool issuer_registry_browse_approved(struct issuer_registry *registry, const struct issuer_approval *after,
                                     struct issuer_approval ret[static ISSUER_BROWSE_ROWS_MAX], size_t *ret_count, bool *ret_more,
                                     struct base_error *error)
{
        ISSUER_LOCKED(registry);
        BASE_CLEANUP(finalize) sqlite3_stmt *statement = NULL;
        size_t count = 0;
        int result;

        if (!prepare(registry, other_statements[SELECT_APPROVED], &statement, error))
                return false;
        (void) sqlite3_bind_text(statement, 1, after == NULL ? "" : after->group, -1, SQLITE_STATIC);
        (void) sqlite3_bind_blob(statement, 2, after == NULL ? "" : (const void *) after->digest,
                                 after == NULL ? 0 : (int) sizeof(after->digest), SQLITE_STATIC);
        (void) sqlite3_bind_int(statement, 3, ISSUER_BROWSE_ROWS_MAX + 1);
        *ret_more = false;
        while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
                struct issuer_approval *approval = &ret[count];

                *ret_more = count == ISSUER_BROWSE_ROWS_MAX;
                if (*ret_more)
                        continue;
                count++;
                *approval = (struct issuer_approval){ .approved_at = (uint64_t) sqlite3_column_int64(statement, 2) };
                issuer_registry_copy_text(statement, 0, approval->group, sizeof(approval->group));
                if (sqlite3_column_bytes(statement, 1) == sizeof(approval->digest))
                        memcpy(approval->digest, sqlite3_column_blob(statement, 1), sizeof(approval->digest));
        }
        *ret_count = count;
        return result == SQLITE_DONE || issuer_registry_fail(registry, error);
}

bool issuer_registry_token_days(struct issuer_registry *registry, int64_t device_row, uint64_t first_day, uint64_t *ret,
                                size_t count, struct base_error *error)
{
        ISSUER_LOCKED(registry);
        BASE_CLEANUP(finalize) sqlite3_stmt *statement = NULL;
        int result;

        if (!prepare(registry, other_statements[device_row > 0 ? SELECT_DEVICE_DAYS : SELECT_DAYS], &statement, error))
                return false;
        (void) sqlite3_bind_int64(statement, 1, (sqlite3_int64) first_day);
        (void) sqlite3_bind_int64(statement, 2, (sqlite3_int64) (first_day + count));
        if (device_row > 0)
                (void) sqlite3_bind_int64(statement, 3, device_row);
        memset(ret, 0, count * sizeof(*ret));
        while ((result = sqlite3_step(statement)) == SQLITE_ROW)
                ret[(uint64_t) sqlite3_column_int64(statement, 0) - first_day] = (uint64_t) sqlite3_column_int64(statement, 1);
        return result == SQLITE_DONE || issuer_registry_fail(registry, error);
}
