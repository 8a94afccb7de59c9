/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "base/file.h"
#include "base/hash.h"
#include "tpm/key_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define OFFSET_VERSION 8
#define OFFSET_MODE    10
#define OFFSET_BANK    20
#define OFFSET_MASK    22
#define OFFSET_PARENT  (26 + 2 * 32)
#define PARENT_LEN     34
#define OFFSET_PUBLIC  (OFFSET_PARENT + 2 + PARENT_LEN)
#define PUBLIC_LEN     20
#define OFFSET_PRIVATE (OFFSET_PUBLIC + 2 + PUBLIC_LEN)

static struct tpm_key_file sample(void)
{
        struct tpm_key_file file = { .mode = TPM_SEAL_MODE_PCR,
                                     .created = 1760000000,
                                     .parent_name_len = PARENT_LEN,
                                     .public_len = PUBLIC_LEN,
                                     .private_len = 30 };

        file.sealed = (struct evidence_pcrs){ .bank_count = 1, .banks[0] = { .algorithm = 0x000b, .mask = 1u << 7 | 1u << 11 } };
        memset(file.sealed.banks[0].values[7], 7, 32);
        memset(file.sealed.banks[0].values[11], 11, 32);
        memset(file.parent_name, 3, PARENT_LEN);
        memset(file.public_area + 2, 4, PUBLIC_LEN - 2);
        file.public_area[1] = PUBLIC_LEN - 2;
        memset(file.private_area + 2, 5, 28);
        file.private_area[1] = 28;
        return file;
}

static void encode_sample(struct base_buffer *to)
{
        struct tpm_key_file file = sample();

        assert_true(tpm_key_file_encode(&file, to, NULL));
}

/* As somebody who can write the file could. */
static void fix_checksum(struct base_buffer *content)
{
        struct base_bytes body = BASE_BYTES(content->data, content->len - BASE_SHA256_LEN);

        assert_true(base_sha256(&body, 1, content->data + body.len, NULL));
}

static void assert_refused(struct base_buffer *content, enum base_error_code code, const char *because)
{
        struct tpm_key_file file = { .created = 42 };
        struct base_error error = BASE_ERROR_INIT;

        assert_false(tpm_key_file_decode(base_buffer_bytes(content), &file, &error));
        assert_int_equal(error.code, code);
        if (strstr(error.message, because) == NULL)
                fail_msg("\"%s\" does not say \"%s\"", error.message, because);
        assert_int_equal(file.created, 42);
}

static void key_file_decode_of_encoded_gives_the_same(void **state)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(TPM_KEY_FILE_BYTES_MAX);
        struct tpm_key_file file, expected = sample();

        encode_sample(&content);
        memset(&file, 0, sizeof(file));
        assert_true(tpm_key_file_decode(base_buffer_bytes(&content), &file, NULL));
        assert_int_equal(file.mode, expected.mode);
        assert_true(file.created == expected.created);
        assert_memory_equal(&file.sealed, &expected.sealed, sizeof(file.sealed));
        assert_memory_equal(file.parent_name, expected.parent_name, PARENT_LEN);
        assert_int_equal(file.public_len, PUBLIC_LEN);
        assert_memory_equal(file.public_area, expected.public_area, PUBLIC_LEN);
        assert_int_equal(file.private_len, 30);
        assert_memory_equal(file.private_area, expected.private_area, 30);
}

static struct tpm_key_file signed_sample(void)
{
        struct tpm_key_file file = sample();

        file.mode = TPM_SEAL_MODE_SIGNED;
        file.sealed.bank_count = 0;
        file.authority_len = 12;
        file.authority_area[1] = 10;
        memset(file.authority_area + 2, 6, 10);
        return file;
}

