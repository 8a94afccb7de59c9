/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/cbor.h"
#include "tests/evidence/support.h"

#include <string.h>

#define READER(...) base_reader_over(BASE_BYTES_OF(((const uint8_t[]){ __VA_ARGS__ })))

static void put_int_boundaries_round_trip(void **state)
{
        static const int64_t values[] = { 0,  23,  24,  255,  256,  65535,  65536,  4294967295,  4294967296,  INT64_MAX,
                                          -1, -24, -25, -256, -257, -65536, -65537, -4294967296, -4294967297, INT64_MIN };
        static const size_t lengths[] = { 1, 1, 2, 2, 3, 3, 5, 5, 9, 9, 1, 1, 2, 2, 3, 3, 5, 5, 9, 9 };

        for (size_t i = 0; i < BASE_COUNT(values); i++) {
                base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(16);
                struct base_reader reader;
                int64_t back = 0;

                evidence_cbor_put_int(&buffer, values[i]);
                assert_int_equal(buffer.len, lengths[i]);
                reader = base_reader_over(base_buffer_bytes(&buffer));
                assert_true(evidence_cbor_get_int(&reader, &back));
                assert_true(back == values[i]);
                assert_true(base_reader_at_end(&reader));
        }
}

static void get_uint_longer_than_shortest_refused(void **state)
{
        struct base_reader cases[] = {
                READER(0x18, 0x17),
                READER(0x19, 0x00, 0xff),
                READER(0x1a, 0x00, 0x00, 0xff, 0xff),
                READER(0x1b, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff),
                READER(0x1c),
                READER(0x1f),
                READER(0x18),
                READER(0x19, 0x01),
                READER(0xc0, 0x01), /* tag */
        };
        struct base_reader empty = { .len = 0 };
        uint64_t value = 77;

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                assert_false(evidence_cbor_get_uint(&cases[i], UINT64_MAX, &value));
                assert_int_equal(cases[i].position, 0);
        }
        assert_false(evidence_cbor_get_uint(&empty, UINT64_MAX, &value));
        assert_int_equal(value, 77);
}

static void get_uint_above_max_refused(void **state)
{
        struct base_reader reader = READER(0x05);
        uint64_t value;

        assert_false(evidence_cbor_get_uint(&reader, 4, &value));
        assert_true(evidence_cbor_get_uint(&reader, 5, &value));
}

static void get_int_beyond_64_bits_refused(void **state)
{
        struct base_reader positive = READER(0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0);
        struct base_reader negative = READER(0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0);
        int64_t value;

        assert_false(evidence_cbor_get_int(&positive, &value));
        assert_false(evidence_cbor_get_int(&negative, &value));
}

