/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/key_file.h"

#include "base/file.h"
#include "base/hash.h"
#include "evidence/tpm_numbers.h"

#include <string.h>

static const char magic[8] = "ATTESTAK"; /* not NUL-terminated */

#define REMEDY "Restore the file, or make a new key with \"attestctl reseal\"."

static bool damaged(struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_STATE_INVALID, "The key file %s is damaged: %s. " REMEDY, TPM_KEY_FILE_NAME,
                              what);
}

static void put_prefixed(struct base_buffer *to, const uint8_t *data, size_t len)
{
        base_buffer_put_u16(to, (uint16_t) len);
        base_buffer_put(to, data, len);
}

static void put_sealed(struct base_buffer *to, const struct evidence_pcr_bank *bank)
{
        size_t value_len = evidence_pcr_value_len(bank->algorithm);

        base_buffer_put_u16(to, bank->algorithm);
        base_buffer_put_u32(to, bank->mask);
        for (unsigned i = 0; i < EVIDENCE_PCR_COUNT; i++) {
                if (bank->mask & (1u << i))
                        base_buffer_put(to, bank->values[i], value_len);
        }
}

bool tpm_key_file_encode(const struct tpm_key_file *file, struct base_buffer *to, struct base_error *error)
{
        size_t start = to->len;
        uint8_t digest[BASE_SHA256_LEN];
        struct base_bytes body = { 0 };

        base_buffer_put(to, magic, sizeof(magic));
        base_buffer_put_u16(to, TPM_KEY_FILE_VERSION);
        base_buffer_put_u16(to, (uint16_t) file->mode);
        base_buffer_put_u64(to, file->created);
        if (file->mode == TPM_SEAL_MODE_SIGNED) {
                put_prefixed(to, file->authority_area, file->authority_len);
                put_prefixed(to, file->policy_ref, file->policy_ref_len);
        } else {
                put_sealed(to, &file->sealed.banks[0]);
        }
        put_prefixed(to, file->parent_name, file->parent_name_len);
        put_prefixed(to, file->public_area, file->public_len);
        put_prefixed(to, file->private_area, file->private_len);
        if (!base_buffer_ok(to))
                return base_error_set_no_memory(error);
        body = BASE_BYTES(to->data + start, to->len - start);
        if (!base_sha256(&body, 1, digest, error))
                return false;
        base_buffer_put(to, digest, sizeof(digest));
        return base_buffer_ok(to) || base_error_set_no_memory(error);
}

static bool get_header(struct base_reader *reader, struct tpm_key_file *file, struct base_error *error)
{
        struct base_bytes found;
        uint16_t version, mode;

        if (!base_reader_get_bytes(reader, sizeof(magic), &found) || memcmp(found.data, magic, sizeof(magic)) != 0)
                return damaged(error, "it does not begin as a key file does");
        if (!base_reader_get_u16(reader, &version) || !base_reader_get_u16(reader, &mode) ||
            !base_reader_get_u64(reader, &file->created))
                return damaged(error, "it is too short");
        if (version != TPM_KEY_FILE_VERSION)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                                      "The key file %s has version %u; this program reads version %d.", TPM_KEY_FILE_NAME,
                                      version, TPM_KEY_FILE_VERSION);
        if (mode != TPM_SEAL_MODE_PCR && mode != TPM_SEAL_MODE_SIGNED)
                return base_error_set(error, BASE_ERROR_UNSUPPORTED,
                                      "The key file %s has seal mode %u, which this program does not know.", TPM_KEY_FILE_NAME,
                                      mode);
        file->mode = (enum tpm_seal_mode) mode;
        return true;
}

static bool get_sealed(struct base_reader *reader, struct evidence_pcrs *sealed, struct base_error *error)
{
        struct evidence_pcr_bank *bank = &sealed->banks[0];
        size_t value_len;

        if (!base_reader_get_u16(reader, &bank->algorithm) || !base_reader_get_u32(reader, &bank->mask))
                return damaged(error, "it is too short");
        value_len = evidence_pcr_value_len(bank->algorithm);
        if (value_len == 0)
                return damaged(error, "its PCR bank is unknown");
        if (bank->mask == 0 || bank->mask >> EVIDENCE_PCR_COUNT != 0)
                return damaged(error, "its PCR selection is empty or has PCRs that do not exist");
        for (unsigned i = 0; i < EVIDENCE_PCR_COUNT; i++) {
                if ((bank->mask & (1u << i)) && !base_reader_copy(reader, bank->values[i], value_len))
                        return damaged(error, "it ends within the sealed PCR values");
        }
        sealed->bank_count = 1;
        return true;
}

static bool get_prefixed(struct base_reader *reader, uint8_t *to, size_t capacity, size_t *ret_len)
{
        struct base_bytes found;

        if (!base_reader_get_u16_prefixed(reader, &found) || found.len == 0 || found.len > capacity)
                return false;
        memcpy(to, found.data, found.len);
        *ret_len = found.len;
        return true;
}

/* A TPM2B: its own length is the rest of it. */
static bool is_tpm2b(const uint8_t *data, size_t len)
{
        return len > 2 && (size_t) ((data[0] << 8) | data[1]) == len - 2;
}

