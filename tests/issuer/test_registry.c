/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include "issuer/registry.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#define NOW     1760000000ULL
#define THREADS 4
#define ROUNDS  50

static struct issuer_registry *open_in(const char *directory)
{
        struct issuer_registry *registry = NULL;
        struct base_error error;

        assert_ok(issuer_registry_open(test_path(directory, "registry.db"), &base_system_random, &registry, &error));
        return registry;
}

static struct issuer_enrollment enrollment_of(const char *ek, const char *ak)
{
        return (struct issuer_enrollment){
                .ek_name = base_bytes_from_string(ek),
                .ak_name = base_bytes_from_string(ak),
                .ak_public = base_bytes_from_string("public area"),
                .now = NOW,
                .per_hour = 100,
        };
}

static void enroll(struct issuer_registry *registry, const char *ek, const char *ak, char id[ISSUER_DEVICE_ID_LEN + 1])
{
        struct issuer_enrollment enrollment = enrollment_of(ek, ak);
        struct base_error error;

        assert_ok(issuer_registry_enroll(registry, &enrollment, id, &error));
}

static struct issuer_device find(struct issuer_registry *registry, const char *ak)
{
        struct issuer_device device;
        struct base_error error;

        assert_ok(issuer_registry_find(registry, base_bytes_from_string(ak), &device, &error));
        return device;
}

