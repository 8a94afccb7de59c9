/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/encode.h"
#include "base/hash.h"

#include <string.h>

static void assert_hex(const uint8_t digest[static BASE_SHA256_LEN], const char *expected)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(100);

        base_hex_encode(&text, BASE_BYTES(digest, BASE_SHA256_LEN));
        assert_string_equal(base_buffer_c_string(&text), expected);
}

/* FIPS 180-2, appendix B.1 */
static void sha256_abc_in_pieces_matches(void **state)
{
        const struct base_bytes pieces[] = { base_bytes_from_string("a"), base_bytes_from_string(""),
                                             base_bytes_from_string("bc") };
        uint8_t digest[BASE_SHA256_LEN];

        assert_true(base_sha256(pieces, BASE_COUNT(pieces), digest, NULL));
        assert_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 4231, test case 2 */
static void hmac_sha256_rfc4231_matches(void **state)
{
        const struct base_bytes pieces[] = { base_bytes_from_string("what do ya want "), base_bytes_from_string("for nothing?") };
        uint8_t digest[BASE_SHA256_LEN];

        assert_true(base_hmac_sha256(base_bytes_from_string("Jefe"), pieces, BASE_COUNT(pieces), digest, NULL));
        assert_hex(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sha256_abc_in_pieces_matches),
                cmocka_unit_test(hmac_sha256_rfc4231_matches),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
