/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/bundle.h"

#include "policy/rule_table.h"

#include <inttypes.h>
#include <string.h>

#define FORMAT 1

/* Stands first and is signed, so that no signature over a bundle can be taken for one over anything else. */
static const char magic[] = "attesterd policy bundle\n";

#define MAGIC_LEN (sizeof(magic) - 1)

int policy_anchor_compare(const struct policy_anchor *a, const struct policy_anchor *b)
{
        if (a->kind != b->kind)
                return a->kind < b->kind ? -1 : 1;
        return memcmp(a->digest, b->digest, sizeof(a->digest));
}

bool policy_anchor_is_in(const struct policy_anchor *anchor, const struct policy_anchor *anchors, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (policy_anchor_compare(anchor, &anchors[i]) == 0)
                        return true;
        return false;
}

bool policy_file_name_valid(const char *name)
{
        static const char suffix[] = ".conf";
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
        size_t len = strlen(name);

        return len > strlen(suffix) && len <= POLICY_BUNDLE_FILE_NAME_BYTES_MAX && name[0] != '.' &&
               strspn(name, allowed) == len && strcmp(name + len - strlen(suffix), suffix) == 0;
}

bool policy_fleet_name_valid(const char *name)
{
        return policy_rule_name_valid(name);
}

bool policy_bundle_recognize(struct base_bytes bytes)
{
        return bytes.len >= MAGIC_LEN && memcmp(bytes.data, magic, MAGIC_LEN) == 0;
}

/* ---- reading ---- */

static bool broken(struct base_error *error, const char *what)
{
        return base_error_set(error, BASE_ERROR_POLICY_INVALID, "the policy bundle is broken: %s", what);
}

/* A text with its length before it, in which no NUL hides. */
static bool get_text(struct base_reader *reader, char *ret, size_t size)
{
        struct base_bytes bytes;

        if (!base_reader_get_u16_prefixed(reader, &bytes) || bytes.len >= size ||
            (bytes.len > 0 && memchr(bytes.data, '\0', bytes.len) != NULL))
                return false;
        if (bytes.len > 0)
                memcpy(ret, bytes.data, bytes.len);
        ret[bytes.len] = '\0';
        return true;
}

static bool get_anchors(struct base_reader *reader, struct policy_bundle *bundle, struct base_error *error)
{
        uint8_t count;

        if (!base_reader_get_u8(reader, &count) || count > POLICY_ANCHORS_MAX)
                return broken(error, "its list of keys does not parse");
        for (size_t i = 0; i < count; i++) {
                struct policy_anchor *anchor = &bundle->anchors[i];

                if (!base_reader_get_u8(reader, &anchor->kind) ||
                    !base_reader_copy(reader, anchor->digest, sizeof(anchor->digest)) ||
                    (anchor->kind != POLICY_ANCHOR_KEY && anchor->kind != POLICY_ANCHOR_AUTHORITY))
                        return broken(error, "its list of keys does not parse");
                if (i > 0 && policy_anchor_compare(anchor - 1, anchor) >= 0)
                        return broken(error, "its list of keys is not in order");
        }
        bundle->anchor_count = count;
        return true;
}

static bool get_files(struct base_reader *reader, struct policy_bundle *bundle, struct base_error *error)
{
        uint16_t count;

        if (!base_reader_get_u16(reader, &count) || count == 0 || count > POLICY_BUNDLE_FILES_MAX)
                return broken(error, "it holds no file, or too many");
        for (size_t i = 0; i < count; i++) {
                struct policy_bundle_file *file = &bundle->files[i];
                uint32_t len;

                if (!get_text(reader, file->name, sizeof(file->name)) || !policy_file_name_valid(file->name))
                        return broken(error, "the name of a file is none");
                if (i > 0 && strcmp(file[-1].name, file->name) >= 0)
                        return broken(error, "its files are not in order");
                if (!base_reader_get_u32(reader, &len) || !base_reader_get_bytes(reader, len, &file->text))
                        return broken(error, "a file ends too early");
        }
        bundle->file_count = count;
        return true;
}

static bool times_valid(const struct policy_bundle *bundle)
{
        return bundle->not_after == 0 || bundle->not_before <= bundle->not_after;
}

