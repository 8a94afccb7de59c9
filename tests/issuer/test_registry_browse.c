/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include "issuer/registry_browse.h"

#include "base/encode.h"

#include <sqlite3.h>
#include <string.h>

#define NOW        1760000000ULL
#define DAY        (NOW / 86400)
#define MANY       100000
#define STEPS_MAX  8000 /* of SQLite's machine for one page; a scan of MANY devices takes some hundred thousand */
#define GROUP_MANY 33333

/* A registry of MANY devices: "office" has a third of them, every tenth of which is revoked. */
static const char many[] =
        "BEGIN; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) INSERT INTO devices"
        " (id, ek_name, enrolled_at, device_group, status) SELECT printf('%08x%024x', (i * 2654435761) & 0xffffffff, i),"
        " CAST(x'000b' || printf('%032d', i) AS BLOB), 1000 + i, CASE i % 3 WHEN 0 THEN 'office' ELSE '' END,"
        " i % 3 = 0 AND i % 10 = 0 FROM n;"
        "INSERT INTO keys (ak_name, device, ak_public, enrolled_at) SELECT CAST('ak' || row AS BLOB), row, x'00', 1 FROM devices;"
        "INSERT INTO tokens SELECT row, 20370, 2 FROM devices; INSERT INTO tokens SELECT row, 20369, 1 FROM devices;"
        "INSERT INTO states SELECT row, zeroblob(32), 7 FROM devices; INSERT INTO approved VALUES ('office', zeroblob(32), 8);"
        "COMMIT;";

static sqlite3 *open_database(const char *directory)
{
        sqlite3 *database = NULL;

        assert_int_equal(sqlite3_open(test_path(directory, "registry.db"), &database), SQLITE_OK);
        return database;
}

static void execute(const char *directory, const char *sql)
{
        sqlite3 *database = open_database(directory);
        char *why = NULL;

        if (sqlite3_exec(database, sql, NULL, NULL, &why) != SQLITE_OK)
                fail_msg("%s", why);
        (void) sqlite3_close(database);
}

static struct issuer_registry *open_in(const char *directory)
{
        struct issuer_registry *registry = NULL;
        struct base_error error;

        assert_ok(issuer_registry_open(test_path(directory, "registry.db"), &base_system_random, &registry, &error));
        return registry;
}

static void enroll(struct issuer_registry *registry, unsigned number, char id[ISSUER_DEVICE_ID_LEN + 1])
{
        char ek[16], ak[16];
        struct issuer_enrollment enrollment = { .ak_public = base_bytes_from_string("public"), .now = NOW, .per_hour = 9 };
        struct base_error error;

        (void) snprintf(ek, sizeof(ek), "ek%03u", number);
        (void) snprintf(ak, sizeof(ak), "ak%03u", number);
        enrollment.ek_name = base_bytes_from_string(ek);
        enrollment.ak_name = base_bytes_from_string(ak);
        assert_ok(issuer_registry_enroll(registry, &enrollment, id, &error));
}

static struct issuer_browse_page *browse(struct issuer_registry *registry, enum issuer_browse_by by, const char *text,
                                         const char *cursor, bool backwards)
{
        const struct issuer_browse what = { .by = by, .text = text, .cursor = cursor, .backwards = backwards };
        struct issuer_browse_page *page = calloc(1, sizeof(*page));
        struct base_error error;

        assert_non_null(page);
        assert_ok(issuer_registry_browse(registry, &what, NOW, page, &error));
        return page;
}

static const char *last_of(const struct issuer_browse_page *page)
{
        return page->items[page->count - 1].device.id;
}

