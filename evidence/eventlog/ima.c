/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/ima.h"

#include "base/encode.h"
#include "evidence/eventlog/internal.h"
#include "evidence/tpm_numbers.h"

#define ENTRIES_FIRST       256
#define TEXT_FIRST_BYTE_MIN ' ' /* a text list begins with a digit or a space, a binary one with a PCR number below 24 */
#define HASH_NAME_MAX       31
#define FILE_DIGEST_MAX     64

void evidence_ima_list_clear(struct evidence_ima_list *list)
{
        free(list->entries);
        base_buffer_clear(&list->fields);
        *list = (struct evidence_ima_list){ .entry_count = 0 };
}

static bool cut_off(struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_MALFORMED, "the list ends inside the entry");
}

static bool is_violation(const struct evidence_ima_entry *entry)
{
        static const uint8_t zeros[EVIDENCE_IMA_SHA1_LEN];

        return memcmp(entry->template_hash, zeros, sizeof(zeros)) == 0;
}

static bool is_known(struct base_bytes template_name, bool *ret_extra)
{
        *ret_extra = !bytes_are_string(template_name, "ima-ng", false);
        return !*ret_extra || bytes_are_string(template_name, "ima-sig", false) ||
               bytes_are_string(template_name, "ima-buf", false);
}

static bool get_field(struct base_reader *reader, struct base_bytes *ret)
{
        uint32_t len;

        return little_get_u32(reader, &len) && base_reader_get_bytes(reader, len, ret);
}

/* Takes the data of a known template apart: d-ng, n-ng and perhaps sig or buf (IMA-templates.rst). */
static bool take_fields(struct evidence_ima_entry *entry, struct base_error *error)
{
        struct base_reader reader = base_reader_over(entry->data);
        struct base_bytes digest, name;
        const uint8_t *colon;
        bool has_extra;

        if (!is_known(entry->template_name, &has_extra))
                return true;
        if (!get_field(&reader, &digest) || !get_field(&reader, &name) || (has_extra && !get_field(&reader, &entry->extra)) ||
            !base_reader_at_end(&reader))
                return base_error_set(error, BASE_ERROR_MALFORMED, "the template's fields do not fill its data");
        colon = digest.len > 0 ? memchr(digest.data, ':', digest.len) : NULL;
        if (colon == NULL || (size_t) (colon - digest.data) > HASH_NAME_MAX || colon + 1 == digest.data + digest.len ||
            colon[1] != '\0')
                return base_error_set(error, BASE_ERROR_MALFORMED, "the file's digest has no algorithm");
        if (name.len == 0 || memchr(name.data, '\0', name.len) != name.data + name.len - 1)
                return base_error_set(error, BASE_ERROR_MALFORMED, "the file's name is not one string");
        entry->algorithm = BASE_BYTES(digest.data, (size_t) (colon - digest.data));
        entry->digest = BASE_BYTES(colon + 2, (size_t) (digest.data + digest.len - (colon + 2)));
        entry->name = BASE_BYTES(name.data, name.len - 1);
        return true;
}

static bool check_entry(struct evidence_ima_entry *entry, struct base_error *error)
{
        uint8_t hash[EVIDENCE_IMA_SHA1_LEN];

        if (entry->pcr >= EVIDENCE_PCR_COUNT)
                return base_error_set(error, BASE_ERROR_MALFORMED, "there is no PCR %u", (unsigned) entry->pcr);
        if (!take_fields(entry, error))
                return false;
        entry->violation = is_violation(entry);
        if (entry->violation)
                return true;
        if (!evidence_eventlog_hash(EVIDENCE_TPM_ALG_SHA1, &entry->data, 1, hash, error))
                return false;
        if (memcmp(hash, entry->template_hash, sizeof(hash)) != 0)
                return base_error_set(error, BASE_ERROR_MALFORMED, "the template hash is not that of the data");
        return true;
}

