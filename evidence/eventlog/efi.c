/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/efi.h"

#include "evidence/eventlog/internal.h"

#define SIGNATURE_LIST_HEAD 28 /* type, list size, header size, signature size */

bool evidence_efi_variable_parse(struct base_bytes data, struct evidence_efi_variable *ret)
{
        struct base_reader reader = base_reader_over(data);
        struct evidence_efi_variable variable;
        struct base_bytes name;
        uint64_t name_characters, content_len;

        if (!base_reader_copy(&reader, variable.guid, sizeof(variable.guid)) || !little_get_u64(&reader, &name_characters) ||
            !little_get_u64(&reader, &content_len))
                return false;
        if (name_characters > EVIDENCE_EFI_NAME_MAX || content_len > data.len)
                return false;
        if (!base_reader_get_bytes(&reader, (size_t) name_characters * 2, &name) ||
            !base_reader_get_bytes(&reader, (size_t) content_len, &variable.content) || !base_reader_at_end(&reader))
                return false;
        if (!evidence_eventlog_utf8(name, variable.name, sizeof(variable.name)))
                return false;
        *ret = variable;
        return true;
}

bool evidence_efi_signatures_count(struct base_bytes content, size_t *ret)
{
        struct base_reader reader = base_reader_over(content);
        size_t count = 0;

        while (!base_reader_at_end(&reader)) {
                struct base_bytes skipped;
                uint32_t list_len, header_len, signature_len;
                uint32_t rest;

                if (!base_reader_get_bytes(&reader, EVIDENCE_EFI_GUID_LEN, &skipped) || !little_get_u32(&reader, &list_len) ||
                    !little_get_u32(&reader, &header_len) || !little_get_u32(&reader, &signature_len))
                        return false;
                if (list_len < SIGNATURE_LIST_HEAD || header_len > list_len - SIGNATURE_LIST_HEAD || signature_len == 0)
                        return false;
                rest = list_len - SIGNATURE_LIST_HEAD - header_len;
                if (rest % signature_len != 0 || !base_reader_get_bytes(&reader, list_len - SIGNATURE_LIST_HEAD, &skipped))
                        return false;
                count += rest / signature_len;
        }
        *ret = count;
        return true;
}

bool evidence_efi_image_load_path(struct base_bytes data, char ret[static EVIDENCE_EFI_PATH_MAX + 1])
{
        struct base_reader reader = base_reader_over(data);
        uint64_t location, length, link_address, path_len;
        struct base_bytes path;

        ret[0] = '\0';
        if (!little_get_u64(&reader, &location) || !little_get_u64(&reader, &length) || !little_get_u64(&reader, &link_address) ||
            !little_get_u64(&reader, &path_len))
                return false;
        if (path_len > base_reader_left(&reader) || !base_reader_get_bytes(&reader, (size_t) path_len, &path))
                return false;
        return path.len == 0 || evidence_efi_device_path_text(path, ret);
}

void evidence_efi_guid_text(const uint8_t guid[static EVIDENCE_EFI_GUID_LEN], char ret[static EVIDENCE_EFI_GUID_TEXT])
{
        (void) snprintf(ret, EVIDENCE_EFI_GUID_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                        guid[3], guid[2], guid[1], guid[0], guid[5], guid[4], guid[7], guid[6], guid[8], guid[9], guid[10],
                        guid[11], guid[12], guid[13], guid[14], guid[15]);
}
