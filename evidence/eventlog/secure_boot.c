/* SPDX-License-Identifier: BSD-2-Clause */
/* PCR 7: Secure Boot's variables before the separator, and whose signatures let images run. */
#include "base/hash.h"
#include "evidence/eventlog/derive.h"
#include "evidence/eventlog/efi.h"

#define PCR_SECURE_BOOT 7

static const uint8_t global_guid[EVIDENCE_EFI_GUID_LEN] = { /* 8be4df61-93ca-11d2-aa0d-00e098032b8c */
                                                            0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                                            0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c
};
static const uint8_t security_guid[EVIDENCE_EFI_GUID_LEN] = { /* d719b2cb-3d3a-4596-a3bc-dad00e67656f */
                                                              0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45,
                                                              0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f
};
static const uint8_t shim_guid[EVIDENCE_EFI_GUID_LEN] = { /* 605dab50-e046-4300-abb6-3dd810dd8b23 */
                                                          0x50, 0xab, 0x5d, 0x60, 0x46, 0xe0, 0x00, 0x43,
                                                          0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23
};

enum known {
        KNOWN_SECURE_BOOT,
        KNOWN_PK,
        KNOWN_KEK,
        KNOWN_DB,
        KNOWN_DBX,
        KNOWN_COUNT,
};

static const struct {
        const char *name;
        const uint8_t *guid;
} known_variables[KNOWN_COUNT] = {
        [KNOWN_SECURE_BOOT] = { "SecureBoot", global_guid },
        [KNOWN_PK] = { "PK", global_guid },
        [KNOWN_KEK] = { "KEK", global_guid },
        [KNOWN_DB] = { "db", security_guid },
        [KNOWN_DBX] = { "dbx", security_guid },
};

struct seen {
        bool seen;
        bool conflict;
        struct base_bytes content;
        const struct evidence_eventlog_event *event;
};

/* What PCR 7 says before its separator. */
struct configuration {
        struct seen variables[KNOWN_COUNT];
        bool plain; /* every event is accounted for: none hides behind a wrong type or other people's data */
};

static void take_variable(const struct derive *derive, const struct evidence_eventlog_event *event,
                          struct configuration *configuration)
{
        struct evidence_efi_variable variable;

        if (!evidence_efi_variable_parse(event->data, &variable)) {
                evidence_derive_note(derive, EVIDENCE_BOOT_VARIABLE_MALFORMED, event, event->pcr);
                configuration->plain = false;
                return;
        }
        for (unsigned i = 0; i < KNOWN_COUNT; i++) {
                struct seen *seen = &configuration->variables[i];

                if (strcmp(variable.name, known_variables[i].name) != 0)
                        continue;
                if (memcmp(variable.guid, known_variables[i].guid, sizeof(variable.guid)) != 0) {
                        evidence_derive_note(derive, EVIDENCE_BOOT_VARIABLE_FOREIGN, event, event->pcr);
                        continue;
                }
                if (seen->seen && !base_bytes_equal(seen->content, variable.content)) {
                        evidence_derive_note(derive, EVIDENCE_BOOT_VARIABLE_REPEATED, event, event->pcr);
                        seen->conflict = true;
                }
                if (!seen->seen)
                        *seen = (struct seen){ .seen = true, .content = variable.content, .event = event };
        }
}

static void take_action(const struct derive *derive, const struct evidence_eventlog_event *event)
{
        if (bytes_are_string(event->data, "UEFI Debug Mode", false) || bytes_are_string(event->data, "UEFI Debug Mode", true))
                derive->boot->uefi_debug_mode = true;
        if (bytes_are_string(event->data, "DMA Protection Disabled", false) ||
            bytes_are_string(event->data, "DMA Protection Disabled", true))
                derive->boot->dma_protection_disabled = true;
}

static void authority_add(const struct derive *derive, const struct evidence_eventlog_event *event,
                          const struct evidence_efi_variable *variable, const uint8_t sha256[static 32])
{
        struct evidence_boot *boot = derive->boot;
        struct evidence_boot_authority *authority;

        if (boot->authority_count == EVIDENCE_BOOT_AUTHORITIES_MAX) {
                evidence_derive_note(derive, EVIDENCE_BOOT_DROPPED, event, event->pcr);
                return;
        }
        authority = &boot->authorities[boot->authority_count++];
        (void) snprintf(authority->name, sizeof(authority->name), "%s", variable->name);
        memcpy(authority->guid, variable->guid, sizeof(authority->guid));
        memcpy(authority->sha256, sha256, sizeof(authority->sha256));
        authority->by_shim = memcmp(variable->guid, shim_guid, sizeof(shim_guid)) == 0;
}

/* shim's own settings: of each the first counts, since a running system could only add later ones. */
static void take_shim_setting(const struct derive *derive, const struct evidence_eventlog_event *event,
                              const struct evidence_efi_variable *variable)
{
        struct evidence_boot *boot = derive->boot;
        struct base_bytes content = variable->content;

        if (strcmp(variable->name, "MokListTrusted") == 0 && !boot->mok_list_trusted_known && content.len == 1) {
                boot->mok_list_trusted_known = true;
                boot->mok_list_trusted = content.data[0] == 1;
        }
        if (strcmp(variable->name, "SbatLevel") == 0 && boot->sbat_level[0] == '\0') {
                const uint8_t *end = content.len > 0 ? memchr(content.data, '\n', content.len) : NULL;
                size_t len = end != NULL ? (size_t) (end - content.data) : content.len;

                if (!evidence_eventlog_text(BASE_BYTES(content.data, len), boot->sbat_level, sizeof(boot->sbat_level)))
                        evidence_derive_note(derive, EVIDENCE_BOOT_DROPPED, event, event->pcr);
        }
}

