/* SPDX-License-Identifier: BSD-2-Clause */
#include "issuer/references.h"

#include "issuer/config_value.h"

#include "base/encode.h"
#include "base/file.h"
#include "evidence/tpm_numbers.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define SECTION_PREFIX "Reference "
#define BLANKS         " \t"

static const struct {
        const char *name;
        uint16_t algorithm;
} banks[] = {
        { "sha1:", EVIDENCE_TPM_ALG_SHA1 },
        { "sha256:", EVIDENCE_TPM_ALG_SHA256 },
        { "sha384:", EVIDENCE_TPM_ALG_SHA384 },
        { "sha512:", EVIDENCE_TPM_ALG_SHA512 },
};

void issuer_references_clear(struct issuer_references *references)
{
        free(references->items);
        free(references->values);
        *references = (struct issuer_references){ 0 };
}

static bool fail_at(const struct base_ini_entry *entry, unsigned column, const char *what, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s:%u:%u: %s", entry->file, entry->line, column, what);
}

/* "sha256:7". */
static bool parse_key(const char *key, struct issuer_reference_value *ret)
{
        for (size_t i = 0; i < BASE_COUNT(banks); i++) {
                size_t len = strlen(banks[i].name);
                const char *digits = key + len;
                unsigned pcr;

                if (strncmp(key, banks[i].name, len) != 0)
                        continue;
                if (strspn(digits, "0123456789") != strlen(digits) || strlen(digits) < 1 || strlen(digits) > 2)
                        return false;
                pcr = (unsigned) (digits[1] == '\0' ? digits[0] - '0' : (digits[0] - '0') * 10 + digits[1] - '0');
                if (pcr >= EVIDENCE_PCR_COUNT || (digits[0] == '0' && digits[1] != '\0'))
                        return false;
                *ret = (struct issuer_reference_value){ .algorithm = banks[i].algorithm, .pcr = (uint8_t) pcr };
                return true;
        }
        return false;
}

static bool add_value(struct issuer_references *references, const struct issuer_reference_value *value, struct base_error *error)
{
        if (references->value_count == ISSUER_REFERENCE_VALUES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "there are more than %d reference values",
                                      ISSUER_REFERENCE_VALUES_MAX);
        references->values[references->value_count++] = *value;
        references->items[references->count - 1].count++;
        return true;
}

static bool add_values(const struct base_ini_entry *entry, struct issuer_references *references, struct base_error *error)
{
        struct issuer_reference_value value;
        const char *at = entry->value;

        if (!parse_key(entry->key, &value))
                return fail_at(entry, 1, "a key is Group, or a PCR as in \"sha256:7\"", error);
        do {
                base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(EVIDENCE_PCR_VALUE_BYTES_MAX);
                size_t len = strcspn(at, BLANKS);

                if (!base_hex_decode(&bytes, at, len) || !base_buffer_ok(&bytes) ||
                    bytes.len != evidence_pcr_value_len(value.algorithm))
                        return fail_at(entry, entry->value_column + (unsigned) (at - entry->value),
                                       "a PCR's value is needed, in hexadecimal and as long as the bank's digests", error);
                memcpy(value.value, bytes.data, bytes.len);
                if (!add_value(references, &value, error))
                        return false;
                at += len;
                at += strspn(at, BLANKS);
        } while (*at != '\0');
        return true;
}

/* Every reference is complete before the next one, and at the end. */
static bool check_last(const char *file, const struct issuer_references *references, size_t before, struct base_error *error)
{
        const struct issuer_reference *last;

        if (references->count == before)
                return true;
        last = &references->items[references->count - 1];
        return last->count > 0 ||
               base_error_set(error, BASE_ERROR_CONFIG_INVALID, "%s: [Reference %s] names no PCR", file, last->name);
}

struct parsing {
        struct issuer_references *references;
        size_t before; /* references of other files */
};

static bool begin(const struct base_ini_entry *entry, const struct parsing *parsing, struct base_error *error)
{
        struct issuer_references *references = parsing->references;
        const char *name = entry->section + strlen(SECTION_PREFIX);
        struct issuer_reference *item;

        if (strncmp(entry->section, SECTION_PREFIX, strlen(SECTION_PREFIX)) != 0 || !issuer_config_name_valid(name))
                return fail_at(entry, entry->value_column,
                               "a section is [Reference NAME], a name at most 64 letters, digits, '-', '_' and '.'", error);
        if (!check_last(entry->file, references, parsing->before, error))
                return false;
        for (size_t i = 0; i < references->count; i++)
                if (strcmp(references->items[i].name, name) == 0)
                        return fail_at(entry, entry->value_column, "there is another reference of this name", error);
        if (references->count == ISSUER_REFERENCES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "there are more than %d references",
                                      ISSUER_REFERENCES_MAX);
        item = &references->items[references->count++];
        *item = (struct issuer_reference){ .first = references->value_count };
        (void) snprintf(item->name, sizeof(item->name), "%s", name);
        return true;
}

