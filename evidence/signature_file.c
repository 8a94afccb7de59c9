/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/signature_file.h"

#include "base/encode.h"
#include "evidence/pcr_names.h"
#include "evidence/tpm_numbers.h"

#include <jansson.h>
#include <string.h>

/* Where in the file we are. */
struct place {
        const char *file;
        const char *bank;
        size_t index;
};

static const uint16_t banks[] = { EVIDENCE_TPM_ALG_SHA256, EVIDENCE_TPM_ALG_SHA384 };

void evidence_pcr_signatures_clear(struct evidence_pcr_signatures *signatures)
{
        for (size_t i = 0; i < signatures->count; i++)
                free(signatures->entries[i].values);
        free(signatures->entries);
        *signatures = (struct evidence_pcr_signatures){ 0 };
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

static bool hex_decode(const json_t *text, uint8_t *ret, size_t len)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(len);

        if (!json_is_string(text) || json_string_length(text) != 2 * len ||
            !base_hex_decode(&bytes, json_string_value(text), 2 * len))
                return false;
        memcpy(ret, bytes.data, len);
        return true;
}

static bool get_signature(const json_t *entry, struct evidence_pcr_signature *ret)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(EVIDENCE_PCR_SIGNATURE_BYTES_MAX);
        const json_t *text = json_object_get(entry, "sig");

        if (!json_is_string(text) ||
            !base_base64_decode(&bytes, json_string_value(text), json_string_length(text), BASE_BASE64) || bytes.len == 0)
                return false;
        memcpy(ret->signature, bytes.data, bytes.len);
        ret->signature_len = bytes.len;
        return true;
}

static unsigned count_pcrs(uint32_t mask)
{
        return (unsigned) __builtin_popcount(mask);
}

/* Values of another shape are somebody else's member of this name. False: out of memory. */
static bool get_values(const json_t *entry, struct evidence_pcr_signature *ret)
{
        const json_t *list = json_object_get(entry, "values");
        size_t len = evidence_pcr_value_len(ret->pcrs.algorithm);
        base_auto_free uint8_t *values = NULL;

        if (!json_is_array(list) || json_array_size(list) != count_pcrs(ret->pcrs.mask))
                return true;
        values = malloc(len * json_array_size(list));
        if (values == NULL)
                return false;
        for (size_t i = 0; i < json_array_size(list); i++)
                if (!hex_decode(json_array_get(list, i), values + i * len, len))
                        return true;
        ret->values = BASE_STEAL(values);
        return true;
}

static bool get_entry(const json_t *entry, const struct place *place, struct evidence_pcr_signature *ret,
                      struct base_error *error)
{
        if (!json_is_object(entry))
                return invalid(place, "", "not an object", error);
        if (!get_pcrs(entry, place, &ret->pcrs.mask, error))
                return false;
        if (!hex_decode(json_object_get(entry, "pkfp"), ret->fingerprint, sizeof(ret->fingerprint)))
                return invalid(place, ".pkfp", "not 64 hexadecimal digits", error);
        if (!hex_decode(json_object_get(entry, "pol"), ret->policy, sizeof(ret->policy)))
                return invalid(place, ".pol", "not 64 hexadecimal digits", error);
        if (!get_signature(entry, ret))
                return invalid(place, ".sig", "not base64 of a signature of at most 384 bytes", error);
        return get_values(entry, ret) || base_error_set_no_memory(error);
}

static bool get_bank(const json_t *root, uint16_t bank, struct place *place, struct evidence_pcr_signatures *signatures,
                     struct base_error *error)
{
        const json_t *list = json_object_get(root, evidence_pcr_bank_name(bank));

        if (list == NULL)
                return true;
        place->bank = evidence_pcr_bank_name(bank);
        if (!json_is_array(list))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s: %s: not a list", place->file, place->bank);
        for (place->index = 0; place->index < json_array_size(list); place->index++) {
                struct evidence_pcr_signature *entry = &signatures->entries[signatures->count];

                entry->pcrs.algorithm = bank;
                if (!get_entry(json_array_get(list, place->index), place, entry, error))
                        return false;
                signatures->count++;
        }
        return true;
}