static bool read_binary(struct base_reader *reader, struct evidence_ima_entry *entry, struct base_error *error)
{
        uint32_t name_len, data_len;

        if (!little_get_u32(reader, &entry->pcr) || !base_reader_copy(reader, entry->template_hash, EVIDENCE_IMA_SHA1_LEN) ||
            !little_get_u32(reader, &name_len))
                return cut_off(error);
        if (name_len > EVIDENCE_IMA_TEMPLATE_NAME_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the template's name has %u bytes, %d are allowed",
                                      (unsigned) name_len, EVIDENCE_IMA_TEMPLATE_NAME_MAX);
        if (!base_reader_get_bytes(reader, name_len, &entry->template_name))
                return cut_off(error);
        /* Its entries have no length, and its hash is of something else than its bytes. */
        if (bytes_are_string(entry->template_name, "ima", false))
                return base_error_set(error, BASE_ERROR_UNSUPPORTED, "the template \"ima\" of Linux before 3.13 is not read");
        if (!little_get_u32(reader, &data_len))
                return cut_off(error);
        if (data_len > EVIDENCE_IMA_DATA_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the entry has %u bytes of data, %d are allowed",
                                      (unsigned) data_len, EVIDENCE_IMA_DATA_BYTES_MAX);
        return base_reader_get_bytes(reader, data_len, &entry->data) || cut_off(error);
}

/* The text up to the next space, which is taken too; the rest if there is none. */
static struct base_bytes next_word(struct base_bytes *line)
{
        const uint8_t *space = line->len > 0 ? memchr(line->data, ' ', line->len) : NULL;
        struct base_bytes word = *line;

        if (space == NULL) {
                *line = BASE_BYTES(line->data + line->len, 0);
                return word;
        }
        word.len = (size_t) (space - line->data);
        *line = BASE_BYTES(space + 1, line->len - word.len - 1);
        return word;
}

static void put_little_u32(struct base_buffer *to, size_t value)
{
        for (unsigned i = 0; i < 4; i++)
                base_buffer_put_u8(to, (uint8_t) (value >> (8 * i)));
}

static bool put_digest(struct base_buffer *to, struct base_bytes word)
{
        base_auto_buffer struct base_buffer digest = BASE_BUFFER_INIT(FILE_DIGEST_MAX);
        const uint8_t *colon = word.len > 0 ? memchr(word.data, ':', word.len) : NULL;
        size_t name_len;

        if (colon == NULL)
                return false;
        name_len = (size_t) (colon + 1 - word.data);
        if (!base_hex_decode(&digest, (const char *) colon + 1, word.len - name_len))
                return false;
        put_little_u32(to, name_len + 1 + digest.len);
        base_buffer_put(to, word.data, name_len);
        base_buffer_put_u8(to, 0);
        base_buffer_put_bytes(to, base_buffer_bytes(&digest));
        return true;
}

/* Appends the data that the kernel hashed for this line; its fields follow from their text. */
static bool put_data(struct base_buffer *to, struct base_bytes template_name, struct base_bytes line, struct base_error *error)
{
        base_auto_buffer struct base_buffer extra = BASE_BUFFER_INIT(EVIDENCE_IMA_DATA_BYTES_MAX);
        struct base_bytes digest = next_word(&line);
        struct base_bytes name = line;
        bool has_extra;

        if (!is_known(template_name, &has_extra))
                return base_error_set(error, BASE_ERROR_UNSUPPORTED, "only ima-ng, ima-sig and ima-buf can be read from text");
        if (has_extra) {
                const uint8_t *space = line.len > 0 ? memrchr(line.data, ' ', line.len) : NULL;

                if (space == NULL)
                        return base_error_set(error, BASE_ERROR_MALFORMED, "a field is missing");
                name.len = (size_t) (space - line.data);
                if (!base_hex_decode(&extra, (const char *) space + 1, line.len - name.len - 1))
                        return base_error_set(error, BASE_ERROR_MALFORMED, "the last field is not hexadecimal, or too long");
        }
        if (!put_digest(to, digest))
                return base_error_set(error, BASE_ERROR_MALFORMED, "the file's digest is not ALGORITHM:HEX");
        put_little_u32(to, name.len + 1);
        base_buffer_put_bytes(to, name);
        base_buffer_put_u8(to, 0);
        if (has_extra) {
                put_little_u32(to, extra.len);
                base_buffer_put_bytes(to, base_buffer_bytes(&extra));
        }
        return true;
}

static bool read_pcr(struct base_bytes word, uint32_t *ret)
{
        *ret = 0;
        for (size_t i = 0; i < word.len; i++) {
                if (word.data[i] < '0' || word.data[i] > '9')
                        return false;
                *ret = *ret * 10 + (uint32_t) (word.data[i] - '0');
        }
        return word.len > 0 && word.len <= 2;
}