static bool get_content(struct base_reader *reader, struct policy_bundle *bundle, struct base_error *error)
{
        struct base_bytes start;
        uint16_t format;

        if (!base_reader_get_bytes(reader, MAGIC_LEN, &start) || !policy_bundle_recognize(start))
                return base_error_set(error, BASE_ERROR_POLICY_INVALID, "this is no policy bundle");
        if (!base_reader_get_u16(reader, &format) || format != FORMAT)
                return broken(error, "its format is of another version");
        if (!get_text(reader, bundle->fleet, sizeof(bundle->fleet)) || !policy_fleet_name_valid(bundle->fleet))
                return broken(error, "the name of its fleet is none");
        if (!base_reader_get_u64(reader, &bundle->version) || !base_reader_get_u64(reader, &bundle->not_before) ||
            !base_reader_get_u64(reader, &bundle->not_after) || !times_valid(bundle))
                return broken(error, "its version or times do not parse");
        return get_anchors(reader, bundle, error) && get_files(reader, bundle, error);
}

static bool get_signature(struct base_reader *reader, struct policy_bundle_signature *signature)
{
        uint8_t count;

        if (!base_reader_get_u16_prefixed(reader, &signature->key) || signature->key.len > POLICY_BUNDLE_DER_BYTES_MAX ||
            !base_reader_get_u8(reader, &count) || count > POLICY_BUNDLE_CERTIFICATES_MAX)
                return false;
        for (size_t i = 0; i < count; i++)
                if (!base_reader_get_u16_prefixed(reader, &signature->certificates[i]) || signature->certificates[i].len == 0 ||
                    signature->certificates[i].len > POLICY_BUNDLE_DER_BYTES_MAX)
                        return false;
        signature->certificate_count = count;
        /* A key or certificates, never both. */
        return (signature->key.len == 0) == (count > 0) && base_reader_get_u16_prefixed(reader, &signature->signature) &&
               signature->signature.len > 0 && signature->signature.len <= POLICY_BUNDLE_SIGNATURE_BYTES_MAX;
}

static bool get_signatures(struct base_reader *reader, struct policy_bundle *bundle, struct base_error *error)
{
        uint8_t count;

        if (!base_reader_get_u8(reader, &count) || count > POLICY_BUNDLE_SIGNATURES_MAX)
                return broken(error, "its signatures do not parse");
        for (size_t i = 0; i < count; i++)
                if (!get_signature(reader, &bundle->signatures[i]))
                        return broken(error, "its signatures do not parse");
        bundle->signature_count = count;
        return base_reader_at_end(reader) || broken(error, "something stands behind its end");
}

bool policy_bundle_parse(struct base_bytes bytes, struct policy_bundle *ret, struct base_error *error)
{
        struct base_reader reader = base_reader_over(bytes);
        struct policy_bundle bundle = { .version = 0 };

        if (bytes.len > POLICY_BUNDLE_BYTES_MAX)
                return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the policy bundle is larger than %d bytes",
                                      POLICY_BUNDLE_BYTES_MAX);
        if (!get_content(&reader, &bundle, error))
                return false;
        bundle.content = BASE_BYTES(bytes.data, reader.position);
        if (!get_signatures(&reader, &bundle, error))
                return false;
        *ret = bundle;
        return true;
}

/* ---- writing ---- */

static void put_text(struct base_buffer *to, const char *text)
{
        base_buffer_put_u16(to, (uint16_t) strlen(text));
        base_buffer_put_string(to, text);
}

static void put_prefixed(struct base_buffer *to, struct base_bytes bytes)
{
        base_buffer_put_u16(to, (uint16_t) bytes.len);
        base_buffer_put_bytes(to, bytes);
}

static int compare_files(const void *a, const void *b)
{
        return strcmp(((const struct policy_bundle_file *) a)->name, ((const struct policy_bundle_file *) b)->name);
}

static int compare_anchors(const void *a, const void *b)
{
        return policy_anchor_compare(a, b);
}