static bool get_root(const json_t *root, const char *file, struct evidence_pcr_signatures *signatures, struct base_error *error)
{
        struct place place = { .file = file };
        size_t count = 0;

        if (!json_is_object(root))
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:1:1: not a JSON object", file);
        for (size_t i = 0; i < BASE_COUNT(banks); i++)
                count += json_array_size(json_object_get(root, evidence_pcr_bank_name(banks[i])));
        if (count > EVIDENCE_PCR_SIGNATURES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s: more than %d signatures", file,
                                      EVIDENCE_PCR_SIGNATURES_MAX);
        signatures->entries = calloc(count + 1, sizeof(*signatures->entries));
        if (signatures->entries == NULL)
                return base_error_set_no_memory(error);
        for (size_t i = 0; i < BASE_COUNT(banks); i++) {
                if (!get_bank(root, banks[i], &place, signatures, error))
                        return false;
        }
        return true;
}

/* The file's JSON, with its entries checked; the caller gives the reference up. NULL with `error` set. */
static json_t *load(const char *file, struct base_bytes json, struct evidence_pcr_signatures *signatures,
                    struct base_error *error)
{
        json_error_t problem;
        json_t *root;

        if (json.len > EVIDENCE_SIGNATURE_FILE_BYTES_MAX) {
                (void) base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "%s: larger than %d bytes", file,
                                      EVIDENCE_SIGNATURE_FILE_BYTES_MAX);
                return NULL;
        }
        root = json_loadb(json.len > 0 ? (const char *) json.data : "", json.len, JSON_REJECT_DUPLICATES, &problem);
        if (root == NULL) {
                (void) base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%d:%d: %s", file, problem.line, problem.column,
                                      problem.text);
                return NULL;
        }
        if (get_root(root, file, signatures, error))
                return root;
        json_decref(root);
        return NULL;
}

bool evidence_pcr_signatures_parse(const char *file, struct base_bytes json, struct evidence_pcr_signatures *ret,
                                   struct base_error *error)
{
        evidence_auto_pcr_signatures struct evidence_pcr_signatures signatures = { 0 };
        json_t *root = load(file, json, &signatures, error);

        if (root == NULL)
                return false;
        json_decref(root);
        *ret = signatures;
        signatures = (struct evidence_pcr_signatures){ 0 };
        return true;
}

bool evidence_pcr_signature_values(const struct evidence_pcr_signature *entry, struct evidence_pcrs *ret)
{
        struct evidence_pcrs pcrs = { .bank_count = 1 };
        size_t len = evidence_pcr_value_len(entry->pcrs.algorithm), next = 0;
        uint8_t policy[EVIDENCE_POLICY_DIGEST_LEN];

        if (entry->values == NULL)
                return false;
        pcrs.banks[0].algorithm = entry->pcrs.algorithm;
        pcrs.banks[0].mask = entry->pcrs.mask;
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++)
                if (entry->pcrs.mask & (1u << pcr))
                        memcpy(pcrs.banks[0].values[pcr], entry->values + len * next++, len);
        if (!evidence_pcr_policy_digest(&pcrs, policy, NULL) || memcmp(policy, entry->policy, sizeof(policy)) != 0)
                return false;
        *ret = pcrs;
        return true;
}

static json_t *hex_json(struct base_bytes bytes)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(2 * bytes.len + 1);

        base_hex_encode(&text, bytes);
        return json_string(base_buffer_c_string(&text)); /* NULL without memory */
}

static json_t *base64_json(struct base_bytes bytes)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(2 * bytes.len + 8);

        base_base64_encode(&text, bytes, BASE_BASE64);
        return json_string(base_buffer_c_string(&text));
}

