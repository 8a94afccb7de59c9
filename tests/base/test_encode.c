/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/encode.h"

#include <string.h>

static const char *encoded(struct base_buffer *buffer, const char *text, enum base_base64_alphabet alphabet)
{
        base_buffer_reset(buffer);
        base_base64_encode(buffer, base_bytes_from_string(text), alphabet);
        return base_buffer_c_string(buffer);
}

/* RFC 4648, section 10 */
static void base64_encode_rfc4648_vectors_match(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(100);

        assert_string_equal(encoded(&buffer, "", BASE_BASE64), "");
        assert_string_equal(encoded(&buffer, "f", BASE_BASE64), "Zg==");
        assert_string_equal(encoded(&buffer, "fo", BASE_BASE64), "Zm8=");
        assert_string_equal(encoded(&buffer, "foo", BASE_BASE64), "Zm9v");
        assert_string_equal(encoded(&buffer, "foob", BASE_BASE64), "Zm9vYg==");
        assert_string_equal(encoded(&buffer, "fooba", BASE_BASE64), "Zm9vYmE=");
        assert_string_equal(encoded(&buffer, "foobar", BASE_BASE64), "Zm9vYmFy");
        assert_string_equal(encoded(&buffer, "\xfb\xff", BASE_BASE64), "+/8=");
        assert_string_equal(encoded(&buffer, "\xfb\xff", BASE_BASE64_URL), "-_8=");
}

static bool decodes(const char *text, enum base_base64_alphabet alphabet)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(100);
        bool ok = base_base64_decode(&buffer, text, strlen(text), alphabet);

        if (!ok)
                assert_int_equal(buffer.len, 0);
        return ok;
}

static void base64_decode_padding_is_whole_or_absent(void **state)
{
        assert_true(decodes("Zg==", BASE_BASE64));
        assert_true(decodes("Zg", BASE_BASE64));
        assert_true(decodes("Zm8=", BASE_BASE64));
        assert_true(decodes("Zm8", BASE_BASE64));
        assert_true(decodes("", BASE_BASE64));
        assert_false(decodes("Zg=", BASE_BASE64));
        assert_false(decodes("Zg===", BASE_BASE64));
        assert_false(decodes("=", BASE_BASE64));
        assert_false(decodes("Zm9v=", BASE_BASE64));
        assert_false(decodes("Zm9vZ", BASE_BASE64));
}

static void base64_decode_bad_character_or_trailing_bits_is_refused(void **state)
{
        assert_false(decodes("Zh==", BASE_BASE64));
        assert_false(decodes("Zm9=", BASE_BASE64));
        assert_false(decodes("Zm 9", BASE_BASE64));
        assert_false(decodes("Zm9v\n", BASE_BASE64));
        assert_false(decodes("-_8=", BASE_BASE64));
        assert_false(decodes("+/8=", BASE_BASE64_URL));
        assert_true(decodes("-_8=", BASE_BASE64_URL));
}

static void base64_decode_past_limit_fails(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(2);

        assert_false(base_base64_decode(&buffer, "Zm9v", 4, BASE_BASE64));
}

static void hex_round_trip_and_refusals(void **state)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(10);
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(20);

        assert_true(base_hex_decode(&bytes, "00ffAb", 6));
        base_hex_encode(&text, base_buffer_bytes(&bytes));
        assert_string_equal(base_buffer_c_string(&text), "00ffab");
        assert_false(base_hex_decode(&bytes, "0", 1));
        assert_false(base_hex_decode(&bytes, "0g", 2));
        assert_int_equal(bytes.len, 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(base64_encode_rfc4648_vectors_match),
                cmocka_unit_test(base64_decode_padding_is_whole_or_absent),
                cmocka_unit_test(base64_decode_bad_character_or_trailing_bits_is_refused),
                cmocka_unit_test(base64_decode_past_limit_fails),
                cmocka_unit_test(hex_round_trip_and_refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
