/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages and the stateless secret; that a TPM opens the credential is test_swtpm.c's. */
#include "evidence/enrollment.h"
#include "evidence/tpm_numbers.h"
#include "tests/evidence/fake_tpm.h"
#include "tests/evidence/support.h"

#include "base/hash.h"

#include <string.h>

#define NOW 1760000000u

static const uint8_t secret_key[32] = { 4, 5, 6 };
static const uint8_t other_secret_key[32] = { 4, 5, 7 };
#define KEY BASE_BYTES_OF(secret_key)

struct keys {
        struct fake_key ek_fake, ak_fake;
        struct evidence_public *ek, *ak;
};

static void keys_make(struct keys *keys, const struct fake_template *ek, const struct fake_template *ak)
{
        struct base_error error;

        *keys = (struct keys){ .ek = NULL };
        fake_key_make(&keys->ek_fake, ek);
        fake_key_make(&keys->ak_fake, ak);
        assert_ok(evidence_public_new(base_buffer_bytes(&keys->ek_fake.public), &keys->ek, &error));
        assert_ok(evidence_public_new(base_buffer_bytes(&keys->ak_fake.public), &keys->ak, &error));
}

static void keys_clear(struct keys *keys)
{
        evidence_public_free(keys->ek);
        evidence_public_free(keys->ak);
        fake_key_clear(&keys->ek_fake);
        fake_key_clear(&keys->ak_fake);
}

#define auto_keys BASE_CLEANUP(keys_clear)

/* What the device would get out of the credential: the HMAC that the header describes. */
static void expected_secret(const uint8_t *key, const struct keys *keys, uint64_t expires, uint8_t *ret)
{
        uint8_t expiry[8];
        struct base_error error;

        for (unsigned i = 0; i < 8; i++)
                expiry[i] = (uint8_t) (expires >> (56 - 8 * i));
        const struct base_bytes pieces[] = { base_bytes_from_string("attesterd enrollment"), evidence_public_name(keys->ek),
                                             evidence_public_name(keys->ak), BASE_BYTES_OF(expiry) };
        assert_ok(base_hmac_sha256(BASE_BYTES(key, 32), pieces, BASE_COUNT(pieces), ret, &error));
}

static void messages_round_trip(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(EVIDENCE_ENROLLMENT_BYTES_MAX);
        const uint8_t bytes[] = { 1, 2, 3, 4 };
        struct evidence_enrollment_request request = { .ek_public = BASE_BYTES(bytes, 2), .ak_public = BASE_BYTES(bytes, 3) },
                                           request_back;
        struct evidence_enrollment_challenge challenge = { .expires = 5,
                                                           .id_object = BASE_BYTES(bytes, 3),
                                                           .encrypted_secret = BASE_BYTES(bytes, 4) };
        struct evidence_enrollment_challenge challenge_back;
        struct evidence_enrollment_result result = { .device = "laptop-7" }, result_back;
        struct base_error error;

        assert_ok(evidence_enrollment_request_encode(&request, &buffer, &error));
        assert_ok(evidence_enrollment_request_decode(base_buffer_bytes(&buffer), &request_back, &error));
        assert_int_equal(request_back.ek_certificate.len, 0);
        assert_int_equal(request_back.ak_public.len, 3);
        assert_false(request_back.has_activation);

        base_buffer_reset(&buffer);
        request.ek_certificate = BASE_BYTES(bytes, 4);
        request.has_activation = true;
        request.expires = 99;
        request.secret[31] = 0xab;
        assert_ok(evidence_enrollment_request_encode(&request, &buffer, &error));
        assert_ok(evidence_enrollment_request_decode(base_buffer_bytes(&buffer), &request_back, &error));
        assert_int_equal(request_back.ek_certificate.len, 4);
        assert_true(request_back.has_activation && request_back.expires == 99 && request_back.secret[31] == 0xab);

        base_buffer_reset(&buffer);
        assert_ok(evidence_enrollment_challenge_encode(&challenge, &buffer, &error));
        assert_ok(evidence_enrollment_challenge_decode(base_buffer_bytes(&buffer), &challenge_back, &error));
        assert_true(challenge_back.expires == 5 && challenge_back.id_object.len == 3 && challenge_back.encrypted_secret.len == 4);

        base_buffer_reset(&buffer);
        assert_ok(evidence_enrollment_result_encode(&result, &buffer, &error));
        assert_ok(evidence_enrollment_result_decode(base_buffer_bytes(&buffer), &result_back, &error));
        assert_string_equal(result_back.device, "laptop-7");
}

