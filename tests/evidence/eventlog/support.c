/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/evidence/eventlog/support.h"

#include "base/encode.h"
#include "base/file.h"
#include "evidence/eventlog/internal.h"

#include <jansson.h>

static void put_le(struct base_buffer *to, uint64_t value, unsigned bytes)
{
        for (unsigned i = 0; i < bytes; i++)
                base_buffer_put_u8(to, (uint8_t) (value >> (8 * i)));
}

void log_start_sha1(struct log_maker *maker)
{
        base_buffer_init(&maker->bytes, 2 * EVIDENCE_EVENTLOG_BYTES_MAX);
        maker->sha1_only = true;
}

void log_start(struct log_maker *maker)
{
        base_buffer_init(&maker->bytes, 2 * EVIDENCE_EVENTLOG_BYTES_MAX);
        maker->sha1_only = false;
        put_le(&maker->bytes, 0, 4);
        put_le(&maker->bytes, EVIDENCE_EVENTLOG_NO_ACTION, 4);
        (void) base_buffer_extend(&maker->bytes, LOG_SHA1_LEN);
        put_le(&maker->bytes, 33, 4);
        base_buffer_put(&maker->bytes, "Spec ID Event03", 16);
        put_le(&maker->bytes, 0x0200020000000000ull, 8); /* class 0, version 2.0, errata 0, 64-bit */
        put_le(&maker->bytes, 1, 4);
        put_le(&maker->bytes, EVIDENCE_TPM_ALG_SHA256, 2);
        put_le(&maker->bytes, LOG_SHA256_LEN, 2);
        put_le(&maker->bytes, 0, 1);
}

void log_end(struct log_maker *maker)
{
        base_buffer_clear(&maker->bytes);
}

void log_add_digest(struct log_maker *maker, uint32_t pcr, uint32_t type, const uint8_t *digest, struct base_bytes data)
{
        size_t len = maker->sha1_only ? LOG_SHA1_LEN : LOG_SHA256_LEN;
        static const uint8_t zeros[LOG_SHA256_LEN];

        put_le(&maker->bytes, pcr, 4);
        put_le(&maker->bytes, type, 4);
        if (!maker->sha1_only) {
                put_le(&maker->bytes, 1, 4);
                put_le(&maker->bytes, EVIDENCE_TPM_ALG_SHA256, 2);
        }
        base_buffer_put(&maker->bytes, digest != NULL ? digest : zeros, len);
        put_le(&maker->bytes, data.len, 4);
        base_buffer_put_bytes(&maker->bytes, data);
}

void log_add_measured(struct log_maker *maker, uint32_t pcr, uint32_t type, struct base_bytes measured, struct base_bytes data)
{
        uint8_t digest[EVIDENCE_PCR_VALUE_BYTES_MAX];
        struct base_error error;

        assert_ok(evidence_eventlog_hash(maker->sha1_only ? EVIDENCE_TPM_ALG_SHA1 : EVIDENCE_TPM_ALG_SHA256, &measured, 1, digest,
                                         &error));
        log_add_digest(maker, pcr, type, digest, data);
}

void log_add(struct log_maker *maker, uint32_t pcr, uint32_t type, struct base_bytes data)
{
        log_add_measured(maker, pcr, type, data, data);
}

void log_utf16(struct base_buffer *to, const char *ascii, bool with_nul)
{
        for (; *ascii != '\0'; ascii++)
                put_le(to, (uint8_t) *ascii, 2);
        if (with_nul)
                put_le(to, 0, 2);
}

/* The first three fields of a GUID are little-endian (UEFI appendix A). */
static void put_guid(struct base_buffer *to, const char *text)
{
        base_auto_buffer struct base_buffer hex = BASE_BUFFER_INIT(64);
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(16);
        static const unsigned order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

        for (; *text != '\0'; text++)
                if (*text != '-')
                        base_buffer_put_u8(&hex, (uint8_t) *text);
        assert_true(base_hex_decode(&bytes, (const char *) hex.data, hex.len));
        assert_int_equal(bytes.len, 16);
        for (unsigned i = 0; i < 16; i++)
                base_buffer_put_u8(to, bytes.data[order[i]]);
}

void log_variable(struct base_buffer *to, const char *guid, const char *name, struct base_bytes content)
{
        put_guid(to, guid);
        put_le(to, strlen(name), 8);
        put_le(to, content.len, 8);
        log_utf16(to, name, false);
        base_buffer_put_bytes(to, content);
}

void log_add_variable(struct log_maker *maker, uint32_t type, const char *guid, const char *name, struct base_bytes content)
{
        base_auto_buffer struct base_buffer data = BASE_BUFFER_INIT(EVIDENCE_EVENTLOG_EVENT_BYTES_MAX);

        log_variable(&data, guid, name, content);
        log_add(maker, 7, type, base_buffer_bytes(&data));
}

void log_add_separator(struct log_maker *maker, uint32_t pcr)
{
        static const uint8_t zeros[4];

        log_add(maker, pcr, EVIDENCE_EVENTLOG_SEPARATOR, BASE_BYTES_OF(zeros));
}

