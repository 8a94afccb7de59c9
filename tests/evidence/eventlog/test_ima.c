/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists made by make_ima_lists.py, which knows nothing of this code; none is of a real kernel. */
#include "base/encode.h"
#include "base/file.h"
#include "evidence/eventlog/ima.h"
#include "evidence/tpm_numbers.h"
#include "tests/evidence/support.h"

#include <jansson.h>
#include <string.h>

static struct base_error error;
static json_t *expected;

static void data_path(const char *name, const char *ending, char ret[static 4096])
{
        const char *data = getenv("ATTESTER_TEST_DATA");

        assert_non_null(data);
        assert_true(snprintf(ret, 4096, "%s/ima/%s%s", data, name, ending) < 4096);
}

static void list_read(const char *name, const char *ending, struct base_buffer *bytes, struct evidence_ima_list *list)
{
        char path[4096];

        data_path(name, ending, path);
        base_buffer_init(bytes, EVIDENCE_IMA_BYTES_MAX);
        assert_ok(base_file_read(path, bytes, &error));
        assert_ok(evidence_ima_list_parse(base_buffer_bytes(bytes), list, &error));
}

static int read_expected(void **state)
{
        char path[4096];

        data_path("expected", ".json", path);
        expected = json_load_file(path, 0, NULL);
        return expected == NULL ? -1 : 0;
}

static int free_expected(void **state)
{
        json_decref(expected);
        return 0;
}

static const struct {
        const char *name;
        uint16_t algorithm;
} banks[] = {
        { "sha1", EVIDENCE_TPM_ALG_SHA1 },
        { "sha256", EVIDENCE_TPM_ALG_SHA256 },
        { "sha384", EVIDENCE_TPM_ALG_SHA384 },
};

static void value_set(struct evidence_pcr_bank *bank, unsigned pcr, const json_t *hex)
{
        base_auto_buffer struct base_buffer bytes = BASE_BUFFER_INIT(EVIDENCE_PCR_VALUE_BYTES_MAX);

        assert_true(base_hex_decode(&bytes, json_string_value(hex), json_string_length(hex)));
        memcpy(bank->values[pcr], bytes.data, bytes.len);
        bank->mask |= 1u << pcr;
}

/* PCR 10 of all banks after `count` entries, and PCRs 0 to 9. */
static struct evidence_pcrs quote(const char *name, const char *mode, size_t count)
{
        struct evidence_pcrs quoted = { .bank_count = BASE_COUNT(banks) };

        for (size_t i = 0; i < BASE_COUNT(banks); i++) {
                json_t *values = json_object_get(json_object_get(json_object_get(json_object_get(expected, "lists"), name), mode),
                                                 banks[i].name);
                json_t *boot = json_object_get(json_object_get(expected, "boot"), banks[i].name);

                quoted.banks[i].algorithm = banks[i].algorithm;
                value_set(&quoted.banks[i], 10, json_array_get(values, count));
                for (unsigned pcr = 0; pcr < 10; pcr++) {
                        char key[4];

                        (void) snprintf(key, sizeof(key), "%u", pcr);
                        value_set(&quoted.banks[i], pcr, json_object_get(boot, key));
                }
        }
        return quoted;
}

static void replay_every_prefix_of_every_list_matches_in_either_way(void **state)
{
        static const char *const names[] = { "ima-ng", "ima-sig", "mixed" };
        static const char *const endings[] = { ".bin", ".txt" };
        static const char *const modes[] = { "per_bank", "padded" };

        for (size_t i = 0; i < BASE_COUNT(names) * BASE_COUNT(endings) * BASE_COUNT(modes); i++) {
                evidence_auto_ima_list struct evidence_ima_list list = { .entry_count = 0 };
                base_auto_buffer struct base_buffer bytes;
                const char *name = names[i / 4], *mode = modes[i % 2];

                list_read(name, endings[i / 2 % 2], &bytes, &list);
                for (size_t count = 0; count <= list.entry_count; count++) {
                        struct evidence_pcrs quoted = quote(name, mode, count);
                        struct evidence_ima_replay replay;

                        assert_ok(evidence_ima_replay(&list, &quoted, &replay, &error));
                        assert_true(replay.matches);
                        /* An entry of another PCR changes nothing, so the shortest prefix is without it. */
                        assert_int_equal(replay.entry_count, strcmp(name, "mixed") == 0 && count == 4 ? 3 : count);
                        assert_int_equal(replay.algorithm, EVIDENCE_TPM_ALG_SHA384);
                        if (count > 0) {
                                assert_int_equal(replay.extension, i % 2 == 0 ? EVIDENCE_IMA_PER_BANK : EVIDENCE_IMA_PADDED_SHA1);
                                assert_int_equal(replay.aggregate, EVIDENCE_IMA_AGGREGATE_MATCHES);
                        }
                }
        }
}