static bool get_authority(struct base_reader *reader, struct tpm_key_file *file, struct base_error *error)
{
        struct base_bytes policy_ref = { 0 };

        if (!get_prefixed(reader, file->authority_area, sizeof(file->authority_area), &file->authority_len) ||
            !is_tpm2b(file->authority_area, file->authority_len))
                return damaged(error, "its authority's public key is malformed");
        if (!base_reader_get_u16_prefixed(reader, &policy_ref) || policy_ref.len > sizeof(file->policy_ref))
                return damaged(error, "its policy reference is malformed");
        if (policy_ref.len > 0)
                memcpy(file->policy_ref, policy_ref.data, policy_ref.len);
        file->policy_ref_len = policy_ref.len;
        return true;
}

static bool check_digest(struct base_bytes bytes, struct base_bytes *ret_body, struct base_error *error)
{
        uint8_t digest[BASE_SHA256_LEN];
        struct base_bytes body = { 0 };

        if (bytes.len < sizeof(magic) + sizeof(digest))
                return damaged(error, "it is too short");
        body = BASE_BYTES(bytes.data, bytes.len - sizeof(digest));
        if (!base_sha256(&body, 1, digest, error))
                return false;
        if (memcmp(digest, bytes.data + body.len, sizeof(digest)) != 0)
                return damaged(error, "its checksum does not match");
        *ret_body = body;
        return true;
}

bool tpm_key_file_decode(struct base_bytes bytes, struct tpm_key_file *ret, struct base_error *error)
{
        struct tpm_key_file file = { 0 };
        struct base_bytes body = { 0 };
        struct base_reader reader;

        if (bytes.len > TPM_KEY_FILE_BYTES_MAX)
                return damaged(error, "it is too long");
        reader = base_reader_over(bytes);
        if (!get_header(&reader, &file, error) || !check_digest(bytes, &body, error))
                return false;
        if (body.len < reader.position)
                return damaged(error, "it is too short");
        reader.len = body.len;
        if (file.mode == TPM_SEAL_MODE_SIGNED ? !get_authority(&reader, &file, error) : !get_sealed(&reader, &file.sealed, error))
                return false;
        if (!get_prefixed(&reader, file.parent_name, sizeof(file.parent_name), &file.parent_name_len))
                return damaged(error, "its parent's name is malformed");
        if (!get_prefixed(&reader, file.public_area, sizeof(file.public_area), &file.public_len) ||
            !is_tpm2b(file.public_area, file.public_len))
                return damaged(error, "its public part is malformed");
        if (!get_prefixed(&reader, file.private_area, sizeof(file.private_area), &file.private_len) ||
            !is_tpm2b(file.private_area, file.private_len))
                return damaged(error, "its wrapped private part is malformed");
        if (!base_reader_at_end(&reader))
                return damaged(error, "bytes follow its end");
        *ret = file;
        return true;
}

bool tpm_key_file_load(int directory_fd, struct tpm_key_file *ret, struct base_error *error)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(TPM_KEY_FILE_BYTES_MAX);
        struct base_error failure = BASE_ERROR_INIT;

        if (base_file_read_at(directory_fd, TPM_KEY_FILE_NAME, &content, &failure))
                return tpm_key_file_decode(base_buffer_bytes(&content), ret, error);
        if (failure.code == BASE_ERROR_NOT_FOUND)
                return base_error_set(error, BASE_ERROR_NOT_ENROLLED,
                                      "This device has no attestation key yet. Make one with \"attestctl enroll\".");
        if (failure.code == BASE_ERROR_LIMIT_EXCEEDED)
                return damaged(error, "it is too long");
        return base_error_copy(error, &failure);
}

bool tpm_key_file_save(int directory_fd, const struct tpm_key_file *file, struct base_error *error)
{
        base_auto_buffer struct base_buffer content = BASE_BUFFER_INIT(TPM_KEY_FILE_BYTES_MAX);

        if (!tpm_key_file_encode(file, &content, error))
                return false;
        return base_file_replace_at(directory_fd, TPM_KEY_FILE_NAME, base_buffer_bytes(&content), 0600, error);
}

/* The name of a TPM2B_PUBLIC whose nameAlg is SHA-256. */
static bool name_of(const uint8_t *public_area, size_t len, uint8_t ret[static EVIDENCE_KEY_ID_LEN], struct base_error *error)
{
        struct base_bytes area = BASE_BYTES(public_area + 2, len - 2);

        _Static_assert(EVIDENCE_KEY_ID_LEN == 2 + BASE_SHA256_LEN, "a name is an algorithm and a digest");
        ret[0] = EVIDENCE_TPM_ALG_SHA256 >> 8;
        ret[1] = EVIDENCE_TPM_ALG_SHA256 & 0xff;
        return base_sha256(&area, 1, ret + 2, error);
}

bool tpm_key_file_name(const struct tpm_key_file *file, uint8_t ret[static EVIDENCE_KEY_ID_LEN], struct base_error *error)
{
        return name_of(file->public_area, file->public_len, ret, error);
}

bool tpm_key_file_authority_name(const struct tpm_key_file *file, uint8_t ret[static EVIDENCE_KEY_ID_LEN],
                                 struct base_error *error)
{
        return name_of(file->authority_area, file->authority_len, ret, error);
}

bool tpm_key_file_policy(const struct tpm_key_file *file, uint8_t ret[static EVIDENCE_POLICY_DIGEST_LEN],
                         struct base_error *error)
{
        uint8_t name[EVIDENCE_KEY_ID_LEN];

        if (file->mode != TPM_SEAL_MODE_SIGNED)
                return evidence_pcr_policy_digest(&file->sealed, ret, error);
        return tpm_key_file_authority_name(file, name, error) &&
               evidence_policy_authorize_digest(BASE_BYTES_OF(name), BASE_BYTES(file->policy_ref, file->policy_ref_len), ret,
                                                error);
}