/* EV_EFI_VARIABLE_AUTHORITY with a digest that covers it, before or after the separator. */
static bool take_authority(const struct derive *derive, const struct evidence_eventlog_event *event)
{
        struct evidence_efi_variable variable;
        uint8_t sha256[BASE_SHA256_LEN];

        if (!evidence_efi_variable_parse(event->data, &variable)) {
                evidence_derive_note(derive, EVIDENCE_BOOT_VARIABLE_MALFORMED, event, event->pcr);
                return true;
        }
        if (!base_sha256(&variable.content, 1, sha256, derive->error))
                return false;
        authority_add(derive, event, &variable, sha256);
        if (memcmp(variable.guid, shim_guid, sizeof(shim_guid)) == 0)
                take_shim_setting(derive, event, &variable);
        return true;
}

static bool take_event(const struct derive *derive, const struct evidence_eventlog_event *event, bool before,
                       struct configuration *configuration)
{
        bool covered;

        if (!evidence_derive_covers(derive, event, event->data, &covered))
                return false;
        if (event->type == EVIDENCE_EVENTLOG_EFI_VARIABLE_AUTHORITY && covered)
                return take_authority(derive, event);
        if (!before) {
                if (event->type == EVIDENCE_EVENTLOG_EFI_VARIABLE_DRIVER_CONFIG)
                        evidence_derive_note(derive, EVIDENCE_BOOT_AFTER_SEPARATOR, event, event->pcr);
                else if (event->type == EVIDENCE_EVENTLOG_EFI_VARIABLE_AUTHORITY)
                        evidence_derive_note(derive, EVIDENCE_BOOT_DIGEST_MISMATCH, event, event->pcr);
                return true;
        }
        if (!covered) {
                evidence_derive_note(derive, EVIDENCE_BOOT_DIGEST_MISMATCH, event, event->pcr);
                configuration->plain = false;
        } else if (event->type == EVIDENCE_EVENTLOG_EFI_VARIABLE_DRIVER_CONFIG) {
                take_variable(derive, event, configuration);
        } else if (event->type == EVIDENCE_EVENTLOG_EFI_ACTION) {
                take_action(derive, event);
        } else {
                evidence_derive_note(derive, EVIDENCE_BOOT_UNEXPECTED_EVENT, event, event->pcr);
                configuration->plain = false;
        }
        return true;
}

static bool variable_set(const struct derive *derive, const struct seen *seen, struct evidence_boot_variable *ret)
{
        if (!seen->seen || seen->conflict)
                return true;
        ret->known = true;
        ret->len_bytes = seen->content.len;
        if (!evidence_efi_signatures_count(seen->content, &ret->entry_count))
                evidence_derive_note(derive, EVIDENCE_BOOT_VARIABLE_MALFORMED, seen->event, seen->event->pcr);
        return base_sha256(&seen->content, 1, ret->sha256, derive->error);
}

static void secure_boot_set(const struct derive *derive, const struct seen *seen)
{
        enum evidence_boot_secure_boot *ret = &derive->boot->secure_boot;

        if (!seen->seen || seen->conflict)
                return;
        if (seen->content.len == 1 && seen->content.data[0] <= 1) {
                *ret = seen->content.data[0] == 1 ? EVIDENCE_BOOT_SECURE_BOOT_ON : EVIDENCE_BOOT_SECURE_BOOT_OFF;
                return;
        }
        if (seen->content.len == 0)
                *ret = EVIDENCE_BOOT_SECURE_BOOT_ABSENT;
        evidence_derive_note(derive, EVIDENCE_BOOT_SECURE_BOOT_LENGTH, seen->event, seen->event->pcr);
}

bool evidence_derive_secure_boot(const struct derive *derive)
{
        struct configuration configuration = { .plain = true };
        struct evidence_boot *boot = derive->boot;
        size_t separator = derive->separator_at[PCR_SECURE_BOOT];

        for (size_t i = 0; i < derive->log->event_count; i++) {
                const struct evidence_eventlog_event *event = &derive->log->events[i];

                if (event->pcr != PCR_SECURE_BOOT || !evidence_eventlog_event_counts(derive->replay, event) ||
                    evidence_derive_separator_kind(derive, event) != DERIVE_SEPARATOR_NONE)
                        continue;
                if (!take_event(derive, event, i < separator, &configuration))
                        return false;
        }
        /* Without a sound separator anybody could have measured these variables later. */
        if (!configuration.plain || separator == DERIVE_NOWHERE ||
            evidence_derive_separator_kind(derive, &derive->log->events[separator]) == DERIVE_SEPARATOR_ERROR)
                return true;
        secure_boot_set(derive, &configuration.variables[KNOWN_SECURE_BOOT]);
        if (!variable_set(derive, &configuration.variables[KNOWN_PK], &boot->pk) ||
            !variable_set(derive, &configuration.variables[KNOWN_KEK], &boot->kek) ||
            !variable_set(derive, &configuration.variables[KNOWN_DB], &boot->db) ||
            !variable_set(derive, &configuration.variables[KNOWN_DBX], &boot->dbx))
                return false;
        boot->setup_mode_known = boot->pk.known;
        boot->setup_mode = boot->pk.known && boot->pk.len_bytes == 0;
        return true;
}
