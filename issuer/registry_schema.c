/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/registry_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define SCHEMA_VERSION  7
#define BUSY_TIMEOUT_MS 2000

/* A token costs no fsync: with WAL and NORMAL a crash of the machine may forget the last counts, never damage the file. For
 * operators see issuer_registry_make_durable(). */
static const char settings[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
                               "PRAGMA trusted_schema=OFF;";

/* What each version adds to the one before; a new database gets them all. */
static const char *const schema[SCHEMA_VERSION] = {
        "BEGIN IMMEDIATE;"
        "CREATE TABLE devices (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ek_name BLOB NOT NULL UNIQUE,"
        " ek_fingerprint BLOB, device_group TEXT NOT NULL DEFAULT '', status INTEGER NOT NULL DEFAULT 0,"
        " enrolled_at INTEGER NOT NULL, last_verified INTEGER NOT NULL DEFAULT 0) STRICT;"
        "CREATE INDEX devices_status ON devices (status);"
        "CREATE TABLE keys (ak_name BLOB PRIMARY KEY, device INTEGER NOT NULL REFERENCES devices (row),"
        " ak_public BLOB NOT NULL, enrolled_at INTEGER NOT NULL, superseded_at INTEGER) STRICT, WITHOUT ROWID;"
        "CREATE INDEX keys_device ON keys (device);"
        "CREATE TABLE tokens (device INTEGER NOT NULL REFERENCES devices (row), day INTEGER NOT NULL,"
        " count INTEGER NOT NULL, PRIMARY KEY (device, day)) STRICT, WITHOUT ROWID;"
        "PRAGMA user_version=1;"
        "COMMIT;",
        "BEGIN IMMEDIATE;"
        "CREATE TABLE boots (device INTEGER PRIMARY KEY REFERENCES devices (row), ak_name BLOB NOT NULL,"
        " reset_count INTEGER NOT NULL, pcrs INTEGER NOT NULL, pcr_digest BLOB NOT NULL, received_at INTEGER NOT NULL) STRICT;"
        "CREATE TABLE boot_facts (device INTEGER NOT NULL REFERENCES devices (row), name TEXT NOT NULL, kind INTEGER NOT NULL,"
        " number INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (device, name)) STRICT, WITHOUT ROWID;"
        "PRAGMA user_version=2;"
        "COMMIT;",
        "BEGIN IMMEDIATE;"
        "CREATE TABLE states (device INTEGER PRIMARY KEY REFERENCES devices (row), digest BLOB NOT NULL,"
        " verified_at INTEGER NOT NULL) STRICT;"
        "CREATE TABLE approved (device_group TEXT NOT NULL, digest BLOB NOT NULL, approved_at INTEGER NOT NULL,"
        " PRIMARY KEY (device_group, digest)) STRICT, WITHOUT ROWID;"
        "PRAGMA user_version=3;"
        "COMMIT;",
        "BEGIN IMMEDIATE;"
        "CREATE TABLE graces (device INTEGER NOT NULL REFERENCES devices (row), rule TEXT NOT NULL,"
        " failing_since INTEGER NOT NULL, passing_since INTEGER NOT NULL, PRIMARY KEY (device, rule)) STRICT, WITHOUT ROWID;"
        "PRAGMA user_version=4;"
        "COMMIT;",
        "BEGIN IMMEDIATE;"
        "ALTER TABLE devices ADD COLUMN ek_certified INTEGER NOT NULL DEFAULT 0;"
        "UPDATE devices SET ek_certified = ek_fingerprint IS NOT NULL;"
        "ALTER TABLE keys ADD COLUMN reset_count INTEGER NOT NULL DEFAULT 0;"
        "CREATE TABLE uses (device INTEGER NOT NULL REFERENCES devices (row), kind INTEGER NOT NULL, hour INTEGER NOT NULL,"
        " count INTEGER NOT NULL, PRIMARY KEY (device, kind)) STRICT, WITHOUT ROWID;"
        "PRAGMA user_version=5;"
        "COMMIT;",
        /* The sums that nobody could count afresh for each page that shows them; triggers keep them, whoever writes. */
        "BEGIN IMMEDIATE;"
        "ALTER TABLE devices ADD COLUMN seal TEXT NOT NULL DEFAULT '';"
        "CREATE INDEX devices_group ON devices (device_group);"
        "CREATE TABLE token_days (day INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT;"
        "CREATE TABLE device_groups (name TEXT PRIMARY KEY, active INTEGER NOT NULL, revoked INTEGER NOT NULL,"
        " day INTEGER NOT NULL, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE TABLE device_counts (status INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT;"
        "INSERT INTO device_counts SELECT 0, count(*) FROM devices WHERE status = 0;"
        "INSERT INTO device_counts SELECT 1, count(*) FROM devices WHERE status = 1;"
        "INSERT INTO token_days SELECT day, sum(count) FROM tokens GROUP BY day;"
        "INSERT INTO device_groups SELECT device_group, sum(status = 0), sum(status <> 0), 0, 0 FROM devices GROUP BY "
        "device_group;"
        "CREATE TRIGGER devices_added AFTER INSERT ON devices BEGIN"
        " UPDATE device_counts SET count = count + 1 WHERE status = new.status;"
        " INSERT INTO device_groups VALUES (new.device_group, new.status = 0, new.status <> 0, 0, 0)"
        "  ON CONFLICT (name) DO UPDATE SET active = active + excluded.active, revoked = revoked + excluded.revoked;"
        " END;"
        "CREATE TRIGGER devices_moved AFTER UPDATE OF device_group, status ON devices"
        " WHEN old.device_group <> new.device_group OR old.status <> new.status BEGIN"
        " INSERT INTO device_groups VALUES (new.device_group, new.status = 0, new.status <> 0, 0, 0)"
        "  ON CONFLICT (name) DO UPDATE SET active = active + excluded.active, revoked = revoked + excluded.revoked;"
        " UPDATE device_groups SET active = active - (old.status = 0), revoked = revoked - (old.status <> 0)"
        "  WHERE name = old.device_group;"
        " DELETE FROM device_groups WHERE name = old.device_group AND active + revoked = 0;"
        " UPDATE device_counts SET count = count + 1 WHERE status = new.status;"
        " UPDATE device_counts SET count = count - 1 WHERE status = old.status;"
        " END;"
        "CREATE TRIGGER tokens_added AFTER INSERT ON tokens BEGIN"
        " INSERT INTO token_days VALUES (new.day, new.count) ON CONFLICT (day) DO UPDATE SET count = count + excluded.count;"
        " DELETE FROM token_days WHERE day < new.day - 400;"
        " UPDATE device_groups SET count = CASE day WHEN new.day THEN count + new.count ELSE new.count END, day = new.day"
        "  WHERE day <= new.day AND name = (SELECT device_group FROM devices WHERE row = new.device);"
        " END;"
        "CREATE TRIGGER tokens_counted AFTER UPDATE OF count ON tokens BEGIN"
        " UPDATE token_days SET count = count + new.count - old.count WHERE day = new.day;"
        " UPDATE device_groups SET count = count + new.count - old.count"
        "  WHERE name = (SELECT device_group FROM devices WHERE row = new.device) AND day = new.day;"
        " END;"
        "PRAGMA user_version=6;"
        "COMMIT;",
        "BEGIN IMMEDIATE;"
        "ALTER TABLE devices ADD COLUMN ek_other_name BLOB;"
        "PRAGMA user_version=7;"
        "COMMIT;",
};

#define DEVICE_COLUMNS                                                                                                           \
        "devices.row, id, device_group, status, ek_fingerprint, devices.enrolled_at, last_verified, ek_name,"                    \
        " ek_certified"

static const char *const statements[STATEMENT_TOTAL] = {
        [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
        [STATEMENT_COMMIT] = "COMMIT",
        [STATEMENT_ROLLBACK] = "ROLLBACK",
        [STATEMENT_FIND] = "SELECT " DEVICE_COLUMNS
                           ", ak_public, superseded_at IS NOT NULL, reset_count, seal, ek_other_name FROM keys JOIN devices ON "
                           "devices.row = device WHERE ak_name = ?1",
        [STATEMENT_FIND_EK] = "SELECT " DEVICE_COLUMNS " FROM devices WHERE ek_name IN (?1, ?2)",
        [STATEMENT_COUNT] = "SELECT count FROM device_counts WHERE status = ?1",
        [STATEMENT_ADD_DEVICE] = "INSERT INTO devices (id, ek_name, ek_fingerprint, enrolled_at, ek_certified,"
                                 " ek_other_name) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        [STATEMENT_RENEW_DEVICE] = "UPDATE devices SET ek_fingerprint = ?1, enrolled_at = ?2, ek_certified = ?4,"
                                   " ek_other_name = CASE ek_name WHEN ?5 THEN ?6 ELSE ?5 END WHERE row = ?3",
        [STATEMENT_PUT_KEY] = "INSERT INTO keys (ak_name, device, ak_public, enrolled_at) VALUES (?1, ?2, ?3, ?4)"
                              " ON CONFLICT (ak_name) DO UPDATE SET enrolled_at = ?4",
        [STATEMENT_SUPERSEDE] =
                "UPDATE keys SET superseded_at = ?1 WHERE device = ?2 AND ak_name <> ?3 AND superseded_at IS NULL",
        [STATEMENT_FORGET_KEYS] =
                "DELETE FROM keys WHERE device = ?1 AND ak_name NOT IN (SELECT ak_name FROM keys WHERE device = ?1"
                " ORDER BY superseded_at IS NULL DESC, superseded_at DESC LIMIT ?2)",
        [STATEMENT_COUNT_TOKEN] = "INSERT INTO tokens (device, day, count) SELECT ?1, ?2, ?4 WHERE ?4 <= ?3"
                                  " ON CONFLICT (device, day) DO UPDATE SET count = count + ?4 WHERE count + ?4 <= ?3",
        [STATEMENT_FORGET_TOKENS] = "DELETE FROM tokens WHERE device = ?1 AND day < ?2",
        [STATEMENT_VERIFIED] = "UPDATE devices SET last_verified = ?1 WHERE row = ?2 AND last_verified <> ?1",
        [STATEMENT_SET_STATUS] = "UPDATE devices SET status = ?1 WHERE id = ?2",
        [STATEMENT_SET_GROUP] = "UPDATE devices SET device_group = ?1 WHERE id = ?2",
        [STATEMENT_LIST] = "SELECT " DEVICE_COLUMNS ", ifnull(count, 0) FROM devices LEFT JOIN tokens ON device = devices.row AND"
                           " day = ?1 ORDER BY devices.row",
        [STATEMENT_FIND_BOOT] = "SELECT ak_name, reset_count, pcrs, pcr_digest FROM boots WHERE device = ?1",
        [STATEMENT_FIND_BOOT_FACTS] = "SELECT name, kind, number, text FROM boot_facts WHERE device = ?1",
        [STATEMENT_PUT_BOOT] = "INSERT OR REPLACE INTO boots VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        [STATEMENT_PUT_BOOT_FACT] = "INSERT INTO boot_facts VALUES (?1, ?2, ?3, ?4, ?5)",
        [STATEMENT_NOTE_STATE] = "INSERT INTO states VALUES (?1, ?2, ?3) ON CONFLICT (device) DO UPDATE SET digest = ?2,"
                                 " verified_at = ?3 WHERE digest <> ?2",
        [STATEMENT_IS_APPROVED] = "SELECT 1 FROM approved WHERE device_group = ?1 AND digest = ?2",
        [STATEMENT_APPROVE] = "INSERT OR REPLACE INTO approved SELECT device_group, digest, ?2 FROM devices JOIN states ON"
                              " device = devices.row WHERE id = ?1",
        [STATEMENT_DISAPPROVE] = "DELETE FROM approved WHERE device_group = ?1 AND digest = ?2",
        [STATEMENT_LIST_APPROVED] = "SELECT device_group, digest, approved_at FROM approved ORDER BY device_group, approved_at",
        [STATEMENT_FIND_GRACES] = "SELECT rule, failing_since, passing_since FROM graces WHERE device = ?1",
        [STATEMENT_PUT_GRACE] = "INSERT OR REPLACE INTO graces VALUES (?1, ?2, ?3, ?4)",
        [STATEMENT_FORGET_GRACE] = "DELETE FROM graces WHERE device = ?1 AND rule = ?2",
        [STATEMENT_FIND_USE] = "SELECT count FROM uses WHERE device = ?1 AND kind = ?2 AND hour = ?3",
        [STATEMENT_COUNT_USE] = "INSERT INTO uses VALUES (?1, ?2, ?3, 1) ON CONFLICT (device, kind) DO UPDATE SET"
                                " count = CASE hour WHEN ?3 THEN count + 1 ELSE 1 END, hour = ?3 WHERE hour <> ?3 OR count < ?4",
        [STATEMENT_NOTE_RESETS] = "UPDATE keys SET reset_count = ?2 WHERE ak_name = ?1 AND reset_count < ?2",
        [STATEMENT_NOTE_SEAL] = "UPDATE devices SET seal = ?2 WHERE row = ?1",
        [STATEMENT_APPROVE_STATE] = "INSERT OR REPLACE INTO approved SELECT device_group, digest, ?2 FROM devices JOIN states ON"
                                    " device = devices.row WHERE id = ?1 AND device_group = ?3 AND digest = ?4",
        [STATEMENT_FORGET_BOOT_FACTS] = "DELETE FROM boot_facts WHERE device = ?1",
};

bool issuer_registry_fail(struct issuer_registry *registry, struct base_error *error)
{
        int code = sqlite3_errcode(registry->database);
        bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_MISMATCH;

        (void) base_error_set(error, damaged ? BASE_ERROR_STATE_INVALID : BASE_ERROR_IO,
                              damaged ? "the device registry is damaged" : "the device registry cannot be used");
        base_error_set_detail(error, "SQLite: %s", sqlite3_errmsg(registry->database));
        return false;
}

static bool execute(struct issuer_registry *registry, const char *sql, struct base_error *error)
{
        return sqlite3_exec(registry->database, sql, NULL, NULL, NULL) == SQLITE_OK || issuer_registry_fail(registry, error);
}

static bool read_version(struct issuer_registry *registry, int *ret, struct base_error *error)
{
        sqlite3_stmt *statement = NULL;
        bool ok = sqlite3_prepare_v2(registry->database, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
                  sqlite3_step(statement) == SQLITE_ROW;

        if (ok)
                *ret = sqlite3_column_int(statement, 0);
        else
                (void) issuer_registry_fail(registry, error);
        (void) sqlite3_finalize(statement);
        return ok;
}

static bool set_up(struct issuer_registry *registry, const char *path, struct base_error *error)
{
        int version = 0;

        (void) sqlite3_extended_result_codes(registry->database, 0);
        (void) sqlite3_busy_timeout(registry->database, BUSY_TIMEOUT_MS);
        if (!execute(registry, settings, error) || !read_version(registry, &version, error))
                return base_error_prefix(error, "%s", path);
        if (version < 0 || version > SCHEMA_VERSION)
                return base_error_set(error, BASE_ERROR_STATE_INVALID, "%s was written by a newer attester-issuer (version %d)",
                                      path, version);
        for (; version < SCHEMA_VERSION; version++)
                if (!execute(registry, schema[version], error))
                        return base_error_prefix(error, "%s", path);
        for (size_t i = 0; i < STATEMENT_TOTAL; i++)
                if (sqlite3_prepare_v3(registry->database, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &registry->statements[i],
                                       NULL) != SQLITE_OK) {
                        (void) issuer_registry_fail(registry, error);
                        return base_error_prefix(error, "%s", path);
                }
        return true;
}

/*
 * SQLite would make it with the process's umask. One that is there is not opened here: closing any descriptor of it would give up
 * the locks of this process's other connections (fcntl(2)), and the next program to close the database would take their log away.
 */
static bool create_private(const char *path, struct base_error *error)
{
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        struct stat status;

        if (fd >= 0)
                return close(fd) == 0 || base_error_set_errno(error, errno, "cannot make the device registry %s", path);
        if (errno != EEXIST || lstat(path, &status) < 0)
                return base_error_set_errno(error, errno, "cannot open the device registry %s", path);
        return S_ISREG(status.st_mode) || base_error_set(error, BASE_ERROR_IO, "the device registry %s is not a file", path);
}

bool issuer_registry_open(const char *path, const struct base_random *random, struct issuer_registry **ret,
                          struct base_error *error)
{
        issuer_auto_registry struct issuer_registry *registry = calloc(1, sizeof(*registry));

        if (registry == NULL)
                return base_error_set_no_memory(error);
        (void) pthread_mutex_init(&registry->lock, NULL);
        registry->random = random;
        if (!create_private(path, error))
                return false;
        if (sqlite3_open_v2(path, &registry->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
                if (registry->database == NULL)
                        return base_error_set_no_memory(error);
                (void) issuer_registry_fail(registry, error);
                return base_error_prefix(error, "%s", path);
        }
        if (!set_up(registry, path, error))
                return false;
        *ret = BASE_STEAL(registry);
        return true;
}

bool issuer_registry_make_durable(struct issuer_registry *registry, struct base_error *error)
{
        return execute(registry, "PRAGMA synchronous=FULL;", error);
}

void issuer_registry_close(struct issuer_registry *registry)
{
        if (registry == NULL)
                return;
        for (size_t i = 0; i < STATEMENT_TOTAL; i++)
                (void) sqlite3_finalize(registry->statements[i]);
        (void) sqlite3_close(registry->database);
        (void) pthread_mutex_destroy(&registry->lock);
        free(registry);
}
