/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/attestctl/log_report.h"

#include "client/attestctl/pcr_values.h"
#include "client/attestctl/table.h"

#define DIGEST_SHOWN 8 /* bytes, in text */
#define HEX_MAX      (2 * EVIDENCE_PCR_VALUE_BYTES_MAX + 1)

static const char *const phases[] = { "", "enter-initrd", "leave-initrd", "sysinit", "ready" };

static void hex_print(const uint8_t *bytes, size_t len, char ret[static HEX_MAX])
{
        ret[0] = '\0';
        for (size_t i = 0; i < len; i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

static void type_print(uint32_t type, char *ret, size_t size)
{
        const char *name = evidence_eventlog_type_name(type);

        (void) (name != NULL ? snprintf(ret, size, "%s", name) : snprintf(ret, size, "0x%08x", (unsigned) type));
}

void attestctl_log_print_events(const struct attestctl *ctl, const struct evidence_eventlog *log)
{
        attestctl_auto_table struct attestctl_table table;
        static const char *const heads[] = { "EVENT", "PCR", "TYPE", "DIGEST", "DATA" };
        size_t strongest = evidence_eventlog_strongest_bank(log);

        attestctl_table_init(&table, BASE_COUNT(heads));
        for (size_t i = 0; i < BASE_COUNT(heads); i++)
                attestctl_table_add(&table, ATTESTCTL_HEADING, heads[i]);
        for (size_t i = 0; i < log->event_count; i++) {
                const struct evidence_eventlog_event *event = &log->events[i];
                char text[EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1], number[24], digest[HEX_MAX] = "-";

                (void) snprintf(number, sizeof(number), "%zu", i);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, number);
                (void) snprintf(number, sizeof(number), "%d", (int) event->pcr);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, number);
                type_print(event->type, text, sizeof(text));
                attestctl_table_add(&table, ATTESTCTL_PLAIN, text);
                if (event->type != EVIDENCE_EVENTLOG_NO_ACTION && event->digests[strongest] != NULL)
                        hex_print(event->digests[strongest], DIGEST_SHOWN, digest);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, digest);
                evidence_eventlog_describe(event, text);
                if (text[0] == '\0')
                        (void) snprintf(text, sizeof(text), "(%zu bytes)", event->data.len);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, text);
        }
        attestctl_table_print(&table, stdout, ctl->color_out);
}

json_t *attestctl_log_events_json(const struct evidence_eventlog *log)
{
        json_t *array = json_array();

        for (size_t i = 0; i < log->event_count; i++) {
                const struct evidence_eventlog_event *event = &log->events[i];
                char text[EVIDENCE_EVENTLOG_DESCRIPTION_MAX + 1], type[64], hex[HEX_MAX];
                json_t *digests = json_object();

                for (size_t bank = 0; bank < log->bank_count; bank++)
                        if (event->digests[bank] != NULL) {
                                hex_print(event->digests[bank], evidence_pcr_value_len(log->banks[bank]), hex);
                                (void) json_object_set_new(digests, evidence_pcr_bank_name(log->banks[bank]), json_string(hex));
                        }
                type_print(event->type, type, sizeof(type));
                evidence_eventlog_describe(event, text);
                (void) json_array_append_new(array,
                                             json_pack("{s:I, s:I, s:I, s:s, s:o, s:I, s:o}", "event", (json_int_t) i, "offset",
                                                       (json_int_t) event->offset, "pcr", (json_int_t) event->pcr, "type", type,
                                                       "digests", digests, "len_bytes", (json_int_t) event->data.len, "data",
                                                       attestctl_json_string(text)));
        }
        return array;
}

static const char *pcr_outcome(const struct evidence_eventlog_replay *replay, uint32_t logged, unsigned pcr)
{
        if (replay->trusted & 1u << pcr)
                return logged & 1u << pcr ? "matches" : "untouched";
        return logged & 1u << pcr ? "differs" : "not in the log";
}

void attestctl_log_print_pcrs(const struct attestctl *ctl, const struct evidence_eventlog_replay *replay, uint32_t logged)
{
        attestctl_auto_table struct attestctl_table table;

        attestctl_table_init(&table, 3);
        attestctl_table_add(&table, ATTESTCTL_HEADING, "PCR");
        attestctl_table_add(&table, ATTESTCTL_HEADING, "REPLAY");
        attestctl_table_add(&table, ATTESTCTL_HEADING, "BANK");
        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++) {
                bool differs = replay->differing & logged & 1u << pcr;
                bool matches = replay->trusted & logged & 1u << pcr;
                char number[8];

                if (!((replay->trusted | replay->differing) & 1u << pcr))
                        continue;
                (void) snprintf(number, sizeof(number), "%u", pcr);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, number);
                attestctl_table_add(&table,
                                    differs   ? ATTESTCTL_BAD
                                    : matches ? ATTESTCTL_GOOD
                                              : ATTESTCTL_PLAIN,
                                    pcr_outcome(replay, logged, pcr));
                attestctl_table_add(&table, ATTESTCTL_PLAIN, evidence_pcr_bank_name(replay->algorithms[pcr]));
        }
        attestctl_table_print(&table, stdout, ctl->color_out);
        if (replay->phase != EVIDENCE_EVENTLOG_PHASE_NONE)
                (void) printf("PCR 11 has gone on to the phase \"%s\".\n", phases[replay->phase]);
        (void) fputc('\n', stdout);
}

