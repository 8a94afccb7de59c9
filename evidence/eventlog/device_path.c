/* SPDX-License-Identifier: BSD-2-Clause */
/* Device paths as text, in the notation of UEFI section 10.6.1. Nodes that are not known are written as type, subtype and hex. */
#include "base/encode.h"
#include "evidence/eventlog/efi.h"
#include "evidence/eventlog/internal.h"

#include <inttypes.h>

#define NODE_HEAD       4
#define ACPI_PCI_ROOT   0x0a0341d0u /* PNP0A03 as a compressed EISA id */
#define ACPI_PCIE_ROOT  0x0a0841d0u
#define PARTITION_MBR   1
#define PARTITION_GPT   2
#define END_TYPE        0x7f
#define END_ALL         0xff
#define END_INSTANCE    0x01
#define KIND(type, sub) ((unsigned) (type) << 8 | (sub))

enum node_kind {
        NODE_PCI = KIND(1, 1),
        NODE_ACPI = KIND(2, 1),
        NODE_SCSI = KIND(3, 2),
        NODE_USB = KIND(3, 5),
        NODE_MAC = KIND(3, 11),
        NODE_SATA = KIND(3, 18),
        NODE_NVME = KIND(3, 23),
        NODE_URI = KIND(3, 24),
        NODE_HARD_DRIVE = KIND(4, 1),
        NODE_FILE = KIND(4, 4),
        NODE_FV_FILE = KIND(4, 6),
        NODE_FV = KIND(4, 7),
};

static bool pci(struct base_reader *node, struct base_buffer *to)
{
        uint8_t function, device;

        if (!base_reader_get_u8(node, &function) || !base_reader_get_u8(node, &device))
                return false;
        base_buffer_printf(to, "Pci(0x%X,0x%X)", device, function);
        return true;
}

static bool acpi(struct base_reader *node, struct base_buffer *to)
{
        uint32_t hid, uid;

        if (!little_get_u32(node, &hid) || !little_get_u32(node, &uid))
                return false;
        if (hid == ACPI_PCI_ROOT || hid == ACPI_PCIE_ROOT)
                base_buffer_printf(to, "%s(0x%" PRIX32 ")", hid == ACPI_PCI_ROOT ? "PciRoot" : "PcieRoot", uid);
        else
                base_buffer_printf(to, "Acpi(0x%" PRIX32 ",0x%" PRIX32 ")", hid, uid);
        return true;
}

static bool scsi(struct base_reader *node, struct base_buffer *to)
{
        uint16_t target, lun;

        if (!little_get_u16(node, &target) || !little_get_u16(node, &lun))
                return false;
        base_buffer_printf(to, "Scsi(0x%X,0x%X)", target, lun);
        return true;
}

static bool usb(struct base_reader *node, struct base_buffer *to)
{
        uint8_t port, interface;

        if (!base_reader_get_u8(node, &port) || !base_reader_get_u8(node, &interface))
                return false;
        base_buffer_printf(to, "USB(0x%X,0x%X)", port, interface);
        return true;
}

static bool mac(struct base_reader *node, struct base_buffer *to)
{
        struct base_bytes address;

        if (!base_reader_get_bytes(node, 6, &address))
                return false;
        base_buffer_put_string(to, "MAC(");
        base_hex_encode(to, address);
        base_buffer_put_string(to, ")");
        return true;
}

static bool sata(struct base_reader *node, struct base_buffer *to)
{
        uint16_t port, multiplier, lun;

        if (!little_get_u16(node, &port) || !little_get_u16(node, &multiplier) || !little_get_u16(node, &lun))
                return false;
        base_buffer_printf(to, "Sata(0x%X,0x%X,0x%X)", port, multiplier, lun);
        return true;
}

static bool nvme(struct base_reader *node, struct base_buffer *to)
{
        uint32_t namespace_id;
        uint64_t eui64;

        if (!little_get_u32(node, &namespace_id) || !base_reader_get_u64(node, &eui64))
                return false;
        base_buffer_printf(to, "NVMe(0x%" PRIX32 ",%016" PRIX64 ")", namespace_id, eui64);
        return true;
}