static bool set_group(const struct base_ini_entry *entry, struct issuer_reference *item, struct base_error *error)
{
        if (item->group[0] != '\0' || !issuer_config_name_valid(entry->value))
                return fail_at(entry, entry->value_column,
                               "one group's name is needed: at most 64 letters, digits, '-', '_' and '.'", error);
        (void) snprintf(item->group, sizeof(item->group), "%s", entry->value);
        return true;
}

static bool visit(const struct base_ini_entry *entry, void *context, struct base_error *error)
{
        const struct parsing *parsing = context;

        if (entry->key == NULL)
                return begin(entry, parsing, error);
        if (strcmp(entry->key, "Group") == 0)
                return set_group(entry, &parsing->references->items[parsing->references->count - 1], error);
        return add_values(entry, parsing->references, error);
}

bool issuer_references_parse(const char *name, struct base_bytes text, struct issuer_references *references,
                             struct base_error *error)
{
        struct parsing parsing = { .references = references, .before = references->count };

        if (references->items == NULL)
                references->items = calloc(ISSUER_REFERENCES_MAX, sizeof(*references->items));
        if (references->values == NULL)
                references->values = calloc(ISSUER_REFERENCE_VALUES_MAX, sizeof(*references->values));
        if (references->items == NULL || references->values == NULL)
                return base_error_set_no_memory(error);
        return base_ini_parse(name, text, visit, &parsing, error) && check_last(name, references, parsing.before, error);
}

static bool add_file(const char *path, struct issuer_references *references, struct base_error *error)
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(BASE_INI_FILE_BYTES_MAX);

        return base_file_read(path, &text, error) && issuer_references_parse(path, base_buffer_bytes(&text), references, error);
}

static bool add_directory(const char *path, struct issuer_references *references, struct base_error *error)
{
        base_auto_ini_files struct base_ini_files files = { 0 };

        if (!base_ini_list(&path, 1, ".conf", &files, error))
                return false;
        for (size_t i = 0; i < files.count; i++)
                if (!add_file(files.paths[i], references, error))
                        return false;
        return true;
}

bool issuer_references_load(const char *path, struct issuer_references *ret, struct base_error *error)
{
        issuer_auto_references struct issuer_references references = { 0 };
        struct stat status;

        if (stat(path, &status) < 0)
                return base_error_set_errno(error, errno, "cannot read the reference values in %s", path);
        if (!(S_ISDIR(status.st_mode) ? add_directory(path, &references, error) : add_file(path, &references, error)))
                return false;
        /* A path that was named and holds nothing would silently approve nothing. */
        if (references.count == 0)
                return base_error_set(error, BASE_ERROR_CONFIG_INVALID, "there is no reference in %s", path);
        *ret = references;
        references = (struct issuer_references){ 0 };
        return true;
}

static bool holds(const struct issuer_references *references, const struct issuer_reference *item,
                  const struct evidence_pcrs *quoted)
{
        uint32_t named[BASE_COUNT(banks)] = { 0 }, held[BASE_COUNT(banks)] = { 0 };

        for (size_t i = item->first; i < item->first + item->count; i++) {
                const struct issuer_reference_value *value = &references->values[i];
                const struct evidence_pcr_bank *bank = evidence_pcrs_find_bank(quoted, value->algorithm);
                uint32_t bit = 1u << value->pcr;
                size_t at = 0;

                while (banks[at].algorithm != value->algorithm)
                        at++;
                named[at] |= bit;
                if (bank != NULL && (bank->mask & bit) != 0 &&
                    memcmp(bank->values[value->pcr], value->value, evidence_pcr_value_len(value->algorithm)) == 0)
                        held[at] |= bit;
        }
        return memcmp(named, held, sizeof(named)) == 0;
}

const struct issuer_reference *issuer_references_match(const struct issuer_references *references, const char *group,
                                                       const struct evidence_pcrs *quoted)
{
        for (size_t i = 0; i < references->count; i++) {
                const struct issuer_reference *item = &references->items[i];

                if ((item->group[0] == '\0' || strcmp(item->group, group) == 0) && holds(references, item, quoted))
                        return item;
        }
        return NULL;
}