static void get_bytes_bounds_and_truncation_refused(void **state)
{
        struct base_reader reader = READER(0x43, 1, 2, 3), cut = READER(0x43, 1, 2), indefinite = READER(0x5f, 0x41, 1, 0xff);
        struct base_reader huge = READER(0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
        struct base_bytes bytes;

        assert_false(evidence_cbor_get_bytes(&reader, 4, 9, &bytes));
        assert_false(evidence_cbor_get_bytes(&reader, 0, 2, &bytes));
        assert_false(evidence_cbor_get_text(&reader, 0, 9, &bytes));
        assert_false(evidence_cbor_get_bytes(&cut, 0, 9, &bytes));
        assert_false(evidence_cbor_get_bytes(&indefinite, 0, 9, &bytes));
        assert_false(evidence_cbor_get_bytes(&huge, 0, SIZE_MAX, &bytes));
        assert_true(evidence_cbor_get_bytes(&reader, 3, 3, &bytes));
        assert_int_equal(bytes.len, 3);
}

static void get_text_not_utf8_refused(void **state)
{
        static const char *const bad[] = { "\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x80\x80",
                                           "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                           "\xc3",         "a\xe2\x82",        "\xe2\x28\xa1" };
        static const char *const good[] = {
                "", "plain", "\xc3\xbc", "\xe2\x82\xac", "\xed\x9f\xbf", "\xf0\x9f\x94\x92", "\xf4\x8f\xbf\xbf"
        };

        for (size_t i = 0; i < BASE_COUNT(bad); i++)
                assert_false(evidence_cbor_text_ok(base_bytes_from_string(bad[i])));
        for (size_t i = 0; i < BASE_COUNT(good); i++)
                assert_true(evidence_cbor_text_ok(base_bytes_from_string(good[i])));
        assert_false(evidence_cbor_text_ok(BASE_BYTES("a\0b", 3)));
}

static void get_bool_other_simple_values_refused(void **state)
{
        struct base_reader yes = READER(0xf5), no = READER(0xf4), null = READER(0xf6), undefined = READER(0xf7);
        struct base_reader half = READER(0xf9, 0x3c, 0x00), long_form = READER(0xf8, 0x15);
        bool value = false;

        assert_true(evidence_cbor_get_bool(&yes, &value) && value);
        assert_true(evidence_cbor_get_bool(&no, &value) && !value);
        assert_false(evidence_cbor_get_bool(&null, &value));
        assert_false(evidence_cbor_get_bool(&undefined, &value));
        assert_false(evidence_cbor_get_bool(&half, &value));
        assert_false(evidence_cbor_get_bool(&long_form, &value));
        assert_true(evidence_cbor_get_null(&null));
        assert_false(evidence_cbor_get_null(&undefined));
}

static void map_keys_out_of_order_refused(void **state)
{
        struct base_reader good = READER(0xa3, 0x01, 0x18, 0x20, 0x20), bad = READER(0xa2, 0x20, 0x01);
        struct base_reader twice = READER(0xa2, 0x01, 0x01);
        struct evidence_cbor_map map;
        int64_t key;

        assert_true(evidence_cbor_get_map(&good, 0, 9, &map));
        assert_true(evidence_cbor_map_next_int(&good, &map, &key) && key == 1);
        assert_true(evidence_cbor_map_next_int(&good, &map, &key) && key == 32);
        assert_true(evidence_cbor_map_next_int(&good, &map, &key) && key == -1); /* 0x20 sorts after 0x18.. */
        assert_false(evidence_cbor_map_next_int(&good, &map, &key));

        assert_true(evidence_cbor_get_map(&bad, 0, 9, &map));
        assert_true(evidence_cbor_map_next_int(&bad, &map, &key));
        assert_false(evidence_cbor_map_next_int(&bad, &map, &key));

        assert_true(evidence_cbor_get_map(&twice, 0, 9, &map));
        assert_true(evidence_cbor_map_next_int(&twice, &map, &key));
        assert_false(evidence_cbor_map_next_int(&twice, &map, &key));
}

static void map_text_keys_shorter_first(void **state)
{
        struct base_reader good = READER(0xa2, 0x61, 'b', 0x62, 'a', 'a'), bad = READER(0xa2, 0x62, 'a', 'a', 0x61, 'b');
        struct evidence_cbor_map map;
        struct base_bytes key;

        assert_true(evidence_cbor_get_map(&good, 0, 9, &map));
        assert_true(evidence_cbor_map_next_text(&good, &map, 1, 9, &key));
        assert_true(evidence_cbor_map_next_text(&good, &map, 1, 9, &key));
        assert_true(evidence_cbor_get_map(&bad, 0, 9, &map));
        assert_true(evidence_cbor_map_next_text(&bad, &map, 1, 9, &key));
        assert_false(evidence_cbor_map_next_text(&bad, &map, 1, 9, &key));
}

static void map_more_keys_than_announced_refused(void **state)
{
        struct base_reader reader = READER(0xa1, 0x01, 0x02), indefinite = READER(0xbf, 0x01, 0xff);
        struct evidence_cbor_map map;

        assert_true(evidence_cbor_get_map(&reader, 1, 1, &map));
        assert_false(evidence_cbor_map_take(&reader, &map, 2));
        assert_true(evidence_cbor_map_take(&reader, &map, 1));
        assert_false(evidence_cbor_map_take(&reader, &map, 2));
        assert_false(evidence_cbor_get_map(&indefinite, 0, 9, &map));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(put_int_boundaries_round_trip),
                cmocka_unit_test(get_uint_longer_than_shortest_refused),
                cmocka_unit_test(get_uint_above_max_refused),
                cmocka_unit_test(get_int_beyond_64_bits_refused),
                cmocka_unit_test(get_bytes_bounds_and_truncation_refused),
                cmocka_unit_test(get_text_not_utf8_refused),
                cmocka_unit_test(get_bool_other_simple_values_refused),
                cmocka_unit_test(map_keys_out_of_order_refused),
                cmocka_unit_test(map_text_keys_shorter_first),
                cmocka_unit_test(map_more_keys_than_announced_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