/* One line. The entry's data is `data.len` bytes at the end of `fields`: its address is known once no more is appended. */
static bool read_text(struct base_reader *reader, struct base_buffer *fields, struct evidence_ima_entry *entry,
                      struct base_error *error)
{
        base_auto_buffer struct base_buffer hash = BASE_BUFFER_INIT(EVIDENCE_IMA_SHA1_LEN);
        size_t before = fields->len;
        struct base_bytes line, word;
        const uint8_t *start = reader->data + reader->position;
        const uint8_t *end = memchr(start, '\n', base_reader_left(reader));

        if (end == NULL || !base_reader_get_bytes(reader, (size_t) (end - start), &line))
                return cut_off(error);
        reader->position++;
        if (line.len > 0 && line.data[0] == ' ')
                line = BASE_BYTES(line.data + 1, line.len - 1);
        if (!read_pcr(next_word(&line), &entry->pcr))
                return base_error_set(error, BASE_ERROR_MALFORMED, "the line does not begin with a PCR");
        word = next_word(&line);
        if (word.len != 2 * EVIDENCE_IMA_SHA1_LEN || !base_hex_decode(&hash, (const char *) word.data, word.len))
                return base_error_set(error, BASE_ERROR_MALFORMED, "the template hash is not SHA-1 in hexadecimal");
        memcpy(entry->template_hash, hash.data, EVIDENCE_IMA_SHA1_LEN);
        entry->template_name = next_word(&line);
        if (!put_data(fields, entry->template_name, line, error))
                return false;
        if (!base_buffer_ok(fields))
                return base_error_set_no_memory(error);
        entry->data.len = fields->len - before;
        if (entry->data.len > EVIDENCE_IMA_DATA_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the entry has %zu bytes of data, %d are allowed",
                                      entry->data.len, EVIDENCE_IMA_DATA_BYTES_MAX);
        return true;
}

static bool entry_add(struct evidence_ima_list *list, size_t *capacity, const struct evidence_ima_entry *entry,
                      struct base_error *error)
{
        if (list->entry_count == EVIDENCE_IMA_ENTRIES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "a list may have %d entries", EVIDENCE_IMA_ENTRIES_MAX);
        if (list->entry_count == *capacity) {
                size_t grown = *capacity == 0 ? ENTRIES_FIRST : *capacity * 2;
                void *entries = reallocarray(list->entries, grown, sizeof(*list->entries));

                if (entries == NULL)
                        return base_error_set_no_memory(error);
                list->entries = entries;
                *capacity = grown;
        }
        list->entries[list->entry_count++] = *entry;
        return true;
}

static bool at_entry(struct base_error *error, size_t number, size_t offset)
{
        return base_error_prefix(error, "IMA list, entry %zu at offset %zu", number, offset);
}

/* Text entries find their data once the buffer no longer moves. */
static void place_fields(struct evidence_ima_list *list)
{
        size_t offset = 0;

        for (size_t i = 0; i < list->entry_count; i++) {
                list->entries[i].data.data = list->fields.data + offset;
                offset += list->entries[i].data.len;
        }
}

bool evidence_ima_list_parse(struct base_bytes bytes, struct evidence_ima_list *ret, struct base_error *error)
{
        evidence_auto_ima_list struct evidence_ima_list list = { .fields = BASE_BUFFER_INIT(EVIDENCE_IMA_BYTES_MAX) };
        struct base_reader reader = base_reader_over(bytes);
        bool is_text = bytes.len > 0 && bytes.data[0] >= TEXT_FIRST_BYTE_MIN;
        size_t capacity = 0;

        if (bytes.len > EVIDENCE_IMA_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "The IMA list has %zu bytes, %d are allowed.", bytes.len,
                                      EVIDENCE_IMA_BYTES_MAX);
        while (!base_reader_at_end(&reader)) {
                struct evidence_ima_entry entry = { .offset = reader.position };
                bool read = is_text ? read_text(&reader, &list.fields, &entry, error) : read_binary(&reader, &entry, error);

                if (!read || !entry_add(&list, &capacity, &entry, error))
                        return at_entry(error, list.entry_count, entry.offset);
        }
        if (is_text)
                place_fields(&list);
        for (size_t i = 0; i < list.entry_count; i++)
                if (!check_entry(&list.entries[i], error))
                        return at_entry(error, i, list.entries[i].offset);
        *ret = list;
        list = (struct evidence_ima_list){ .entry_count = 0 };
        return true;
}
