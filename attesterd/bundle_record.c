/* SPDX-License-Identifier: BSD-2-Clause */
#include "attesterd/bundle_record.h"

#include "base/file.h"

#include <string.h>

#define KIND      "attesterd installed bundle "
#define FILE_MODE 0600

static const char magic[] = KIND "1\n";

#define MAGIC_LEN (sizeof(magic) - 1)
#define KIND_LEN  (sizeof(KIND) - 1)

static bool get_anchors(struct base_reader *reader, struct attesterd_bundle_record *record)
{
        uint8_t count;

        if (!base_reader_get_u8(reader, &count) || count > POLICY_ANCHORS_MAX)
                return false;
        for (size_t i = 0; i < count; i++) {
                struct policy_anchor *anchor = &record->anchors[i];

                if (!base_reader_get_u8(reader, &anchor->kind) ||
                    !base_reader_copy(reader, anchor->digest, sizeof(anchor->digest)))
                        return false;
        }
        record->anchor_count = count;
        return true;
}

/* A kind that is right with a version that is not: kept as it is for who can read it. */
static bool is_of_other_version(struct base_bytes bytes)
{
        return bytes.len >= MAGIC_LEN && memcmp(bytes.data, KIND, KIND_LEN) == 0 && memcmp(bytes.data, magic, MAGIC_LEN) != 0;
}

bool attesterd_bundle_record_parse(struct base_bytes bytes, struct attesterd_bundle_record *ret, struct base_error *error)
{
        struct attesterd_bundle_record record = { .counted = false };
        struct base_reader reader = base_reader_over(bytes);
        struct base_bytes start;
        uint8_t counted;

        if (is_of_other_version(bytes))
                return base_error_set(error, BASE_ERROR_STATE_INVALID,
                                      "the record of the installed policy bundle was written by a newer attesterd: install that "
                                      "again, or the fleet's newest bundle");
        if (!base_reader_get_bytes(&reader, MAGIC_LEN, &start) || memcmp(start.data, magic, MAGIC_LEN) != 0 ||
            !base_reader_get_u8(&reader, &counted) || counted > 1 || !base_reader_get_u64(&reader, &record.counter) ||
            !base_reader_get_u64(&reader, &record.installed_at) ||
            !base_reader_copy(&reader, record.configured, sizeof(record.configured)) || !get_anchors(&reader, &record) ||
            !base_reader_get_bytes(&reader, base_reader_left(&reader), &record.bundle))
                return base_error_set(error, BASE_ERROR_STATE_INVALID, "the record of the installed policy bundle is damaged");
        record.counted = counted == 1;
        *ret = record;
        return true;
}

bool attesterd_bundle_record_save(int directory_fd, const char *name, const struct attesterd_bundle_record *record,
                                  struct base_error *error)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(ATTESTERD_BUNDLE_RECORD_BYTES_MAX);

        base_buffer_put(&bytes, magic, MAGIC_LEN);
        base_buffer_put_u8(&bytes, record->counted ? 1 : 0);
        base_buffer_put_u64(&bytes, record->counter);
        base_buffer_put_u64(&bytes, record->installed_at);
        base_buffer_put(&bytes, record->configured, sizeof(record->configured));
        base_buffer_put_u8(&bytes, (uint8_t) record->anchor_count);
        for (size_t i = 0; i < record->anchor_count; i++) {
                base_buffer_put_u8(&bytes, record->anchors[i].kind);
                base_buffer_put(&bytes, record->anchors[i].digest, sizeof(record->anchors[i].digest));
        }
        base_buffer_put_bytes(&bytes, record->bundle);
        if (!base_buffer_ok(&bytes))
                return base_error_set_no_memory(error);
        return base_file_replace_at(directory_fd, name, base_buffer_bytes(&bytes), FILE_MODE, error);
}