/* Walks forwards to the end, then back, and compares what it saw. Returns how many devices there were. */
static size_t walk(struct issuer_registry *registry, enum issuer_browse_by by, const char *text)
{
        static char seen[200][ISSUER_DEVICE_ID_LEN + 1];
        struct issuer_browse_page *page = browse(registry, by, text, "", false);
        size_t count = 0;

        assert_false(page->more_before);
        for (;;) {
                for (size_t i = 0; i < page->count; i++)
                        memcpy(seen[count++], page->items[i].device.id, sizeof(seen[0]));
                if (!page->more_after)
                        break;
                free(page);
                page = browse(registry, by, text, seen[count - 1], false);
                assert_true(page->more_before);
        }
        for (size_t at = count - page->count; at > 0;) {
                struct issuer_browse_page *before = browse(registry, by, text, page->items[0].device.id, true);

                assert_true(before->count <= at && before->more_after);
                for (size_t i = 0; i < before->count; i++)
                        assert_string_equal(before->items[i].device.id, seen[at - before->count + i]);
                at -= before->count;
                assert_int_equal(before->more_before, at > 0);
                free(page);
                page = before;
        }
        free(page);
        return count;
}

static void browse_in_every_order_shows_each_device_once(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        char ids[120][ISSUER_DEVICE_ID_LEN + 1];
        struct issuer_browse_page *page;
        struct base_error error;

        assert_int_equal(walk(registry, ISSUER_BROWSE_ALL, ""), 0);
        for (unsigned i = 0; i < BASE_COUNT(ids); i++) {
                enroll(registry, i, ids[i]);
                if (i % 2 == 0)
                        assert_ok(issuer_registry_set_group(registry, ids[i], "office", &error));
                if (i >= 60)
                        assert_ok(issuer_registry_set_status(registry, ids[i], ISSUER_DEVICE_REVOKED, &error));
        }
        assert_int_equal(walk(registry, ISSUER_BROWSE_ALL, ""), 120);
        assert_int_equal(walk(registry, ISSUER_BROWSE_REVOKED, ""), 60);
        assert_int_equal(walk(registry, ISSUER_BROWSE_GROUP, "office"), 60);
        assert_int_equal(walk(registry, ISSUER_BROWSE_GROUP, ""), 60);
        assert_int_equal(walk(registry, ISSUER_BROWSE_GROUP, "off%"), 0);
        assert_int_equal(walk(registry, ISSUER_BROWSE_ID, ""), 120);
        assert_int_equal(walk(registry, ISSUER_BROWSE_ID, ids[7]), 1);
        assert_int_equal(walk(registry, ISSUER_BROWSE_EK_NAME, ""), 120);
        assert_int_equal(walk(registry, ISSUER_BROWSE_EK_NAME, "656b30"), 100); /* "ek0" */
        assert_int_equal(walk(registry, ISSUER_BROWSE_EK_NAME, "656b313"), 20); /* "ek1", and '0' or '1' */
        assert_int_equal(walk(registry, ISSUER_BROWSE_EK_NAME, "ffff"), 0);
        page = browse(registry, ISSUER_BROWSE_ALL, "", "", false);
        assert_string_equal(page->items[0].device.id, ids[119]);
        assert_string_equal(last_of(page), ids[70]);
        free(page);
}

static void browse_of_what_cannot_be_is_refused(void **state)
{
        static const struct issuer_browse bad[] = {
                { ISSUER_BROWSE_ID, "xyz", "", false },
                { ISSUER_BROWSE_ID, "%", "", false },
                { ISSUER_BROWSE_ID, "000000000000000000000000000000000", "", false },
                { ISSUER_BROWSE_EK_NAME, "0g", "", false },
        };
        const struct issuer_browse lost = { ISSUER_BROWSE_ALL, "", "' OR 1=1 --", false };
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_browse_page *page = calloc(1, sizeof(*page));
        struct base_error error;

        for (size_t i = 0; i < BASE_COUNT(bad); i++)
                assert_refused(issuer_registry_browse(registry, &bad[i], NOW, page, &error), BASE_ERROR_INVALID_ARGUMENT,
                               "hex digits");
        assert_refused(issuer_registry_browse(registry, &lost, NOW, page, &error), BASE_ERROR_NOT_FOUND, "no device");
        free(page);
}

