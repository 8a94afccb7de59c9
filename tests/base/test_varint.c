/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/varint.h"

#include "base/encode.h"
#include "tests/cmocka.h"

#include <string.h>

/* The examples of RFC 9000, appendix A.1, and where one form ends and the next begins. */
static void varint_shortest_form_round_trips(void **state)
{
        static const struct {
                const char *hex;
                uint64_t value;
        } rows[] = {
                { "c2197c5eff14e88c", 151288809941952652 },
                { "9d7f3e7d", 494878333 },
                { "7bbd", 15293 },
                { "25", 37 },
                { "00", 0 },
                { "3f", 63 },
                { "4040", 64 },
                { "7fff", 16383 },
                { "80004000", 16384 },
                { "bfffffff", 1073741823 },
                { "c000000040000000", 1073741824 },
                { "ffffffffffffffff", BASE_VARINT_MAX },
        };

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                base_auto_buffer struct base_buffer expected = BASE_BUFFER_INIT(16), actual = BASE_BUFFER_INIT(16);
                struct base_reader reader;
                uint64_t value = 1;

                assert_true(base_hex_decode(&expected, rows[i].hex, strlen(rows[i].hex)));
                base_varint_put(&actual, rows[i].value);
                assert_true(base_bytes_equal(base_buffer_bytes(&actual), base_buffer_bytes(&expected)));
                reader = base_reader_over(base_buffer_bytes(&expected));
                assert_true(base_varint_get(&reader, &value) && base_reader_at_end(&reader));
                assert_true(value == rows[i].value);
                for (size_t len = 0; len < expected.len; len++) {
                        reader = base_reader_over(BASE_BYTES(expected.data, len));
                        assert_false(base_varint_get(&reader, &value));
                        assert_int_equal(reader.position, 0);
                }
        }
}

static void varint_longer_forms_are_refused(void **state)
{
        static const char *const rows[] = {
                "4025", "4000", "403f", "80000040", "80003fff", "c000000000000000", "c00000003fffffff"
        };
        base_auto_buffer struct base_buffer large = BASE_BUFFER_INIT(16);

        for (size_t i = 0; i < BASE_COUNT(rows); i++) {
                base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(16);
                struct base_reader reader;
                uint64_t value;

                assert_true(base_hex_decode(&bytes, rows[i], strlen(rows[i])));
                reader = base_reader_over(base_buffer_bytes(&bytes));
                assert_false(base_varint_get(&reader, &value));
                assert_int_equal(reader.position, 0);
        }
        base_varint_put(&large, BASE_VARINT_MAX + 1);
        assert_false(base_buffer_ok(&large));
        assert_int_equal(large.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(varint_shortest_form_round_trips),
                cmocka_unit_test(varint_longer_forms_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