static bool hard_drive(struct base_reader *node, struct base_buffer *to)
{
        uint32_t partition;
        uint64_t start, size;
        uint8_t signature[EVIDENCE_EFI_GUID_LEN];
        uint8_t format, signature_type;
        char guid[EVIDENCE_EFI_GUID_TEXT];

        if (!little_get_u32(node, &partition) || !little_get_u64(node, &start) || !little_get_u64(node, &size) ||
            !base_reader_copy(node, signature, sizeof(signature)) || !base_reader_get_u8(node, &format) ||
            !base_reader_get_u8(node, &signature_type))
                return false;
        evidence_efi_guid_text(signature, guid);
        if (format == PARTITION_GPT)
                base_buffer_printf(to, "HD(%" PRIu32 ",GPT,%s", partition, guid);
        else
                base_buffer_printf(to, "HD(%" PRIu32 ",%s,%02x%02x%02x%02x", partition, format == PARTITION_MBR ? "MBR" : "?",
                                   signature[3], signature[2], signature[1], signature[0]);
        base_buffer_printf(to, ",0x%" PRIX64 ",0x%" PRIX64 ")", start, size);
        return true;
}

static bool file(struct base_reader *node, struct base_buffer *to)
{
        char text[EVIDENCE_EFI_PATH_MAX + 1];

        if (!evidence_eventlog_utf8(BASE_BYTES(node->data, node->len), text, sizeof(text)))
                return false;
        base_buffer_put_string(to, text);
        return true;
}

static bool uri(struct base_reader *node, struct base_buffer *to)
{
        char text[EVIDENCE_EFI_PATH_MAX + 1];

        if (!evidence_eventlog_text(BASE_BYTES(node->data, node->len), text, sizeof(text)))
                return false;
        base_buffer_printf(to, "Uri(%s)", text);
        return true;
}

static bool firmware_volume(const char *name, struct base_reader *node, struct base_buffer *to)
{
        uint8_t guid[EVIDENCE_EFI_GUID_LEN];
        char text[EVIDENCE_EFI_GUID_TEXT];

        if (!base_reader_copy(node, guid, sizeof(guid)))
                return false;
        evidence_efi_guid_text(guid, text);
        base_buffer_printf(to, "%s(%s)", name, text);
        return true;
}

static bool node_put(unsigned kind, struct base_reader *node, struct base_buffer *to)
{
        switch (kind) {
        case NODE_PCI:
                return pci(node, to);
        case NODE_ACPI:
                return acpi(node, to);
        case NODE_SCSI:
                return scsi(node, to);
        case NODE_USB:
                return usb(node, to);
        case NODE_MAC:
                return mac(node, to);
        case NODE_SATA:
                return sata(node, to);
        case NODE_NVME:
                return nvme(node, to);
        case NODE_URI:
                return uri(node, to);
        case NODE_HARD_DRIVE:
                return hard_drive(node, to);
        case NODE_FILE:
                return file(node, to);
        case NODE_FV_FILE:
                return firmware_volume("FvFile", node, to);
        case NODE_FV:
                return firmware_volume("Fv", node, to);
        default:
                base_buffer_printf(to, "Path(%u,%u", kind >> 8, kind & 0xff);
                if (node->len > 0)
                        base_buffer_put_string(to, ",");
                base_hex_encode(to, BASE_BYTES(node->data, node->len));
                base_buffer_put_string(to, ")");
                return true;
        }
}

bool evidence_efi_device_path_text(struct base_bytes path, char ret[static EVIDENCE_EFI_PATH_MAX + 1])
{
        base_auto_buffer struct base_buffer text = BASE_BUFFER_INIT(EVIDENCE_EFI_PATH_MAX + 1);
        struct base_reader reader = base_reader_over(path);
        const char *separator = "";

        ret[0] = '\0';
        for (;;) {
                struct base_reader node;
                struct base_bytes body;
                uint8_t type, subtype;
                uint16_t len;

                if (!base_reader_get_u8(&reader, &type) || !base_reader_get_u8(&reader, &subtype) ||
                    !little_get_u16(&reader, &len) || len < NODE_HEAD || !base_reader_get_bytes(&reader, len - NODE_HEAD, &body))
                        return false;
                if (type == END_TYPE && subtype == END_ALL)
                        break;
                if (type == END_TYPE && subtype == END_INSTANCE) {
                        separator = ",";
                        continue;
                }
                base_buffer_put_string(&text, separator);
                separator = "/";
                node = base_reader_over(body);
                if (!node_put(KIND(type, subtype), &node, &text))
                        return false;
        }
        if (!base_reader_at_end(&reader) || !base_buffer_ok(&text) || text.len > EVIDENCE_EFI_PATH_MAX)
                return false;
        if (text.len > 0)
                memcpy(ret, text.data, text.len);
        ret[text.len] = '\0';
        return true;
}
