/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cmocka.h"

#include "evidence/signature_file.h"
#include "evidence/tpm_numbers.h"

#include <string.h>

#define HEX32  "0011223344556677889900112233445566778899001122334455667788990011"
#define FILLED "\"pkfp\": \"" HEX32 "\", \"pol\": \"" HEX32 "\", \"sig\": \"AAEC\""
#define ENTRY  "{\"pcrs\": [11], " FILLED "}"

static bool parse(const char *json, struct evidence_pcr_signatures *ret, struct base_error *error)
{
        return evidence_pcr_signatures_parse("x.json", base_bytes_from_string(json), ret, error);
}

static void signatures_parse_of_several_banks_gives_their_entries(void **state)
{
        evidence_auto_pcr_signatures struct evidence_pcr_signatures signatures = { 0 };
        struct base_error error = BASE_ERROR_INIT;

        if (!parse("{\"sha1\": [{\"anything\": 1}], \"sha256\": [" ENTRY ", {\"pcrs\": [4, 11], \"more\": true, " FILLED
                   "}], \"sha384\": [" ENTRY "], \"sha3-256\": 7}",
                   &signatures, &error))
                fail_msg("%s", error.message);
        assert_int_equal(signatures.count, 3);
        assert_int_equal(signatures.entries[0].pcrs.algorithm, EVIDENCE_TPM_ALG_SHA256);
        assert_int_equal(signatures.entries[0].pcrs.mask, 1u << 11);
        assert_int_equal(signatures.entries[1].pcrs.mask, 1u << 11 | 1u << 4);
        assert_int_equal(signatures.entries[2].pcrs.algorithm, EVIDENCE_TPM_ALG_SHA384);
        assert_int_equal(signatures.entries[0].policy[1], 0x11);
        assert_int_equal(signatures.entries[0].fingerprint[31], 0x11);
        assert_int_equal(signatures.entries[0].signature_len, 3);
        assert_memory_equal(signatures.entries[0].signature, "\0\1\2", 3);
}

static void signatures_parse_of_none_gives_none(void **state)
{
        evidence_auto_pcr_signatures struct evidence_pcr_signatures signatures = { 0 };

        assert_true(parse("{}", &signatures, NULL));
        assert_int_equal(signatures.count, 0);
}

struct damage {
        const char *json;
        enum base_error_code code;
        const char *says;
};

static const struct damage damages[] = {
        { "", BASE_ERROR_CONFIG_INVALID, "x.json:1:" },
        { "{\n  \"sha256\": [,]}", BASE_ERROR_CONFIG_INVALID, "x.json:2:" },
        { "{\"sha256\": [" ENTRY "], \"sha256\": []}", BASE_ERROR_CONFIG_INVALID, "duplicate" },
        { "{\"sha256\": []} {}", BASE_ERROR_CONFIG_INVALID, "x.json:1:" },
        { "[]", BASE_ERROR_CONFIG_INVALID, "x.json:1:1: not a JSON object" },
        { "{\"sha256\": {}}", BASE_ERROR_CONFIG_INVALID, "x.json: sha256: not a list" },
        { "{\"sha256\": [1]}", BASE_ERROR_CONFIG_INVALID, "sha256[0]: not an object" },
        { "{\"sha256\": [" ENTRY ", {" FILLED "}]}", BASE_ERROR_CONFIG_INVALID, "sha256[1].pcrs" },
        { "{\"sha256\": [{\"pcrs\": [], " FILLED "}]}", BASE_ERROR_CONFIG_INVALID, "sha256[0].pcrs" },
        { "{\"sha256\": [{\"pcrs\": [24], " FILLED "}]}", BASE_ERROR_CONFIG_INVALID, "sha256[0].pcrs" },
        { "{\"sha256\": [{\"pcrs\": [-1], " FILLED "}]}", BASE_ERROR_CONFIG_INVALID, "sha256[0].pcrs" },
        { "{\"sha256\": [{\"pcrs\": [11.0], " FILLED "}]}", BASE_ERROR_CONFIG_INVALID, "sha256[0].pcrs" },
        { "{\"sha256\": [{\"pcrs\": [11, 11], " FILLED "}]}", BASE_ERROR_CONFIG_INVALID, "sha256[0].pcrs" },
        { "{\"sha384\": [{\"pcrs\": [1], \"pkfp\": \"00\"}]}", BASE_ERROR_CONFIG_INVALID, "sha384[0].pkfp" },
        { "{\"sha256\": [{\"pcrs\": [1], \"pkfp\": \"" HEX32 "\", \"pol\": 1}]}", BASE_ERROR_CONFIG_INVALID, "sha256[0].pol" },
        { "{\"sha256\": [{\"pcrs\": [1], \"pkfp\": \"" HEX32 "\", \"pol\": \"" HEX32 "\"}]}", BASE_ERROR_CONFIG_INVALID,
          "sha256[0].sig" },
        { "{\"sha256\": [{\"pcrs\": [1], \"pkfp\": \"" HEX32 "\", \"pol\": \"" HEX32 "\", \"sig\": \"?\"}]}",
          BASE_ERROR_CONFIG_INVALID, "sha256[0].sig" },
        { "{\"sha256\": [{\"pcrs\": [1], \"pkfp\": \"" HEX32 "\", \"pol\": \"" HEX32 "\", \"sig\": \"\"}]}",
          BASE_ERROR_CONFIG_INVALID, "sha256[0].sig" },
};

static void signatures_parse_of_damaged_names_the_place(void **state)
{
        for (size_t i = 0; i < BASE_COUNT(damages); i++) {
                struct evidence_pcr_signatures signatures = { .count = 42 };
                struct base_error error = BASE_ERROR_INIT;

                if (parse(damages[i].json, &signatures, &error))
                        fail_msg("accepted: %s", damages[i].json);
                if (error.code != damages[i].code || strstr(error.message, damages[i].says) == NULL)
                        fail_msg("%s: \"%s\" does not say \"%s\"", damages[i].json, error.message, damages[i].says);
                assert_int_equal(signatures.count, 42);
        }
}

static void signatures_parse_of_too_much_is_refused(void **state)
{
        base_auto_buffer struct base_buffer json = BASE_BUFFER_INIT(2 * EVIDENCE_SIGNATURE_FILE_BYTES_MAX);
        struct evidence_pcr_signatures signatures;
        struct base_error error = BASE_ERROR_INIT;

        base_buffer_put_string(&json, "{\"sha256\": [0");
        for (unsigned i = 0; i < EVIDENCE_PCR_SIGNATURES_MAX; i++)
                base_buffer_put_string(&json, ",0");
        base_buffer_put_string(&json, "]}");
        assert_false(evidence_pcr_signatures_parse("x.json", base_buffer_bytes(&json), &signatures, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
        assert_non_null(base_buffer_extend(&json, EVIDENCE_SIGNATURE_FILE_BYTES_MAX));
        assert_false(evidence_pcr_signatures_parse("x.json", base_buffer_bytes(&json), &signatures, &error));
        assert_int_equal(error.code, BASE_ERROR_LIMIT_EXCEEDED);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(signatures_parse_of_several_banks_gives_their_entries),
                cmocka_unit_test(signatures_parse_of_none_gives_none),
                cmocka_unit_test(signatures_parse_of_damaged_names_the_place),
                cmocka_unit_test(signatures_parse_of_too_much_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