static void enroll_new_device_is_found_by_its_key(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_device device;
        struct base_error error;
        struct stat status;
        char id[ISSUER_DEVICE_ID_LEN + 1], other[ISSUER_DEVICE_ID_LEN + 1];

        enroll(registry, "ek1", "ak1", id);
        enroll(registry, "ek2", "ak2", other);
        assert_string_not_equal(id, other);
        assert_int_equal(strlen(id), ISSUER_DEVICE_ID_LEN);
        device = find(registry, "ak1");
        assert_string_equal(device.id, id);
        assert_int_equal(device.status, ISSUER_DEVICE_ACTIVE);
        assert_int_equal(device.enrolled_at, NOW);
        assert_int_equal(device.last_verified, 0);
        assert_false(device.ek_certified);
        assert_false(device.key_superseded);
        assert_int_equal(device.ak_public_len, strlen("public area"));
        assert_memory_equal(device.ak_public, "public area", device.ak_public_len);
        assert_refused(issuer_registry_find(registry, base_bytes_from_string("ak3"), &device, &error), BASE_ERROR_NOT_FOUND, "");
        assert_int_equal(stat(test_path(directory, "registry.db"), &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
}

static void enroll_again_supersedes_the_old_key_and_keeps_the_id(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        char id[ISSUER_DEVICE_ID_LEN + 1], again[ISSUER_DEVICE_ID_LEN + 1];

        enroll(registry, "ek1", "ak1", id);
        enroll(registry, "ek1", "ak2", again);
        assert_string_equal(id, again);
        assert_true(find(registry, "ak1").key_superseded);
        assert_false(find(registry, "ak2").key_superseded);
        enroll(registry, "ek1", "ak2", again);
        assert_false(find(registry, "ak2").key_superseded);
}

static void enroll_of_a_superseded_key_is_refused(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_enrollment old = enrollment_of("ek1", "ak1");
        struct base_error error;
        char id[ISSUER_DEVICE_ID_LEN + 1];

        enroll(registry, "ek1", "ak1", id);
        assert_ok(issuer_registry_check_enrollment(registry, &old, &error));
        enroll(registry, "ek1", "ak2", id);
        assert_refused(issuer_registry_check_enrollment(registry, &old, &error), BASE_ERROR_NOT_AUTHORIZED, "was replaced");
        assert_refused(issuer_registry_enroll(registry, &old, id, &error), BASE_ERROR_NOT_AUTHORIZED, "was replaced");
        assert_true(find(registry, "ak1").key_superseded);
        assert_false(find(registry, "ak2").key_superseded);
}

static void enroll_more_often_than_allowed_is_rate_limited_until_the_next_hour(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_enrollment enrollment = enrollment_of("ek1", "ak1"), other = enrollment_of("ek2", "ak2");
        struct base_error error;
        char id[ISSUER_DEVICE_ID_LEN + 1];

        enrollment.per_hour = 2;
        other.per_hour = 2;
        for (unsigned i = 0; i < 2; i++)
                assert_ok(issuer_registry_enroll(registry, &enrollment, id, &error));
        assert_refused(issuer_registry_check_enrollment(registry, &enrollment, &error), BASE_ERROR_RATE_LIMITED, "2 times");
        assert_refused(issuer_registry_enroll(registry, &enrollment, id, &error), BASE_ERROR_RATE_LIMITED, "2 times");
        assert_ok(issuer_registry_enroll(registry, &other, id, &error));
        enrollment.now += 3600;
        assert_ok(issuer_registry_check_enrollment(registry, &enrollment, &error));
        assert_ok(issuer_registry_enroll(registry, &enrollment, id, &error));
}

static void enroll_keeps_fingerprint_and_whether_it_was_certified(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_enrollment enrollment = enrollment_of("ek1", "ak1");
        struct base_error error;
        uint8_t fingerprint[ISSUER_FINGERPRINT_LEN] = { 7 };
        char id[ISSUER_DEVICE_ID_LEN + 1];

        enrollment.ek_fingerprint = BASE_BYTES_OF(fingerprint);
        for (unsigned i = 0; i < 2; i++) {
                enrollment.ek_certified = i == 1;
                assert_ok(issuer_registry_enroll(registry, &enrollment, id, &error));
                assert_int_equal(find(registry, "ak1").ek_certified, i == 1);
                assert_true(find(registry, "ak1").has_ek_fingerprint);
                assert_memory_equal(find(registry, "ak1").ek_fingerprint, fingerprint, sizeof(fingerprint));
        }
}

static void note_reset_count_keeps_the_highest_of_each_key(void **state)
{
        static const struct {
                uint32_t noted, highest;
        } steps[] = { { 5, 5 }, { 4, 5 }, { 0xfffffff0, 0xfffffff0 }, { 1, 0xfffffff0 } };
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct base_error error;
        char id[ISSUER_DEVICE_ID_LEN + 1];

        enroll(registry, "ek1", "ak1", id);
        enroll(registry, "ek2", "ak2", id);
        for (size_t i = 0; i < BASE_COUNT(steps); i++) {
                assert_ok(issuer_registry_note_reset_count(registry, base_bytes_from_string("ak1"), steps[i].noted, &error));
                assert_int_equal(find(registry, "ak1").reset_count, steps[i].highest);
        }
        assert_int_equal(find(registry, "ak2").reset_count, 0);
}

static void count_use_keeps_kinds_and_devices_apart(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct base_error error;
        char id[ISSUER_DEVICE_ID_LEN + 1];
        bool allowed = false;
        int64_t row;

        enroll(registry, "ek1", "ak1", id);
        enroll(registry, "ek2", "ak2", id);
        row = find(registry, "ak1").row;
        for (unsigned i = 0; i < 4; i++) {
                assert_ok(issuer_registry_count_use(registry, row, ISSUER_USE_EVENT_LOG, NOW, 3, &allowed, &error));
                assert_int_equal(allowed, i < 3);
        }
        assert_ok(issuer_registry_count_use(registry, find(registry, "ak2").row, ISSUER_USE_EVENT_LOG, NOW, 3, &allowed, &error));
        assert_true(allowed);
        assert_ok(issuer_registry_count_use(registry, row, ISSUER_USE_EVENT_LOG, NOW + 3600, 3, &allowed, &error));
        assert_true(allowed);
}

static void enroll_often_keeps_a_bounded_number_of_keys(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_device device;
        struct base_error error;
        char id[ISSUER_DEVICE_ID_LEN + 1], name[16];
        size_t known = 0;

        for (unsigned i = 0; i < 40; i++) {
                struct issuer_enrollment enrollment;

                (void) snprintf(name, sizeof(name), "ak%u", i);
                enrollment = enrollment_of("ek", name);
                enrollment.now = NOW + i;
                assert_ok(issuer_registry_enroll(registry, &enrollment, id, &error));
        }
        for (unsigned i = 0; i < 40; i++) {
                (void) snprintf(name, sizeof(name), "ak%u", i);
                known += issuer_registry_find(registry, base_bytes_from_string(name), &device, &error);
        }
        assert_int_equal(known, ISSUER_REGISTRY_KEYS_KEPT + 1);
        assert_false(find(registry, "ak39").key_superseded);
}

static void enroll_of_another_devices_key_is_refused_and_changes_nothing(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_enrollment stolen = enrollment_of("ek2", "ak1");
        struct base_error error;
        uint64_t count;
        char id[ISSUER_DEVICE_ID_LEN + 1];

        enroll(registry, "ek1", "ak1", id);
        assert_refused(issuer_registry_enroll(registry, &stolen, id, &error), BASE_ERROR_NOT_AUTHORIZED,
                       "another endorsement key");
        assert_ok(issuer_registry_count(registry, ISSUER_DEVICE_ACTIVE, &count, &error));
        assert_int_equal(count, 1);
        assert_string_equal(find(registry, "ak1").id, id);
}

static void assert_other_name(struct issuer_registry *registry, const char *ak, const char *name)
{
        struct issuer_device device = find(registry, ak);

        assert_true(base_bytes_equal(BASE_BYTES(device.ek_other_name, device.ek_other_name_len), base_bytes_from_string(name)));
}

/* One key by either of two names; the first device is of before there was an other name to know. */
static void enroll_by_the_other_name_is_the_same_device(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_enrollment low = enrollment_of("low", "ak2"), high = enrollment_of("high", "ak3");
        char first[ISSUER_DEVICE_ID_LEN + 1], id[ISSUER_DEVICE_ID_LEN + 1];
        struct base_error error;

        low.ek_other_name = base_bytes_from_string("high");
        high.ek_other_name = base_bytes_from_string("low");
        enroll(registry, "low", "ak1", first);
        assert_other_name(registry, "ak1", "");
        assert_ok(issuer_registry_enroll(registry, &low, id, &error));
        assert_string_equal(id, first);
        assert_other_name(registry, "ak2", "high");
        assert_ok(issuer_registry_enroll(registry, &high, id, &error));
        assert_string_equal(id, first);
        assert_other_name(registry, "ak3", "high");
        assert_int_equal(find(registry, "ak3").ek_name_len, 3);
        assert_ok(issuer_registry_set_status(registry, first, ISSUER_DEVICE_REVOKED, &error));
        high.ak_name = base_bytes_from_string("ak4");
        assert_refused(issuer_registry_enroll(registry, &high, id, &error), BASE_ERROR_NOT_AUTHORIZED, "revoked");
}

static void enroll_of_a_revoked_device_is_refused(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_enrollment enrollment = enrollment_of("ek1", "ak2");
        struct base_error error;
        uint64_t count;
        char id[ISSUER_DEVICE_ID_LEN + 1];

        enroll(registry, "ek1", "ak1", id);
        assert_ok(issuer_registry_set_status(registry, id, ISSUER_DEVICE_REVOKED, &error));
        assert_int_equal(find(registry, "ak1").status, ISSUER_DEVICE_REVOKED);
        assert_refused(issuer_registry_enroll(registry, &enrollment, id, &error), BASE_ERROR_NOT_AUTHORIZED, "revoked");
        assert_ok(issuer_registry_count(registry, ISSUER_DEVICE_REVOKED, &count, &error));
        assert_int_equal(count, 1);
        assert_ok(issuer_registry_set_status(registry, find(registry, "ak1").id, ISSUER_DEVICE_ACTIVE, &error));
        assert_ok(issuer_registry_enroll(registry, &enrollment, id, &error));
}

static void count_tokens_stops_at_the_limit_and_begins_again_next_day(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct base_error error;
        char id[ISSUER_DEVICE_ID_LEN + 1];
        bool allowed;
        int64_t row;

        enroll(registry, "ek1", "ak1", id);
        row = find(registry, "ak1").row;
        for (unsigned i = 0; i < 5; i++) {
                assert_ok(issuer_registry_count_tokens(registry, row, NOW, 1, 3, &allowed, &error));
                assert_int_equal(allowed, i < 3);
        }
        assert_int_equal(find(registry, "ak1").last_verified, NOW);
        assert_ok(issuer_registry_count_tokens(registry, row, NOW + 86400, 1, 3, &allowed, &error));
        assert_true(allowed);
        assert_ok(issuer_registry_count_tokens(registry, row, NOW, 1, 0, &allowed, &error));
        assert_true(allowed);
}

static void count_tokens_of_a_batch_are_counted_all_or_none(void **state)
{
        static const struct {
                size_t count;
                bool allowed;
        } steps[] = { { 11, false }, { 4, true }, { 7, false }, { 6, true }, { 1, false } };
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct base_error error;
        char id[ISSUER_DEVICE_ID_LEN + 1];
        bool allowed;

        enroll(registry, "ek1", "ak1", id);
        for (size_t i = 0; i < BASE_COUNT(steps); i++) {
                assert_ok(issuer_registry_count_tokens(registry, find(registry, "ak1").row, NOW, steps[i].count, 10, &allowed,
                                                       &error));
                assert_int_equal(allowed, steps[i].allowed);
        }
}

static void count_tokens_forgets_old_days(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct base_error error;
        char id[ISSUER_DEVICE_ID_LEN + 1];
        sqlite3 *database = NULL;
        sqlite3_stmt *count = NULL;
        bool allowed;

        enroll(registry, "ek1", "ak1", id);
        for (unsigned day = 0; day < 30; day++)
                assert_ok(issuer_registry_count_tokens(registry, find(registry, "ak1").row, NOW + day * 86400ULL, 1, 0, &allowed,
                                                       &error));
        assert_int_equal(sqlite3_open(test_path(directory, "registry.db"), &database), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(database, "SELECT count(*) FROM tokens", -1, &count, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(count), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(count, 0), ISSUER_REGISTRY_TOKEN_DAYS_KEPT + 1);
        (void) sqlite3_finalize(count);
        (void) sqlite3_close(database);
}

static void set_of_an_unknown_device_is_not_found(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct base_error error;
        char long_group[ISSUER_DEVICE_GROUP_MAX + 2];

        memset(long_group, 'g', sizeof(long_group) - 1);
        long_group[sizeof(long_group) - 1] = '\0';
        assert_refused(issuer_registry_set_status(registry, "nobody", ISSUER_DEVICE_REVOKED, &error), BASE_ERROR_NOT_FOUND,
                       "nobody");
        assert_refused(issuer_registry_set_group(registry, "nobody", "g", &error), BASE_ERROR_NOT_FOUND, "nobody");
        assert_refused(issuer_registry_set_group(registry, "nobody", long_group, &error), BASE_ERROR_INVALID_ARGUMENT, "");
}

static void note_device(const struct issuer_device *device, uint64_t tokens_today, void *context)
{
        char *text = context;

        (void) snprintf(text + strlen(text), 128, "%s:%s:%d ", device->group, issuer_device_status_name(device->status),
                        (int) tokens_today);
}

static void visit_shows_groups_standing_and_tokens(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct base_error error;
        char id[ISSUER_DEVICE_ID_LEN + 1], seen[512] = "";
        bool allowed;

        enroll(registry, "ek1", "ak1", id);
        assert_ok(issuer_registry_set_group(registry, id, "kiosk", &error));
        assert_ok(issuer_registry_count_tokens(registry, find(registry, "ak1").row, NOW, 1, 0, &allowed, &error));
        enroll(registry, "ek2", "ak2", id);
        assert_ok(issuer_registry_set_status(registry, id, ISSUER_DEVICE_REVOKED, &error));
        assert_ok(issuer_registry_visit(registry, NOW, note_device, seen, &error));
        assert_string_equal(seen, "kiosk:active:1 :revoked:0 ");
}

struct counter {
        struct issuer_registry *registry;
        int64_t row;
        atomic_uint allowed;
};

static void *count_often(void *context)
{
        struct counter *counter = context;
        struct base_error error;
        bool allowed;

        for (unsigned i = 0; i < ROUNDS; i++)
                if (issuer_registry_count_tokens(counter->registry, counter->row, NOW, 1, THREADS * ROUNDS / 2, &allowed,
                                                 &error) &&
                    allowed)
                        atomic_fetch_add(&counter->allowed, 1);
        return NULL;
}

static void count_tokens_from_several_threads_keeps_the_limit(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        pthread_t threads[THREADS];
        struct counter counter = { .registry = registry };
        char id[ISSUER_DEVICE_ID_LEN + 1];

        enroll(registry, "ek1", "ak1", id);
        counter.row = find(registry, "ak1").row;
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, count_often, &counter), 0);
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(atomic_load(&counter.allowed), THREADS * ROUNDS / 2);
}

/* Takes a database back to what version 1 had. */
static const char first_version[] =
        "DROP TABLE boots; DROP TABLE boot_facts; DROP TABLE states; DROP TABLE approved; DROP TABLE graces; DROP TABLE uses;"
        "DROP TRIGGER devices_added; DROP TRIGGER devices_moved; DROP TRIGGER tokens_added; DROP TRIGGER tokens_counted;"
        "DROP TABLE device_groups; DROP TABLE device_counts; DROP TABLE token_days; DROP INDEX devices_group;"
        "ALTER TABLE devices DROP COLUMN seal;"
        "ALTER TABLE devices DROP COLUMN ek_other_name; ALTER TABLE devices DROP COLUMN ek_certified; ALTER TABLE keys DROP "
        "COLUMN reset_count; PRAGMA user_version=1;";

static void open_again_finds_what_was_there(void **state)
{
        test_auto_directory directory = test_directory_make();
        char id[ISSUER_DEVICE_ID_LEN + 1];

        for (unsigned i = 0; i < 2; i++) {
                issuer_auto_registry struct issuer_registry *registry = open_in(directory);

                if (i == 0)
                        enroll(registry, "ek1", "ak1", id);
                assert_string_equal(find(registry, "ak1").id, id);
        }
}

static void open_of_something_else_names_it(void **state)
{
        test_auto_directory directory = test_directory_make();
        struct issuer_registry *registry = NULL;
        struct base_error error;
        sqlite3 *database = NULL;
        char garbage[2000];

        memset(garbage, 'x', sizeof(garbage) - 1);
        garbage[sizeof(garbage) - 1] = '\0';
        test_file_write(test_path(directory, "bad.db"), garbage, 0600);
        assert_refused(issuer_registry_open(test_path(directory, "bad.db"), &base_system_random, &registry, &error),
                       BASE_ERROR_STATE_INVALID, "bad.db");
        assert_int_equal(sqlite3_open(test_path(directory, "newer.db"), &database), SQLITE_OK);
        assert_int_equal(sqlite3_exec(database, "PRAGMA user_version=99", NULL, NULL, NULL), SQLITE_OK);
        (void) sqlite3_close(database);
        assert_refused(issuer_registry_open(test_path(directory, "newer.db"), &base_system_random, &registry, &error),
                       BASE_ERROR_STATE_INVALID, "newer attester-issuer");
        assert_refused(issuer_registry_open("/nonexistent/r.db", &base_system_random, &registry, &error), BASE_ERROR_IO,
                       "/nonexistent");
}

static struct issuer_boot some_boot(void)
{
        struct issuer_boot boot = { .reset_count = 0xfffffff0, .pcrs = 1u << 7, .fact_count = 3 };

        memset(boot.key_id, 1, sizeof(boot.key_id));
        memset(boot.pcr_digest, 2, sizeof(boot.pcr_digest));
        boot.facts[0] = (struct evidence_fact){ .name = "boot.dbx_entries", .kind = EVIDENCE_FACT_INT, .integer = -5 };
        boot.facts[1] = (struct evidence_fact){ .name = "boot.sbat_level", .kind = EVIDENCE_FACT_VERSION, .text = "2021030218" };
        boot.facts[2] = (struct evidence_fact){ .name = "boot.secure_boot", .kind = EVIDENCE_FACT_BOOL, .boolean = true };
        return boot;
}

static void put_boot_takes_the_place_of_the_last_one(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_boot boot = some_boot(), found;
        char id[ISSUER_DEVICE_ID_LEN + 1];
        struct base_error error;
        int64_t row;

        enroll(registry, "ek1", "ak1", id);
        row = find(registry, "ak1").row;
        assert_refused(issuer_registry_find_boot(registry, row, &found, &error), BASE_ERROR_NOT_FOUND, "event log");
        for (unsigned i = 0; i < 2; i++, boot.reset_count++, boot.fact_count--) {
                assert_ok(issuer_registry_put_boot(registry, row, &boot, 1000, &error));
                assert_ok(issuer_registry_find_boot(registry, row, &found, &error));
                assert_int_equal(found.reset_count, boot.reset_count);
                assert_int_equal(found.pcrs, boot.pcrs);
                assert_memory_equal(found.key_id, boot.key_id, sizeof(boot.key_id));
                assert_memory_equal(found.pcr_digest, boot.pcr_digest, sizeof(boot.pcr_digest));
                assert_int_equal(found.fact_count, boot.fact_count);
                assert_int_equal(issuer_boot_find(&found, "boot.dbx_entries")->integer, -5);
                assert_string_equal(issuer_boot_find(&found, "boot.sbat_level")->text, "2021030218");
        }
        assert_null(issuer_boot_find(&found, "boot.secure_boot"));
        assert_refused(issuer_registry_put_boot(registry, 99, &boot, 1000, &error), BASE_ERROR_IO, "registry");
}

static void open_of_the_first_version_keeps_its_devices(void **state)
{
        test_auto_directory directory = test_directory_make();
        char id[ISSUER_DEVICE_ID_LEN + 1];
        sqlite3 *database = NULL;

        issuer_registry_close(open_in(directory));
        assert_int_equal(sqlite3_open(test_path(directory, "registry.db"), &database), SQLITE_OK);
        assert_int_equal(sqlite3_exec(database, first_version, NULL, NULL, NULL), SQLITE_OK);
        (void) sqlite3_close(database);
        for (unsigned i = 0; i < 2; i++) {
                issuer_auto_registry struct issuer_registry *registry = open_in(directory);
                struct issuer_boot boot = some_boot(), found;
                struct base_error error;

                if (i == 0)
                        enroll(registry, "ek1", "ak1", id);
                assert_ok(issuer_registry_put_boot(registry, find(registry, "ak1").row, &boot, 1000, &error));
                assert_ok(issuer_registry_find_boot(registry, find(registry, "ak1").row, &found, &error));
        }
}

static void find_boot_that_is_damaged_says_so(void **state)
{
        static const char *const damage[] = { "UPDATE boots SET pcr_digest = x'00'", "UPDATE boot_facts SET kind = 9" };
        test_auto_directory directory = test_directory_make();
        issuer_auto_registry struct issuer_registry *registry = open_in(directory);
        struct issuer_boot boot = some_boot(), found;
        char id[ISSUER_DEVICE_ID_LEN + 1];
        struct base_error error;

        enroll(registry, "ek1", "ak1", id);
        for (size_t i = 0; i < BASE_COUNT(damage); i++) {
                sqlite3 *database = NULL;

                assert_ok(issuer_registry_put_boot(registry, find(registry, "ak1").row, &boot, 1000, &error));
                assert_int_equal(sqlite3_open(test_path(directory, "registry.db"), &database), SQLITE_OK);
                assert_int_equal(sqlite3_exec(database, damage[i], NULL, NULL, NULL), SQLITE_OK);
                (void) sqlite3_close(database);
                assert_refused(issuer_registry_find_boot(registry, find(registry, "ak1").row, &found, &error),
                               BASE_ERROR_STATE_INVALID, "damaged");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(enroll_new_device_is_found_by_its_key),
                cmocka_unit_test(enroll_again_supersedes_the_old_key_and_keeps_the_id),
                cmocka_unit_test(enroll_of_a_superseded_key_is_refused),
                cmocka_unit_test(enroll_more_often_than_allowed_is_rate_limited_until_the_next_hour),
                cmocka_unit_test(enroll_keeps_fingerprint_and_whether_it_was_certified),
                cmocka_unit_test(note_reset_count_keeps_the_highest_of_each_key),
                cmocka_unit_test(count_use_keeps_kinds_and_devices_apart),
                cmocka_unit_test(enroll_often_keeps_a_bounded_number_of_keys),
                cmocka_unit_test(enroll_of_another_devices_key_is_refused_and_changes_nothing),
                cmocka_unit_test(enroll_by_the_other_name_is_the_same_device),
                cmocka_unit_test(enroll_of_a_revoked_device_is_refused),
                cmocka_unit_test(count_tokens_stops_at_the_limit_and_begins_again_next_day),
                cmocka_unit_test(count_tokens_of_a_batch_are_counted_all_or_none),
                cmocka_unit_test(count_tokens_forgets_old_days),
                cmocka_unit_test(set_of_an_unknown_device_is_not_found),
                cmocka_unit_test(visit_shows_groups_standing_and_tokens),
                cmocka_unit_test(count_tokens_from_several_threads_keeps_the_limit),
                cmocka_unit_test(open_again_finds_what_was_there),
                cmocka_unit_test(open_of_something_else_names_it),
                cmocka_unit_test(put_boot_takes_the_place_of_the_last_one),
                cmocka_unit_test(open_of_the_first_version_keeps_its_devices),
                cmocka_unit_test(find_boot_that_is_damaged_says_so),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