static void key_file_decode_of_encoded_signed_gives_the_same(void **state)
{
        static const char *const references[] = { "", "fleet-2", "thirty-two bytes are the longest" };

        for (size_t i = 0; i < BASE_COUNT(references); i++) {
                base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(TPM_KEY_FILE_BYTES_MAX);
                struct tpm_key_file file = signed_sample(), decoded;

                file.policy_ref_len = strlen(references[i]);
                memcpy(file.policy_ref, references[i], file.policy_ref_len);
                assert_true(tpm_key_file_encode(&file, &content, NULL));
                assert_true(tpm_key_file_decode(base_buffer_bytes(&content), &decoded, NULL));
                assert_int_equal(decoded.mode, TPM_SEAL_MODE_SIGNED);
                assert_int_equal(decoded.authority_len, 12);
                assert_memory_equal(decoded.authority_area, file.authority_area, 12);
                assert_int_equal(decoded.policy_ref_len, file.policy_ref_len);
                assert_memory_equal(decoded.policy_ref, file.policy_ref, file.policy_ref_len);
                assert_int_equal(decoded.private_len, file.private_len);
                content.data[21] = 0x7f; /* the authority's length */
                fix_checksum(&content);
                assert_refused(&content, BASE_ERROR_STATE_INVALID, "authority's public key");
                content.data[21] = 12;
                content.data[35] = 33; /* the reference's */
                fix_checksum(&content);
                assert_refused(&content, BASE_ERROR_STATE_INVALID, "policy reference");
        }
}

static void key_file_decode_of_any_flipped_byte_is_refused(void **state)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(TPM_KEY_FILE_BYTES_MAX);

        encode_sample(&content);
        for (size_t i = 0; i < content.len; i++) {
                struct tpm_key_file file;

                content.data[i] ^= 0x10;
                if (tpm_key_file_decode(base_buffer_bytes(&content), &file, NULL))
                        fail_msg("byte %zu may be anything", i);
                content.data[i] ^= 0x10;
        }
}

static void key_file_decode_of_any_truncation_is_refused(void **state)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(TPM_KEY_FILE_BYTES_MAX);
        struct tpm_key_file file;

        encode_sample(&content);
        for (size_t len = 0; len < content.len; len++)
                assert_false(tpm_key_file_decode(BASE_BYTES(content.data, len), &file, NULL));
}

struct damage {
        size_t offset;
        uint8_t value;
        enum base_error_code code;
        const char *because;
};

/* Also where the checksum covers less than what was read already. */
static void key_file_decode_of_any_truncation_with_right_checksum_is_refused(void **state)
{
        const struct tpm_key_file files[] = { sample(), signed_sample() };

        for (size_t i = 0; i < BASE_COUNT(files); i++) {
                base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(TPM_KEY_FILE_BYTES_MAX);
                struct tpm_key_file file;

                assert_true(tpm_key_file_encode(&files[i], &content, NULL));
                for (size_t len = BASE_SHA256_LEN; len < content.len; len++) {
                        uint8_t *cut = malloc(len);
                        struct base_bytes body = BASE_BYTES(cut, len - BASE_SHA256_LEN);

                        assert_non_null(cut);
                        memcpy(cut, content.data, len);
                        assert_true(base_sha256(&body, 1, cut + body.len, NULL));
                        assert_false(tpm_key_file_decode(BASE_BYTES(cut, len), &file, NULL));
                        free(cut);
                }
        }
}