json_t *attestctl_log_pcrs_json(const struct evidence_eventlog_replay *replay, uint32_t logged)
{
        json_t *array = json_array();

        for (unsigned pcr = 0; pcr < EVIDENCE_PCR_COUNT; pcr++)
                if ((replay->trusted | replay->differing) & 1u << pcr)
                        (void) json_array_append_new(array, json_pack("{s:i, s:s, s:s}", "pcr", (int) pcr, "replay",
                                                                      pcr_outcome(replay, logged, pcr), "bank",
                                                                      evidence_pcr_bank_name(replay->algorithms[pcr])));
        return array;
}

static const char *secure_boot_name(enum evidence_boot_secure_boot state)
{
        static const char *const names[] = { "unknown", "off", "on", "absent" };

        return names[state];
}

static void row(struct attestctl_table *table, const char *name, const char *value)
{
        attestctl_table_add(table, ATTESTCTL_PLAIN, name);
        attestctl_table_add(table, ATTESTCTL_PLAIN, value);
}

static void variable_row(struct attestctl_table *table, const char *name, const struct evidence_boot_variable *variable)
{
        char text[HEX_MAX + 64] = "unknown", hex[HEX_MAX];

        if (variable->known) {
                hex_print(variable->sha256, DIGEST_SHOWN, hex);
                (void) snprintf(text, sizeof(text), "%zu entr%s, %zu bytes, sha256 %s…", variable->entry_count,
                                variable->entry_count == 1 ? "y" : "ies", variable->len_bytes, hex);
        }
        row(table, name, text);
}

static void digest_row(struct attestctl_table *table, const char *name, const uint8_t *digest, const char *text)
{
        char line[EVIDENCE_BOOT_PATH_MAX + HEX_MAX], hex[HEX_MAX];

        hex_print(digest, DIGEST_SHOWN, hex);
        (void) snprintf(line, sizeof(line), "%s… %s", hex, text);
        row(table, name, line);
}

static void print_lists(struct attestctl_table *table, const struct evidence_boot *boot)
{
        for (size_t i = 0; i < boot->authority_count; i++)
                digest_row(table, "authority", boot->authorities[i].sha256, boot->authorities[i].name);
        for (size_t i = 0; i < boot->application_count; i++)
                digest_row(table, boot->applications[i].driver ? "driver" : "application", boot->applications[i].digest,
                           boot->applications[i].path);
        for (size_t i = 0; i < boot->section_count; i++)
                digest_row(table, "measured part", boot->sections[i].digest, boot->sections[i].name);
        for (size_t i = 0; i < boot->command_line_count; i++)
                row(table, boot->command_lines[i].authentic ? "kernel" : "kernel, it says", boot->command_lines[i].text);
}

void attestctl_log_print_boot(const struct attestctl *ctl, const struct evidence_boot *boot)
{
        attestctl_auto_table struct attestctl_table table;

        attestctl_table_init(&table, 2);
        row(&table, "Secure Boot", secure_boot_name(boot->secure_boot));
        row(&table, "setup mode", !boot->setup_mode_known ? "unknown" : boot->setup_mode ? "yes" : "no");
        variable_row(&table, "PK", &boot->pk);
        variable_row(&table, "KEK", &boot->kek);
        variable_row(&table, "db", &boot->db);
        variable_row(&table, "dbx", &boot->dbx);
        row(&table, "ExitBootServices", boot->exit_boot_services ? "returned with success" : "not seen");
        if (boot->uefi_debug_mode)
                row(&table, "UEFI debug mode", "yes");
        if (boot->dma_protection_disabled)
                row(&table, "DMA protection", "disabled");
        if (boot->sbat_level[0] != '\0')
                row(&table, "SbatLevel", boot->sbat_level);
        if (boot->mok_list_trusted_known)
                row(&table, "MokListTrusted", boot->mok_list_trusted ? "yes" : "no");
        print_lists(&table, boot);
        attestctl_table_print(&table, stdout, ctl->color_out);
        for (size_t i = 0; i < boot->finding_count; i++) {
                const struct evidence_boot_finding *finding = &boot->findings[i];

                attestctl_print(stdout, ctl->color_out, ATTESTCTL_WARN, evidence_boot_finding_name(finding->kind));
                if (finding->has_event)
                        (void) printf(": event %u at offset %zu, PCR %u: ", (unsigned) finding->event, finding->offset,
                                      (unsigned) finding->pcr);
                else
                        (void) printf(": PCR %u: ", (unsigned) finding->pcr);
                (void) puts(evidence_boot_finding_text(finding->kind));
        }
}