static void encode_fields_out_of_bounds_refused(void **state)
{
        base_auto_buffer struct base_buffer buffer = BASE_BUFFER_INIT(65536), tiny = BASE_BUFFER_INIT(4);
        static const uint8_t bytes[8192];
        struct evidence_enrollment_request request = { .ek_public = BASE_BYTES(bytes, 1), .ak_public = BASE_BYTES(bytes, 0) };
        struct evidence_enrollment_challenge challenge = { .id_object = BASE_BYTES(bytes, 513),
                                                           .encrypted_secret = BASE_BYTES(bytes, 1) };
        struct evidence_enrollment_result result = { .device = "" };
        struct base_error error;

        assert_refused(evidence_enrollment_request_encode(&request, &buffer, &error), BASE_ERROR_INVALID_ARGUMENT,
                       "empty or too long");
        request.ak_public = BASE_BYTES(bytes, 1);
        request.ek_certificate = BASE_BYTES(bytes, EVIDENCE_EK_CERTIFICATE_BYTES_MAX + 1);
        assert_refused(evidence_enrollment_request_encode(&request, &buffer, &error), BASE_ERROR_INVALID_ARGUMENT,
                       "empty or too long");
        request.ek_certificate = BASE_BYTES(bytes, 1);
        assert_refused(evidence_enrollment_request_encode(&request, &tiny, &error), BASE_ERROR_LIMIT_EXCEEDED, "4 bytes");
        assert_refused(evidence_enrollment_challenge_encode(&challenge, &buffer, &error), BASE_ERROR_INVALID_ARGUMENT,
                       "empty or too long");
        assert_refused(evidence_enrollment_result_encode(&result, &buffer, &error), BASE_ERROR_INVALID_ARGUMENT,
                       "empty or too long");
}

static void decode_cut_or_extended_refused(void **state)
{
        base_auto_buffer struct base_buffer request = BASE_BUFFER_INIT(4096), challenge = BASE_BUFFER_INIT(4096),
                                            result = BASE_BUFFER_INIT(4096);
        const uint8_t bytes[] = { 1, 2, 3, 4 };
        const struct evidence_enrollment_request a = { .ek_certificate = BASE_BYTES(bytes, 1),
                                                       .ek_public = BASE_BYTES(bytes, 2),
                                                       .ak_public = BASE_BYTES(bytes, 3),
                                                       .has_activation = true };
        const struct evidence_enrollment_challenge b = { .id_object = BASE_BYTES(bytes, 3),
                                                         .encrypted_secret = BASE_BYTES(bytes, 4) };
        const struct evidence_enrollment_result c = { .device = "d" };
        struct evidence_enrollment_request a_back;
        struct evidence_enrollment_challenge b_back;
        struct evidence_enrollment_result c_back;
        struct base_error error;

        assert_ok(evidence_enrollment_request_encode(&a, &request, &error));
        assert_ok(evidence_enrollment_challenge_encode(&b, &challenge, &error));
        assert_ok(evidence_enrollment_result_encode(&c, &result, &error));
        for (size_t i = 0; i < request.len; i++)
                assert_refused(evidence_enrollment_request_decode(BASE_BYTES(request.data, i), &a_back, &error),
                               BASE_ERROR_MALFORMED, "malformed");
        for (size_t i = 0; i < challenge.len; i++)
                assert_refused(evidence_enrollment_challenge_decode(BASE_BYTES(challenge.data, i), &b_back, &error),
                               BASE_ERROR_MALFORMED, "malformed");
        for (size_t i = 0; i < result.len; i++)
                assert_refused(evidence_enrollment_result_decode(BASE_BYTES(result.data, i), &c_back, &error),
                               BASE_ERROR_MALFORMED, "malformed");
        base_buffer_put_u8(&request, 0);
        base_buffer_put_u8(&challenge, 0);
        base_buffer_put_u8(&result, 0);
        assert_refused(evidence_enrollment_request_decode(base_buffer_bytes(&request), &a_back, &error), BASE_ERROR_MALFORMED,
                       "after");
        assert_refused(evidence_enrollment_challenge_decode(base_buffer_bytes(&challenge), &b_back, &error), BASE_ERROR_MALFORMED,
                       "after");
        assert_refused(evidence_enrollment_result_decode(base_buffer_bytes(&result), &c_back, &error), BASE_ERROR_MALFORMED,
                       "after");
        request.data[2] = 2; /* version */
        assert_refused(evidence_enrollment_request_decode(base_buffer_bytes(&request), &a_back, &error), BASE_ERROR_MALFORMED,
                       "version 1");
}

