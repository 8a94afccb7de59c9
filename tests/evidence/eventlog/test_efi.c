/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/encode.h"
#include "evidence/eventlog/efi.h"
#include "tests/evidence/eventlog/support.h"

static bool path_text(const char *hex, char ret[static EVIDENCE_EFI_PATH_MAX + 1])
{
        base_auto_buffer struct base_buffer path = BASE_BUFFER_INIT(8192);

        assert_true(base_hex_decode(&path, hex, strlen(hex)));
        return evidence_efi_device_path_text(base_buffer_bytes(&path), ret);
}

static void device_path_text_of_known_nodes_is_that_of_uefi(void **state)
{
        static const struct {
                const char *hex;
                const char *text;
        } cases[] = {
                { "7fff0400", "" },
                { "02010c00d041030a00000000010106000107"
                  "7fff0400",
                  "PciRoot(0x0)/Pci(0x7,0x1)" },
                { "02010c00d041080a02000000"
                  "7fff0400",
                  "PcieRoot(0x2)" },
                { "02010c000102030400000000"
                  "7fff0400",
                  "Acpi(0x4030201,0x0)" },
                { "0302080001000200"
                  "7fff0400",
                  "Scsi(0x1,0x2)" },
                { "030506000301"
                  "7fff0400",
                  "USB(0x3,0x1)" },
                { "03120a000100ffff0000"
                  "7fff0400",
                  "Sata(0x1,0xFFFF,0x0)" },
                { "03171000010000000011223344556677"
                  "7fff0400",
                  "NVMe(0x1,0011223344556677)" },
                { "04041000"
                  "5c0041002e004500"
                  "00000000"
                  "7fff0400",
                  "\\A.E" },
                { "04071400c9bdb87cebf8344faaea3ee4af6516a1"
                  "7fff0400",
                  "Fv(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)" },
                { "0318070061"
                  "6263"
                  "7fff0400",
                  "Uri(abc)" },
                { "05990600abcd"
                  "7fff0400",
                  "Path(5,153,abcd)" },
                { "0302080001000200"
                  "7f010400"
                  "0302080001000300"
                  "7fff0400",
                  "Scsi(0x1,0x2),Scsi(0x1,0x3)" },
        };
        char text[EVIDENCE_EFI_PATH_MAX + 1];

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                assert_true(path_text(cases[i].hex, text));
                assert_string_equal(text, cases[i].text);
        }
}

static void device_path_text_of_broken_paths_is_refused(void **state)
{
        static const char *const cases[] = {
                "",                     /* no end */
                "7fff0300",             /* a node shorter than its head */
                "01010500077fff0400",   /* a PCI node of one byte */
                "0302080001000200",     /* no end after a node */
                "7fff040000",           /* a byte after the end */
                "0404ffff41007fff0400", /* longer than what is there */
                "040405005c7fff0400",   /* half a character */
        };
        char text[EVIDENCE_EFI_PATH_MAX + 1];
        char longest[4096] = "";

        for (size_t i = 0; i < BASE_COUNT(cases); i++) {
                assert_false(path_text(cases[i], text));
                assert_string_equal(text, "");
        }
        for (unsigned i = 0; i < 100; i++)
                (void) strcat(longest, "0302080001000200");
        (void) strcat(longest, "7fff0400");
        assert_false(path_text(longest, text));
}

static void signatures_count_of_lists_and_rubbish(void **state)
{
        uint8_t list[28 + 2 * 48] = { [16] = sizeof(list), [24] = 48 };
        size_t count = 99;

        assert_true(evidence_efi_signatures_count(BASE_BYTES(NULL, 0), &count));
        assert_int_equal(count, 0);
        assert_true(evidence_efi_signatures_count(BASE_BYTES_OF(list), &count));
        assert_int_equal(count, 2);
        assert_false(evidence_efi_signatures_count(BASE_BYTES(list, sizeof(list) - 1), &count));
        list[24] = 47;
        assert_false(evidence_efi_signatures_count(BASE_BYTES_OF(list), &count));
        list[24] = 0;
        assert_false(evidence_efi_signatures_count(BASE_BYTES_OF(list), &count));
        list[24] = 48;
        list[23] = 0x80;
        assert_false(evidence_efi_signatures_count(BASE_BYTES_OF(list), &count));
        list[23] = 0;
        list[16] = 27;
        assert_false(evidence_efi_signatures_count(BASE_BYTES_OF(list), &count));
        assert_int_equal(count, 2);
}

static void variable_parse_takes_exactly_one_variable(void **state)
{
        base_auto_buffer struct base_buffer data = BASE_BUFFER_INIT(1024);
        struct evidence_efi_variable variable;
        char guid[EVIDENCE_EFI_GUID_TEXT];

        log_variable(&data, GUID_SHIM, "SbatLevel", BASE_BYTES("sbat", 4));
        assert_true(evidence_efi_variable_parse(base_buffer_bytes(&data), &variable));
        evidence_efi_guid_text(variable.guid, guid);
        assert_string_equal(guid, GUID_SHIM);
        assert_string_equal(variable.name, "SbatLevel");
        assert_true(base_bytes_equal(variable.content, BASE_BYTES("sbat", 4)));
        for (size_t len = 0; len < data.len; len++)
                assert_false(evidence_efi_variable_parse(BASE_BYTES(data.data, len), &variable));
        base_buffer_put_u8(&data, 0);
        assert_false(evidence_efi_variable_parse(base_buffer_bytes(&data), &variable));
        data.data[16 + 7] = 0xff; /* a name of 2^63 characters and more, and no overflow */
        assert_false(evidence_efi_variable_parse(base_buffer_bytes(&data), &variable));
        data.data[16 + 7] = 0;
        data.data[24 + 7] = 0xff;
        assert_false(evidence_efi_variable_parse(base_buffer_bytes(&data), &variable));
}

/* What the firmware says before the separator of PCR 7 counts only if it was measured. */
static void derive_debug_mode_and_dma_protection(void **state)
{
        static const char debug[] = "UEFI Debug Mode", dma[] = "DMA Protection Disabled";
        struct log_maker maker;
        struct log_case test;

        log_start(&maker);
        log_add(&maker, 7, EVIDENCE_EVENTLOG_EFI_ACTION, base_bytes_from_string(debug));
        log_add(&maker, 7, EVIDENCE_EVENTLOG_EFI_ACTION, base_bytes_from_string(dma));
        log_add_firmware(&maker, 1);
        case_make(&test, &maker);
        assert_true(test.boot->uefi_debug_mode && test.boot->dma_protection_disabled);
        assert_int_equal(test.boot->secure_boot, EVIDENCE_BOOT_SECURE_BOOT_ON);
        case_clear(&test);
        log_end(&maker);

        log_start(&maker);
        log_add_firmware(&maker, 1);
        log_add(&maker, 7, EVIDENCE_EVENTLOG_EFI_ACTION, base_bytes_from_string(debug));
        case_make(&test, &maker);
        assert_false(test.boot->uefi_debug_mode || test.boot->dma_protection_disabled);
        case_clear(&test);
        log_end(&maker);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(device_path_text_of_known_nodes_is_that_of_uefi),
                cmocka_unit_test(device_path_text_of_broken_paths_is_refused),
                cmocka_unit_test(signatures_count_of_lists_and_rubbish),
                cmocka_unit_test(variable_parse_takes_exactly_one_variable),
                cmocka_unit_test(derive_debug_mode_and_dma_protection),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
