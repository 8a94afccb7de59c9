/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCRs that loaders extend: GRUB (8), the kernel's stub (9), systemd-boot and systemd-stub (11, 12, 13; formerly 8), shim (14).
 * Sources: GRUB manual, "Measured Boot"; systemd docs/TPM2_PCR_MEASUREMENTS.md; shim README.tpm; Linux efi-stub.
 */
#include "evidence/eventlog/derive.h"

#define PCR_GRUB        8
#define PCR_KERNEL_STUB 9
#define PCR_UKI         11
#define PCR_KERNEL_CONF 12
#define PCR_SYSEXT      13
#define PCR_SHIM        14

/* What GRUB writes before the text that it hashes; the label itself is not in the digest. */
static const struct {
        const char *label;
        bool command_line;
} grub_labels[] = {
        { "grub_cmd: ", false },      { "grub_cmd ", false }, /* Red Hat's earlier patches */
        { "kernel_cmdline: ", true }, { "grub_kernel_cmdline ", true }, { "module_cmdline: ", false },
};

/* GRUB commands that load a kernel: the rest of such a text is its command line, whatever the label says. */
static const char *const linux_commands[] = { "linux ", "linuxefi ", "linux16 " };

static const struct {
        uint32_t tag;
        const char *name;
} tags[] = {
        { 0x8f3b22ec, "Linux initrd" }, { 0x8f3b22ed, "Linux load options" }, { 0x6c46f751, "devicetree addon" },
        { 0x49dffe0f, "initrd addon" }, { 0xdac08e1a, "microcode addon" },    { 0x13aed6db, "UKI profile" },
};

/* What systemd-stub hashes without its name: archives that it makes. */
static const char *const archives[] = { "Credentials initrd", "Global credentials initrd", "System extension initrd",
                                        "Configuration extension initrd" };

static bool starts_with(struct base_bytes bytes, const char *prefix)
{
        return bytes.len >= strlen(prefix) && memcmp(bytes.data, prefix, strlen(prefix)) == 0;
}

static struct base_bytes drop(struct base_bytes bytes, size_t len)
{
        return BASE_BYTES(bytes.data + len, bytes.len - len);
}

/* Without `width` zero bytes at the end, if they are there. */
static struct base_bytes without_nul(struct base_bytes bytes, size_t width)
{
        static const uint8_t zeros[2];

        if (bytes.len < width || memcmp(bytes.data + bytes.len - width, zeros, width) != 0)
                return bytes;
        return BASE_BYTES(bytes.data, bytes.len - width);
}

/* Loaders differ, and changed their mind, on whether the NUL at a text's end is hashed. */
static bool covers_text(const struct derive *derive, const struct evidence_eventlog_event *event, struct base_bytes text,
                        size_t width, bool *ret)
{
        if (!evidence_derive_covers(derive, event, text, ret))
                return false;
        return *ret || evidence_derive_covers(derive, event, without_nul(text, width), ret);
}

/* Notes that an event of PCR 8 or 12 has no text that its digest covers, or one that does not fit: it could be a command line. */
static void note_unread(const struct derive *derive, enum evidence_boot_finding_kind kind,
                        const struct evidence_eventlog_event *event)
{
        derive->boot->command_lines_complete = false;
        evidence_derive_note(derive, kind, event, event->pcr);
}

/* Whether `text` shows just the bytes that were measured, each `width` wide and printable ASCII. */
static bool is_plain(const char *text, struct base_bytes measured, size_t width)
{
        size_t len = strlen(text);

        if (without_nul(measured, width).len != len * width)
                return false;
        for (size_t i = 0; i < len; i++)
                if (text[i] < ' ' || text[i] > '~' || measured.data[i * width] != (uint8_t) text[i])
                        return false;
        return true;
}

static void section_add(const struct derive *derive, const struct evidence_eventlog_event *event, const char *name,
                        bool authentic)
{
        struct evidence_boot *boot = derive->boot;
        struct evidence_boot_section *section;
        const uint8_t *digest;

        if (boot->section_count == EVIDENCE_BOOT_SECTIONS_MAX) {
                evidence_derive_note(derive, EVIDENCE_BOOT_DROPPED, event, event->pcr);
                return;
        }
        section = &boot->sections[boot->section_count++];
        section->event = event->number;
        section->pcr = event->pcr;
        section->name_authentic = authentic;
        (void) snprintf(section->name, sizeof(section->name), "%s", name);
        digest = evidence_derive_digest(derive, event, &section->digest_len);
        memcpy(section->digest, digest, section->digest_len);
}

