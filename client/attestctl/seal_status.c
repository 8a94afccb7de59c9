/* SPDX-License-Identifier: BSD-2-Clause */
/* attestctl seal status: what the attestation key is sealed to, what is there now, and what of the boot's log changed it. */
#include "client/attestctl/commands.h"
#include "client/attestctl/log_file.h"
#include "client/attestctl/log_report.h"
#include "client/attestctl/table.h"

#include "evidence/pcr_names.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define VALUE_SHOWN 16 /* hex digits, in text */

struct seal_state {
        const char *log;
};

static bool is_changed(const struct attester_pcr *pcr)
{
        return strcasecmp(pcr->approved, pcr->present) != 0;
}

static uint32_t changed_mask(const struct attester_seal *seal)
{
        uint32_t mask = 0;

        for (size_t i = 0; i < seal->pcr_count; i++)
                if (is_changed(&seal->pcrs[i]) && seal->pcrs[i].number < EVIDENCE_PCR_COUNT)
                        mask |= 1u << seal->pcrs[i].number;
        return mask;
}

/* Leaves the events of these PCRs. */
static void keep_events(struct evidence_eventlog *log, uint32_t mask)
{
        size_t kept = 0;

        for (size_t i = 0; i < log->event_count; i++)
                if (log->events[i].type != EVIDENCE_EVENTLOG_NO_ACTION && (mask >> log->events[i].pcr & 1) != 0)
                        log->events[kept++] = log->events[i];
        log->event_count = kept;
}

static json_t *status_json(const struct attester_seal *seal, const char *state, const struct evidence_eventlog *log)
{
        json_t *pcrs = json_array();

        for (size_t i = 0; i < seal->pcr_count; i++) {
                const struct attester_pcr *pcr = &seal->pcrs[i];

                (void) json_array_append_new(pcrs, json_pack("{s:o, s:I, s:s, s:o, s:o, s:b}", "bank",
                                                             attestctl_json_string(pcr->bank), "pcr", (json_int_t) pcr->number,
                                                             "purpose", evidence_pcr_purpose(pcr->number), "approved",
                                                             attestctl_json_string(pcr->approved), "present",
                                                             attestctl_json_string(pcr->present), "changed", is_changed(pcr)));
        }
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "state", attestctl_json_string(state), "mode",
                         attestctl_json_string(seal->mode), "authority", attestctl_json_string(seal->authority), "policy_ref",
                         attestctl_json_string(seal->policy_ref), "pcrs", pcrs, "events",
                         log == NULL ? json_null() : attestctl_log_events_json(log));
}

static void print_key(const struct attestctl *ctl, const struct attester_seal *seal, const char *state)
{
        attestctl_auto_table struct attestctl_table table;
        bool sealed = strncmp(state, "sealed", strlen("sealed")) == 0;

        attestctl_table_init(&table, 2);
        attestctl_table_add_labelled(&table, "key", sealed ? ATTESTCTL_BAD : ATTESTCTL_GOOD, state);
        attestctl_table_add_labelled(&table, "sealed to", ATTESTCTL_PLAIN,
                                     strcmp(seal->mode, "signed") == 0 ? "boot states that an authority has signed"
                                                                       : "PCR values of when it was made");
        if (seal->authority[0] != '\0')
                attestctl_table_add_labelled(&table, "authority", ATTESTCTL_PLAIN, seal->authority);
        if (seal->policy_ref[0] != '\0')
                attestctl_table_add_labelled(&table, "reference", ATTESTCTL_PLAIN, seal->policy_ref);
        attestctl_table_print(&table, stdout, ctl->color_out);
}