static void parse_binary_and_text_have_the_same_entries(void **state)
{
        evidence_auto_ima_list struct evidence_ima_list binary = { .entry_count = 0 }, text = { .entry_count = 0 };
        base_auto_buffer struct base_buffer binary_bytes, text_bytes;

        list_read("mixed", ".bin", &binary_bytes, &binary);
        list_read("mixed", ".txt", &text_bytes, &text);
        assert_int_equal(binary.entry_count, 5);
        assert_int_equal(text.entry_count, 5);
        for (size_t i = 0; i < 5; i++) {
                assert_true(base_bytes_equal(binary.entries[i].data, text.entries[i].data));
                assert_true(base_bytes_equal(binary.entries[i].name, text.entries[i].name));
                assert_true(base_bytes_equal(binary.entries[i].digest, text.entries[i].digest));
        }
        assert_true(base_bytes_equal(binary.entries[1].extra, BASE_BYTES("quiet", 5)));
        assert_true(binary.entries[2].violation && text.entries[2].violation);
        assert_int_equal(binary.entries[3].pcr, 11);
}

static void replay_counts_violations_and_entries_of_other_pcrs(void **state)
{
        evidence_auto_ima_list struct evidence_ima_list list = { .entry_count = 0 };
        struct evidence_pcrs quoted = quote("mixed", "per_bank", 5);
        base_auto_buffer struct base_buffer bytes;
        struct evidence_ima_replay replay;

        list_read("mixed", ".bin", &bytes, &list);
        assert_ok(evidence_ima_replay(&list, &quoted, &replay, &error));
        assert_int_equal(replay.violation_count, 1);
        assert_int_equal(replay.foreign_count, 1);
}

static void replay_wrong_or_disagreeing_values_match_nothing(void **state)
{
        evidence_auto_ima_list struct evidence_ima_list list = { .entry_count = 0 };
        struct evidence_pcrs quoted = quote("ima-ng", "per_bank", 3);
        base_auto_buffer struct base_buffer bytes;
        struct evidence_ima_replay replay;

        list_read("ima-ng", ".bin", &bytes, &list);
        quoted.banks[0] = quote("ima-ng", "per_bank", 2).banks[0];
        assert_ok(evidence_ima_replay(&list, &quoted, &replay, &error));
        assert_false(replay.matches);
        assert_int_equal(replay.entry_count, 0);
        quoted = quote("ima-ng", "per_bank", 3);
        quoted.banks[2].values[10][0] ^= 1;
        assert_ok(evidence_ima_replay(&list, &quoted, &replay, &error));
        assert_false(replay.matches);
        quoted = quote("ima-ng", "per_bank", 3);
        quoted.banks[1].values[9][0] ^= 1;
        assert_ok(evidence_ima_replay(&list, &quoted, &replay, &error));
        assert_true(replay.matches);
        assert_int_equal(replay.aggregate, EVIDENCE_IMA_AGGREGATE_DIFFERS);
        quoted.banks[1].mask = 1u << 10;
        assert_ok(evidence_ima_replay(&list, &quoted, &replay, &error));
        assert_int_equal(replay.aggregate, EVIDENCE_IMA_AGGREGATE_UNCHECKED);
        for (size_t i = 0; i < quoted.bank_count; i++)
                quoted.banks[i].mask = 1;
        assert_refused(evidence_ima_replay(&list, &quoted, &replay, &error), BASE_ERROR_INVALID_ARGUMENT, "PCR 10");
}

static void replay_two_entries_exchanged_match_nothing(void **state)
{
        evidence_auto_ima_list struct evidence_ima_list list = { .entry_count = 0 };
        struct evidence_pcrs quoted = quote("ima-ng", "per_bank", 4);
        base_auto_buffer struct base_buffer bytes;
        struct evidence_ima_replay replay;
        struct evidence_ima_entry first;

        list_read("ima-ng", ".bin", &bytes, &list);
        first = list.entries[1];
        list.entries[1] = list.entries[2];
        list.entries[2] = first;
        assert_ok(evidence_ima_replay(&list, &quoted, &replay, &error));
        assert_false(replay.matches);
}