static void key_file_decode_of_wrong_field_with_right_checksum_names_it(void **state)
{
        static const struct damage damages[] = {
                { 0, 'X', BASE_ERROR_STATE_INVALID, "does not begin" },
                { OFFSET_VERSION + 1, 2, BASE_ERROR_UNSUPPORTED, "version 2" },
                { OFFSET_MODE + 1, 9, BASE_ERROR_UNSUPPORTED, "seal mode 9" },
                { OFFSET_BANK + 1, 0x99, BASE_ERROR_STATE_INVALID, "bank" },
                { OFFSET_MASK, 1, BASE_ERROR_STATE_INVALID, "selection" },
                { OFFSET_MASK + 1, 0xff, BASE_ERROR_STATE_INVALID, "sealed PCR values" },
                { OFFSET_PARENT + 1, 67, BASE_ERROR_STATE_INVALID, "parent's name" },
                { OFFSET_PARENT + 1, 0, BASE_ERROR_STATE_INVALID, "parent's name" },
                { OFFSET_PUBLIC, 0xff, BASE_ERROR_STATE_INVALID, "public part" },
                { OFFSET_PUBLIC + 3, 99, BASE_ERROR_STATE_INVALID, "public part" },
                { OFFSET_PRIVATE + 1, 31, BASE_ERROR_STATE_INVALID, "private part" },
                { OFFSET_PRIVATE + 3, 1, BASE_ERROR_STATE_INVALID, "private part" },
                { OFFSET_PRIVATE + 1, 29, BASE_ERROR_STATE_INVALID, "private part" },
        };

        for (size_t i = 0; i < BASE_COUNT(damages); i++) {
                base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(TPM_KEY_FILE_BYTES_MAX);

                encode_sample(&content);
                content.data[damages[i].offset] = damages[i].value;
                fix_checksum(&content);
                assert_refused(&content, damages[i].code, damages[i].because);
        }
}

static void key_file_decode_of_more_than_it_holds_is_refused(void **state)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(2 * TPM_KEY_FILE_BYTES_MAX);

        encode_sample(&content);
        base_buffer_put_u8(&content, 0);
        fix_checksum(&content);
        assert_refused(&content, BASE_ERROR_STATE_INVALID, "follow its end");
        (void) base_buffer_extend(&content, TPM_KEY_FILE_BYTES_MAX);
        assert_refused(&content, BASE_ERROR_STATE_INVALID, "too long");
}

static void key_file_save_then_load_keeps_key_and_mode(void **state)
{
        char directory[] = "/tmp/attesterd-key-XXXXXX";
        struct tpm_key_file file = sample(), loaded;
        struct base_error error = BASE_ERROR_INIT;
        base_auto_close int fd = -1;
        struct stat status;

        assert_non_null(mkdtemp(directory));
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_false(tpm_key_file_load(fd, &loaded, &error));
        assert_int_equal(error.code, BASE_ERROR_NOT_ENROLLED);
        assert_true(tpm_key_file_save(fd, &file, NULL));
        assert_int_equal(fstatat(fd, TPM_KEY_FILE_NAME, &status, 0), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_true(tpm_key_file_load(fd, &loaded, NULL));
        assert_memory_equal(loaded.private_area, file.private_area, 30);
        assert_true(base_file_replace_at(fd, TPM_KEY_FILE_NAME, base_bytes_from_string("ATTEST"), 0600, NULL));
        assert_false(tpm_key_file_load(fd, &loaded, &error));
        assert_int_equal(error.code, BASE_ERROR_STATE_INVALID);
        assert_int_equal(unlinkat(fd, TPM_KEY_FILE_NAME, 0), 0);
        assert_int_equal(rmdir(directory), 0);
        assert_false(tpm_key_file_save(fd, &file, &error));
        assert_int_equal(error.code, BASE_ERROR_IO);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(key_file_decode_of_encoded_gives_the_same),
                cmocka_unit_test(key_file_decode_of_encoded_signed_gives_the_same),
                cmocka_unit_test(key_file_decode_of_any_flipped_byte_is_refused),
                cmocka_unit_test(key_file_decode_of_any_truncation_is_refused),
                cmocka_unit_test(key_file_decode_of_any_truncation_with_right_checksum_is_refused),
                cmocka_unit_test(key_file_decode_of_wrong_field_with_right_checksum_names_it),
                cmocka_unit_test(key_file_decode_of_more_than_it_holds_is_refused),
                cmocka_unit_test(key_file_save_then_load_keeps_key_and_mode),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
