/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/issuer/support.h"

#include "issuer/keys.h"

#include <sys/stat.h>

#define DAY_S 86400ULL
#define NOW   (20000 * DAY_S)
#define RSA   ISSUER_TYPE_BIT(TOKEN_TYPE_BLIND_RSA)
#define VOPRF ISSUER_TYPE_BIT(TOKEN_TYPE_VOPRF)

static void load_of_an_empty_directory_makes_one_private_key(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_keys struct issuer_keys keys = { 0 }, again = { 0 };
        struct base_error error;
        struct stat status;

        assert_ok(issuer_keys_load(directory, RSA, NOW, 0, &keys, &error));
        assert_int_equal(keys.count, 1);
        assert_int_equal(keys.items[0].not_before, NOW);
        assert_int_equal(stat(test_path(directory, "token-key-2-1728000000.pem"), &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_ok(issuer_keys_load(directory, RSA, NOW + 5 * DAY_S, 0, &again, &error));
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

                assert_ok(issuer_keys_load(directory, RSA, NOW + days[step] * DAY_S, 30, &keys, &error));
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

static void load_with_both_types_rotates_each_by_itself(void **state)
{
        test_auto_directory directory = test_directory_make();
        static const struct {
                unsigned day, types;
                size_t rsa, voprf; /* keys that there are then */
        } steps[] = {
                { 0, RSA, 1, 0 },          { 20, RSA | VOPRF, 1, 1 }, { 30, RSA | VOPRF, 2, 1 }, { 38, RSA | VOPRF, 1, 1 },
                { 50, RSA | VOPRF, 1, 2 }, { 58, VOPRF, 0, 1 },       { 58, RSA | VOPRF, 1, 1 },
        };

        for (size_t step = 0; step < BASE_COUNT(steps); step++) {
                issuer_auto_keys struct issuer_keys keys = { 0 };
                struct base_error error;

                assert_ok(issuer_keys_load(directory, steps[step].types, NOW + steps[step].day * DAY_S, 30, &keys, &error));
                assert_int_equal(keys.count, steps[step].rsa + steps[step].voprf);
                for (size_t i = 0; i < keys.count; i++)
                        assert_int_equal(keys.items[i].type, i < steps[step].rsa ? TOKEN_TYPE_BLIND_RSA : TOKEN_TYPE_VOPRF);
                for (size_t i = 1; i < keys.count; i++)
                        assert_true(keys.items[i - 1].type != keys.items[i].type ||
                                    keys.items[i - 1].not_before > keys.items[i].not_before);
        }
}

static void load_keeps_the_keys_of_a_type_private_and_apart(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_keys struct issuer_keys both = { 0 }, one = { 0 }, read = { 0 };
        struct base_error error;
        struct stat status;

        assert_ok(issuer_keys_load(directory, RSA | VOPRF, NOW, 0, &both, &error));
        assert_int_equal(stat(test_path(directory, "token-key-1-1728000000.pem"), &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_ok(issuer_keys_load(directory, VOPRF, NOW, 0, &one, &error));
        assert_int_equal(one.count, 1);
        assert_memory_equal(token_public_key_id(token_issuer_key_public(one.items[0].key)),
                            token_public_key_id(token_issuer_key_public(both.items[1].key)), TOKEN_KEY_ID_LEN);
        assert_null(issuer_keys_find(&one, TOKEN_TYPE_BLIND_RSA, both.items[0].truncated_id));
        assert_ptr_equal(issuer_keys_find(&both, TOKEN_TYPE_VOPRF, both.items[1].truncated_id), &both.items[1]);
        /* What is not asked for is not even looked at. */
        test_file_write(test_path(directory, "token-key-2-1728000000.pem"), "damaged", 0644);
        assert_ok(issuer_keys_read(directory, VOPRF, &read, &error));
        assert_int_equal(read.count, 1);
        assert_refused(issuer_keys_read(directory, RSA, &read, &error), BASE_ERROR_STATE_INVALID, "token-key-2-1728000000.pem");
}

static void read_makes_rotates_and_removes_nothing(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_keys struct issuer_keys keys = { 0 };
        struct base_error error;

        test_file_write(test_path(directory, "token-key-2-5.pem.new"), "being written", 0600);
        assert_ok(issuer_keys_read(directory, RSA | VOPRF, &keys, &error));
        assert_int_equal(keys.count, 0);
        assert_int_equal(access(test_path(directory, "token-key-2-5.pem.new"), F_OK), 0);
}

static void load_refuses_more_keys_than_clients_read_and_makes_no_more(void **state)
{
        test_auto_directory directory = test_directory_make();
        char name[ISSUER_KEY_FILE_NAME_MAX];
        struct base_error error;

        for (uint64_t i = 0; i < ISSUER_KEYS_MAX; i++) {
                base_auto_token_issuer_key struct token_issuer_key *key = NULL;
                base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(TOKEN_ISSUER_KEY_TEXT_MAX);
                issuer_auto_keys struct issuer_keys keys = { 0 };

                /* A truncated id is one byte: two in sixteen may well have the same. */
                do {
                        token_issuer_key_free(BASE_STEAL(key));
                        assert_ok(token_issuer_key_generate(TOKEN_TYPE_VOPRF, &key, &error));
                        issuer_keys_clear(&keys);
                        assert_ok(issuer_keys_read(directory, VOPRF, &keys, &error));
                } while (issuer_keys_find(&keys, TOKEN_TYPE_VOPRF,
                                          token_public_key_id(token_issuer_key_public(key))[TOKEN_KEY_ID_LEN - 1]) != NULL);
                assert_ok(token_issuer_key_save(key, &text, &error));
                issuer_key_file_name(TOKEN_TYPE_VOPRF, NOW - i, name);
                test_file_write(test_path(directory, name), base_buffer_c_string(&text), 0600);
        }
        {
                issuer_auto_keys struct issuer_keys keys = { 0 };

                assert_refused(issuer_keys_load(directory, RSA | VOPRF, NOW, 0, &keys, &error), BASE_ERROR_LIMIT_EXCEEDED,
                               "more than 16");
                issuer_key_file_name(TOKEN_TYPE_BLIND_RSA, NOW, name);
                assert_int_equal(access(test_path(directory, name), F_OK), -1);
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
                { "token-key-3-5.pem", 0600, "token type 0x0003 is not built in" },
                { "token-key-99999999-5.pem", 0600, "not the name of a token key" },
        };

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                test_auto_directory directory = test_directory_make();
                struct issuer_keys keys = { 0 };
                struct base_error error;

                test_file_write(test_path(directory, cases[i].name), "no key", cases[i].mode);
                assert_refused(issuer_keys_load(directory, RSA | VOPRF, NOW, 0, &keys, &error), BASE_ERROR_STATE_INVALID,
                               cases[i].mention);
        }
}

static void load_removes_what_a_crash_left(void **state)
{
        test_auto_directory directory = test_directory_make();
        issuer_auto_keys struct issuer_keys keys = { 0 };
        struct base_error error;

        test_file_write(test_path(directory, "token-key-2-5.pem.new"), "half", 0600);
        assert_ok(issuer_keys_load(directory, RSA, NOW, 0, &keys, &error));
        assert_int_equal(access(test_path(directory, "token-key-2-5.pem.new"), F_OK), -1);
}

static void load_without_a_directory_is_an_error(void **state)
{
        struct issuer_keys keys = { 0 };
        struct base_error error;

        assert_refused(issuer_keys_load("/nonexistent", RSA, NOW, 0, &keys, &error), BASE_ERROR_IO, "/nonexistent");
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
                cmocka_unit_test(load_with_both_types_rotates_each_by_itself),
                cmocka_unit_test(load_keeps_the_keys_of_a_type_private_and_apart),
                cmocka_unit_test(read_makes_rotates_and_removes_nothing),
                cmocka_unit_test(load_refuses_more_keys_than_clients_read_and_makes_no_more),
                cmocka_unit_test(load_of_a_file_that_is_no_key_names_it),
                cmocka_unit_test(load_removes_what_a_crash_left),
                cmocka_unit_test(load_without_a_directory_is_an_error),
                cmocka_unit_test(enrollment_secret_is_made_once),
                cmocka_unit_test(enrollment_secret_that_is_damaged_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