static struct evidence_boot_command_line *command_line_add(const struct derive *derive,
                                                           const struct evidence_eventlog_event *event)
{
        struct evidence_boot *boot = derive->boot;
        struct evidence_boot_command_line *line;

        if (boot->command_line_count == EVIDENCE_BOOT_COMMAND_LINES_MAX) {
                note_unread(derive, EVIDENCE_BOOT_DROPPED, event);
                return NULL;
        }
        line = &boot->command_lines[boot->command_line_count++];
        line->event = event->number;
        line->pcr = event->pcr;
        return line;
}

static void grub_line_add(const struct derive *derive, const struct evidence_eventlog_event *event, struct base_bytes text,
                          bool authentic)
{
        struct evidence_boot *boot = derive->boot;
        char line[EVIDENCE_BOOT_TEXT_MAX + 1];
        struct evidence_boot_command_line *added;

        if (!evidence_eventlog_text(text, line, sizeof(line))) {
                note_unread(derive, EVIDENCE_BOOT_DROPPED, event);
                return;
        }
        for (size_t i = 0; !authentic && i < boot->command_line_count; i++)
                if (boot->command_lines[i].loader == EVIDENCE_BOOT_LOADER_GRUB && strcmp(boot->command_lines[i].text, line) == 0)
                        return;
        if (!authentic)
                evidence_derive_note(derive, EVIDENCE_BOOT_COMMAND_LINE_LABEL, event, event->pcr);
        added = command_line_add(derive, event);
        if (added == NULL)
                return;
        added->loader = EVIDENCE_BOOT_LOADER_GRUB;
        added->authentic = authentic;
        added->plain = is_plain(line, text, 1);
        memcpy(added->text, line, sizeof(line));
}

/* A text that GRUB measured. */
static void take_grub_text(const struct derive *derive, const struct evidence_eventlog_event *event, struct base_bytes text,
                           bool labelled_command_line)
{
        for (size_t i = 0; i < BASE_COUNT(linux_commands); i++)
                if (starts_with(text, linux_commands[i])) {
                        grub_line_add(derive, event, drop(text, strlen(linux_commands[i])), true);
                        derive->boot->grub_command_count++;
                        return;
                }
        if (labelled_command_line)
                grub_line_add(derive, event, text, false);
        else
                derive->boot->grub_command_count++;
}

/* A command line in UTF-16, as systemd's loaders measure them. */
static bool take_systemd_line(const struct derive *derive, const struct evidence_eventlog_event *event)
{
        char text[EVIDENCE_BOOT_TEXT_MAX + 1];
        struct evidence_boot_command_line *added;
        bool covered;

        if (!covers_text(derive, event, event->data, 2, &covered))
                return false;
        if (!covered || !evidence_eventlog_utf8(event->data, text, sizeof(text))) {
                note_unread(derive, covered ? EVIDENCE_BOOT_DROPPED : EVIDENCE_BOOT_DIGEST_MISMATCH, event);
                return true;
        }
        added = command_line_add(derive, event);
        if (added == NULL)
                return true;
        added->loader = EVIDENCE_BOOT_LOADER_SYSTEMD;
        /* PCR 12 has nothing else whose digest covers its text; PCR 8 could be anybody's. */
        added->authentic = event->pcr == PCR_KERNEL_CONF;
        added->plain = is_plain(text, event->data, 2);
        memcpy(added->text, text, sizeof(text));
        return true;
}

static bool take_grub(const struct derive *derive, const struct evidence_eventlog_event *event)
{
        for (size_t i = 0; i < BASE_COUNT(grub_labels); i++) {
                struct base_bytes text;
                bool covered;

                if (!starts_with(event->data, grub_labels[i].label))
                        continue;
                text = drop(event->data, strlen(grub_labels[i].label));
                if (!covers_text(derive, event, text, 1, &covered))
                        return false;
                if (covered)
                        take_grub_text(derive, event, text, grub_labels[i].command_line);
                else
                        note_unread(derive, EVIDENCE_BOOT_DIGEST_MISMATCH, event);
                return true;
        }
        return take_systemd_line(derive, event);
}