static bool parse(struct base_bytes bytes)
{
        evidence_auto_ima_list struct evidence_ima_list list = { .entry_count = 0 };

        return evidence_ima_list_parse(bytes, &list, &error);
}

static void parse_every_changed_byte_of_data_is_refused(void **state)
{
        evidence_auto_ima_list struct evidence_ima_list list = { .entry_count = 0 };
        base_auto_buffer struct base_buffer bytes;

        list_read("ima-sig", ".bin", &bytes, &list);
        for (size_t i = list.entries[1].offset + 4; i < list.entries[2].offset; i++) {
                bytes.data[i] ^= 1;
                /* A known template's name may become an unknown one, whose fields nobody looks at. */
                if (parse(base_buffer_bytes(&bytes)))
                        assert_in_range(i - list.entries[1].offset, 28, 34);
                else
                        assert_non_null(strstr(error.message, " at offset "));
                bytes.data[i] ^= 1;
        }
        for (size_t len = list.entries[1].offset + 1; len < list.entries[2].offset; len++)
                assert_refused(parse(BASE_BYTES(bytes.data, len)), BASE_ERROR_MALFORMED, "entry 1 at offset");
}

static void parse_wrong_lines_and_templates_are_refused(void **state)
{
        static const struct {
                const char *text;
                enum base_error_code code;
                const char *what;
        } cases[] = {
                { "10 ", BASE_ERROR_MALFORMED, "ends inside" },
                { "x\n", BASE_ERROR_MALFORMED, "begin with a PCR" },
                { "10 12 ima-ng sha1:00 /a\n", BASE_ERROR_MALFORMED, "SHA-1 in hexadecimal" },
                { "10 0000000000000000000000000000000000000000 evm-sig sha1:00 /a\n", BASE_ERROR_UNSUPPORTED, "ima-ng" },
                { "10 0000000000000000000000000000000000000000 ima-ng 00 /a\n", BASE_ERROR_MALFORMED, "ALGORITHM:HEX" },
                { "10 0000000000000000000000000000000000000000 ima-sig sha1:00 /a x\n", BASE_ERROR_MALFORMED, "hexadecimal" },
                { "10 0000000000000000000000000000000000000000 ima-sig sha1:00 /a\n", BASE_ERROR_MALFORMED, "missing" },
                { "10 1111111111111111111111111111111111111111 ima-ng sha1:00 /a\n", BASE_ERROR_MALFORMED, "template hash" },
                { "99 0000000000000000000000000000000000000000 ima-ng sha1:00 /a\n", BASE_ERROR_MALFORMED, "PCR 99" },
        };
        static const uint8_t legacy[] = "\12\0\0\0xxxxxxxxxxxxxxxxxxxx\3\0\0\0ima";
        static const uint8_t long_name[] = "\12\0\0\0xxxxxxxxxxxxxxxxxxxx\0\1\0\0";
        static const uint8_t long_data[] = "\12\0\0\0xxxxxxxxxxxxxxxxxxxx\2\0\0\0no\0\0\2";

        for (size_t i = 0; i < BASE_COUNT(cases); i++)
                assert_refused(parse(base_bytes_from_string(cases[i].text)), cases[i].code, cases[i].what);
        assert_refused(parse(BASE_BYTES_OF(legacy)), BASE_ERROR_UNSUPPORTED, "\"ima\"");
        assert_refused(parse(BASE_BYTES_OF(long_name)), BASE_ERROR_LIMIT_EXCEEDED, "name");
        assert_refused(parse(BASE_BYTES_OF(long_data)), BASE_ERROR_LIMIT_EXCEEDED, "data");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(replay_every_prefix_of_every_list_matches_in_either_way),
                cmocka_unit_test(parse_binary_and_text_have_the_same_entries),
                cmocka_unit_test(replay_counts_violations_and_entries_of_other_pcrs),
                cmocka_unit_test(replay_wrong_or_disagreeing_values_match_nothing),
                cmocka_unit_test(replay_two_entries_exchanged_match_nothing),
                cmocka_unit_test(parse_every_changed_byte_of_data_is_refused),
                cmocka_unit_test(parse_wrong_lines_and_templates_are_refused),
        };

        return cmocka_run_group_tests(tests, read_expected, free_expected);
}