static bool check(const struct policy_bundle *bundle, struct base_error *error)
{
        if (!policy_fleet_name_valid(bundle->fleet))
                return base_error_set(
                        error, BASE_ERROR_INVALID_ARGUMENT,
                        "a fleet's name has at most %d letters, digits, '_', '-' and '.', the first a letter or digit",
                        POLICY_BUNDLE_FLEET_BYTES_MAX);
        if (!times_valid(bundle))
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "the bundle would expire before it is valid");
        if (bundle->file_count == 0)
                return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "there is no policy file to sign");
        for (size_t i = 0; i < bundle->file_count; i++) {
                if (!policy_file_name_valid(bundle->files[i].name))
                        return base_error_set(
                                error, BASE_ERROR_INVALID_ARGUMENT,
                                "%s: a policy file's name has at most %d letters, digits, '-', '_' and '.', and ends in "
                                ".conf",
                                bundle->files[i].name, POLICY_BUNDLE_FILE_NAME_BYTES_MAX);
                if (i > 0 && strcmp(bundle->files[i - 1].name, bundle->files[i].name) == 0)
                        return base_error_set(error, BASE_ERROR_INVALID_ARGUMENT, "two files are called %s",
                                              bundle->files[i].name);
        }
        return true;
}

static bool written(const struct base_buffer *to, struct base_error *error)
{
        if (base_buffer_ok(to))
                return true;
        return base_error_set(error, BASE_ERROR_LIMIT_EXCEEDED, "the policy bundle would be larger than %d bytes",
                              POLICY_BUNDLE_BYTES_MAX);
}

void policy_bundle_sort(struct policy_bundle *bundle)
{
        qsort(bundle->files, bundle->file_count, sizeof(bundle->files[0]), compare_files);
        qsort(bundle->anchors, bundle->anchor_count, sizeof(bundle->anchors[0]), compare_anchors);
}

bool policy_bundle_put_content(struct policy_bundle *bundle, struct base_buffer *to, struct base_error *error)
{
        policy_bundle_sort(bundle);
        if (!check(bundle, error))
                return false;
        base_buffer_put(to, magic, MAGIC_LEN);
        base_buffer_put_u16(to, FORMAT);
        put_text(to, bundle->fleet);
        base_buffer_put_u64(to, bundle->version);
        base_buffer_put_u64(to, bundle->not_before);
        base_buffer_put_u64(to, bundle->not_after);
        base_buffer_put_u8(to, (uint8_t) bundle->anchor_count);
        for (size_t i = 0; i < bundle->anchor_count; i++) {
                base_buffer_put_u8(to, bundle->anchors[i].kind);
                base_buffer_put(to, bundle->anchors[i].digest, sizeof(bundle->anchors[i].digest));
        }
        base_buffer_put_u16(to, (uint16_t) bundle->file_count);
        for (size_t i = 0; i < bundle->file_count; i++) {
                put_text(to, bundle->files[i].name);
                base_buffer_put_u32(to, (uint32_t) bundle->files[i].text.len);
                base_buffer_put_bytes(to, bundle->files[i].text);
        }
        return written(to, error);
}

bool policy_bundle_put_signatures(const struct policy_bundle_signature *signatures, size_t count, struct base_buffer *to,
                                  struct base_error *error)
{
        base_buffer_put_u8(to, (uint8_t) count);
        for (size_t i = 0; i < count; i++) {
                put_prefixed(to, signatures[i].key);
                base_buffer_put_u8(to, (uint8_t) signatures[i].certificate_count);
                for (size_t j = 0; j < signatures[i].certificate_count; j++)
                        put_prefixed(to, signatures[i].certificates[j]);
                put_prefixed(to, signatures[i].signature);
        }
        return written(to, error);
}

/* ---- what is in it ---- */

bool policy_bundle_load(const struct policy_bundle *bundle, struct policy_diagnostics *diagnostics, struct policy **ret,
                        struct base_error *error)
{
        policy_auto_policy struct policy *policy = NULL;
        struct policy_text texts[POLICY_BUNDLE_FILES_MAX];

        for (size_t i = 0; i < bundle->file_count; i++)
                texts[i] = (struct policy_text){ .name = bundle->files[i].name, .text = bundle->files[i].text };
        if (!policy_load_texts(texts, bundle->file_count, diagnostics, &policy, error))
                return false;
        if (policy->version != bundle->version)
                return base_error_set(error, BASE_ERROR_POLICY_INVALID,
                                      "the bundle has version %" PRIu64 ", but Version= of its files is %" PRIu64,
                                      bundle->version, policy->version);
        *ret = BASE_STEAL(policy);
        return true;
}

bool policy_bundle_digest(const struct policy_bundle *bundle, uint8_t ret[static BASE_SHA256_LEN], struct base_error *error)
{
        return base_sha256(&bundle->content, 1, ret, error);
}