static void print_pcrs(const struct attestctl *ctl, const struct attester_seal *seal)
{
        static const char *const heads[] = { "PCR", "APPROVED", "NOW", "", "HOLDS" };
        attestctl_auto_table struct attestctl_table table;

        attestctl_table_init(&table, BASE_COUNT(heads));
        for (size_t i = 0; i < BASE_COUNT(heads); i++)
                attestctl_table_add(&table, ATTESTCTL_HEADING, heads[i]);
        for (size_t i = 0; i < seal->pcr_count; i++) {
                const struct attester_pcr *pcr = &seal->pcrs[i];
                char name[32], approved[VALUE_SHOWN + 1], present[VALUE_SHOWN + 1];

                (void) snprintf(name, sizeof(name), "%.16s:%" PRIu32, pcr->bank, pcr->number);
                (void) snprintf(approved, sizeof(approved), "%s", pcr->approved);
                (void) snprintf(present, sizeof(present), "%s", pcr->present);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, name);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, approved);
                attestctl_table_add(&table, ATTESTCTL_PLAIN, present);
                attestctl_table_add(&table, is_changed(pcr) ? ATTESTCTL_BAD : ATTESTCTL_GOOD,
                                    is_changed(pcr) ? "changed" : "same");
                attestctl_table_add(&table, ATTESTCTL_PLAIN, evidence_pcr_purpose(pcr->number));
        }
        (void) putchar('\n');
        attestctl_table_print(&table, stdout, ctl->color_out);
}

static void print_events(const struct attestctl *ctl, const struct evidence_eventlog *log, const struct base_error *problem)
{
        if (log == NULL) {
                (void) printf("\nWhat was measured into them is in the event log, which was not read: %s\n", problem->message);
                return;
        }
        (void) printf("\nWhat was measured into the changed PCRs in this boot%s\n",
                      log->event_count == 0 ? ": nothing by the firmware; the running system did it." : ":");
        if (log->event_count > 0)
                attestctl_log_print_events(ctl, log);
}

/* `state`: the daemon's words for the key's state. */
static int report(struct attestctl *ctl, const struct attester_seal *seal, const char *state, const char *path)
{
        attestctl_auto_log_file struct attestctl_log_file file = ATTESTCTL_LOG_FILE_INIT;
        struct base_error problem = BASE_ERROR_INIT;
        uint32_t changed = changed_mask(seal);
        const struct evidence_eventlog *log = NULL;
        int status = strncmp(state, "sealed", strlen("sealed")) == 0 ? base_error_exit_status(BASE_ERROR_SEALED) : 0;

        if (changed != 0 && attestctl_log_file_read(path, &file, &problem)) {
                keep_events(&file.log, changed);
                log = &file.log;
        } else if (changed != 0 && path != NULL) {
                return attestctl_fail_own(ctl, &problem);
        }
        if (ctl->json) {
                int printed = attestctl_print_json(status_json(seal, state, log));

                return printed != 0 ? printed : status;
        }
        print_key(ctl, seal, state);
        if (seal->pcr_count > 0)
                print_pcrs(ctl, seal);
        if (changed != 0)
                print_events(ctl, log, &problem);
        return status;
}

static bool take_option(void *state, char letter, const char *value, struct base_error *error)
{
        ((struct seal_state *) state)->log = value;
        return true;
}

static int run(struct attestctl *ctl, void *state, char **arguments, int count)
{
        struct attester_error error = ATTESTER_ERROR_INIT;
        struct attester_status *status = NULL;
        struct attester_seal *seal = NULL;
        struct base_error none = BASE_ERROR_INIT;
        int result;

        /* In this order: the first makes the daemon look, the second has its words. */
        if (attester_get_seal(ctl->attester, &ctl->options, &seal, &error) < 0)
                return attestctl_fail(ctl, &error);
        if (attester_get_status(ctl->attester, &ctl->options, &status, &error) < 0) {
                result = attestctl_fail(ctl, &error);
        } else if (seal->mode[0] == '\0') {
                (void) base_error_set(&none, BASE_ERROR_NOT_ENROLLED,
                                      "there is no attestation key yet; `attestctl enroll ISSUER` makes one");
                result = attestctl_fail_own(ctl, &none);
        } else {
                result = report(ctl, seal, status->seal_state, ((struct seal_state *) state)->log);
        }
        attester_status_free(status);
        attester_seal_free(seal);
        return result;
}

static const struct base_option options[] = {
        { 'l', "log", "FILE", "the event log of this boot (default: the kernel's, which only root can read)" },
        { 0 },
};

const struct attestctl_command attestctl_seal_status_command = {
        .name = "seal",
        .subcommand = "status",
        .arguments = "",
        .summary = "Show what the key is sealed to, what is there now, and what changed it",
        .help = "\nEnds with the status of Sealed if the key does not sign in this boot.\n",
        .options = options,
        .take_option = take_option,
        .state_size = sizeof(struct seal_state),
        .run = run,
};