/*
 * What is measured by its content alone is listed with its digest. In PCR 12 a command line could hide behind such a tag or name,
 * so there that counts as unread.
 */
static void take_content(const struct derive *derive, const struct evidence_eventlog_event *event, const char *name)
{
        if (event->pcr == PCR_KERNEL_CONF)
                derive->boot->command_lines_complete = false;
        section_add(derive, event, name, false);
}

static void take_tag(const struct derive *derive, const struct evidence_eventlog_event *event)
{
        struct base_reader reader = base_reader_over(event->data);
        const char *name = event->pcr == PCR_KERNEL_CONF ? "unknown tag" : NULL;
        uint32_t tag;

        if (little_get_u32(&reader, &tag))
                for (size_t i = 0; i < BASE_COUNT(tags); i++)
                        if (tags[i].tag == tag)
                                name = tags[i].name;
        if (name != NULL)
                take_content(derive, event, name);
}

static bool take_kernel_configuration(const struct derive *derive, const struct evidence_eventlog_event *event)
{
        char text[EVIDENCE_BOOT_NAME_MAX + 1];

        if (evidence_eventlog_utf8(event->data, text, sizeof(text)))
                for (size_t i = 0; i < BASE_COUNT(archives); i++)
                        if (strcmp(text, archives[i]) == 0) {
                                take_content(derive, event, text);
                                return true;
                        }
        return take_systemd_line(derive, event);
}

static void take_named(const struct derive *derive, const struct evidence_eventlog_event *event, bool utf16)
{
        char name[EVIDENCE_BOOT_NAME_MAX + 1];

        if (utf16 ? evidence_eventlog_utf8(event->data, name, sizeof(name))
                  : evidence_eventlog_text(event->data, name, sizeof(name)))
                section_add(derive, event, name, false);
}

/*
 * PCR 11 has pairs of events: the hash of a section's name, then that of its content. The order and the names are measured.
 */
static bool take_uki(const struct derive *derive, const struct evidence_eventlog_event *event, char *pending, size_t size)
{
        char name[EVIDENCE_BOOT_NAME_MAX + 1];
        bool covered = false;

        if (pending[0] != '\0') {
                section_add(derive, event, pending, true);
                pending[0] = '\0';
                return true;
        }
        if (evidence_eventlog_utf8(event->data, name, sizeof(name)) && name[0] != '\0' &&
            !evidence_derive_covers(derive, event, BASE_BYTES(name, strlen(name) + 1), &covered))
                return false;
        if (covered)
                (void) snprintf(pending, size, "%s", name);
        else
                evidence_derive_note(derive, EVIDENCE_BOOT_DIGEST_MISMATCH, event, event->pcr);
        return true;
}

/* Types are not measured: of PCRs 8, 11 and 12 every event is listed or noted, so that none can hide behind one. */
static bool take_event(const struct derive *derive, const struct evidence_eventlog_event *event, char *pending, size_t size)
{
        bool tagged = event->type == EVIDENCE_EVENTLOG_EVENT_TAG;

        switch (event->pcr) {
        case PCR_GRUB:
                return take_grub(derive, event);
        case PCR_UKI:
                return take_uki(derive, event, pending, size);
        case PCR_KERNEL_CONF:
                if (!tagged)
                        return take_kernel_configuration(derive, event);
                take_tag(derive, event);
                return true;
        case PCR_KERNEL_STUB:
                if (tagged)
                        take_tag(derive, event);
                return true;
        case PCR_SYSEXT:
                take_named(derive, event, true);
                return true;
        case PCR_SHIM:
                take_named(derive, event, false);
                return true;
        default:
                return true;
        }
}

bool evidence_derive_loaders(const struct derive *derive)
{
        const uint32_t command_line_pcrs = 1u << PCR_GRUB | 1u << PCR_KERNEL_CONF;
        char pending[EVIDENCE_BOOT_NAME_MAX + 1] = "";

        derive->boot->command_lines_complete = (derive->replay->trusted & command_line_pcrs) == command_line_pcrs;
        for (size_t i = 0; i < derive->log->event_count; i++) {
                const struct evidence_eventlog_event *event = &derive->log->events[i];

                if (evidence_eventlog_event_counts(derive->replay, event) && !take_event(derive, event, pending, sizeof(pending)))
                        return false;
        }
        return true;
}