static void check_secret_for_these_keys_accepted_others_refused(void **state)
{
        struct evidence_enrollment_request request = { .has_activation = true, .expires = NOW + 60 };
        auto_keys struct keys keys, other;
        struct base_error error;

        keys_make(&keys, &fake_ek_template, &fake_ak_template);
        keys_make(&other, &fake_ek_template, &fake_ak_template);
        expected_secret(secret_key, &keys, request.expires, request.secret);
        assert_ok(evidence_enrollment_check(KEY, &request, keys.ek, keys.ak, NOW, &error));
        assert_ok(evidence_enrollment_check(KEY, &request, keys.ek, keys.ak, NOW + 59, &error));
        assert_refused(evidence_enrollment_check(KEY, &request, keys.ek, keys.ak, NOW + 60, &error), BASE_ERROR_EVIDENCE_STALE,
                       "expired");
        assert_refused(evidence_enrollment_check(KEY, &request, other.ek, keys.ak, NOW, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "not the one");
        assert_refused(evidence_enrollment_check(KEY, &request, keys.ek, other.ak, NOW, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "not the one");
        assert_refused(evidence_enrollment_check(BASE_BYTES_OF(other_secret_key), &request, keys.ek, keys.ak, NOW, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "not the one");
        assert_refused(evidence_enrollment_check(BASE_BYTES(secret_key, 31), &request, keys.ek, keys.ak, NOW, &error),
                       BASE_ERROR_INVALID_ARGUMENT, "32");
        request.expires += 1000; /* a longer life than was given */
        assert_refused(evidence_enrollment_check(KEY, &request, keys.ek, keys.ak, NOW, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "not the one");
        request.has_activation = false;
        assert_refused(evidence_enrollment_check(KEY, &request, keys.ek, keys.ak, NOW, &error), BASE_ERROR_EVIDENCE_INVALID,
                       "no opened");
}

static void challenge_make_for_unfit_keys_refused(void **state)
{
        base_auto_buffer struct base_buffer message = BASE_BUFFER_INIT(EVIDENCE_ENROLLMENT_BYTES_MAX);
        struct fake_template unrestricted = fake_ak_template;
        auto_keys struct keys good, bad;
        struct base_error error;

        unrestricted.attributes &= ~EVIDENCE_TPMA_RESTRICTED;
        keys_make(&good, &fake_ek_template, &fake_ak_template);
        keys_make(&bad, &fake_ek_template, &unrestricted);
        assert_refused(evidence_enrollment_challenge_make(KEY, bad.ek, bad.ak, NOW, &message, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "restricted");
        assert_refused(evidence_enrollment_challenge_make(KEY, good.ak, good.ak, NOW, &message, &error),
                       BASE_ERROR_EVIDENCE_INVALID, "decrypt");
        assert_refused(evidence_enrollment_challenge_make(BASE_BYTES(secret_key, 8), good.ek, good.ak, NOW, &message, &error),
                       BASE_ERROR_INVALID_ARGUMENT, "32");
        assert_int_equal(message.len, 0);
        assert_ok(evidence_enrollment_challenge_make(KEY, good.ek, good.ak, NOW, &message, &error));
}

static void challenge_does_not_hold_its_secret_and_is_never_twice_the_same(void **state)
{
        base_auto_buffer struct base_buffer one = BASE_BUFFER_INIT(EVIDENCE_ENROLLMENT_BYTES_MAX),
                                            two = BASE_BUFFER_INIT(EVIDENCE_ENROLLMENT_BYTES_MAX);
        struct evidence_enrollment_challenge challenge;
        auto_keys struct keys keys;
        uint8_t secret[32];
        struct base_error error;

        keys_make(&keys, &fake_ek_template, &fake_ak_template);
        assert_ok(evidence_enrollment_challenge_make(KEY, keys.ek, keys.ak, NOW, &one, &error));
        assert_ok(evidence_enrollment_challenge_make(KEY, keys.ek, keys.ak, NOW, &two, &error));
        assert_ok(evidence_enrollment_challenge_decode(base_buffer_bytes(&one), &challenge, &error));
        assert_true(challenge.expires == NOW);
        expected_secret(secret_key, &keys, NOW, secret);
        assert_null(memmem(one.data, one.len, secret, sizeof(secret)));
        assert_false(base_bytes_equal(base_buffer_bytes(&one), base_buffer_bytes(&two)));
}

static void credential_make_bad_arguments_refused(void **state)
{
        base_auto_buffer struct base_buffer a = BASE_BUFFER_INIT(1024), b = BASE_BUFFER_INIT(1024);
        struct base_bytes name, secret = BASE_BYTES_OF(secret_key);
        auto_keys struct keys keys;
        struct base_error error;

        keys_make(&keys, &fake_ek_template, &fake_ak_template);
        name = evidence_public_name(keys.ak);
        assert_refused(evidence_credential_make(keys.ak, name, secret, &a, &b, &error), BASE_ERROR_INVALID_ARGUMENT, "AES");
        assert_refused(evidence_credential_make(keys.ek, name, BASE_BYTES(secret_key, 0), &a, &b, &error),
                       BASE_ERROR_INVALID_ARGUMENT, "bytes");
        assert_refused(evidence_credential_make(keys.ek, name, BASE_BYTES(secret_key, 33), &a, &b, &error),
                       BASE_ERROR_INVALID_ARGUMENT, "bytes");
        assert_refused(evidence_credential_make(keys.ek, BASE_BYTES(NULL, 0), secret, &a, &b, &error),
                       BASE_ERROR_INVALID_ARGUMENT, "name");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(messages_round_trip),
                cmocka_unit_test(encode_fields_out_of_bounds_refused),
                cmocka_unit_test(decode_cut_or_extended_refused),
                cmocka_unit_test(check_secret_for_these_keys_accepted_others_refused),
                cmocka_unit_test(challenge_make_for_unfit_keys_refused),
                cmocka_unit_test(challenge_does_not_hold_its_secret_and_is_never_twice_the_same),
                cmocka_unit_test(credential_make_bad_arguments_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
