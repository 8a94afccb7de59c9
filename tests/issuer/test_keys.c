/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include "issuer/keys.h"

#include <sys/stat.h>

#define DAY_S 86400ULL
#define NOW   (20000 * DAY_S)

static void load_of_an_empty_directory_makes_one_private_key(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_keys struct issuer_keys keys = { 0 }, again = { 0 };
        struct base_error error;
        struct stat status;

        assert_ok(issuer_keys_load(directory, NOW, 0, &keys, &error));
        assert_int_equal(keys.count, 1);
        assert_int_equal(keys.items[0].not_before, NOW);
        assert_int_equal(stat(test_path(directory, "token-key-2-1728000000.pem"), &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_ok(issuer_keys_load(directory, NOW + 5 * DAY_S, 0, &again, &error));
        assert_int_equal(again.count, 1);
        assert_int_equal(again.items[0].truncated_id, keys.items[0].truncated_id);
        assert_memory_equal(token_public_key_id(token_issuer_key_public(again.items[0].key)),
                            token_public_key_id(token_issuer_key_public(keys.items[0].key)), TOKEN_KEY_ID_LEN);
}

static void load_with_rotation_announces_overlaps_and_removes(void **state)
{
        test_auto_directory directory = test_directory_make();
        struct base_error error;
        uint8_t first, second;

        for (unsigned step = 0; step < 4; step++) {
                static const uint64_t days[] = { 0, 29, 30, 30 + 1 + 7 };
                static const size_t counts[] = { 1, 1, 2, 1 };
                issuer_auto_keys struct issuer_keys keys = { 0 };

                assert_ok(issuer_keys_load(directory, NOW + days[step] * DAY_S, 30, &keys, &error));
                assert_int_equal(keys.count, counts[step]);
                if (step == 0)
                        first = keys.items[0].truncated_id;
                if (step == 2) {
                        second = keys.items[0].truncated_id;
                        assert_int_equal(keys.items[0].not_before, NOW + 31 * DAY_S);
                        assert_int_equal(keys.items[1].truncated_id, first);
                        assert_ptr_equal(issuer_keys_find(&keys, TOKEN_TYPE_BLIND_RSA, first), &keys.items[1]);
                        assert_ptr_equal(issuer_keys_find(&keys, TOKEN_TYPE_BLIND_RSA, second), &keys.items[0]);
                        assert_null(issuer_keys_find(&keys, 1, second));
                }
                if (step == 3)
                        assert_int_equal(keys.items[0].truncated_id, second);
        }
}

static void load_of_a_file_that_is_no_key_names_it(void **state)
{
        static const struct {
                const char *name;
                unsigned mode;
                const char *mention;
        } cases[] = {
                { "token-key-2-5.pem", 0600, "token-key-2-5.pem" },
                { "token-key-2-5.pem", 0644, "0644" },
                { "token-key-1-5.pem", 0600, "token-key-1-5.pem" },
                { "token-key-2-x.pem", 0600, "not the name of a token key" },
                { "token-key-2-5.pem.bak", 0600, "not the name of a token key" },
                { "token-key-99999999-5.pem", 0600, "not the name of a token key" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                test_auto_directory directory = test_directory_make();
                struct issuer_keys keys = { 0 };
                struct base_error error;

                test_file_write(test_path(directory, cases[i].name), "no key", cases[i].mode);
                assert_refused(issuer_keys_load(directory, NOW, 0, &keys, &error), BASE_ERROR_STATE_INVALID, cases[i].mention);
        }
}

static void load_removes_what_a_crash_left(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_keys struct issuer_keys keys = { 0 };
        struct base_error error;

        test_file_write(test_path(directory, "token-key-2-5.pem.new"), "half", 0600);
        assert_ok(issuer_keys_load(directory, NOW, 0, &keys, &error));
        assert_int_equal(access(test_path(directory, "token-key-2-5.pem.new"), F_OK), -1);
}

static void load_without_a_directory_is_an_error(void **state)
{
        struct issuer_keys keys = { 0 };
        struct base_error error;

        assert_refused(issuer_keys_load("/nonexistent", NOW, 0, &keys, &error), BASE_ERROR_IO, "/nonexistent");
}

static void enrollment_secret_is_made_once(void **state)
{
        test_auto_directory directory = test_directory_make();
        base_auto_buffer struct base_buffer first = BASE_BUFFER_INIT(ISSUER_ENROLLMENT_SECRET_LEN);
        base_auto_buffer struct base_buffer second = BASE_BUFFER_INIT(ISSUER_ENROLLMENT_SECRET_LEN);
        struct base_error error;
        struct stat status;

        assert_ok(issuer_enrollment_secret_load(directory, &base_system_random, &first, &error));
        assert_ok(issuer_enrollment_secret_load(directory, &base_system_random, &second, &error));
        assert_int_equal(first.len, ISSUER_ENROLLMENT_SECRET_LEN);
        assert_true(base_bytes_equal(base_buffer_bytes(&first), base_buffer_bytes(&second)));
        assert_int_equal(stat(test_path(directory, "enrollment-secret"), &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
}

static void enrollment_secret_that_is_damaged_is_named(void **state)
{
        test_auto_directory directory = test_directory_make();
        base_auto_buffer struct base_buffer secret = BASE_BUFFER_INIT(ISSUER_ENROLLMENT_SECRET_LEN);
        struct base_error error;

        test_file_write(test_path(directory, "enrollment-secret"), "too short", 0600);
        assert_refused(issuer_enrollment_secret_load(directory, &base_system_random, &secret, &error), BASE_ERROR_STATE_INVALID,
                       "enrollment-secret is damaged");
        test_file_write(test_path(directory, "enrollment-secret"), "thirty-two bytes and quite a few more", 0600);
        assert_refused(issuer_enrollment_secret_load(directory, &base_system_random, &secret, &error), BASE_ERROR_STATE_INVALID,
                       "enrollment-secret");
        test_file_write(test_path(directory, "enrollment-secret"), "0123456789abcdef0123456789abcdef", 0604);
        assert_refused(issuer_enrollment_secret_load(directory, &base_system_random, &secret, &error), BASE_ERROR_STATE_INVALID,
                       "0604");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(load_of_an_empty_directory_makes_one_private_key),
                cmocka_unit_test(load_with_rotation_announces_overlaps_and_removes),
                cmocka_unit_test(load_of_a_file_that_is_no_key_names_it),
                cmocka_unit_test(load_removes_what_a_crash_left),
                cmocka_unit_test(load_without_a_directory_is_an_error),
                cmocka_unit_test(enrollment_secret_is_made_once),
                cmocka_unit_test(enrollment_secret_that_is_damaged_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
