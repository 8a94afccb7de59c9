/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/policy_bundle.h"

#include "base/encode.h"
#include "client/attestctl/table.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define TIME_BYTES_MAX 48
#define HEX_BYTES_MAX  (2 * BASE_SHA256_LEN + 1)

static void format_time(uint64_t seconds, const char *none, char ret[static TIME_BYTES_MAX])
{
        time_t time = (time_t) seconds;
        struct tm parts;

        if (seconds == 0 || gmtime_r(&time, &parts) == NULL || strftime(ret, TIME_BYTES_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
                (void) snprintf(ret, TIME_BYTES_MAX, "%s", none);
}

static void format_hex(const uint8_t digest[static BASE_SHA256_LEN], char ret[static HEX_BYTES_MAX])
{
        base_auto_buffer struct base_buffer hex = BASE_BUFFER_INIT(HEX_BYTES_MAX);
        const char *text;

        base_hex_encode(&hex, BASE_BYTES(digest, BASE_SHA256_LEN));
        text = base_buffer_c_string(&hex);
        (void) snprintf(ret, HEX_BYTES_MAX, "%s", text == NULL ? "" : text);
}

static const char *kind_name(const struct policy_anchor *anchor)
{
        return anchor->kind == POLICY_ANCHOR_KEY ? "key" : "authority";
}

static json_t *anchors_json(const struct policy_bundle *bundle)
{
        json_t *array = json_array();

        for (size_t i = 0; i < bundle->anchor_count; i++) {
                char hex[HEX_BYTES_MAX];

                format_hex(bundle->anchors[i].digest, hex);
                (void) json_array_append_new(array,
                                             json_pack("{s:s, s:s}", "kind", kind_name(&bundle->anchors[i]), "digest", hex));
        }
        return array;
}

static json_t *files_json(const struct policy_bundle *bundle)
{
        json_t *array = json_array();

        for (size_t i = 0; i < bundle->file_count; i++)
                (void) json_array_append_new(array, json_pack("{s:s, s:I}", "name", bundle->files[i].name, "bytes",
                                                              (json_int_t) bundle->files[i].text.len));
        return array;
}

static void print(const struct attestctl *ctl, const struct policy_bundle *bundle, const struct policy *policy,
                  const char *signer, bool trusted)
{
        attestctl_auto_table struct attestctl_table table;
        char text[256], from[TIME_BYTES_MAX], until[TIME_BYTES_MAX], hex[HEX_BYTES_MAX];

        attestctl_table_init(&table, 2);
        attestctl_table_add_labelled(&table, "fleet", ATTESTCTL_PLAIN, bundle->fleet);
        (void) snprintf(text, sizeof(text), "%" PRIu64, bundle->version);
        attestctl_table_add_labelled(&table, "version", ATTESTCTL_PLAIN, text);
        format_time(bundle->not_before, "any time", from);
        format_time(bundle->not_after, "without end", until);
        (void) snprintf(text, sizeof(text), "from %s, %s%s", from, bundle->not_after == 0 ? "" : "until ", until);
        attestctl_table_add_labelled(&table, "valid", ATTESTCTL_PLAIN, text);
        attestctl_table_add_labelled(&table, "signed by", trusted ? ATTESTCTL_GOOD : ATTESTCTL_WARN, signer);
        if (!trusted)
                attestctl_table_add_labelled(&table, "", ATTESTCTL_WARN,
                                             "the signature is good; whether to trust it was not asked (--trust, --fleet)");
        for (size_t i = 0; i < bundle->anchor_count; i++) {
                format_hex(bundle->anchors[i].digest, hex);
                (void) snprintf(text, sizeof(text), "%s %s", kind_name(&bundle->anchors[i]), hex);
                attestctl_table_add_labelled(&table, i == 0 ? "trusts then" : "", ATTESTCTL_PLAIN, text);
        }
        for (size_t i = 0; i < bundle->file_count; i++) {
                (void) snprintf(text, sizeof(text), "%s (%zu bytes)", bundle->files[i].name, bundle->files[i].text.len);
                attestctl_table_add_labelled(&table, i == 0 ? "files" : "", ATTESTCTL_PLAIN, text);
        }
        (void) snprintf(text, sizeof(text), "%zu", policy->count);
        attestctl_table_add_labelled(&table, "rules", ATTESTCTL_PLAIN, text);
        format_hex(policy->digest, hex);
        attestctl_table_add_labelled(&table, "policy digest", ATTESTCTL_PLAIN, hex);
        attestctl_table_print(&table, stdout, ctl->color_out);
}

int attestctl_bundle_report(const struct attestctl *ctl, const struct policy_bundle *bundle, const struct policy *policy,
                            const char *signer, bool trusted)
{
        char hex[HEX_BYTES_MAX];

        if (!ctl->json) {
                print(ctl, bundle, policy, signer, trusted);
                return 0;
        }
        format_hex(policy->digest, hex);
        return attestctl_print_json(json_pack(
                "{s:s, s:I, s:I, s:I, s:o, s:b, s:o, s:o, s:I, s:s}", "fleet", bundle->fleet, "version",
                (json_int_t) bundle->version, "not_before", (json_int_t) bundle->not_before, "not_after",
                (json_int_t) bundle->not_after, "signed_by", attestctl_json_string(signer), "trusted", trusted, "trusts_then",
                anchors_json(bundle), "files", files_json(bundle), "rules", (json_int_t) policy->count, "policy_digest", hex));
}
