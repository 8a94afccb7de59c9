/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/buffer.h"

#include <string.h>

static void buffer_put_integers_are_big_endian(void **state)
{
        static const uint8_t expected[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(100);

        base_buffer_put_u8(&buffer, 0x01);
        base_buffer_put_u16(&buffer, 0x0203);
        base_buffer_put_u32(&buffer, 0x04050607);
        base_buffer_put_u64(&buffer, 0x08090a0b0c0d0e0f);
        assert_true(base_bytes_equal(base_buffer_bytes(&buffer), BASE_BYTES_OF(expected)));
}

static void buffer_put_past_limit_fails_and_changes_nothing(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(4);

        base_buffer_put_string(&buffer, "abcd");
        assert_true(base_buffer_ok(&buffer));
        base_buffer_put_u8(&buffer, 'e');
        assert_false(base_buffer_ok(&buffer));
        assert_int_equal(buffer.len, 4);
        base_buffer_put_u8(&buffer, 'f');
        base_buffer_printf(&buffer, "%d", 1);
        assert_null(base_buffer_extend(&buffer, 1));
        assert_null(base_buffer_c_string(&buffer));
        assert_int_equal(buffer.len, 4);
        base_buffer_reset(&buffer);
        assert_true(base_buffer_ok(&buffer));
        base_buffer_printf(&buffer, "%s", "12345");
        assert_false(base_buffer_ok(&buffer));
}

static void buffer_c_string_at_limit_is_terminated(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(64);

        for (int i = 0; i < 64; i++)
                base_buffer_put_u8(&buffer, 'x');
        assert_int_equal(strlen(base_buffer_c_string(&buffer)), 64);
}

static void buffer_reset_wipes_what_was_there(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(64);

        base_buffer_put_string(&buffer, "secret");
        base_buffer_reset(&buffer);
        for (size_t i = 0; i < strlen("secret"); i++)
                assert_int_equal(buffer.data[i], 0);
}

static void buffer_consume_moves_the_rest_to_the_front(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(64);

        base_buffer_put_string(&buffer, "abcdef");
        base_buffer_consume(&buffer, 2);
        assert_string_equal(base_buffer_c_string(&buffer), "cdef");
        base_buffer_consume(&buffer, 99);
        assert_int_equal(buffer.len, 0);
}

static void buffer_grows_and_keeps_content(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(100000);

        for (int i = 0; i < 10000; i++)
                base_buffer_printf(&buffer, "%04d", i);
        assert_int_equal(buffer.len, 40000);
        assert_memory_equal(buffer.data + 4 * 1234, "1234", 4);
}

static void reader_gets_past_the_end_leave_everything_as_it_was(void **state)
{
        static const uint8_t data[] = { 0, 5, 1, 2 };
        struct base_reader reader = base_reader_over(BASE_BYTES_OF(data));
        struct base_bytes bytes = { 0 };
        uint64_t u64 = 77;
        uint32_t u32;
        uint16_t u16;
        uint8_t u8;

        assert_false(base_reader_get_u64(&reader, &u64));
        assert_int_equal(u64, 77);
        assert_false(base_reader_get_u16_prefixed(&reader, &bytes));
        assert_int_equal(reader.position, 0);
        assert_false(base_reader_get_bytes(&reader, SIZE_MAX, &bytes));
        assert_true(base_reader_get_u32(&reader, &u32));
        assert_int_equal(u32, 0x00050102);
        assert_true(base_reader_at_end(&reader));
        assert_false(base_reader_get_u8(&reader, &u8));
        assert_false(base_reader_get_u16(&reader, &u16));
        assert_true(base_reader_get_bytes(&reader, 0, &bytes));
}

static void reader_get_u16_prefixed_gives_the_bytes(void **state)
{
        static const uint8_t data[] = { 0, 2, 8, 9, 1 };
        struct base_reader reader = base_reader_over(BASE_BYTES_OF(data));
        struct base_bytes bytes;
        uint8_t copy[1];

        assert_true(base_reader_get_u16_prefixed(&reader, &bytes));
        assert_int_equal(bytes.len, 2);
        assert_ptr_equal(bytes.data, data + 2);
        assert_true(base_reader_copy(&reader, copy, 1));
        assert_int_equal(copy[0], 1);
}

static void bytes_equal_compares_length_and_content(void **state)
{
        assert_true(base_bytes_equal(base_bytes_from_string("abc"), base_bytes_from_string("abc")));
        assert_false(base_bytes_equal(base_bytes_from_string("abc"), base_bytes_from_string("abd")));
        assert_false(base_bytes_equal(base_bytes_from_string("abc"), base_bytes_from_string("ab")));
        assert_true(base_bytes_equal(BASE_BYTES(NULL, 0), base_bytes_from_string("")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(buffer_put_integers_are_big_endian),
                cmocka_unit_test(buffer_put_past_limit_fails_and_changes_nothing),
                cmocka_unit_test(buffer_c_string_at_limit_is_terminated),
                cmocka_unit_test(buffer_reset_wipes_what_was_there),
                cmocka_unit_test(buffer_consume_moves_the_rest_to_the_front),
                cmocka_unit_test(buffer_grows_and_keeps_content),
                cmocka_unit_test(reader_gets_past_the_end_leave_everything_as_it_was),
                cmocka_unit_test(reader_get_u16_prefixed_gives_the_bytes),
                cmocka_unit_test(bytes_equal_compares_length_and_content),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