/* In systemd-measure's order of members. NULL without memory. */
static json_t *entry_json(const struct evidence_pcr_signature *entry)
{
        size_t len = evidence_pcr_value_len(entry->pcrs.algorithm);
        json_t *pcrs = json_array(), *object, *values;

        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++)
                if (entry->pcrs.mask & (1u << pcr))
                        (void) json_array_append_new(pcrs, json_integer((json_int_t) pcr));
        object = json_pack("{s:o, s:o, s:o, s:o}", "pcrs", pcrs, "pkfp", hex_json(BASE_BYTES_OF(entry->fingerprint)), "pol",
                           hex_json(BASE_BYTES_OF(entry->policy)), "sig",
                           base64_json(BASE_BYTES(entry->signature, entry->signature_len)));
        if (object == NULL || entry->values == NULL)
                return object;
        values = json_array();
        for (size_t i = 0; i < count_pcrs(entry->pcrs.mask); i++)
                (void) json_array_append_new(values, hex_json(BASE_BYTES(entry->values + i * len, len)));
        (void) json_object_set_new(object, "values", values);
        return object;
}

static bool is_same(const struct evidence_pcr_signature *a, const struct evidence_pcr_signature *b)
{
        return a->pcrs.algorithm == b->pcrs.algorithm && a->pcrs.mask == b->pcrs.mask &&
               memcmp(a->policy, b->policy, sizeof(a->policy)) == 0 &&
               memcmp(a->fingerprint, b->fingerprint, sizeof(a->fingerprint)) == 0;
}

/* Its place in its bank's list; SIZE_MAX: it has none. */
static size_t find_place(const struct evidence_pcr_signatures *present, const struct evidence_pcr_signature *entry)
{
        size_t place = 0;

        for (size_t i = 0; i < present->count; i++) {
                if (is_same(&present->entries[i], entry))
                        return place;
                place += present->entries[i].pcrs.algorithm == entry->pcrs.algorithm;
        }
        return SIZE_MAX;
}

/* False without memory. */
static bool put_entry(json_t *root, const struct evidence_pcr_signatures *present, const struct evidence_pcr_signature *entry)
{
        const char *bank = evidence_pcr_bank_name(entry->pcrs.algorithm);
        json_t *list = json_object_get(root, bank), *object = entry_json(entry);
        size_t place = find_place(present, entry);

        if (list == NULL) {
                list = json_array();
                if (json_object_set_new(root, bank, list) < 0) {
                        json_decref(object);
                        return false;
                }
        }
        if (place != SIZE_MAX)
                return json_array_set_new(list, place, object) == 0;
        return json_array_append_new(list, object) == 0;
}

/* Appends, and checks that the limits hold by reading it back. */
static bool write_out(const char *file, const json_t *root, struct base_buffer *to, struct base_error *error)
{
        evidence_auto_pcr_signatures struct evidence_pcr_signatures again = { 0 };
        base_auto_free char *text = json_dumps(root, JSON_COMPACT);

        if (text == NULL)
                return base_error_set_no_memory(error);
        if (!evidence_pcr_signatures_parse(file, base_bytes_from_string(text), &again, error))
                return base_error_prefix(error, "With the new signatures");
        base_buffer_put_string(to, text);
        base_buffer_put_u8(to, '\n');
        return base_buffer_ok(to) || base_error_set_no_memory(error);
}

static inline void decref_p(json_t **json)
{
        json_decref(*json);
}

bool evidence_pcr_signatures_merge(const char *file, struct base_bytes json, const struct evidence_pcr_signature *entries,
                                   size_t count, struct base_buffer *to, struct base_error *error)
{
        evidence_auto_pcr_signatures struct evidence_pcr_signatures present = { 0 };
        BASE_CLEANUP(decref_p) json_t *root = NULL;

        root = load(file, json.len > 0 ? json : base_bytes_from_string("{}"), &present, error);
        if (root == NULL)
                return false;
        for (size_t i = 0; i < count; i++) {
                bool repeated = false;

                for (size_t earlier = 0; earlier < i; earlier++)
                        repeated = repeated || is_same(&entries[earlier], &entries[i]);
                if (!repeated && !put_entry(root, &present, &entries[i]))
                        return base_error_set_no_memory(error);
        }
        return write_out(file, root, to, error);
}
