/* SPDX-License-Identifier: BSD-2-Clause */
/* When bundles are fetched, and the record of the installed one. What the daemon does with them: test_bus_bundles.py and others.
 */
#include "attesterd/bundle_fetch.h"
#include "attesterd/bundle_record.h"
#include "base/file.h"
#include "tests/cmocka.h"

#include <fcntl.h>
#include <string.h>

static void fetch_pause_doubles_up_to_the_interval(void **state)
{
        assert_int_equal(attesterd_bundle_fetch_pause_s(0), ATTESTERD_BUNDLE_INTERVAL_S);
        assert_int_equal(attesterd_bundle_fetch_pause_s(1), ATTESTERD_BUNDLE_RETRY_S);
        assert_int_equal(attesterd_bundle_fetch_pause_s(2), 2 * ATTESTERD_BUNDLE_RETRY_S);
        for (unsigned failures = 1; failures < 100; failures++)
                assert_true(attesterd_bundle_fetch_pause_s(failures) <= attesterd_bundle_fetch_pause_s(failures + 1));
        assert_int_equal(attesterd_bundle_fetch_pause_s(UINT32_MAX), ATTESTERD_BUNDLE_INTERVAL_S);
}

static void fetch_spread_is_within_its_bounds_and_even(void **state)
{
        assert_int_equal(attesterd_bundle_fetch_spread_ms(100, 0), 80000);
        assert_int_equal(attesterd_bundle_fetch_spread_ms(100, UINT32_MAX / 2 + 1), 100000);
        assert_int_equal(attesterd_bundle_fetch_spread_ms(100, UINT32_MAX), 120000);
        assert_int_equal(attesterd_bundle_fetch_spread_ms(ATTESTERD_BUNDLE_INTERVAL_S, UINT32_MAX),
                         ATTESTERD_BUNDLE_INTERVAL_S * 1200ull);
}

static void record_round_trip_is_equal_and_its_truncations_are_state_invalid(void **state)
{
        struct attesterd_bundle_record record = {
                .counted = true,
                .counter = 17,
                .installed_at = 1000,
                .configured = { 1 },
                .anchors = { { POLICY_ANCHOR_KEY, { 2 } }, { POLICY_ANCHOR_AUTHORITY, { 3 } } },
                .anchor_count = 2,
                .bundle = base_bytes_from_string("bundle"),
        };
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(ATTESTERD_BUNDLE_RECORD_BYTES_MAX);
        char directory[] = "/tmp/attesterd-bundle-XXXXXX";
        struct base_error error = BASE_ERROR_INIT;
        struct attesterd_bundle_record read;
        size_t header;
        int fd;

        assert_non_null(mkdtemp(directory));
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(attesterd_bundle_record_save(fd, "bundle", &record, NULL));
        assert_true(base_file_read_at(fd, "bundle", &bytes, NULL));
        assert_int_equal(unlinkat(fd, "bundle", 0), 0);
        assert_int_equal(close(fd), 0);
        assert_int_equal(rmdir(directory), 0);
        assert_true(attesterd_bundle_record_parse(base_buffer_bytes(&bytes), &read, NULL));
        assert_true(read.counted);
        assert_int_equal(read.counter, 17);
        assert_int_equal(read.installed_at, 1000);
        assert_int_equal(read.anchor_count, 2);
        assert_memory_equal(&read.anchors[1], &record.anchors[1], sizeof(read.anchors[1]));
        assert_true(base_bytes_equal(read.bundle, record.bundle));
        header = bytes.len - record.bundle.len;
        for (size_t len = 0; len < header; len++) {
                assert_false(attesterd_bundle_record_parse(BASE_BYTES(bytes.data, len), &read, &error));
                assert_int_equal(error.code, BASE_ERROR_STATE_INVALID);
        }
}

static void record_of_a_newer_version_is_named(void **state)
{
        static const char *const newer[] = { "attesterd installed bundle 2\n", "attesterd installed bundle 10\nwith more" };
        struct attesterd_bundle_record read;

        for (size_t i = 0; i < BASE_COUNT(newer); i++) {
                struct base_error error = BASE_ERROR_INIT;

                assert_false(attesterd_bundle_record_parse(base_bytes_from_string(newer[i]), &read, &error));
                assert_int_equal(error.code, BASE_ERROR_STATE_INVALID);
                assert_non_null(strstr(error.message, "newer attesterd"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fetch_pause_doubles_up_to_the_interval),
                cmocka_unit_test(fetch_spread_is_within_its_bounds_and_even),
                cmocka_unit_test(record_round_trip_is_equal_and_its_truncations_are_state_invalid),
                cmocka_unit_test(record_of_a_newer_version_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