static json_t *variable_json(const struct evidence_boot_variable *variable)
{
        char hex[HEX_MAX];

        if (!variable->known)
                return json_null();
        hex_print(variable->sha256, sizeof(variable->sha256), hex);
        return json_pack("{s:I, s:I, s:s}", "entries", (json_int_t) variable->entry_count, "len_bytes",
                         (json_int_t) variable->len_bytes, "sha256", hex);
}

static json_t *applications_json(const struct evidence_boot *boot)
{
        json_t *array = json_array();
        char hex[HEX_MAX];

        for (size_t i = 0; i < boot->application_count; i++) {
                const struct evidence_boot_application *application = &boot->applications[i];

                hex_print(application->digest, application->digest_len, hex);
                (void) json_array_append_new(
                        array, json_pack("{s:I, s:I, s:b, s:s, s:o}", "event", (json_int_t) application->event, "pcr",
                                         (json_int_t) application->pcr, "driver", application->driver, "digest", hex,
                                         "path_unmeasured", attestctl_json_string(application->path)));
        }
        return array;
}

static json_t *named_json(const struct evidence_boot *boot, json_t *authorities, json_t *sections, json_t *lines)
{
        json_t *findings = json_array();
        char hex[HEX_MAX];

        for (size_t i = 0; i < boot->authority_count; i++) {
                hex_print(boot->authorities[i].sha256, sizeof(boot->authorities[i].sha256), hex);
                (void) json_array_append_new(authorities, json_pack("{s:o, s:b, s:s}", "name",
                                                                    attestctl_json_string(boot->authorities[i].name), "by_shim",
                                                                    boot->authorities[i].by_shim, "sha256", hex));
        }
        for (size_t i = 0; i < boot->section_count; i++) {
                hex_print(boot->sections[i].digest, boot->sections[i].digest_len, hex);
                (void) json_array_append_new(sections,
                                             json_pack("{s:I, s:I, s:o, s:b, s:s}", "event", (json_int_t) boot->sections[i].event,
                                                       "pcr", (json_int_t) boot->sections[i].pcr, "name",
                                                       attestctl_json_string(boot->sections[i].name), "name_measured",
                                                       boot->sections[i].name_authentic, "digest", hex));
        }
        for (size_t i = 0; i < boot->command_line_count; i++)
                (void) json_array_append_new(
                        lines, json_pack("{s:I, s:I, s:b, s:o}", "event", (json_int_t) boot->command_lines[i].event, "pcr",
                                         (json_int_t) boot->command_lines[i].pcr, "authentic", boot->command_lines[i].authentic,
                                         "text", attestctl_json_string(boot->command_lines[i].text)));
        for (size_t i = 0; i < boot->finding_count; i++) {
                const struct evidence_boot_finding *finding = &boot->findings[i];
                json_t *object = json_pack("{s:s, s:I, s:s}", "name", evidence_boot_finding_name(finding->kind), "pcr",
                                           (json_int_t) finding->pcr, "what", evidence_boot_finding_text(finding->kind));

                if (finding->has_event) {
                        (void) json_object_set_new(object, "event", json_integer((json_int_t) finding->event));
                        (void) json_object_set_new(object, "offset", json_integer((json_int_t) finding->offset));
                }
                (void) json_array_append_new(findings, object);
        }
        return findings;
}

json_t *attestctl_log_boot_json(const struct evidence_boot *boot)
{
        json_t *authorities = json_array(), *sections = json_array(), *lines = json_array();
        json_t *findings = named_json(boot, authorities, sections, lines);

        return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                         "secure_boot", secure_boot_name(boot->secure_boot), "setup_mode",
                         boot->setup_mode_known ? json_boolean(boot->setup_mode) : json_null(), "pk", variable_json(&boot->pk),
                         "kek", variable_json(&boot->kek), "db", variable_json(&boot->db), "dbx", variable_json(&boot->dbx),
                         "exit_boot_services", boot->exit_boot_services, "uefi_debug_mode", boot->uefi_debug_mode,
                         "dma_protection_disabled", boot->dma_protection_disabled, "separators", (int) boot->separators,
                         "startup_locality", (int) boot->startup_locality, "sbat_level", attestctl_json_string(boot->sbat_level),
                         "mok_list_trusted", boot->mok_list_trusted_known ? json_boolean(boot->mok_list_trusted) : json_null(),
                         "authorities", authorities, "applications", applications_json(boot), "sections", sections,
                         "command_lines", lines, "findings", findings);
}