static void summary_tells_tokens_seal_and_boot_state(void **state)
{
        static const uint8_t digest[EVIDENCE_PCR_DIGEST_LEN] = { 7 };
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_device_summary summary;
        struct issuer_device_keys keys;
        struct issuer_device device;
        struct base_error error;
        uint64_t days[3];
        char id[ISSUER_DEVICE_ID_LEN + 1];
        bool allowed;

        enroll(registry, 1, id);
        assert_ok(issuer_registry_summary(registry, id, NOW, &summary, &error));
        assert_false(summary.state_known || summary.state_approved);
        assert_string_equal(summary.device.seal, "");
        assert_ok(issuer_registry_note_seal(registry, summary.device.row, "sha256:7", &error));
        assert_ok(issuer_registry_find(registry, base_bytes_from_string("ak001"), &device, &error));
        assert_string_equal(device.seal, "sha256:7");
        assert_ok(issuer_registry_note_boot_state(registry, device.row, digest, NOW, &error));
        assert_ok(issuer_registry_count_tokens(registry, device.row, NOW, 1, 0, &allowed, &error));
        assert_ok(issuer_registry_count_tokens(registry, device.row, NOW, 1, 0, &allowed, &error));
        assert_ok(issuer_registry_count_tokens(registry, device.row, NOW - 86400, 1, 0, &allowed, &error));
        assert_ok(issuer_registry_summary(registry, id, NOW, &summary, &error));
        assert_int_equal(summary.tokens_today, 2);
        assert_true(summary.state_known && !summary.state_approved);
        assert_memory_equal(summary.state, digest, sizeof(digest));
        assert_int_equal(summary.state_at, NOW);
        for (int64_t row = 0; row <= device.row; row += device.row) {
                assert_ok(issuer_registry_token_days(registry, row, DAY - 2, days, 3, &error));
                assert_true(days[0] == 0 && days[1] == 1 && days[2] == 2);
        }
        assert_ok(issuer_registry_device_keys(registry, device.row, &keys, &error));
        assert_int_equal(keys.superseded, 0);
        assert_refused(issuer_registry_summary(registry, "nobody", NOW, &summary, &error), BASE_ERROR_NOT_FOUND, "nobody");
}

static void approve_state_of_a_device_that_changed_since_is_refused(void **state)
{
        static const uint8_t seen[EVIDENCE_PCR_DIGEST_LEN] = { 1 }, other[EVIDENCE_PCR_DIGEST_LEN] = { 2 };
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_device_summary summary;
        struct base_error error;
        char id[ISSUER_DEVICE_ID_LEN + 1];

        enroll(registry, 1, id);
        assert_ok(issuer_registry_summary(registry, id, NOW, &summary, &error));
        assert_ok(issuer_registry_note_boot_state(registry, summary.device.row, other, NOW, &error));
        assert_refused(issuer_registry_approve_state(registry, id, "", BASE_BYTES_OF(seen), NOW, &error), BASE_ERROR_NOT_FOUND,
                       "another boot state");
        assert_refused(issuer_registry_approve_state(registry, id, "office", BASE_BYTES_OF(other), NOW, &error),
                       BASE_ERROR_NOT_FOUND, "another group");
        assert_ok(issuer_registry_summary(registry, id, NOW, &summary, &error));
        assert_false(summary.state_approved);
        assert_ok(issuer_registry_approve_state(registry, id, "", BASE_BYTES_OF(other), NOW, &error));
        assert_ok(issuer_registry_summary(registry, id, NOW, &summary, &error));
        assert_true(summary.state_approved);
}

