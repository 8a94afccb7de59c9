/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/eventlog/pe.h"

#include "evidence/eventlog/internal.h"

#define DOS_NEW_HEADER_AT    0x3c /* e_lfanew */
#define FILE_HEADER_LEN      24   /* "PE\0\0" and the COFF header */
#define MAGIC_PE32           0x10b
#define MAGIC_PE32_PLUS      0x20b
#define OPTIONAL_HEADERS_AT  60 /* SizeOfHeaders */
#define OPTIONAL_CHECKSUM_AT 64
#define DIRECTORY_SECURITY   4
#define DIRECTORY_LEN        8
#define SECTION_HEADER_LEN   40

static bool malformed(size_t at, const char *what, struct base_error *error)
{
        return base_error_set(error, BASE_ERROR_MALFORMED, "offset %zu: %s", at, what);
}

static bool get_u16_at(struct base_bytes image, size_t at, uint16_t *ret)
{
        struct base_reader reader = { .data = image.data, .len = image.len, .position = at };

        return at <= image.len && little_get_u16(&reader, ret);
}

static bool get_u32_at(struct base_bytes image, size_t at, uint32_t *ret)
{
        struct base_reader reader = { .data = image.data, .len = image.len, .position = at };

        return at <= image.len && little_get_u32(&reader, ret);
}

/* Where the parts of the headers are. */
struct layout {
        size_t optional_at;
        size_t sections_at;
        size_t directory_count_at; /* NumberOfRvaAndSizes; the directories follow */
        uint16_t section_count;
};

static bool find_headers(struct base_bytes image, struct layout *ret, struct base_error *error)
{
        uint32_t header_at;
        uint16_t optional_len, magic;

        if (image.len < 2 || memcmp(image.data, "MZ", 2) != 0 || !get_u32_at(image, DOS_NEW_HEADER_AT, &header_at))
                return malformed(0, "it is no PE image: it does not begin as one", error);
        if (header_at > image.len || image.len - header_at < FILE_HEADER_LEN || memcmp(image.data + header_at, "PE\0", 4) != 0)
                return malformed(header_at, "it is no PE image: there is no PE header", error);
        if (!get_u16_at(image, (size_t) header_at + 6, &ret->section_count) ||
            !get_u16_at(image, (size_t) header_at + 20, &optional_len) ||
            !get_u16_at(image, (size_t) header_at + FILE_HEADER_LEN, &magic))
                return malformed(header_at, "the PE header is cut off", error);
        ret->optional_at = (size_t) header_at + FILE_HEADER_LEN;
        ret->sections_at = ret->optional_at + optional_len;
        if (magic != MAGIC_PE32 && magic != MAGIC_PE32_PLUS)
                return malformed(ret->optional_at, "the optional header is neither PE32 nor PE32+", error);
        ret->directory_count_at = ret->optional_at + (magic == MAGIC_PE32 ? 92 : 108);
        if (ret->directory_count_at + 4 > ret->sections_at || ret->sections_at > image.len)
                return malformed(ret->optional_at, "the optional header is cut off", error);
        return true;
}

/* The certificates are the last thing in the file, so that a digest without them is that of the file before it was signed. */
static bool find_certificates(const struct layout *layout, struct evidence_pe *pe, struct base_error *error)
{
        size_t entry_at = layout->directory_count_at + 4 + DIRECTORY_SECURITY * DIRECTORY_LEN;
        uint32_t count, at, len;

        if (!get_u32_at(pe->image, layout->directory_count_at, &count))
                return malformed(layout->directory_count_at, "the optional header is cut off", error);
        if (count <= DIRECTORY_SECURITY)
                return true;
        if (entry_at + DIRECTORY_LEN > layout->sections_at || !get_u32_at(pe->image, entry_at, &at) ||
            !get_u32_at(pe->image, entry_at + 4, &len))
                return malformed(layout->directory_count_at, "the data directories are cut off", error);
        if (len != 0 && (at > pe->image.len || len != pe->image.len - at || at < pe->headers_len))
                return malformed(entry_at, "the certificates are not what the file ends with", error);
        pe->directory_at = entry_at;
        pe->certificates_len = len;
        return true;
}