void log_add_firmware(struct log_maker *maker, uint8_t secure_boot)
{
        const uint32_t type = EVIDENCE_EVENTLOG_EFI_VARIABLE_DRIVER_CONFIG;

        log_add_variable(maker, type, GUID_GLOBAL, "SecureBoot", BASE_BYTES(&secure_boot, 1));
        log_add_variable(maker, type, GUID_GLOBAL, "PK", BASE_BYTES(NULL, 0));
        log_add_variable(maker, type, GUID_GLOBAL, "KEK", BASE_BYTES(NULL, 0));
        log_add_variable(maker, type, GUID_SECURITY, "db", BASE_BYTES(NULL, 0));
        log_add_variable(maker, type, GUID_SECURITY, "dbx", BASE_BYTES(NULL, 0));
        for (unsigned pcr = 0; pcr <= 7; pcr++)
                log_add_separator(maker, pcr);
}

void case_parse(struct log_case *test, struct base_bytes bytes)
{
        struct base_error error;

        *test = (struct log_case){ .bytes = BASE_BUFFER_INIT(EVIDENCE_EVENTLOG_BYTES_MAX) };
        base_buffer_put_bytes(&test->bytes, bytes);
        assert_ok(evidence_eventlog_parse(base_buffer_bytes(&test->bytes), &test->log, &error));
}

static void data_path(const char *name, char ret[static 4096])
{
        const char *data = getenv("ATTESTER_TEST_DATA");

        assert_non_null(data);
        assert_true(snprintf(ret, 4096, "%s/eventlogs/%s", data, name) < 4096);
}

void case_load(struct log_case *test, const char *name)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(EVIDENCE_EVENTLOG_BYTES_MAX);
        struct base_error error;
        char path[4096];

        data_path(name, path);
        assert_ok(base_file_read(path, &bytes, &error));
        case_parse(test, base_buffer_bytes(&bytes));
}

void case_quote_bank(struct log_case *test, uint16_t algorithm)
{
        struct base_error error;

        test->quoted.bank_count = 1;
        assert_ok(evidence_eventlog_compute(&test->log, algorithm, &test->quoted.banks[0], &error));
        test->quoted.banks[0].mask = (1u << EVIDENCE_PCR_COUNT) - 1;
}

void case_quote(struct log_case *test)
{
        case_quote_bank(test, test->log.banks[evidence_eventlog_strongest_bank(&test->log)]);
}

static void quote_bank(struct log_case *test, json_t *values, uint16_t algorithm)
{
        struct evidence_pcr_bank *bank = &test->quoted.banks[test->quoted.bank_count++];
        const char *key;
        json_t *value;

        bank->algorithm = algorithm;
        json_object_foreach(values, key, value)
        {
                base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(EVIDENCE_PCR_VALUE_BYTES_MAX);
                unsigned pcr = (unsigned) strtoul(key, NULL, 10);

                assert_true(base_hex_decode(&bytes, json_string_value(value), json_string_length(value)));
                assert_int_equal(bytes.len, evidence_pcr_value_len(algorithm));
                memcpy(bank->values[pcr], bytes.data, bytes.len);
                bank->mask |= 1u << pcr;
        }
}

bool case_quote_expected(struct log_case *test, const char *name, int *ret_secure_boot)
{
        json_t *root, *entry, *state;
        json_t *sha1, *sha256;
        char path[4096];

        data_path("expected.json", path);
        root = json_load_file(path, 0, NULL);
        assert_non_null(root);
        entry = json_object_get(root, name);
        if (entry == NULL) {
                json_decref(root);
                return false;
        }
        test->quoted.bank_count = 0;
        sha1 = json_object_get(json_object_get(entry, "pcrs"), "sha1");
        sha256 = json_object_get(json_object_get(entry, "pcrs"), "sha256");
        if (sha1 != NULL)
                quote_bank(test, sha1, EVIDENCE_TPM_ALG_SHA1);
        if (sha256 != NULL)
                quote_bank(test, sha256, EVIDENCE_TPM_ALG_SHA256);
        state = json_object_get(entry, "secure_boot");
        *ret_secure_boot = state == NULL ? -1 : json_is_true(state);
        json_decref(root);
        return true;
}

void case_derive(struct log_case *test)
{
        struct base_error error;

        evidence_boot_free(test->boot);
        test->boot = NULL;
        assert_ok(evidence_eventlog_replay(&test->log, &test->quoted, &test->replay, &error));
        assert_ok(evidence_boot_new(&test->log, &test->replay, &test->boot, &error));
}

void case_clear(struct log_case *test)
{
        evidence_boot_free(test->boot);
        evidence_eventlog_clear(&test->log);
        base_buffer_clear(&test->bytes);
}

void case_make(struct log_case *test, const struct log_maker *maker)
{
        assert_true(base_buffer_ok(&maker->bytes));
        case_parse(test, base_buffer_bytes(&maker->bytes));
        case_quote(test);
        case_derive(test);
}

size_t count_findings(const struct evidence_boot *boot, enum evidence_boot_finding_kind kind)
{
        size_t count = 0;

        for (size_t i = 0; i < boot->finding_count; i++)
                if (boot->findings[i].kind == kind)
                        count++;
        return count;
}