static void groups_sums_follow_every_change(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_group_summary groups[ISSUER_BROWSE_ROWS_MAX];
        struct issuer_device_summary summary;
        char ids[3][ISSUER_DEVICE_ID_LEN + 1];
        struct base_error error;
        uint64_t active;
        size_t count;
        bool more, has, allowed;

        for (unsigned i = 0; i < 3; i++)
                enroll(registry, i, ids[i]);
        assert_ok(issuer_registry_set_group(registry, ids[0], "a", &error));
        assert_ok(issuer_registry_set_group(registry, ids[1], "a", &error));
        assert_ok(issuer_registry_set_status(registry, ids[1], ISSUER_DEVICE_REVOKED, &error));
        assert_ok(issuer_registry_summary(registry, ids[0], NOW, &summary, &error));
        assert_ok(issuer_registry_count_tokens(registry, summary.device.row, NOW - 86400, 1, 0, &allowed, &error));
        assert_ok(issuer_registry_count_tokens(registry, summary.device.row, NOW, 1, 1, &allowed, &error));
        assert_ok(issuer_registry_count_tokens(registry, summary.device.row, NOW, 1, 1, &allowed, &error));
        assert_false(allowed);
        assert_ok(issuer_registry_browse_groups(registry, NULL, NOW, groups, &count, &more, &error));
        assert_true(count == 2 && !more);
        assert_string_equal(groups[0].name, "");
        assert_true(groups[0].active == 1 && groups[0].revoked == 0 && groups[0].tokens_today == 0);
        assert_string_equal(groups[1].name, "a");
        assert_true(groups[1].active == 1 && groups[1].revoked == 1 && groups[1].tokens_today == 1);
        assert_ok(issuer_registry_count(registry, ISSUER_DEVICE_ACTIVE, &active, &error));
        assert_int_equal(active, 2);
        assert_ok(issuer_registry_browse_groups(registry, "", NOW, groups, &count, &more, &error));
        assert_int_equal(count, 1);
        for (unsigned i = 0; i < 2; i++)
                assert_ok(issuer_registry_set_group(registry, ids[i], "b", &error));
        assert_ok(issuer_registry_has_group(registry, "a", &has, &error));
        assert_false(has);
        assert_ok(issuer_registry_has_group(registry, "b", &has, &error));
        assert_true(has);
}

static void approved_states_come_page_by_page(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_approval page[ISSUER_BROWSE_ROWS_MAX];
        struct base_error error;
        size_t count;
        bool more;

        execute(directory, "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 69) INSERT INTO approved"
                           " SELECT CASE i % 2 WHEN 0 THEN '' ELSE 'a' END, CAST(printf('%032d', i) AS BLOB), i FROM n");
        assert_ok(issuer_registry_browse_approved(registry, NULL, page, &count, &more, &error));
        assert_true(count == ISSUER_BROWSE_ROWS_MAX && more);
        assert_string_equal(page[34].group, "");
        assert_string_equal(page[35].group, "a");
        assert_ok(issuer_registry_browse_approved(registry, &page[count - 1], page, &count, &more, &error));
        assert_true(count == 20 && !more);
        assert_int_equal(page[19].approved_at, 69);
}

static void check_plan(sqlite3 *database, const char *sql)
{
        char explained[2048];
        sqlite3_stmt *plan = NULL;

        (void) snprintf(explained, sizeof(explained), "EXPLAIN QUERY PLAN %s", sql);
        assert_int_equal(sqlite3_prepare_v2(database, explained, -1, &plan, NULL), SQLITE_OK);
        while (sqlite3_step(plan) == SQLITE_ROW) {
                const char *step = (const char *) sqlite3_column_text(plan, 3);

                if (strncmp(step, "SEARCH ", 7) != 0)
                        fail_msg("%s: %s", step, sql);
        }
        (void) sqlite3_finalize(plan);
}