static bool take_section(struct evidence_pe *pe, size_t header_at, uint64_t *total, struct base_error *error)
{
        struct evidence_pe_section *section = &pe->sections[pe->section_count];
        uint32_t len, at;

        if (!get_u32_at(pe->image, header_at + 8, &section->memory_len) || !get_u32_at(pe->image, header_at + 16, &len) ||
            !get_u32_at(pe->image, header_at + 20, &at))
                return malformed(header_at, "the section table is cut off", error);
        memcpy(section->name, pe->image.data + header_at, EVIDENCE_PE_NAME_MAX);
        section->name[EVIDENCE_PE_NAME_MAX] = '\0';
        if (len != 0 && (at > pe->image.len || len > pe->image.len - at))
                return malformed(header_at, "the section is not inside the file", error);
        *total += len;
        if (*total > pe->image.len)
                return malformed(header_at, "the sections lie over each other", error);
        section->raw = len != 0 ? BASE_BYTES(pe->image.data + at, len) : BASE_BYTES(NULL, 0);
        pe->section_count++;
        return true;
}

bool evidence_pe_parse(struct base_bytes image, struct evidence_pe *ret, struct base_error *error)
{
        struct layout layout = { 0 };
        uint32_t headers_len;
        uint64_t total;

        *ret = (struct evidence_pe){ .image = image };
        if (image.len > EVIDENCE_PE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "larger than %u bytes", EVIDENCE_PE_BYTES_MAX);
        if (!find_headers(image, &layout, error))
                return false;
        if (layout.section_count > EVIDENCE_PE_SECTIONS_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "more than %d sections", EVIDENCE_PE_SECTIONS_MAX);
        ret->checksum_at = layout.optional_at + OPTIONAL_CHECKSUM_AT;
        if (!get_u32_at(image, layout.optional_at + OPTIONAL_HEADERS_AT, &headers_len) || headers_len > image.len ||
            headers_len < layout.sections_at + (size_t) layout.section_count * SECTION_HEADER_LEN)
                return malformed(layout.optional_at + OPTIONAL_HEADERS_AT, "the headers are not of the length that they say",
                                 error);
        ret->headers_len = headers_len;
        if (!find_certificates(&layout, ret, error))
                return false;
        total = ret->headers_len;
        for (unsigned i = 0; i < layout.section_count; i++)
                if (!take_section(ret, layout.sections_at + (size_t) i * SECTION_HEADER_LEN, &total, error))
                        return false;
        return true;
}

/* Pieces of the image, in order. */
struct pieces {
        struct base_bytes list[EVIDENCE_PE_SECTIONS_MAX + 4];
        size_t count;
};

static void put_piece(struct pieces *pieces, const struct evidence_pe *pe, size_t from, size_t to)
{
        if (from < to)
                pieces->list[pieces->count++] = BASE_BYTES(pe->image.data + from, to - from);
}

static int by_place(const void *a, const void *b)
{
        const struct base_bytes *left = a, *right = b;

        return left->data < right->data ? -1 : left->data > right->data;
}

/* The headers, the sections in the file's order, and what is left before the certificates. */
bool evidence_pe_authenticode(const struct evidence_pe *pe, uint16_t algorithm, uint8_t *ret, struct base_error *error)
{
        struct pieces pieces = { .count = 0 };
        size_t hashed = pe->headers_len, first;

        put_piece(&pieces, pe, 0, pe->checksum_at);
        if (pe->directory_at == 0) {
                put_piece(&pieces, pe, pe->checksum_at + 4, pe->headers_len);
        } else {
                put_piece(&pieces, pe, pe->checksum_at + 4, pe->directory_at);
                put_piece(&pieces, pe, pe->directory_at + DIRECTORY_LEN, pe->headers_len);
        }
        first = pieces.count;
        for (size_t i = 0; i < pe->section_count; i++) {
                if (pe->sections[i].raw.len == 0)
                        continue;
                pieces.list[pieces.count++] = pe->sections[i].raw;
                hashed += pe->sections[i].raw.len;
        }
        qsort(&pieces.list[first], pieces.count - first, sizeof(pieces.list[0]), by_place);
        put_piece(&pieces, pe, hashed, pe->image.len - pe->certificates_len);
        return evidence_eventlog_hash(algorithm, pieces.list, pieces.count, ret, error);
}

const struct evidence_pe_section *evidence_pe_section_find(const struct evidence_pe *pe, const char *name)
{
        for (size_t i = 0; i < pe->section_count; i++)
                if (strcmp(pe->sections[i].name, name) == 0)
                        return &pe->sections[i];
        return NULL;
}
