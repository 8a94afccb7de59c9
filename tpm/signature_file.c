/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm/signature_file.h"

#include "base/encode.h"

#include <jansson.h>
#include <string.h>

/* Where in the file we are. */
struct place {
        const char *file;
        const char *bank;
        size_t index;
};

struct bank {
        const char *name;
        uint16_t algorithm;
};

static const struct bank banks[] = { { "sha256", TPM_PCR_BANK_SHA256 }, { "sha384", TPM_PCR_BANK_SHA384 } };

void tpm_pcr_signatures_clear(struct tpm_pcr_signatures *signatures)
{
        free(signatures->entries);
        *signatures = (struct tpm_pcr_signatures){ 0 };
}

static bool invalid(const struct place *place, const char *member, const char *what, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s: %s[%zu]%s: %s", place->file, place->bank, place->index,
                              member, what);
}

static bool get_pcrs(const json_t *entry, const struct place *place, uint32_t *ret, struct base_error *error)
{
        const json_t *list = json_object_get(entry, "pcrs");
        uint32_t mask = 0;

        if (!json_is_array(list) || json_array_size(list) == 0)
                return invalid(place, ".pcrs", "not a list of PCR numbers", error);
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *item = json_array_get(list, i);
                json_int_t pcr = json_integer_value(item);

                if (!json_is_integer(item) || pcr < 0 || pcr >= EVIDENCE_PCR_COUNT || (mask & (1u << pcr)))
                        return invalid(place, ".pcrs", "not different PCR numbers from 0 to 23", error);
                mask |= 1u << pcr;
        }
        *ret = mask;
        return true;
}

static bool get_hex(const json_t *entry, const char *name, uint8_t *ret, size_t len)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(len);
        const json_t *text = json_object_get(entry, name);

        if (!json_is_string(text) || json_string_length(text) != 2 * len ||
            !base_hex_decode(&bytes, json_string_value(text), 2 * len))
                return false;
        memcpy(ret, bytes.data, len);
        return true;
}

static bool get_signature(const json_t *entry, struct tpm_pcr_signature *ret)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(TPM_SIGNATURE_BYTES_MAX);
        const json_t *text = json_object_get(entry, "sig");

        if (!json_is_string(text) ||
            !base_base64_decode(&bytes, json_string_value(text), json_string_length(text), BASE_BASE64) || bytes.len == 0)
                return false;
        memcpy(ret->signature, bytes.data, bytes.len);
        ret->signature_len = bytes.len;
        return true;
}

static bool get_entry(const json_t *entry, const struct place *place, struct tpm_pcr_signature *ret, struct base_error *error)
{
        if (!json_is_object(entry))
                return invalid(place, "", "not an object", error);
        if (!get_pcrs(entry, place, &ret->pcrs.mask, error))
                return false;
        if (!get_hex(entry, "pkfp", ret->fingerprint, sizeof(ret->fingerprint)))
                return invalid(place, ".pkfp", "not 64 hexadecimal digits", error);
        if (!get_hex(entry, "pol", ret->policy, sizeof(ret->policy)))
                return invalid(place, ".pol", "not 64 hexadecimal digits", error);
        if (!get_signature(entry, ret))
                return invalid(place, ".sig", "not base64 of a signature of at most 384 bytes", error);
        return true;
}

static bool get_bank(const json_t *root, const struct bank *bank, struct place *place, struct tpm_pcr_signatures *signatures,
                     struct base_error *error)
{
        const json_t *list = json_object_get(root, bank->name);

        if (list == NULL)
                return true;
        place->bank = bank->name;
        if (!json_is_array(list))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s: %s: not a list", place->file, bank->name);
        for (place->index = 0; place->index < json_array_size(list); place->index++) {
                struct tpm_pcr_signature *entry = &signatures->entries[signatures->count];

                entry->pcrs.bank = bank->algorithm;
                if (!get_entry(json_array_get(list, place->index), place, entry, error))
                        return false;
                signatures->count++;
        }
        return true;
}

static bool get_root(const json_t *root, const char *file, struct tpm_pcr_signatures *signatures, struct base_error *error)
{
        struct place place = { .file = file };
        size_t count = 0;

        if (!json_is_object(root))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:1:1: not a JSON object", file);
        for (size_t i = 0; i < BASE_COUNT(banks); i++)
                count += json_array_size(json_object_get(root, banks[i].name));
        if (count > TPM_SIGNATURES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s: more than %d signatures", file, TPM_SIGNATURES_MAX);
        signatures->entries = calloc(count + 1, sizeof(*signatures->entries));
        if (signatures->entries == NULL)
                return base_error_set_no_memory(error);
        for (size_t i = 0; i < BASE_COUNT(banks); i++) {
                if (!get_bank(root, &banks[i], &place, signatures, error))
                        return false;
        }
        return true;
}

bool tpm_pcr_signatures_parse(const char *file, struct base_bytes json, struct tpm_pcr_signatures *ret, struct base_error *error)
{
        tpm_auto_pcr_signatures struct tpm_pcr_signatures signatures = { 0 };
        json_error_t problem;
        json_t *root;
        bool done;

        if (json.len > TPM_SIGNATURE_FILE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s: larger than %d bytes", file,
                                      TPM_SIGNATURE_FILE_BYTES_MAX);
        root = json_loadb(json.len > 0 ? (const char *) json.data : "", json.len, JSON_REJECT_DUPLICATES, &problem);
        if (root == NULL)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%d:%d: %s", file, problem.line, problem.column,
                                      problem.text);
        done = get_root(root, file, &signatures, error);
        json_decref(root);
        if (!done)
                return false;
        *ret = signatures;
        signatures = (struct tpm_pcr_signatures){ 0 };
        return true;
}