/* Runs it with bounds that leave everything in, which is the worst that a page can ask for. */
static void check_steps(sqlite3 *database, const char *sql)
{
        bool ids = strstr(sql, "id >= ?2") != NULL, names = strstr(sql, "ek_name >= ?2") != NULL;
        bool group = strstr(sql, "FROM device_groups") != NULL || strstr(sql, "WHERE id = ?2") != NULL;
        sqlite3_stmt *statement = NULL;
        size_t rows = 0;

        assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
        (void) sqlite3_bind_int64(statement, 1, DAY);
        if (ids || group)
                (void) sqlite3_bind_text(statement, 2, "", -1, SQLITE_STATIC);
        else if (names)
                (void) sqlite3_bind_blob(statement, 2, "", 0, SQLITE_STATIC);
        else
                (void) sqlite3_bind_int64(statement, 2, 0);
        if (ids)
                (void) sqlite3_bind_text(statement, 3, "g", -1, SQLITE_STATIC);
        else if (names)
                (void) sqlite3_bind_blob(statement, 3, "\xff", 1, SQLITE_STATIC);
        else
                (void) sqlite3_bind_int64(statement, 3, group ? ISSUER_BROWSE_ROWS_MAX + 1 : INT64_MAX);
        (void) sqlite3_bind_int(statement, 4, ISSUER_BROWSE_ROWS_MAX + 1);
        (void) sqlite3_bind_text(statement, 5, "office", -1, SQLITE_STATIC);
        while (sqlite3_step(statement) == SQLITE_ROW)
                rows++;
        assert_true(rows <= ISSUER_BROWSE_ROWS_MAX + 1);
        assert_int_equal(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0), 0);
        assert_int_equal(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_SORT, 0), 0);
        assert_in_range(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 0), 1, STEPS_MAX);
        (void) sqlite3_finalize(statement);
}

static void every_statement_uses_an_index_among_many_devices(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_group_summary groups[ISSUER_BROWSE_ROWS_MAX];
        struct issuer_browse_page *page;
        struct base_error error;
        sqlite3 *database;
        uint64_t revoked;
        size_t count, at = 0;
        const char *sql;
        bool more;

        execute(directory, many);
        database = open_database(directory);
        for (; (sql = issuer_registry_browse_statement(at)) != NULL; at++) {
                check_plan(database, sql);
                check_steps(database, sql);
        }
        assert_true(at > (size_t) 2 * ISSUER_BROWSE_BY_COUNT);
        (void) sqlite3_close(database);
        /* The sums that the pages show are those of the rows. */
        assert_ok(issuer_registry_browse_groups(registry, NULL, 20370ULL * 86400, groups, &count, &more, &error));
        assert_int_equal(count, 2);
        assert_int_equal(groups[1].active + groups[1].revoked, GROUP_MANY + 1);
        assert_int_equal(groups[1].tokens_today, 2 * (GROUP_MANY + 1));
        assert_ok(issuer_registry_count(registry, ISSUER_DEVICE_REVOKED, &revoked, &error));
        assert_int_equal(revoked, groups[1].revoked);
        page = browse(registry, ISSUER_BROWSE_GROUP, "office", "", false);
        assert_int_equal(page->count, ISSUER_BROWSE_ROWS_MAX);
        assert_true(page->items[0].state_approved);
        free(page);
}

static void check_of_a_scan_finds_it(void **state)
{
        test_auto_directory directory = test_directory_make();
        sqlite3_stmt *plan = NULL;
        sqlite3 *database;

        issuer_registry_close(open_in(directory));
        database = open_database(directory);
        assert_int_equal(sqlite3_prepare_v2(database,
                                            "EXPLAIN QUERY PLAN SELECT id FROM devices WHERE id LIKE '%a' ORDER BY seal", -1,
                                            &plan, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(plan), SQLITE_ROW);
        assert_int_not_equal(strncmp((const char *) sqlite3_column_text(plan, 3), "SEARCH ", 7), 0);
        (void) sqlite3_finalize(plan);
        (void) sqlite3_close(database);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(browse_in_every_order_shows_each_device_once),
                cmocka_unit_test(browse_of_what_cannot_be_is_refused),
                cmocka_unit_test(summary_tells_tokens_seal_and_boot_state),
                cmocka_unit_test(approve_state_of_a_device_that_changed_since_is_refused),
                cmocka_unit_test(groups_sums_follow_every_change),
                cmocka_unit_test(approved_states_come_page_by_page),
                cmocka_unit_test(every_statement_uses_an_index_among_many_devices),
                cmocka_unit_test(check_of_a_scan_finds_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
